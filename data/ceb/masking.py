"""Refused XML as quarantine may keep it: persons as pseudonyms, text that no declared field holds as its shape."""

import re
from functools import lru_cache
from html import unescape
from xml.sax.saxutils import escape

from data.ceb.table import ALIASES, messages
from data.masking import LONGEST, shape, shown_name
from data.pseudonyms import Pseudonyms, is_pseudonym

_TOKEN = re.compile(r"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<[^<>]*>|[^<]+|<", re.DOTALL)
_OPENING = re.compile(
    r"""<((?:[A-Za-z_][\w.\-]*:)?([A-Za-z_][\w.\-]*))(?:\s+[\w:.\-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*\s*(/?)>\Z"""
)
"""A start tag; its attributes, which no field has, are not kept."""
_CLOSING = re.compile(r"</((?:[A-Za-z_][\w.\-]*:)?[A-Za-z_][\w.\-]*)\s*>\Z")
_CDATA = re.compile(r"<!\[CDATA\[([^<>]*)\]\]>\Z")


@lru_cache
def _domains() -> dict[str, str]:
    """Personal domain of each declared field name (the strictest over all messages); empty where it says nothing of a person."""
    found: dict[str, str] = {}
    for spec in messages().values():
        for part in (spec.head, spec.lines):
            for field in part.fields if part else ():
                found[field.name] = found.get(field.name) or field.personal
    return found


def masked_xml(text: str, pseudonyms: Pseudonyms, *, trusted: bool = False) -> str:
    """XML text, well-formed or not, without persons.

    Arguments:
        trusted: whether what looks like a pseudonym is one.
    """
    kept, field = [], None
    for token in _TOKEN.findall(text):
        if not token.startswith("<"):
            kept.append(_text(token, field, pseudonyms, trusted=trusted))
            continue
        if cdata := _CDATA.match(token):
            kept.append(_text(escape(cdata[1]), field, pseudonyms, trusted=trusted))
            continue
        opening, closing = _OPENING.match(token), _CLOSING.match(token)
        field = ALIASES.get(opening[2], opening[2]) if opening and not opening[3] else None
        if opening:
            kept.append(f"<{_qualified(opening[1])}{opening[3]}>")
        elif closing:
            kept.append(f"</{_qualified(closing[1])}>")
        else:
            kept.append(shape(token))  # comments could hold anything
    return "".join(kept)


def _qualified(name: str) -> str:
    prefix, colon, local = name.rpartition(":")
    return shown_name(prefix) + colon + shown_name(local) if prefix else shown_name(local)


def _text(token: str, field: str | None, pseudonyms: Pseudonyms, *, trusted: bool) -> str:
    if not token.strip():
        return token
    domain = _domains().get(field or "")
    if domain is None or domain == "text" or len(token) > LONGEST:
        return escape(shape(unescape(token)))
    if not domain:
        return token
    value = unescape(token).strip()
    if trusted and is_pseudonym(value):
        return escape(value)
    return pseudonyms.of(domain, value)  # type: ignore[arg-type]
