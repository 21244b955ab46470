"""The reference engine: asks every version, one question at a time. Slow and obvious: the oracle of the others.

`vectors` answers several questions in one pass over the versions, for stores that are too big to be held in memory.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from data.records import Record, Version
from data.times import OPEN
from features.definitions import FeatureSet
from features.forms import Value
from features.measures import Measure
from features.observations import Plan, observe, plan_of
from features.questions import Question
from features.views import view_of

Held = int | set[int | str] | tuple[int, int]
"""What a measure needs of the observations that hold: a sum, the different values, or the last start with its value."""


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


@dataclass(frozen=True, slots=True)
class Asked:
    """A question for the features of a set.

    Attributes:
        upto: the last version in the order of intake that was stored when the question was asked: what came behind it counts
            for nothing, even where it says that it was known earlier.
    """

    features: FeatureSet
    question: Question
    upto: int = OPEN


def vectors(asked: Sequence[Asked], versions: Iterable[Version]) -> list[list[Value]]:
    """What `vector` says of each question, in one pass over the versions and in memory that does not grow with their number.

    Arguments:
        asked: the questions.
        versions: every version of every record, in any order; where a question has `upto`, with `ended_by`.
    """
    measures = tuple(dict.fromkeys(measure for one in asked for measure in one.features.measures))
    plan = plan_of(measures)
    by_key: dict[str, set[int]] = {}
    for number, one in enumerate(asked):
        for key in plan.keys:
            name = key.of(one.question.facts)
            if name is not None:
                by_key.setdefault(name, set()).add(number)
    held: list[dict[int, Held]] = [{} for _ in asked]
    for version in versions:
        asking = {n for n in _asking(plan, by_key, version.record) if version.seq <= asked[n].upto}
        saw_its_end = {n for n in asking if version.ended_by <= asked[n].upto}
        for ended_at, numbers in ((version.ended_at, saw_its_end), (OPEN, asking - saw_its_end)):
            for seen in observe(plan, version.record, ended_at) if numbers else ():
                for n in numbers & by_key.get(seen.key, set()):
                    if seen.start < asked[n].question.at < seen.end:
                        operator = measures[seen.measure].operator
                        held[n][seen.measure] = _with(operator, held[n].get(seen.measure), seen.start, seen.value)
    return [_vector_of(one, measures, held[n]) for n, one in enumerate(asked)]


def _asking(plan: Plan, by_key: dict[str, set[int]], record: Record) -> set[int]:
    """The questions that ask for any key of a record: most records have none, and need not be observed."""
    streams = plan.by_kind.get(record.kind)
    if not streams or record.action not in ("new", "change"):
        return set()
    view = view_of(record.kind, record.payload)
    names = {key.of(view) for key in dict.fromkeys(key for _, keys in streams for key, _ in keys)}
    return set().union(*(by_key.get(name, ()) for name in names if name is not None))


def _with(operator: str, before: Held | None, start: int, value: int | str) -> Held:
    """What a measure holds with one more observation."""
    match operator, before:
        case "distinct", set():
            before.add(value)
            return before
        case "distinct", _:
            return {value}
        case (("latest" | "since"), _):
            return max(before, (start, int(value))) if isinstance(before, tuple) else (start, int(value))
        case _, int() | None:
            return (before or 0) + (int(value) ** 2 if operator == "sum_of_squares" else int(value))
        case _:
            raise AssertionError(operator)


def _vector_of(one: Asked, measures: Sequence[Measure], held: dict[int, Held]) -> list[Value]:
    wanted = set(one.features.measures)
    measured = {
        measure: None if measure.key.of(one.question.facts) is None else _measured(measure, held.get(number))
        for number, measure in enumerate(measures)
        if measure in wanted
    }
    return [feature.expression.scalar(measured, one.question) for feature in one.features.features]


def _measured(measure: Measure, held: Held | None) -> int | None:
    match held:
        case set():
            return len(held)
        case start, value:
            return value if measure.operator == "latest" else start
        case None:
            return None if measure.operator in ("latest", "since") else 0
        case _:
            return held
