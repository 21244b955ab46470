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

from data.times import DAY
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


def _over(numerator: Integers, denominator: Integers) -> Floats:
    valid = (numerator != MISSING) & (denominator != MISSING) & (denominator > 0)
    result = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=result, where=valid)
    return result


@dataclass(frozen=True, slots=True)
class Number(_OfMeasure):
    """A measure as it is."""

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
class DaysSince(_OfMeasure):
    """Whole days since a moment: a `since` measure."""

    def scalar(self, measured: Measured, question: Question) -> Value:
        start = measured[self.measure]
        return None if start is None else float((question.at - start) // DAY)

    def column(self, columns: Columns) -> Floats:
        start = columns.measure(self.measure)
        return np.where(start == MISSING, np.nan, ((columns.at - start) // DAY).astype(np.float64))


@dataclass(frozen=True, slots=True)
class Fact(_OfFact):
    """An integer fact of the question itself."""

    def scalar(self, measured: Measured, question: Question) -> Value:
        value = question.facts.get(self.field)
        return None if value is None else float(value)

    def column(self, columns: Columns) -> Floats:
        value = columns.numbers(self.field)
        return np.where(value == MISSING, np.nan, value.astype(np.float64))


@dataclass(frozen=True, slots=True)
class Category(_OfFact):
    """A coded fact of the question itself; the model's own encoder turns it into a number."""

    def scalar(self, measured: Measured, question: Question) -> Value:
        value = question.facts.get(self.field)
        return None if value is None else str(value)

    def column(self, columns: Columns) -> NDArray[np.object_]:
        return columns.texts(self.field)


Expression = Number | Ratio | Deviation | ZScore | DaysSince | Fact | Category
