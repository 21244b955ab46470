"""Import of files: their rows through intake in transactions of some thousand, with progress."""

import csv
import io
import json
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from data.ceb.intake import Message
from data.errors import InvalidRecordError, MappingError, SourceUnreadableError
from data.intake import Form, Row, Tally, raw_row, take, unreadable_row
from data.mapping import Mapping, apply_mapping, check_columns
from data.masking import outline, shape, shown_name
from data.payloads import PAYLOADS, compact
from data.pseudonyms import is_pseudonym
from data.readers import ENDINGS, Line, open_source, size_of
from data.reading import Reading
from data.records import Record, canonical
from data.store import Store
from data.times import OPEN

_BATCH = 2_000
_ENVELOPE = ("guid", "source", "action", "event_at", "known_at", "usable_until")


def rows_of_file(path: Path, mapping: Mapping | None, *, reading: Reading) -> Iterator[tuple[Row, int, int]]:
    """The rows of a file, each with how far reading came and the size of the whole.

    Arguments:
        mapping: how columns become records; none where each line is a record's envelope already (JSON Lines).
    Raises:
        SourceUnreadableError, MappingError: where the file as a whole cannot be read.
    """
    source = open_source(path)
    kind = kind_of_file(path, source.columns)
    if mapping is None and source.columns and kind is None:
        raise MappingError(f"{path} has columns of its own: say with --mapping how they become records")
    if mapping is not None and source.columns:
        check_columns(mapping, source.columns)
    for line in source.lines:
        if mapping is None:
            row = _row_of_envelope(path.name, line if kind is None else _as_envelope(line, kind), reading)
        else:
            row = row_of_line(path.name, line, mapping, source.columns, reading)
        yield row, line.at, source.size


def kind_of_file(path: Path, columns: Container[str]) -> str | None:
    """The kind whose records a Parquet file holds in our own layout (see `data.layout`), None for any other file."""
    named = path.parent.parent.name if path.parent.name.startswith("month=") else path.parent.name
    kind = named.removeprefix("kind=")
    return (
        kind if kind in PAYLOADS and all(name in columns for name in ("guid", "source", "action", "event_at")) else None
    )


def _as_envelope(line: Line, kind: str) -> Line:
    """A row of our own layout as the envelope that it stands for."""
    given = compact(line.values)
    raw: dict[str, Any] = {name: given.pop(name) for name in _ENVELOPE if name in given}
    return replace(line, values={"kind": kind, **raw, "payload": given})


def _row_of_envelope(origin: str, line: Line, reading: Reading) -> Row:
    if line.values is None:
        return unreadable_row(line.raw, line.faults, origin=origin, line=line.number)
    return raw_row(line.values, origin=origin, line=line.number, reading=reading)


def row_of_line(origin: str, line: Line, mapping: Mapping, columns: tuple[str, ...], reading: Reading) -> Row:
    """One row of a file with columns, by a mapping.

    Arguments:
        columns: the file's header; empty where each row names its own columns.
    """
    how = canonical({"mapping": mapping.name, "columns": columns}).decode()

    def kept() -> bytes:
        return _kept(line, mapping, columns, reading)

    def row(
        records: tuple[Record, ...] = (), faults: tuple[tuple[str, str], ...] = (), raws: tuple[Any, ...] = ()
    ) -> Row:
        readable = line.values is not None
        form: Form = ("csv" if columns else "json") if readable else "text"
        return Row(origin, line.number, kept, records, faults, form, how, raws)

    if line.values is None:
        return row(faults=line.faults)
    known = {*mapping.columns, *mapping.ignore}
    missing = tuple((c, "is missing") for c in mapping.columns if c not in line.values)
    shown = shown_name if mapping.personal_columns else str
    unknown = tuple((shown(c), "is not a column of the mapping") for c in line.values if c not in known)
    if missing or unknown:
        return row(faults=missing + unknown)
    mapped = apply_mapping(mapping, line.values)
    faults, records = list(mapped.faults), []
    for one in mapped.raws if not faults else ():
        try:
            records.append(reading.record(one))
        except InvalidRecordError as error:
            faults.extend(error.faults)
    return row((), tuple(dict.fromkeys(faults))) if faults else row(tuple(records), raws=mapped.raws)


def _kept(line: Line, mapping: Mapping, columns: tuple[str, ...], reading: Reading) -> bytes:
    """The row as sent where no column of the mapping says anything of a person, else without persons."""
    personal = mapping.personal_columns
    if not personal:
        return line.raw.encode("utf-8", errors="surrogateescape")
    if line.values is None:
        return outline(line.raw).encode()
    known = {*columns, *mapping.columns, *mapping.ignore}
    values = {
        name if name in known else shown_name(name): _replaced(name, value, mapping, reading)
        if value not in (None, "")
        else value
        for name, value in line.values.items()
    }
    if not columns:
        return json.dumps(values, ensure_ascii=False, default=str).encode()
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([values[column] for column in columns])
    return out.getvalue().encode()


def _replaced(name: str, value: Any, mapping: Mapping, reading: Reading) -> Any:
    domain = mapping.personal_columns.get(name)
    if domain is not None:
        text = str(value)
        return text if reading.trusted and is_pseudonym(text) else reading.pseudonyms.of(domain, text)
    return value if name in mapping.columns else shape(str(value))


def files_of(paths: Iterable[Path]) -> list[Path]:
    """The files that some paths name: themselves, or in folders every file of a known ending, in the order of their names.

    Raises:
        SourceUnreadableError: where a folder holds none.
    """
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        found = sorted(file for file in path.rglob("*") if file.is_file() and file.suffix.lower() in ENDINGS)
        if not found:
            raise SourceUnreadableError(f"{path} has no file that can be imported; known endings: {', '.join(ENDINGS)}")
        files += found
    return files


def import_file(
    store: Store, path: Path, mapping: Mapping | None, *, reading: Reading, until: int = OPEN,
    progress: Callable[[int, int], None] = lambda _done, _size: None,
) -> Tally:  # fmt: skip
    """Import a file: all of it, in transactions of some thousand rows.

    Arguments:
        until: records known at this instant or later are left out; a row of which none remains is not received.

    Returns:
        The count over the whole file.
    """
    if path.suffix.lower() == ".xml":
        return _import_message(store, path, reading, until, progress)
    total = Tally()
    source = rows_of_file(path, mapping, reading=reading)
    while batch := list(islice(source, _BATCH)):
        total.add(take_before(store, [row for row, _, _ in batch], until, reading))
        progress(batch[-1][1], batch[-1][2])
    return total


def _import_message(
    store: Store, path: Path, reading: Reading, until: int, progress: Callable[[int, int], None]
) -> Tally:
    size = size_of(path)
    total = Tally()
    with path.open("rb") as stream:
        message = Message(stream, origin=path.name, reading=reading)
        message.keeps_heads = False  # a file gets no receipt
        rows = message.rows()
        while batch := list(islice(rows, _BATCH)):
            total.add(take_before(store, batch, until, reading))
            progress(message.read_bytes, size)
        with store.write() as connection:
            message.store(connection, total)
    return total


def take_before(store: Store, rows: list[Row], until: int, reading: Reading) -> Tally:
    """Take rows in one transaction, leaving out records known at an instant or later."""
    known = [kept for row in rows if (kept := _known_before(row, until)) is not None]
    with store.write() as connection:
        return take(connection, known, received_at=reading.received_at).tally


def _known_before(row: Row, until: int) -> Row | None:
    if until == OPEN or row.faults:
        return row
    records = tuple(record for record in row.records if record.known_at < until)
    return replace(row, records=records) if records else None
