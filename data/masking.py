"""What may be kept of input that was refused: persons as pseudonyms, and of what nobody declared only its shape."""

import re
import types
from collections.abc import Container, Mapping
from functools import lru_cache
from typing import Annotated, Any, Union, get_args, get_origin

from data.payloads import ENVELOPE_FIELDS, PAYLOADS, Line, Payload
from data.pseudonyms import Pseudonyms, is_pseudonym
from data.values import Domain, Personal

_ENVELOPE = ("kind", *ENVELOPE_FIELDS)
_WORD = re.compile(r"\w+")
_READABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,59}\Z")
_HALF = re.compile("[\ud800-\udfff]")
_LIKE_A_NUMBER = re.compile(r"(?:\d\D*){3}")
LONGEST = 500
"""Longest text that can be a person's name, number or address."""


class _Shape(dict[int, str]):
    """Characters to their class: digits 9, letters x or X, other letters of the world 某; marks and blanks stay.

    Half characters, which no text can hold, become the replacement character.
    """

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if character.isdigit():
            shown = "9"
        elif "\ud800" <= character <= "\udfff":
            shown = "\ufffd"
        elif character.isascii():
            shown = ("X" if character.isupper() else "x") if character.isalpha() else character
        else:
            shown = "某" if character.isalnum() else character
        self[code] = shown
        return shown


_SHAPE = _Shape()


def shape(text: str) -> str:
    """A text's shape: enough to see a missing bracket or a wrong length, too little to know a person."""
    return text.translate(_SHAPE)


def outline(text: str) -> str:
    """The shape of text that nothing could read, with the words that our formats declare."""
    shown = _WORD.sub(lambda word: word[0] if word[0] in _declared_words() else shape(word[0]), text)
    return _HALF.sub("\ufffd", shown)


@lru_cache
def _declared_words() -> frozenset[str]:
    fields = {name for payload in PAYLOADS.values() for name in payload.model_fields}
    return frozenset({*_ENVELOPE, *PAYLOADS, *fields, "payload", "new", "change", "delete", "repair"})


@lru_cache
def personal_fields(payload: type[Payload]) -> Mapping[str, Domain]:
    """The fields of a payload that say something of a person, with their domain."""
    found = {name: _domain(info.annotation, info.metadata) for name, info in payload.model_fields.items()}
    return types.MappingProxyType({name: domain for name, domain in found.items() if domain is not None})


def _domain(annotation: Any, metadata: Any = ()) -> Domain | None:
    for mark in metadata:
        if isinstance(mark, Personal):
            return mark.domain
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _domain(arguments[0], arguments[1:])
    if origin in (Union, types.UnionType) or origin is tuple:
        return next((found for a in arguments if a not in (type(None), ...) and (found := _domain(a))), None)
    return None


def pseudonymised(
    kind: str, payload: Mapping[str, Any], pseudonyms: Pseudonyms, *, trusted: bool = False
) -> dict[str, Any]:
    """A raw payload with the persons' values replaced. What has another type than text stays, and will be refused.

    Arguments:
        trusted: whether values that look like pseudonyms are ones (our own quarantine and snapshots), else they are
            taken for names like any other.
    """
    result = _replaced(payload, personal_fields(PAYLOADS[kind]), pseudonyms, trusted=trusted)
    facts = result.get("facts")
    if isinstance(facts, Mapping) and "facts" in PAYLOADS[kind].model_fields:
        result["facts"] = pseudonymised("declaration", facts, pseudonyms, trusted=trusted)
    return result


def person(domain: Domain, value: str, pseudonyms: Pseudonyms, *, trusted: bool) -> str:
    """What is read in place of a person's value: its pseudonym. What is blank or too long stays, and will be refused."""
    if not value or len(value) > LONGEST or value.isspace() or (trusted and is_pseudonym(value)):
        return value
    return pseudonyms.of(domain, value)


