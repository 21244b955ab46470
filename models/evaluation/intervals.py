"""Intervals by resampling enterprises: rows of one enterprise resemble each other, so that they come and go together."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from features.threads import together

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
LEVEL = 0.95
NORMAL = 1.959964
"""Standard deviations on each side that hold 95 % of a normal distribution."""
REPLICATES = 300
_MOST, _HALVINGS = 4.0, 24


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure between the ends of its interval; NaN ends where too little is there to tell."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """A figure, what it was on each resample (NaN where it does not exist), and how many clusters were resampled."""

    value: float
    drawn: Floats
    clusters: int

    def percentile(self) -> Estimate:
        """The expanded percentile interval: wider for few clusters, as Student's t is.

        Source: Hesterberg, What Teachers Should Know About the Bootstrap (The American Statistician, 2015), sec. 5.3.
        """
        return Estimate(self.value, *self._ends())

    def _ends(self) -> tuple[float, float]:
        there = self.drawn[np.isfinite(self.drawn)]
        if self.clusters < 2 or len(there) < 0.9 * len(self.drawn) or not np.isfinite(self.value):
            return np.nan, np.nan
        if there.min() == there.max():  # what never varies says nothing of how sure it is
            return np.nan, np.nan
        tail = float(stats.norm.cdf(-widening(self.clusters) * NORMAL))
        low, high = np.quantile(there, (tail, 1 - tail))
        return float(low), float(high)


def sizes(found: float, shown: Callable[[float], Floats]) -> Estimate:
    """By how much differences that were found should be shrunk or stretched to be the true ones, by test inversion.

    Chance alone makes the greatest or the mean of many differences large, so that resampling what was found would not do.

    Arguments:
        found: the statistic of the differences found.
        shown: the statistic under chance, shape (draws,), were the true differences those found times a size; it rises with
            the size.
    Returns:
        The size at which what was found is the median, and the ends of its interval; 0 where chance alone shows as much.
    """
    ends = []
    for quantile in (0.5, (1 + LEVEL) / 2, (1 - LEVEL) / 2):
        low, high = 0.0, _MOST
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if np.quantile(shown(middle), quantile) < found else (low, middle)
        ends.append(0.0 if low == 0.0 else high)
    return Estimate(*ends)


def widening(clusters: int) -> float:
    """How much wider noise is for few clusters: Student's t beside the normal, and what resampling leaves out."""
    wide = stats.t.ppf((1 + LEVEL) / 2, clusters - 1) / NORMAL
    return float(wide * sqrt(clusters / (clusters - 1)))


def places_of(clusters: NDArray[np.object_]) -> Integers:
    """The number of each row's cluster, in the order of their names, so that the order of rows tells nothing, shape (n,)."""
    return np.unique(clusters.astype(str), return_inverse=True)[1].astype(np.int64)


def multiplicities(count: int, replicates: int, seed: int) -> Iterator[Floats]:
    """How often each of some clusters comes when as many are drawn with replacement, shape (count,), again and again."""
    random = np.random.default_rng(seed)
    for _ in range(replicates):
        yield np.bincount(random.integers(0, count, count), minlength=count).astype(np.float64)


def bootstrap(
    figures: Callable[[Floats], dict[str, float]], weights: Floats, clusters: Integers, *,
    replicates: int = REPLICATES, seed: int = 7, threads: int = 1,
) -> dict[str, Draws]:  # fmt: skip
    """Figures on resampled clusters.

    Arguments:
        figures: gives figures by name for weights of shape (n,).
        weights: the weights of the rows themselves, shape (n,).
        clusters: the number of each row's cluster, from 0, shape (n,).
        threads: how many resamples are looked at at once; what is found is the same.
    """
    count = int(clusters.max()) + 1
    values = figures(weights)
    drawn = together(
        lambda times: figures(weights * times[clusters]), list(multiplicities(count, replicates, seed)), threads
    )
    return {name: Draws(value, np.array([one[name] for one in drawn]), count) for name, value in values.items()}
