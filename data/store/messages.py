"""CEB messages received: whose they were and what became of them."""

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, insert, select

from data.store.schema import messages as table


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One message: its number (empty where it could not be read), its guid and sender, the count of its bodies.

    `digest` is SHA-256 of the whole message, `signature_digest` of its signature element.
    """

    received_at: int
    origin: str
    message: str
    guid: str
    sender: str
    accepted: int
    duplicate: int
    rejected: int
    digest: str
    signature_digest: str | None


def put(connection: Connection, received: Received) -> None:
    """Keep a message's envelope."""
    connection.execute(insert(table).values(**asdict(received)))


def by_guid(connection: Connection, guid: str) -> list[Received]:
    """Every message received under a guid, in the order of intake."""
    rows = connection.execute(select(table).where(table.c.guid == guid).order_by(table.c.id))
    return [Received(**{name: getattr(row, name) for name in Received.__slots__}) for row in rows]
