"""Forms of features: pure functions of measures and of the facts of a question.

Each form computes one value (`scalar`, for the live answer) and a column of values (`column`, for training) by the same IEEE
operations in the same order, so that both agree bit for bit.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from data.times import DAY, HOUR, day_of
from features.measures import Measure

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
MISSING = -(2**63)
"""Stands in integer columns for a measure that has no value; the scalar form is None."""


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

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts of the question itself that it needs."""
        return ()

    @property
    @abstractmethod
    def notation(self) -> str:
        """The formula as people read it."""

    @abstractmethod
    def scalar(self, measured: Measured, question: Question) -> Value:
        """Its value for one question; None for missing."""

    @abstractmethod
    def column(self, columns: Columns) -> Floats | NDArray[np.object_]:
        """Its values for n questions, shape (n,); NaN (None for texts) for missing."""


@dataclass(frozen=True, slots=True)
class _OfMeasure(Form):
    """A form of one measure."""

    measure: Measure

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (self.measure,)


@dataclass(frozen=True, slots=True)
class _OfFact(Form):
    """A form of one fact, which needs no history."""

    field: str

    @property
    def measures(self) -> tuple[Measure, ...]:
        return ()

    @property
    def facts(self) -> tuple[str, ...]:
        return (self.field,)


def _over(numerator: Integers, denominator: Integers) -> Floats:
    valid = (numerator != MISSING) & (denominator != MISSING) & (denominator > 0)
    result = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=result, where=valid)
    return result


@dataclass(frozen=True, slots=True)
class Number(_OfMeasure):
    """A measure as it is."""

    @property
    def notation(self) -> str:
        return self.measure.notation

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

    @property
    def notation(self) -> str:
        return f"{self.upper.notation} / {self.lower.notation}"

    def scalar(self, measured: Measured, question: Question) -> Value:
        upper, lower = measured[self.upper], measured[self.lower]
        return None if upper is None or lower is None or lower <= 0 else float(upper) / float(lower)

    def column(self, columns: Columns) -> Floats:
        return _over(columns.measure(self.upper), columns.measure(self.lower))


@dataclass(frozen=True, slots=True)
class Deviation(Form):
    """Standard deviation from count, sum and sum of squares, in the unit of the value. Missing below `least` observations.

    The squared distances are taken from a whole number next to the mean, in integers: squares less the square of the mean would
    lose the digits that values have in common (Chan, Golub, LeVeque 1983, "Algorithms for computing the sample variance").
    """

    count: Measure
    sum: Measure
    squares: Measure
    least: int = 3

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (self.count, self.sum, self.squares)

    @property
    def notation(self) -> str:
        return f"deviation of {self.sum.notation}"

    def scalar(self, measured: Measured, question: Question) -> Value:
        n, total, squares = (measured[m] for m in self.measures)
        if n is None or total is None or squares is None or n < self.least:
            return None
        middle = total // n
        distances = squares - 2 * middle * total + n * middle * middle
        rest = float(total - n * middle) / float(n)
        return sqrt(max(float(distances) / float(n) - rest * rest, 0.0))

    def column(self, columns: Columns) -> Floats:
        n, total, squares = (columns.measure(measure) for measure in self.measures)
        some = np.maximum(n, 1)
        middle = total // some
        distances = squares - 2 * middle * total + n * middle * middle  # parts may leave 64 bits, the whole does not
        rest = (total - n * middle) / some
        deviation = np.sqrt(np.maximum(distances / some - rest * rest, 0.0))
        return np.where(n >= self.least, deviation, np.nan)


