"""Bodies of requests: what they are written in, and JSON read with a limit on its depth."""

from collections.abc import Iterable
from typing import Any

import msgspec

from serving.errors import MalformedBodyError, UnsupportedBodyError

_DEEPEST = 20
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


def parsed_json(body: bytes) -> Any:
    """The value of a JSON text that is not nested too deep.

    Raises:
        MalformedBodyError: where it is not JSON, or too deep.
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedBodyError(f"the body is not JSON: {error}") from None
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for outer in level if isinstance(outer, (dict, list)) for inner in _inside(outer)]
    if level:
        raise MalformedBodyError(f"the body is nested deeper than {_DEEPEST} levels")
    return value


def _inside(outer: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return outer.values() if isinstance(outer, dict) else outer
