"""Declaration lists, and what follows from them: customs' answers, tax bills, cancellations, returns."""

from functools import partial

import numpy as np
import pyarrow as pa

from data.simulator import people
from data.simulator.columns import chosen, looked_up, numbers, only, pool, same, text
from data.simulator.documents import corrected, direction, goods_lines, lines_value, otherwise, stated_mass, transport
from data.simulator.draws import MINUTE, Bools, Ints
from data.simulator.scene import Scene
from data.simulator.sheets import Columns, Sheet
from data.simulator.trades import BONDED, MODES, PURCHASE
from data.times import DAY, HOUR, SECOND

SOURCE = "customs"
_REASONS = pa.array(["订购人取消", "申报有误", "货物未到"])
_RETURN_REASONS = pa.array(["七天无理由退货", "质量问题", "拒收"])


def list_sheets(scene: Scene) -> list[Sheet]:
    """Declarations with their corrections, and all that customs and buyers do about them."""
    of, trades = scene.happened, scene.trades
    declarations = Sheet(
        "declaration", SOURCE, of, trades.declared_at[of], scene.arrivals.declaration[of],
        lambda *asked: _declarations(scene, *asked),
    )  # fmt: skip
    inspected = scene.life.inspections
    is_inspected = np.zeros(len(trades), dtype=bool)
    is_inspected[inspected.trade] = True
    decided = of[trades.declared_at[of] < scene.parameters.pending_from]
    untouched = decided[~is_inspected[decided]]
    cancels = scene.draw("cancelled", untouched) < scene.parameters.papers.cancelled_share
    cancelled, passed = untouched[cancels], untouched[~cancels]
    released_at = _after(scene, "released", passed, (0.02, 3.0))
    clean = inspected.trade[~inspected.is_hit]
    cleared_at = inspected.known_at[~inspected.is_hit] + 20 * MINUTE
    released, release = np.r_[passed, clean], np.r_[released_at, cleared_at]
    return [
        corrected(scene, declarations),
        *_answers(scene, passed, released, release),
        *_outcomes(scene, released, release),
        Sheet(
            "cancellation", "single_window", cancelled, *_soon(scene, "cancels", cancelled, (1.0, 20.0)),
            lambda of, _: _cancellations(scene, of),
        ),
    ]  # fmt: skip


