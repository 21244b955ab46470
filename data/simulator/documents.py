"""The documents of a trade before its declaration: order, payment, waybill; and what becomes of the parcel."""

from functools import partial

import numpy as np
import pyarrow as pa

from data.layout import schema_of
from data.simulator import people
from data.simulator.columns import lists, looked_up, numbers, one_of, only, same, text
from data.simulator.draws import MINUTE, Bools, Ints, scramble
from data.simulator.scene import Scene
from data.simulator.sheets import CHANGE, NEW, Columns, Sheet
from data.times import DAY, HOUR, SECOND

SOURCE = "single_window"
_UNIT = 100_000
"""One piece in hundred-thousandths."""


def document_sheets(scene: Scene) -> list[Sheet]:
    """Orders, payments, waybills with their corrections, and tracking."""
    trades, arrivals, papers, happened = scene.trades, scene.arrivals, scene.papers, scene.happened
    paid = happened[papers.has_payment[happened]]
    sent = happened[papers.has_waybill[happened]]
    at_once = scene.marked("paid_at_once", paid)
    paid_at = np.where(at_once, trades.ordered_at[paid] + 3 * SECOND, trades.paid_at[paid])
    paid_known = np.where(at_once, np.minimum(arrivals.payment[paid], paid_at + HOUR), arrivals.payment[paid])
    waybills = Sheet(
        "waybill", SOURCE, sent, trades.shipped_at[sent], arrivals.waybill[sent], lambda *a: _waybills(scene, *a)
    )
    return [
        Sheet(
            "order", SOURCE, happened, trades.ordered_at[happened], arrivals.order[happened],
            lambda of, _: _orders(scene, of),
        ),
        Sheet("payment", SOURCE, paid, paid_at, paid_known, lambda of, _: _payments(scene, of)),
        corrected(scene, waybills),
        *_tracking(scene, sent),
    ]  # fmt: skip


def is_corrected(scene: Scene, kind: str, trade: Ints) -> Bools:
    """Whether a document first states a wrong gross mass, which a `change` mends. Pending trades are left as they are."""
    is_drawn = scene.draw(f"corrected {kind}", trade) < scene.parameters.papers.correction_share
    return is_drawn & (scene.trades.declared_at[trade] < scene.parameters.pending_from)


def corrected(scene: Scene, sheet: Sheet) -> Sheet:
    """A sheet with its corrections."""
    which = np.flatnonzero(is_corrected(scene, sheet.kind, sheet.of))
    later = sheet.take(which)
    wait = 60 + 4_000 * scene.draw(f"correction {sheet.kind}", later.of)
    known_at = later.known_at + wait.astype(np.int64) * MINUTE
    version = np.r_[np.full(len(sheet), NEW, dtype=np.int8), np.full(len(which), CHANGE, dtype=np.int8)]
    return Sheet(
        sheet.kind, sheet.source, np.r_[sheet.of, later.of], np.r_[sheet.event_at, later.event_at],
        np.r_[sheet.known_at, known_at], sheet.content, version,
    )  # fmt: skip


def stated_mass(scene: Scene, kind: str, trade: Ints, version: Ints, right: Ints) -> Ints:
    """The gross mass that a version of a document states."""
    wrong = is_corrected(scene, kind, trade) & (version == NEW)
    factor = 0.7 + 0.8 * scene.draw(f"wrong mass {kind}", trade)
    return np.where(wrong, np.maximum((right * factor).astype(np.int64), 21), right)


