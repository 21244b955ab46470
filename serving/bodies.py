"""Bodies of requests: what they are written in, and JSON read with a limit on its depth."""

from typing import Any

import msgspec

from data.nesting import DEEPEST, is_too_deep
from serving.errors import MalformedBodyError, UnsupportedBodyError

_MOST_RECORDS = 10_000
JSON, LINES, XML, CSV = "application/json", "application/x-ndjson", "application/xml", "text/csv"
_KINDS = {JSON: JSON, LINES: LINES, "application/jsonl": LINES, XML: XML, "text/xml": XML, "": JSON}


def kind_of_body(content_type: str | None) -> str:
    """In which of our formats a body is written: `JSON`, `LINES` or `XML`.

    Raises:
        UnsupportedBodyError: for any other.
    """
    kind = _KINDS.get(media_type_of(content_type))
    if kind is None:
        raise UnsupportedBodyError(f"records are taken as {JSON}, {LINES} or {XML} (Content-Type)")
    return kind


def media_type_of(content_type: str | None) -> str:
    """The media type of a Content-Type header without its parameters; empty where there is none."""
    return (content_type or "").partition(";")[0].strip().lower()


def demand_not_too_many(count: int) -> None:
    """Refuse more records at once than one transaction should hold.

    Raises:
        MalformedBodyError: where there are more.
    """
    if count > _MOST_RECORDS:
        raise MalformedBodyError(f"the body holds more than {_MOST_RECORDS:,} records; send fewer at once")


def parsed_json(body: bytes) -> Any:
    """The value of a JSON text that is not nested too deep.

    Raises:
        MalformedBodyError: where it is not JSON, or too deep.
    """
    try:
        value = msgspec.json.decode(body)
    except UnicodeDecodeError:
        raise MalformedBodyError("the body has bytes that are not UTF-8") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedBodyError(f"the body is not JSON: {error}") from None
    if is_too_deep(value):
        raise MalformedBodyError(f"the body is nested deeper than {DEEPEST} levels")
    return value
