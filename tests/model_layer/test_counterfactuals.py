"""Laws of the way to a better score: reachable, exact, dated to the microsecond, and only of what the enterprise may act on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import PolicyError
from data.records import Record, Version, make_record
from data.times import CHINA, DAY, OPEN, to_instant
from features.catalogue import CREDIT
from features.definitions import FeatureSet
from features.evidence import evidence
from features.forms import Value
from features.questions import about_enterprise
from features.reference import vector
from models.counterfactuals import MOST_STEPS, Path, improve
from models.repairs import after_months, leaves_at, read_repairs, shipped_repairs
from tests.feature_layer.dense import versions_of
from tests.feature_layer.histories import payloads

NOW = to_instant(datetime(2026, 7, 1, 10, 30, tzinfo=CHINA))
FIRM = "f1"
_LAWS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
_NAMED = [f.name for f in CREDIT.features if f.theme in ("supervision", "public_credit", "settlement", "related")]


@dataclass(frozen=True)
class _Score:
    score: int


@dataclass(frozen=True)
class Points:
    """A model as simple as can be: points a feature, whatever the sign, of values up to a cap."""

    points: dict[str, int]
    features: FeatureSet = field(default=CREDIT)

    def explain(self, vector: Sequence[Value]) -> _Score:
        named = zip(self.features.features, vector, strict=True)
        values = {f.name: float(v) for f, v in named if v is not None and not isinstance(v, str)}
        return _Score(round(1500 + sum(p * min(values.get(name, 0.0), 5.0) for name, p in self.points.items())))


def _record(number: int, kind: str, payload: dict, days: float, *, until: int = OPEN, known: int = 0) -> Record:
    at = NOW - round(days * DAY)
    return make_record(
        kind=kind, guid=f"g{number}", source="s", action="new", event_at=at, known_at=at + known, usable_until=until,
        payload={"enterprise": FIRM} | payload,
    )  # fmt: skip


_EVENTS = st.one_of(
    st.fixed_dictionaries(
        {"event": st.sampled_from(["penalty", "tax_arrears", "court_judgment", "abnormal_operation", "listing", "award"]),
         "authority": st.just("a")},
        optional={"severity": st.sampled_from(["minor", "general", "serious"]), "amount_fen": st.sampled_from([0, 90_000])},
    ).map(lambda payload: ("public_credit", payload)),
    st.fixed_dictionaries(
        {"event": st.just("penalty")}, optional={"fine_fen": st.sampled_from([7, 50_000])}
    ).map(lambda payload: ("supervision", payload)),
    st.fixed_dictionaries(
        {"event": st.just("statutory_level"), "level": st.sampled_from(["certified", "dishonest", "seriously_dishonest"])},
        optional={"ground": st.sampled_from(["fines_unpaid", "penalised_documents"])},
    ).map(lambda payload: ("supervision", payload)),
    st.sampled_from([100, 90_000]).map(lambda fen: ("settlement", {"subject": "fx_settlement", "amount_fen": fen})),
    st.sampled_from([100, 400_000]).map(
        lambda fen: ("payment", {"payment_no": "p", "order_no": "o", "payment_firm": "f", "direction": "export", "paid_fen": fen})
    ),
    st.sampled_from([100, 400_000]).map(
        lambda fen: ("declaration", {"declaration_no": "n", "direction": "export", "declared_value_fen": fen})
    ),
)  # fmt: skip


@st.composite
def archives(draw: st.DrawFn) -> list[Record]:
    """Records of one firm, and some of anything and anybody, some of them known only after the question."""
    found = []
    for number in range(draw(st.integers(4, 14))):
        kind, payload = draw(_EVENTS)
        until = draw(st.sampled_from([OPEN, NOW + 1, NOW + DAY, NOW + 40 * DAY, NOW + 40 * DAY + 1, NOW - 1]))
        days = draw(st.sampled_from([-1, 0.5, 20, 89, 350, 400]))
        found.append(_record(number, kind, payload, days, until=until, known=draw(st.sampled_from([0, 5]))))
    for number in range(draw(st.integers(0, 3))):
        kind, payload = draw(payloads(100 + number))
        found.append(_record(100 + number, kind, payload, draw(st.sampled_from([3, 200]))))
    return sorted(found, key=lambda record: record.known_at)


_SCORERS = st.builds(
    lambda some, more: Points(some | more),
    st.dictionaries(
        st.sampled_from(["customs_penalties", "public_penalties", "tax_arrears", "statutory_level", "sanctions_365d",
                         "penalised_share_365d", "customs_fines"]),
        st.integers(-40, 0), min_size=3,
    ),
    st.dictionaries(st.sampled_from(_NAMED), st.integers(-40, 40), max_size=5),
)  # fmt: skip
"""Mostly as a model should be, with a few features that pull anywhere."""


def _found(scorer: Points, records: Sequence[Record], **options: int) -> Path:
    return improve(scorer, versions_of(list(records)), about_enterprise(FIRM, NOW), shipped_repairs(), **options)


def _score(scorer: Points, records: Sequence[Record]) -> int:
    return scorer.explain(vector(scorer.features, versions_of(list(records)), about_enterprise(FIRM, NOW))).score


@_LAWS
@given(scorer=_SCORERS, records=archives())
def test_the_score_stated_is_what_the_records_give(scorer: Points, records: list[Record]) -> None:
    """Step by step: each gain is what the real engine says of the archive with the records of the steps so far."""
    path = _found(scorer, records)
    assert path.score_before == _score(scorer, records)
    with_steps, scores = list(records), [path.score_before]
    for step in path.steps:
        with_steps += step.records
        scores.append(_score(scorer, with_steps))
    assert [later - earlier for earlier, later in pairwise(scores)] == [step.gain for step in path.steps]
    assert scores[-1] == path.score_after
    assert all(step.gain > 0 for step in path.steps)


@_LAWS
@given(scorer=_SCORERS, records=archives())
def test_only_what_the_enterprise_may_act_on_is_named(scorer: Points, records: list[Record]) -> None:
    by_name = {feature.name: feature for feature in CREDIT.features}
    own = {f"{r.kind}/{r.source}/{r.guid}": r for r in records if r.payload["enterprise"] == FIRM}
    path = _found(scorer, records)
    for step in path.steps:
        assert step.features
        assert all(by_name[name].actionable and not by_name[name].sensitive for name in step.features)
        assert all(own[one].known_at < NOW for one in step.evidence)
        assert all(own[one].payload.get("level") != "certified" for one in step.evidence)
        assert all(own[one].payload.get("event") != "award" for one in step.evidence)
        assert all(record.known_at < NOW and record.payload.get("enterprise", FIRM) == FIRM for record in step.records)
        assert step.zh
        assert step.en
    named = [one for step in path.steps for one in step.evidence]
    assert len(named) == len(set(named)), "nothing ends twice"


@_LAWS
@given(scorer=_SCORERS, records=archives())
def test_what_lapses_counts_until_its_date_and_not_at_it(scorer: Points, records: list[Record]) -> None:
    """To the microsecond, for the engine that answers: a microsecond before the last of them still stands behind a value."""

    def behind(at: int) -> set[str]:
        found = evidence(CREDIT, versions_of(records), about_enterprise(FIRM, at))
        held = [item.version.record for one in found.values() for item in one.items]
        return {f"{record.kind}/{record.source}/{record.guid}" for record in held}

    for step in _found(scorer, records).steps:
        if step.at is not None and not _is_act(step.en):
            assert step.at > NOW
            assert not set(step.evidence) & behind(step.at)
            assert set(step.evidence) & behind(step.at - 1)


def _is_act(text: str) -> bool:
    return "repaired" in text or text.startswith("Settle")


@_LAWS
@given(scorer=_SCORERS, records=archives())
def test_nobody_settles_more_than_came_in_or_was_declared(scorer: Points, records: list[Record]) -> None:
    since, held = (
        NOW - 364 * DAY,
        [r for r in records if r.known_at < NOW < r.usable_until and r.payload["enterprise"] == FIRM],
    )

    def total(kind: str, field_: str, **having: str) -> int:
        fits = [r for r in held if r.kind == kind and having.items() <= r.payload.items() and r.event_at > since]
        return sum(r.payload[field_] for r in fits)

    added = [r for step in _found(scorer, records).steps for r in step.records if r.kind == "settlement"]
    settled = total("settlement", "amount_fen", subject="fx_settlement") + sum(r.payload["amount_fen"] for r in added)
    if added:
        assert settled <= total("payment", "paid_fen", direction="export")
        assert settled <= total("declaration", "declared_value_fen", direction="export")


@_LAWS
@given(scorer=_SCORERS, records=archives(), wanted=st.integers(1300, 1700), most=st.integers(0, MOST_STEPS))
def test_a_wanted_score_takes_no_act_too_many(scorer: Points, records: list[Record], wanted: int, most: int) -> None:
    path = _found(scorer, records, wanted=wanted, most=most)
    assert len(path.steps) <= most
    if path.score_before >= wanted:
        assert not path.steps
    elif path.score_after >= wanted:
        for step in path.steps:
            if _is_act(step.en):
                rest = [record for one in path.steps if one is not step for record in one.records]
                assert _score(scorer, [*records, *rest]) < wanted
    assert [s.at or 0 for s in path.steps] == sorted(s.at or 0 for s in path.steps)


@_LAWS
@given(scorer=_SCORERS, records=archives())
def test_what_becomes_known_later_changes_nothing(scorer: Points, records: list[Record]) -> None:
    known = [record for record in records if record.known_at < NOW]
    assert _found(scorer, known) == _found(scorer, records)


def test_a_way_with_all_kinds_of_steps() -> None:
    """Pay and have repaired now, pay and ask for repair from a day on, settle, and wait for what only lapses."""
    scorer = Points(
        {"tax_arrears": -50, "public_penalties": -30, "customs_penalties": -20, "settled_over_received_365d": 15}
    )
    later = NOW + 60 * DAY
    records = [
        _record(
            1,
            "public_credit",
            {"event": "tax_arrears", "authority": "a", "severity": "general", "amount_fen": 1_234_500},
            30,
        ),
        _record(
            2, "public_credit", {"event": "penalty", "authority": "a", "severity": "general", "document_no": "D7"}, 30
        ),
        _record(3, "supervision", {"event": "penalty", "fine_fen": 100}, 20, until=later),
        _record(4, "declaration", {"declaration_no": "n", "direction": "export", "declared_value_fen": 80_000}, 9),
        _record(
            5,
            "payment",
            {"payment_no": "p", "order_no": "o", "payment_firm": "f", "direction": "export", "paid_fen": 90_000},
            9,
        ),
        _record(6, "settlement", {"subject": "fx_settlement", "amount_fen": 10_000}, 9),
    ]
    path = _found(scorer, sorted(records, key=lambda record: record.known_at))
    assert [(step.gain, step.at, step.evidence) for step in path.steps] == [
        (11, None, ()),  # 15 for each part settled of what was received: from 1/9 to 8/9, whole points
        (50, None, ("public_credit/s/g1",)),
        (20, later, ("supervision/s/g3",)),
        (30, after_months(NOW - 30 * DAY, 3), ("public_credit/s/g2",)),
    ]
    assert path.score_after - path.score_before == 111
    assert "CNY 700.00" in path.steps[0].en
    assert "12,345.00元" in path.steps[1].zh
    assert path.steps[1].cost_fen == 1_234_500
    assert "lapses on 2026-08-30 10:30" in path.steps[2].en
    assert "D7" in path.steps[3].en
    assert "possible from 2026-09-01 10:30" in path.steps[3].en


def test_where_nothing_helps_there_are_no_steps() -> None:
    records = [
        _record(1, "public_credit", {"event": "award", "authority": "a"}, 9),
        _record(2, "supervision", {"event": "penalty"}, 9),
    ]
    assert _found(Points({"awards_365d": 9}), records).steps == ()
    path = _found(Points({"customs_penalties": -20}), records)  # it neither lapses nor do the rules know its repair
    assert path.steps == ()
    assert path.score_before == path.score_after


def test_two_that_only_help_together_are_found() -> None:
    """A tree asks for `penalties < 1`: the first of two that lapse gains nothing alone."""

    class Tree(Points):
        def explain(self, vector: Sequence[Value]) -> _Score:
            values = dict(zip((f.name for f in self.features.features), vector, strict=True))
            return _Score(1500 - 80 * (float(values["customs_penalties"] or 0) >= 1))

    records = [_record(n, "supervision", {"event": "penalty"}, 9, until=NOW + n * DAY) for n in (1, 2)]
    path = _found(Tree({}), records)
    assert [(step.gain, step.at, len(step.evidence)) for step in path.steps] == [(80, NOW + 2 * DAY, 2)]


def test_a_step_that_adds_nothing_in_its_place_is_left_out() -> None:
    """Arrears weigh only where there is no penalty: paid at once, before the penalty lapses, they gain nothing."""

    class Tree(Points):
        def explain(self, vector: Sequence[Value]) -> _Score:
            values = dict(zip((f.name for f in self.features.features), vector, strict=True))
            penalised, owing = (float(values[name] or 0) >= 1 for name in ("customs_penalties", "tax_arrears"))
            return _Score(1500 - (50 if penalised else 10 * owing))

    records = [
        _record(1, "supervision", {"event": "penalty"}, 9, until=NOW + DAY),
        _record(2, "public_credit", {"event": "tax_arrears", "authority": "a"}, 9),
    ]
    assert [(step.gain, step.evidence) for step in _found(Tree({}), records).steps] == [(40, ("supervision/s/g1",))]


def test_a_record_leaves_only_with_the_last_window_that_holds_it() -> None:
    """A penalty of 350 days ago falls out of the year's sanctions before its use ends; until then it still counts as one."""
    penalty = _record(1, "public_credit", {"event": "penalty", "authority": "a"}, 350, until=NOW + 40 * DAY)
    assert leaves_at(CREDIT.measures, Version(1, penalty, OPEN), about_enterprise(FIRM, NOW)) == NOW + 40 * DAY


