"""The population of e-commerce firms: what registers show of them, and the hidden traits that drive their behaviour."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from data.simulator.draws import MINUTE, Bools, Floats, Ints, Texts, choose, generator, uniform
from data.simulator.goods import Market
from data.simulator.parameters import Parameters
from data.simulator.services import Services, enterprise_codes, enterprise_names
from data.times import DAY

SCHEMES = (
    "under_valuation", "weight_mismatch", "waybill_reuse", "misdeclared_goods", "order_splitting", "new_firm_burst",
)  # fmt: skip
"""The schemes of shipment violations, by number. The first four are opportunistic, the others come in bursts."""
OPPORTUNISTIC = 4
LEVELS = ("routine", "certified", "advanced_certified", "dishonest", "seriously_dishonest")
"""Statutory levels, by number."""


@dataclass(frozen=True, slots=True)
class Firms:
    """E-commerce firms. Shape (firms,) unless stated; `honesty` and what follows it is hidden.

    `size`: mean trades a day. `level` applies from `level_from` until `level_until` (instants).
    `campaign_from`, `campaign_until`: while dishonest firms are at it. `goods_weights`: shape (firms, pairs).
    `taste`: shape (firms, opportunistic schemes). `agent` and the like: number of the favourite among service firms.
    """

    code: Texts
    name: Texts
    registered_at: Ints
    active_from: Ints
    is_new: Bools
    district: Ints
    capital_fen: Ints
    legal_person: Ints
    agent: Ints
    platform: Ints
    logistics: Ints
    payment: Ints
    level: Ints
    level_from: Ints
    level_until: Ints
    size: Floats
    goods_weights: Floats
    honesty: Floats
    carelessness: Floats
    taste: Floats
    campaign_from: Ints
    campaign_until: Ints

    def __len__(self) -> int:
        return len(self.code)


def firms_of(parameters: Parameters, market: Market, services: dict[str, Services]) -> Firms:
    """Draw the population."""
    count, start, end = parameters.firms, parameters.start, parameters.end
    law = parameters.population
    rng = generator(parameters.seed, "firms")
    honesty, carelessness = _characters(parameters, count)
    is_new = rng.random(count) < law.new_share
    age = (uniform(rng, law.age_years, count) * 365).astype(np.int64) * DAY
    # New firms register early enough to be seen trading; nobody registers at the instant of midnight.
    since = (rng.random(count) * max(parameters.days - 45, 1)).astype(np.int64) * DAY
    clock = rng.integers(8 * 60, 18 * 60, size=count) * MINUTE
    registered_at = np.where(is_new, start + since, start - age) + clock
    rank: Floats = rng.permutation(count).astype(np.float64) + 1.0
    size: Floats = np.power(rank, -law.size_exponent)
    level, level_from, level_until = _levels(parameters, honesty, size, is_new, registered_at)
    length = (uniform(rng, parameters.schemes.campaign_share, count) * (end - start)).astype(np.int64)
    campaign_from = start + (rng.random(count) * (end - start - length)).astype(np.int64)
    shares_person = (honesty < 0.5) & (rng.random(count) < law.shared_legal_person)
    persons = np.arange(count)
    pool = max(1, round(0.02 * count))
    mix = parameters.schemes.mix.model_dump()
    shape = np.array([mix[name] for name in SCHEMES[:OPPORTUNISTIC]]) * parameters.schemes.taste
    return Firms(
        code=enterprise_codes(parameters, "ecommerce", count),
        name=enterprise_names(parameters, "ecommerce", "跨境电子商务有限公司", count),
        registered_at=registered_at,
        # Late enough that even the first order follows the registration.
        active_from=registered_at + rng.integers(13, 25, size=count) * DAY,
        is_new=is_new,
        district=rng.integers(0, len(parameters.districts), size=count),
        capital_fen=np.round(np.exp(rng.normal(5.3, 1.0, count))).astype(np.int64) * 1_000_000,
        legal_person=np.where(shares_person, count + rng.integers(0, pool, size=count), persons),
        agent=_agents(parameters, honesty, services["agent"]),
        platform=rng.integers(0, parameters.services.platforms, size=count),
        logistics=rng.integers(0, parameters.services.logistics, size=count),
        payment=rng.integers(0, parameters.services.payments, size=count),
        level=level,
        level_from=level_from,
        level_until=level_until,
        size=size / size.mean() * parameters.declarations_per_firm_day,
        goods_weights=_goods_weights(parameters, market, count),
        honesty=honesty,
        carelessness=carelessness,
        taste=rng.dirichlet(shape, size=count),
        campaign_from=campaign_from,
        campaign_until=campaign_from + length,
    )


def _characters(parameters: Parameters, count: int) -> tuple[Floats, Floats]:
    """Honesty and carelessness in [0, 1]. The number of dishonest firms is fixed, so that small worlds have some."""
    law = parameters.population
    rng = generator(parameters.seed, "characters")
    is_bad = rng.permutation(count) < round(law.dishonest_share * count)
    honesty = np.where(is_bad, rng.beta(*law.dishonest_beta, size=count), rng.beta(*law.honest_beta, size=count))
    return honesty, rng.beta(*law.careless_beta, size=count)


def _levels(
    parameters: Parameters, honesty: Floats, size: Floats, is_new: Bools, registered_at: Ints
) -> tuple[Ints, Ints, Ints]:
    """Statutory level of each firm, and from when until when; outside it the level is routine.

    Assumption: levels come from customs' own audits (drawn here from honesty), not from the inspections of this world,
    so that all firms can be drawn at once.
    """
    law, count = parameters.credit, len(honesty)
    rng = generator(parameters.seed, "levels")
    # Certification asks for size as well as for honesty, and neither order is perfect.
    merit = honesty + 0.05 * np.log(size / size.mean()) + rng.normal(0, 0.08, count) - 2.0 * is_new
    by_merit = np.argsort(-merit, kind="stable")
    shares = (law.advanced_certified, law.certified, law.dishonest, law.seriously_dishonest)
    advanced, certified, bad, worst = (round(share * count) for share in shares)
    level = np.zeros(count, dtype=np.int64)
    level[by_merit[:advanced]] = LEVELS.index("advanced_certified")
    level[by_merit[advanced : advanced + certified]] = LEVELS.index("certified")
    suspects = np.argsort(honesty + rng.normal(0, 0.15, count), kind="stable")
    level[suspects[:worst]] = LEVELS.index("seriously_dishonest")
    level[suspects[worst : worst + bad]] = LEVELS.index("dishonest")
    is_listed = level >= LEVELS.index("dishonest")
    span = parameters.days * DAY
    within = (rng.random(count) * span * 0.8).astype(np.int64) + span // 8
    before = rng.integers(30, law.certified_days - 60, size=count) * DAY
    clock = rng.integers(9 * 60, 17 * 60, size=count) * MINUTE
    since = parameters.start + np.where(is_listed, within // DAY * DAY, -before) + clock
    since = np.maximum(since, registered_at + 30 * DAY)
    lasts = np.where(is_listed, law.listed_days, law.certified_days) * DAY
    return level, since, since + lasts


def _goods_weights(parameters: Parameters, market: Market, count: int) -> Floats:
    """How much each firm trades in each pair of HS code and origin: few goods, and exporters mostly export."""
    rng = generator(parameters.seed, "assortment")
    goods = len(parameters.goods)
    appetite = rng.gamma(0.25, 1.0, size=(count, goods))[:, market.goods] + 1e-6
    weights = appetite * market.weight * rng.gamma(2.0, 0.5, size=(count, len(market.goods)))
    is_exporter = rng.random(count) < parameters.population.exporter_share
    share = np.where(is_exporter, parameters.population.export_goods_share, 0.0)
    for way, part in ((market.is_export, share), (~market.is_export, 1.0 - share)):
        total = weights[:, way].sum(axis=1)
        weights[:, way] *= (part / np.where(total > 0, total, 1.0))[:, None]
    return weights


def _agents(parameters: Parameters, honesty: Floats, agents: Services) -> Ints:
    """The favourite agent of each firm: dishonest firms find those who help."""
    rng = generator(parameters.seed, "agents")
    popularity = rng.gamma(4.0, 0.25, size=len(agents.code))
    kinds = np.stack([popularity, popularity * np.where(agents.is_complicit, 8.0, 1.0)])
    return choose(rng, kinds, (honesty < 0.55).astype(np.int64))


def traits(firms: Firms, services: dict[str, Services]) -> list[dict[str, Any]]:
    """The hidden traits of each firm, for whoever judges a model: never a record."""
    names = SCHEMES[:OPPORTUNISTIC]
    complicit = services["agent"].is_complicit[firms.agent]
    rows = zip(
        firms.code.tolist(), firms.honesty.round(6).tolist(), firms.carelessness.round(6).tolist(),
        firms.size.round(6).tolist(), firms.is_new.tolist(), complicit.tolist(), firms.taste.round(6).tolist(),
        strict=True,
    )  # fmt: skip
    return [
        {
            "enterprise": code, "honesty": honesty, "carelessness": careless, "trades_per_day": size,
            "is_new": is_new, "has_complicit_agent": helped, "taste": dict(zip(names, taste, strict=True)),
        }
        for code, honesty, careless, size, is_new, helped, taste in rows
    ]  # fmt: skip
