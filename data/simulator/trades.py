"""The trades as they really are: who ships what to whom, by which way and when."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from data.simulator.bursts import Bursts
from data.simulator.draws import MINUTE, Bools, Floats, Ints, choose, choose_one, generator, uniform
from data.simulator.firms import Firms
from data.simulator.goods import Market
from data.simulator.parameters import Parameters
from data.simulator.seasons import factors
from data.times import DAY, SECOND

Small = NDArray[Any]
"""Integers of fewer bits than 64, or floats of 32: large worlds should fit into memory."""
MODES = ("9610", "1210", "9610", "9710", "9810")
"""Supervision modes by number: direct purchase, bonded, retail export, to businesses, to overseas warehouses."""
PURCHASE, BONDED, RETAIL_EXPORT, BUSINESS, OVERSEAS = range(len(MODES))


@dataclass(frozen=True, slots=True)
class Trades:
    """Trades in the order of their declarations. All arrays: shape (trades,), but `day_starts`, shape (days + 1,).

    `day_starts[d]`: number of the first trade of day `d`. `burst`: number of the burst, -1 for none. `pair`: HS code and
    origin in the market. `mode`: number in `MODES`. `destination`: number among the destinations (exports).
    `via_hub`: the route leads through the hub. `stray_agent`: another than the firm's own agent, -1 for its own.
    `buyer`, `consignee` and `address` are numbers of persons and places; `value_fen` is the true value.
    `earlier`: one of the owner's last trades before this one, itself where there is none.
    Instants: `ordered_at` <= `paid_at` <= `shipped_at` <= `declared_at`.
    """

    day_starts: Ints
    owner: Small
    burst: Small
    pair: Small
    mode: Small
    via_hub: Bools
    destination: Small
    stray_agent: Small
    platform: Small
    logistics: Small
    payment: Small
    office: Small
    buyer: Small
    consignee: Small
    address: Small
    lines: Small
    quantity: Small
    net_g: Small
    gross_g: Small
    value_fen: Ints
    earlier: Small
    ordered_at: Ints
    paid_at: Ints
    shipped_at: Ints
    declared_at: Ints

    def __len__(self) -> int:
        return len(self.owner)

    @property
    def is_export(self) -> Bools:
        """Whether goods leave the country."""
        return self.mode >= RETAIL_EXPORT


def trades_of(parameters: Parameters, firms: Firms, market: Market, bursts: Bursts) -> Trades:
    """Draw all trades of the world."""
    rng = generator(parameters.seed, "trades")
    owner, burst, declared_at = _who_and_when(parameters, firms, bursts, rng)
    size, law = len(owner), parameters.trade
    in_group = bursts.is_group[burst] & (burst >= 0) if len(bursts) else np.zeros(size, dtype=bool)
    pair = choose(rng, firms.goods_weights, owner)
    is_export = market.is_export[pair]
    mode = _modes(parameters, firms.bonded_share[owner], is_export, rng)
    is_business = mode == BUSINESS
    via_hub = (mode == PURCHASE) & ((rng.random(size) < law.hub_share) | (market.origin[pair] == law.hub))
    lines = 1 + np.searchsorted(1.0 - np.cumsum(law.more_lines[::-1])[::-1], rng.random(size), side="right")
    quantity = lines + rng.poisson(0.5, size)
    quantity[is_business] += rng.poisson(40, int(is_business.sum()))
    net_g = np.maximum(market.mass_g[pair] * quantity * np.exp(0.15 * rng.standard_normal(size)), 20).astype(np.int32)
    gross_g = (net_g * uniform(rng, (1.04, 1.16), size)).astype(np.int32) + 30
    price: Floats = market.price[pair] * np.exp(market.sigma[pair] * rng.standard_normal(size))
    promoted = np.flatnonzero(rng.random(size) < law.promotion_share)
    price[promoted] *= uniform(rng, law.promotion_price, len(promoted))
    buyer, consignee, address = _people(parameters, burst, in_group, rng)
    ordered_at, paid_at, shipped_at = _earlier_steps(declared_at, mode, rng)

    def usual(favourite: Ints, options: int) -> Small:
        chosen = favourite[owner]
        strays = np.flatnonzero(rng.random(size) >= law.favourite_share)
        chosen[strays] = rng.integers(0, options, size=len(strays))
        return chosen.astype(np.int16)

    service, nobody = parameters.services, np.full(firms.owners, -1)
    days = (declared_at - parameters.start) // DAY
    return Trades(
        day_starts=np.searchsorted(days, np.arange(parameters.days + 1)),
        owner=owner, burst=burst, pair=pair.astype(np.int16), mode=mode, via_hub=via_hub,
        destination=choose_one(rng, np.array(list(parameters.destinations.values())), size).astype(np.int8),
        stray_agent=usual(nobody, service.agents), platform=usual(firms.platform, service.platforms),
        logistics=usual(firms.logistics, service.logistics), payment=usual(firms.payment, service.payments),
        office=rng.integers(0, len(parameters.customs_offices), size=size, dtype=np.int8),
        buyer=buyer, consignee=consignee, address=address,
        lines=lines.astype(np.int8), quantity=quantity.astype(np.int16), net_g=net_g, gross_g=gross_g,
        value_fen=np.maximum((price * net_g).astype(np.int64), 100),
        earlier=_earlier_of_owner(owner, rng),
        ordered_at=ordered_at, paid_at=paid_at, shipped_at=shipped_at, declared_at=declared_at,
    )  # fmt: skip


def _who_and_when(parameters: Parameters, firms: Firms, bursts: Bursts, rng: Generator) -> tuple[Small, Small, Ints]:
    """Owner, burst and moment of declaration of each trade, sorted by that moment."""
    day = np.arange(parameters.days)
    first = parameters.start + day * DAY
    is_active = (first[None, :] >= firms.active_from[:, None]) & (first[None, :] < firms.closes_at[:, None])
    counts = rng.poisson(firms.size[:, day // 30] * factors(parameters)[None, :] * is_active)
    own = np.repeat(np.repeat(np.arange(firms.owners, dtype=np.int32), parameters.days), counts.ravel())
    own_day = np.repeat(np.tile(day, firms.owners), counts.ravel())
    which = np.repeat(np.arange(len(bursts), dtype=np.int32), bursts.parcels)
    burst_day = bursts.first_day[which] + (rng.random(len(which)) * bursts.days[which]).astype(np.int64)
    owner = np.concatenate([own, bursts.owner[which].astype(np.int32)])
    burst = np.concatenate([np.full(len(own), -1, dtype=np.int32), which])
    of_day = np.concatenate([own_day, burst_day])
    # Declarations are made in office hours; customs keeps them to the minute.
    minute = np.clip(rng.normal(14 * 60, 170, len(of_day)), 7 * 60, 23 * 60).astype(np.int64)
    declared_at = parameters.start + of_day * DAY + minute * MINUTE
    order = np.argsort(declared_at, kind="stable")
    inside = declared_at < np.minimum(parameters.end, firms.closes_at[owner])
    order = order[inside[order]]
    return owner[order], burst[order], declared_at[order]


def _modes(parameters: Parameters, bonded_share: Floats, is_export: Bools, rng: Generator) -> Small:
    law, draw = parameters.trade, rng.random(len(is_export))
    imported = np.where(draw < bonded_share, BONDED, PURCHASE)
    bound = law.business_share + law.overseas_share
    exported = np.where(draw < law.business_share, BUSINESS, np.where(draw < bound, OVERSEAS, RETAIL_EXPORT))
    return np.where(is_export, exported, imported).astype(np.int8)


def pool_sizes(parameters: Parameters) -> tuple[int, int, int]:
    """How many buyers, homes and pickup points there are. What has a higher number belongs to a burst or a ring."""
    law = parameters.population
    trades = parameters.firms * parameters.days * parameters.declarations_per_firm_day
    buyers = max(200, round(law.buyers_per_trade * trades))
    return buyers, max(150, round(law.addresses_per_buyer * buyers)), max(5, round(law.pickup_points * trades / 10_000))


def _people(parameters: Parameters, burst: Small, in_group: Bools, rng: Generator) -> tuple[Small, Small, Small]:
    """Buyer, consignee and delivery address of each trade. A group purchase goes to one address."""
    law, size = parameters.population, len(burst)
    buyers, homes, pickups = pool_sizes(parameters)
    # Some buy often: the square gives the first of the pool more trades.
    buyer = (buyers * rng.random(size) ** 1.4).astype(np.int32)
    home = buyer.astype(np.int64) * 7919 % homes
    pickup = homes + (pickups * rng.random(size) ** 3).astype(np.int64)
    address = np.where(rng.random(size) < law.pickup_share, pickup, home)
    is_gift = rng.random(size) < law.gift_share
    consignee = np.where(is_gift, rng.integers(0, buyers, size=size, dtype=np.int32), buyer)
    address = np.where(is_gift, consignee.astype(np.int64) * 7919 % homes, address)
    address = np.where(in_group, homes + pickups + burst, address).astype(np.int32)
    return buyer, consignee, address


def _earlier_steps(declared_at: Ints, mode: Small, rng: Generator) -> tuple[Ints, Ints, Ints]:
    """Moments of order, payment and dispatch: bonded goods wait in the zone, the others travel for days."""
    size = len(declared_at)
    hours = np.array([[40, 220], [2, 30], [40, 220], [100, 280], [100, 280]])[mode]
    minutes = ((hours[:, 0] + (hours[:, 1] - hours[:, 0]) * rng.random(size)) * 60).astype(np.int64)
    paid = np.minimum(1 + rng.exponential(12, size).astype(np.int64), minutes // 3)
    shipped = paid + ((minutes - paid) * uniform(rng, (0.1, 0.85), size)).astype(np.int64)
    seconds = rng.integers(0, 60, size=size) * SECOND
    ordered_at = declared_at - minutes * MINUTE
    return ordered_at, ordered_at + paid * MINUTE + seconds, ordered_at + shipped * MINUTE + seconds


def _earlier_of_owner(owner: Small, rng: Generator) -> Small:
    """For each trade one of the owner's last 30 trades before it, itself where there is none."""
    order = np.argsort(owner, kind="stable")
    starts = np.flatnonzero(np.r_[True, owner[order][1:] != owner[order][:-1]]) if len(owner) else np.zeros(0, int)
    lengths = np.diff(np.r_[starts, len(owner)])
    ordinal = np.arange(len(owner)) - np.repeat(starts, lengths)
    back = np.minimum(1 + (rng.random(len(owner)) * np.minimum(ordinal, 30)).astype(np.int64), ordinal)
    earlier = np.empty(len(owner), dtype=np.int32)
    earlier[order] = order[np.arange(len(owner)) - back]
    return earlier
