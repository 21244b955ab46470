"""Intake: rows in; valid records to the store, the others to quarantine; accepted + duplicate + rejected = received."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from data.errors import InvalidRecordError
from data.linking import Links
from data.masking import outline
from data.reading import Reading
from data.records import Record
from data.store import quarantine as quarantine_rows
from data.store import records as record_rows

Status = Literal["accepted", "duplicate", "rejected"]
Form = Literal["json", "xml", "csv", "text"]
QUESTIONS = "api/decisions"
"""The origin of declarations that came with the question what to do with them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One unit of intake: the records that it holds (all taken or none), or its faults.

    Arguments:
        origin, line: where it stood.
        kept: gives the bytes that quarantine may keep: without persons.
        form: how those bytes are read again; with `mapping`, by which columns and mapping (JSON).
        raws: the envelopes that the records were read from, as they were sent.
    """

    origin: str
    line: int
    kept: Callable[[], bytes]
    records: tuple[Record, ...] = ()
    faults: tuple[tuple[str, str], ...] = ()
    form: Form = "json"
    mapping: str | None = None
    raws: tuple[Any, ...] = ()


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

    def note(self, status: Status, line: int, faults: tuple[tuple[str, str], ...]) -> None:
        """Count one row."""
        setattr(self, status, getattr(self, status) + 1)
        if faults:
            self.refusals.append(Refusal(line, faults))

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


def raw_row(raw: object, *, origin: str, line: int, reading: Reading) -> Row:
    """One raw record as a row of its own."""

    def kept() -> bytes:
        return reading.kept(raw)

    try:
        return Row(origin, line, kept, (reading.record(raw),), raws=(raw,))
    except InvalidRecordError as error:
        return Row(origin, line, kept, faults=error.faults)


def question_row(raw: Mapping[str, Any], *, reading: Reading) -> Row:
    """A request for a decision as a row. What asks about anything but a standing declaration has a fault.

    Arguments:
        raw: the declaration's envelope; `kind` may be left out.
    """
    raw = {"kind": "declaration"} | dict(raw)
    for name, allowed in (("kind", ("declaration",)), ("action", ("new", "change"))):
        if raw.get(name, allowed[0]) not in allowed:
            reason = f"should be {' or '.join(allowed)}: decisions are asked for declarations that stand"
            return Row(QUESTIONS, 1, lambda: reading.kept(raw), faults=((name, reason),))
    return raw_row(raw, origin=QUESTIONS, line=1, reading=reading)


def unreadable_row(text: str, faults: tuple[tuple[str, str], ...], *, origin: str, line: int) -> Row:
    """A row that could not be read at all: only its outline is kept."""
    return Row(origin, line, lambda: outline(text).encode(), faults=faults, form="text")


def rows_of_json(values: Iterable[object], *, origin: str, reading: Reading) -> list[Row]:
    """Rows of parsed JSON values (the API's form), numbered from 1."""
    return [raw_row(value, origin=origin, line=number, reading=reading) for number, value in enumerate(values, start=1)]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of some rows: the count, the status of each, the records that are new to the store, and what was refused.

    Each is in the order of the rows.
    """

    tally: Tally
    statuses: tuple[Status, ...]
    fresh: tuple[Record, ...]
    refused: tuple[quarantine_rows.Refused, ...] = ()


def take(connection: Any, rows: list[Row], *, received_at: int) -> Taken:
    """Judge and store rows within the caller's transaction: linked to what they refer to, or kept in quarantine."""
    taken = take_valid(connection, rows)
    quarantine_rows.put(connection, taken.refused, received_at=received_at)
    return taken


def take_valid(connection: Any, rows: list[Row]) -> Taken:
    """Judge rows and store the valid ones, as `take` does; what is refused is left to the caller."""
    taken = judged(connection, rows)
    record_rows.append(connection, taken.fresh)
    return taken


def judged(connection: Any, rows: list[Row]) -> Taken:
    """What `take_valid` would store of rows: linked to what they refer to, with the matches that they change. Only reads."""
    tally, statuses, refused = Tally(), [], []
    coming = [record for row in rows for record in row.records]
    judge, links = record_rows.Judge(connection, coming), Links(connection, coming)
    fresh: list[Record] = []
    for row in rows:
        verdicts = [judge.verdict(record) for record in row.records]
        faults = row.faults + tuple(("guid", v.reason) for v in verdicts if v.status == "rejected")
        faults = faults or links.faults(row.records)
        new = [r for r, verdict in zip(row.records, verdicts, strict=True) if verdict.status == "accepted"]
        status: Status = "rejected" if faults else "accepted" if new else "duplicate"
        statuses.append(status)
        tally.note(status, row.line, faults)
        if faults:
            refused.append(quarantine_rows.Refused(row.origin, row.line, faults, row.kept(), row.form, row.mapping))
            continue
        for record in new:
            linked = links.restated(record)
            judge.note(linked)
            fresh += [*links.noted(linked), linked]
        tally.records += len(new)
    fresh += links.settled()
    return Taken(tally, tuple(statuses), tuple(fresh), tuple(refused))
