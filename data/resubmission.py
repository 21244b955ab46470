"""Work on quarantine: a refused row is read again, as it is or as somebody fixed it, and either taken in or refused again.

A step is added for whatever was done; the row itself and its first bytes stay as they came. What somebody typed into a fix is
kept like all that is refused: without persons.
"""

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import msgspec

from data.ceb.intake import Message
from data.errors import InvalidRecordError, MappingError, RecordConflictError
from data.intake import QUESTIONS, Form, Row, question_row, raw_row, take_valid, unreadable_row
from data.lines import Line, csv_line, row_of_line
from data.mapping import Mapping, load_mapping, mapping_names
from data.reading import Reading
from data.store import quarantine as quarantine_rows
from data.store.quarantine import Kept, Step

Outcome = Literal["accepted", "duplicate", "refused"]
Faults = tuple[tuple[str, str], ...]
_LONGEST_ACTOR, _LONGEST_NOTE, _NOTED_FAULTS = 100, 1_000, 3
_LONGEST_CELL = 2**30
_WRITTEN_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@dataclass(frozen=True, slots=True)
class Resubmitted:
    """What became of a row of quarantine that was read again, with the faults for which it was refused."""

    status: Outcome
    faults: Faults = ()


def shipped_mapping(name: str) -> Mapping:
    """A mapping that ships with the package. One's own is known only to who has its file.

    Raises:
        MappingError: for any other.
    """
    if name not in mapping_names():
        raise MappingError(
            f"{name!r} is a mapping of one's own: resubmit with `greenlane quarantine resubmit --mapping FILE.yaml`"
        )
    return load_mapping(name)


def resubmit(
    connection: Any, kept: Kept, raw: bytes, *, actor: str, note: str, reading: Reading, form: Form | None = None,
    mappings: Callable[[str], Mapping] = shipped_mapping, replayed_to: int | None = None,
) -> Resubmitted:  # fmt: skip
    """Read a row again and take it in, or refuse it again, within the caller's transaction; a step says which.

    The record becomes known at the moment of resubmission (`reading.received_at`): only now can anybody use it, whatever its
    sender or the kept envelope says, so no feature of the past changes. A reading that is `historical` takes the record's own
    time over: right only for an archive that is imported as a whole, before anything is decided with it.

    Arguments:
        kept: the row, read in the same transaction.
        raw: its bytes, as they are or as fixed.
        actor: who does it: 1 to 100 characters.
        note: what the actor says of it; may be empty.
        reading: how it is read; it should trust pseudonyms, since the kept bytes have them.
        form: how `raw` is read where that is not as the row was.
        mappings: gives a mapping by its name.
        replayed_to: in a replay of the past, its present: the record becomes known then, or when it happened, if that is later.
    Raises:
        RecordConflictError: where the row is settled.
        InvalidRecordError: for an actor or a note of a wrong length.
    """
    _demand_open(kept)
    actor, note = _signed(actor, note)
    row = row_of_kept(kept, raw, reading, form=form, mappings=mappings)
    if replayed_to is not None:
        row = replace(row, records=tuple(replace(r, known_at=max(r.event_at, replayed_to)) for r in row.records))
    taken = take_valid(connection, [row])
    status, faults = taken.statuses[0], taken.refused[0].faults if taken.refused else ()
    done = Resubmitted("refused" if status == "rejected" else status, faults)
    # an attempt that cannot even be read leaves the bytes that stand in place of it
    changed = raw not in (kept.raw, as_edited(kept)) and row.form != "text"
    step = Step(
        reading.received_at, actor, done.status, "; ".join(filter(None, (note, _in_words(faults)))),
        row.kept() if changed else None, row.form if changed else None,
    )  # fmt: skip
    quarantine_rows.add_step(connection, kept.id, step)
    return done


def dismiss(connection: Any, kept: Kept, *, actor: str, note: str, at: int) -> None:
    """Settle a row that will never be a record. It stays, with who dismissed it and why.

    Arguments:
        actor: who does it: 1 to 100 characters.
        note: why; may be empty.
        at: the instant of doing it.
    Raises:
        RecordConflictError: where the row is settled.
        InvalidRecordError: for an actor or a note of a wrong length.
    """
    _demand_open(kept)
    actor, note = _signed(actor, note)
    quarantine_rows.add_step(connection, kept.id, Step(at, actor, "dismissed", note))


def row_of_kept(
    kept: Kept, raw: bytes, reading: Reading, *, form: Form | None = None,
    mappings: Callable[[str], Mapping] = shipped_mapping,
) -> Row:  # fmt: skip
    """Bytes of a row of quarantine as a row of intake: its records, or its faults.

    Arguments:
        raw: json (an envelope; with a mapping, an object of its columns), csv (one row, its header before it or not), or xml
            (a message of one body).
        form: how `raw` is read where that is not as the row was.
    """
    try:
        mapping, columns = _mapping_of(kept, mappings)
        match form or kept.form:
            case "xml":
                row = _row_of_message(kept, raw, reading)
            case "csv":
                row = _row_of_cells(kept, raw, mapping, columns, reading)
            case "json":
                row = _row_of_json(kept, raw, mapping, columns, reading)
            case _:
                raise InvalidRecordError(
                    (("row", "could not be read when it came: fix it, and say its form (json, xml or csv)"),)
                )
    except InvalidRecordError as error:
        row = unreadable_row(raw.decode("utf-8", "replace"), error.faults, origin="", line=0)
    except MappingError as error:
        row = unreadable_row(raw.decode("utf-8", "replace"), (("mapping", str(error)),), origin="", line=0)
    return replace(row, origin=kept.refused.origin, line=kept.refused.line)


