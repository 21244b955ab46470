"""Import of files: their rows through intake in transactions of some thousand, with progress."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

from data.ceb.intake import Message
from data.errors import MappingError, SourceUnreadableError
from data.intake import Row, Tally, raw_row, take, unreadable_row
from data.lines import Line, row_of_line
from data.mapping import Mapping, check_columns
from data.payloads import PAYLOADS, envelope_of
from data.readers import ENDINGS, open_source, size_of
from data.reading import Reading
from data.store import Store
from data.times import OPEN

_BATCH = 2_000


@contextmanager
def _unseen(_title: str) -> Iterator[Callable[[int, int], None]]:
    yield lambda _done, _size: None


def rows_of_file(path: Path, mapping: Mapping | None, *, reading: Reading) -> Iterator[tuple[Row, int, int]]:
    """The rows of a file, each with how far reading came and the size of the whole.

    Arguments:
        mapping: how columns become records; none where each line is a record's envelope already (JSON Lines).
    Raises:
        SourceUnreadableError, MappingError: where the file as a whole cannot be read.
    """
    source = open_source(path)
    kind = kind_of_file(path)
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


def kind_of_file(path: Path) -> str | None:
    """The kind whose records a Parquet file holds in our own layout (see `data.layout`), None for any other file."""
    named = path.parent.parent.name if path.parent.name.startswith("month=") else path.parent.name
    prefix, _, kind = named.partition("=")
    return kind if prefix == "kind" and kind in PAYLOADS and path.suffix.lower() == ".parquet" else None


def _as_envelope(line: Line, kind: str) -> Line:
    """A row of our own layout as the envelope that it stands for."""
    return line if line.values is None else replace(line, values=envelope_of(kind, line.values))


def _row_of_envelope(origin: str, line: Line, reading: Reading) -> Row:
    if line.values is None:
        return unreadable_row(line.raw, line.faults, origin=origin, line=line.number)
    return raw_row(line.values, origin=origin, line=line.number, reading=reading)


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


def import_paths(
    store: Store, paths: Iterable[Path], mapping: Mapping | None, *, reading: Reading, until: int = OPEN,
    progress: Callable[[str], AbstractContextManager[Callable[[int, int], None]]] = _unseen,
) -> Tally:  # fmt: skip
    """Import files and folders. Parquet files in our own layout are staged, and taken in together by the order of time.

    Arguments:
        until: records known at this instant or later are left out.
        progress: opens a progress display with a title.
    Raises:
        SourceUnreadableError, MappingError: where a file as a whole cannot be read.
    """
    total = Tally()
    staged, others = [], []
    for file in files_of(paths):
        kind = kind_of_file(file) if mapping is None else None
        if kind is None:
            others.append(file)
        else:
            staged.append((file, kind))
    for file in others:
        with progress(f"importing {file.name}") as show:
            total.add(import_file(store, file, mapping, reading=reading, until=until, progress=show))
    if staged:
        total.add(_import_layout(store, staged, reading, until, progress))
    return total


def _import_layout(
    store: Store, files: list[tuple[Path, str]], reading: Reading, until: int,
    progress: Callable[[str], AbstractContextManager[Callable[[int, int], None]]],
) -> Tally:  # fmt: skip
    from data.staging import stage_file, take_in_staged  # needs pyarrow

    alone: list[Row] = []
    with progress("checking") as show:
        for number, (file, kind) in enumerate(files, start=1):
            alone += stage_file(store, file, kind, load=str(reading.received_at), reading=reading, until=until)[1]
            show(number, len(files))
    with progress("importing") as show:
        return take_in_staged(store, alone, reading=reading, progress=show)


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
