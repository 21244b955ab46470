"""The table of messages: every field with its format and obligation, as data (`fields.tsv`), not code.

Formats: `C36` 36 characters, `C..60` 1 to 60, `N19,5` a decimal of at most 12 and 5 digits (the standard's 14 are beyond any
trade), `N9` a whole number, `T14` a China time YYYYMMDDhhmmss, `T17` the same with up to three digits of a second's parts,
`D8` a date, `H10` ten digits of an HS code, `E18` an enterprise's code, `=1|2|3` one of these. Digits are those of ASCII.
Obligations: `Y` required, `N` optional, `tradeMode=1210` required where that field has that value. A receipt repeats of its
request what could be read, so none of that is required.
Source: GACC announcement 113 of 2018 and the import and export specifications of the China Electronic Port.
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from types import MappingProxyType

NAMESPACE = "http://www.chinaport.gov.cn/ceb"
ALIASES = MappingProxyType({"consigneeDitrict": "consigneeDistrict"})
"""Names that older files give to fields."""
_UNPRINTABLE = "\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"
_DAY = "20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_TIME = _DAY + "(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]"
_PATTERNS = {
    "T14": _TIME, "T17": _TIME + "[0-9]{0,3}", "D8": _DAY, "H10": "[0-9]{10}", "N19,5": r"[0-9]{1,12}(?:\.[0-9]{1,5})?",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class FieldSpec:
    """One field of a message.

    `personal` is the domain of its pseudonym (`text` for free text that may name a person), empty where it says nothing of one.
    """

    name: str
    format: str
    required: str
    personal: str
    label_zh: str

    def pattern(self, markup: str = "") -> str:
        """A regular expression, without groups, that every good value matches, blank ends aside.

        Arguments:
            markup: characters that must not occur in text either.
        """
        kind, size = self.format[0], self.format[1:]
        if kind == "=":
            return f"(?:{size})"
        if self.format in _PATTERNS:
            return _PATTERNS[self.format]
        if kind == "N":
            return rf"[0-9]{{1,{size}}}"
        low, high = ("1", size[2:]) if size.startswith("..") else ("1" if kind == "E" else size, size)
        return rf"(?!\s)[^{markup}{_UNPRINTABLE}]{{{low},{high}}}+(?<!\s)"

    @cached_property
    def matches(self) -> re.Pattern[str]:
        """The pattern of the whole value."""
        return re.compile(rf"{self.pattern()}\Z")

    @cached_property
    def expectation(self) -> str:
        """What the value should be, in words."""
        kind, size = self.format[0], self.format[1:]
        if kind == "=":
            return "should be " + " or ".join(size.split("|"))
        known = {
            "T14": "should be a time YYYYMMDDhhmmss", "T17": "should be a time YYYYMMDDhhmmss or YYYYMMDDhhmmssSSS",
            "D8": "should be a date YYYYMMDD",
            "H10": "should be an HS code of ten digits",
            "N19,5": "should be a decimal number, not negative, with at most 12 digits before the point and 5 after it",
            "E18": "should be the 10-character customs code or the 18-character unified social credit code of an enterprise",
        }  # fmt: skip
        if self.format in known:
            return known[self.format]
        if kind == "N":
            return f"should be a whole number of at most {size} digits"
        return f"should be {'1 to ' + size[2:] if size.startswith('..') else size} characters"


@dataclass(frozen=True, eq=False)
class Part:
    """An element that holds fields: the body itself (empty `name`), its head, or its repeated lines."""

    name: str
    is_repeated: bool
    fields: tuple[FieldSpec, ...]

    @cached_property
    def by_name(self) -> Mapping[str, FieldSpec]:
        """The fields by name."""
        return MappingProxyType({field.name: field for field in self.fields})

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the fields, in the order of the schema."""
        return tuple(field.name for field in self.fields)

    @cached_property
    def conditions(self) -> tuple[tuple[FieldSpec, str, str], ...]:
        """Fields that are required where a field of the head has a value."""
        split = ((field, field.required.partition("=")) for field in self.fields)
        return tuple((field, other, value) for field, (other, sign, value) in split if sign)


@dataclass(frozen=True, eq=False)
class MessageSpec:
    """One message: its number, its direction, whether it is a request or a receipt, and its body."""

    number: str
    direction: str
    is_receipt: bool
    body: str
    head: Part
    lines: Part | None

    @property
    def root(self) -> str:
        """The name of its root element."""
        return f"CEB{self.number}Message"


@lru_cache
def messages() -> Mapping[str, MessageSpec]:
    """Every declared message by its number."""
    found: dict[str, list[dict[str, str]]] = {}
    with (files("data.ceb") / "fields.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            found.setdefault(row["message"], []).append(row)
    return MappingProxyType({number: _message(rows) for number, rows in found.items()})


def _message(rows: list[dict[str, str]]) -> MessageSpec:
    parts: dict[tuple[str, bool], list[FieldSpec]] = {}
    for row in rows:
        field = FieldSpec(row["field"], row["format"], row["required"], row["personal"], row["label_zh"])
        parts.setdefault((row["part"], bool(row["repeated"])), []).append(field)
    built = [Part(name, is_repeated, tuple(fields)) for (name, is_repeated), fields in parts.items()]
    head = next(part for part in built if not part.is_repeated)
    lines = next((part for part in built if part.is_repeated), None)
    first = rows[0]
    return MessageSpec(first["message"], first["direction"], first["type"] == "receipt", first["body"], head, lines)
