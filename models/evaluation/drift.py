"""Drift: whether scores and features move between the first and the last part of time, and how scores did month by month."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from features.batch import Values
from features.study import months, stability
from models.evaluation.intervals import Estimate
from models.evaluation.reliability import reliability
from models.evaluation.weighted import Ranking

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
SMALL, LARGE = 0.1, 0.25
"""From which index on a shift is called small and large (Siddiqi 2017, ch. 14), where chance does not explain it."""


@dataclass(frozen=True, slots=True)
class Shift:
    """How far a distribution moved from the first third of the questions to the last one.

    Attributes:
        psi: population stability index. limit: what no change stays below 19 times in 20 (see `features.study.chance`);
            it takes questions as independent, so it is low where few enterprises make up the data.
        first, last: how many questions. missing_first, missing_last: shares without a value.
    """

    name: str
    psi: float
    limit: float
    first: int
    last: int
    missing_first: float
    missing_last: float

    @property
    def size(self) -> str:
        """`none` within what chance shows or below a small shift, else `small` or `large`."""
        if self.psi <= self.limit or self.psi <= SMALL:
            return "none"
        return "large" if self.psi > LARGE else "small"


def shifts(columns: Mapping[str, Values], at: Integers) -> tuple[Shift, ...]:
    """The shift of each column, the greatest first.

    Arguments:
        columns: floats with NaN, or codes with None, by name, each of shape (n,).
        at: instants of the questions, shape (n,).
    """
    early, late = (int(edge) for edge in np.quantile(at, (1 / 3, 2 / 3), method="higher"))
    periods = [int(at.min()), early, late, int(at.max()) + 1]
    if not (at < early).any():
        return ()
    result = []
    for name, values in columns.items():
        found = stability(values, at, periods)
        first, last = found[0], found[-1]
        result.append(Shift(name, last.psi, last.limit, first.count, last.count, first.missing, last.missing))
    return tuple(sorted(result, key=lambda one: (-one.psi, one.name)))


@dataclass(frozen=True, slots=True)
class Month:
    """Scores in a month: how many rows, what was stated and found, and the AUC (NaN where it does not exist)."""

    start: int
    rows: int
    stated: float
    found: Estimate
    auc: float


def by_month(
    at: Integers, outcomes: Integers, probabilities: Floats, weights: Floats, clusters: Integers
) -> tuple[Month, ...]:
    """Stated against found in each month in China that has rows. Arguments of shape (n,)."""
    result = []
    for start, end in pairwise(months(at)):
        inside = (at >= start) & (at < end)
        if not inside.any():
            continue
        own, said, weight = outcomes[inside], probabilities[inside], weights[inside]
        (whole,) = reliability(own, said, weight, clusters[inside], bins=1).bins
        auc = Ranking.of(said).curve(own, weight).auc
        result.append(Month(start, whole.rows, whole.stated, whole.found, auc))
    return tuple(result)
