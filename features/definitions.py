"""The language of feature definitions: keys, streams, measures, and pure functions of measures.

A *measure* is an integer: the sum of the values of all observations whose interval holds the moment asked about. A *feature*
is a pure function of measures and of the facts of the question. Each form computes one value (`scalar`, for the live answer)
and a column of values (`column`, for training) by the same IEEE operations, so that both agree bit for bit.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from data.times import DAY
from features.errors import check

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
MISSING = -(2**63)
"""Stands in integer columns for a measure that has no value; the scalar form is None."""

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
        for field in self.fields:
            value = view.get(field)
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

    def __post_init__(self) -> None:
        check(
            (self.value is not None) == (self.operator in _VALUED),
            f"{self.name}: `value` does not go with the operator",
        )
        check(self.days is None or self.hours is None, f"{self.name}: a window is in days or in hours, not both")
        check((self.days or self.hours or 1) > 0, f"{self.name}: a window is positive")

    @property
    def name(self) -> str:
        """A name that tells the whole measure."""
        window = f"_{self.days}d" if self.days else f"_{self.hours}h" if self.hours else ""
        value = f"_{self.value}" if self.value else ""
        return f"{self.key.name}.{self.operator}_{self.stream.name}{value}{window}"


class Question(Protocol):
    """What a scalar expression is computed from."""

    @property
    def at(self) -> int:
        """The moment asked about."""
        ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """The view of what is asked about."""
        ...


class Columns(Protocol):
    """What a column expression is computed from; all columns have one length n."""

    @property
    def at(self) -> Integers:
        """The moments asked about, shape (n,)."""
        ...

    def measure(self, measure: Measure) -> Integers:
        """A measure, shape (n,), `MISSING` where it has no value."""
        ...

    def numbers(self, field: str) -> Integers:
        """An integer fact, shape (n,), `MISSING` where it was not given."""
        ...

    def texts(self, field: str) -> NDArray[np.object_]:
        """A text fact, shape (n,), None where it was not given."""
        ...


Measured = Mapping[Measure, int | None]
Value = float | str | None


class Form(ABC):
    """What every form of a feature can do. Both ways of computing use the same IEEE operations in the same order."""

    __slots__ = ()

    @property
    @abstractmethod
    def measures(self) -> tuple[Measure, ...]:
        """The measures that it needs."""

    @abstractmethod
    def scalar(self, measured: Measured, question: Question) -> Value:
        """Its value for one question; None for missing."""

    @abstractmethod
    def column(self, columns: Columns) -> Floats | NDArray[np.object_]:
        """Its values for n questions, shape (n,); NaN (None for texts) for missing."""


def _over(numerator: Integers, denominator: Integers) -> Floats:
    valid = (numerator != MISSING) & (denominator != MISSING) & (denominator > 0)
    result = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=result, where=valid)
    return result


@dataclass(frozen=True, slots=True)
class Number(Form):
    """A measure as it is."""

    measure: Measure

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (self.measure,)

    def scalar(self, measured: Measured, question: Question) -> Value:
        value = measured[self.measure]
        return None if value is None else float(value)

    def column(self, columns: Columns) -> Floats:
        value = columns.measure(self.measure)
        return np.where(value == MISSING, np.nan, value.astype(np.float64))


@dataclass(frozen=True, slots=True)
class Ratio(Form):
    """One measure over another: a mean, a share, a rate. Missing where the lower one is not positive."""

    upper: Measure
    lower: Measure

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (self.upper, self.lower)

    def scalar(self, measured: Measured, question: Question) -> Value:
        upper, lower = measured[self.upper], measured[self.lower]
        return None if upper is None or lower is None or lower <= 0 else float(upper) / float(lower)

    def column(self, columns: Columns) -> Floats:
        return _over(columns.measure(self.upper), columns.measure(self.lower))


@dataclass(frozen=True, slots=True)
class Deviation(Form):
    """Standard deviation from count, sum and sum of squares, in the unit of the value. Missing below `least` observations."""

    count: Measure
    sum: Measure
    squares: Measure
    least: int = 3

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (self.count, self.sum, self.squares)

    def scalar(self, measured: Measured, question: Question) -> Value:
        n, total, squares = (measured[m] for m in self.measures)
        if n is None or total is None or squares is None or n < self.least:
            return None
        mean = float(total) / float(n)
        return sqrt(max(float(squares) / float(n) - mean * mean, 0.0))

    def column(self, columns: Columns) -> Floats:
        n = columns.measure(self.count)
        mean = _over(columns.measure(self.sum), n)
        variance = _over(columns.measure(self.squares), n) - mean * mean
        return np.where(n >= self.least, np.sqrt(np.maximum(variance, 0.0)), np.nan)


@dataclass(frozen=True, slots=True)
class ZScore(Form):
    """How many standard deviations a fact lies from the mean of its key's history. Missing where the history does not vary."""

    fact: str
    deviation: Deviation

    @property
    def measures(self) -> tuple[Measure, ...]:
        return self.deviation.measures

    def scalar(self, measured: Measured, question: Question) -> Value:
        fact = question.facts.get(self.fact)
        spread = self.deviation.scalar(measured, question)
        if fact is None or not isinstance(spread, float) or spread <= 0.0:
            return None
        n, total = measured[self.deviation.count], measured[self.deviation.sum]
        assert n is not None
        assert total is not None
        return (float(fact) - float(total) / float(n)) / spread

    def column(self, columns: Columns) -> Floats:
        fact = columns.numbers(self.fact)
        spread = self.deviation.column(columns)
        mean = _over(columns.measure(self.deviation.sum), columns.measure(self.deviation.count))
        valid = (fact != MISSING) & (spread > 0.0)
        result = np.full(len(fact), np.nan)
        np.divide(fact.astype(np.float64) - mean, spread, out=result, where=valid)
        return result


