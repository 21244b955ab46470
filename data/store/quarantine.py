"""What intake refused: kept without persons and with its reasons, so that nothing is lost and people can mend it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, func, insert, select

from data.store.schema import quarantine as table
from data.store.schema import quarantine_steps as steps

OPEN_STATES = ("open", "refused")
STATES = ("open", "refused", "accepted", "duplicate", "dismissed")
"""Open as it came; refused again after a fix; settled by acceptance, as a duplicate, or by dismissal."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused row: where it stood, every fault as field and reason, the row itself, and how it is read again."""

    origin: str
    line: int
    faults: tuple[tuple[str, str], ...]
    raw: bytes
    form: str = "json"
    mapping: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody did about a refused row, with the bytes where that changed them."""

    at: int
    actor: str
    step: str
    note: str
    raw: bytes | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A row in quarantine with what was done about it. `state` is one of `STATES`."""

    id: int
    received_at: int
    refused: Refused
    steps: tuple[Step, ...]

    @property
    def state(self) -> str:
        """What the last step made of it."""
        return self.steps[-1].step if self.steps else "open"

    @property
    def raw(self) -> bytes:
        """The bytes as last fixed."""
        return next((step.raw for step in reversed(self.steps) if step.raw is not None), self.refused.raw)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows: all conditions that are given must hold.

    Arguments:
        states: as in `STATES`; empty for all.
        origin, field, reason: text that occurs in them.
        since, until: instants of intake, the second one excluded.
    """

    states: tuple[str, ...] = ()
    origin: str | None = None
    field: str | None = None
    reason: str | None = None
    form: str | None = None
    since: int | None = None
    until: int | None = None
    ids: tuple[int, ...] = ()


def put(connection: Connection, refused: Sequence[Refused], *, received_at: int) -> None:
    """Keep refused rows."""
    if refused:
        connection.execute(
            insert(table),
            [
                {
                    "received_at": received_at, "origin": _storable(r.origin), "line": r.line,
                    "field": _storable(r.faults[0][0]), "reason": _storable(r.faults[0][1]),
                    "faults": msgspec.json.encode(r.faults).decode(), "raw": r.raw, "form": r.form, "mapping": r.mapping,
                }
                for r in refused
            ],
        )  # fmt: skip


def add_step(connection: Connection, row: int, step: Step) -> None:
    """Note what was done about a row."""
    connection.execute(
        insert(steps).values(
            row=row, at=step.at, actor=_storable(step.actor), step=step.step, note=_storable(step.note), raw=step.raw
        )
    )


def _storable(text: str) -> str:
    """Text that every database holds: PostgreSQL's has no NUL, and a lone surrogate is no character."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def newest(connection: Connection, wanted: Filter, limit: int = 20, before: int | None = None) -> list[Kept]:
    """The newest rows of a filter.

    Arguments:
        before: only rows with a smaller id: the next page.
    """
    query = _filtered(wanted).order_by(table.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(table.c.id < before)
    return _kept(connection, query)


def each(connection: Connection, wanted: Filter) -> Iterator[Kept]:
    """All rows of a filter, oldest first, some hundred at a time."""
    after = 0
    while rows := _kept(connection, _filtered(wanted).where(table.c.id > after).order_by(table.c.id).limit(500)):
        yield from rows
        after = rows[-1].id


def _last_step() -> Select[tuple[str]]:
    later = steps.alias("later")
    is_last = ~select(later.c.id).where(later.c.row == steps.c.row, later.c.id > steps.c.id).exists()
    return select(steps.c.step).where(steps.c.row == table.c.id, is_last).correlate(table)


def _filtered(wanted: Filter) -> Select[tuple[object, ...]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.states:
        conditions.append(func.coalesce(_last_step().scalar_subquery(), "open").in_(wanted.states))
    for column, text in (
        (table.c.origin, wanted.origin),
        (table.c.faults, wanted.field),
        (table.c.faults, wanted.reason),
    ):
        if text is not None:
            conditions.append(column.contains(text, autoescape=True))
    if wanted.form is not None:
        conditions.append(table.c.form == wanted.form)
    if wanted.since is not None:
        conditions.append(table.c.received_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(table.c.received_at < wanted.until)
    if wanted.ids:
        conditions.append(table.c.id.in_(wanted.ids))
    return select(table).where(*conditions)


def _kept(connection: Connection, query: Select[tuple[object, ...]]) -> list[Kept]:
    rows = connection.execute(query).all()
    done: dict[int, list[Step]] = {}
    found = connection.execute(select(steps).where(steps.c.row.in_([row.id for row in rows])).order_by(steps.c.id))
    for step in found:
        done.setdefault(step.row, []).append(Step(step.at, step.actor, step.step, step.note, step.raw))
    return [
        Kept(
            row.id, row.received_at,
            Refused(
                row.origin, row.line, tuple((f, r) for f, r in msgspec.json.decode(row.faults)), row.raw, row.form, row.mapping
            ),
            tuple(done.get(row.id, ())),
        )
        for row in rows
    ]  # fmt: skip


def count(connection: Connection, wanted: Filter | None = None) -> int:
    """How many rows a filter has; all without one."""
    rows = _filtered(wanted or Filter()).subquery()
    return connection.execute(select(func.count()).select_from(rows)).scalar_one()
