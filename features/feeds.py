"""Feeds: what a stream says under a key, as columns in the order of their key. The batch engine computes on nothing else.

A feed holds all that the measures over one stream and key need. Its rows are observations: they count at `t` where
`start < t < closed` and their window is open.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.times import OPEN
from features import kernels
from features.columns import Column, Views
from features.measures import Key, Measure, Stream

Integers = NDArray[np.int64]
Codes = NDArray[np.int32]
_TIMES = ("start", "event_at", "closed")
VERSION_COLUMNS = ("action", "event_at", "known_at", "usable_until", "ended_at")
"""What feeds need of a version beside its fields."""


@dataclass(frozen=True, slots=True)
class Feed:
    """What some measures need of a stream under a key: integers to sum, and codes to tell apart."""

    stream: Stream
    key: Key
    numbers: tuple[str, ...]
    codes: tuple[str, ...]
    measures: tuple[Measure, ...]

    @property
    def name(self) -> str:
        """A name that may be a folder's."""
        return f"{self.key.name}.{self.stream.name}"

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a view that it is made from."""
        stream = (self.stream.field, self.stream.given)
        needed = (*self.key.fields, *stream, *self.numbers, *self.codes)
        return tuple(dict.fromkeys(field for field in needed if field is not None))


def feeds_of(measures: Iterable[Measure]) -> tuple[Feed, ...]:
    """The feeds of some measures, each stream and key once, in the order of their first use."""
    grouped: dict[tuple[Stream, Key], list[Measure]] = {}
    for measure in measures:
        grouped.setdefault((measure.stream, measure.key), []).append(measure)
    feeds = []
    for (stream, key), asked in grouped.items():
        valued = [(m.operator == "distinct", m.value) for m in asked if m.value is not None]
        numbers = dict.fromkeys(value for is_code, value in valued if not is_code)
        codes = dict.fromkeys(value for is_code, value in valued if is_code)
        feeds.append(Feed(stream, key, tuple(numbers), tuple(codes), tuple(asked)))
    return tuple(feeds)


def key_texts(key: Key, columns: Mapping[str, Column | None], rows: int) -> Column:
    """The key of each row as text, null where a row lacks it: the twin of `Key.of`.

    Arguments:
        columns: the key's fields, n values each.
        rows: n.
    """
    given = [column for field in key.fields if (column := columns[field]) is not None]
    if len(given) < len(key.fields):
        return pa.nulls(rows, pa.string())
    parts = [column if pa.types.is_string(column.type) else column.cast(pa.string()) for column in given]
    return pc.binary_join_element_wise(pa.scalar(key.name), *parts, "\x1f")


def observed(feed: Feed, views: Views, versions: pa.Table) -> pa.Table:
    """The rows that versions of the stream's kind give a feed.

    Arguments:
        views: their views.
        versions: the columns `VERSION_COLUMNS`, in the same order.
    Returns:
        A table of `key` (text as dictionary), `start`, `event_at`, `closed` (instants), numbers as `n_FIELD`, codes as `c_FIELD`.
    """
    columns = {field: views.get(field) for field in feed.fields}
    keys = key_texts(feed.key, columns, len(views))
    event_at, known_at, usable_until, ended_at = (instants(versions[name]) for name in VERSION_COLUMNS[1:])
    start, closed = np.maximum(event_at, known_at), np.minimum(usable_until, ended_at)
    kept = pc.and_(keys.is_valid(), pc.is_in(versions["action"].combine_chunks(), pa.array(["new", "change"])))
    kept = pc.and_(kept, pa.array(closed > start + 1))
    stream = feed.stream
    if stream.given is not None:
        kept = pc.and_(kept, _is_given(columns[stream.given], len(views)))
    if stream.field is not None:
        said = columns[stream.field]
        is_one = pa.array(np.zeros(len(views), dtype=bool)) if said is None else pc.is_in(said, pa.array(stream.values))
        kept = pc.and_(kept, is_one)
    table: dict[str, Column] = {
        "key": keys, "start": pa.array(start), "event_at": pa.array(event_at), "closed": pa.array(closed),
    }  # fmt: skip
    for field in feed.numbers:
        column = columns[field]
        table[f"n_{field}"] = pa.nulls(len(views), pa.int64()) if column is None else column.cast(pa.int64())
    for field in feed.codes:
        column = columns[field]
        table[f"c_{field}"] = pa.nulls(len(views), pa.string()) if column is None else column.cast(pa.string())
    rows = pa.table(table).filter(kept)
    texts = [name for name in rows.column_names if name == "key" or name.startswith("c_")]
    for name in texts:
        rows = rows.set_column(rows.column_names.index(name), name, rows[name].dictionary_encode())
    return rows


def _is_given(column: Column | None, rows: int) -> Column:
    return pa.array(np.zeros(rows, dtype=bool)) if column is None else column.is_valid()


def instants(column: pa.ChunkedArray) -> Integers:
    """Moments as microseconds, `OPEN` where none is given."""
    array = column.combine_chunks().cast(pa.int64())
    result: Integers = (array.fill_null(OPEN) if array.null_count else array).to_numpy()
    return result


@dataclass(frozen=True, slots=True)
class Rows:
    """A feed's rows, those of one key together and in the order of their start.

    Arguments:
        keys: the texts of the k keys.
        offsets: where each key's rows begin, shape (k + 1,).
        start, event_at, closed: instants, shape (n,).
        numbers: by field, with which rows have it (None: all), shapes (n,).
        codes: by field, -1 where a row has none, shape (n,), below `code_count`.
    """

    keys: pa.Array
    offsets: Integers
    start: Integers
    event_at: Integers
    closed: Integers
    numbers: Mapping[str, tuple[Integers, NDArray[np.bool_] | None]]
    codes: Mapping[str, Codes]
    code_counts: Mapping[str, int]


def arranged(table: pa.Table) -> Rows:
    """Rows of a feed in the order of their keys and starts. A table that is in this order already is taken as it is."""
    keys = table["key"].unify_dictionaries().combine_chunks() if table["key"].num_chunks != 1 else table["key"].chunk(0)
    code = keys.indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    start = table["start"].to_numpy()
    names = keys.dictionary
    order: NDArray[np.int64] | None = None
    if not kernels.is_arranged(code, start):
        by_start = np.argsort(start, kind="stable")
        order, offsets = kernels.grouped(code, by_start, len(names))
    else:
        offsets = np.searchsorted(code, np.arange(len(names) + 1)).astype(np.int64)

    def sorted_(values: NDArray[Any]) -> NDArray[Any]:
        return values if order is None else values[order]

    numbers, codes, code_counts = {}, {}, {}
    for name in table.column_names:
        if name.startswith("n_"):
            column = table[name]
            valid = sorted_(column.is_valid().to_numpy()) if column.null_count else None
            filled = (column.fill_null(0) if column.null_count else column).to_numpy()
            numbers[name[2:]] = (sorted_(filled), valid)
        elif name.startswith("c_"):
            said = table[name].unify_dictionaries().combine_chunks()
            places = (said.indices.fill_null(-1) if said.null_count else said.indices).to_numpy(zero_copy_only=False)
            codes[name[2:]] = sorted_(places.astype(np.int32, copy=False))
            code_counts[name[2:]] = len(said.dictionary)
    start, event_at, closed = (sorted_(table[name].to_numpy()) for name in _TIMES)
    return Rows(names, offsets, start, event_at, closed, numbers, codes, code_counts)


def joined(pieces: Sequence[pa.Table]) -> pa.Table:
    """Pieces of one feed as one table."""
    return pieces[0] if len(pieces) == 1 else pa.concat_tables(pieces)
