"""Intake: rows in; valid records to the store, the others to quarantine; accepted + duplicate + rejected = received."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from data.errors import InvalidRecordError
from data.mapping import Mapping, apply_mapping, check_columns
from data.readers import Line, open_source
from data.records import Record, make_record, read_record
from data.store import Store
from data.store import quarantine as quarantine_rows
from data.store import records as record_rows
from data.times import OPEN

_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Row:
    """One unit of intake: the records that it holds (all taken or none), or its faults."""

    origin: str
    line: int
    raw: bytes
    records: tuple[Record, ...] = ()
    faults: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused row for the sender: its line and its faults."""

    line: int
    faults: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Tally:
    """The count of an intake. `received` is always the sum of the other three."""

    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    records: int = 0
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def received(self) -> int:
        """Rows seen."""
        return self.accepted + self.duplicate + self.rejected

    def add(self, other: "Tally", *, keep: int = 100) -> None:
        """Add another count; of its refusals only the first `keep` stay in memory (all are in quarantine)."""
        self.accepted += other.accepted
        self.duplicate += other.duplicate
        self.rejected += other.rejected
        self.records += other.records
        self.refusals.extend(other.refusals[: max(0, keep - len(self.refusals))])


def raw_row(raw: object, *, origin: str, line: int, text: bytes, received_at: int, historical: bool) -> Row:
    """One raw record as a row of its own."""
    try:
        return Row(origin, line, text, (read_record(raw, received_at=received_at, historical=historical),))
    except InvalidRecordError as error:
        return Row(origin, line, text, faults=error.faults)


def take(connection: Any, rows: list[Row], *, received_at: int) -> tuple[Tally, list[Record]]:
    """Judge and store rows within the caller's transaction.

    Returns:
        The count, and the records that are new to the store, in their order.
    """
    tally, fresh, refused = Tally(), [], []
    rows = _with_facts(connection, rows)
    judge = record_rows.Judge(connection, (record for row in rows for record in row.records))
    for row in rows:
        faults = row.faults
        verdicts = [judge.verdict(record) for record in row.records]
        faults += tuple(("guid", v.reason) for v in verdicts if v.status == "rejected")
        if faults:
            tally.rejected += 1
            tally.refusals.append(Refusal(row.line, faults))
            refused.append(quarantine_rows.Refused(row.origin, row.line, faults, row.raw))
            continue
        new = [r for r, verdict in zip(row.records, verdicts, strict=True) if verdict.status == "accepted"]
        for record in new:
            judge.note(record)
        fresh.extend(new)
        tally.records += len(new)
        if new:
            tally.accepted += 1
        else:
            tally.duplicate += 1
    record_rows.append(connection, fresh)
    quarantine_rows.put(connection, refused, received_at=received_at)
    return tally, fresh


def _with_facts(connection: Any, rows: list[Row]) -> list[Row]:
    """Inspections with the facts of the declaration that they speak of, from this batch or the store."""
    bare = [r for row in rows for r in row.records if _needs_facts(r)]
    if not bare:
        return rows
    facts = record_rows.declarations_by_number(connection, [r.payload["declaration_no"] for r in bare])
    result = []
    for row in rows:
        records: list[Record] = []
        faults = row.faults
        for record in row.records:
            if record.kind == "declaration" and record.action in ("new", "change"):
                facts[record.source, record.payload["declaration_no"]] = record.payload
            if _needs_facts(record):
                number = record.payload["declaration_no"]
                known = facts.get((record.source, number)) or next(
                    (f for (_, n), f in facts.items() if n == number), None
                )
                if known is None:
                    faults += (("payload.declaration_no", "is not the number of a known declaration; send that first"),)
                    continue
                record = _restated(record, known)
            records.append(record)
        result.append(replace(row, records=() if faults else tuple(records), faults=faults))
    return result


def _needs_facts(record: Record) -> bool:
    return (
        record.kind == "supervision" and record.payload.get("event") == "inspection" and "facts" not in record.payload
    )


def _restated(record: Record, facts: dict[str, Any]) -> Record:
    return make_record(
        kind=record.kind, guid=record.guid, source=record.source, action=record.action, event_at=record.event_at,
        known_at=record.known_at, usable_until=record.usable_until, payload=record.payload | {"facts": facts},
    )  # fmt: skip


def rows_of_file(path: Path, mapping: Mapping | None, *, received_at: int) -> Iterator[tuple[Row, int, int]]:
    """The rows of a file, each with how far reading came and the size of the whole.

    Arguments:
        mapping: how columns become records; none where each line is a record's envelope already (JSON Lines).
    Raises:
        SourceUnreadableError, MappingError: where the file as a whole cannot be read.
    """
    source = open_source(path)
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
    missing = tuple((c, "is missing") for c in mapping.columns if c not in line.values)
    if missing:
        return Row(path.name, line.number, raw, faults=missing)
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


def rows_of_json(values: Iterable[object], *, origin: str, received_at: int, historical: bool = False) -> list[Row]:
    """Rows of parsed JSON values (the API's form), numbered from 1."""
    return [
        raw_row(
            value,
            origin=origin,
            line=number,
            text=msgspec.json.encode(value),
            received_at=received_at,
            historical=historical,
        )
        for number, value in enumerate(values, start=1)
    ]
