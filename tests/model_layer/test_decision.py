"""The decision core: situations as the law has them, and laws over all cases."""

from dataclasses import replace
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from data.errors import PolicyError
from data.matching import limits_at, match
from data.times import CHINA, to_instant
from features.views import view_of
from models.decision import Case, decide, draw, draw_labels
from models.policy import policy_book, read_policy, shipped_policies

BOOK = shipped_policies()
SITUATIONS = yaml.safe_load((Path(__file__).parent / "situations.yaml").read_text(encoding="utf-8"))
CURRENT = BOOK.policies[-1]


def _facts(given_: dict, day: date) -> dict:
    """The view of a declaration that was matched on a day."""
    facts = given_.get("facts", {"direction": "import", "trade_mode": "1210", "declared_value_fen": 10_000})
    found = match(
        facts, given_.get("order"), given_.get("payments", ()), None, on=day, limits=limits_at(day),
        buyer_year_fen=given_.get("buyer_year_fen"),
    )  # fmt: skip
    return view_of("declaration", {**facts, "match": found.summary()})


def _case(given_: dict, day: date) -> Case:
    labels = {label: 0.99 for policy in BOOK.policies for label in draw_labels(policy)}
    return Case(
        facts=_facts(given_, day),
        statutory_level=given_.get("statutory_level", "routine"), risk=given_.get("risk"),
        credit_score=given_.get("credit_score"), declarations_365d=given_.get("declarations_365d", 0),
        draws=labels | given_.get("draws", {}), failed=given_.get("failed"),
    )  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda s: s["name"])
def test_situation(situation: dict) -> None:
    noon = to_instant(datetime.fromisoformat(f"{situation['day']}T12:00:00").replace(tzinfo=CHINA))
    policy = BOOK.at(noon)
    if "policy" in situation:
        assert policy.id == situation["policy"]
    ruling = decide(policy, _case(situation["case"], situation["day"]))
    assert (ruling.lane, ruling.step) == (situation["lane"], situation["step"])
    if "inclusion_permille" in situation:
        assert ruling.inclusion_permille == situation["inclusion_permille"]


cases = st.builds(
    Case,
    facts=st.fixed_dictionaries(
        {
            "direction": st.sampled_from(["import", "export"]), "trade_mode": st.sampled_from(["9610", "9810"]),
            "declared_value_fen": st.sampled_from([0, 600_000]),
        }
    ),
    statutory_level=st.sampled_from(["advanced_certified", "certified", "routine", "dishonest", "seriously_dishonest"]),
    risk=st.one_of(st.none(), st.floats(0, 1)),
    credit_score=st.one_of(st.none(), st.integers(900, 2100)),
    declarations_365d=st.integers(0, 100),
    draws=st.fixed_dictionaries({"random": st.floats(0, 0.999), "dishonest": st.floats(0, 0.999)}),
    failed=st.sampled_from([None, "credit", "shipment"]),
)  # fmt: skip


@given(cases)
def test_green_is_earned_by_everything_at_once(case: Case) -> None:
    ruling = decide(CURRENT, case)
    if ruling.lane == "green_channel":
        assert case.failed is None
        assert case.risk is not None
        assert case.risk < CURRENT.green.risk_below
        assert case.credit_score is not None
        assert CURRENT.grade(case.credit_score) in CURRENT.green.grades
        assert case.statutory_level not in ("dishonest", "seriously_dishonest")


@given(cases, st.floats(0, 1), st.floats(0, 1))
def test_more_risk_never_means_less_supervision(case: Case, one: float, other: float) -> None:
    order = ["green_channel", "standard_release", "document_review", "heightened_inspection"]
    low, high = (decide(CURRENT, replace(case, risk=risk)) for risk in sorted((one, other)))
    assert order.index(low.lane) <= order.index(high.lane)


@given(cases)
def test_the_inclusion_probability_is_what_the_draws_give(case: Case) -> None:
    """Over a grid of both draws, the share that leads to an inspection is the stated probability, whatever was drawn."""
    steps = [(n + 0.5) / 50 for n in range(50)]
    rulings = [decide(CURRENT, replace(case, draws={"random": a, "dishonest": b})) for a in steps for b in steps]
    inspected = sum(ruling.lane == "heightened_inspection" for ruling in rulings) / len(rulings)
    assert {ruling.inclusion_permille for ruling in rulings} == {decide(CURRENT, case).inclusion_permille}
    assert inspected == pytest.approx(rulings[0].inclusion_permille / 1000, abs=0.0006)


@given(st.text(min_size=1, max_size=30), st.binary(min_size=16, max_size=32))
def test_a_draw_is_repeatable_and_within_bounds(number: str, key: bytes) -> None:
    first = draw(key, "random", number)
    assert first == draw(key, "random", number)
    assert 0 <= first < 1


def test_draws_are_even_and_independent_between_labels() -> None:
    key = b"0123456789abcdef"
    values = [draw(key, "random", str(n)) for n in range(20_000)]
    others = [draw(key, "dishonest", str(n)) for n in range(20_000)]
    for edge in (0.02, 0.5, 0.9):
        assert sum(v < edge for v in values) / 20_000 == pytest.approx(edge, abs=0.01)
    both = sum(a < 0.5 and b < 0.5 for a, b in zip(values, others, strict=True)) / 20_000
    assert both == pytest.approx(0.25, abs=0.015)


def test_no_day_has_two_policies() -> None:
    assert [policy.id for policy in BOOK.policies] == ["replay", "luzhou-2021-11", "luzhou-2026-04"]
    text = (files("models.policies") / "2026-04-01-order-282.yaml").read_text(encoding="utf-8")
    with pytest.raises(PolicyError, match="both in force on 2026-04-01"):
        policy_book([read_policy(text, "a"), read_policy(text.replace("id: luzhou-2026-04", "id: other"), "b")])


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("inspect_at_least: 0.4", "inspect_at_least: 4", "risk.inspect_at_least"),
        ("review_at_least: 0.2", "review_at_least: 0.5", "review_at_least must not exceed"),
        ("grades: [AAA, AA]", "grades: [AAA, ZZ]", "unknown grades: ZZ"),
        ("safe_lane: document_review", "safe_lane: green_channel", "safe_lane"),
        ("permille: 20", "permille: -1", "random.permille"),
        ("in_force_from: 2026-04-01", "in_force_from: soon", "in_force_from"),
    ],
)
def test_a_wrong_policy_names_its_field(old: str, new: str, field: str) -> None:
    text = (files("models.policies") / "2026-04-01-order-282.yaml").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(PolicyError, match=field):
        read_policy(text.replace(old, new), "wrong")


def test_no_policy_before_the_first() -> None:
    with pytest.raises(PolicyError, match="1999-12-31"):
        BOOK.at(to_instant(datetime(1999, 12, 31, tzinfo=CHINA)))
