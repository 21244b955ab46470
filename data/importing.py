"""Import of files: their rows through intake in transactions of some thousand, with progress."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from data.errors import InvalidRecordError, MappingError
from data.intake import Row, Tally, raw_row, take
from data.mapping import Mapping, apply_mapping, check_columns
from data.readers import Line, open_source
from data.records import read_record
from data.store import Store
from data.times import OPEN

_BATCH = 2_000


def rows_of_file(path: Path, mapping: Mapping | None, *, received_at: int) -> Iterator[tuple[Row, int, int]]:
    """The rows of a file, each with how far reading came and the size of the whole.

    Arguments:
        mapping: how columns become records; none where each line is a record's envelope already (JSON Lines).
    Raises:
        SourceUnreadableError, MappingError: where the file as a whole cannot be read.
    """
    source = open_source(path)
    if mapping is None and source.columns:
        raise MappingError(f"{path} has columns of its own: say with --mapping how they become records")
    if mapping is not None and source.columns:
        check_columns(mapping, source.columns)
    for line in source.lines:
        yield _row_of_line(path, line, mapping, received_at), line.at, source.size


def _row_of_line(path: Path, line: Line, mapping: Mapping | None, received_at: int) -> Row:
    raw = line.raw.encode("utf-8", errors="surrogateescape")
    if line.values is None:
        return Row(path.name, line.number, raw, faults=line.faults)
    if mapping is None:
        return raw_row(
            line.values, origin=path.name, line=line.number, text=raw, received_at=received_at, historical=True
        )
    known = {*mapping.columns, *mapping.ignore}
    missing = tuple((c, "is missing") for c in mapping.columns if c not in line.values)
    unknown = tuple((c, "is not a column of the mapping") for c in line.values if c not in known)
    if missing or unknown:
        return Row(path.name, line.number, raw, faults=missing + unknown)
    mapped = apply_mapping(mapping, line.values)
    faults, records = list(mapped.faults), []
    for one in mapped.raws if not faults else ():
        try:
            records.append(read_record(one, received_at=received_at, historical=True))
        except InvalidRecordError as error:
            faults.extend(error.faults)
    return Row(path.name, line.number, raw, () if faults else tuple(records), tuple(dict.fromkeys(faults)))


def import_file(
    store: Store, path: Path, mapping: Mapping | None, *, received_at: int, until: int = OPEN,
    progress: Callable[[int, int], None] = lambda _done, _size: None,
) -> Tally:  # fmt: skip
    """Import a file: all of it, in transactions of some thousand rows.

    Arguments:
        until: records known at this instant or later are left out; a row of which none remains is not received.

    Returns:
        The count over the whole file.
    """
    total = Tally()
    source = rows_of_file(path, mapping, received_at=received_at)
    while batch := list(islice(source, _BATCH)):
        rows = [known for row, _, _ in batch if (known := _known_before(row, until)) is not None]
        with store.write() as connection:
            tally, _ = take(connection, rows, received_at=received_at)
        total.add(tally)
        progress(batch[-1][1], batch[-1][2])
    return total


def _known_before(row: Row, until: int) -> Row | None:
    if until == OPEN or row.faults:
        return row
    records = tuple(record for record in row.records if record.known_at < until)
    return replace(row, records=records) if records else None
