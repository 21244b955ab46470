"""What the papers of each trade say: the true facts, as schemes and slips bend them."""

from dataclasses import dataclass

import numpy as np

from data.simulator.bursts import Bursts
from data.simulator.days import Life
from data.simulator.draws import Bools, Ints, generator, scramble, uniform
from data.simulator.goods import Market
from data.simulator.parameters import Parameters
from data.simulator.schemes.traces import has
from data.simulator.stakes import declared_gross, declared_values
from data.simulator.trades import Small, Trades, pool_sizes

_HUNDRED_YUAN = 10_000


@dataclass(frozen=True, slots=True)
class Papers:
    """All arrays: shape (trades,); money in fen, masses in grams, persons and places by their numbers.

    `goods`, `freight`, `discount`, `tax`, `total`: the order's; `paid`: the payment's; `value`, `gross`, `net`: the list's.
    `waybill_of`: trade whose waybill number is declared. `named`: the person whose name the buyer gives.
    `telephone`: person whose telephone the consignee gives. `sent_to`, `sent_address`: consignee and address on the waybill.
    """

    goods: Ints
    freight: Small
    discount: Ints
    tax: Ints
    total: Ints
    paid: Ints
    value: Ints
    gross: Ints
    net: Ints
    waybill_of: Ints
    buyer: Small
    named: Small
    payer: Small
    telephone: Small
    consignee: Small
    address: Small
    sent_to: Small
    sent_address: Small
    has_payment: Bools
    has_waybill: Bools


def papers_of(parameters: Parameters, market: Market, trades: Trades, bursts: Bursts, life: Life) -> Papers:
    """Fill in the papers. Where no trace says otherwise, they agree to the fen and to the person."""
    rng = generator(parameters.seed, "papers")
    size, law, bits = len(trades), parameters.papers, life.bits
    everything = np.arange(size)
    value = declared_values(trades, everything, life.value_factor)
    rounded = has(bits, "round_value") & (value >= _HUNDRED_YUAN)
    value[rounded] = (value[rounded] + _HUNDRED_YUAN // 4) // (_HUNDRED_YUAN // 2) * (_HUNDRED_YUAN // 2)

    # The order of an under-valued shipment sometimes still shows what the buyer really pays.
    goods = value.copy()
    differs = np.flatnonzero(has(bits, "order_value"))
    hides = trades.value_fen[differs] * 0.97 > value[differs]
    slip = (value[differs] * uniform(rng, law.slip_value, len(differs))).astype(np.int64)
    goods[differs] = np.where(hides, trades.value_fen[differs], slip)
    freight = np.where(rng.random(size) < law.freight_share, rng.integers(8, 40, size=size) * 100, 0)
    discount = np.where(rng.random(size) < law.discount_share, goods * rng.integers(2, 11, size=size) // 100, 0)
    tax = np.where(trades.is_export, 0, goods * market.retail_bp[life.pair] // 10_000)
    total = goods + freight + tax - discount
    paid = total.copy()
    wrong = np.flatnonzero(has(bits, "paid_amount"))
    paid[wrong] = (total[wrong] * uniform(rng, law.slip_amount, len(wrong))).astype(np.int64)

    gross = declared_gross(trades, everything, life.mass_factor)
    net = np.minimum(np.maximum((trades.net_g * life.mass_factor).astype(np.int64), 15), gross)
    waybill_of = np.where(has(bits, "reused_waybill"), trades.earlier, everything)
    reuses = waybill_of != everything
    # Where the waybill is another trade's, there is mostly none of this trade's own.
    missing = has(bits, "no_waybill") | (reuses & (rng.random(size) < 0.7))
    people = _people(parameters, trades, bursts, life)
    return Papers(
        goods=goods, freight=freight, discount=discount, tax=tax, total=total, paid=paid, value=value, gross=gross, net=net,
        waybill_of=waybill_of, has_payment=~has(bits, "no_payment"), has_waybill=~missing, **people,
    )  # fmt: skip


def _people(parameters: Parameters, trades: Trades, bursts: Bursts, life: Life) -> dict[str, Small]:
    """The persons and places on the papers. A ring is a firm's circle of borrowed identities for some weeks."""
    rng = generator(parameters.seed, "persons on papers")
    size, bits, law = len(trades), life.bits, parameters.papers
    buyers, homes, pickups = pool_sizes(parameters)
    circle = parameters.violations.ring_size
    first_of_ring = buyers + life.ring.astype(np.int64) * circle
    member = first_of_ring + (scramble(parameters.seed, "member", np.arange(size)) % np.uint64(circle)).astype(np.int64)

    def marked(name: str) -> Ints:
        return np.flatnonzero(has(bits, name))

    def others(count: int) -> Ints:
        return rng.integers(0, buyers, size=count)

    result = {name: getattr(trades, name).astype(np.int64) for name in ("buyer", "consignee", "address")}
    borrowed = marked("borrowed_buyer")
    result["consignee"][borrowed] = np.where(
        result["consignee"][borrowed] == result["buyer"][borrowed], member[borrowed], result["consignee"][borrowed]
    )
    result["buyer"][borrowed] = member[borrowed]
    result["named"], result["payer"] = result["buyer"].copy(), result["buyer"].copy()
    # An honest group purchase: one person collects the parcels, and sometimes pays for all.
    group = np.flatnonzero(trades.burst >= 0)
    group = group[bursts.is_group[trades.burst[group]]]
    leader = trades.burst[group].astype(np.int64) * 7919 % buyers
    for name, share in (("consignee", law.group_collects), ("payer", law.group_pays)):
        result[name][group] = np.where(rng.random(len(group)) < share, leader, result[name][group])
    for name, mark in (("named", "buyer_name"), ("payer", "other_payer")):
        which = marked(mark)
        result[name][which] = others(len(which))
    common = marked("common_payer")
    result["payer"][common] = first_of_ring[common]
    result["telephone"] = result["consignee"].copy()
    common = marked("common_telephone")
    result["telephone"][common] = first_of_ring[common] + 1
    common = marked("common_address")
    result["address"][common] = homes + pickups + len(bursts) + life.ring[common]
    result["sent_to"], result["sent_address"] = result["consignee"].copy(), result["address"].copy()
    strays = marked("consignee")
    result["sent_to"][strays] = others(len(strays))
    result["sent_address"][strays] = rng.integers(0, homes, size=len(strays))
    return {name: column.astype(np.int32) for name, column in result.items()}
