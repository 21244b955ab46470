"""The batch engine: all questions at once, by sorted changes, prefix sums and binary search. Columnar, for training.

Each observation becomes two changes of a total: its value from the instant after its start, and the reverse at its end.
A measure at `t` is the sum of the changes up to `t`. Only the order of changes among the moments asked about matters, so
instants are replaced by their rank among those, and one integer holds key and rank.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.errors import FeatureError
from data.records import Version
from features.definitions import FeatureSet
from features.forms import MISSING, Floats, Integers
from features.measures import Measure
from features.observations import plan_of, window_ends
from features.questions import Question
from features.views import view_of

Column = Floats | NDArray[np.object_]
_LARGEST_SUM = 2.0**62


@dataclass(slots=True)
class _Feed:
    """What a stream gave under a key that somebody asks about: key codes, times and the fields that measures need."""

    codes: list[int] = field(default_factory=list)
    event_at: list[int] = field(default_factory=list)
    start: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    values: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Intervals:
    """Observations of one measure as arrays, shape (n,): key code, start, end, value (an integer or a text)."""

    code: Integers
    start: Integers
    end: Integers
    value: NDArray[Any]


class Moments:
    """The moments asked about under one key: codes and instants of the questions, and the ranks of other instants."""

    def __init__(self, codes: Integers, at: Integers) -> None:
        self.codes, self.at = codes, at
        self._ranked = np.unique(at)
        self._width = len(self._ranked) + 1
        self.asked = self.place(codes, at)

    def place(self, codes: Integers, instants: Integers) -> Integers:
        """One sortable integer for key and instant, exact in its order among the moments asked about."""
        return codes * self._width + np.searchsorted(self._ranked, instants, side="left")

    def begin(self) -> Integers:
        """The place before all instants of each question's key."""
        return self.codes * self._width


class Batch:
    """All measures of some questions, computed from all versions at once.

    Arguments:
        measures: what to compute.
        versions: every version of every record, in any order.
        questions: n moments with their facts.
        progress: called with the number of measures done and their total.
    Raises:
        FeatureError: where a sum leaves 64 bits.
    """

    def __init__(
        self, measures: Sequence[Measure], versions: Iterable[Version], questions: Sequence[Question],
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:  # fmt: skip
        self.at = np.array([question.at for question in questions], dtype=np.int64)
        self._facts = [question.facts for question in questions]
        plan = plan_of(measures)
        names: dict[str, dict[str, int]] = {key.name: {} for key in plan.keys}
        moments: dict[str, Moments] = {}
        for key in plan.keys:
            table = names[key.name]
            codes = [-1 if (n := key.of(facts)) is None else table.setdefault(n, len(table)) for facts in self._facts]
            moments[key.name] = Moments(np.array(codes, dtype=np.int64), self.at)
        feeds = self._gather(plan.by_kind, measures, versions, names)
        self._measured: dict[Measure, Integers] = {}
        for done, measure in enumerate(measures, start=1):
            asked = moments[measure.key.name]
            intervals = _intervals(measure, feeds[measure.stream.name, measure.key.name])
            values = _ENGINES[measure.operator](measure, intervals, asked)
            self._measured[measure] = np.where(asked.codes < 0, MISSING, values)
            progress(done, len(measures))

    @staticmethod
    def _gather(
        by_kind: Any, measures: Sequence[Measure], versions: Iterable[Version], names: dict[str, dict[str, int]]
    ) -> dict[tuple[str, str], _Feed]:
        feeds: dict[tuple[str, str], _Feed] = {}
        wanted: dict[tuple[str, str], list[str]] = {}
        for measure in measures:
            place = (measure.stream.name, measure.key.name)
            feeds.setdefault(place, _Feed())
            if measure.value is not None and measure.value not in wanted.setdefault(place, []):
                wanted[place].append(measure.value)
                feeds[place].values[measure.value] = []
        for version in versions:
            record = version.record
            streams = by_kind.get(record.kind, ()) if record.action in ("new", "change") else ()
            if not streams:
                continue
            view = view_of(record.kind, record.payload)
            start, closed = max(record.event_at, record.known_at), min(record.usable_until, version.ended_at)
            if closed <= start + 1:
                continue
            for stream, keys in streams:
                if not stream.holds(view):
                    continue
                for key, _ in keys:
                    name = key.of(view)
                    code = None if name is None else names[key.name].get(name)
                    if code is None:
                        continue
                    feed = feeds[stream.name, key.name]
                    feed.codes.append(code)
                    feed.event_at.append(record.event_at)
                    feed.start.append(start)
                    feed.closed.append(closed)
                    for name, values in feed.values.items():
                        values.append(view.get(name))
        return feeds

    def measure(self, measure: Measure) -> Integers:
        """A measure of all questions, shape (n,), `MISSING` where it has no value."""
        return self._measured[measure]

    def numbers(self, name: str) -> Integers:
        """An integer fact of all questions, shape (n,)."""
        return np.array([MISSING if (v := f.get(name)) is None else v for f in self._facts], dtype=np.int64)

    def texts(self, name: str) -> NDArray[np.object_]:
        """A text fact of all questions, shape (n,)."""
        values = [None if (v := f.get(name)) is None else str(v) for f in self._facts]
        return np.array(values, dtype=object) if values else np.empty(0, dtype=object)


def matrix(
    features: FeatureSet, versions: Iterable[Version], questions: Sequence[Question],
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Column]:  # fmt: skip
    """The features of a set for all questions.

    Returns:
        A column of shape (n,) a feature, in the set's order: floats with NaN for missing, or texts with None.
    """
    batch = Batch(features.measures, versions, questions, progress)
    return {feature.name: feature.expression.column(batch) for feature in features.features}


def _intervals(measure: Measure, feed: _Feed) -> _Intervals:
    event_at = np.array(feed.event_at, dtype=np.int64)
    start = np.array(feed.start, dtype=np.int64)
    end = np.minimum(np.array(feed.closed, dtype=np.int64), window_ends(measure, event_at))
    code = np.array(feed.codes, dtype=np.int64)
    counts = end > start + 1
    if measure.value is None:
        value: NDArray[Any] = np.ones(len(code), dtype=np.int64)
    else:
        given = feed.values[measure.value]
        counts &= np.array([v is not None for v in given], dtype=bool)
        if measure.operator == "distinct":
            value = np.array([str(v) for v in given], dtype=object)
        else:
            value = np.array([0 if v is None else v for v in given], dtype=np.int64)
    return _Intervals(code[counts], start[counts], end[counts], value[counts])


def _total(measure: Measure, seen: _Intervals, asked: Moments) -> Integers:
    value = seen.value
    if measure.operator == "sum_of_squares":
        if len(value) and float(np.abs(value).max()) ** 2 >= _LARGEST_SUM:
            raise FeatureError(f"{measure.name}: a square leaves 64 bits; scale the value down")
        value = value * value
    if len(value) and float(np.bincount(seen.code, weights=np.abs(value.astype(np.float64))).max()) >= _LARGEST_SUM:
        raise FeatureError(f"{measure.name}: a sum leaves 64 bits; scale the value down")
    return _sum_of_changes(
        np.concatenate([asked.place(seen.code, seen.start + 1), asked.place(seen.code, seen.end)]),
        np.concatenate([value, -value]),
        asked,
    )


def _sum_of_changes(places: Integers, changes: Integers, asked: Moments) -> Integers:
    order = np.argsort(places, kind="stable")
    places = places[order]
    sums = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(changes[order])])
    upto = sums[np.searchsorted(places, asked.asked, side="right")]
    before = sums[np.searchsorted(places, asked.begin(), side="left")]
    result: Integers = upto - before
    return result