@pytest.mark.parametrize(
    ("event", "months", "expected"),
    [
        ("2026-01-31T08:00", 1, "2026-02-28T08:00"),
        ("2027-11-30T23:59", 3, "2028-02-29T23:59"),
        ("2026-12-31T00:00", 12, "2027-12-31T00:00"),
        ("2026-05-10T09:00", 0, "2026-05-10T09:00"),
        ("2026-10-31T09:00", 1, "2026-11-30T09:00"),
    ],
)
def test_months_are_those_of_the_calendar(event: str, months: int, expected: str) -> None:
    begin, end = (to_instant(datetime.fromisoformat(text).replace(tzinfo=CHINA)) for text in (event, expected))
    assert after_months(begin, months) == end


def test_repair_is_not_offered_before_its_rules_are_in_force() -> None:
    arrears = _record(1, "public_credit", {"event": "tax_arrears", "authority": "a"}, 300)
    rules = shipped_repairs()
    assert rules.of(arrears, rules.begins - 1) is None
    found = rules.of(arrears, rules.begins)
    assert found is not None
    assert found[1] == rules.begins, "an old record may be repaired from the first day of force"


def test_a_record_without_an_end_never_leaves() -> None:
    version = Version(1, _record(1, "supervision", {"event": "penalty"}, 9), OPEN)
    assert leaves_at(CREDIT.measures, version, about_enterprise(FIRM, NOW)) is None


def test_wrong_repair_rules_are_refused() -> None:
    with pytest.raises(PolicyError, match="repair rules"):
        read_repairs("{from: 2026-04-01, repairs: [{kind: supervision}]}")
