"""Bulk import of Parquet files in our layout: checked by columns into staging first, then taken in by the order of time.

Files lie by kind, but a declaration must find its order and an inspection its declaration: so all files of an import are staged,
and then records are taken in day by day in the order in which they became known.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.columns import certainly_valid, in_layout, pseudonymised_columns, with_defaults
from data.errors import MappingError, SourceUnreadableError
from data.intake import Row, Tally, raw_row, take
from data.layout import ENVELOPE, schema_of
from data.payloads import KINDS, compact, envelope_of
from data.reading import Reading
from data.records import canonical, make_record
from data.store import Store
from data.store import staging as staged_rows
from data.times import OPEN, day_of, from_instant, midnight
from data.values import FIRST_MOMENT, LAST_MOMENT

_ROWS = 65_536
_BATCH = 2_000
_TIMES = ("event_at", "known_at", "usable_until")
Progress = Callable[[int, int], None]


def stage_file(
    store: Store, path: Path, kind: str, *, load: str, reading: Reading, until: int = OPEN,
    progress: Progress = lambda _done, _size: None,
) -> tuple[int, list[Row]]:  # fmt: skip
    """Stage the rows of a file that certainly are valid records.

    Arguments:
        load: the import to which the file belongs.
        until: rows known at this instant or later are left out.
    Returns:
        How many rows were staged, and the others, each read on its own.
    Raises:
        SourceUnreadableError, MappingError: where the file is damaged, or its columns are not those of the layout.
    """
    staged, others, first = 0, [], 1
    try:
        with pq.ParquetFile(path) as file:
            _check_columns(path, kind, file.schema_arrow)
            size = file.metadata.num_rows
            for batch in file.iter_batches(batch_size=_ROWS):
                count, rest = _stage(store, path, kind, pa.table(batch), first, load, reading, until)
                staged, first = staged + count, first + len(batch)
                others += rest
                progress(first - 1, size)
    except (pa.ArrowException, OSError) as error:
        raise SourceUnreadableError(f"{path} cannot be read: {error}; what came before is staged") from None
    return staged, others


def _check_columns(path: Path, kind: str, schema: pa.Schema) -> None:
    known, found = set(schema_of(kind).names) | {"kind", "month"}, set(schema.names)
    missing = [field.name for field in ENVELOPE if not field.nullable and field.name not in found]
    if missing or found - known:
        parts = [f"missing column {name!r}" for name in missing] + [
            f"unknown column {name!r}" for name in sorted(found - known)
        ]
        raise MappingError(f"{path} does not have the columns of {kind} records: {'; '.join(parts)}")


def _stage(
    store: Store, path: Path, kind: str, sent: pa.Table, first: int, load: str, reading: Reading, until: int
) -> tuple[int, list[Row]]:
    table = in_layout(sent, kind)
    if until != OPEN:
        early = pc.less(table["known_at"].cast(pa.int64()), until).fill_null(True)
        table, sent = table.filter(early), sent.filter(early)
        if not len(table):  # a table without chunks brings pyarrow's indices_nonzero down
            return 0, []
    ready = with_defaults(pseudonymised_columns(table, kind, reading.pseudonyms, trusted=reading.trusted), kind)
    valid = certainly_valid(ready, kind, reading.received_at)
    good = ready.filter(valid)
    if len(good):
        known = good["known_at"].cast(pa.int64())
        bounds = pc.min_max(known)
        with store.write() as connection:
            staged_rows.put(
                connection, load=load, kind=kind, origin=path.name, rows=len(good),
                first_known_at=bounds["min"].as_py(), last_known_at=bounds["max"].as_py(), batch=_written(good),
            )  # fmt: skip
    places = pc.indices_nonzero(pc.invert(valid)).to_pylist()
    rest = [
        raw_row(sent_envelope(kind, raw), origin=path.name, line=first + place, reading=reading)
        for place, raw in zip(places, rows_of(table.filter(pc.invert(valid))), strict=True)
    ]
    return len(good), rest


def _written(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a table of our layout, with their times as instants."""
    for index, name in enumerate(table.schema.names):
        if name in _TIMES:
            table = table.set_column(index, name, table[name].cast(pa.int64()))
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def sent_envelope(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    """A row with its times as instants, as the envelope that it stands for. A time beyond the calendar stays a number."""
    envelope = envelope_of(kind, row)
    for name in _TIMES:
        if name in envelope and FIRST_MOMENT <= envelope[name] < LAST_MOMENT:
            envelope[name] = from_instant(envelope[name])
    return envelope


def take_in_staged(
    store: Store, others: list[Row], *, reading: Reading, progress: Progress = lambda _done, _size: None
) -> Tally:
    """Take all staged rows in, day by day in the order in which they became known.

    Arguments:
        others: rows that were read on their own; those that are valid find their place, the others go to quarantine first.
    """
    total = Tally()
    with store.read() as connection:
        waiting = staged_rows.waiting(connection)
    valid = deque(sorted((row for row in others if not row.faults), key=_known_at))
    _take(store, [row for row in others if row.faults], total, reading)
    size = sum(staged.rows for staged in waiting) + len(valid)
    opened: dict[int, pa.Table] = {}
    begin = min([s.first_known_at for s in waiting] + [_known_at(row) for row in islice(valid, 1)], default=0)
    place, done = 0, 0
    kinds = {s.id: s for s in waiting}
    ready: list[Row] = []
    finished: list[int] = []
    while place < len(waiting) or opened or valid:
        end = midnight(day_of(begin) + 1)
        coming = []
        while place < len(waiting) and waiting[place].first_known_at < end:
            coming.append(waiting[place])
            place += 1
        if coming:
            with store.read() as connection:
                for number, batch in staged_rows.batches(connection, [s.id for s in coming]):
                    opened[number] = pa.ipc.open_stream(batch).read_all()
        rows: list[Row] = []
        for number in list(opened):
            rows += rows_of_day(kinds[number], opened[number], begin, end)
        while valid and _known_at(valid[0]) < end:
            rows.append(valid.popleft())
        rows.sort(key=_turn)
        ready += rows
        for number in [number for number in opened if kinds[number].last_known_at < end]:
            del opened[number]
            finished.append(number)
        if len(ready) >= _BATCH:
            done += len(ready)
            _take(store, ready, total, reading, finished)
            ready, finished = [], []
            progress(done, size)
        later = [s.first_known_at for s in waiting[place : place + 1]] + [_known_at(row) for row in islice(valid, 1)]
        begin = end if opened else min(later, default=end)
    _take(store, ready, total, reading, finished)
    progress(size, size)
    return total


def _take(store: Store, rows: list[Row], total: Tally, reading: Reading, finished: Sequence[int] = ()) -> None:
    """Take rows in, and forget the batches that they finish, in transactions of some thousand rows."""
    for start in range(0, max(len(rows), 1), _BATCH):
        with store.write() as connection:
            total.add(take(connection, rows[start : start + _BATCH], received_at=reading.received_at).tally)
            if start + _BATCH >= len(rows):
                staged_rows.drop(connection, list(finished))


def _known_at(row: Row) -> int:
    return row.records[0].known_at


def _turn(row: Row) -> tuple[int, int, int]:
    """The order of intake: by the time known, then what ends before what begins, then as kinds build on each other."""
    record = row.records[0]
    return record.known_at, record.action == "new", KINDS.index(record.kind)


def rows_of_day(staged: staged_rows.Staged, table: pa.Table, begin: int, end: int) -> Iterator[Row]:
    """The rows of a staged batch that became known within an interval of instants."""
    known = table["known_at"].cast(pa.int64())
    part = table.filter(pc.and_(pc.greater_equal(known, begin), pc.less(known, end)))
    for line, row in enumerate(rows_of(part), start=1):
        times = {name: row.pop(name) for name in _TIMES}
        guid, source, action = row.pop("guid"), row.pop("source"), row.pop("action")
        record = make_record(
            kind=staged.kind, guid=guid, source=source, action=action, event_at=times["event_at"], known_at=times["known_at"],
            usable_until=OPEN if times["usable_until"] is None else times["usable_until"], payload=compact(row),
        )  # fmt: skip
        raw = {"kind": staged.kind, "guid": guid, "source": source, "action": action, "payload": record.payload}
        yield Row(staged.origin, line, partial(canonical, raw), (record,), raws=(raw,))
