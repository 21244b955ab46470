"""The versions that hold a value under some field: by the columns that have an index, and by looking at all up to a place."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_

from data.records import Version, canonical
from data.store.records import versions_where
from data.store.schema import records as table
from data.times import OPEN

_COLUMNS = {"enterprise": table.c.enterprise, "buyer": table.c.buyer, "waybill_no": table.c.waybill_no}
INDEXED = tuple(_COLUMNS)
"""The fields of payloads that have a column with an index."""


def by_field(
    connection: Connection, field: str, value: str, kinds: Sequence[str], upto: int = OPEN
) -> Iterator[Version]:
    """The versions of some kinds whose payload has a value in an indexed field, with their ends, in the order of intake.

    Arguments:
        field: one of `INDEXED`.
        upto: the last place that counts.
    """
    # so that SQLite does not go through all of a kind
    of_kinds = func.coalesce(table.c.kind, "").in_(kinds)
    yield from versions_where(connection, _COLUMNS[field] == value, of_kinds, upto=upto)


def looked_through(
    connection: Connection, wanted: Mapping[str, Sequence[Mapping[str, Any]]], upto: int
) -> Iterator[Version]:
    """The versions that state all values of one of some keys somewhere, with their ends, in the order of intake.

    Every version up to a place is looked at, by the database. A value counts where a text of the payload begins with it, since a
    key may hold the first characters of a code. So there may be more versions than the keys hold, never fewer.

    Arguments:
        wanted: by kind, of each key its fields and their values.
        upto: the last place that is looked at, and that counts.
    """
    # so that SQLite goes by place and not through all of a kind, which grows behind the place
    of_kinds = [
        and_(func.coalesce(table.c.kind, "") == kind, or_(*(_states(values) for values in keys)))
        for kind, keys in wanted.items()
    ]
    yield from versions_where(connection, or_(*of_kinds), upto=upto)


def _states(values: Mapping[str, Any]) -> ColumnElement[bool]:
    return and_(*(table.c.payload.contains(_begin(value), autoescape=True) for value in values.values()))


def _begin(value: Any) -> str:
    """How a value begins in the text of a payload."""
    written = canonical(value).decode()
    return written.removesuffix('"') if isinstance(value, str) else written
