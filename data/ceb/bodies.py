"""Bodies of messages from text: fast where the text is written plainly, by the XML parser everywhere else.

The declared fields of a message compile into regular expressions: text that matches them is well-formed, complete and valid by
its formats at once. Whatever does not match (other order, entities, comments, faults) is read by expat, field by field, with
a reason for each fault. Both ways read the same text as the same values. A snippet is parsed between the message's own root
tags, so no document type ever reaches the parser: it knows no entity but XML's five.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from types import MappingProxyType
from xml.etree import ElementTree

from data.ceb.table import ALIASES, NAMESPACE, FieldSpec, MessageSpec, Part
from data.codes.enterprises import enterprise_fault
from data.masking import shown_name

Faults = tuple[tuple[str, str], ...]
Values = Mapping[str, str]
_FOREIGN = f"should be in the namespace {NAMESPACE}"
_BLANK = "[ \t\r\n]*+"


@dataclass(frozen=True, slots=True)
class Body:
    """One body of a message: an order, a payment, a waybill, a list.

    `number` counts the bodies of its message from 1; `head` and `lines` hold the fields that were given, by name; `raw` is the
    element as sent; with `faults` the values are those that could be read.
    """

    spec: MessageSpec
    number: int
    head: Values
    lines: tuple[Values, ...]
    raw: str
    faults: Faults = ()


@dataclass(frozen=True)
class Shape:
    """How a body looks under the prefix that its message gives the namespace.

    `opening` ends where the first field begins; `head`, `line` and `closing` match one after the other.
    """

    head: re.Pattern[str]
    line: re.Pattern[str] | None
    closing: re.Pattern[str]


@lru_cache(512)
def shape_of(spec: MessageSpec, prefix: str) -> Shape:
    """The regular expressions of a message for a prefix (with its colon, empty for the default namespace)."""
    p = re.escape(prefix)

    def fields(part: Part) -> str:
        return "".join(_field(field, p) for field in part.fields)

    def element(name: str, content: str) -> str:
        return f"{_BLANK}<{p}{name}>{content}{_BLANK}</{p}{name}>"

    head = element(spec.head.name, fields(spec.head)) if spec.head.name else fields(spec.head)
    line = re.compile(element(spec.lines.name, fields(spec.lines))) if spec.lines else None
    return Shape(re.compile(f"<{p}{spec.body}>{head}"), line, re.compile(f"{_BLANK}</{p}{spec.body}>"))


def _field(field: FieldSpec, p: str) -> str:
    value = field.pattern(markup="<>&")
    if field.required == "Y":
        return f"{_BLANK}<{p}{field.name}>({value})</{p}{field.name}>"
    return f"(?:{_BLANK}<{p}{field.name}(?:/>|>({value})?</{p}{field.name}>))?"


def read_plainly(spec: MessageSpec, prefix: str, text: str, at: int, number: int) -> tuple[Body, int] | None:
    """The body that begins at a place, and where it ends; None where it is not complete, plain and valid."""
    shape = shape_of(spec, prefix)
    head = shape.head.match(text, at)
    if head is None:
        return None
    end = head.end()
    lines = []
    if shape.line is not None and spec.lines is not None:
        while line := shape.line.match(text, end):
            lines.append(_given(spec.lines.names, line.groups()))
            end = line.end()
        if not lines:
            return None
    closing = shape.closing.match(text, end)
    if closing is None:
        return None
    values = _given(spec.head.names, head.groups())
    if _unmet(spec, values, lines) or _enterprise_faults(spec, values):
        return None
    end = closing.end()
    return Body(spec, number, values, tuple(lines), text[at:end]), end


def _given(names: tuple[str, ...], values: tuple[str | None, ...]) -> dict[str, str]:
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def _unmet(spec: MessageSpec, head: Values, lines: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Fields that this message would need under its own values."""
    found = [
        (path_of(spec.head, field.name), f"is missing: required where {other} is {value}")
        for field, other, value in spec.head.conditions
        if field.name not in head and head.get(other) == value
    ]
    if spec.lines is not None:
        for field, other, value in spec.lines.conditions:
            if head.get(other) == value:
                found += [
                    (path_of(spec.lines, field.name, place), f"is missing: required where {other} is {value}")
                    for place, line in enumerate(lines, start=1)
                    if field.name not in line
                ]
    return found


@lru_cache
def _enterprise_fields(spec: MessageSpec) -> tuple[str, ...]:
    return tuple(field.name for field in spec.head.fields if field.format[0] == "E")


