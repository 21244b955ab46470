"""What records say under keys, arranged once for intake: the columns of a key's rows, and what a version adds to them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from data.errors import FeatureError
from data.records import Record
from data.times import HOUR, day_of
from features.measures import Key, Measure, Stream
from features.views import view_of

EVER, DAY, HOURLY = 0, 1, 2
"""Units of rows. What has no window has one row."""
CodeName = tuple[int, int, str]
"""Unit, column and value: what a distinct count of a key tells apart."""


def unit_of(measure: Measure) -> int:
    """The unit of a measure's rows."""
    return DAY if measure.days is not None else HOURLY if measure.hours is not None else EVER


def row_at(unit: int, instant: int) -> int:
    """The number of the row that holds an instant."""
    return day_of(instant) if unit == DAY else instant // HOUR if unit == HOURLY else 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a measure is found: a column of a unit with its window (0: all rows), or a series of held observations."""

    unit: int
    column: int
    window: int
    is_held: bool


@dataclass(slots=True)
class Layout:
    """The columns of a key's rows in each unit, and the series of what is held for `latest` and `since`.

    Attributes:
        columns: by unit, stream, operator and field of each column.
        windows: by unit, all window lengths, ascending.
        series: stream and field of each series of held observations.
        places: where each measure is found, by its number.
    """

    columns: tuple[list[tuple[Stream, str, str | None]], ...] = field(default_factory=lambda: ([], [], []))
    windows: tuple[list[int], ...] = field(default_factory=lambda: ([], [], []))
    series: list[tuple[Stream, str | None]] = field(default_factory=list)
    places: dict[int, Place] = field(default_factory=dict)

    def add(self, number: int, measure: Measure) -> None:
        """Make room for a measure."""
        unit, window = unit_of(measure), measure.days or measure.hours or 0
        if measure.operator in ("latest", "since"):
            place = _place_in(self.series, (measure.stream, measure.value))
            self.places[number] = Place(unit, place, window, is_held=True)
            return
        place = _place_in(self.columns[unit], (measure.stream, measure.operator, measure.value))
        if window not in self.windows[unit]:
            self.windows[unit].append(window)
            self.windows[unit].sort()
        self.places[number] = Place(unit, place, window, is_held=False)


def _place_in(those: list[Any], one: Any) -> int:
    if one not in those:
        those.append(one)
    return those.index(one)


class Code(msgspec.Struct, array_like=True):
    """A value to tell apart; `prior` is the last row in which it counted without this observation, -1 for none."""

    unit: int
    column: int
    value: str
    prior: int = -1

    @property
    def name(self) -> CodeName:
        """What it is, whatever was known of it before."""
        return (self.unit, self.column, self.value)


_Said = tuple[list[tuple[int, int]], list[tuple[int, int]], list[tuple[int, int]]]


class Sight(msgspec.Struct, array_like=True):
    """What one version of a record says under one key, with its interval.

    `numbers` has for each unit columns with their values, `codes` what to tell apart, `held` series with their values.
    """

    start: int
    closed: int
    event_at: int
    numbers: _Said
    codes: list[Code]
    held: list[tuple[int, int]]

    @property
    def is_summed(self) -> bool:
        """Whether it says anything to sum or to tell apart."""
        return bool(self.codes or self.numbers[DAY] or self.numbers[EVER] or self.numbers[HOURLY])

    def same(self, other: "Sight") -> bool:
        """Whether both say the same, whatever was known of their codes before."""
        mine = [code.name for code in self.codes]
        return (self.start, self.closed, self.event_at, self.numbers, mine) == (
            other.start, other.closed, other.event_at, other.numbers, [code.name for code in other.codes]
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Says:
    """What a stream says under a key: in which columns it counts, and which fields it sums, squares, tells apart or holds."""

    ones: _Said = field(default_factory=lambda: ([], [], []))
    sums: list[tuple[int, int, str]] = field(default_factory=list)
    squares: list[tuple[int, int, str]] = field(default_factory=list)
    codes: list[tuple[int, int, str]] = field(default_factory=list)
    held: list[tuple[int, str | None]] = field(default_factory=list)

    def tell(self, view: Mapping[str, Any], sight: Sight) -> None:
        """Add what a record's view says to what is seen under the key."""
        for said, ones in zip(sight.numbers, self.ones, strict=True):
            if ones:
                said.extend(ones)
        for unit, column, name in self.sums:
            number = view.get(name)
            if number:
                sight.numbers[unit].append((column, number))
        for unit, column, name in self.squares:
            number = view.get(name)
            if number:
                sight.numbers[unit].append((column, number * number))
        for unit, column, name in self.codes:
            code = view.get(name)
            if code is not None:
                sight.codes.append(Code(unit, column, str(code)))
        for series, named in self.held:
            number = 0 if named is None else view.get(named)
            if number is not None:
                sight.held.append((series, number))


class Observer:
    """What records say under the keys of some measures, arranged once for intake.

    Arguments:
        measures: what is kept. Their numbers are their places in the sequence.
    """

    def __init__(self, measures: Sequence[Measure]) -> None:
        self.layouts: dict[Key, Layout] = {}
        for number, measure in enumerate(measures):
            self.layouts.setdefault(measure.key, Layout()).add(number, measure)
        self.by_name = {key.name: layout for key, layout in self.layouts.items()}
        if len(self.by_name) < len(self.layouts):
            raise FeatureError("two keys have one name: " + ", ".join(sorted(key.name for key in self.layouts)))
        self._streams: dict[str, list[Stream]] = {}
        self._keys: dict[str, list[tuple[Key, list[tuple[int, _Says]]]]] = {}
        for key, layout in self.layouts.items():
            self._arrange(key, layout)

    def _arrange(self, key: Key, layout: Layout) -> None:
        says: dict[Stream, _Says] = {}
        for unit, columns in enumerate(layout.columns):
            for column, (stream, operator, value) in enumerate(columns):
                own = says.setdefault(stream, _Says())
                if operator == "count":
                    own.ones[unit].append((column, 1))
                else:
                    those = {"sum": own.sums, "sum_of_squares": own.squares, "distinct": own.codes}[operator]
                    those.append((unit, column, str(value)))
        for series, (stream, value) in enumerate(layout.series):
            says.setdefault(stream, _Says()).held.append((series, value))
        by_kind: dict[str, list[tuple[int, _Says]]] = {}
        for stream, own in says.items():
            place = _place_in(self._streams.setdefault(stream.kind, []), stream)
            by_kind.setdefault(stream.kind, []).append((place, own))
        for kind, streams in by_kind.items():
            self._keys.setdefault(kind, []).append((key, streams))

    def layout(self, name: str) -> Layout:
        """The layout of the key that has a text."""
        return self.by_name[name.partition("\x1f")[0]]

    def sights(self, record: Record) -> Iterable[tuple[str, Sight]]:
        """What a version says, by key; deletions and repairs say nothing, they end what came before."""
        start = max(record.event_at, record.known_at)
        if record.action not in ("new", "change") or record.kind not in self._keys or record.usable_until <= start + 1:
            return
        view = view_of(record.kind, record.payload)
        holds = [stream.holds(view) for stream in self._streams[record.kind]]
        for key, streams in self._keys[record.kind]:
            name = key.of(view)
            if name is None:
                continue
            sight = Sight(start, record.usable_until, record.event_at, ([], [], []), [], [])
            for place, says in streams:
                if holds[place]:
                    says.tell(view, sight)
            if sight.held or sight.is_summed:
                yield name, sight
