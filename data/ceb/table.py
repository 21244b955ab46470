"""The table of messages: every field with its format and obligation, as data (`fields.tsv`), not code.

Formats: `C36` 36 characters, `C..60` 1 to 60, `N19,5` a decimal of at most 14 and 5 digits, `N9` a whole number, `T14` a China
time YYYYMMDDhhmmss, `D8` a date, `H10` ten digits of an HS code, `E18` an enterprise's code, `=1|2|3` one of these.
Obligations: `Y` required, `N` optional, `tradeMode=1210` required where that field has that value.
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
_MONTH_DAY = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"


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
        if self.format in ("T14", "D8", "H10", "N19,5"):
            return {
                "T14": rf"20\d\d{_MONTH_DAY}(?:[01]\d|2[0-3])[0-5]\d[0-5]\d", "D8": rf"20\d\d{_MONTH_DAY}",
                "H10": r"\d{10}", "N19,5": r"\d{1,12}(?:\.\d{1,5})?",
            }[self.format]  # fmt: skip
        if kind == "N":
            return rf"\d{{1,{size}}}"
        low, high = ("1", size[2:]) if size.startswith("..") else ("1" if kind == "E" else size, size)
        return f"(?! )[^{markup}{_UNPRINTABLE}]{{{low},{high}}}(?<! )"

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
            "T14": "should be a time YYYYMMDDhhmmss", "D8": "should be a date YYYYMMDD",
            "H10": "should be an HS code of ten digits",
            "N19,5": "should be a decimal number, not negative, with at most 5 decimals",
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