def form_to_edit(kept: Kept) -> str:
    """The form in which a row is edited: its own, or for text that could not be read that of the file where it stood."""
    if kept.form != "text" or kept.refused.mapping is None:
        return kept.form
    return "csv" if _columns_of(kept) else "json"


def as_edited(kept: Kept) -> bytes:
    """The bytes of a row as they are given out for editing: cells of CSV below their header."""
    columns = _columns_of(kept)
    if form_to_edit(kept) != "csv" or not columns:
        return kept.raw
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(columns)
    return out.getvalue().encode() + kept.raw + b"\n"


def _demand_open(kept: Kept) -> None:
    if kept.is_settled:
        last = kept.steps[-1]
        raise RecordConflictError(
            f"row {kept.id} of quarantine is settled: {last.step} by {last.actor}; nothing is left to do about it"
        )


def _signed(actor: str, note: str) -> tuple[str, str]:
    actor, note = actor.strip(), note.strip()
    if not 1 <= len(actor) <= _LONGEST_ACTOR:
        raise InvalidRecordError((("actor", f"should have 1 to {_LONGEST_ACTOR} characters"),))
    if len(note) > _LONGEST_NOTE:
        raise InvalidRecordError((("note", f"should have at most {_LONGEST_NOTE} characters"),))
    return actor, note


def _in_words(faults: Faults) -> str:
    more = len(faults) - _NOTED_FAULTS
    words = "; ".join(f"{field} {reason}" for field, reason in faults[:_NOTED_FAULTS])
    return f"{words}; and {more} more" if more > 0 else words


def _columns_of(kept: Kept) -> tuple[str, ...]:
    return tuple(msgspec.json.decode(kept.refused.mapping)["columns"]) if kept.refused.mapping else ()


def _mapping_of(kept: Kept, mappings: Callable[[str], Mapping]) -> tuple[Mapping | None, tuple[str, ...]]:
    if kept.refused.mapping is None:
        return None, ()
    return mappings(msgspec.json.decode(kept.refused.mapping)["mapping"]), _columns_of(kept)


def _row_of_message(kept: Kept, raw: bytes, reading: Reading) -> Row:
    rows = list(Message(io.BytesIO(raw), origin=kept.refused.origin, reading=reading).rows())
    if len(rows) != 1:
        raise InvalidRecordError((("message", f"has {len(rows)} bodies; a row of quarantine is one"),))
    return rows[0]


def _row_of_cells(kept: Kept, raw: bytes, mapping: Mapping | None, columns: tuple[str, ...], reading: Reading) -> Row:
    if mapping is None:
        raise InvalidRecordError((("row", "did not come from a file with columns: write it as json or xml"),))
    columns = columns or mapping.columns
    text = raw.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    csv.field_size_limit(_LONGEST_CELL)  # as where files are read
    try:
        rows = [cells for cells in csv.reader(io.StringIO(text, newline="")) if cells]
    except csv.Error as error:
        raise InvalidRecordError((("row", f"is not CSV: {error}"),)) from None
    if len(rows) > 1 and tuple(rows[0]) == columns:
        del rows[0]
        text = _below_header(text)
    if len(rows) != 1:
        raise InvalidRecordError((("row", f"holds {len(rows)} rows of CSV; a row of quarantine is one"),))
    line = csv_line(kept.refused.line, columns, rows[0], text.strip("\r\n"), 0)
    return row_of_line(kept.refused.origin, line, mapping, columns, reading)


def _below_header(text: str) -> str:
    source = io.StringIO(text, newline="")
    rows = csv.reader(iter(source.readline, ""))
    while not next(rows):
        pass
    return source.read()


def _row_of_json(kept: Kept, raw: bytes, mapping: Mapping | None, columns: tuple[str, ...], reading: Reading) -> Row:
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
        # rows of files may hold what only this reader takes, as NaN
        value = msgspec.json.decode(text) if mapping is None else json.loads(text)
    except (ValueError, RecursionError) as error:  # what is not UTF-8, and what is not JSON
        raise InvalidRecordError((("row", f"is not JSON: {error}"),)) from None
    if mapping is None:
        if kept.refused.origin == QUESTIONS and isinstance(value, dict):
            return question_row(value, reading=reading)
        return raw_row(value, origin=kept.refused.origin, line=kept.refused.line, reading=reading)
    if not isinstance(value, dict):
        raise InvalidRecordError((("row", "should be a JSON object"),))
    values = {name: _moment(one) if name in mapping.moment_columns else one for name, one in value.items()}
    line = Line(kept.refused.line, values, text.strip(), 0)
    return row_of_line(kept.refused.origin, line, mapping, columns, reading)


def _moment(value: Any) -> Any:
    """A cell of Parquet that was a moment, and was kept as its text."""
    if isinstance(value, str) and _WRITTEN_MOMENT.match(value):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    return value
