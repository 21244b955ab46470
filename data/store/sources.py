"""The versions that hold a value under some field: by the columns that have an index, and by looking through a kind.

Looking through is bounded by whoever asks: `is_more` says whether a kind has too many versions before any is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

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


def is_more(connection: Connection, kind: str, most: int, upto: int = OPEN) -> bool:
    """Whether a kind has more versions than a number. Looks at so many entries of an index and no further.

    Arguments:
        upto: the last place that counts.
    """
    some = select(table.c.seq).where(table.c.kind == kind, table.c.seq <= upto).limit(most + 1).subquery()
    return (connection.execute(select(func.count()).select_from(some)).scalar() or 0) > most


def looked_through(
    connection: Connection, kind: str, wanted: Sequence[Mapping[str, Any]], upto: int = OPEN
) -> Iterator[Version]:
    """The versions of a kind that state all values of one of some keys somewhere, with their ends, in the order of intake.

    A value counts where a text of the payload begins with it, since a key may hold the first characters of a code. So there may
    be more versions than the keys hold, never fewer.

    Arguments:
        wanted: of each key, its fields and their values.
        upto: the last place that counts.
    """
    of_keys = [
        and_(*(table.c.payload.contains(_begin(value), autoescape=True) for value in values.values()))
        for values in wanted
    ]
    yield from versions_where(connection, table.c.kind == kind, or_(*of_keys), upto=upto)


def _begin(value: Any) -> str:
    """How a value begins in the text of a payload."""
    written = canonical(value).decode()
    return written.removesuffix('"') if isinstance(value, str) else written
