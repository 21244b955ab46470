"""Laws of matching: what agrees, what each corruption shows, what is missing, and which limits hold on which day."""

import json
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import PolicyError
from data.matching import BY_CODE, CHECKS, features_of, limits_at, match, read_limits, shipped_limits
from data.matching.checks import ALL, applicable
from data.matching.comparisons import amounts, gap_permille, line_total_fen, names_agree, persons
from data.matching.limits import CODES
from data.matching.markdown import document
from data.payloads import PAYLOADS
from tests.data_layer.matching_trades import (
    CORRUPTIONS,
    EXPORT_CORRUPTIONS,
    TODAY,
    Corruption,
    Papers,
    any_papers,
    any_payload,
    differing,
    faithful,
    outcomes,
    pseudonym,
)

_LAWS = settings(max_examples=100, deadline=None)
_FEW = settings(max_examples=25, deadline=None)
EXPORT_MODES = ["9610", "1210", "9710", "9810", ""]
KNOWN = {"order": "order_known", "payments": "payment_known", "waybill": "waybill_known"}


def without(papers: Papers, *documents: str) -> Papers:
    left = papers.copy()
    for name in documents:
        setattr(left, name, [] if name == "payments" else None)
    return left


# --- agreement and corruption ----------------------------------------------------------------------------------------


@_LAWS
@given(papers=faithful())
def test_a_faithful_import_agrees_everywhere(papers: Papers) -> None:
    before = papers.copy()
    found = papers.match()
    assert set(outcomes(found).values()) == {"agree"}
    assert set(outcomes(found)) == set(BY_CODE) - {"export_waybill_repeat"}
    assert found.failed == found.missing == ()
    assert set(found.summary()) == {"outcomes"}
    assert papers == before


@_LAWS
@given(data=st.data(), mode=st.sampled_from(EXPORT_MODES))
def test_a_faithful_export_agrees_everywhere(data: st.DataObject, mode: str) -> None:
    papers = data.draw(faithful("export", mode))
    assert set(outcomes(papers.match()).values()) == {"agree"}


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda corruption: corruption.name)
@_FEW
@given(papers=faithful())
def test_a_corruption_is_seen_by_exactly_the_checks_that_look_at_it(corruption: Corruption, papers: Papers) -> None:
    assert differing(corruption.of(papers).match()) == corruption.seen_by


@pytest.mark.parametrize("corruption", EXPORT_CORRUPTIONS, ids=lambda corruption: corruption.name)
@_FEW
@given(papers=faithful("export"))
def test_a_corruption_of_an_export_is_seen(corruption: Corruption, papers: Papers) -> None:
    assert differing(corruption.of(papers).match()) == corruption.seen_by


def test_every_check_that_can_differ_has_a_corruption() -> None:
    seen = {code for corruption in (*CORRUPTIONS, *EXPORT_CORRUPTIONS) for code in corruption.seen_by}
    assert seen == set(BY_CODE) - set(KNOWN.values())


@_LAWS
@given(papers=faithful(), field=st.sampled_from(["consignee", "consignee_telephone", "consignee_address", "buyer"]))
def test_persons_under_another_key_are_unknown(papers: Papers, field: str) -> None:
    assert papers.order is not None
    papers.order[field] = pseudonym("z", "k2")
    found = papers.match()
    expected = {"buyer_list_order", "payer_is_buyer"} if field == "buyer" else {field}
    assert {code for code, outcome in outcomes(found).items() if outcome == "unknown"} == expected
    assert not differing(found)


@_LAWS
@given(papers=faithful(), currency=st.sampled_from(["declaration", "order", "payment"]))
def test_amounts_in_other_currencies_are_unknown(papers: Papers, currency: str) -> None:
    assert papers.order is not None
    named = {"declaration": papers.declaration, "order": papers.order, "payment": papers.payments[0]}
    named[currency]["currency"] = "502"
    expected = {
        "declaration": {"goods_value", "retail_transaction_limit", "annual_limit"},
        "order": {"goods_value", "paid_equals_order"},
        "payment": {"paid_equals_order"},
    }[currency]
    assert {code for code, outcome in outcomes(papers.match()).items() if outcome == "unknown"} == expected


