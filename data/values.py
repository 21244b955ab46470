"""Field types of records: what a value may be, and the reason when it is not.

Each type is declared once and serves every reader, the API's schema and the documentation.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from stdnum.cn import uscc

from data.times import to_instant

_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_UNPRINTABLE = re.compile("[\x00-\x1f\ud800-\udfff]")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")
FIRST_MOMENT, LAST_MOMENT = (to_instant(datetime(year, 1, 1, tzinfo=UTC)) for year in (1900, 2200))
LARGEST_INTEGER = 10**15
"""Ten trillion yuan in fen: beyond it a value is a mistake, and sums of a million still fit 64 bits."""
MOST_LINES = 2_000
"""Most lines of goods in one document."""


def uscc_check_character(first_17: str) -> str:
    """The check character of a unified social credit code (GB 32100-2015, modulo 31).

    Arguments:
        first_17: the code without its last character.
    Raises:
        ValueError: where a character is outside the code's alphabet.
    """
    total = 0
    for weight, character in zip(_USCC_WEIGHTS, first_17, strict=True):
        total += weight * _USCC_ALPHABET.index(character)
    return _USCC_ALPHABET[(31 - total % 31) % 31]


@lru_cache(65_536)
def enterprise_id(value: str) -> str:
    """An enterprise's code: an 18-character USCC with its check character right, or another register's shorter code."""
    if len(value) == 18 and value.isascii() and value.isalnum():
        code: str = uscc.compact(value)
        try:
            expected = uscc_check_character(code[:17])
        except ValueError:
            raise ValueError("has a character that a unified social credit code (GB 32100) cannot have") from None
        if code[17] != expected:
            raise ValueError(f"wrong check character of a unified social credit code: {code[17]} should be {expected}")
        return code
    return value


def _written_moment(value: object) -> object:
    """Only what reads as a date and a time: a bare number would silently be taken for seconds since 1970."""
    if isinstance(value, datetime) or (isinstance(value, str) and _MOMENT.match(value)):
        return value
    raise ValueError("should be a date and time with its zone, for instance 2026-04-01T09:00:00+08:00")


def _aware(value: datetime) -> datetime:
    instant = to_instant(value)  # refuses a moment without a zone
    if not FIRST_MOMENT <= instant < LAST_MOMENT:
        raise ValueError("lies outside the years 1900 to 2199")
    return value


def _printable(value: str) -> str:
    if _UNPRINTABLE.search(value):
        raise ValueError("has control characters or bytes that are not UTF-8")
    return value


def _bounded_integer(ge: int) -> object:
    return Field(ge=ge, le=LARGEST_INTEGER, strict=True)


Text = Annotated[str, Field(min_length=1, max_length=250, strict=True), AfterValidator(_printable)]
"""Free text of 1 to 250 characters without control characters."""
Code = Annotated[str, Field(min_length=1, max_length=100, strict=True), AfterValidator(_printable)]
"""A code or number of a register, 1 to 100 characters."""
EnterpriseId = Annotated[
    str, Field(min_length=2, max_length=100, strict=True), AfterValidator(_printable), AfterValidator(enterprise_id)
]
"""A USCC (18 characters, checked) or the code of another register."""
HsCode = Annotated[str, Field(pattern=r"^[0-9]{2,10}$", strict=True)]
"""2 to 10 digits of the Harmonized System, leading zeros kept."""
Fen = Annotated[int, _bounded_integer(0)]
"""Money: integer fen (1/100 yuan), never negative."""
Grams = Annotated[int, _bounded_integer(0)]
"""Mass: integer grams, never negative."""
Natural = Annotated[int, _bounded_integer(0)]
"""A count or a small non-negative measure."""
Moment = Annotated[datetime, BeforeValidator(_written_moment), AfterValidator(_aware)]
"""A moment with its time zone."""

Domain = Literal["identity", "name", "telephone", "address"]
"""What a value says of a person. The same text in two domains has two pseudonyms."""
PSEUDONYM = r"^~[a-z0-9]{1,16}~[A-Za-z0-9_-]{22}$"


@dataclass(frozen=True, slots=True)
class Personal:
    """Marks a field that says something of a person: what is sent becomes a pseudonym before it is read."""

    domain: Domain


_SENT = {
    "type": "string",
    "minLength": 1,
    "maxLength": 500,
    "description": "of a person: kept only as a keyed pseudonym",
}
_Pseudonym = Annotated[str, Field(pattern=PSEUDONYM, strict=True), WithJsonSchema(_SENT)]
IdentityPseudonym = Annotated[_Pseudonym, Personal("identity")]
"""Pseudonym of who a person is: an identity number, or a register's own number for the person."""
NamePseudonym = Annotated[_Pseudonym, Personal("name")]
"""Pseudonym of a person's name."""
TelephonePseudonym = Annotated[_Pseudonym, Personal("telephone")]
"""Pseudonym of a telephone number."""
AddressPseudonym = Annotated[_Pseudonym, Personal("address")]
"""Pseudonym of a delivery address."""
