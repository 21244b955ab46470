"""Staged rows: Arrow batches that passed every check and wait to be taken in by the order of time."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from data.store.schema import staging as table


@dataclass(frozen=True, slots=True)
class Staged:
    """Where a batch waits, without its bytes: its load, kind and origin, how many rows, and from when until when."""

    id: int
    load: str
    kind: str
    origin: str
    rows: int
    first_known_at: int
    last_known_at: int


def put(
    connection: Connection, *, load: str, kind: str, origin: str, rows: int, first_known_at: int, last_known_at: int,
    batch: bytes,
) -> None:  # fmt: skip
    """Keep a batch."""
    connection.execute(
        insert(table).values(
            load=load, kind=kind, origin=origin, rows=rows, first_known_at=first_known_at, last_known_at=last_known_at,
            batch=batch,
        )
    )  # fmt: skip


def waiting(connection: Connection) -> list[Staged]:
    """All batches by the time of their first row."""
    columns = [c for c in table.c if c.name != "batch"]
    rows = connection.execute(select(*columns).order_by(table.c.first_known_at, table.c.id))
    return [Staged(*row) for row in rows]


def batches(connection: Connection, ids: list[int]) -> Iterator[tuple[int, bytes]]:
    """The bytes of some batches."""
    for row in connection.execute(select(table.c.id, table.c.batch).where(table.c.id.in_(ids)).order_by(table.c.id)):
        yield row.id, row.batch


def drop(connection: Connection, ids: list[int]) -> None:
    """Forget batches that were taken in."""
    if ids:
        connection.execute(delete(table).where(table.c.id.in_(ids)))


def count(connection: Connection) -> int:
    """How many rows wait."""
    waiting: int = connection.execute(select(func.coalesce(func.sum(table.c.rows), 0))).scalar_one()
    return waiting
