"""The online engine: the live state of a key, what each record does to it, and what it answers. Pure: no store.

The state of a key is its days. What a record adds stands in the row of its event's China day (or hour, or the one row of what has
no window), so a window is a sum of rows, closes at midnight by itself, and nothing ever has to be folded or expired. Distinct
values stand in the row of the last day on which they count; beside the state, each value keeps its days. What does not count
yet, or has an end that is known already, waits outside the rows with its interval.
"""

from collections.abc import Iterator, Mapping

import msgspec
import numpy as np

from data.errors import FeatureError
from data.times import HOUR, OPEN, day_of
from features.sights import DAY, EVER, HOURLY, Code, CodeName, Layout, Place, Sight, row_at

_SPAN = 64
"""How many days (or hours) stand together in one part of a state."""
_MOST = 2**52
"""Largest sum of a row: some thousand of them stay within 64 bits."""
_MANY = 8
"""Of how many days of a value some may be forgotten."""
_HEAD = 0

Days = dict[int, int]
"""Of a value of a distinct count: how many observations count, by the number of their day."""


class _Head(msgspec.Struct, array_like=True):
    """What is stored of a state beside its rows.

    `held` has all observations of each series that may still be the latest, since any of those after them may be taken back.
    `latest` and `since` are for streams that say something seldom.
    """

    ever: list[int] = []
    waiting: list[Sight] = []
    held: dict[int, list[tuple[int, int, int, int]]] = {}


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Head).decode
_decode_days = msgspec.msgpack.Decoder(Days).decode


def days_to_bytes(days: Days) -> bytes:
    """The days of a value as stored."""
    return _encode(dict(sorted(days.items())))


def days_from_bytes(stored: bytes) -> Days:
    """The stored days of a value."""
    return _decode_days(stored)


