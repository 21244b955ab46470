"""Feeds: what a stream says under a key, as columns in the order of their key. The batch engine computes on nothing else.

A feed holds all that the measures over one stream and key need. Its rows are observations: they count at `t` where
`start < t < closed` and their window is open.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
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
        A table of `key` (text as dictionary), `start`, `event_at`, `closed` (instants), numbers as `n_FIELD`, codes as `c_FIELD`
        (texts).
    """
    keys = _encoded_keys(feed.key, views)
    event_at, known_at, usable_until, ended_at = (instants(versions[name]) for name in VERSION_COLUMNS[1:])
    start, closed = np.maximum(event_at, known_at), np.minimum(usable_until, ended_at)
    kept = _is_one(versions["action"].combine_chunks(), ("new", "change"))
    if keys.null_count:
        kept = pc.and_(kept, keys.is_valid())
    stream = feed.stream
    if stream.given is not None:
        kept = pc.and_(kept, _is_given(views.get(stream.given), len(views)))
    if stream.field is not None:
        said = views.get(stream.field)
        is_one = pa.array(np.zeros(len(views), dtype=bool)) if said is None else _is_one(said, stream.values)
        kept = pc.and_(kept, is_one)
    table: dict[str, Column] = {
        "key": keys, "start": pa.array(start), "event_at": pa.array(event_at), "closed": pa.array(closed),
    }  # fmt: skip
    for field in feed.numbers:
        column = views.get(field)
        table[f"n_{field}"] = pa.nulls(len(views), pa.int64()) if column is None else column.cast(pa.int64())
    for field in feed.codes:
        column = views.get(field)
        table[f"c_{field}"] = pa.nulls(len(views), pa.string()) if column is None else column.cast(pa.string())
    if pc.all(kept).as_py():  # what never counts does no harm, and would cost a copy of all to be rid of
        return pa.table(table)
    return pa.table(table).filter(pc.and_(kept, pa.array(closed > start + 1)))


def _encoded_keys(key: Key, views: Views) -> Column:
    """The key of each row as dictionary. Where one field is the key, each different text is made once."""
    if len(key.fields) > 1:
        return key_texts(key, {field: views.get(field) for field in key.fields}, len(views)).dictionary_encode()
    field = key.fields[0]
    encoded = views.encoded(field)
    if encoded is None:
        return pa.nulls(len(views), pa.string()).dictionary_encode()
    texts = key_texts(key, {field: encoded.dictionary}, len(encoded.dictionary))
    return pa.DictionaryArray.from_arrays(encoded.indices.cast(pa.int32()), texts)


def _is_one(column: Column, values: Sequence[str]) -> Column:
    """Which texts are one of some."""
    if pa.types.is_dictionary(column.type):
        return pc.is_in(column.dictionary, pa.array(values)).take(column.indices).fill_null(False)
    return pc.is_in(column, pa.array(values))


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
    """Rows of a feed in the order of their keys and starts. A table that is in this order already is taken as it is.

    Arguments:
        table: as `observed` or `packed` gives it; codes may also be texts as dictionary.
    """
    keys = _one(table["key"].unify_dictionaries())
    code = keys.indices.to_numpy()
    start = _one(table["start"]).to_numpy()
    names = keys.dictionary
    order: NDArray[np.int64] | None = None
    if kernels.is_arranged(code, start):
        offsets = np.searchsorted(code, np.arange(len(names) + 1, dtype=np.int32)).astype(np.int64)
    else:
        order, offsets = kernels.grouped(code, np.argsort(start, kind="stable"), len(names))

    def sorted_(values: NDArray[Any]) -> NDArray[Any]:
        return values if order is None else values[order]

    numbers, codes, code_counts = {}, {}, {}
    for name in table.column_names:
        if name.startswith("n_"):
            column = _one(table[name])
            valid = sorted_(column.is_valid().to_numpy(zero_copy_only=False)) if column.null_count else None
            filled = (column.fill_null(0) if column.null_count else column).to_numpy()
            numbers[name[2:]] = (sorted_(filled), valid)
        elif name.startswith("c_"):
            places, code_counts[name[2:]] = _codes(_one(table[name].unify_dictionaries()))
            codes[name[2:]] = sorted_(places)
    event_at, closed = (_one(table[name]).to_numpy() for name in ("event_at", "closed"))
    return Rows(names, offsets, sorted_(start), sorted_(event_at), sorted_(closed), numbers, codes, code_counts)


