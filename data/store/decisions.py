"""Decisions as they were answered, and what they were computed from."""

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, insert, select

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


def _read(row: Row[Any] | None) -> Decided | None:
    if row is None:
        return None
    return Decided(
        row.id, row.declaration_no, row.enterprise, row.decided_at, row.lane, row.idempotency_key, row.request_digest,
        msgspec.json.decode(row.body), msgspec.json.decode(row.evidence),
    )  # fmt: skip
