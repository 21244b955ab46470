"""Model bundles by digest, and who made which one the champion."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from data.store.schema import bundles, promotions

# asked with every decision, so built once
_LATEST = select(func.max(promotions.c.seq)).group_by(promotions.c.model)
_CHAMPIONS = select(promotions.c.model, promotions.c.digest).where(promotions.c.seq.in_(_LATEST))


@dataclass(frozen=True, slots=True)
class Promotion:
    """One line of the book of champions."""

    model: str
    digest: str
    promoted_at: int
    promoted_by: str
    reason: str


def keep(connection: Connection, model: str, digest: str, content: bytes, *, stored_at: int) -> None:
    """Keep a bundle, once."""
    if content_of(connection, digest) is None:
        connection.execute(insert(bundles).values(digest=digest, model=model, stored_at=stored_at, content=content))


def content_of(connection: Connection, digest: str) -> bytes | None:
    """The bytes of a bundle."""
    return connection.execute(select(bundles.c.content).where(bundles.c.digest == digest)).scalar()


def promote(connection: Connection, promotion: Promotion) -> None:
    """Write into the book of champions."""
    connection.execute(
        insert(promotions).values(
            model=promotion.model, digest=promotion.digest, promoted_at=promotion.promoted_at,
            promoted_by=promotion.promoted_by, reason=promotion.reason,
        )
    )  # fmt: skip


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