@pytest.mark.parametrize(
    ("payers", "expected"),
    [
        (["a", "a"], "agree"), (["a", "k2"], "unknown"), (["a", None], "missing"), (["a", "z"], "differ"),
        (["k2", None], "missing"), (["k2", "z"], "differ"), ([None, "z"], "differ"), (["z", None], "differ"),
    ],
)  # fmt: skip
def test_the_worst_payer_counts(payers: list[str | None], expected: str) -> None:
    order = {"order_no": "o", "enterprise": "e1", "platform": "x1", "total_fen": 0, "goods_value_fen": 0}
    payments: list[dict[str, Any]] = [
        {"payment_no": "p", "order_no": "o", "payment_firm": "x1", "paid_fen": 0}
        | ({} if payer is None else {"payer": pseudonym("a", "k2") if payer == "k2" else pseudonym(payer)})
        for payer in payers
    ]
    for paid in (payments, payments[::-1]):
        papers = Papers({"declared_value_fen": 0}, order | {"buyer": pseudonym("a")}, paid, None)
        assert outcomes(papers.match())["payer_is_buyer"] == expected


@_FEW
@given(papers=faithful(), off=st.integers(1, 100))
def test_differences_are_in_the_unit_of_their_check(papers: Papers, off: int) -> None:
    declared = papers.declaration
    declared["net_mass_g"] = declared["gross_mass_g"] + off
    declared["lines"][0]["total_fen"] += off + 1
    declared["freight_fen"] = 2_600_000 + off - declared["declared_value_fen"]
    papers.told["buyer_year_fen"] = 7
    differences = papers.match().summary()["differences"]
    assert differences["net_within_gross"] == off
    assert differences["line_totals"] == -off - 1
    assert differences["retail_transaction_limit"] == 2_100_000 + off
    assert differences["annual_limit"] == 7 + off


@_FEW
@given(papers=faithful(), off=st.integers(-5, 5))
def test_lines_may_be_rounded_by_half_a_fen_each(papers: Papers, off: int) -> None:
    papers.declaration["declared_value_fen"] += off
    allowed = 1 + len(papers.declaration["lines"]) // 2
    assert outcomes(papers.match())["lines_value"] == ("agree" if abs(off) <= allowed else "differ")


# --- documents that are not there ------------------------------------------------------------------------------------

some_documents = st.lists(st.sampled_from(sorted(KNOWN)), min_size=1, unique=True)


@_LAWS
@given(papers=faithful(), dropped=some_documents)
def test_a_dropped_document_is_missing_and_never_differs(papers: Papers, dropped: list[str]) -> None:
    found = without(papers, *dropped).match()
    assert set(outcomes(found).values()) == {"agree", "missing"}
    assert {KNOWN[name] for name in dropped} == {code for code in KNOWN.values() if outcomes(found)[code] == "missing"}
    assert found.failed == ()
    assert {result.check.code for result in found.missing} >= {KNOWN[name] for name in dropped}


@pytest.mark.parametrize(
    ("field", "seen_by"),
    [
        ("name", {"line_names"}), ("price_millifen", {"line_totals"}), ("total_fen", {"line_totals", "lines_value"}),
    ],
)  # fmt: skip
@_FEW
@given(papers=faithful(), data=st.data())
def test_a_value_that_one_line_lacks_is_missing(
    field: str, seen_by: set[str], papers: Papers, data: st.DataObject
) -> None:
    lines = papers.declaration["lines"]
    del lines[data.draw(st.integers(0, len(lines) - 1))][field]
    found = papers.match()
    assert {result.check.code for result in found.missing} == seen_by
    assert not differing(found)


@_FEW
@given(papers=faithful())
def test_a_value_that_is_left_out_never_differs(papers: Papers) -> None:
    for kind in ("declaration", "order", "payment", "waybill"):
        payload = papers.payments[0] if kind == "payment" else getattr(papers, kind)
        for name in [name for name in payload if not PAYLOADS[kind].model_fields[name].is_required()]:
            value = payload.pop(name)
            found = papers.match()
            payload[name] = value
            assert not differing(found)
            if (kind, name) in (("declaration", "order_no"), ("declaration", "waybill_no")):
                assert name.replace("_no", "_joins") in {result.check.code for result in found.missing}


