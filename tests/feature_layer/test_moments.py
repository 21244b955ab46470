"""One pass for many moments gives what the reference engine gives for each."""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.records import Record, Version
from features import reference
from features.catalogue import SETS
from features.moments import measured_at, values_at
from features.questions import Question
from tests.feature_layer.dense import dense, versions_of
from tests.feature_layer.histories import OPERATORS, History, histories

Case = tuple[list[Version], list[Question]]

_LAWS = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def around(questions: list[Question]) -> list[Question]:
    """The questions and the same one microsecond before and after: ends of intervals are where mistakes would be."""
    return [Question(q.at + shift, q.facts) for q in questions for shift in (-1, 0, 1)]


@_LAWS
@given(case=dense(), random=st.randoms(use_true_random=False))
def test_many_moments_are_answered_as_the_reference_engine_answers_each(case: Case, random: Random) -> None:
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
    (measured,) = measured_at(OPERATORS.measures, [], [question])
    assert list(measured.values()) == reference.measure_values(OPERATORS.measures, [], question)