@dataclass(frozen=True, slots=True)
class ZScore(Form):
    """How many standard deviations a fact lies from the mean of its key's history. Missing where the history does not vary."""

    fact: str
    deviation: Deviation

    @property
    def measures(self) -> tuple[Measure, ...]:
        return self.deviation.measures

    @property
    def facts(self) -> tuple[str, ...]:
        return (self.fact,)

    @property
    def notation(self) -> str:
        return f"({self.fact} - mean) / {self.deviation.notation}"

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
class DaysSince(_OfMeasure):
    """Whole days since a moment: a `since` measure."""

    @property
    def notation(self) -> str:
        return f"days since {self.measure.notation}"

    def scalar(self, measured: Measured, question: Question) -> Value:
        start = measured[self.measure]
        return None if start is None else float((question.at - start) // DAY)

    def column(self, columns: Columns) -> Floats:
        start = columns.measure(self.measure)
        return np.where(start == MISSING, np.nan, ((columns.at - start) // DAY).astype(np.float64))


@dataclass(frozen=True, slots=True)
class Fact(_OfFact):
    """An integer fact of the question itself."""

    @property
    def notation(self) -> str:
        return self.field

    def scalar(self, measured: Measured, question: Question) -> Value:
        value = question.facts.get(self.field)
        return None if value is None else float(value)

    def column(self, columns: Columns) -> Floats:
        value = columns.numbers(self.field)
        return np.where(value == MISSING, np.nan, value.astype(np.float64))


@dataclass(frozen=True, slots=True)
class Category(_OfFact):
    """A coded fact of the question itself; the model's own encoder turns it into a number."""

    @property
    def notation(self) -> str:
        return f"code {self.field}"

    def scalar(self, measured: Measured, question: Question) -> Value:
        value = question.facts.get(self.field)
        return None if value is None else str(value)

    def column(self, columns: Columns) -> NDArray[np.object_]:
        return columns.texts(self.field)


@dataclass(frozen=True, slots=True)
class Excess(Form):
    """What one measure has beyond another that it holds, such as the firms of a person beyond this one; never below 0."""

    whole: Measure
    part: Measure

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (self.whole, self.part)

    @property
    def notation(self) -> str:
        return f"max({self.whole.notation} - {self.part.notation}, 0)"

    def scalar(self, measured: Measured, question: Question) -> Value:
        whole, part = measured[self.whole], measured[self.part]
        return None if whole is None or part is None else float(max(whole - part, 0))

    def column(self, columns: Columns) -> Floats:
        whole, part = columns.measure(self.whole), columns.measure(self.part)
        valid = (whole != MISSING) & (part != MISSING)
        beyond = np.maximum(np.where(valid, whole, 0) - np.where(valid, part, 0), 0)
        return np.where(valid, beyond.astype(np.float64), np.nan)


@dataclass(frozen=True, slots=True)
class Change(Form):
    """How far a recent share lies from the usual one. Missing where one of them is."""

    recent: Ratio
    usual: Ratio

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (*self.recent.measures, *self.usual.measures)

    @property
    def notation(self) -> str:
        return f"{self.recent.notation} - {self.usual.notation}"

    def scalar(self, measured: Measured, question: Question) -> Value:
        recent, usual = self.recent.scalar(measured, question), self.usual.scalar(measured, question)
        return recent - usual if isinstance(recent, float) and isinstance(usual, float) else None

    def column(self, columns: Columns) -> Floats:
        return self.recent.column(columns) - self.usual.column(columns)


@dataclass(frozen=True, slots=True)
class DaysSinceDay(_OfMeasure):
    """Days in China since a day: a measure that holds the number of a day. Below 0 where that day is still to come."""

    @property
    def notation(self) -> str:
        return f"days since the day {self.measure.notation}"

    def scalar(self, measured: Measured, question: Question) -> Value:
        day = measured[self.measure]
        return None if day is None else float(day_of(question.at) - day)

    def column(self, columns: Columns) -> Floats:
        day = columns.measure(self.measure)
        today = (columns.at + 8 * HOUR) // DAY
        return np.where(day == MISSING, np.nan, (today - np.where(day == MISSING, 0, day)).astype(np.float64))


@dataclass(frozen=True, slots=True)
class FactAnd(_OfMeasure):
    """An integer fact together with the history of its key: what a sum comes to with this shipment."""

    fact: str

    @property
    def facts(self) -> tuple[str, ...]:
        return (self.fact,)

    @property
    def notation(self) -> str:
        return f"{self.fact} + {self.measure.notation}"

    def scalar(self, measured: Measured, question: Question) -> Value:
        fact, value = question.facts.get(self.fact), measured[self.measure]
        return None if fact is None or value is None else float(fact) + float(value)

    def column(self, columns: Columns) -> Floats:
        fact, value = columns.numbers(self.fact), columns.measure(self.measure)
        valid = (fact != MISSING) & (value != MISSING)
        return np.where(valid, fact.astype(np.float64) + value.astype(np.float64), np.nan)


Expression = (
    Number | Ratio | Deviation | ZScore | DaysSince | Fact | Category | Excess | Change | DaysSinceDay | FactAnd
)  # fmt: skip