def _enterprise_faults(spec: MessageSpec, head: Values) -> list[tuple[str, str]]:
    return [
        (path_of(spec.head, name), fault)
        for name in _enterprise_fields(spec)
        if name in head and (fault := enterprise_fault(head[name])) is not None
    ]


def is_good(field: FieldSpec, value: str) -> bool:
    """Whether a value has the format of a field."""
    return field.matches.match(value) is not None and (field.format[0] != "E" or enterprise_fault(value) is None)


def path_of(part: Part, field: str, place: int = 0) -> str:
    """A field as faults name it: with its element, and of repeated elements the place from 1."""
    element = f"{part.name}[{place}]" if place else part.name
    return f"{element}.{field}" if element else field


def parse_snippet(snippet: str, root_tag: str, root_name: str) -> ElementTree.Element | None:
    """The one element that a snippet is, None where it is not well-formed or more than one.

    Arguments:
        snippet: text that should be one element.
        root_tag: the start tag around it, as sent; it declares the prefixes.
        root_name: the qualified name in that tag.
    """
    document = f"{root_tag}{snippet}</{root_name}>".encode("utf-8", "surrogatepass")
    try:
        root = ElementTree.fromstring(document)  # noqa: S314 - no document type gets here, see above
    except (ElementTree.ParseError, ValueError):
        return None
    if len(root) != 1 or (root[0].tail or "").strip():
        return None
    return root[0]


def read_carefully(spec: MessageSpec, element: ElementTree.Element, raw: str, number: int) -> Body:
    """The body that an element is, with every fault that it has."""
    head: dict[str, str] = {}
    lines: list[dict[str, str]] = []
    faults: list[tuple[str, str]] = []
    if not _is_ours(element):
        faults.append((spec.body, _FOREIGN))
    heads = 0
    for name, child, fault in _children(element) if spec.head.name else ():
        if fault:
            faults.append((name, fault))
        elif name == spec.head.name and not heads:
            head, heads = _leaves(spec.head, child, 0, faults), 1
        elif spec.lines is not None and name == spec.lines.name:
            lines.append(_leaves(spec.lines, child, len(lines) + 1, faults))
        else:
            faults.append(
                (shown_name(name), f"is not an element of {spec.body} in message {spec.number}, or stands twice")
            )
    if not spec.head.name:
        head = _leaves(spec.head, element, 0, faults)
    elif not heads:
        faults.append((spec.head.name, "is missing"))
    if spec.lines is not None and not lines:
        faults.append((spec.lines.name, "is missing: at least one line is needed"))
    faults += _unmet(spec, head, lines) + _enterprise_faults(spec, head)
    return Body(spec, number, MappingProxyType(head), tuple(lines), raw, tuple(dict.fromkeys(faults)))


def _children(element: ElementTree.Element) -> list[tuple[str, ElementTree.Element, str]]:
    """Names, elements and faults of what stands in an element."""
    found = []
    texts = chain([element.text], (child.tail for child in element))
    if any((text or "").strip() for text in texts):
        found.append((shown_name(_local(element.tag)), element, "has text between its elements"))
    for child in element:
        name, ours = _local(child.tag), _is_ours(child)
        found.append((name if ours else shown_name(name), child, "" if ours else _FOREIGN))
    return found


def _is_ours(element: ElementTree.Element) -> bool:
    return element.tag.startswith(f"{{{NAMESPACE}}}")


def _leaves(part: Part, element: ElementTree.Element, place: int, faults: list[tuple[str, str]]) -> dict[str, str]:
    """The fields of a part, each checked by its format."""
    values: dict[str, str] = {}
    seen: set[str] = set()
    for sent_name, child, fault in _children(element):
        name = ALIASES.get(sent_name, sent_name)
        field = part.by_name.get(name)
        path = path_of(part, name if field else shown_name(name), place)
        if fault:
            faults.append((path, fault))
        elif field is None:
            faults.append((path, "is not a field of this message"))
        elif name in seen:
            faults.append((path, "stands twice"))
        elif len(child):
            faults.append((path, "should hold text, not elements"))
        else:
            value = (child.text or "").strip()
            if value:
                values[name] = value
                if field.matches.match(value) is None:
                    faults.append((path, field.expectation))
        seen.add(name)
    for field in part.fields:
        if field.required == "Y" and field.name not in values:
            faults.append((path_of(part, field.name, place), "is missing"))
    return {name: values[name] for name in part.names if name in values}  # in one order, however they were sent


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