def goods_lines(scene: Scene, kind: str, trade: Ints, total: Ints, pair: Ints) -> pa.Array:
    """Lines of goods of an order or a list: the first has the greatest value, the others one piece each.

    Arguments:
        kind: `order` or `declaration`; where a trace says so, the order's names and quantities are others.
        total, pair: value of all lines in fen, and the goods that they name; shape (trades asked about,).
    """
    market, trades = scene.market, scene.trades
    counts = trades.lines[trade].astype(np.int64)
    row = np.repeat(np.arange(len(trade)), counts)
    number = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = number == 0
    # Each further line takes a sixth to a quarter of the value.
    part = (total * (1 / 6 + scene.draw("line", trade) / 12)).astype(np.int64)
    amount = np.where(first, (total - part * (counts - 1))[row], part[row])
    quantity = trades.quantity[trade].astype(np.int64)
    if kind == "order":
        quantity = quantity + scene.marked("line_quantity", trade)
    pieces = np.where(first, (quantity - (counts - 1))[row], 1)
    price = (amount * 1000 + pieces // 2) // pieces
    shift = scramble(scene.parameters.seed, "goods name", trade) % np.uint64(8)
    if kind == "order":
        shift = shift + scene.marked("line_names", trade)
    goods = pair[row]
    name = market.name_first[goods] + (shift.astype(np.int64)[row] + number) % market.name_count[goods]
    fields = {
        "number": numbers(number + 1),
        "item_no": text(len(row), b"SKU", (name, 4), (goods, 4)),
        "name": looked_up(market.names, name),
        "hs_code": looked_up(market.hs_code, goods),
        "origin": looked_up(market.origin, goods),
        "currency": same("142", len(row)),
        "unit": same("011", len(row)),
        "quantity_e5": numbers(pieces * _UNIT),
        "price_millifen": numbers(price),
        "total_fen": numbers((price * pieces + 500) // 1000),
    }
    return lists(counts, fields, schema_of(kind).field("lines").type)


def lines_value(scene: Scene, trade: Ints) -> Ints:
    """Pieces of a trade's first line, the one of the greatest value."""
    result: Ints = scene.trades.quantity[trade].astype(np.int64) - (scene.trades.lines[trade] - 1)
    return result


def otherwise(scene: Scene, document: str, trade: Ints) -> Bools:
    """Whether a document writes telephone and address in another way than the others."""
    return scene.draw(f"writing {document}", trade) < scene.parameters.papers.other_writing


def direction(scene: Scene, trade: Ints) -> pa.Array:
    """Import or export."""
    return one_of("import", "export", scene.trades.is_export[trade])


def _orders(scene: Scene, of: Ints) -> Columns:
    papers, life = scene.papers, scene.life
    retail = ~scene.trades.is_export[of]
    other = otherwise(scene, "order", of)
    return {
        "guid": scene.guid("order", b"ord-", of), "order_no": scene.order_no(of),
        "enterprise": scene.enterprise(life.firm[of]), "platform": scene.service("platform", life.platform[of]),
        "direction": direction(scene, of), "total_fen": numbers(papers.total[of]),
        "goods_value_fen": numbers(papers.goods[of]), "freight_fen": numbers(papers.freight[of]),
        "discount_fen": numbers(papers.discount[of]), "tax_fen": numbers(papers.tax[of], retail),
        "buyer": only(people.identity_numbers(papers.buyer[of]), retail),
        "buyer_name": only(people.names(papers.named[of]), retail),
        "buyer_telephone": only(people.telephones(papers.buyer[of], np.zeros(len(of), dtype=bool)), retail),
        "consignee": only(people.names(papers.consignee[of]), retail),
        "consignee_telephone": only(people.telephones(papers.telephone[of], other), retail),
        "consignee_address": only(people.addresses(papers.address[of], other), retail),
        "payment_firm": scene.service("payment", scene.trades.payment[of]), "payment_no": _payment_no(of),
        "currency": same("142", len(of)), "lines": goods_lines(scene, "order", of, papers.goods[of], life.pair[of]),
    }  # fmt: skip


def _payment_no(trade: Ints) -> pa.Array:
    return text(len(trade), b"PY", (trade + 1, 12))


def _payments(scene: Scene, of: Ints) -> Columns:
    papers = scene.papers
    is_person = ~scene.trades.is_export[of] | scene.marked("personal_receipt", of)
    other = otherwise(scene, "payment", of)
    return {
        "guid": scene.guid("payment", b"pay-", of), "payment_no": _payment_no(of), "order_no": scene.order_no(of),
        "enterprise": scene.enterprise(scene.life.firm[of]),
        "payment_firm": scene.service("payment", scene.trades.payment[of]),
        "platform": scene.service("platform", scene.life.platform[of]), "direction": direction(scene, of),
        "paid_fen": numbers(papers.paid[of]), "payer": only(people.identity_numbers(papers.payer[of]), is_person),
        "payer_name": only(people.names(papers.payer[of]), is_person),
        "payer_telephone": only(people.telephones(papers.payer[of], other), is_person),
        "currency": same("142", len(of)),
    }  # fmt: skip


def _waybills(scene: Scene, of: Ints, version: Ints) -> Columns:
    papers, trades = scene.papers, scene.trades
    retail = ~trades.is_export[of]
    other = otherwise(scene, "waybill", of)
    # The order gave another telephone than the consignee's own: the waybill repeats what the order says.
    telephone = np.where(papers.sent_to[of] == papers.consignee[of], papers.telephone[of], papers.sent_to[of])
    gross = stated_mass(scene, "waybill", of, version, trades.gross_g[of].astype(np.int64))
    return {
        "guid": scene.guid("waybill", b"way-", of), "waybill_no": scene.waybill_no(of), "order_no": scene.order_no(of),
        "enterprise": scene.enterprise(scene.life.firm[of]),
        "logistics_firm": scene.service("logistics", trades.logistics[of]), "direction": direction(scene, of),
        "gross_mass_g": numbers(gross), "freight_fen": numbers(papers.freight[of]),
        "insurance_fen": numbers(np.zeros(len(of))), "pieces": numbers(np.ones(len(of))),
        "consignee": only(people.names(papers.sent_to[of]), retail),
        "consignee_telephone": only(people.telephones(telephone, other), retail),
        "consignee_address": only(people.addresses(papers.sent_address[of], other), retail),
        "currency": same("142", len(of)),
    }  # fmt: skip


def _tracking(scene: Scene, sent: Ints) -> list[Sheet]:
    """Arrival and departure of exports, delivery of imports: where the logistics firm reports it."""
    law, trades = scene.parameters.papers, scene.trades
    heard = sent[~scene.marked("no_tracking", sent)]
    is_export = trades.is_export[heard]
    reported = scene.draw("tracking", heard) < np.where(is_export, law.tracking_share, law.signed_share)
    abroad, home = heard[reported & is_export], heard[reported & ~is_export]
    at_port = (trades.shipped_at[abroad] + trades.declared_at[abroad]) // 2 // MINUTE * MINUTE
    leaves = trades.declared_at[abroad] + (DAY * (0.5 + 2.5 * scene.draw("departs", abroad))).astype(np.int64)
    signs = trades.declared_at[home] + (DAY * (0.8 + 4 * scene.draw("signs", home))).astype(np.int64)
    sheets = []
    for event, of, moment in (("arrived", abroad, at_port), ("departed", abroad, leaves), ("signed", home, signs)):
        at = moment // SECOND * SECOND
        known_at = at + (6 * HOUR * scene.draw(f"known {event}", of)).astype(np.int64) // SECOND * SECOND
        sheets.append(Sheet("tracking", SOURCE, of, at, known_at, partial(_event, scene, event)))
    return sheets


def _event(scene: Scene, event: str, of: Ints, _version: Ints) -> Columns:
    status = {"arrived": "A", "departed": "D", "signed": "S"}[event]
    mode = scene.trades.mode[of]
    return {
        "guid": scene.guid(event, b"trk-", of), "waybill_no": scene.waybill_no(of),
        "logistics_firm": scene.service("logistics", scene.trades.logistics[of]), "event": same(event, len(of)),
        "status": same(status, len(of)), "customs_office": looked_up(scene.offices, scene.office(of)),
        "transport_mode": transport(mode),
    }  # fmt: skip


def transport(mode: Ints) -> pa.Array:
    """Bonded goods leave the zone by road (4); the others travel by air (5), by water (2) in bulk."""
    return looked_up(["5", "4", "5", "2", "2"], mode)
