"""What intake refused: kept with its bytes and its reasons, so that nothing is lost and people can mend it."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, func, insert, select

from data.store.schema import quarantine as table


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused row: where it stood, every fault as field and reason, and the row itself."""

    origin: str
    line: int
    faults: tuple[tuple[str, str], ...]
    raw: bytes


def put(connection: Connection, refused: Sequence[Refused], *, received_at: int) -> None:
    """Keep refused rows."""
    if refused:
        connection.execute(
            insert(table),
            [
                {
                    "received_at": received_at, "origin": _storable(r.origin), "line": r.line, "field": _storable(r.faults[0][0]),
                    "reason": _storable(r.faults[0][1]), "faults": msgspec.json.encode(r.faults).decode(), "raw": r.raw,
                }
                for r in refused
            ],
        )  # fmt: skip


def _storable(text: str) -> str:
    """Text that every database holds: PostgreSQL's has no NUL, and a lone surrogate is no character."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def newest(connection: Connection, limit: int = 20) -> list[tuple[int, Refused]]:
    """The newest refused rows with their ids."""
    rows = connection.execute(select(table).order_by(table.c.id.desc()).limit(limit))
    return [
        (row.id, Refused(row.origin, row.line, tuple((f, r) for f, r in msgspec.json.decode(row.faults)), row.raw))
        for row in rows
    ]


def count(connection: Connection) -> int:
    """How many rows are kept."""
    return connection.execute(select(func.count()).select_from(table)).scalar_one()