@settings(_LAWS, max_examples=300)
@given(papers=any_papers, other=any_papers, name=st.sampled_from(sorted(KNOWN)))
def test_a_check_looks_at_no_document_but_those_that_it_names(papers: Papers, other: Papers, name: str) -> None:
    changed = papers.copy()
    setattr(changed, name, getattr(other, name))
    document_name = name.removesuffix("s")
    for before, after in zip(papers.match().results, changed.match().results, strict=True):
        if document_name not in before.check.needs:
            assert before == after


@settings(_LAWS, max_examples=300)
@given(papers=any_papers, late=some_documents)
def test_a_late_document_leaves_what_a_timely_one_does(papers: Papers, late: list[str]) -> None:
    arrived = without(papers, *late)
    arrived.match()
    for name in late:
        setattr(arrived, name, getattr(papers, name))
        arrived.match()
    assert arrived.match() == papers.match()


@_LAWS
@given(papers=any_papers, data=st.data())
def test_the_order_of_payments_does_not_matter(papers: Papers, data: st.DataObject) -> None:
    shuffled = papers.copy()
    shuffled.payments = data.draw(st.permutations(papers.payments))
    assert shuffled.match().summary() == papers.match().summary()


# --- any payloads ----------------------------------------------------------------------------------------------------


@settings(_LAWS, max_examples=500)
@given(papers=any_papers, day=st.dates(date(2016, 4, 8), date(2040, 1, 1)))
def test_any_valid_payloads_have_a_match(papers: Papers, day: date) -> None:
    found = papers.match(day)
    scope = (papers.declaration["direction"], papers.declaration.get("trade_mode", ""))
    assert tuple(result.check for result in found.results) == applicable(*scope)
    assert bool(found.results) == (scope in ALL)
    summary = found.summary()
    assert json.loads(json.dumps(summary)) == summary
    assert all(summary.values())
    for part in summary.values():
        assert list(part) == sorted(part)
    for result in found.results:
        if result.outcome in ("missing", "unknown"):
            assert result.difference is None
        if result.check.unit is None:
            assert result.difference is None
        elif result.outcome == "differ":
            assert result.difference
    rows = found.as_rows()
    assert [row["code"] for row in rows] == [result.check.code for result in found.results]
    assert all(set(row) == {"code", "zh", "en", "outcome", "left", "right", "source"} for row in rows)


@settings(_LAWS, max_examples=300)
@given(papers=any_papers)
def test_features_say_what_the_match_says(papers: Papers) -> None:
    found = papers.match()
    features = features_of(json.loads(json.dumps(found.summary())))
    if not found.results:
        assert features == {}
        return
    assert (features["match_failed"], features["match_missing"]) == (len(found.failed), len(found.missing))
    for result in found.results:
        flag = {"agree": 0, "differ": 1}.get(result.outcome)
        assert features.get(f"match_{result.check.code}") == flag
        if result.check.gap is not None:
            gap = features.get(f"match_{result.check.gap}_gap_permille")
            assert gap == (None if flag is None else result.difference)
    assert all(type(value) is int for value in features.values())


def test_a_check_of_the_past_is_passed_over() -> None:
    assert features_of({"outcomes": {"no_such_check": "differ"}}) == {"match_failed": 0, "match_missing": 0}
    assert features_of({}) == {}


# --- comparisons -----------------------------------------------------------------------------------------------------

fen = st.integers(0, 10**15) | st.integers(0, 20)


@_LAWS
@given(left=fen, right=fen, near=st.none() | st.integers(0, 6), tolerance=st.integers(0, 5))
def test_amounts_are_compared_alike_from_both_sides(left: int, right: int, near: int | None, tolerance: int) -> None:
    right = right if near is None else left + near
    outcome, *_, gap = amounts(left, right, tolerance)
    assert amounts(right, left, tolerance)[0] == outcome
    assert (outcome == "agree") == (abs(left - right) <= tolerance)
    assert gap is not None
    assert gap == -gap_permille(right, left)
    assert (gap > 0, gap < 0, -1000 <= gap <= 1000) == (right > left, right < left, True)


@_LAWS
@given(left=st.none() | st.text(max_size=4), right=st.none() | st.text(max_size=4))
def test_persons_and_names_are_compared_alike_from_both_sides(left: str | None, right: str | None) -> None:
    assert persons(left, right)[0] == persons(right, left)[0]
    if left is not None and right is not None:
        assert names_agree(left, right) == names_agree(right, left)


