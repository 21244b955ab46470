"""What intake refused: kept without persons and with its reasons, so that nothing is lost and people can mend it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, func, insert, select

from data.errors import NotFoundError
from data.store.schema import quarantine as table
from data.store.schema import quarantine_steps as steps

_PAGE = 200
_LARGEST_ID = 2**63 - 1
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
    """What somebody did about a refused row, with the bytes and their form where that changed them."""

    at: int
    actor: str
    step: str
    note: str
    raw: bytes | None = None
    form: str | None = None


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
    def is_settled(self) -> bool:
        """Whether nothing is left to do about it."""
        return self.state not in OPEN_STATES

    @property
    def raw(self) -> bytes:
        """The bytes as last fixed."""
        return self._fixed.raw or b"" if self._fixed else self.refused.raw

    @property
    def form(self) -> str:
        """How the bytes as last fixed are read."""
        return (self._fixed.form if self._fixed else None) or self.refused.form

    @property
    def _fixed(self) -> Step | None:
        return next((step for step in reversed(self.steps) if step.raw is not None), None)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows: all conditions that are given must hold.

    Arguments:
        states: as in `STATES`; empty for all.
        origin: text that occurs in the origin.
        field, reason: text that occurs in the field, or in the reason, of one of the faults.
        form: of the row as it was refused.
        since, until: instants of intake, the second one excluded.
        ids: empty for all.
    """

    states: tuple[str, ...] = ()
    origin: str | None = None
    field: str | None = None
    reason: str | None = None
    form: str | None = None
    since: int | None = None
    until: int | None = None
    ids: tuple[int, ...] = ()

    @property
    def has_texts(self) -> bool:
        """Whether there are conditions on texts."""
        return not (self.origin is self.field is self.reason is None)

    def holds(self, origin: str, faults: Sequence[tuple[str, str]]) -> bool:
        """Whether the conditions on texts hold: to the letter, which databases do not agree on."""
        return (
            (self.origin is None or self.origin in origin)
            and (self.field is None or any(self.field in field for field, _ in faults))
            and (self.reason is None or any(self.reason in reason for _, reason in faults))
        )


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
            row=row, at=step.at, actor=_storable(step.actor), step=step.step, note=_storable(step.note), raw=step.raw,
            form=step.form,
        )
    )  # fmt: skip


def _storable(text: str) -> str:
    """Text that every database holds: PostgreSQL's has no NUL, and a lone surrogate is no character."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def by_id(connection: Connection, row: int) -> Kept:
    """A row by its id.

    Raises:
        NotFoundError: where no row has it.
    """
    found = _kept(connection, select(table).where(table.c.id == row)) if abs(row) < _LARGEST_ID else []
    if not found:
        raise NotFoundError(f"no row of quarantine has the id {row}")
    return found[0]


def newest(connection: Connection, wanted: Filter, limit: int = 20, before: int | None = None) -> list[Kept]:
    """The newest rows of a filter, newest first.

    Arguments:
        before: only rows with a smaller id: the next page.
    """
    rows: list[Kept] = []
    begin = _LARGEST_ID if before is None else min(before, _LARGEST_ID)
    query = _filtered(wanted).order_by(table.c.id.desc()).limit(max(limit, _PAGE) if wanted.has_texts else limit)
    while len(rows) < limit and (page := _kept(connection, query.where(table.c.id < begin))):
        rows += [kept for kept in page if wanted.holds(kept.refused.origin, kept.refused.faults)]
        begin = page[-1].id
    return rows[:limit]


def each(connection: Connection, wanted: Filter) -> Iterator[Kept]:
    """All rows of a filter, oldest first, some hundred at a time."""
    after = 0
    query = _filtered(wanted).order_by(table.c.id).limit(_PAGE)
    while page := _kept(connection, query.where(table.c.id > after)):
        yield from (kept for kept in page if wanted.holds(kept.refused.origin, kept.refused.faults))
        after = page[-1].id


def count(connection: Connection, wanted: Filter | None = None) -> int:
    """How many rows a filter has; all without one."""
    wanted = wanted or Filter()
    if not wanted.has_texts:
        return connection.execute(select(func.count()).select_from(_filtered(wanted).subquery())).scalar_one()
    found = connection.execute(_filtered(wanted).with_only_columns(table.c.origin, table.c.faults))
    return sum(wanted.holds(row.origin, _faults(row.faults)) for row in found)


def _last_step() -> Select[tuple[str]]:
    later = steps.alias("later")
    is_last = ~select(later.c.id).where(later.c.row == steps.c.row, later.c.id > steps.c.id).exists()
    return select(steps.c.step).where(steps.c.row == table.c.id, is_last).correlate(table)


def _filtered(wanted: Filter) -> Select[tuple[object, ...]]:
    """The rows of a filter, and some more: its texts are looked for here in the JSON of all faults, exactly in `Filter.holds`."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.states:
        conditions.append(func.coalesce(_last_step().scalar_subquery(), "open").in_(wanted.states))
    if wanted.origin is not None:
        conditions.append(table.c.origin.contains(_storable(wanted.origin), autoescape=True))
    for text in (wanted.field, wanted.reason):
        if text is not None:
            written = msgspec.json.encode(text.encode("utf-8", "replace").decode()).decode()[1:-1]
            conditions.append(table.c.faults.contains(written, autoescape=True))
    if wanted.form is not None:
        conditions.append(table.c.form == _storable(wanted.form))
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
        done.setdefault(step.row, []).append(Step(step.at, step.actor, step.step, step.note, step.raw, step.form))
    return [
        Kept(
            row.id, row.received_at,
            Refused(row.origin, row.line, _faults(row.faults), row.raw, row.form, row.mapping),
            tuple(done.get(row.id, ())),
        )
        for row in rows
    ]  # fmt: skip


def _faults(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((field, reason) for field, reason in msgspec.json.decode(text))
