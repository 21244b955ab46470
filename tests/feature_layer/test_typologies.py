"""Each typology as a small situation beside an ordinary one: the features that should see it move the way they should."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from data.records import Record, Version, make_record
from data.times import DAY, OPEN, midnight
from features import reference
from features.catalogue import SHIPMENT
from features.questions import Question
from features.typologies import TYPOLOGIES, typology
from features.views import view_of

NOW = midnight(20_700) + 10 * 3_600_000_000
IMPORT = {
    "enterprise": "F", "direction": "import", "trade_mode": "9610", "platform": "P", "declarant": "A", "logistics_firm": "L",
    "hs_code": "3304990029", "origin": "133", "customs_office": "7901", "port": "7901", "buyer": "b", "payer": "b",
    "buyer_name": "n", "consignee_address": "a", "consignee_telephone": "t", "declared_value_fen": 20_130, "quantity": 1,
    "net_mass_g": 400, "gross_mass_g": 450, "waybill_no": "w",
}  # fmt: skip
EXPORT = {name: value for name, value in IMPORT.items() if name not in ("buyer", "buyer_name", "payer")} | {
    "direction": "export", "producer": "F", "origin": "142", "destination": "502",
}  # fmt: skip
AGREES, DIFFERS = "agree", "differ"

Sent = tuple[str, float, dict[str, Any]]
"""A record: its kind, how many days before the question it became known, and its payload."""


def declared(days: float, shipment: dict[str, Any], **changes: Any) -> Sent:
    return "declaration", days, {"declaration_no": "n"} | shipment | changes


def matched(**outcomes: str) -> dict[str, Any]:
    return {"match": {"outcomes": {"order_known": AGREES} | outcomes}}


def inspected(days: float, enterprise: str, finding: str, **more: Any) -> Sent:
    return (
        "supervision",
        days,
        {"event": "inspection", "enterprise": enterprise, "declaration_no": "n", "finding": finding} | more,
    )


def registered(days: float, enterprise: str, on: str = "2020-01-01", role: str = "ecommerce", **more: Any) -> Sent:
    head = {"enterprise": enterprise, "name": "n", "role": role, "registered_on": f"{on}T00:00:00+08:00"}
    return "identity", days, head | more


def funds(days: float, subject: str, amount_fen: int) -> Sent:
    return "settlement", days, {"enterprise": "F", "subject": subject, "amount_fen": amount_fen}


def paid(days: float, **more: Any) -> Sent:
    head = {"payment_no": "p", "order_no": "o", "enterprise": "F", "platform": "P", "payment_firm": "Y"}
    return "payment", days, head | {"direction": "import", "paid_fen": 20_000, "payer": "b"} | more


def ordered(days: float, goods_value_fen: int, **more: Any) -> Sent:
    money = {"goods_value_fen": goods_value_fen, "total_fen": goods_value_fen}
    return "order", days, {"order_no": "o", "enterprise": "F", "platform": "P"} | money | more


def carried(days: float, gross_mass_g: int = 450) -> Sent:
    return (
        "waybill",
        days,
        {"waybill_no": "w", "logistics_firm": "L", "enterprise": "F", "gross_mass_g": gross_mass_g},
    )


def tracked(days: float, event: str) -> Sent:
    return "tracking", days, {"waybill_no": "w", "logistics_firm": "L", "event": event}


def each(numbers: Sequence[float], make: Callable[[float], Sent]) -> list[Sent]:
    return [make(number) for number in numbers]


@dataclass(frozen=True)
class Scene:
    """The shipment asked about, and what was known before."""

    shipment: dict[str, Any]
    records: list[Sent] = field(default_factory=list)


@dataclass(frozen=True)
class Situation:
    """Features that rise (+) or fall (-) from the ordinary scene to the suspicious one."""

    typology: str
    moves: dict[str, str]
    ordinary: Scene
    suspicious: Scene


WEEKLY = [float(7 * n + 1) for n in range(8)]
"""Eight weeks of one declaration a week."""
MANY = ["b1", "b2", "b3", "b4", "b5", "b6"]
"""Buyers who share something; each declares on a day of his own."""
VALUES = [18_000, 19_000, 20_000, 21_000, 22_000, 20_500, 19_500, 20_100]

SITUATIONS = (
    Situation(
        "identity_theft",
        {"buyer_names_365d": "+", "buyer_telephones_90d": "+", "buyer_addresses_90d": "+", "buyer_platforms_90d": "+",
         "buyer_enterprises_90d": "+", "buyer_declarations_365d": "+"},
        Scene(IMPORT, [declared(9, IMPORT)]),
        Scene(IMPORT, [
            declared(n, IMPORT, buyer_name=f"n{n}", consignee_telephone=f"t{n}", consignee_address=f"a{n}", platform=f"P{n}", enterprise=f"F{n}")
            for n in range(1, 5)
        ]),
    ),
    Situation(
        "fabricated_documents",
        {"match_failed": "+", "match_failed_90d": "+", "match_consignee": "+", "round_value": "+", "round_value_share_90d": "+",
         "waybill_mismatch_share_90d": "+", "line_name_mismatch_share_90d": "+"},
        Scene(IMPORT | matched(consignee=AGREES), each(WEEKLY, lambda n: declared(n, IMPORT, **matched(waybill_joins=AGREES, line_names=AGREES)))),
        Scene(
            IMPORT | {"declared_value_fen": 20_000} | matched(consignee=DIFFERS),
            each(WEEKLY, lambda n: declared(n, IMPORT, declared_value_fen=30_000, **matched(waybill_joins=DIFFERS, line_names=DIFFERS))),
        ),
    ),
    Situation(
        "order_splitting",
        {"address_buyers_30d": "+", "address_value_30d": "+", "address_near_limit_30d": "+", "telephone_buyers_30d": "+",
         "telephone_declarations_30d": "+", "payer_buyers_30d": "+", "near_limit": "+", "near_limit_share_30d": "+",
         "addresses_per_declaration_30d": "-", "telephones_per_declaration_30d": "-"},
        Scene(IMPORT, [
            declared(n + 1, IMPORT, buyer=b, payer=b, consignee_address=f"at {b}", consignee_telephone=f"of {b}") for n, b in enumerate(MANY)
        ]),
        Scene(IMPORT | {"declared_value_fen": 495_000}, [
            declared(n + 1, IMPORT, buyer=b, declared_value_fen=490_000) for n, b in enumerate(MANY)
        ]),
    ),
    Situation(
        "order_pushing",
        {"platform_age_days": "-", "platform_enterprises_90d": "-", "platform_burst_7d_over_90d": "+", "platform_declarations_30d": "-"},
        Scene(IMPORT, [
            registered(900, "P", "2021-05-01", "platform"), *(declared(n, IMPORT, enterprise=f"F{n % 4}") for n in range(1, 60)),
        ]),
        Scene(IMPORT, [registered(20, "P", "2026-08-01", "platform"), *(declared(n, IMPORT) for n in (1, 2, 3))]),
    ),
    Situation(
        "under_valuation",
        {"price_score_hs_origin_365d": "-", "price_score_firm_goods_365d": "-", "price_score_platform_goods_365d": "-",
         "unit_price_score_hs_origin_365d": "-", "declared_over_ordered_90d": "-", "discount_share_90d": "+", "tax_over_import_value_365d": "-",
         "value_mismatch_share_90d": "+"},
        Scene(IMPORT, [
            *(declared(n, IMPORT, declared_value_fen=v, **matched(goods_value=AGREES)) for n, v in zip(WEEKLY, VALUES, strict=True)),
            *each(WEEKLY, lambda n: ordered(n, 20_000, discount_fen=0)),
            ("tax_bill", 3, {"tax_no": "t", "declaration_no": "n", "enterprise": "F", "duty_fen": 0, "vat_fen": 14_000, "consumption_tax_fen": 0, "status": "1"}),
        ]),
        Scene(IMPORT | {"declared_value_fen": 12_000}, [
            *(declared(n, IMPORT, declared_value_fen=v, **matched(goods_value=DIFFERS)) for n, v in zip(WEEKLY, VALUES, strict=True)),
            *each(WEEKLY, lambda n: ordered(n, 30_000, discount_fen=9_000)),
            ("tax_bill", 3, {"tax_no": "t", "declaration_no": "n", "enterprise": "F", "duty_fen": 0, "vat_fen": 9_000, "consumption_tax_fen": 0, "status": "1"}),
        ]),
    ),
    Situation(
        "virtual_payment",
        {"payer_buyers_30d": "+", "payer_payments_30d": "+", "payer_enterprises_90d": "+", "payments_per_payer_30d": "+",
         "payers_over_buyers_30d": "-", "paid_mismatch_share_90d": "+"},
        Scene(IMPORT, [
            *(declared(n + 1, IMPORT, buyer=b, payer=b, **matched(paid_equals_order=AGREES)) for n, b in enumerate(MANY)),
            *(paid(n + 1, payer=b) for n, b in enumerate(MANY)),
        ]),
        Scene(IMPORT | {"payer": "x"}, [
            *(declared(n + 1, IMPORT, buyer=b, payer="x", **matched(paid_equals_order=DIFFERS)) for n, b in enumerate(MANY)),
            *(paid(n + 1, payer="x") for n, _ in enumerate(MANY)), paid(4, payer="x", enterprise="G"),
        ]),
    ),
    Situation(
        "bought_waybills",
        {"waybill_declared_before_180d": "+", "waybill_finished_before_180d": "+", "match_waybill_joins": "+",
         "waybills_over_declarations_90d": "-", "waybill_mismatch_share_90d": "+"},
        Scene(IMPORT | matched(waybill_joins=AGREES), [
            carried(1), carried(2), declared(2, IMPORT, waybill_no="v", **matched(waybill_joins=AGREES)),
        ]),
        Scene(IMPORT | matched(waybill_joins=DIFFERS), [
            carried(40), tracked(35, "signed"), declared(40, IMPORT, enterprise="other"),
            *each([1, 2], lambda n: declared(n, IMPORT, waybill_no="v", **matched(waybill_joins=DIFFERS))),
        ]),
    ),
    Situation(
        "bonded_resale",
        {"buyer_declarations_per_hs_90d": "+", "buyer_value_with_this_365d": "+", "declarations_per_buyer_30d": "+",
         "address_declarations_30d": "+", "telephone_declarations_30d": "+"},
        Scene(IMPORT, [declared(2, IMPORT), declared(9, IMPORT, buyer="c", consignee_address="at c", consignee_telephone="of c")]),
        Scene(IMPORT, each(range(1, 13), lambda n: declared(n, IMPORT))),
    ),
    Situation(
        "closed_platform",
        {"platform_enterprises_90d": "-", "platform_declarations_30d": "-", "platform_return_share_90d": "-", "platform_hit_rate_365d": "+"},
        Scene(IMPORT, [
            *(declared(n, IMPORT, enterprise=f"F{n % 5}") for n in range(1, 31)),
            ("return", 4, {"declaration_no": "n", "enterprise": "F1", "platform": "P"}),
            inspected(9, "F1", "clean", facts=IMPORT), inspected(8, "F1", "hit", facts=IMPORT | {"platform": "Q"}),
        ]),
        Scene(IMPORT, [*each([3, 9, 20], lambda n: declared(n, IMPORT)), inspected(8, "F", "hit", facts=IMPORT)]),
    ),
    Situation(
        "bought_declarations",
        {"producer_unknown": "+", "unknown_producer_share_90d": "+", "declarants_90d": "+", "firm_goods_declarations_365d": "-",
         "declarant_enterprises_90d": "+"},
        Scene(EXPORT, each(WEEKLY, lambda n: declared(n, EXPORT))),
        Scene(EXPORT | {"producer": "NO", "declarant": "A8"}, [
            *(declared(n, EXPORT, producer="NO", declarant=f"A{n:.0f}", hs_code="8517130000") for n in WEEKLY),
            *(declared(n, EXPORT, enterprise=f"G{n}", declarant="A8") for n in range(5)),
        ]),
    ),
    Situation(
        "over_valuation",
        {"price_score_hs_origin_365d": "+", "price_score_firm_goods_365d": "+", "unit_price_score_hs_origin_365d": "+",
         "price_score_platform_goods_365d": "+", "settled_over_declared_365d": "-", "rebate_over_exports_365d": "+",
         "receipts_over_exports_90d": "-"},
        Scene(EXPORT, [
            *(declared(n, EXPORT, declared_value_fen=v) for n, v in zip(WEEKLY, VALUES, strict=True)),
            funds(5, "fx_settlement", 160_000), funds(5, "tax_rebate", 16_000), paid(5, direction="export", paid_fen=160_000),
        ]),
        Scene(EXPORT | {"declared_value_fen": 44_000}, [
            *(declared(n, EXPORT, declared_value_fen=v) for n, v in zip(WEEKLY, VALUES, strict=True)),
            funds(5, "fx_settlement", 80_000), funds(5, "tax_rebate", 32_000), paid(5, direction="export", paid_fen=80_000),
        ]),
    ),
    Situation(
        "empty_container",
        {"match_mass_gap": "-", "waybill_mass_over_declared_90d": "-", "gross_over_net_score_hs_origin_365d": "+",
         "unit_mass_score_hs_origin_365d": "+", "waybill_arrivals_180d": "-"},
        Scene(EXPORT | {"match": {"outcomes": {"gross_mass": AGREES}}}, [
            *(declared(n, EXPORT, net_mass_g=380 + 5 * n, gross_mass_g=450) for n in range(1, 9)), carried(1, 3_600), tracked(1, "arrived"),
        ]),
        Scene(
            EXPORT | {"net_mass_g": 600, "gross_mass_g": 900, "match": {"outcomes": {"gross_mass": DIFFERS}, "differences": {"gross_mass": -500}}},
            [*(declared(n, EXPORT, net_mass_g=380 + 5 * n, gross_mass_g=450) for n in range(1, 9)), carried(1, 900)],
        ),
    ),
    Situation(
        "product_switching",
        {"firm_goods_declarations_365d": "-", "firm_goods_share_365d": "-", "match_line_names": "+", "hs_codes_90d": "+"},
        Scene(EXPORT | matched(line_names=AGREES), each(WEEKLY, lambda n: declared(n, EXPORT))),
        Scene(EXPORT | matched(line_names=DIFFERS), each(WEEKLY, lambda n: declared(n, EXPORT, hs_code=f"85{n:02.0f}120000"))),
    ),
    Situation(
        "shell_factory",
        {"unknown_producer_share_90d": "+", "producer_enterprises_365d": "+", "producer_declarations_365d": "+"},
        Scene(EXPORT | {"producer": "M"}, each(WEEKLY, lambda n: declared(n, EXPORT, producer="M"))),
        Scene(EXPORT | {"producer": "M"}, [
            *(declared(n, EXPORT, producer="M", enterprise=f"G{n}") for n in range(12)), declared(3, EXPORT, producer="NO"),
        ]),
    ),
    Situation(
        "fund_backflow",
        {"personal_receipt_share_90d": "+", "payer_enterprises_90d": "+", "payer_payments_30d": "+", "receipts_over_exports_90d": "+"},
        Scene(EXPORT | {"payer": "x"}, [declared(9, EXPORT), paid(8, direction="export", payer=None, paid_fen=20_000)]),
        Scene(EXPORT | {"payer": "x"}, [
            declared(9, EXPORT), *(paid(n, direction="export", payer="x", enterprise=firm) for n, firm in ((8, "F"), (7, "F"), (6, "G"))),
        ]),
    ),
    Situation(
        "settlement_gap",
        {"settled_over_declared_365d": "-", "settled_over_received_365d": "-", "days_since_settlement": "+"},
        Scene(EXPORT, [declared(40, EXPORT), paid(39, direction="export"), funds(9, "fx_settlement", 20_000)]),
        Scene(EXPORT, [declared(40, EXPORT), paid(39, direction="export"), funds(30, "fx_settlement", 8_000)]),
    ),
    Situation(
        "off_site_port",
        {"firm_port_share_365d": "-", "offices_90d": "+"},
        Scene(EXPORT, each(WEEKLY, lambda n: declared(n, EXPORT))),
        Scene(EXPORT | {"port": "2201"}, [*each(WEEKLY, lambda n: declared(n, EXPORT)), declared(2, EXPORT, customs_office="5300", port="5300")]),
    ),
    Situation(
        "repeated_waybill",
        {"waybill_declared_before_180d": "+", "match_export_waybill_repeat": "+", "waybill_repeats_90d": "+", "waybill_finished_before_180d": "+"},
        Scene(EXPORT | matched(export_waybill_repeat=AGREES), each(WEEKLY, lambda n: declared(n, EXPORT, waybill_no=f"w{n}"))),
        Scene(EXPORT | matched(export_waybill_repeat=DIFFERS), [
            declared(9, EXPORT), tracked(8, "departed"), declared(5, EXPORT, **matched(export_waybill_repeat=DIFFERS)),
        ]),
    ),
    Situation(
        "fake_orders",
        {"return_share_90d": "+", "round_value_share_90d": "+", "personal_receipt_share_90d": "+", "burst_7d_over_90d": "+",
         "platform_burst_7d_over_90d": "+"},
        Scene(EXPORT, [*each(WEEKLY, lambda n: declared(n, EXPORT)), paid(3, direction="export", payer=None)]),
        Scene(EXPORT, [
            *(declared(n / 4 + 0.1, EXPORT, declared_value_fen=50_000) for n in range(20)), declared(60, EXPORT),
            *(("return", n, {"declaration_no": "n", "enterprise": "F"}) for n in (0.5, 1)), paid(3, direction="export", payer="x"),
        ]),
    ),
    Situation(
        "rebate_velocity",
        {"rebate_share_90d": "+", "rebate_over_exports_365d": "+"},
        Scene(EXPORT, [declared(9, EXPORT), *(funds(n, "tax_rebate", 500) for n in (20, 110, 200, 290))]),
        Scene(EXPORT, [declared(9, EXPORT), *(funds(n, "tax_rebate", 2_000) for n in (5, 12, 19))]),
    ),
    Situation(
        "new_firm_burst",
        {"firm_age_days": "-", "burst_7d_over_90d": "+", "burst_30d_over_365d": "+", "value_over_capital_365d": "+",
         "person_newest_firm_days": "-"},
        Scene(IMPORT | {"legal_person": "p"}, [
            registered(900, "F", "2022-01-01", capital_fen=10**8, legal_person="p"), *each(range(1, 80, 5), lambda n: declared(n, IMPORT)),
        ]),
        Scene(IMPORT | {"legal_person": "p"}, [
            registered(14, "F", "2026-08-20", capital_fen=10**5, legal_person="p"), *(declared(n / 5, IMPORT) for n in range(1, 16)),
        ]),
    ),
    Situation(
        "dormant_burst",
        {"burst_7d_over_90d": "+", "burst_30d_over_365d": "+"},
        Scene(IMPORT, each(range(1, 330, 20), lambda n: declared(n, IMPORT))),
        Scene(IMPORT, [*each([300, 310, 320], lambda n: declared(n, IMPORT)), *(declared(n / 5, IMPORT) for n in range(1, 16))]),
    ),
    Situation(
        "phoenix",
        {"person_other_listings": "+", "person_closed_firms": "+", "person_other_hits_365d": "+", "person_other_penalties": "+",
         "group_other_hits_365d": "+", "group_other_listings": "+"},
        Scene(IMPORT | {"legal_person": "p", "parent": "G"}, [
            registered(30, "F", legal_person="p"), registered(400, "old", legal_person="somebody else", closed_on="2026-08-01T00:00:00+08:00"),
            inspected(200, "old", "hit", legal_person="somebody else"),
        ]),
        Scene(IMPORT | {"legal_person": "p", "parent": "G"}, [
            registered(30, "F", legal_person="p"), registered(400, "old", legal_person="p", closed_on="2026-08-01T00:00:00+08:00"),
            inspected(200, "old", "hit", legal_person="p", parent="G"),
            ("supervision", 150, {"event": "penalty", "enterprise": "old", "fine_fen": 5, "legal_person": "p"}),
            ("supervision", 100, {"event": "statutory_level", "enterprise": "old", "level": "dishonest", "legal_person": "p", "parent": "G"}),
        ]),
    ),
)  # fmt: skip


def _versions(sent: list[Sent]) -> list[Version]:
    made: list[Record] = []
    for number, (kind, days, payload) in zip(count(), sent, strict=False):
        at = NOW - round(days * DAY)
        given = {name: value for name, value in payload.items() if value is not None}
        made.append(
            make_record(kind=kind, guid=str(number), source="s", action="new", event_at=at, known_at=at, payload=given)
        )
    return [Version(seq, record, OPEN) for seq, record in enumerate(made)]


def _values(scene: Scene, names: Sequence[str]) -> dict[str, Any]:
    question = Question(NOW, view_of("declaration", {"declaration_no": "q"} | scene.shipment))
    vector = reference.vector(SHIPMENT, _versions(scene.records), question)
    found = dict(zip((feature.name for feature in SHIPMENT.features), vector, strict=True))
    return {name: found[name] for name in names}


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.typology)
def test_a_typology_moves_its_features(situation: Situation) -> None:
    assert set(situation.moves) <= set(typology(situation.typology).features)
    ordinary, suspicious = (
        _values(scene, list(situation.moves)) for scene in (situation.ordinary, situation.suspicious)
    )
    moved = {}
    for name in situation.moves:
        before, after = ordinary[name], suspicious[name]
        assert before is not None, f"{name} is missing in the ordinary scene"
        assert after is not None, f"{name} is missing in the suspicious scene"
        moved[name] = "+" if after > before else "-" if after < before else "="
    assert moved == situation.moves, (ordinary, suspicious)


def test_every_typology_has_a_situation() -> None:
    assert [one.typology for one in SITUATIONS] == [one.code for one in TYPOLOGIES]
    assert all(len(one.moves) >= 2 for one in SITUATIONS)


def test_what_the_law_demands_never_turns_round() -> None:
    """Where a typology moves a feature with a direction, it moves it towards more risk."""
    direction = {feature.name: feature.direction for feature in SHIPMENT.features}
    for situation in SITUATIONS:
        for name, way in situation.moves.items():
            assert direction[name] in (0, 1 if way == "+" else -1), name
