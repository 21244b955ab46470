"""Decisions as they were answered, and what they were computed from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, insert, or_, select

from data.records import canonical
from data.store.schema import decisions as table
from data.times import OPEN


@dataclass(frozen=True, slots=True)
class Decided:
    """A stored decision. `body` is the answer; `evidence` the vectors, draws and digests behind it."""

    id: str
    declaration_no: str
    enterprise: str
    decided_at: int
    lane: str
    idempotency_key: str | None
    request_digest: str
    body: dict[str, Any]
    evidence: dict[str, Any]


def put(connection: Connection, decided: Decided) -> None:
    """Keep a decision."""
    connection.execute(
        insert(table).values(
            id=decided.id, declaration_no=decided.declaration_no, enterprise=decided.enterprise,
            decided_at=decided.decided_at, lane=decided.lane, idempotency_key=decided.idempotency_key,
            request_digest=decided.request_digest, body=msgspec.json.encode(decided.body).decode(),
            evidence=canonical(decided.evidence).decode(),
        )
    )  # fmt: skip


def by_id(connection: Connection, decision_id: str) -> Decided | None:
    """A decision by its id."""
    return _read(connection.execute(select(table).where(table.c.id == decision_id)).one_or_none())


def by_key(connection: Connection, idempotency_key: str) -> Decided | None:
    """A decision by the key under which it was asked for."""
    return _read(connection.execute(select(table).where(table.c.idempotency_key == idempotency_key)).one_or_none())


def newest_ids(connection: Connection, most: int, since: int = 0) -> list[str]:
    """The ids of the newest decisions, the newest first.

    Arguments:
        since: only decisions made at this instant or later.
    """
    query = select(table.c.id).where(table.c.decided_at >= since).order_by(table.c.decided_at.desc(), table.c.id)
    return list(connection.execute(query.limit(most)).scalars())


def ids_from(connection: Connection, begin: str, most: int, since: int = 0) -> list[str]:
    """Ids in their own order from a text on. They are digests, so those behind a random text are a fair draw.

    Arguments:
        since: only decisions made at this instant or later.
    """
    query = select(table.c.id).where(table.c.id >= begin, table.c.decided_at >= since).order_by(table.c.id)
    return list(connection.execute(query.limit(most)).scalars())


def latest_bodies(connection: Connection) -> dict[str, dict[str, Any]]:
    """The newest answer for each declaration number."""
    rows = connection.execute(select(table.c.declaration_no, table.c.body).order_by(table.c.decided_at, table.c.id))
    return {number: msgspec.json.decode(body) for number, body in rows}


def latest_vectors(connection: Connection, model: str) -> dict[str, list[Any]]:
    """What a model saw in the newest decision on each declaration number, where it saw anything, in the order of its features."""
    rows = connection.execute(select(table.c.declaration_no, table.c.evidence).order_by(table.c.decided_at, table.c.id))
    vectors = {number: msgspec.json.decode(evidence)["vectors"].get(model) for number, evidence in rows}
    return {number: vector for number, vector in vectors.items() if vector is not None}


@dataclass(frozen=True, slots=True)
class Given:
    """A lane that was given: by which decision, on which declaration, when."""

    id: str
    declaration_no: str
    decided_at: int
    lane: str


def lanes(connection: Connection, enterprise: str, before: int = OPEN) -> dict[str, int]:
    """How often each lane was given to an enterprise.

    Arguments:
        before: only decisions before this instant.
    """
    query = (
        select(table.c.lane, func.count().label("decisions"))
        .where(table.c.enterprise == enterprise, table.c.decided_at < before)
        .group_by(table.c.lane)
        .order_by(table.c.lane)
    )
    return {row.lane: row.decisions for row in connection.execute(query)}


def latest(connection: Connection, enterprise: str, before: int, most: int) -> list[Given]:
    """The last decisions on an enterprise's shipments before an instant, newest first."""
    query = (
        select(table.c.id, table.c.declaration_no, table.c.decided_at, table.c.lane)
        .where(table.c.enterprise == enterprise, table.c.decided_at < before)
        .order_by(table.c.decided_at.desc(), table.c.id)
        .limit(most)
    )
    return [Given(row.id, row.declaration_no, row.decided_at, row.lane) for row in connection.execute(query)]


def count_between(connection: Connection, since: int, until: int) -> int:
    """How many decisions were made between two instants, the second one excluded: by the index alone."""
    query = select(func.count()).where(table.c.decided_at >= since, table.c.decided_at < until)
    return connection.execute(query.select_from(table)).scalar() or 0


def page(
    connection: Connection, since: int, until: int, most: int, *, after: tuple[int, str] | None = None, below: str | None = None
) -> list[Decided]:  # fmt: skip
    """Decisions between two instants, the second one excluded, in the order of time: a page at a time.

    Arguments:
        after: instant and id of the last one of the page before.
        below: only ids below a text. They are digests, so this is a fair draw, and always the same one.
    """
    query = select(table).where(table.c.decided_at >= since, table.c.decided_at < until)
    if after is not None:
        at, last = after
        query = query.where(table.c.decided_at >= at, or_(table.c.decided_at > at, table.c.id > last))
    if below is not None:
        query = query.where(table.c.id < below)
    rows = connection.execute(query.order_by(table.c.decided_at, table.c.id).limit(most))
    return [_whole(row) for row in rows]


def given_between(connection: Connection, since: int, until: int, lane: str) -> list[tuple[str, Given]]:
    """To whom a lane was given between two instants, the second one excluded, in the order of time: enterprises and what."""
    query = (
        select(table.c.id, table.c.declaration_no, table.c.decided_at, table.c.lane, table.c.enterprise)
        .where(table.c.decided_at >= since, table.c.decided_at < until, table.c.lane == lane)
        .order_by(table.c.decided_at, table.c.id)
    )
    return [
        (row.enterprise, Given(row.id, row.declaration_no, row.decided_at, row.lane))
        for row in connection.execute(query)
    ]


def by_ids(connection: Connection, ids: Sequence[str]) -> list[Decided]:
    """Some decisions by their ids (a few hundred at most), in the order of time."""
    query = select(table).where(table.c.id.in_(ids)).order_by(table.c.decided_at, table.c.id)
    return [_whole(row) for row in connection.execute(query)]


def newest_at(connection: Connection) -> int:
    """The instant of the newest decision, 0 where there is none."""
    return connection.execute(select(func.max(table.c.decided_at))).scalar() or 0


def _read(row: Row[Any] | None) -> Decided | None:
    return None if row is None else _whole(row)


def _whole(row: Row[Any]) -> Decided:
    return Decided(
        row.id, row.declaration_no, row.enterprise, row.decided_at, row.lane, row.idempotency_key, row.request_digest,
        msgspec.json.decode(row.body), msgspec.json.decode(row.evidence),
    )  # fmt: skip
