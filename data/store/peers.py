"""Tables of peers' values: kept whole as of a moment, and read by role."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, insert, select

from data.errors import StoreError
from data.store.schema import peer_tables, peer_values

Values = dict[str, dict[float, int]]
_PAIRS = msgspec.msgpack.Decoder(dict[str, list[tuple[float, int]]])


@dataclass(frozen=True, slots=True)
class PeerTable:
    """One building of the peers' values: its id, moment, definitions, firms, and registrations left out."""

    id: int
    as_of: int
    catalogue: str
    firms: int
    left_out: int


@dataclass(frozen=True, slots=True)
class PeerRow:
    """One group: role, size band, district (empty where none is registered), number of firms, values by feature."""

    role: str
    band: str
    district: str
    firms: int
    values: Values


def put(
    connection: Connection, groups: Iterable[PeerRow], *, as_of: int, catalogue: str, firms: int, left_out: int
) -> None:
    """Keep a table. Earlier ones stay: archives of the past are placed among the peers of then."""
    values = {"as_of": as_of, "catalogue": catalogue, "firms": firms, "left_out": left_out}
    (number,) = connection.execute(insert(peer_tables).values(values).returning(peer_tables.c.id)).one()
    rows = [
        {
            "table_id": number, "role": group.role, "band": group.band, "district": group.district,
            "firms": group.firms, "content": _packed(group.values),
        }
        for group in groups
    ]  # fmt: skip
    if rows:
        connection.execute(insert(peer_values), rows)


def newest(connection: Connection, at: int) -> PeerTable | None:
    """The newest table that is not later than an instant."""
    query = (
        select(peer_tables)
        .where(peer_tables.c.as_of <= at)
        .order_by(peer_tables.c.as_of.desc(), peer_tables.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else PeerTable(row.id, row.as_of, row.catalogue, row.firms, row.left_out)


def of_role(connection: Connection, table: PeerTable, role: str) -> list[PeerRow]:
    """The groups of a role in a table.

    Raises:
        StoreError: where a group cannot be read.
    """
    query = select(peer_values).where(peer_values.c.table_id == table.id, peer_values.c.role == role)
    rows = connection.execute(query.order_by(peer_values.c.band, peer_values.c.district))
    return [PeerRow(row.role, row.band, row.district, row.firms, _unpacked(row.content)) for row in rows]


def _packed(values: Values) -> bytes:
    return zlib.compress(
        msgspec.msgpack.encode({name: sorted(counts.items()) for name, counts in sorted(values.items())})
    )


def _unpacked(content: bytes) -> Values:
    try:
        pairs = _PAIRS.decode(zlib.decompress(content))
    except (zlib.error, msgspec.DecodeError):
        raise StoreError("a table of peers cannot be read: run `greenlane features peers` to build a new one") from None
    return {name: dict(counts) for name, counts in pairs.items()}
