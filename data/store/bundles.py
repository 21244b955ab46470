"""Model bundles by digest, and who made which one the champion."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select

from data.store.schema import bundles, promotions, proposals

# asked with every decision, so built once
_LATEST = select(func.max(promotions.c.seq)).group_by(promotions.c.model)
_CHAMPIONS = select(promotions.c.model, promotions.c.digest).where(promotions.c.seq.in_(_LATEST))


@dataclass(frozen=True, slots=True)
class Promotion:
    """One line of the book of champions.

    Attributes:
        kind: `promotion`, or `rollback` to an earlier champion.
        environment: `trial` (one person) or `production` (two).
        login: of the computer's user who entered it; None where that was not noted.
        version: in the registry; None where it came without one.
        proposal: id of the proposal that it installs; None for a rollback.
        seq: its place in the book; 0 before it is written.
    """

    model: str
    digest: str
    promoted_at: int
    promoted_by: str
    reason: str
    kind: str = "promotion"
    environment: str = "trial"
    login: str | None = None
    version: str | None = None
    proposal: int | None = None
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """A version that somebody wants to be the champion.

    Attributes:
        judged: what the gates saw and said, as canonical JSON.
        id: 0 before it is written.
    """

    model: str
    version: str
    digest: str
    environment: str
    proposed_at: int
    proposed_by: str
    login: str
    reason: str
    judged: str
    id: int = 0


def keep(connection: Connection, model: str, digest: str, content: bytes, *, stored_at: int) -> None:
    """Keep a bundle, once."""
    if content_of(connection, digest) is None:
        connection.execute(insert(bundles).values(digest=digest, model=model, stored_at=stored_at, content=content))


def content_of(connection: Connection, digest: str) -> bytes | None:
    """The bytes of a bundle."""
    return connection.execute(select(bundles.c.content).where(bundles.c.digest == digest)).scalar()


def promote(connection: Connection, promotion: Promotion) -> None:
    """Write into the book of champions."""
    connection.execute(insert(promotions).values(_columns(promotion, without="seq")))


def propose(connection: Connection, proposal: Proposal) -> int:
    """Keep a proposal; returns its id."""
    added = connection.execute(insert(proposals).values(_columns(proposal, without="id")))
    return int(added.inserted_primary_key[0])  # type: ignore[index]


def book(connection: Connection, model: str | None = None) -> list[Promotion]:
    """The book of champions, oldest line first.

    Arguments:
        model: only its lines; all where None.
    """
    wanted = select(promotions).order_by(promotions.c.seq)
    if model is not None:
        wanted = wanted.where(promotions.c.model == model)
    return [Promotion(**row._mapping) for row in connection.execute(wanted)]


def proposed(connection: Connection, model: str | None = None, version: str | None = None) -> list[Proposal]:
    """Proposals, oldest first.

    Arguments:
        model, version: only theirs; all where None.
    """
    wanted = select(proposals).order_by(proposals.c.id)
    if model is not None:
        wanted = wanted.where(proposals.c.model == model)
    if version is not None:
        wanted = wanted.where(proposals.c.version == version)
    return [Proposal(**row._mapping) for row in connection.execute(wanted)]


def is_in_production(connection: Connection) -> bool:
    """Whether anything was ever proposed or promoted for production: from then on, the store is never on trial again."""
    marks = (select(table.c.model).where(table.c.environment == "production") for table in (promotions, proposals))
    return any(connection.execute(mark.limit(1)).first() is not None for mark in marks)


def promoted_at(connection: Connection, digest: str) -> int | None:
    """When a bundle first became champion; None where it never did."""
    query = select(func.min(promotions.c.promoted_at)).where(promotions.c.digest == digest)
    return connection.execute(query).scalar()


def champions(connection: Connection, at: int | None = None) -> dict[str, str]:
    """The digest of each model's champion.

    Arguments:
        at: an instant for those of then; now where None.
    """
    if at is None:
        return {row.model: row.digest for row in connection.execute(_CHAMPIONS)}
    then = select(promotions.c.model, promotions.c.digest).where(promotions.c.promoted_at <= at)
    return {row.model: row.digest for row in connection.execute(then.order_by(promotions.c.seq))}


def _columns(row: Promotion | Proposal, *, without: str) -> dict[str, Any]:
    """A row's columns, without the one that the database numbers."""
    return {name: value for name, value in asdict(row).items() if name != without}
