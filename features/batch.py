"""The batch engine: all questions at once, columnar, one compiled pass over the observations of each key. For training.

Records become feeds (`features.feeds`), in memory or as files bucketed by key (`features.prepared`). Each bucket of a feed is a
task that needs no other: threads of this process work them off, or workers of a cluster (`features.cluster`), with the same
integers out.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.errors import FeatureError
from data.layout import VersionTables
from data.records import Version
from data.times import DAY, HOUR, OPEN
from features import kernels
from features.columns import Views, columns_behind
from features.definitions import FeatureSet
from features.feeds import (
    VERSION_COLUMNS,
    Feed,
    Rows,
    arranged,
    buckets_of,
    feeds_of,
    joined,
    key_texts,
    observed,
    parted,
)
from features.forms import MISSING, Floats, Integers
from features.measures import Key, Measure
from features.questions import Question, Questions

_LARGEST_SUM = 2.0**62
_CHINA = 8 * HOUR
_POWERS = {"count": 0, "sum": 1, "sum_of_squares": 2}
Values = Floats | NDArray[np.object_]
Progress = Callable[[int, int], None]


def _quiet(_done: int, _total: int) -> None:
    return None


class Source(Protocol):
    """Where versions of records come from, as columns in the layout of `data.layout.schema_of_versions`."""

    def rows(self, kind: str) -> int:
        """How many versions of a kind there are."""
        ...

    def tables(self, kind: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The versions of a kind, piece by piece, with those of some columns that the kind has."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions about one key of a feed's bucket: their key texts (no nulls) and instants, n each."""

    keys: pa.Array
    at: Integers


@dataclass(frozen=True, slots=True)
class Task:
    """A bucket of a feed with what is asked of it; `places` says which questions these are."""

    feed: Feed
    bucket: int
    asked: Asked
    places: Integers


class Feeds(Protocol):
    """Feeds that are ready to be asked."""

    def buckets(self, feed: Feed) -> int:
        """Into how many buckets a feed is split by the hash of its keys."""
        ...

    def table(self, feed: Feed, bucket: int) -> pa.Table:
        """The rows of a bucket, as `features.feeds.observed` gives them."""
        ...