class KeyState:
    """The live state of one key, in parts: a head, and its rows by spans of days. A part is loaded and stored by its number.

    Attributes:
        changed: parts that differ from what was loaded; `changed_codes`: values whose days do.
    """

    __slots__ = ("_layout", "changed", "changed_codes", "head", "spans")

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.head = _Head([0] * len(layout.columns[EVER]), [], {})
        self.spans: dict[int, bytearray] = {}
        self.changed: set[int] = set()
        self.changed_codes: set[CodeName] = set()

    def load(self, part: int, stored: bytes) -> None:
        """Take a stored part."""
        if part == _HEAD:
            self.head = _decode(stored)
        else:
            self.spans[part] = bytearray(stored)

    def parts(self) -> Iterator[tuple[int, bytes | None]]:
        """The changed parts as they are to be stored; None for one that is to be dropped."""
        for part in sorted(self.changed):
            if part == _HEAD:
                yield part, _encode(self.head)
            else:
                yield part, bytes(self.spans[part]) if part in self.spans else None

    # --- what records do -----------------------------------------------------------------------------------------------

    def add(self, sight: Sight, days: Mapping[CodeName, Days]) -> None:
        """Take what a record says. It waits: what has the instant of a question does not count in it.

        Arguments:
            days: of each of its codes, the days on which the value counts.
        """
        for series, value in sight.held:
            self.head.held.setdefault(series, []).append((sight.start, sight.closed, sight.event_at, value))
        if sight.is_summed:
            for code in sight.codes:
                code.prior = max(days[code.name], default=-1)
            self.head.waiting.append(sight)
        self.changed.add(_HEAD)

    def take_back(self, sight: Sight, days: Mapping[CodeName, Days], now: int) -> None:
        """Take back what a record said: it was corrected, deleted or repaired. Arguments as for `settle`, which comes first."""
        self.changed.add(_HEAD)
        for series, value in sight.held:
            entry = (sight.start, sight.closed, sight.event_at, value)
            if entry in self.head.held.get(series, ()):
                self.head.held[series].remove(entry)
        for place, waiting in enumerate(self.head.waiting):
            if waiting.same(sight):
                del self.head.waiting[place]
                return
        if sight.closed == OPEN:
            self._sum(sight, days, now, -1)

    def settle(self, now: int, days: Mapping[CodeName, Days]) -> None:
        """Bring in what has started before an instant, and drop what can never count again.

        Arguments:
            now: no question will be asked of an earlier moment.
            days: of each waiting code, the days on which the value counts.
        """
        waiting = []
        for sight in self.head.waiting:
            if sight.start < now and sight.closed == OPEN:
                self._sum(sight, days, now, 1)
            elif sight.closed > now:
                waiting.append(sight)
        if len(waiting) < len(self.head.waiting):
            self.head.waiting = waiting
            self.changed.add(_HEAD)
        for series, entries in self.head.held.items():
            if any(entry[1] <= now for entry in entries):
                self.head.held[series] = [entry for entry in entries if entry[1] > now]
                self.changed.add(_HEAD)
        for unit in (DAY, HOURLY):
            if self._layout.windows[unit]:
                oldest = row_at(unit, now) - self._layout.windows[unit][-1]
                for part in [
                    p for p in self.spans if p % 2 == unit % 2 and ((p - unit) // 2 + 1) * _SPAN - 1 <= oldest
                ]:
                    del self.spans[part]
                    self.changed.add(part)

    def _sum(self, sight: Sight, days: Mapping[CodeName, Days], now: int, sign: int) -> None:
        own = (0, day_of(sight.event_at), sight.event_at // HOUR)
        changes = [list(said) if sign > 0 else [(column, -value) for column, value in said] for said in sight.numbers]
        for code in sight.codes:
            unit = code.unit
            before, after = self._count_day(code, own[unit], days, now, sign)
            if before == after:
                continue
            for row, change in ((before, -1), (after, 1)):
                if row == own[unit]:
                    changes[unit].append((code.column, change))
                elif row >= 0:
                    self._shift(unit, row, [(code.column, change)])
        for unit, shifts in enumerate(changes):
            if shifts:
                self._shift(unit, own[unit], shifts)

    def _count_day(self, code: Code, row: int, days: Mapping[CodeName, Days], now: int, sign: int) -> tuple[int, int]:
        """Count a value in a row, or no more. Returns the last row in which it counted before and counts now, -1 for none."""
        name = code.name
        counted = days[name]
        self.changed_codes.add(name)
        if len(counted) > _MANY and code.unit != EVER:  # what no window reaches any more is forgotten
            oldest = row_at(code.unit, now) - self._layout.windows[code.unit][-1]
            for old in [old for old in counted if old <= oldest]:
                del counted[old]
        before = max(counted) if counted else -1
        count = counted.get(row, 0) + sign
        if count > 0:
            counted[row] = count
        else:
            counted.pop(row, None)
        after = max(counted) if counted else -1
        if before != after and (sign < 0 or len(self.head.waiting) > 1):  # else nobody else waits
            for waiting in self.head.waiting:
                for other in waiting.codes:
                    if other.name == name:
                        other.prior = after
                        self.changed.add(_HEAD)
        return before, after

    def _shift(self, unit: int, row: int, changes: list[tuple[int, int]]) -> None:
        """Add to some columns of a row."""
        if unit == EVER:
            for column, change in changes:
                self.head.ever[column] += change
            self.changed.add(_HEAD)
            return
        part = unit + 2 * (row // _SPAN)
        span = self.spans.setdefault(part, bytearray())
        self.changed.add(part)
        width = len(self._layout.columns[unit]) + 1
        begin = _find(span, width, row)
        if len(span) <= begin * 8 or int.from_bytes(span[begin * 8 : begin * 8 + 8], "little") != row:
            span[begin * 8 : begin * 8] = row.to_bytes(8, "little") + bytes(8 * (width - 1))
        is_less = False
        with memoryview(span).cast("q") as numbers:
            for column, change in changes:
                after = numbers[begin + 1 + column] + change
                if abs(after) > _MOST:
                    raise FeatureError("a day's sum leaves 52 bits; scale the value down")
                numbers[begin + 1 + column] = after
                is_less |= not after
            is_empty = is_less and not any(numbers[begin + 1 : begin + width])
        if is_empty:
            del span[begin * 8 : (begin + width) * 8]
            if not span:
                del self.spans[part]

    # --- what it answers -----------------------------------------------------------------------------------------------

    def measure(self, at: int) -> dict[int, int | None]:
        """All measures of the key by number, at a moment that is not before anything settled."""
        layout = self._layout
        sums = [self._windows(unit, at) for unit in (EVER, DAY, HOURLY)]
        for sight in self.head.waiting:
            if sight.start < at < sight.closed:
                for unit, said in enumerate(sight.numbers):
                    if said:
                        row, now = row_at(unit, sight.event_at), row_at(unit, at)
                        for window, totals in sums[unit].items():
                            if not window or row > now - window:
                                for column, value in said:
                                    totals[column] += value
        self._add_waiting_codes(sums, at)
        values: dict[int, int | None] = {}
        for number, place in layout.places.items():
            values[number] = self._last(place, at) if place.is_held else sums[place.unit][place.window][place.column]
        return values

    def _windows(self, unit: int, at: int) -> dict[int, list[int]]:
        """The sums of all columns by window."""
        width, windows = len(self._layout.columns[unit]), self._layout.windows[unit]
        if not windows:
            return {}
        if unit == EVER:
            return {0: list(self.head.ever)}
        parts = sorted(part for part in self.spans if part % 2 == unit % 2)
        if not parts:
            return {window: [0] * width for window in windows}
        content = self.spans[parts[0]] if len(parts) == 1 else b"".join([self.spans[part] for part in parts])
        rows = np.frombuffer(content, dtype=np.int64).reshape(-1, width + 1)
        now = row_at(unit, at)
        begins = np.searchsorted(rows[:, 0], [now - window for window in windows], side="right").tolist()
        count = len(rows)
        sums, total, end = {}, [0] * width, count
        for window, begin in zip(windows, begins, strict=True):
            if begin < end:
                more = rows[begin, 1:] if end - begin == 1 else rows[begin:end, 1:].sum(axis=0)
                total = [a + b for a, b in zip(total, more.tolist(), strict=True)]
                end = begin
            sums[window] = total.copy()
        return sums

    def _add_waiting_codes(self, sums: list[dict[int, list[int]]], at: int) -> None:
        """Of waiting values: count those that do not count already."""
        rows: dict[CodeName, tuple[int, int]] = {}
        for sight in self.head.waiting:
            if sight.start < at < sight.closed:
                for code in sight.codes:
                    name, row = code.name, row_at(code.unit, sight.event_at)
                    rows[name] = (max(row, rows[name][0]) if name in rows else row, code.prior)
        for (unit, column, _), (row, prior) in rows.items():
            now = row_at(unit, at)
            for window, totals in sums[unit].items():
                if (not window and prior < 0) or (window and row > now - window >= prior):
                    totals[column] += 1

    def _last(self, place: Place, at: int) -> int | None:
        stream_value = self._layout.series[place.column][1]
        least = row_at(place.unit, at) - place.window
        holding = [
            (start, value)
            for start, closed, event_at, value in self.head.held.get(place.column, ())
            if start < at < closed and (not place.window or row_at(place.unit, event_at) > least)
        ]
        if not holding:
            return None
        start, value = max(holding)
        return start if stream_value is None else value


def _find(span: bytearray, width: int, row: int) -> int:
    """Where a row begins, or would, among the numbers of a span."""
    with memoryview(span).cast("q") as numbers:
        low, high = 0, len(numbers) // width
        if high and numbers[(high - 1) * width] < row:
            return high * width
        while low < high:
            middle = (low + high) // 2
            if numbers[middle * width] < row:
                low = middle + 1
            else:
                high = middle
    return low * width