def _distinct(_measure: Measure, seen: _Intervals, asked: Moments) -> Integers:
    """Counts values by the union of each value's intervals, so that a value that overlaps itself counts once."""
    if not len(seen.code):
        return np.zeros(len(asked.at), dtype=np.int64)
    _, value = np.unique(seen.value, return_inverse=True)
    _, group = np.unique(seen.code * (int(value.max()) + 1) + value, return_inverse=True)
    order = np.lexsort((seen.start, group))
    code, group = seen.code[order], group[order].astype(np.int64)
    first, end = seen.start[order] + 1, seen.end[order]
    ends, rank = np.unique(end, return_inverse=True)
    # the furthest end so far within the group: groups ascend, so one running maximum serves all
    furthest = np.maximum.accumulate(group * len(ends) + rank)
    furthest_end = ends[furthest - group * len(ends)]
    opens = np.ones(len(code), dtype=bool)
    opens[1:] = (group[1:] != group[:-1]) | (first[1:] > furthest_end[:-1])
    closes = np.append(opens[1:], True)
    one = np.ones(int(opens.sum()), dtype=np.int64)
    return _sum_of_changes(
        np.concatenate([asked.place(code[opens], first[opens]), asked.place(code[closes], furthest_end[closes])]),
        np.concatenate([one, -one]),
        asked,
    )


def _latest(measure: Measure, seen: _Intervals, asked: Moments) -> Integers:
    """Steps back from the last start before each question to the first observation that still counts."""
    order = np.lexsort((seen.value, seen.start, seen.code))
    start, end, value = seen.start[order], seen.end[order], seen.value[order]
    places = asked.place(seen.code[order], start + 1)
    at = np.searchsorted(places, asked.asked, side="right") - 1
    least = np.searchsorted(places, asked.begin(), side="left")
    while True:
        held = at >= least
        over = held.copy()
        over[held] = end[at[held]] <= asked.at[held]
        if not over.any():
            break
        at[over] -= 1
    result = np.full(len(asked.at), MISSING, dtype=np.int64)
    result[held] = (value if measure.operator == "latest" else start)[at[held]]
    return result


_ENGINES: dict[str, Callable[[Measure, _Intervals, Moments], Integers]] = {
    "count": _total, "sum": _total, "sum_of_squares": _total, "distinct": _distinct, "latest": _latest, "since": _latest,
}  # fmt: skip
