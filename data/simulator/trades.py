"""The trades as they really are: who ships what to whom, by which way and when."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from data.simulator.bursts import Bursts
from data.simulator.draws import MINUTE, Bools, Floats, Ints, choose, choose_one, generator, uniform
from data.simulator.firms import Firms
from data.simulator.goods import Market
from data.simulator.parameters import Parameters
from data.simulator.seasons import factors
from data.times import DAY, SECOND


@dataclass(frozen=True, slots=True)
class Trades:
    """Trades in the order of their declarations. All arrays: shape (trades,).

    `burst`: number of the burst, -1 where the trade belongs to none. `pair`: HS code and origin in the market.
    `destination`: number among the parameters' destinations (exports). `via_hub`: the route leads through the hub.
    `buyer`, `payer` and `address` are numbers in their pools; `value_fen` is the true value of the goods.
    Instants: `ordered_at` <= `paid_at` <= `shipped_at` <= `declared_at`.
    """

    firm: Ints
    burst: Ints
    pair: Ints
    is_export: Bools
    is_bonded: Bools
    is_business: Bools
    via_hub: Bools
    destination: Ints
    agent: Ints
    platform: Ints
    logistics: Ints
    payment: Ints
    office: Ints
    buyer: Ints
    payer: Ints
    address: Ints
    quantity: Ints
    net_g: Ints
    gross_g: Ints
    value_fen: Ints
    ordered_at: Ints
    paid_at: Ints
    shipped_at: Ints
    declared_at: Ints

    def __len__(self) -> int:
        return len(self.firm)


def trades_of(parameters: Parameters, firms: Firms, market: Market, bursts: Bursts) -> Trades:
    """Draw all trades of the world."""
    rng = generator(parameters.seed, "trades")
    firm, burst, declared_at = _who_and_when(parameters, firms, bursts, rng)
    size = len(firm)
    law = parameters.trade
    splits = bursts.is_splitting[burst] & (burst >= 0) if len(bursts) else np.zeros(size, dtype=bool)
    # Only imports have a retail limit to split for.
    weights = np.concatenate([firms.goods_weights, firms.goods_weights * ~market.is_export])
    pair = choose(rng, weights, np.where(splits, firm + len(firms), firm))
    is_export = market.is_export[pair]
    is_bonded = ~is_export & (rng.random(size) < law.bonded_share)
    is_business = is_export & (rng.random(size) < law.business_share)
    via_hub = ~is_export & ~is_bonded & ((rng.random(size) < law.hub_share) | (market.origin[pair] == law.hub))
    quantity = 1 + rng.poisson(0.8, size) + is_business * rng.poisson(40, size)
    net_g = np.maximum((market.mass_g[pair] * quantity * np.exp(rng.normal(0, 0.15, size))).astype(np.int64), 20)
    gross_g = (net_g * uniform(rng, (1.04, 1.16), size)).astype(np.int64) + 30
    price = market.price[pair] * np.exp(market.sigma[pair] * rng.normal(0, 1, size))
    price *= np.where(rng.random(size) < law.promotion_share, uniform(rng, law.promotion_price, size), 1.0)
    buyer, payer, address = _people(parameters, burst, splits, rng)
    ordered_at, paid_at, shipped_at = _earlier_steps(declared_at, is_bonded, is_business, rng)
    service = parameters.services

    def usual(favourite: Ints, options: int) -> Ints:
        stays = rng.random(size) < law.favourite_share
        return np.where(stays, favourite[firm], rng.integers(0, options, size=size))

    return Trades(
        firm=firm, burst=burst, pair=pair,
        is_export=is_export, is_bonded=is_bonded, is_business=is_business, via_hub=via_hub,
        destination=choose_one(rng, np.array(list(parameters.destinations.values()), dtype=np.float64), size),
        agent=usual(firms.agent, service.agents), platform=usual(firms.platform, service.platforms),
        logistics=usual(firms.logistics, service.logistics), payment=usual(firms.payment, service.payments),
        office=rng.integers(0, len(parameters.customs_offices), size=size),
        buyer=buyer, payer=payer, address=address, quantity=quantity, net_g=net_g, gross_g=gross_g,
        value_fen=np.maximum((price * net_g).astype(np.int64), 100),
        ordered_at=ordered_at, paid_at=paid_at, shipped_at=shipped_at, declared_at=declared_at,
    )  # fmt: skip


def _who_and_when(parameters: Parameters, firms: Firms, bursts: Bursts, rng: Generator) -> tuple[Ints, Ints, Ints]:
    """Firm, burst and moment of declaration of each trade, sorted by that moment."""
    first_day = parameters.start + np.arange(parameters.days) * DAY
    is_active = first_day[None, :] >= firms.active_from[:, None]
    counts = rng.poisson(firms.size[:, None] * factors(parameters)[None, :] * is_active)
    own = np.repeat(np.repeat(np.arange(len(firms)), parameters.days), counts.ravel())
    own_day = np.repeat(np.tile(np.arange(parameters.days), len(firms)), counts.ravel())
    which = np.repeat(np.arange(len(bursts)), bursts.parcels)
    burst_day = bursts.first_day[which] + (rng.random(len(which)) * bursts.days[which]).astype(np.int64)
    firm = np.concatenate([own, bursts.firm[which]])
    burst = np.concatenate([np.full(len(own), -1, dtype=np.int64), which])
    day = np.concatenate([own_day, burst_day])
    # Declarations are made in office hours; customs keeps them to the minute.
    minute = np.clip(rng.normal(14 * 60, 170, len(day)), 7 * 60, 23 * 60).astype(np.int64)
    inside = day < parameters.days
    declared_at = parameters.start + day * DAY + minute * MINUTE
    order = np.argsort(declared_at, kind="stable")
    order = order[inside[order]]
    return firm[order], burst[order], declared_at[order]


def _people(parameters: Parameters, burst: Ints, splits: Bools, rng: Generator) -> tuple[Ints, Ints, Ints]:
    """Buyer, payer and delivery address of each trade. The trades of a splitting burst share all three."""
    law, size = parameters.population, len(burst)
    buyer = (law.buyers * rng.random(size) ** 1.4).astype(np.int64)
    home = buyer * 7919 % law.addresses
    pickup = law.addresses + (law.pickup_points * rng.random(size) ** 3).astype(np.int64)
    address = np.where(rng.random(size) < law.pickup_share, pickup, home)
    other = rng.random(size) < parameters.papers.other_payer
    payer = np.where(other, rng.integers(0, law.buyers, size=size), buyer)
    circle = parameters.schemes.splitting.buyers
    member = law.buyers + burst * circle + rng.integers(0, circle, size=size)
    # Not every parcel goes to the common address or is paid from the common account.
    common = splits & (rng.random(size) < parameters.schemes.common_address)
    one_payer = splits & (rng.random(size) < parameters.schemes.common_payer)
    buyer = np.where(splits, member, buyer)
    payer = np.where(one_payer, law.buyers + burst * circle, np.where(splits, buyer, payer))
    return buyer, payer, np.where(common, law.addresses + law.pickup_points + burst, address)


def _earlier_steps(declared_at: Ints, is_bonded: Bools, is_business: Bools, rng: Generator) -> tuple[Ints, Ints, Ints]:
    """Moments of order, payment and dispatch: bonded goods wait in the zone, the others travel for days."""
    size = len(declared_at)
    hours = np.where(is_bonded, rng.uniform(2, 30, size), rng.uniform(40, 220, size))
    hours = np.where(is_business, rng.uniform(100, 280, size), hours)
    span: Floats = hours * 60
    minutes = span.astype(np.int64)
    paid = np.minimum(1 + rng.exponential(12, size).astype(np.int64), minutes // 3)
    shipped = paid + ((minutes - paid) * rng.uniform(0.1, 0.85, size)).astype(np.int64)
    seconds = rng.integers(0, 60, size=size) * SECOND
    ordered_at = declared_at - minutes * MINUTE
    return ordered_at, ordered_at + paid * MINUTE + seconds, ordered_at + shipped * MINUTE + seconds
