"""Features at several moments in one pass over the versions: trends, and archives as of the past.

Each moment is answered as the reference engine answers it, bit for bit. The sums of a measure are kept as differences between
one moment and the next, so that a pass costs about what the reference engine needs for one question.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from data.records import Version
from features.definitions import FeatureSet
from features.forms import Value
from features.measures import Measure
from features.observations import observe, plan_of
from features.questions import Question

_ADDED = ("count", "sum", "sum_of_squares")


class _Series:
    """What a measure has seen at each of n moments that ask for one key."""

    __slots__ = ("differences", "latest", "operator", "seen")

    def __init__(self, measure: Measure, moments: int) -> None:
        self.operator = measure.operator
        self.differences = [0] * (moments + 1)
        self.seen: list[set[int | str]] = [set() for _ in range(moments)] if measure.operator == "distinct" else []
        self.latest: list[tuple[int, int] | None] = [None] * moments

    def take(self, first: int, end: int, start: int, value: int | str) -> None:
        """Count an observation at the moments from `first` to before `end`."""
        if self.operator == "distinct":
            for moment in range(first, end):
                self.seen[moment].add(value)
        elif self.operator in _ADDED:
            number = int(value)
            number = number * number if self.operator == "sum_of_squares" else number
            self.differences[first] += number
            self.differences[end] -= number
        else:
            found = (start, int(value))
            for moment in range(first, end):
                held = self.latest[moment]
                if held is None or found > held:
                    self.latest[moment] = found

    def values(self) -> list[int | None]:
        """The measure at each moment."""
        if self.operator == "distinct":
            return [len(values) for values in self.seen]
        if self.operator in _ADDED:
            total, totals = 0, []
            for difference in self.differences[:-1]:
                total += difference
                totals.append(total)
            return list(totals)
        part = 0 if self.operator == "since" else 1
        return [None if held is None else held[part] for held in self.latest]


def measured_at(
    measures: Sequence[Measure], versions: Iterable[Version], questions: Sequence[Question]
) -> list[dict[Measure, int | None]]:
    """All measures at the moment of each question.

    Arguments:
        measures: what to compute.
        versions: every version of every record that may bear on it, those known later included.
        questions: moments with the facts whose keys are asked for, in any order.
    Returns:
        For each question its measures, as `features.reference.measure_values` gives them.
    """
    plan = plan_of(measures)
    asked: dict[str, list[int]] = {}
    """The questions that ask for a key, in the order of time."""
    names = [{key: key.of(question.facts) for key in plan.keys} for question in questions]
    for number in sorted(range(len(questions)), key=lambda n: questions[n].at):
        for name in dict.fromkeys(names[number].values()):
            if name is not None:
                asked.setdefault(name, []).append(number)
    moments = {name: [questions[number].at for number in numbers] for name, numbers in asked.items()}
    series: dict[tuple[int, str], _Series] = {}
    for version in versions:
        for seen in observe(plan, version.record, version.ended_at):
            at = moments.get(seen.key)
            if at is None:
                continue
            first, end = bisect_right(at, seen.start), bisect_left(at, seen.end)
            if first < end:
                place = (seen.measure, seen.key)
                if place not in series:
                    series[place] = _Series(measures[seen.measure], len(at))
                series[place].take(first, end, seen.start, seen.value)
    answers: list[dict[Measure, int | None]] = [dict.fromkeys(measures) for _ in questions]
    for key_name, numbers in asked.items():
        for index, measure in enumerate(measures):
            found = series.get((index, key_name)) or _Series(measure, len(numbers))
            for number, value in zip(numbers, found.values(), strict=True):
                if names[number][measure.key] == key_name:
                    answers[number][measure] = value
    return answers


def values_at(features: FeatureSet, versions: Iterable[Version], questions: Sequence[Question]) -> list[list[Value]]:
    """The features of a set at the moment of each question, each in the set's order.

    Arguments and their meaning are those of `measured_at`; each answer is that of `features.reference.vector`.
    """
    answers = measured_at(features.measures, versions, questions)
    return [
        [feature.expression.scalar(measured, question) for feature in features.features]
        for measured, question in zip(answers, questions, strict=True)
    ]
