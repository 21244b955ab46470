"""The online engine: the live state of a key as totals, the changes still to come, and what each intake does to them.

An observation adds its value at the instant after its start and takes it away at its end. Changes that have come are folded
into the totals; ends fall on midnights (or hours), so few remain. A correction takes the old observation back and adds it
again with its new end: everything is a sum, so this is exact at any time.
"""

from collections.abc import Iterable, Mapping

import msgspec

from data.times import OPEN, day_of
from features.measures import Measure
from features.observations import Observation

Changes = dict[int, dict[int, int]]
"""For an instant: the change of each measure by its number."""


class Seen(msgspec.Struct, array_like=True):
    """One value of a distinct count: in how many intervals it is now, and the changes to come by instant."""

    total: int = 0
    changes: dict[int, int] = msgspec.field(default_factory=dict)


class KeyState(msgspec.Struct, array_like=True):
    """The state of one key over all its measures (by number).

    `starts` and `ends` are changes not yet folded; `due` is the earliest of `ends`. `seen` holds the values of distinct
    counts, `held` the live intervals (start, end, value) of `latest` and `since`. `cleared` is the China day of the last
    full fold: ends fall on midnights, so once a day is enough.
    """

    totals: dict[int, int] = msgspec.field(default_factory=dict)
    starts: Changes = msgspec.field(default_factory=dict)
    ends: Changes = msgspec.field(default_factory=dict)
    due: int = OPEN
    seen: dict[int, dict[str, Seen]] = msgspec.field(default_factory=dict)
    held: dict[int, list[tuple[int, int, int]]] = msgspec.field(default_factory=dict)
    cleared: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(KeyState).decode


def to_bytes(state: KeyState) -> bytes:
    """The state as stored."""
    return _encode(state)


def from_bytes(stored: bytes) -> KeyState:
    """A stored state."""
    return _decode(stored)


def apply(state: KeyState, measure: Measure, observation: Observation, sign: int) -> None:
    """Add an observation to its key's state (sign 1), or take it back (sign -1)."""
    number, value = observation.measure, observation.value
    match measure.operator:
        case "distinct":
            seen = state.seen.setdefault(number, {}).setdefault(str(value), Seen())
            _shift(seen.changes, observation.start + 1, sign)
            if observation.end < OPEN:
                _shift(seen.changes, observation.end, -sign)
        case "latest" | "since":
            interval = (observation.start, observation.end, int(value))
            held = state.held.setdefault(number, [])
            if sign > 0:
                held.append(interval)
            elif interval in held:
                held.remove(interval)
        case _:
            change = sign * (int(value) ** 2 if measure.operator == "sum_of_squares" else int(value))
            _change(state.starts, observation.start + 1, number, change)
            if observation.end < OPEN:
                _change(state.ends, observation.end, number, -change)
                state.due = min(state.due, observation.end)


def _change(changes: Changes, instant: int, number: int, change: int) -> None:
    _shift(changes.setdefault(instant, {}), number, change)


def _shift(changes: dict[int, int], at: int, change: int) -> None:
    """Add to an entry, and drop it where nothing remains, so that equal states are equal bytes."""
    after = changes.get(at, 0) + change
    if after:
        changes[at] = after
    else:
        changes.pop(at, None)


def fold(state: KeyState, through: int) -> None:
    """Fold all changes up to an instant into the totals, and drop what can never count again."""
    _fold_changes(state.totals, state.starts, through)
    day = day_of(through)
    if day <= state.cleared:
        return
    state.cleared = day
    _fold_changes(state.totals, state.ends, through)
    state.due = min(state.ends, default=OPEN)
    for number, values in list(state.seen.items()):
        for value, seen in list(values.items()):
            for instant in [i for i in seen.changes if i <= through]:
                seen.total += seen.changes.pop(instant)
            if not seen.total and not seen.changes:
                del values[value]
        if not values:
            del state.seen[number]
    for number, held in list(state.held.items()):
        state.held[number] = sorted(interval for interval in held if interval[1] > through)
        if not state.held[number]:
            del state.held[number]


def _fold_changes(totals: dict[int, int], changes: Changes, through: int) -> None:
    for instant in [i for i in changes if i <= through]:
        for number, change in changes.pop(instant).items():
            _shift(totals, number, change)


def read(state: KeyState, measures: Mapping[int, Measure], at: int) -> dict[int, int | None]:
    """The measures of a key at a moment, which must not lie before anything already folded.

    Arguments:
        measures: the key's measures by number.
    """
    totals = dict(state.totals)
    for changes in (state.starts, state.ends if state.due <= at else {}):
        for instant, change in changes.items():
            if instant <= at:
                for number, amount in change.items():
                    totals[number] = totals.get(number, 0) + amount
    values: dict[int, int | None] = {}
    for number, measure in measures.items():
        match measure.operator:
            case "distinct":
                values[number] = sum(_is_in(seen, at) for seen in state.seen.get(number, {}).values())
            case "latest" | "since":
                values[number] = _last(measure, state.held.get(number, ()), at)
            case _:
                values[number] = totals.get(number, 0)
    return values


def _is_in(seen: Seen, at: int) -> bool:
    return seen.total + sum(change for instant, change in seen.changes.items() if instant <= at) > 0


def _last(measure: Measure, held: Iterable[tuple[int, int, int]], at: int) -> int | None:
    holding = [(start, value) for start, end, value in held if start < at < end]
    if not holding:
        return None
    start, value = max(holding)
    return value if measure.operator == "latest" else start
