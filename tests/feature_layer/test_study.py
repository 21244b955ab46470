"""The scan for leaks finds what is planted and accuses nothing else; information value and stability keep their laws."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data.errors import FeatureError
from data.records import Record, Version, make_record
from data.times import DAY, OPEN, midnight
from features.batch import matrix_of
from features.catalogue import CREDIT, SHIPMENT
from features.leaks import borrowed_facts, known_before, leaks
from features.questions import Question, about_enterprise, about_shipment
from features.study import chance, information_value, months, stability
from tests.feature_layer.busy import busy_history

START = midnight(20_400)


def _declared(guid: str, at: int, value: int, *, action: str = "new", event_at: int | None = None) -> Record:
    payload = {"declaration_no": guid, "enterprise": "f", "declared_value_fen": value} if action != "delete" else {}
    return make_record(
        kind="declaration", guid=guid, source="s", action=action, event_at=event_at or at, known_at=at, payload=payload
    )  # fmt: skip


def _versions(records: Sequence[Record]) -> list[Version]:
    """As the store has them: the next version of a guid ends the one before."""
    found: list[Version] = []
    last: dict[str, int] = {}
    for seq, record in enumerate(records):
        if record.guid in last:
            place = last[record.guid]
            found[place] = replace(found[place], ended_at=record.known_at, ended_by=seq)
        last[record.guid] = seq
        found.append(Version(seq, record, OPEN))
    return found


def _scene() -> tuple[list[Version], list[Question]]:
    """A declaration a day: the third is corrected on day 20, the fifth deleted on day 22, one reached us nine days late."""
    records = [_declared(f"d{day}", START + day * DAY, 100 + day) for day in range(30)]
    records.append(_declared("d3", START + 20 * DAY + 5, 999, action="change"))
    records.append(_declared("d5", START + 22 * DAY + 5, 0, action="delete"))
    records.append(_declared("late", START + 18 * DAY + 5, 7, event_at=START + 9 * DAY))
    questions = [about_shipment(record) for record in records if record.action == "new"]
    return _versions(sorted(records, key=lambda record: record.known_at)), questions


def _by_hand(say: Callable[[list[Version], Question], float]) -> Callable[..., dict[str, list[float]]]:
    return lambda versions, questions: {
        "by_hand": [say([v for v in versions if v.record.action != "delete"], question) for question in questions]
    }


def _value(version: Version) -> int:
    return int(version.record.payload["declared_value_fen"])


def _newest(versions: list[Version], question: Question) -> float:
    newest = {v.record.guid: _value(v) for v in versions}
    return sum(newest[guid] for guid in {v.record.guid for v in versions if v.record.known_at < question.at})


LEAKY = {
    "all records, of the future too": lambda versions, question: len(versions),
    "by the day it happened, not the day it was known": lambda versions, question: sum(
        v.record.event_at < question.at for v in versions
    ),
    "records of the same instant": lambda versions, question: sum(v.record.known_at <= question.at for v in versions),
    "corrected values from the start": _newest,
    "without what was deleted later": lambda versions, question: sum(
        v.record.known_at < question.at and v.ended_at == OPEN for v in versions
    ),
    "scaled by the maximum of the whole table": lambda versions, question: (
        sum(_value(v) for v in versions if v.record.known_at < question.at < v.ended_at)
        / max(map(_value, versions), default=1)
    ),
}


@pytest.mark.parametrize("say", LEAKY.values(), ids=LEAKY.keys())
@pytest.mark.parametrize("moments", [6, 40])
def test_a_planted_leak_is_found(say: Callable[[list[Version], Question], float], moments: int) -> None:
    versions, questions = _scene()
    (leak,) = leaks(_by_hand(say), versions, questions, moments=moments)
    assert leak.changed > 0
    assert leak.asked == len(questions)
    assert leak.example in questions
    assert leak.value != leak.as_known


def test_the_example_says_what_was_seen_too_early() -> None:
    versions, questions = _scene()
    (leak,) = leaks(_by_hand(LEAKY["records of the same instant"]), versions, questions)
    assert (leak.changed, leak.value, leak.as_known) == (len(questions), 1, 0)
    assert leak.example == questions[0]


def test_a_rank_among_the_questions_and_a_column_that_comes_with_later_records_are_found() -> None:
    versions, questions = _scene()

    def ranked(versions: Sequence[Version], questions: Sequence[Question]) -> pd.DataFrame:
        ranks = pd.Series([q.facts["declared_value_fen"] for q in questions]).rank()
        kinds = {f"has_{v.record.action}": 1 for v in versions}
        return pd.DataFrame({"rank": ranks}).assign(**kinds)

    changed = {leak.name: leak.changed for leak in leaks(ranked, versions, questions)}
    assert changed["rank"] > 0
    assert changed["has_delete"] > 0


@pytest.mark.parametrize("moments", [1, 6, 40])
def test_what_asks_only_for_what_was_known_is_not_accused(moments: int) -> None:
    versions, questions = _scene()

    def mean(versions: Sequence[Version], questions: Sequence[Question]) -> pd.DataFrame:
        known = [
            [_value(v) for v in versions if v.record.action != "delete" and v.record.known_at < q.at < v.ended_at]
            for q in questions
        ]
        return pd.DataFrame({"mean": [np.mean(values) if values else pd.NA for values in known]})

    (leak,) = leaks(mean, versions, questions, moments=moments)
    assert leak.changed == 0
    assert leak.example is None


@pytest.mark.parametrize("seed", [1, 2])
def test_the_catalogue_leaks_nothing_on_busy_histories(seed: int) -> None:
    history = busy_history(seed)
    versions = _versions([step for step in history.steps if isinstance(step, Record)])
    asked = [step for step in history.steps if isinstance(step, Question)]
    at_their_instant = [
        about_shipment(v.record) for v in versions if v.record.kind == "declaration" and v.record.payload
    ]
    for features, questions in (
        (SHIPMENT, asked + at_their_instant),
        (CREDIT, [about_enterprise("f1", question.at) for question in asked]),
    ):
        found = leaks(features, versions, questions, moments=25)
        assert {leak.name for leak in found if leak.changed} == set()
        assert [leak.name for leak in found] == [feature.name for feature in features.features]


def test_an_engine_that_counts_the_instant_itself_would_be_found() -> None:
    versions = _versions([step for step in busy_history(3).steps if isinstance(step, Record)])
    questions = [about_shipment(v.record) for v in versions if v.record.kind == "declaration" and v.record.payload]

    def too_late(versions: Sequence[Version], questions: Sequence[Question]) -> dict[str, np.ndarray]:
        return matrix_of(SHIPMENT, versions, [replace(question, at=question.at + 1) for question in questions])

    changed = {leak.name for leak in leaks(too_late, versions, questions, moments=25) if leak.changed}
    assert {"declarations_7d", "declarations_365d"} & changed
    assert len(changed) > 20


def test_versions_known_before_an_instant_stand_as_they_stood() -> None:
    versions, _ = _scene()
    known = known_before(versions, START + 20 * DAY + 5)
    assert (
        next(v for v in known if v.record.guid == "d3").ended_at == START + 20 * DAY + 5
    )  # ended at the instant itself
    assert next(v for v in known_before(versions, START + 20 * DAY) if v.record.guid == "d3").ended_at == OPEN
    assert {v.record.guid for v in known} == {f"d{day}" for day in range(21)} | {"late"}


def test_a_question_that_carries_a_later_correction_is_named() -> None:
    versions, questions = _scene()
    assert borrowed_facts(versions, questions) == ()
    corrected = about_shipment(next(v.record for v in versions if v.record.action == "change"))
    assert borrowed_facts(versions, [corrected]) == ()  # asked when the correction came
    early = replace(corrected, at=START + 3 * DAY)
    found = {leak.name: leak for leak in borrowed_facts(versions, [*questions[4:], early])}
    leak = found["declared_value_fen"]
    assert (leak.changed, leak.asked, leak.value, leak.as_known) == (1, len(questions) - 3, 999, 103)
    assert leak.example == early


def test_an_identity_of_the_same_instant_is_not_known_yet() -> None:
    identity = make_record(
        kind="identity", guid="i", source="s", action="new", event_at=START, known_at=START,
        payload={"enterprise": "f", "name": "n", "role": "ecommerce", "capital_fen": 5},
    )  # fmt: skip
    versions = _versions([identity])
    assert borrowed_facts(versions, [about_enterprise("f", START + 1, identity.payload)]) == ()
    found = {leak.name for leak in borrowed_facts(versions, [about_enterprise("f", START, identity.payload)])}
    assert "capital_fen" in found


def test_a_column_needs_a_value_a_question() -> None:
    versions, questions = _scene()
    with pytest.raises(FeatureError, match="1 values for"):
        leaks(lambda versions, questions: {"short": [1.0]}, versions, questions)


def test_an_independent_feature_has_no_information() -> None:
    values = np.repeat([1.0, 2.0, np.nan, 5.0], [40, 80, 20, 100])
    outcomes = np.concatenate([np.repeat([1, 0], [n // 4, n - n // 4]) for n in (40, 80, 20, 100)])
    found = information_value(values, outcomes)
    assert found.value == pytest.approx(0, abs=1e-12)
    assert [(b.label, b.count, b.rate) for b in found.bins] == [
        ("≤ 1", 40, 0.25), ("(1, 2]", 80, 0.25), ("(2, 5]", 100, 0.25), ("missing", 20, 0.25),
    ]  # fmt: skip


def test_information_value_by_hand() -> None:
    values = np.array(["a"] * 100 + ["b"] * 100 + ["c"] * 2 + [None] * 10, dtype=object)
    outcomes = np.array([1] * 30 + [0] * 70 + [1] * 10 + [0] * 90 + [1, 0] + [1] * 5 + [0] * 5, dtype=np.int64)
    found = information_value(values, outcomes, smoothing=0.0)
    hits, clean = np.array([30, 10, 1, 5]) / 46, np.array([70, 90, 1, 5]) / 166
    assert [b.label for b in found.bins] == ["a", "b", "other", "missing"]
    assert [b.woe for b in found.bins] == pytest.approx(np.log(hits / clean))
    assert found.value == pytest.approx(((hits - clean) * np.log(hits / clean)).sum())


def _risky(seed: int, n: int = 900) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    values = np.where(random.random(n) < 0.3, 0.0, np.round(random.exponential(3, n), 2))
    values[random.random(n) < 0.1] = np.nan
    return values, (random.random(n) < 1 / (1 + np.exp(2 - np.nan_to_num(values) / 3))).astype(np.int64)


@pytest.mark.parametrize("bins", [3, 10, 40])
def test_information_value_sees_order_only(bins: int) -> None:
    values, outcomes = _risky(1)
    found = information_value(values, outcomes, bins)
    same = information_value(np.exp(values / 2) - 7, outcomes, bins)
    assert same.value == found.value
    assert [(b.count, b.hits) for b in same.bins] == [(b.count, b.hits) for b in found.bins]
    assert sum(b.count for b in found.bins) == len(values)
    assert min(b.contribution for b in found.bins) >= 0
    assert found.value == pytest.approx(sum(b.contribution for b in found.bins))
    assert found.value > found.limit > found.by_chance


def test_a_bin_without_hits_stays_finite() -> None:
    found = information_value(np.array([0.0] * 50 + [1.0] * 50), np.array([0] * 50 + [1] * 50, dtype=np.int64))
    assert np.isfinite(found.value)
    assert found.bins[0].woe < 0 < found.bins[1].woe


def test_information_value_needs_both_outcomes() -> None:
    with pytest.raises(FeatureError, match="hits and clean"):
        information_value(np.zeros(5), np.zeros(5, dtype=np.int64))


@pytest.mark.parametrize("what", ["information", "stability"])
def test_what_chance_alone_shows_is_told(what: str) -> None:
    """By simulation of features that tell nothing and never change: the mean, and 19 of 20 below the limit."""
    random, shown, told = np.random.default_rng(5), [], []
    for _ in range(600):
        if what == "information":
            found = information_value(random.normal(size=1000), (random.random(1000) < 0.3).astype(np.int64))
            shown.append(found.value)
        else:
            at = np.repeat([1, 2], [400, 250])
            _, found = stability(random.normal(size=650), at, [1, 2, 3])
            shown.append(found.psi)
        told.append((found.by_chance, found.limit))
    by_chance, limit = np.mean(told, axis=0)
    assert np.mean(shown) == pytest.approx(by_chance, rel=0.08)
    assert np.mean(np.array(shown) < limit) == pytest.approx(0.95, abs=0.03)


def test_chance_of_one_bin_is_nothing() -> None:
    assert chance(1, 10, 10) == (0.0, 0.0)
    assert chance(10, 100, 50) == (pytest.approx(9 * 0.03), pytest.approx(16.919 * 0.03, rel=1e-3))  # chi-squared table


def test_equal_samples_are_stable() -> None:
    values, _ = _risky(2, 500)
    codes = np.array([None if v != v else f"{v:.0f}" for v in values], dtype=object)
    for column in (values, codes):
        periods = stability(np.concatenate([column, column]), np.repeat([1, 7], 500), [0, 5, 9])
        assert [p.psi for p in periods] == [0.0, 0.0]
        assert [p.missing for p in periods] == [pytest.approx(np.isnan(values).mean())] * 2
        assert [(p.start, p.end, p.count) for p in periods] == [(0, 5, 500), (5, 9, 500)]


@pytest.mark.parametrize(
    ("before", "now"),
    [([0.0], [1.0]), ([np.nan], [1.0]), ([1.0], [np.nan]), ([1.0, 2.0], [2.0, 2.0]), (["a"], ["b"]), ([None], ["a"])],
)
def test_a_change_is_seen(before: list, now: list) -> None:
    kind = object if isinstance((before + now)[-1], str) else float
    values = np.array(before * (200 // len(before)) + now * (200 // len(now)), dtype=kind)
    _, later = stability(values, np.repeat([1, 2], 200), [1, 2, 3])
    assert later.psi > later.limit


def test_periods_are_months_in_china_and_empty_ones_are_left_out() -> None:
    at = np.array([midnight(20_454) - 1, midnight(20_454), midnight(20_521)])  # 2025-12-31, 2026-01-01, 2026-03-09
    edges = months(at)
    assert edges == [midnight(day) for day in (20_423, 20_454, 20_485, 20_513, 20_544)]
    assert [p.start for p in stability(np.zeros(3), at)] == [edges[0], edges[1], edges[3]]
    with pytest.raises(FeatureError, match="no question"):
        stability(np.zeros(3), at, [1, 2])