@pytest.mark.parametrize(
    ("left", "right", "agree"),
    [
        ("Milk Powder", "milkpowder", True), ("ＣＯＦＦＥＥ", "coffee", True), ("飞天茅台 500ml", "茅台", True),
        ("milk", "mild", False), ("\u3000", "milk", False), ("\u3000", " ", True), ("STRASSE", "straße", True),
    ],
)  # fmt: skip
def test_names_agree_apart_from_width_case_and_spaces(left: str, right: str, agree: bool) -> None:
    assert names_agree(left, right) is agree


@_LAWS
@given(price=fen | st.integers(0, 10**4).map(lambda n: n * 10**7), quantity=fen | st.sampled_from([5, 10, 15, 100_000]))
def test_price_times_quantity_rounds_half_to_even(price: int, quantity: int) -> None:
    with localcontext() as context:
        context.prec = 80
        exact = (Decimal(price) / 1000 * Decimal(quantity) / 100_000).quantize(Decimal(1), ROUND_HALF_EVEN)
    assert line_total_fen(price, quantity) == exact


# --- limits ----------------------------------------------------------------------------------------------------------


def shipped_yaml() -> Any:
    return yaml.safe_load((files("data.matching") / "limits.yaml").read_text(encoding="utf-8"))


def read(raw: Any) -> Any:
    return read_limits(yaml.safe_dump(raw, allow_unicode=True), "test")


@pytest.mark.parametrize(
    ("day", "transaction", "single_item", "annual"),
    [
        (date(2016, 4, 8), 200_000, 200_000, 2_000_000), (date(2018, 12, 31), 200_000, 200_000, 2_000_000),
        (date(2019, 1, 1), 500_000, 2_600_000, 2_600_000), (date(2019, 10, 23), 500_000, 2_600_000, 2_600_000),
        (date(2026, 5, 1), 500_000, 2_600_000, 2_600_000),
    ],
)  # fmt: skip
def test_each_day_has_the_limits_of_its_law(day: date, transaction: int, single_item: int, annual: int) -> None:
    limits = limits_at(day)
    assert (limits.retail_transaction_fen, limits.retail_single_item_fen) == (transaction, single_item)
    assert (limits.retail_annual_fen, limits.retail_tax_permille) == (annual, 700)
    assert (limits.return_request_days, limits.return_arrival_days, limits.export_waybill_months) == (30, 45, 6)
    assert limits.small_firm_fx_usd == (200_000 if day >= date(2019, 10, 23) else 0)