@dataclass(frozen=True, slots=True)
class DaysSince(Form):
    """Whole days since a moment: a `since` measure."""

    measure: Measure

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (self.measure,)

    def scalar(self, measured: Measured, question: Question) -> Value:
        start = measured[self.measure]
        return None if start is None else float((question.at - start) // DAY)

    def column(self, columns: Columns) -> Floats:
        start = columns.measure(self.measure)
        return np.where(start == MISSING, np.nan, ((columns.at - start) // DAY).astype(np.float64))


@dataclass(frozen=True, slots=True)
class Fact(Form):
    """An integer fact of the question itself."""

    field: str

    @property
    def measures(self) -> tuple[Measure, ...]:
        return ()

    def scalar(self, measured: Measured, question: Question) -> Value:
        value = question.facts.get(self.field)
        return None if value is None else float(value)

    def column(self, columns: Columns) -> Floats:
        value = columns.numbers(self.field)
        return np.where(value == MISSING, np.nan, value.astype(np.float64))


@dataclass(frozen=True, slots=True)
class Category(Form):
    """A coded fact of the question itself; the model's own encoder turns it into a number."""

    field: str

    @property
    def measures(self) -> tuple[Measure, ...]:
        return ()

    def scalar(self, measured: Measured, question: Question) -> Value:
        value = question.facts.get(self.field)
        return None if value is None else str(value)

    def column(self, columns: Columns) -> NDArray[np.object_]:
        return columns.texts(self.field)


Expression = Number | Ratio | Deviation | ZScore | DaysSince | Fact | Category
Theme = Literal[
    "identity", "transaction", "logistics", "funds", "settlement", "supervision", "public_credit", "shipment", "price",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature with its public explanation in both languages.

    `direction` is +1 where law or sense demands that a greater value never lowers the risk, -1 for the reverse, 0 for no demand.
    `unit` says how people read the value. `group` gathers features that speak of one thing, so that reasons are not repeated.
    """

    name: str
    theme: Theme
    expression: Expression
    zh: str
    en: str
    unit: Literal["number", "share", "yuan", "days", "deviations", "kg", "milli_log", "percent", "code", "level"] = (
        "number"
    )
    direction: Literal[-1, 0, 1] = 0
    group: str = ""

    @property
    def is_category(self) -> bool:
        """Whether its values are codes."""
        return isinstance(self.expression, Category)


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """The features of one model in their order, and what its questions are about."""

    name: str
    about: Literal["shipment", "enterprise"]
    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        names = [feature.name for feature in self.features]
        check(len(set(names)) == len(names), f"feature set {self.name}: a name is given twice")

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures that the features need, each once, in the order of their first use."""
        return tuple(dict.fromkeys(m for feature in self.features for m in feature.expression.measures))