def _replaced(
    payload: Mapping[str, Any], personal: Mapping[str, Domain], pseudonyms: Pseudonyms, *, trusted: bool
) -> dict[str, Any]:
    def replaced(domain: Domain, value: Any) -> Any:
        if isinstance(value, str):
            return person(domain, value, pseudonyms, trusted=trusted)
        if isinstance(value, (list, tuple)):
            return [replaced(domain, inner) for inner in value]
        return value

    return {name: replaced(personal[name], value) if name in personal else value for name, value in payload.items()}


def masked(raw: object, pseudonyms: Pseudonyms, *, trusted: bool = False) -> Any:
    """A refused raw record as it may be kept: declared fields as sent, persons as pseudonyms, all else as its shape."""
    if not isinstance(raw, Mapping):
        return _shaped(raw)
    kept = {
        _name(key): value if key in _ENVELOPE and _is_plain(value) else _shaped(value) for key, value in raw.items()
    }
    payload, kind = raw.get("payload"), raw.get("kind")
    if isinstance(payload, Mapping):
        known = kind if isinstance(kind, str) and kind in PAYLOADS else None
        kept["payload"] = _masked_payload(known, payload, pseudonyms, trusted=trusted)
    return kept


@lru_cache
def _declared(kind: str | None) -> tuple[frozenset[str], Mapping[str, Domain]]:
    """The fields of a kind and those of them that are personal; over all kinds where it is not known."""
    types_of = PAYLOADS.values() if kind is None else (PAYLOADS[kind],)
    personal = {name: domain for payload in types_of for name, domain in personal_fields(payload).items()}
    return frozenset(name for payload in types_of for name in payload.model_fields), personal


def _masked_payload(
    kind: str | None, payload: Mapping[str, Any], pseudonyms: Pseudonyms, *, trusted: bool
) -> dict[str, Any]:
    declared, personal = _declared(kind)
    kept: dict[str, Any] = {}
    for key, value in _replaced(payload, personal, pseudonyms, trusted=trusted).items():
        if key == "facts" and "facts" in declared and isinstance(value, Mapping):
            kept[key] = _masked_payload("declaration", value, pseudonyms, trusted=trusted)
        elif key in personal:
            kept[key] = value if _all_pseudonyms(value) else _shaped(value)
        elif key in declared and _is_plain(value):
            kept[key] = value
        elif key in declared and key in ("lines", "traits", "parent_enterprises"):
            kept[key] = _declared_inside(key, value)
        else:
            kept[_name(key)] = _shaped(value)
    return kept


def _declared_inside(key: str, value: Any) -> Any:
    """Lines, traits or parents: what is declared in them as sent, all else as its shape."""
    if key == "lines" and isinstance(value, (list, tuple)):
        return [_kept_plain(line, Line.model_fields) for line in value]
    if key == "traits":
        return _kept_plain(value, value)
    if isinstance(value, (list, tuple)):
        return [inner if _is_plain(inner) else _shaped(inner) for inner in value]
    return _shaped(value)


def _kept_plain(value: Any, declared: Container[object]) -> Any:
    if not isinstance(value, Mapping):
        return _shaped(value)
    return {
        _name(name): inner if name in declared and _is_plain(inner) else _shaped(inner) for name, inner in value.items()
    }


def _all_pseudonyms(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_all_pseudonyms(inner) for inner in value)
    return value is None or (isinstance(value, str) and is_pseudonym(value))


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float))


def _shaped(value: Any) -> Any:
    if isinstance(value, str):
        return shape(value)
    if isinstance(value, Mapping):
        return {_name(key): _shaped(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shaped(inner) for inner in value]
    return None if value is None else shape(str(value))


def _name(key: object) -> str:
    return shown_name(str(key))


def shown_name(name: str) -> str:
    """A field's name as it may be shown: one that is not written like a name could be anything, so only its shape is."""
    return name if _READABLE.match(name) and not _LIKE_A_NUMBER.search(name) else shape(name)[:60]