@pytest.mark.parametrize(
    ("day", "value", "quantity", "expected"),
    [
        (date(2018, 12, 31), 200_000, 2, "agree"), (date(2018, 12, 31), 200_001, 2, "differ"),
        (date(2018, 12, 31), 200_001, 1, "differ"), (date(2019, 1, 1), 200_001, 2, "agree"),
        (date(2019, 1, 1), 500_000, 2, "agree"), (date(2019, 1, 1), 500_001, 2, "differ"),
        (date(2019, 1, 1), 500_001, 1, "agree"), (date(2019, 1, 1), 2_600_000, 1, "agree"),
        (date(2019, 1, 1), 2_600_001, 1, "differ"), (date(2019, 1, 1), 500_001, None, "differ"),
        (date(2019, 1, 1), 2_600_001, None, "differ"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["9610", "1210", "1239"])
def test_a_transaction_is_judged_by_the_limit_of_its_day(
    day: date, value: int, quantity: int | None, expected: str, mode: str
) -> None:
    declaration = {"declaration_no": "n", "enterprise": "e1", "declared_value_fen": value, "trade_mode": mode}
    if quantity is not None:
        declaration["quantity"] = quantity
    found = Papers(declaration, None, [], None).match(day)
    assert outcomes(found)["retail_transaction_limit"] == expected
    if quantity is not None:
        line = {"number": 1, "quantity_e5": quantity * 100_000}
        lined = {name: value for name, value in declaration.items() if name != "quantity"} | {"lines": [line]}
        assert outcomes(Papers(lined, None, [], None).match(day))["retail_transaction_limit"] == expected


def test_the_year_counts_this_transaction() -> None:
    declaration = {"declaration_no": "n", "enterprise": "e1", "declared_value_fen": 100, "trade_mode": "9610"}
    for before, expected in ((2_599_900, "agree"), (2_599_901, "differ"), (None, "unknown")):
        found = Papers(declaration, None, [], None, {"buyer_year_fen": before}).match()
        assert outcomes(found)["annual_limit"] == expected


def test_a_day_before_the_first_limit_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"2016-04-07.*retail_transaction_fen"):
        limits_at(date(2016, 4, 7))


@_FEW
@given(papers=faithful())
def test_limits_of_another_day_are_refused(papers: Papers) -> None:
    for on, limits in ((date(2018, 12, 31), limits_at(TODAY)), (date(2019, 1, 1), limits_at(date(2018, 12, 31)))):
        with pytest.raises(PolicyError, match="not in force"):
            match(papers.declaration, papers.order, papers.payments, papers.waybill, on=on, limits=limits)


@_LAWS
@given(day=st.dates(date(2016, 4, 8), date(2040, 1, 1)))
def test_a_period_holds_the_value_of_each_limit(day: date) -> None:
    limits = limits_at(day)
    assert limits.first_day <= day
    assert limits.last_day is None or day <= limits.last_day
    assert {limit.code: limit.at(day) for limit in shipped_limits().limits} == {c: getattr(limits, c) for c in CODES}


def _moved(days: int) -> Any:
    raw = shipped_yaml()
    raw["limits"][0]["values"][1]["from"] += timedelta(days=days)
    return raw


def _ended(place: int, day: date) -> Any:
    raw = shipped_yaml()
    raw["limits"][0]["values"][place]["until"] = day
    return raw


def test_limits_that_overlap_leave_a_gap_or_are_lacking_are_refused() -> None:
    raw = shipped_yaml()
    first, *rest = raw["limits"]
    wrong = [
        (_moved(-1), "two values are in force on 2018-12-31"), (_moved(1), "no value is in force on 2019-01-01"),
        (_ended(1, date(2018, 12, 1)), "before it begins"), (_ended(0, date(2016, 4, 1)), "before it begins"),
        ({"limits": rest}, "retail_transaction_fen"), ({"limits": [first, *raw["limits"]]}, "retail_transaction_fen"),
        ({"limits": [*rest, first | {"code": "another"}]}, "another"), ({"limits": [first | {"colour": 1}, *rest]}, "colour"),
        ({"limits": [first | {"values": []}, *rest]}, "values"), ([], "test"), (None, "test"),
    ]  # fmt: skip
    for file, words in wrong:
        with pytest.raises(PolicyError, match=words):
            read(file)
    with pytest.raises(PolicyError, match="test"):
        read_limits("limits: [", "test")


def test_a_limit_that_ends_ends_the_book() -> None:
    book = read(_ended(1, date(2030, 1, 1)))
    assert book.at(date(2030, 1, 1)).retail_transaction_fen == 500_000
    with pytest.raises(PolicyError, match=r"2030-01-02.*retail_transaction_fen"):
        book.at(date(2030, 1, 2))


# --- the table -------------------------------------------------------------------------------------------------------


def test_the_table_is_complete() -> None:
    assert len(BY_CODE) == len(CHECKS)
    gaps = [check.gap for check in CHECKS if check.gap is not None]
    assert len(set(gaps)) == len(gaps)
    for check in CHECKS:
        assert check.zh
        assert check.en
        assert check.source
        assert check.scope <= ALL
        assert check.gap is None or check.unit == "permille"
        assert check.rule.__doc__


@_FEW
@given(declaration=any_payload("declaration"), mode=st.sampled_from(["0110", "1039"]))
def test_a_trade_that_is_not_e_commerce_has_no_check(declaration: dict[str, Any], mode: str) -> None:
    found = Papers(declaration | {"trade_mode": mode}, None, [], None).match()
    assert found.results == ()
    assert found.summary() == {}


def test_the_documentation_is_the_table() -> None:
    page = Path(__file__).parents[2] / "docs" / "matching.md"
    assert page.read_text(encoding="utf-8") == document(shipped_limits()), (
        "run python -m data.matching > docs/matching.md"
    )
