"""From a version of a record to observations: which measures it feeds, under which key, from when until when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data.records import Record
from data.times import HOUR, OPEN, day_of, midnight
from features.measures import Key, Measure, Stream
from features.views import view_of


@dataclass(frozen=True, slots=True)
class Observation:
    """One observation of one measure. It counts at `t` where start < t < end; `value` is an integer or, for distinct, a code."""

    measure: int
    key: str
    start: int
    end: int
    value: int | str


@dataclass(frozen=True, slots=True)
class Plan:
    """Measures arranged by the records that feed them, compiled once.

    `by_kind` gives for each kind its streams, for each stream its keys, for each key the numbers of its measures.
    """

    measures: tuple[Measure, ...]
    by_kind: dict[str, tuple[tuple[Stream, tuple[tuple[Key, tuple[int, ...]], ...]], ...]]
    keys: tuple[Key, ...]


def plan_of(measures: Sequence[Measure]) -> Plan:
    """Arrange measures for intake. Their numbers are their places in the sequence."""
    grouped: dict[str, dict[Stream, dict[Key, list[int]]]] = {}
    for number, measure in enumerate(measures):
        streams = grouped.setdefault(measure.stream.kind, {})
        streams.setdefault(measure.stream, {}).setdefault(measure.key, []).append(number)
    by_kind = {
        kind: tuple(
            (stream, tuple((key, tuple(numbers)) for key, numbers in keys.items())) for stream, keys in streams.items()
        )
        for kind, streams in grouped.items()
    }
    return Plan(tuple(measures), by_kind, tuple(dict.fromkeys(measure.key for measure in measures)))


def window_end(measure: Measure, event_at: int) -> int:
    """When an event grows too old for a measure: at midnight China time after so many calendar days, its own included."""
    if measure.days is not None:
        return midnight(day_of(event_at) + measure.days)
    if measure.hours is not None:
        return (event_at // HOUR + measure.hours) * HOUR
    return OPEN


def observe(plan: Plan, record: Record, ended_at: int = OPEN) -> Iterator[Observation]:
    """The observations of a version.

    Arguments:
        plan: which measures are kept.
        record: the version; deletions and repairs observe nothing, they end what came before.
        ended_at: when its next version became known.
    """
    if record.action not in ("new", "change"):
        return
    streams = plan.by_kind.get(record.kind, ())
    if not streams:
        return
    view = view_of(record.kind, record.payload)
    start = max(record.event_at, record.known_at)
    closed = min(record.usable_until, ended_at)
    for stream, keys in streams:
        if not stream.holds(view):
            continue
        for key, numbers in keys:
            name = key.of(view)
            if name is None:
                continue
            for number in numbers:
                measure = plan.measures[number]
                value = 1 if measure.value is None else view.get(measure.value)
                end = min(closed, window_end(measure, record.event_at))
                if value is not None and end > start + 1:
                    yield Observation(
                        number, name, start, end, str(value) if measure.operator == "distinct" else int(value)
                    )
