"""The population of e-commerce firms: what registers show of them, and the hidden traits that drive their behaviour."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from data.simulator.draws import MINUTE, Bools, Floats, Ints, Texts, choose, choose_one, generator, uniform
from data.simulator.goods import Market
from data.simulator.parameters import Parameters
from data.simulator.services import Services, enterprise_codes, enterprise_names
from data.times import DAY, OPEN

LEVELS = ("routine", "certified", "advanced_certified", "dishonest", "seriously_dishonest")
"""Statutory levels, by number."""


@dataclass(frozen=True, slots=True)
class Firms:
    """E-commerce firms and those who run them. `honesty` and what follows it is hidden.

    Shape (firms,): `code` to `parent`. The first `owners` firms have an owner of the same number; the others are names kept
    for phoenixes, which exist only where an owner uses one. Shape (owners,): the rest.
    `size`: mean trades a day by month of the world, shape (owners, months). `goods_weights`: shape (owners, pairs).
    `agent` and the like: number of the favourite among service firms.
    """

    code: Texts
    name: Texts
    district: Ints
    capital_fen: Ints
    parent: Ints
    registered_at: Ints
    active_from: Ints
    closes_at: Ints
    is_new: Bools
    is_exporter: Bools
    legal_person: Ints
    shareholders: Ints
    agent: Ints
    platform: Ints
    logistics: Ints
    payment: Ints
    bonded_share: Floats
    size: Floats
    goods_weights: Floats
    honesty: Floats
    carelessness: Floats

    @property
    def owners(self) -> int:
        """How many owners run firms."""
        return len(self.honesty)


def firms_of(parameters: Parameters, market: Market, services: dict[str, Services]) -> Firms:
    """Draw the population."""
    count, start = parameters.firms, parameters.start
    slots = count + max(6, count // 20)
    law = parameters.population
    rng = generator(parameters.seed, "firms")
    rank: Floats = rng.permutation(count).astype(np.float64) + 1.0
    honesty, carelessness = _characters(parameters, rank)
    is_new = rng.random(count) < law.new_share
    age = (uniform(rng, law.age_years, count) * 365).astype(np.int64) * DAY
    # New firms register early enough to be seen trading; nobody registers at the instant of midnight.
    since = (rng.random(count) * max(parameters.days - 45, 1)).astype(np.int64) * DAY
    clock = rng.integers(8 * 60, 18 * 60, size=count) * MINUTE
    registered_at = np.where(is_new, start + since, start - age) + clock
    # Late enough that even the first order follows the registration.
    active_from = registered_at + rng.integers(13, 25, size=count) * DAY
    rate: Floats = law.exits_a_year[0] + (law.exits_a_year[1] - law.exits_a_year[0]) * (1.0 - honesty)
    lives = (rng.exponential(1.0, count) / np.maximum(rate, 1e-9) * 365).astype(np.int64) * DAY
    closes_at = np.maximum(start, active_from) + 60 * DAY + lives
    shares_person = (honesty < 0.5) & (rng.random(count) < law.shared_legal_person)
    few = max(2, round(0.03 * count))
    parent = np.full(slots, -1, dtype=np.int64)
    belongs = np.flatnonzero(rng.random(count) < law.subsidiary_share)
    parent[belongs] = rng.integers(0, count, size=len(belongs))
    # A parent is older than what it founds.
    parent[belongs] = np.where(registered_at[parent[belongs]] < registered_at[belongs], parent[belongs], -1)
    is_exporter = _spread(rng, rank, law.exporter_share)
    bonded = parameters.trade.bonded_share
    return Firms(
        code=enterprise_codes(parameters, "ecommerce", slots),
        name=enterprise_names(parameters, "ecommerce", "跨境电子商务有限公司", slots),
        district=rng.integers(0, len(parameters.districts), size=slots),
        capital_fen=np.round(np.exp(rng.normal(5.3, 1.0, slots))).astype(np.int64) * 1_000_000,
        parent=parent,
        registered_at=registered_at,
        active_from=active_from,
        closes_at=np.where(closes_at < parameters.end, closes_at, OPEN),
        is_new=is_new,
        is_exporter=is_exporter,
        legal_person=np.where(shares_person, count + rng.integers(0, few, size=count), np.arange(count)),
        shareholders=_shareholders(parameters, honesty, rng),
        agent=_agents(parameters, honesty, services["agent"]),
        platform=choose_one(rng, np.where(services["platform"].is_complicit, 0.02, 1.0), count),
        logistics=rng.integers(0, parameters.services.logistics, size=count),
        payment=rng.integers(0, parameters.services.payments, size=count),
        bonded_share=np.where(rng.random(count) < parameters.trade.bonded_firms, bonded[1], bonded[0]),
        size=_sizes(parameters, rank),
        goods_weights=_goods_weights(parameters, market, is_exporter),
        honesty=honesty,
        carelessness=carelessness,
    )


def _spread(rng: Generator, rank: Floats, share: float) -> Bools:
    """A share of the firms, spread evenly over their sizes, so that no single draw decides how large it is."""
    order = np.argsort(rank, kind="stable")
    place = np.arange(len(rank)) * share + rng.random()
    picked = np.floor(place + share) > np.floor(place)
    # Within each stride of ranks any of the firms may be the one.
    stride = max(1, round(1 / max(share, 1e-9)))
    for begin in range(0, len(rank) - stride + 1, stride):
        block = slice(begin, begin + stride)
        picked[block] = rng.permutation(picked[block])
    result = np.zeros(len(rank), dtype=bool)
    result[order] = picked
    return result


def _characters(parameters: Parameters, rank: Floats) -> tuple[Floats, Floats]:
    """Honesty and carelessness in [0, 1]; the dishonest firms are of all sizes."""
    law, count = parameters.population, len(rank)
    rng = generator(parameters.seed, "characters")
    is_bad = _spread(rng, rank, law.dishonest_share)
    honesty = np.where(is_bad, rng.beta(*law.dishonest_beta, size=count), rng.beta(*law.honest_beta, size=count))
    return honesty, rng.beta(*law.careless_beta, size=count)


def _sizes(parameters: Parameters, rank: Floats) -> Floats:
    """Zipf sizes that drift: a yearly growth of the firm's own and monthly steps. Shape (owners, months)."""
    rng = generator(parameters.seed, "sizes")
    law, count = parameters.population, len(rank)
    months = parameters.days // 30 + 1
    base: Floats = np.power(rank, -law.size_exponent)
    trend = rng.normal(0, law.growth_drift, count)[:, None] * (np.arange(months) - months / 2)[None, :] / 12
    steps = np.cumsum(rng.normal(0, law.growth_noise, (count, months)), axis=1)
    size: Floats = base[:, None] * np.exp(trend + steps)
    scaled: Floats = size / size.mean() * parameters.declarations_per_firm_day
    return scaled