class FeedsInMemory:
    """Feeds made at once from a source, in buckets of some size that threads share.

    Arguments:
        rows: of a bucket, about; what is fewer than twice as many stays in one.
    """

    def __init__(
        self, measures: Iterable[Measure], source: Source, progress: Progress = _quiet, *, rows: int = 500_000
    ) -> None:
        feeds = feeds_of(measures)
        self._counts = {feed.name: max(source.rows(feed.stream.kind) // rows, 1) for feed in feeds}
        self._pieces: dict[str, list[list[pa.Table]]] = {}
        for feed, piece in observations(feeds, source, progress):
            count = self._counts[feed.name]
            buckets = self._pieces.setdefault(feed.name, [[] for _ in range(count)])
            for bucket, part in zip(buckets, [piece] if count == 1 else parted(piece, count), strict=True):
                bucket.append(part)

    def buckets(self, feed: Feed) -> int:
        """Into how many buckets a feed is split; none if nothing was observed."""
        return self._counts[feed.name] if feed.name in self._pieces else 0

    def table(self, feed: Feed, bucket: int) -> pa.Table:
        """The rows of a bucket."""
        return joined(self._pieces[feed.name][bucket])


def observations(feeds: Sequence[Feed], source: Source, progress: Progress = _quiet) -> Iterator[tuple[Feed, pa.Table]]:
    """What a source says to some feeds, piece by piece; a table of the source is read once for all feeds of its kind."""
    by_kind: dict[str, list[Feed]] = {}
    for feed in feeds:
        by_kind.setdefault(feed.stream.kind, []).append(feed)
    done, total = 0, sum(source.rows(kind) for kind in by_kind)
    for kind, wanting in by_kind.items():
        fields = [field for feed in wanting for field in feed.fields]
        columns = dict.fromkeys([*VERSION_COLUMNS, *columns_behind(kind, fields)])
        for table in source.tables(kind, list(columns)):
            views = Views(kind, table)
            for feed in wanting:
                piece = observed(feed, views, table)
                if piece.num_rows:
                    yield feed, piece
            done += table.num_rows
            progress(done, total)


def tasks_of(measures: Sequence[Measure], feeds: Feeds, questions: Questions) -> Iterator[Task]:
    """The tasks that questions make: those of a key's bucket together, key by key, so that few texts are held at once."""
    by_key: dict[Key, list[Feed]] = {}
    for feed in sorted(feeds_of(measures), key=lambda feed: (feed.key.name, feed.key.fields)):
        by_key.setdefault(feed.key, []).append(feed)
    for key, wanting in by_key.items():
        keys = key_texts(key, {field: questions.get(field) for field in key.fields}, len(questions))
        split: dict[int, list[tuple[int, Asked, Integers]]] = {}  # feeds in as many buckets are asked the same
        for feed in wanting:
            count = feeds.buckets(feed)
            if count and count not in split:
                split[count] = list(_by_bucket(keys, questions.at, count))
            for number, asked, places in split.get(count, []):
                yield Task(feed, number, asked, places)


def _by_bucket(keys: pa.Array, at: Integers, count: int) -> Iterator[tuple[int, Asked, Integers]]:
    """What is asked of each bucket that is asked anything, and which questions these are."""
    places = np.flatnonzero(keys.is_valid().to_numpy(zero_copy_only=False))
    if not len(places):
        return
    bucket = buckets_of(keys.take(pa.array(places)), count)
    for number in range(count):
        own = places[bucket == number]
        if len(own):
            yield number, Asked(keys.take(pa.array(own)), at[own]), own


def answer(task: Task, table: pa.Table) -> dict[Measure, Integers]:
    """The measures of a task's questions from the rows of its bucket, shape (n,) each.

    Raises:
        FeatureError: where a sum leaves 64 bits.
    """
    rows = arranged(table)
    code = pc.index_in(task.asked.keys, rows.keys).fill_null(-1).to_numpy(zero_copy_only=False)
    order = np.lexsort((task.asked.at, code))
    order = order[np.searchsorted(code[order], 0) :]
    at = task.asked.at[order]
    asked = np.searchsorted(code[order], np.arange(len(rows.keys) + 1)).astype(np.int64)
    pass_ = _Pass(task.feed, rows, asked, at)
    results = {}
    for measure, values in pass_.answers():
        empty = MISSING if measure.operator in ("latest", "since") else 0
        column = np.full(len(code), empty, dtype=np.int64)
        column[order] = values
        results[measure] = column
    return results


class _Pass:
    """The passes over one bucket: a value over all its windows together."""

    def __init__(self, feed: Feed, rows: Rows, asked: Integers, at: Integers) -> None:
        self._feed, self._rows, self._asked, self._at = feed, rows, asked, at
        self._opened: dict[int, Integers] = {}

    def answers(self) -> Iterator[tuple[Measure, Integers]]:
        """The answers to the measures of the feed, shape (q,) each."""
        added: dict[int, list[Measure]] = {}
        distinct: dict[tuple[str, int], list[Measure]] = {}
        for measure in self._feed.measures:
            if measure.operator in ("latest", "since"):
                yield measure, self._latest(measure)
            elif measure.operator == "distinct":
                distinct.setdefault((str(measure.value), _unit(measure)), []).append(measure)
            else:
                added.setdefault(_unit(measure), []).append(measure)
        for unit, measures in added.items():
            yield from self._sums(measures, unit)
        for (value, unit), measures in distinct.items():
            yield from self._distinct(measures, value, unit)

    def _opens(self, unit: int) -> Integers:
        """When the day or hour of each question began."""
        if unit not in self._opened:
            shift = _CHINA if unit == DAY else 0
            self._opened[unit] = (self._at + shift) // unit * unit - shift
        return self._opened[unit]

    def _sums(self, measures: Sequence[Measure], unit: int) -> Iterator[tuple[Measure, Integers]]:
        """Counts and sums: plain observations by differences of running sums, the others one by one."""
        rows, asked, at, opens = self._rows, self._asked, self._at, self._opens(unit)
        lengths, reach = _windows(measures, unit)
        plain, places, begins = kernels.others(rows.offsets, rows.start, rows.event_at, rows.closed, OPEN)
        edges = kernels.edges(rows.offsets, rows.start, asked, at, opens, reach)
        addends = list(dict.fromkeys((measure.value, _POWERS[measure.operator]) for measure in measures))
        sums, values = [], np.empty((len(places), len(addends)), dtype=np.int64)
        for column, (value, power) in enumerate(addends):
            numbers = rows.start if value is None else rows.numbers[value][0]
            if power:
                _demand_room(f"{self._feed.name}.{value}", rows, numbers, squares=power == 2)
            sums.append(kernels.plain_sums(rows.offsets, numbers, power, plain, asked, edges))
            values[:, column] = numbers[places] ** power
        start, event_at, closed = (times[places] for times in (rows.start, rows.event_at, rows.closed))
        rest = kernels.window_sums(begins, start, event_at, closed, values, asked, at, opens, reach, OPEN)
        for measure in measures:
            addend, window = addends.index((measure.value, _POWERS[measure.operator])), lengths.index(_length(measure))
            yield measure, sums[addend][:, window] + rest[addend, window]

    def _distinct(self, measures: Sequence[Measure], value: str, unit: int) -> Iterator[tuple[Measure, Integers]]:
        rows = self._rows
        lengths, reach = _windows(measures, unit)
        counts = kernels.window_distinct(
            rows.offsets, rows.start, rows.event_at, rows.closed, rows.codes[value], rows.code_counts[value],
            self._asked, self._at, self._opens(unit), reach, OPEN,
        )  # fmt: skip
        for measure in measures:
            yield measure, counts[lengths.index(_length(measure))]

    def _latest(self, measure: Measure) -> Integers:
        rows, unit, length = self._rows, _unit(measure), _length(measure)
        reach = OPEN if length is None else (length - 1) * unit
        nothing = np.zeros(len(rows.start), dtype=np.int64)
        numbers, valid = (nothing, None) if measure.value is None else rows.numbers[measure.value]
        valid = np.ones(len(rows.start), dtype=bool) if valid is None else valid
        last = kernels.latest(
            rows.offsets, rows.start, rows.event_at, rows.closed, numbers, valid, self._asked, self._at,
            self._opens(unit), reach, -1,
        )  # fmt: skip
        values = rows.start if measure.operator == "since" else numbers
        return np.where(last < 0, MISSING, values[last])


def _unit(measure: Measure) -> int:
    return HOUR if measure.hours is not None else DAY


def _length(measure: Measure) -> int | None:
    return measure.days or measure.hours


def _windows(measures: Sequence[Measure], unit: int) -> tuple[list[int | None], Integers]:
    """The lengths of some measures' windows, from the shortest, None at last; and how far each goes back before its unit."""
    lengths = sorted({length for measure in measures if (length := _length(measure)) is not None})
    return [*lengths, None], (np.array(lengths, dtype=np.int64) - 1) * unit


def _demand_room(name: str, rows: Rows, numbers: Integers, *, squares: bool) -> None:
    """Sums must stay exact. A bound that is quick to find comes first, the sum itself only where that does not suffice."""
    if not len(numbers):
        return
    largest = float(max(abs(int(numbers.max())), abs(int(numbers.min()))))
    if squares and largest**2 >= _LARGEST_SUM:
        raise FeatureError(f"{name}: a square leaves 64 bits; scale the value down")
    if largest ** (2 if squares else 1) * float(np.diff(rows.offsets).max()) < _LARGEST_SUM:
        return
    sizes = np.abs(numbers.astype(np.float64)) ** (2 if squares else 1)
    if float(np.add.reduceat(sizes, rows.offsets[:-1][np.diff(rows.offsets) > 0]).max()) >= _LARGEST_SUM:
        raise FeatureError(f"{name}: a sum leaves 64 bits; scale the value down")


class Measured:
    """The measures and facts of questions: what the forms of features are computed from."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self.at = questions.at
        self._measured: dict[Measure, Integers] = {}

    def begin(self, measure: Measure) -> None:
        """A measure that nothing was found for: 0 or missing, and missing where a question lacks the key."""
        empty = MISSING if measure.operator in ("latest", "since") else 0
        column = np.full(len(self.at), empty, dtype=np.int64)
        for field in measure.key.fields:
            given = self._questions.get(field)
            if given is None:
                column[:] = MISSING
            elif given.null_count:
                column[given.is_null().to_numpy(zero_copy_only=False)] = MISSING
        self._measured[measure] = column

    def put(self, task: Task, answers: dict[Measure, Integers]) -> None:
        """The answers of a task in their places."""
        for measure, values in answers.items():
            self._measured[measure][task.places] = values

    def measure(self, measure: Measure) -> Integers:
        """A measure of all questions, shape (n,), `MISSING` where it has no value."""
        return self._measured[measure]

    def numbers(self, field: str) -> Integers:
        """An integer fact of all questions, shape (n,)."""
        column = self._questions.get(field)
        if column is None:
            return np.full(len(self.at), MISSING, dtype=np.int64)
        return column.fill_null(MISSING).to_numpy(zero_copy_only=False)

    def texts(self, field: str) -> NDArray[np.object_]:
        """A text fact of all questions, shape (n,)."""
        column = self._questions.get(field)
        if column is None:
            return np.full(len(self.at), None, dtype=object)
        return column.cast(pa.string()).to_numpy(zero_copy_only=False)


Run = Callable[[Feeds, Iterable[Task]], Iterable[tuple[Task, dict[Measure, Integers]]]]
"""Works tasks off, in any order. Tasks are made as they are taken, so that few of them are held at once."""


def on_threads(workers: int) -> Run:
    """Work tasks off on threads of this process: the loops and the reading of files need no lock of the interpreter.

    Arguments:
        workers: how many; each holds one bucket at a time.
    """

    def run(feeds: Feeds, tasks: Iterable[Task]) -> Iterator[tuple[Task, dict[Measure, Integers]]]:
        running: deque[tuple[Task, Future[dict[Measure, Integers]]]] = deque()
        with ThreadPoolExecutor(workers) as pool:
            for task in tasks:
                running.append((task, pool.submit(_answered, feeds, task)))
                if len(running) > 2 * workers:
                    first, answers = running.popleft()
                    yield first, answers.result()
            for task, answers in running:
                yield task, answers.result()

    return run


def _answered(feeds: Feeds, task: Task) -> dict[Measure, Integers]:
    return answer(task, feeds.table(task.feed, task.bucket))


def measured(
    measures: Sequence[Measure],
    feeds: Feeds,
    questions: Questions,
    *,
    run: Run | None = None,
    progress: Progress = _quiet,
) -> Measured:
    """All measures of some questions.

    Arguments:
        run: how tasks are worked off; threads of this process, two, unless told otherwise.
        progress: called with the number of buckets done and their total.
    """
    result = Measured(questions)
    for measure in measures:
        result.begin(measure)
    total = sum(feeds.buckets(feed) for feed in feeds_of(measures))
    tasks = tasks_of(measures, feeds, questions)
    for done, (task, answers) in enumerate((run or on_threads(2))(feeds, tasks), start=1):
        result.put(task, answers)
        progress(done, total)
    progress(total, total)  # buckets that nothing was asked of made no task
    return result


def matrix(
    features: FeatureSet, feeds: Feeds, questions: Questions, *, run: Run | None = None, progress: Progress = _quiet
) -> dict[str, Values]:
    """The features of a set for all questions.

    Arguments:
        features: the set.
        feeds: made for its measures, or for more.
        questions: n moments with their facts.
        run, progress: as for `measured`.
    Returns:
        A column of shape (n,) a feature, in the set's order: floats with NaN for missing, or texts with None.
    Raises:
        FeatureError: where a sum leaves 64 bits.
    """
    found: Any = measured(features.measures, feeds, questions, run=run, progress=progress)
    return {feature.name: feature.expression.column(found) for feature in features.features}


def matrix_of(
    features: FeatureSet, versions: Iterable[Version], questions: Sequence[Question], progress: Progress = _quiet
) -> dict[str, Values]:
    """The features of a set for questions and versions that are at hand one by one: few of them, in notebooks and tests."""
    feeds = FeedsInMemory(features.measures, VersionTables(versions))
    return matrix(features, feeds, Questions.of(questions), progress=progress)
