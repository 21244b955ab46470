"""CEB messages for tests, built from the field table: valid values by their formats, bodies with all obligations met."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from io import BytesIO
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from data.ceb.bodies import Body
from data.ceb.reader import Piece, read_message
from data.ceb.table import FieldSpec, MessageSpec, Part, messages
from data.ceb.writer import write_body, write_message
from data.codes import Rate, Rates, table
from data.times import CHINA
from data.values import uscc_check_character

NUMBERS = tuple(messages())
PREFIXES = ("ceb:", "n-1.x:", "")
MESSAGE_GUID = "4CDE1CFD-EDED-46B1-946C-B8022E42FC94"
_FIRST, _LAST = datetime(2021, 2, 1, tzinfo=CHINA), datetime(2026, 1, 1, tzinfo=CHINA)
_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_PLAIN = "ABCXYZabcxyz0189 .,-/()#!?;:'\"=[]{}中文跨境电商订单收货人张三李四省市区路号𠀀é"
_MARKUP = "&<>"
_CODED = {
    "currency": "currency", "fCurrency": "currency", "iCurrency": "currency", "tradeMode": "supervision_mode",
    "trafMode": "transport_mode", "country": "country",
}  # fmt: skip
_E_COMMERCE = ("9610", "1210", "1239", "9710", "9810", "0110")
Values = dict[str, str]


@dataclass(frozen=True)
class Sent:
    """One body as a sender means it."""

    spec: MessageSpec
    head: Values
    lines: tuple[Values, ...]

    def written(self, prefix: str = "ceb:") -> str:
        """The body as text."""
        return write_body(self.spec, self.head, self.lines, prefix=prefix)

    def message(self, prefix: str = "ceb:", **options: Any) -> bytes:
        """A message with this body alone."""
        return message_of([self], prefix, **options)

    def but(self, *drop: str, **head: str) -> "Sent":
        """The same with other fields of the head, or without some."""
        values = {**self.head, **head}
        for name in drop:
            del values[name]
        ordered = {name: values[name] for name in self.spec.head.names if name in values}
        return replace(self, head=ordered)

    def but_line(self, place: int, *drop: str, **line: str) -> "Sent":
        """The same with other fields in the line at a place (from 1), or without some."""
        part = self.spec.lines
        assert part is not None
        values = {**self.lines[place - 1], **line}
        for name in drop:
            del values[name]
        ordered = {name: values[name] for name in part.names if name in values}
        return replace(self, lines=(*self.lines[: place - 1], ordered, *self.lines[place:]))


def message_of(bodies: Sequence[Sent], prefix: str = "ceb:", **options: Any) -> bytes:
    """A message with some bodies of one number."""
    written = [body.written(prefix) for body in bodies]
    text = write_message(bodies[0].spec, written, **{"guid": MESSAGE_GUID, "prefix": prefix, **options})
    return text.encode()


def around(inner: str, number: str = "311", prefix: str = "ceb:") -> bytes:
    """A message around any text."""
    return write_message(messages()[number], [inner], guid=MESSAGE_GUID, prefix=prefix).encode()


def pieces_of(raw: bytes) -> list[Piece]:
    """What reading gives."""
    return list(read_message(BytesIO(raw)))


def bodies_of(raw: bytes) -> list[Body]:
    """The bodies that reading gives."""
    return [piece for piece in pieces_of(raw) if isinstance(piece, Body)]


def only(raw: bytes) -> Body:
    """The one body of a message."""
    (body,) = bodies_of(raw)
    return body


def uscc(chooser: random.Random) -> str:
    """A unified social credit code with its check character right."""
    first = "".join(chooser.choices(_USCC, k=17))
    return first + uscc_check_character(first)


def registration(chooser: random.Random) -> str:
    """A customs registration code."""
    return f"{chooser.choice(('5105', '4401', '3302'))}9{chooser.randint(1, 9)}{chooser.randint(0, 9999):04d}"


@cache
def codes(name: str) -> tuple[str, ...]:
    """The codes of a table that are valid over the time of the tests."""
    entries = table(name)
    return tuple(
        e.code for e in entries if all(e.valid(day) for day in (_FIRST.date(), _LAST.date())) and "*" not in e.code
    )


@cache
def all_rates() -> Rates:
    """A rate of every currency in each month of the tests."""
    days = [date(2021 + n // 12, 1 + n % 12, 1) for n in range(66)]
    foreign = [code for code in codes("currency") if code != "142"]
    return Rates(tuple(Rate(c, day, 50_000 + 7 * n + int(c)) for c in foreign for n, day in enumerate(days)))


def value_of(field: FieldSpec, chooser: random.Random, *, markup: bool = True) -> str:
    """A valid value of a field."""
    kind, size = field.format[0], field.format[1:]
    if field.name == "guid":
        return str(UUID(int=chooser.getrandbits(128))).upper()
    if field.name == "tradeMode" and chooser.random() < 0.8:
        return chooser.choice(_E_COMMERCE)
    if field.name in _CODED:
        return chooser.choice(codes(_CODED[field.name]))
    if field.name == "currency" or kind == "=":
        return chooser.choice(size.split("|"))
    if kind == "E":
        return uscc(chooser) if chooser.random() < 0.8 else registration(chooser)
    if kind in "TD":
        moment = _FIRST + timedelta(seconds=chooser.randrange(int((_LAST - _FIRST).total_seconds())))
        text = moment.strftime("%Y%m%d%H%M%S")
        return {"D8": text[:8], "T14": text, "T17": text + chooser.choice(("", "007", "999"))}[field.format]
    if kind == "H":
        return f"{chooser.randrange(10**10):010d}"
    if field.format == "N19,5":
        whole, places = chooser.randrange(10 ** chooser.randint(0, 6)), chooser.randint(0, 5)
        return f"{whole}.{chooser.randrange(10**places):0{places}d}" if places else str(whole)
    if kind == "N":
        return str(chooser.randrange(10 ** chooser.randint(1, int(size))))
    low, high = (1, int(size[2:])) if size.startswith("..") else (int(size), int(size))
    length = chooser.choice((low, high, chooser.randint(low, high), chooser.randint(low, min(high, 12))))
    letters = _PLAIN + _MARKUP if markup else _PLAIN
    text = "".join(chooser.choices(letters, k=length))
    ends = chooser.choices(letters.replace(" ", ""), k=2)
    return (ends[0] + text[1:-1] + ends[1]) if length > 1 else ends[0]


def _values(part: Part, chooser: random.Random, share: float, markup: bool) -> Values:
    return {
        field.name: value_of(field, chooser, markup=markup)
        for field in part.fields
        if field.required == "Y" or chooser.random() < share
    }


def built(
    number: str,
    chooser: random.Random,
    *,
    share: float = 0.5,
    markup: bool = True,
    lines: int | None = None,
    **head: str,
) -> Sent:
    """A valid body of a message: every obligation is met, other fields are given with a likelihood of `share`."""
    spec = messages()[number]
    values = _values(spec.head, chooser, share, markup) | head
    rows: list[Values] = []
    if spec.lines is not None:
        for place in range(1, 1 + (chooser.choice((1, 1, 2, 3)) if lines is None else lines)):
            row = _values(spec.lines, chooser, share, markup)
            rows.append(row | {"gnum": str(place)} if "gnum" in row else row)
    for part, filled in [(spec.head, [values]), (spec.lines, rows)]:
        for field, other, value in part.conditions if part else ():
            if values.get(other) == value:
                for one in filled:
                    one.setdefault(field.name, value_of(field, chooser, markup=markup))
    ordered = {name: values[name] for name in spec.head.names if name in values}
    part = spec.lines
    return Sent(
        spec, ordered, tuple({n: row[n] for n in part.names if n in row} for row in rows) if part is not None else ()
    )


def made(number: str, seed: int = 0, **options: Any) -> Sent:
    """A valid body that depends on nothing but its arguments: a new record, with plain text."""
    return built(number, random.Random(f"{number}/{seed}"), **{"markup": False} | _first(number) | options)


def _first(number: str) -> Mapping[str, str]:
    return {"appType": "1"} if "appType" in messages()[number].head.by_name else {}


@st.composite
def sent(draw: st.DrawFn, numbers: Iterable[str] = NUMBERS, **options: Any) -> Sent:
    """A valid body of one of some messages. Its free texts are drawn one by one, the other values all at once."""
    body = built(draw(st.sampled_from(tuple(numbers))), random.Random(draw(st.integers(0, 2**40))), **options)
    free = [name for name in body.head if body.spec.head.by_name[name].format.startswith("C..")]
    if free and draw(st.booleans()):
        name = draw(st.sampled_from(free))
        most = int(body.spec.head.by_name[name].format[3:])
        body = body.but(**{name: draw(texts(most))})
    return body


def texts(most: int) -> st.SearchStrategy[str]:
    """Text that a field of at most so many characters accepts."""
    letters = st.characters(exclude_categories=["Cc", "Cs", "Cn"])
    return st.text(letters, min_size=1, max_size=min(most, 30)).map(str.strip).filter(bool)