def _shareholders(parameters: Parameters, honesty: Floats, rng: Generator) -> Ints:
    """Persons who hold each firm, -1 for none, shape (owners, most); some hold parts of several."""
    law, count = parameters.population, len(honesty)
    own = count * 2 + np.arange(count * law.shareholders).reshape(count, law.shareholders)
    several = count * (2 + law.shareholders) + rng.integers(0, max(3, count // 12), size=own.shape)
    is_shared = rng.random(own.shape) < law.shared_shareholder * np.where(honesty < 0.5, 2.0, 1.0)[:, None]
    held = np.arange(law.shareholders)[None, :] < rng.integers(1, law.shareholders + 1, size=count)[:, None]
    result: Ints = np.where(held, np.where(is_shared, several, own), -1)
    return result


def _goods_weights(parameters: Parameters, market: Market, is_exporter: Bools) -> Floats:
    """How much each firm trades in each pair of HS code and origin: few goods, and exporters mostly export."""
    rng = generator(parameters.seed, "assortment")
    count, goods = len(is_exporter), len(parameters.goods)
    appetite = rng.gamma(0.25, 1.0, size=(count, goods))[:, market.goods] + 1e-6
    weights = appetite * market.weight * rng.gamma(2.0, 0.5, size=(count, len(market.goods)))
    share = np.where(is_exporter, parameters.population.export_goods_share, 0.0)
    for way, part in ((market.is_export, share), (~market.is_export, 1.0 - share)):
        total = weights[:, way].sum(axis=1)
        weights[:, way] *= (part / np.where(total > 0, total, 1.0))[:, None]
    return weights


def _agents(parameters: Parameters, honesty: Floats, agents: Services) -> Ints:
    """The favourite agent of each firm: dishonest firms find those who help."""
    rng = generator(parameters.seed, "agents")
    popularity = rng.gamma(4.0, 0.25, size=len(agents.code))
    kinds = np.stack([popularity, popularity * np.where(agents.is_complicit, 6.0, 1.0)])
    return choose(rng, kinds, (honesty < 0.55).astype(np.int64))
