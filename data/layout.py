"""Records as columns: one Arrow schema a kind, derived from its payload type. Parquet files hold this layout.

The columns of the envelope come first, then the payload's fields under their own names; what is not given is null. Files lie
under `kind=KIND/month=YYYY-MM/`, the month being that of `known_at` in China.
"""

import types
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pyarrow as pa

from data.payloads import ADDED, DERIVED, PAYLOADS, Payload
from data.records import Version, canonical
from data.times import OPEN

INSTANT = pa.timestamp("us", tz="UTC")
ENVELOPE = (
    pa.field("guid", pa.string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("action", pa.string(), nullable=False),
    pa.field("event_at", INSTANT, nullable=False),
    pa.field("known_at", INSTANT, nullable=False),
    pa.field("usable_until", INSTANT),
)
"""Columns that records of every kind have."""
VERSION = (
    pa.field("seq", pa.int64(), nullable=False),
    pa.field("ended_at", INSTANT),
    pa.field("digest", pa.string(), nullable=False),
)
"""Columns of stored versions: the order of intake, when the next version became known, SHA-256 of what was sent."""
MATCHED = "match"
"""A declaration's match of documents, derived at intake: JSON text."""


@lru_cache
def schema_of(kind: str) -> pa.Schema:
    """The columns of a kind's records, as senders write them."""
    return pa.schema([*ENVELOPE, *_fields(PAYLOADS[kind], derived=False)])


@lru_cache
def schema_of_versions(kind: str) -> pa.Schema:
    """The columns of a kind's stored versions, as snapshots hold them: with what intake derived."""
    return pa.schema([*VERSION, *ENVELOPE, *_fields((PAYLOADS | DERIVED)[kind], derived=True)])


def _fields(payload: type[Payload], *, derived: bool) -> list[pa.Field]:
    fields = [
        pa.field(name, pa.string() if name == MATCHED else _arrow(info.annotation, derived=derived))
        for name, info in payload.model_fields.items()
    ]
    added = ADDED.get(payload, ()) if derived else ()
    return [*fields, *(pa.field(name, pa.string()) for name in added)]


def _arrow(annotation: Any, *, derived: bool) -> pa.DataType:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _arrow(arguments[0], derived=derived)
    if origin in (Union, types.UnionType):
        return _arrow(next(argument for argument in arguments if argument is not type(None)), derived=derived)
    if origin is Literal or annotation is str:
        return pa.string()
    if annotation is int:
        return pa.int64()
    if annotation is datetime:
        return pa.string()  # as its payload writes it, in ISO 8601
    if origin is tuple:
        return pa.list_(_arrow(arguments[0], derived=derived))
    if origin is dict:
        return pa.map_(pa.string(), pa.string())
    if isinstance(annotation, type) and issubclass(annotation, Payload):
        return pa.struct(_fields(annotation, derived=derived))
    raise TypeError(f"no column type for {annotation!r}")


class VersionTables:
    """Versions at hand as columns, in the layout of snapshots."""

    def __init__(self, versions: Iterable[Version]) -> None:
        rows: dict[str, list[dict[str, Any]]] = {}
        self._versions = list(versions)
        for version in self._versions:
            rows.setdefault(version.record.kind, []).append(row_of(version))
        self._tables = {kind: pa.Table.from_pylist(rows[kind], schema=schema_of_versions(kind)) for kind in rows}

    def rows(self, kind: str) -> int:
        """How many versions of a kind there are."""
        return self._tables[kind].num_rows if kind in self._tables else 0

    def tables(self, kind: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The versions of a kind with those of some columns that it has."""
        if kind in self._tables:
            table = self._tables[kind]
            names = {column.split(".")[0] for column in columns}
            yield table.select([name for name in table.column_names if name in names])

    def versions(self, kinds: Iterable[str] = ()) -> list[Version]:
        """The versions of some kinds, of all where none is named."""
        wanted = set(kinds)
        return [version for version in self._versions if not wanted or version.record.kind in wanted]


def row_of(version: Version) -> dict[str, Any]:
    """A version as a row of its kind's layout."""
    record = version.record
    row: dict[str, Any] = {
        "seq": version.seq, "digest": record.digest, "guid": record.guid, "source": record.source, "action": record.action,
        "event_at": record.event_at, "known_at": record.known_at,
        "usable_until": None if record.usable_until == OPEN else record.usable_until,
        "ended_at": None if version.ended_at == OPEN else version.ended_at, **record.payload,
    }  # fmt: skip
    if MATCHED in row:
        row[MATCHED] = canonical(row[MATCHED]).decode()
    facts = row.get("facts")
    if facts is not None and MATCHED in facts:
        row["facts"] = {**facts, MATCHED: canonical(facts[MATCHED]).decode()}
    if facts is not None and "traits" in facts:
        row["facts"] = {**row["facts"], "traits": list(facts["traits"].items())}
    if "traits" in row:
        row["traits"] = list(row["traits"].items())
    return row
