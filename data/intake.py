"""Intake: rows in; valid records to the store, the others to quarantine; accepted + duplicate + rejected = received."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from data.errors import InvalidRecordError
from data.records import Record, read_record
from data.store import quarantine as quarantine_rows
from data.store import records as record_rows


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

    def in_words(self) -> str:
        """The count as people read it."""
        parts = f"accepted {self.accepted:,} + duplicate {self.duplicate:,} + rejected {self.rejected:,}"
        return f"received {self.received:,} = {parts} ({self.records:,} records stored)"

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
    declared = record_rows.declarations_by_number(connection, [r.payload["declaration_no"] for r in bare])
    result = []
    for row in rows:
        records: list[Record] = []
        faults = row.faults
        for record in row.records:
            if record.kind == "declaration" and record.action in ("new", "change"):
                declared.setdefault(record.payload["declaration_no"], {})[record.source] = record.payload
            if not _needs_facts(record):
                records.append(record)
                continue
            by_source = declared.get(record.payload["declaration_no"], {})
            # an inspector's system may be another source than the declarant's: then the newest declaration counts
            facts = by_source.get(record.source) or next(reversed(by_source.values()), None)
            if facts is None:
                faults += (("payload.declaration_no", "is not the number of a known declaration; send that first"),)
            else:
                # the digest stays that of what was sent, so that the same inspection sent again is a duplicate
                records.append(replace(record, payload=record.payload | {"facts": facts}))
        result.append(replace(row, records=() if faults else tuple(records), faults=faults))
    return result


def _needs_facts(record: Record) -> bool:
    return (
        record.kind == "supervision" and record.payload.get("event") == "inspection" and "facts" not in record.payload
    )


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