def _declarations(scene: Scene, of: Ints, version: Ints) -> Columns:
    trades, life, papers, market = scene.trades, scene.life, scene.papers, scene.market
    parameters, size = scene.parameters, len(of)
    mode, pair, is_export = trades.mode[of], life.pair[of], trades.is_export[of]
    is_bonded, is_purchase = mode == BONDED, mode == PURCHASE
    retail = ~is_export
    # Where goods leave from: destinations (exports), the zone, the hub, then the origins of all pairs.
    countries = [*parameters.destinations, "142", parameters.trade.hub]
    away = len(parameters.destinations)
    leaves = np.where(is_bonded, away, np.where(trades.via_hub[of], away + 1, len(countries) + pair))
    departure = np.where(is_export, trades.destination[of], leaves)
    gross = stated_mass(scene, "declaration", of, version, papers.gross[of])
    other = otherwise(scene, "declaration", of)
    warehouse = trades.owner[of] % len(scene.services["warehouse"].code)
    unknown = scene.marked("unknown_producer", of)
    return {
        "guid": scene.guid("declaration", b"dec-", of), "declaration_no": scene.declaration_no(of),
        "enterprise": scene.enterprise(life.firm[of]), "direction": direction(scene, of),
        "customs_office": looked_up(scene.offices, scene.office(of)),
        "port": looked_up(scene.offices, scene.office(of)), "trade_mode": looked_up(MODES, mode),
        "transport_mode": transport(mode), "declarant": scene.service("agent", life.agent[of]),
        "platform": scene.service("platform", life.platform[of]),
        "producer": chosen(pool([*scene.firms.code, "NO"]), np.where(unknown, len(scene.firms.code), life.firm[of]), is_export),
        "warehouse": chosen(pool(scene.services["warehouse"].code), warehouse, is_bonded),
        "logistics_firm": scene.service("logistics", trades.logistics[of]), "order_no": scene.order_no(of),
        "waybill_no": scene.waybill_no(papers.waybill_of[of]),
        "account_book": chosen(pool([f"H{n:011d}" for n in range(len(scene.services["warehouse"].code))]), warehouse, is_bonded),
        "bill_no": only(text(size, b"BL", (trades.shipped_at[of] // DAY, 8), (trades.logistics[of], 2)), is_purchase),
        "hs_code": looked_up(market.hs_code, pair), "origin": looked_up(market.origin, pair),
        "departure": looked_up([*countries, *market.origin], departure),
        "destination": looked_up(countries, trades.destination[of], is_export),
        "buyer": only(people.identity_numbers(papers.buyer[of]), retail),
        "buyer_name": only(people.names(papers.named[of]), retail),
        "buyer_telephone": only(people.telephones(papers.buyer[of], other), retail),
        "consignee_address": only(people.addresses(papers.address[of], other), retail),
        "declared_value_fen": numbers(papers.value[of]), "freight_fen": numbers(papers.freight[of]),
        "insurance_fen": numbers(np.zeros(size)), "quantity": numbers(lines_value(scene, of)),
        "pieces": numbers(np.ones(size)), "net_mass_g": numbers(np.minimum(papers.net[of], gross)),
        "gross_mass_g": numbers(gross), "tax_rate_bp": numbers(market.retail_bp[pair]),
        "tax_type": chosen(pa.array(["composite"]), np.zeros(size), retail), "currency": same("142", size),
        "lines": goods_lines(scene, "declaration", of, papers.value[of], pair),
    }  # fmt: skip


def _after(scene: Scene, space: str, trade: Ints, hours: tuple[float, float]) -> Ints:
    """Moments some hours after the declaration became known, to the second."""
    wait = hours[0] + (hours[1] - hours[0]) * scene.draw(space, trade)
    return scene.arrivals.declaration[trade] + (wait * 3600).astype(np.int64) * SECOND


def _soon(scene: Scene, space: str, trade: Ints, hours: tuple[float, float]) -> tuple[Ints, Ints]:
    """Moments some hours after the declaration, and when they become known."""
    at = _after(scene, space, trade, hours)
    return at, at + (1 + 600 * scene.draw(f"{space} known", trade)).astype(np.int64) * SECOND


def _answers(scene: Scene, passed: Ints, released: Ints, release: Ints) -> list[Sheet]:
    """Customs' answers: some lists are rejected once, some go to inspection, and clean ones are released."""
    inspected = scene.life.inspections
    hit = inspected.is_hit
    rejected = passed[scene.draw("rejected", passed) < scene.parameters.papers.rejected_share]
    wait = np.int64(10 * SECOND)
    steps = (
        ("100", rejected, scene.arrivals.declaration[rejected] + wait),
        ("500", inspected.trade, scene.arrivals.declaration[inspected.trade] + 20 * MINUTE),
        ("501", inspected.trade[hit], inspected.known_at[hit] + 10 * MINUTE),
        ("800", released, release),
    )
    return [
        Sheet("list_status", SOURCE, of, at, at + wait, partial(_answer, scene, status)) for status, of, at in steps
    ]


def _answer(scene: Scene, status: str, of: Ints, _version: Ints) -> Columns:
    return {
        "guid": scene.guid(f"status {status}", b"sta-", of), "declaration_no": scene.declaration_no(of),
        "enterprise": scene.enterprise(scene.life.firm[of]), "status": same(status, len(of)),
    }  # fmt: skip


def _outcomes(scene: Scene, released: Ints, release: Ints) -> list[Sheet]:
    """Tax bills of released imports, and goods that come back: asked for within 30 days of release."""
    is_import = ~scene.trades.is_export[released]
    taxed, billed_at = released[is_import], release[is_import] + 5 * HOUR
    back = scene.marked("returned", released)
    returned = released[back]
    wait = ((3 + 26 * scene.draw("returned at", returned)) * 86_400).astype(np.int64) * SECOND
    returned_at = release[back] + wait
    return [
        Sheet("tax_bill", SOURCE, taxed, billed_at, billed_at + 2 * HOUR, lambda of, _: _tax_bills(scene, of)),
        Sheet(
            "return", "single_window", returned, returned_at, returned_at + 30 * MINUTE,
            lambda of, _: _returns(scene, of),
        ),
    ]  # fmt: skip


def _tax_bills(scene: Scene, of: Ints) -> Columns:
    """VAT 13 per cent at 70 per cent; what the composite rate holds beyond it is consumption tax."""
    value, rate = scene.papers.value[of], scene.market.retail_bp[scene.life.pair[of]]
    vat = value * np.minimum(rate, 910) // 10_000
    return {
        "guid": scene.guid("tax", b"tax-", of), "tax_no": text(len(of), b"TX", (of + 1, 12)),
        "declaration_no": scene.declaration_no(of), "enterprise": scene.enterprise(scene.life.firm[of]),
        "order_no": scene.order_no(of), "duty_fen": numbers(np.zeros(len(of))), "vat_fen": numbers(vat),
        "consumption_tax_fen": numbers(value * rate // 10_000 - vat), "status": same("1", len(of)),
    }  # fmt: skip


def _cancellations(scene: Scene, of: Ints) -> Columns:
    retail: Bools = ~scene.trades.is_export[of]
    return {
        "guid": scene.guid("cancellation", b"can-", of), "declaration_no": scene.declaration_no(of),
        "enterprise": scene.enterprise(scene.life.firm[of]), "order_no": scene.order_no(of),
        "waybill_no": scene.waybill_no(scene.papers.waybill_of[of]),
        "buyer": only(people.identity_numbers(scene.papers.buyer[of]), retail), "reason": chosen(_REASONS, of % 3),
    }  # fmt: skip


def _returns(scene: Scene, of: Ints) -> Columns:
    retail: Bools = ~scene.trades.is_export[of]
    return {
        "guid": scene.guid("return", b"ret-", of), "declaration_no": scene.declaration_no(of),
        "enterprise": scene.enterprise(scene.life.firm[of]),
        "platform": scene.service("platform", scene.life.platform[of]), "order_no": scene.order_no(of),
        "waybill_no": scene.waybill_no(scene.papers.waybill_of[of]),
        "buyer": only(people.identity_numbers(scene.papers.buyer[of]), retail),
        "reason": chosen(_RETURN_REASONS, of % 3),
    }  # fmt: skip
