"""Keys, streams and measures: which histories are kept.

A *measure* is an integer: the sum of the values of all observations whose interval holds the moment asked about.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from features.errors import check

Operator = Literal["count", "sum", "sum_of_squares", "distinct", "latest", "since"]
_VALUED = ("sum", "sum_of_squares", "distinct", "latest")


@dataclass(frozen=True, slots=True)
class Key:
    """What a history belongs to: one or several fields of a record's view. A view that lacks one has no such key."""

    name: str
    fields: tuple[str, ...]

    def of(self, view: Mapping[str, Any]) -> str | None:
        """The key of a view as text, or None where a field is missing."""
        parts = [self.name]
        for name in self.fields:
            value = view.get(name)
            if value is None:
                return None
            parts.append(str(value))
        return "\x1f".join(parts)


@dataclass(frozen=True, slots=True)
class Stream:
    """A kind of record, narrowed to those whose field has one of some values, and to those that have `given` at all."""

    name: str
    kind: str
    field: str | None = None
    values: tuple[str, ...] = ()
    given: str | None = None

    def holds(self, view: Mapping[str, Any]) -> bool:
        """Whether a record's view belongs to the stream."""
        if self.given is not None and view.get(self.given) is None:
            return False
        return self.field is None or view.get(self.field) in self.values


@dataclass(frozen=True, slots=True)
class Measure:
    """An operator over the observations of a stream under a key, within a window of China days or of hours.

    `count` and `distinct` count; `sum` and `sum_of_squares` add a field's integers; `latest` is the value of the observation
    that started last (the greater of two that started together); `since` is the instant at which that one started.
    """

    operator: Operator
    stream: Stream
    key: Key
    value: str | None = None
    days: int | None = None
    hours: int | None = None
    _hash: int = field(init=False, repr=False, compare=False)
    """Made once: measures are looked up some hundred times a decision."""

    def __post_init__(self) -> None:
        parts = (self.operator, self.stream, self.key, self.value, self.days, self.hours)
        object.__setattr__(self, "_hash", hash(parts))
        check(
            (self.value is not None) == (self.operator in _VALUED),
            f"{self.name}: `value` does not go with the operator",
        )
        check(self.days is None or self.hours is None, f"{self.name}: a window is in days or in hours, not both")
        check((self.days or self.hours or 1) > 0, f"{self.name}: a window is positive")

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type["Measure"], tuple[object, ...]]:
        # texts hash differently in another process, so that it makes the measure anew
        return Measure, (self.operator, self.stream, self.key, self.value, self.days, self.hours)

    @property
    def name(self) -> str:
        """A name that tells the whole measure."""
        window = f"_{self.days}d" if self.days else f"_{self.hours}h" if self.hours else ""
        value = f"_{self.value}" if self.value else ""
        return f"{self.key.name}.{self.operator}_{self.stream.name}{value}{window}"

    @property
    def window(self) -> str:
        """Its window as people read it; empty for all time."""
        return f"{self.days}d" if self.days else f"{self.hours}h" if self.hours else ""

    @property
    def notation(self) -> str:
        """The measure as documents write it: what of which stream, under which key, in which window."""
        stream = self.stream.name.replace(f"_with_{self.stream.given}", "") if self.stream.given else self.stream.name
        of = f"{stream}.{self.value}" if self.value else stream
        return f"{self.operator}({', '.join(part for part in (of, self.key.name, self.window) if part)})"
