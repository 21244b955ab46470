"""Features as a policy would know them: what its own inspections found, beside everything that no policy changes.

Measures over other kinds of records are the same for all policies and computed once. Measures over supervision are computed again
each week, from the records of before the replay and from the policy's own inspections, by the same batch engine.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data.layout import schema_of_versions
from features.batch import Feeds as AskedFeeds
from features.batch import FeedsInMemory, Source, Task, Values, answer, measured, observations
from features.definitions import Feature, FeatureSet
from features.feeds import Feed, feeds_of, instants, joined
from features.forms import Columns
from features.measures import Measure
from features.questions import Questions

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
SUPERVISION = "supervision"


def is_moving(feature: Feature) -> bool:
    """Whether a feature depends on what was inspected."""
    return any(measure.stream.kind == SUPERVISION for measure in feature.expression.measures)


def _at_once(feeds: AskedFeeds, tasks: Iterable[Task]) -> Iterator[tuple[Task, dict[Measure, Integers]]]:
    for task in tasks:
        yield task, answer(task, feeds.table(task.feed, task.bucket))


class OneTable:
    """A source that holds records of supervision only."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def rows(self, kind: str) -> int:
        """How many versions of a kind there are."""
        return int(self._table.num_rows) if kind == SUPERVISION else 0

    def tables(self, kind: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The versions of a kind with those of some columns that it has."""
        if kind == SUPERVISION:
            names = {column.split(".")[0] for column in columns}
            yield self._table.select([name for name in self._table.column_names if name in names])


class GrowingFeeds:
    """Feeds over supervision to which inspections are added as they become known. Used up by one replay.

    Arguments:
        measures: those over supervision.
    """

    def __init__(self, measures: Sequence[Measure]) -> None:
        self._feeds = feeds_of(measures)
        self._pieces: dict[str, list[pa.Table]] = {}

    def add(self, table: pa.Table) -> None:
        """Take in records of supervision, in the layout of stored versions."""
        if table.num_rows:
            for feed, piece in observations(self._feeds, OneTable(table)):
                self._pieces.setdefault(feed.name, []).append(piece)

    def buckets(self, feed: Feed) -> int:
        """One bucket a feed; none if nothing was observed."""
        return int(feed.name in self._pieces)

    def table(self, feed: Feed, _bucket: int) -> pa.Table:
        """The rows of a bucket."""
        if len(self._pieces[feed.name]) > 1:
            self._pieces[feed.name] = [joined(self._pieces[feed.name]).combine_chunks()]
        return self._pieces[feed.name][0]


class _Joined:
    """Columns of some questions: fresh measures over supervision, the others as computed once."""

    def __init__(self, base: Columns, fresh: Columns, places: Integers, fresh_measures: frozenset[Measure]) -> None:
        self._base, self._fresh, self._places, self._moving = base, fresh, places, fresh_measures

    @property
    def at(self) -> Integers:
        return self._base.at[self._places]

    def measure(self, measure: Measure) -> Integers:
        if measure in self._moving:
            return self._fresh.measure(measure)
        return self._base.measure(measure)[self._places]

    def numbers(self, field: str) -> Integers:
        return self._base.numbers(field)[self._places]

    def texts(self, field: str) -> NDArray[np.object_]:
        return self._base.texts(field)[self._places]


@dataclass(frozen=True, slots=True)
class Histories:
    """What features of n questions are made from; shared by all policies.

    Attributes:
        still: columns of the features that no policy changes, shape (n,) each.
        moving: the features that depend on what was inspected.
        before: records of supervision as known when the replay begins.
        questions: of the declarations, in the order of time. `table` holds these, whole, n rows.
    """

    still: Mapping[str, Values]
    moving: tuple[Feature, ...]
    before: pa.Table
    questions: Questions
    table: pa.Table
    base: Columns

    @property
    def moving_measures(self) -> tuple[Measure, ...]:
        """The measures over supervision."""
        needed = (m for feature in self.moving for m in feature.expression.measures)
        return tuple(dict.fromkeys(m for m in needed if m.stream.kind == SUPERVISION))

    def feeds(self) -> GrowingFeeds:
        """Feeds that hold what was known of supervision when the replay begins."""
        feeds = GrowingFeeds(self.moving_measures)
        feeds.add(self.before)
        return feeds

    def columns(self, feeds: GrowingFeeds, places: Integers) -> dict[str, Values]:
        """The moving features of some questions as the feeds know them.

        Arguments:
            places: of the questions, shape (m,).
        """
        measures = self.moving_measures
        taken, at = pa.array(places), self.questions.at[places]

        def get(field: str) -> pa.Array | None:
            column = self.questions.get(field)
            return None if column is None else column.take(taken)

        fresh = measured(measures, feeds, Questions(at, get), run=_at_once)
        columns = _Joined(self.base, fresh, places, frozenset(measures))
        return {feature.name: feature.expression.column(columns) for feature in self.moving}

    def inspections(
        self, places: Integers, known_at: Integers, found: NDArray[np.bool_], duty_fen: Integers,
        explored: NDArray[np.bool_], inclusion: Floats,
    ) -> pa.Table:  # fmt: skip
        """Records of inspections of some declarations, in the layout of stored versions.

        Arguments:
            places: of the declarations, shape (m,), as the other columns.
            known_at: instants at which they report.
            found: whether they hit. duty_fen: what they recover.
            explored: whether they were drawn. inclusion: with what probability they were selected.
        """
        schema = schema_of_versions(SUPERVISION)
        declared = self.table.take(pa.array(places)).combine_chunks()
        rows, moments = len(places), pa.array(known_at).cast(schema.field("known_at").type)
        facts = schema.field("facts").type
        given = [
            _one(declared[field.name]) if field.name in declared.column_names else pa.nulls(rows, field.type)
            for field in facts
        ]
        said = {
            "seq": pa.array(np.zeros(rows, dtype=np.int64)), "digest": pa.repeat("", rows), "guid": pa.repeat("", rows),
            "source": pa.repeat("replay", rows), "action": pa.repeat("new", rows), "event_at": moments, "known_at": moments,
            "event": pa.repeat("inspection", rows), "finding": pa.array(np.where(found, "hit", "clean").tolist(), pa.string()),
            "duty_recovered_fen": pa.array(duty_fen),
            "selected_by": pa.array(np.where(explored, "random", "risk").tolist(), pa.string()),
            "inclusion_permille": pa.array(np.round(inclusion * 1000).astype(np.int64)),
            "facts": pa.StructArray.from_arrays(given, fields=list(facts)),
        }  # fmt: skip
        for name in ("enterprise", "declaration_no", "legal_person", "parent"):
            if name in schema.names:
                said[name] = _one(declared[name]) if name in declared.column_names else pa.nulls(rows, pa.string())
        columns = [said.get(field.name, pa.nulls(rows, field.type)) for field in schema]
        return pa.table([c.cast(f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def histories_of(features: FeatureSet, source: Source, questions: Questions, table: pa.Table, start: int) -> Histories:
    """What features of questions are made from in a replay that begins at an instant.

    Arguments:
        source: the records. Those of supervision that became known at `start` or later never count.
        questions, table: of n declarations and their rows, in the order of time.
    """
    moving = tuple(feature for feature in features.features if is_moving(feature))
    measures = tuple(measure for measure in features.measures if measure.stream.kind != SUPERVISION)
    base = measured(measures, FeedsInMemory(measures, source), questions, run=_at_once)
    still = {f.name: f.expression.column(base) for f in features.features if f not in moving}
    return Histories(still, moving, supervision_before(source, start), questions, table, base)


def supervision_before(source: Source, start: int) -> pa.Table:
    """Records of supervision as known before an instant: later ones left out, and the ends that they made."""
    schema = schema_of_versions(SUPERVISION)
    kept = []
    for whole in source.tables(SUPERVISION, schema.names):
        table = whole.filter(pa.array(instants(whole["known_at"]) < start))
        ended = instants(table["ended_at"])
        index = table.schema.get_field_index("ended_at")
        open_now = pa.array(ended, mask=ended >= start).cast(schema.field("ended_at").type)
        kept.append(table.set_column(index, "ended_at", open_now).select(schema.names))
    return pa.concat_tables(kept).combine_chunks() if kept else schema.empty_table()


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()
