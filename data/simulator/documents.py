"""The documents of a trade as the registers receive them: order, payment, waybill, declaration."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from data.simulator.draws import MINUTE, Bools, Floats, Ints, Texts, generator, pseudonyms, texts, uniform
from data.simulator.firms import Firms
from data.simulator.goods import Market
from data.simulator.parameters import Parameters
from data.simulator.schemes import Declared
from data.simulator.services import Services
from data.simulator.tables import Table, local_time, optional
from data.simulator.trades import Trades
from data.times import SECOND


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers under which registers know each trade. All arrays: shape (trades,)."""

    order: Texts
    waybill: Texts
    declaration: Texts
    declaration_guid: Texts
    enterprise: Texts


def numbers_of(parameters: Parameters, firms: Firms, trades: Trades) -> Numbers:
    """Number all trades: lists as CEB does (4 customs office, 4 year, I or E, 9 serial)."""
    serial = range(1, len(trades) + 1)
    offices = texts(parameters.customs_offices)[trades.office].tolist()
    years = (local_time(trades.declared_at).astype("datetime64[Y]").astype(np.int64) + 1970).tolist()
    ways = np.where(trades.is_export, "E", "I").tolist()
    lists = zip(offices, years, ways, serial, strict=True)
    return Numbers(
        order=texts([f"SO{number:012d}" for number in serial]),
        waybill=texts([f"YT{number + 70_000_000:012d}" for number in serial]),
        declaration=texts([f"{office}{year}{way}{number:09d}" for office, year, way, number in lists]),
        declaration_guid=pseudonyms(parameters.seed, "declaration", "dec-", np.arange(len(trades))),
        enterprise=firms.code[trades.firm],
    )


def documents_of(
    parameters: Parameters, firms: Firms, market: Market, services: dict[str, Services],
    trades: Trades, declared: Declared, numbers: Numbers,
) -> tuple[list[Table], Table]:  # fmt: skip
    """All documents of all trades.

    Returns:
        Orders, payments, waybills and corrections; and apart from them the declarations in the order of the trades.
    """
    rng = generator(parameters.seed, "documents")
    size, law, seed = len(trades), parameters.papers, parameters.seed
    index = np.arange(size)
    careless = firms.carelessness[trades.firm]
    platform = services["platform"].code[trades.platform]
    logistics = services["logistics"].code[trades.logistics]
    retail = ~trades.is_export
    buyer = optional(pseudonyms(seed, "person", "p_", trades.buyer), retail)
    payer = optional(pseudonyms(seed, "person", "p_", trades.payer), retail)
    address = optional(pseudonyms(seed, "address", "a_", trades.address), retail)

    # The order of an under-valued shipment sometimes still shows what the buyer really pays.
    is_lower = declared.value_fen < trades.value_fen
    goods = np.where(is_lower & (rng.random(size) < law.true_order_share), trades.value_fen, declared.value_fen)
    coupon = rng.random(size) < law.coupon_share
    goods = np.where(coupon, (goods * uniform(rng, (1.05, 1.5), size)).astype(np.int64), goods)
    tax = goods * market.retail_bp[declared.pair] // 10_000
    total = goods + tax + np.where(rng.random(size) < 0.4, rng.integers(8, 40, size=size) * 100, 0)
    wrong = rng.random(size) < law.careless_amount * careless
    paid = np.where(wrong, (total * uniform(rng, (0.8, 1.15), size)).astype(np.int64), total)
    reuses = declared.waybill_of != index
    # Where the waybill is another trade's, there is mostly none of this trade's own.
    missing_waybill = (rng.random(size) < law.missing_waybill) | (reuses & (rng.random(size) < 0.7))
    elsewhere = rng.random(size) < 0.01 + 0.04 * careless
    other_address = pseudonyms(seed, "address", "a_", rng.integers(0, parameters.population.addresses, size=size))

    order = Table(
        kind="order", source="single_window", guid=pseudonyms(seed, "order", "ord-", index),
        event_at=trades.ordered_at, known_at=trades.ordered_at + _delay(parameters, rng, 4, size),
        columns={
            "order_no": numbers.order, "enterprise": numbers.enterprise, "platform": platform, "total_fen": total,
            "goods_value_fen": goods, "buyer": buyer, "consignee_address": address,
        },
    )  # fmt: skip
    payment = Table(
        kind="payment", source="single_window", guid=pseudonyms(seed, "payment", "pay-", index),
        event_at=trades.paid_at, known_at=trades.paid_at + _delay(parameters, rng, 3, size),
        columns={
            "payment_no": texts([f"PY{number:012d}" for number in range(1, size + 1)]), "order_no": numbers.order,
            "enterprise": numbers.enterprise, "payment_firm": services["payment"].code[trades.payment],
            "platform": platform, "paid_fen": paid, "payer": payer,
        },
    )  # fmt: skip
    waybill = Table(
        kind="waybill", source="single_window", guid=pseudonyms(seed, "waybill", "way-", index),
        event_at=trades.shipped_at, known_at=trades.shipped_at + _delay(parameters, rng, 25, size),
        columns={
            "waybill_no": numbers.waybill, "order_no": numbers.order, "enterprise": numbers.enterprise,
            "logistics_firm": logistics, "gross_mass_g": trades.gross_g,
            "consignee_address": np.where(elsewhere & retail, other_address, address),
        },
    )  # fmt: skip
    declaration = _declarations(parameters, market, services, trades, declared, numbers, buyer, address, rng)
    may = trades.declared_at < parameters.pending_from
    has = ~missing_waybill
    waybill, late_waybill = _corrected(waybill.take(has), parameters, rng, may[has])
    declaration, late_declaration = _corrected(declaration, parameters, rng, may)
    paid_for = rng.random(size) >= law.missing_payment
    return [order, payment.take(paid_for), waybill, late_waybill, late_declaration], declaration


