"""The reference engine: asks every version, one question at a time. Slow and obvious: the oracle of the others.

`vectors` answers many questions in one pass over the versions: decisions computed again from stores that are too big for memory,
trends, and archives as of the past. Held to `vector`, question by question, it is the oracle where there are many.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from data.records import Record, Version
from data.times import OPEN
from features.definitions import FeatureSet
from features.forms import Value
from features.measures import Measure
from features.observations import Observation, Plan, observe, plan_of
from features.questions import Question
from features.views import view_of


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
        None if keys[measure.key] is None else aggregate(measure, held)
        for measure, held in zip(measures, holding, strict=True)
    ]


def aggregate(measure: Measure, held: Sequence[tuple[int, int | str]]) -> int | None:
    """A measure from the starts and values of the observations that hold."""
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


def bearing(measures: Sequence[Measure], versions: Iterable[Version], question: Question) -> Iterator[Version]:
    """The versions that bear on a question, of many that may not: those under a key that it asks for."""
    plan = plan_of(measures)
    asked = {key.of(question.facts) for key in plan.keys} - {None}
    return (version for version in versions if _keys_of(plan, version.record) & asked)


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
        without: records by kind, source and guid that count for nothing: a shipment that is asked about again does not count
            itself.
    """

    features: FeatureSet
    question: Question
    upto: int = OPEN
    without: frozenset[tuple[str, str, str]] = frozenset()


def vectors(asked: Sequence[Asked], versions: Iterable[Version]) -> list[list[Value]]:
    """What `vector` says of each question, in one pass over the versions.

    A pass costs about what one question costs for all moments of one enterprise together: sums are kept as differences between
    one moment and the next. Memory grows with the questions, not with the versions.

    Arguments:
        asked: the questions, in any order.
        versions: every version of every record that may bear on them, in any order; where a question has `upto`, with `ended_by`.
    """
    measures = tuple(dict.fromkeys(measure for one in asked for measure in one.features.measures))
    plan = plan_of(measures)
    names = [{key: key.of(one.question.facts) for key in plan.keys} for one in asked]
    asking = _asking(asked, [{name for name in of.values() if name is not None} for of in names])
    for version in versions:
        keys = _keys_of(plan, version.record) & asking.keys()
        own = (version.record.kind, version.record.source, version.record.guid)
        upto = {moments.upto for key in keys for moments in asking[key] if version.seq <= moments.upto}
        for ended_at, saw_its_end in ((version.ended_at, True), (OPEN, False)):
            if any((version.ended_by <= place) is saw_its_end for place in upto):
                for seen in observe(plan, version.record, ended_at):
                    for moments in asking.get(seen.key, ()):
                        saw = version.seq <= moments.upto and (version.ended_by <= moments.upto) is saw_its_end
                        if saw and own not in moments.without:
                            moments.take(seen, measures[seen.measure].operator)
    found: list[dict[Measure, int | None]] = [dict.fromkeys(one.features.measures) for one in asked]
    by_key = {key: [n for n, measure in enumerate(measures) if measure.key == key] for key in plan.keys}
    for key, name in dict.fromkeys((key, name) for of in names for key, name in of.items() if name is not None):
        for number in by_key[key]:
            measure = measures[number]
            for moments in asking[name]:
                values = moments.values(number, measure.operator)
                for question, value in zip(moments.questions, values, strict=True):
                    if names[question][key] == name and measure in found[question]:
                        found[question][measure] = value
    return [
        [feature.expression.scalar(measured, one.question) for feature in one.features.features]
        for measured, one in zip(found, asked, strict=True)
    ]


class _Moments:
    """The questions that ask for one key with one `upto` and `without`, in the order of time, and what they have seen by then."""

    __slots__ = ("_at", "_latest", "_seen", "_sums", "questions", "upto", "without")

    def __init__(self, upto: int, without: frozenset[tuple[str, str, str]], asked: Sequence[tuple[int, int]]) -> None:
        self.upto, self.without = upto, without
        self.questions = [question for _, question in asked]
        self._at = [at for at, _ in asked]
        self._sums: dict[int, list[int]] = {}
        self._seen: dict[int, list[set[int | str]]] = {}
        self._latest: dict[int, list[tuple[int, int] | None]] = {}

    def take(self, seen: Observation, operator: str) -> None:
        """Count an observation at the moments at which it holds."""
        first, end = bisect_right(self._at, seen.start), bisect_left(self._at, seen.end)
        if first >= end:
            return
        match operator:
            case "distinct":
                for different in self._seen.setdefault(seen.measure, [set() for _ in self._at])[first:end]:
                    different.add(seen.value)
            case "latest" | "since":
                latest = self._latest.setdefault(seen.measure, [None] * len(self._at))
                found = (seen.start, int(seen.value))
                latest[first:end] = [found if held is None else max(held, found) for held in latest[first:end]]
            case _:
                sums = self._sums.setdefault(seen.measure, [0] * (len(self._at) + 1))
                number = int(seen.value) ** (2 if operator == "sum_of_squares" else 1)
                sums[first] += number
                sums[end] -= number

    def values(self, measure: int, operator: str) -> Sequence[int | None]:
        """A measure at each of the moments."""
        nothing = [0] * len(self._at)
        match operator:
            case "distinct":
                return [len(different) for different in self._seen.get(measure, ())] or nothing
            case "latest" | "since":
                part = 1 if operator == "latest" else 0
                held = self._latest.get(measure, [None] * len(self._at))
                return [None if one is None else one[part] for one in held]
            case _:
                return list(accumulate(self._sums.get(measure, [*nothing, 0])[:-1]))


def _asking(asked: Sequence[Asked], names: Sequence[set[str]]) -> dict[str, list[_Moments]]:
    """By key the questions that ask for it, those of one `upto` and `without` together."""
    by_key: dict[str, dict[tuple[int, frozenset[tuple[str, str, str]]], list[tuple[int, int]]]] = {}
    for number, one in enumerate(asked):
        for name in names[number]:
            by_key.setdefault(name, {}).setdefault((one.upto, one.without), []).append((one.question.at, number))
    return {name: [_Moments(*seen, sorted(of)) for seen, of in groups.items()] for name, groups in by_key.items()}


def _keys_of(plan: Plan, record: Record) -> set[str]:
    """The keys of a record: those of most records nobody asks for, and they need not be observed."""
    streams = plan.by_kind.get(record.kind)
    if not streams or record.action not in ("new", "change"):
        return set()
    view = view_of(record.kind, record.payload)
    found = {key.of(view) for key in dict.fromkeys(key for _, keys in streams for key, _ in keys)}
    return {name for name in found if name is not None}
