"""The laws of evidence: a value follows from its records alone, and no record beside them changes it."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.records import Version, make_record
from data.times import DAY, OPEN
from features import reference
from features.catalogue import SETS
from features.definitions import Feature, FeatureSet
from features.evidence import Evidence, evidence, value_of
from features.forms import Number, Value
from features.missing import gap_of
from features.questions import Question, about_enterprise
from tests.feature_layer.dense import dense
from tests.feature_layer.histories import FIRM, OPERATORS, START

_LAWS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


Case = tuple[list[Version], list[Question]]


def alone(feature: Feature, versions: Sequence[Version], question: Question) -> Value:
    """A feature by the oracle from some versions only."""
    return reference.vector(FeatureSet("one", "shipment", (feature,)), versions, question)[0]


def behind(found: Evidence) -> list[Version]:
    return [item.version for item in found.items]


@_LAWS
@given(case=dense(), seed=st.integers(0, 2**16))
def test_a_value_follows_from_its_evidence_alone_and_nothing_beside_it_matters(case: Case, seed: int) -> None:
    versions, (question, *_) = case
    random = Random(seed)
    values = reference.vector(OPERATORS, versions, question)
    found = evidence(OPERATORS, versions, question)
    for feature, value in zip(OPERATORS.features, values, strict=True):
        records = behind(found[feature.name])
        assert alone(feature, records, question) == value
        assert repr(value_of(feature, found[feature.name], question)) == repr(value)
        beside = [version for version in versions if version not in records and random.random() < 0.5]
        assert alone(feature, random.sample([*records, *beside], len(records) + len(beside)), question) == value


@_LAWS
@given(case=dense())
def test_every_record_in_evidence_gives_something_by_itself(case: Case) -> None:
    versions, questions = case
    for question in questions:
        for name, found in evidence(OPERATORS, versions, question).items():
            for item in found.items:
                assert item.gave
                assert behind(evidence(OPERATORS, [item.version], question)[name]) == [item.version]


@_LAWS
@given(case=dense())
def test_what_records_gave_adds_up_to_the_value(case: Case) -> None:
    versions, (*_, question) = case
    values = reference.vector(OPERATORS, versions, question)
    found = evidence(OPERATORS, versions, question)
    summed = 0
    for feature, value in zip(OPERATORS.features, values, strict=True):
        form = feature.expression
        if isinstance(form, Number) and form.measure.key.of(question.facts) is not None:
            gave = [dict(item.gave)[form.measure] for item in found[feature.name].items]
            match form.measure.operator:
                case "count" | "sum":
                    assert value == sum(int(one) for one in gave)
                    summed += 1
                case "distinct":
                    assert value == len(set(gave))
                case "latest":
                    assert value is None or value in gave
    assert summed


@_LAWS
@given(case=dense(), most=st.integers(0, 5))
def test_a_capped_list_is_the_newest_part_and_counts_the_whole(case: Case, most: int) -> None:
    versions, (*_, question) = case
    whole, capped = evidence(OPERATORS, versions, question), evidence(OPERATORS, versions, question, most=most)
    for name, found in capped.items():
        assert (found.count, found.digest) == (whole[name].count, whole[name].digest)
        assert found.items == whole[name].items[:most]
        assert found.more == max(found.count - most, 0)
        assert whole[name].more == 0
        happened = [item.version.record.event_at for item in whole[name].items]
        assert happened == sorted(happened, reverse=True)


@_LAWS
@given(case=dense())
def test_what_becomes_known_later_changes_no_evidence(case: Case) -> None:
    versions, questions = case
    for question in questions:
        known = [v for v in versions if v.record.known_at < question.at]
        as_known = [Version(v.seq, v.record, v.ended_at if v.ended_at <= question.at else OPEN) for v in known]
        now, then = evidence(OPERATORS, versions, question), evidence(OPERATORS, as_known, question)
        assert {n: (e.count, e.digest) for n, e in now.items()} == {n: (e.count, e.digest) for n, e in then.items()}


@settings(_LAWS, max_examples=30)
@given(case=dense(most=20))
def test_there_is_a_reason_exactly_where_there_is_no_value(case: Case) -> None:
    versions, questions = case
    for features in SETS.values():
        for question in questions:
            measured = dict(
                zip(features.measures, reference.measure_values(features.measures, versions, question), strict=True)
            )
            for feature in features.features:
                value = feature.expression.scalar(measured, question)
                assert (gap_of(feature, value, measured, question) is None) == (value is not None)


@pytest.mark.parametrize("facts", [{}, {"enterprise": "f2"}])
def test_another_key_s_records_are_no_evidence(facts: dict[str, str]) -> None:
    record = make_record(
        kind="declaration", guid="g", source="s", action="new", event_at=START, known_at=START,
        payload={"declaration_no": "n", "enterprise": "f1", "declared_value_fen": 1},
    )  # fmt: skip
    versions = [Version(1, record, OPEN)]
    of_firm = [f.name for f in OPERATORS.features if any(m.key == FIRM for m in f.expression.measures)]
    assert of_firm
    found = evidence(OPERATORS, versions, Question(START + DAY, facts))
    assert all(found[name].count == 0 for name in of_firm)
    own = evidence(OPERATORS, versions, about_enterprise("f1", START + 1))
    assert any(own[name].count == 1 for name in of_firm)
