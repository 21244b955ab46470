"""One pass for many questions gives what the reference engine gives for each."""

from dataclasses import replace
from itertools import zip_longest
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.records import Record, Version
from data.times import OPEN
from features import reference
from features.catalogue import SETS
from features.definitions import FeatureSet
from features.forms import Value
from features.questions import Question
from features.reference import Asked, vectors
from tests.feature_layer.dense import dense, versions_of
from tests.feature_layer.histories import OPERATORS, History, histories

Case = tuple[list[Version], list[Question]]

_LAWS = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def values_at(features: FeatureSet, versions: list[Version], questions: list[Question]) -> list[list[Value]]:
    """The features of a set at the moment of each question, in one pass."""
    return vectors([Asked(features, question) for question in questions], versions)


def around(questions: list[Question]) -> list[Question]:
    """The questions and the same one microsecond before and after: ends of intervals are where mistakes would be."""
    return [Question(q.at + shift, q.facts) for q in questions for shift in (-1, 0, 1)]


@_LAWS
@given(case=dense(), seed=st.integers(0, 2**16))
def test_many_moments_are_answered_as_the_reference_engine_answers_each(case: Case, seed: int) -> None:
    random = Random(seed)
    versions, questions = case[0], around(case[1])
    random.shuffle(questions)
    wanted = [reference.vector(OPERATORS, versions, question) for question in questions]
    assert values_at(OPERATORS, random.sample(versions, len(versions)), questions) == wanted


@settings(_LAWS, max_examples=30)
@given(history=histories(most=20))
def test_so_it_is_for_the_whole_catalogue(history: History) -> None:
    versions = versions_of([step for step in history.steps if isinstance(step, Record)])
    questions = [step for step in history.steps if isinstance(step, Question)]
    for features in SETS.values():
        wanted = [reference.vector(features, versions, question) for question in questions]
        assert values_at(features, versions, questions) == wanted


def test_no_question_has_no_answer_and_no_version_gives_empty_measures() -> None:
    assert values_at(OPERATORS, [], []) == []
    question = Question(5, {"enterprise": "f1"})
    assert values_at(OPERATORS, [], [question]) == [reference.vector(OPERATORS, [], question)]


@_LAWS
@given(case=dense(), data=st.data())
def test_each_question_sees_the_versions_up_to_its_own_place(case: Case, data: st.DataObject) -> None:
    """Many moments of one key, with several last places: what was stored later counts for nothing, nor ends anything."""
    versions, questions = case[0], around(case[1])
    places = st.integers(0, len(versions) + 1)
    asked = [Asked(OPERATORS, question, data.draw(places)) for question in questions for _ in range(2)]
    by_guid: dict[str, list[Version]] = {}
    for version in versions:
        by_guid.setdefault(version.record.guid, []).append(version)
    told = [
        replace(one, ended_by=following.seq if following else OPEN)
        for of in by_guid.values()
        for one, following in zip_longest(of, of[1:])
    ]
    wanted = []
    for one in asked:
        then = versions_of([version.record for version in versions if version.seq <= one.upto])
        wanted.append(reference.vector(OPERATORS, then, one.question))
    assert vectors(asked, told) == wanted