def _one(column: pa.ChunkedArray) -> Column:
    """A column in one piece, without copying what is one."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _codes(said: Column) -> tuple[Codes, int]:
    """Numbers that tell texts apart, -1 for none; and how many there are."""
    if pa.types.is_integer(said.type):
        codes: Codes = said.to_numpy()
        return codes, int(codes.max(initial=-1)) + 1
    encoded = said if pa.types.is_dictionary(said.type) else said.dictionary_encode()
    indices = encoded.indices.fill_null(-1) if encoded.null_count else encoded.indices
    return indices.to_numpy(), len(encoded.dictionary)


def packed(table: pa.Table) -> pa.Table:
    """The rows of a whole bucket as they are best stored: in the order of `arranged`, codes as int32 numbers of this bucket.

    What is told apart need not be known by its text again, and texts are most of what reading would cost.
    """
    rows = arranged(table)
    code = np.repeat(np.arange(len(rows.keys), dtype=np.int32), np.diff(rows.offsets))
    columns: dict[str, Column] = {"key": pa.DictionaryArray.from_arrays(pa.array(code), rows.keys)}
    columns |= {name: pa.array(getattr(rows, name)) for name in _TIMES}
    for field, (values, valid) in rows.numbers.items():
        columns[f"n_{field}"] = pa.array(values, mask=None if valid is None else ~valid)
    return pa.table(columns | {f"c_{field}": pa.array(codes) for field, codes in rows.codes.items()})


def write(table: pa.Table, path: Path) -> None:
    """Store the rows of a bucket as `packed` gives them, in one group: a reader wants all or nothing of a column."""
    pq.write_table(
        table, path, compression="lz4", use_dictionary=["key", "closed"], dictionary_pagesize_limit=2**24,
        row_group_size=max(table.num_rows, 1), write_statistics=False,
    )  # fmt: skip


def read(path: Path, feed: Feed) -> pa.Table:
    """What a feed needs of a stored bucket, which may hold more numbers and codes."""
    wanted = ["key", *_TIMES, *(f"n_{field}" for field in feed.numbers), *(f"c_{field}" for field in feed.codes)]
    with pq.ParquetFile(path, read_dictionary=["key"], memory_map=True) as file:
        return file.read(columns=wanted, use_threads=False)


def parted(table: pa.Table, count: int) -> list[pa.Table]:
    """Rows of a feed by bucket, each with its own keys only, their order kept."""
    keys = _one(table["key"].unify_dictionaries())
    of_key = buckets_of(keys.dictionary, count)
    by_bucket = np.argsort(of_key, kind="stable")
    place = np.empty(len(by_bucket), dtype=np.int32)
    place[by_bucket] = np.arange(len(by_bucket), dtype=np.int32)
    code = keys.indices.to_numpy()
    order, bounds = kernels.grouped(of_key.astype(np.int32)[code], np.arange(len(code)), count)
    names = keys.dictionary.take(pa.array(by_bucket))
    first = np.searchsorted(of_key[by_bucket], np.arange(count + 1)).tolist()
    moved, placed = table.drop_columns("key").take(pa.array(order)), place[code[order]]
    parts = []
    for bucket in range(count):
        begin, end, low = int(bounds[bucket]), int(bounds[bucket + 1]), first[bucket]
        own = pa.DictionaryArray.from_arrays(
            pa.array(placed[begin:end] - np.int32(low)), names.slice(low, first[bucket + 1] - low)
        )
        parts.append(moved.slice(begin, end - begin).add_column(0, "key", own))
    return parts


def buckets_of(keys: pa.Array, count: int) -> Integers:
    """The bucket of each key: by a hash that is the same everywhere."""
    if count == 1:
        return np.zeros(len(keys), dtype=np.int64)
    encoded = keys if pa.types.is_dictionary(keys.type) else keys.dictionary_encode()
    hashes = kernels.hashes(*_bytes(encoded.dictionary))
    result: Integers = (hashes % np.uint64(count)).astype(np.int64)[encoded.indices.to_numpy()]
    return result


def _bytes(texts: pa.Array) -> tuple[Codes, NDArray[np.uint8]]:
    _, offsets, content = texts.cast(pa.string()).buffers()
    bounds = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return bounds, np.frombuffer(content or b"", dtype=np.uint8)


def joined(pieces: Sequence[pa.Table]) -> pa.Table:
    """Pieces of one feed as one table."""
    return pieces[0] if len(pieces) == 1 else pa.concat_tables(pieces)
