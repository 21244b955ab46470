"""Records as columns: one Arrow schema a kind, derived from its payload type. Parquet files hold this layout.

The columns of the envelope come first, then the payload's fields under their own names; what is not given is null. Files lie
under `kind=KIND/month=YYYY-MM/`, the month being that of `known_at` in China.
"""

import types
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pyarrow as pa

from data.payloads import PAYLOADS, Payload

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


@lru_cache
def schema_of(kind: str) -> pa.Schema:
    """The columns of a kind's records."""
    return pa.schema([*ENVELOPE, *_fields(PAYLOADS[kind])])


def _fields(payload: type[Payload]) -> list[pa.Field]:
    return [pa.field(name, _arrow(info.annotation)) for name, info in payload.model_fields.items()]


def _arrow(annotation: Any) -> pa.DataType:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _arrow(arguments[0])
    if origin in (Union, types.UnionType):
        return _arrow(next(argument for argument in arguments if argument is not type(None)))
    if origin is Literal or annotation is str:
        return pa.string()
    if annotation is int:
        return pa.int64()
    if annotation is datetime:
        return pa.string()  # as its payload writes it, in ISO 8601
    if origin is tuple:
        return pa.list_(_arrow(arguments[0]))
    if origin is dict:
        return pa.map_(pa.string(), pa.string())
    if isinstance(annotation, type) and issubclass(annotation, Payload):
        return pa.struct(_fields(annotation))
    raise TypeError(f"no column type for {annotation!r}")
