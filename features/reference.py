"""The reference engine: asks every version, one question at a time. Slow and obvious: the oracle of the others."""

from collections.abc import Iterable, Sequence

from data.records import Version
from features.definitions import FeatureSet
from features.forms import Value
from features.measures import Measure
from features.observations import observe, plan_of
from features.questions import Question


def measure_values(measures: Sequence[Measure], versions: Iterable[Version], question: Question) -> list[int | None]:
    """Each measure at the moment of a question.

    Arguments:
        measures: what to compute.
        versions: every version of every record, those known later included.
        question: the moment and the facts whose keys are asked for.
    Returns:
        An integer a measure; None where the question lacks the key, or `latest` and `since` find no observation.
    """
    plan = plan_of(measures)
    keys = {key: key.of(question.facts) for key in plan.keys}
    holding: list[list[tuple[int, int | str]]] = [[] for _ in measures]
    for version in versions:
        for seen in observe(plan, version.record, version.ended_at):
            if seen.key == keys[measures[seen.measure].key] and seen.start < question.at < seen.end:
                holding[seen.measure].append((seen.start, seen.value))
    return [
        None if keys[measure.key] is None else _aggregate(measure, held)
        for measure, held in zip(measures, holding, strict=True)
    ]


def _aggregate(measure: Measure, held: list[tuple[int, int | str]]) -> int | None:
    values = [value for _, value in held]
    match measure.operator:
        case "count":
            return len(values)
        case "distinct":
            return len(set(values))
        case "sum":
            return sum(int(value) for value in values)
        case "sum_of_squares":
            return sum(int(value) ** 2 for value in values)
        case "latest":
            return int(max(held)[1]) if held else None
        case "since":
            return max(held)[0] if held else None


def vector(features: FeatureSet, versions: Iterable[Version], question: Question) -> list[Value]:
    """The features of a set at the moment of a question, in the set's order."""
    measures = features.measures
    measured = dict(zip(measures, measure_values(measures, versions, question), strict=True))
    return [feature.expression.scalar(measured, question) for feature in features.features]