def _declarations(
    parameters: Parameters, market: Market, services: dict[str, Services], trades: Trades, declared: Declared,
    numbers: Numbers, buyer: Texts, address: Texts, rng: Generator,
) -> Table:  # fmt: skip
    size = len(trades)
    origin = market.origin[declared.pair]
    destination = texts(list(parameters.destinations))[trades.destination]
    departure = np.where(trades.is_bonded, "142", np.where(trades.via_hub, parameters.trade.hub, origin)).astype(object)
    departure = np.where(trades.is_export, destination, departure)
    mode = np.where(trades.is_bonded, "1210", np.where(trades.is_business, "9710", "9610")).astype(object)
    # Bonded goods leave the zone by road (4); the others travel by air (5), by water (2) to business buyers.
    transport = np.where(trades.is_bonded, "4", np.where(trades.is_business, "2", "5")).astype(object)
    late = (rng.random(size) < parameters.papers.late_share) & (trades.declared_at < parameters.pending_from)
    retail_bp = market.retail_bp[declared.pair]
    return Table(
        kind="declaration", source="customs", guid=numbers.declaration_guid, event_at=trades.declared_at,
        known_at=trades.declared_at + late * rng.integers(5, 180, size=size) * MINUTE,
        columns={
            "declaration_no": numbers.declaration, "enterprise": numbers.enterprise,
            "direction": np.where(trades.is_export, "export", "import").astype(object),
            "customs_office": texts(parameters.customs_offices)[trades.office],
            "trade_mode": mode, "transport_mode": transport,
            "declarant": services["agent"].code[trades.agent], "platform": services["platform"].code[trades.platform],
            "logistics_firm": services["logistics"].code[trades.logistics], "order_no": numbers.order,
            "waybill_no": numbers.waybill[declared.waybill_of], "hs_code": market.hs_code[declared.pair],
            "origin": origin, "departure": departure, "buyer": buyer, "consignee_address": address,
            "declared_value_fen": declared.value_fen, "quantity": trades.quantity, "net_mass_g": declared.net_g,
            "gross_mass_g": declared.gross_g, "tax_rate_bp": retail_bp,
            "tax_type": optional(np.full(size, "composite"), ~trades.is_export),
        },
    )  # fmt: skip


def _delay(parameters: Parameters, rng: Generator, minutes: float, size: int) -> Ints:
    """How long a document takes to reach us: mostly minutes, sometimes days. In microseconds."""
    usual: Floats = np.clip(np.exp(rng.normal(np.log(minutes), 1.0, size)), 0, 1400)
    late = rng.random(size) < parameters.papers.late_share
    in_minutes = np.where(late, uniform(rng, parameters.papers.late_days, size) * 1440, usual)
    return (in_minutes * 60).astype(np.int64) * SECOND


def _corrected(table: Table, parameters: Parameters, rng: Generator, may: Bools) -> tuple[Table, Table]:
    """Some rows first arrive with a wrong gross mass; a `change` of the same guid later states the right one.

    Returns:
        The table as first sent, and the corrections.
    """
    size = len(table.guid)
    chosen = may & (rng.random(size) < parameters.papers.correction_share)
    right = table.columns["gross_mass_g"]
    assert isinstance(right, np.ndarray)
    wrong = np.maximum((right * uniform(rng, (0.7, 1.5), size)).astype(np.int64), 1)
    first = replace(table, columns={**table.columns, "gross_mass_g": np.where(chosen, wrong, right)})
    later = replace(table, action="change", known_at=table.known_at + rng.integers(60, 4000, size=size) * MINUTE)
    return first, later.take(chosen)
