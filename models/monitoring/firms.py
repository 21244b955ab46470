"""Samples in which the questions of one firm resemble each other: how much they really say.

A thousand shipments of ten firms are not a thousand independent cases. With the resemblance rho of two questions of a firm (the
intraclass correlation), the variance of a share is p (1 - p) ((1 - rho) `alone` + rho `together`): as if there were that many
fewer questions (Kish 1965, Survey Sampling, ch. 5). The effective number of firms gives the degrees of freedom.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, fdtrc, fdtri, stdtr, stdtrit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Texts = NDArray[np.object_]
LEAST_FIRMS = 10
"""With fewer firms (effectively) no test says anything: their resemblance cannot be told."""


@dataclass(frozen=True)
class Firms:
    """Which firm each of n questions is about, and how many shipments each stands for.

    Attributes:
        place: of the firm of each question, shape (n,), from 0 to `count` - 1.
        weights: shape (n,), above 0.
    """

    place: Integers
    count: int
    weights: Floats

    @classmethod
    def of(cls, names: Texts, weights: Floats | None = None) -> "Firms":
        """From the names of the firms, shape (n,); each question stands for one where no weights are given."""
        found, place = np.unique(names.astype(str), return_inverse=True)
        return cls(place.astype(np.int64), len(found), np.ones(len(names)) if weights is None else weights)

    @cached_property
    def total(self) -> float:
        """The sum of the weights."""
        return float(self.weights.sum())

    @cached_property
    def shares(self) -> Floats:
        """The share of each firm in the weights, shape (count,)."""
        return self.sums(self.weights) / self.total

    @cached_property
    def alone(self) -> float:
        """Variance of a share in units of p (1 - p) where questions of a firm do not resemble each other."""
        return float((self.weights**2).sum()) / self.total**2

    @cached_property
    def together(self) -> float:
        """The same where questions of a firm are all alike; its inverse is the effective number of firms."""
        return float((self.shares**2).sum())

    @property
    def effective(self) -> float:
        """The number of firms of equal size that would say as much."""
        return 1 / self.together if self.count else 0.0

    def only(self, rows: NDArray[np.bool_] | Integers) -> "Firms":
        """Some of the questions, as a population of their own."""
        found, place = np.unique(self.place[rows], return_inverse=True)
        return Firms(place.astype(np.int64), len(found), self.weights[rows])

    def sums(self, values: Floats) -> Floats:
        """Sums by firm of values of shape (n,), shape (count,)."""
        return np.bincount(self.place, weights=values, minlength=self.count).astype(np.float64)

    def mean(self, values: Floats) -> float:
        """The weighted mean of values of shape (n,)."""
        return float((self.weights * values).sum()) / self.total

    def share(self, flags: NDArray[np.bool_]) -> float:
        """The weighted share of questions of which something holds, shape (n,)."""
        return self.mean(flags.astype(np.float64))

    def bin_shares(self, bins: Integers, count: int) -> Floats:
        """The weighted share of each of `count` bins, for the bins of the questions, shape (n,)."""
        return np.bincount(bins, weights=self.weights, minlength=count) / self.total

    def resemblance(self, bins: Integers, count: int) -> "Resemblance":
        """How much alike two questions of a firm are in the bin that they fall into, of `count` bins.

        From the variance between firms of the bins' shares, bins weighted as in chi-squared (Rao and Scott 1984).
        """
        overall = self.bin_shares(bins, count)
        kept = overall > 0
        free = float(kept.sum() - 1)
        if free < 1:
            return Resemblance(0.0, float(count - 1))
        if self.together >= 1 or self.together <= self.alone * (1 + 1e-9):
            return Resemblance(0.0, free)
        by_firm = np.bincount(self.place * count + bins, weights=self.weights, minlength=self.count * count)
        apart = by_firm.reshape(self.count, count) / self.total - self.shares[:, None] * overall
        scaled = apart[:, kept] / np.sqrt(overall[kept])
        variance = scaled.T @ scaled / (1 - self.together)
        factor = float(np.trace(variance)) / free
        alike = float(np.clip((factor - self.alone) / (self.together - self.alone), 0.0, 1.0))
        squares = float((variance**2).sum())
        return Resemblance(alike, min(free, (factor * free) ** 2 / squares) if squares > 0 else free)


@dataclass(frozen=True, slots=True)
class Resemblance:
    """How much alike questions of one firm are.

    Attributes:
        alike: 0 no more than any two, 1 always the same; 0 also where all are in one bin, so that it cannot be seen.
        free: degrees of freedom of chi-squared: fewer than bins less one where the firms tell some bins apart more than others.
    """

    alike: float
    free: float


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the bounds between which the truth lies in the stated share of cases."""

    value: float
    low: float
    high: float


def factor_of(alone: float, together: float, resemblance: float) -> float:
    """The variance of a share in units of p (1 - p); see above."""
    return (1 - resemblance) * alone + resemblance * together


def beyond_chance(ratio: float, free: float, left: float) -> float:
    """How often F is at least so large.

    Arguments:
        ratio: a statistic over its mean under no change.
        free, left: degrees of freedom of the statistic, and of what estimates its variance.
    """
    return float(fdtrc(free, left, max(ratio, 0.0)))


def limit_of_chance(level: float, free: float, effective: float) -> float:
    """What a statistic over its mean exceeds in the share `level` of cases where nothing changed.

    Arguments:
        free: its degrees of freedom.
        effective: number of firms behind it, above 1.
    Source: Thomas and Rao 1987 (chi-squared of clustered samples as F).
    """
    return float(fdtri(free, free * (effective - 1), 1 - level))


def student_tail(statistic: float, free: float) -> float:
    """How often |t| is at least so large."""
    return 2 * float(stdtr(free, -abs(statistic)))


def rate_interval(outcomes: Integers, firms: Firms, level: float = 0.95) -> Interval:
    """The rate of an outcome with its interval: exact for the effective sample size, so that few or no hits are no trouble.

    Arguments:
        outcomes: 0 or 1, shape (n,), of which there is at least one.
    Source: Clopper and Pearson 1934, at the effective sample size of Korn and Graubard 1998. Where all outcomes are alike their
        resemblance cannot be seen; then firms count and not shipments.
    """
    rate = firms.mean(outcomes.astype(np.float64))
    alike = firms.resemblance(outcomes, 2).alike if 0 < outcomes.sum() < len(outcomes) else 1.0
    tail = (1 - level) / 2
    size = 1 / factor_of(firms.alone, firms.together, alike)
    if len(outcomes) > 1:
        free = max(firms.effective - 1, 0.5)
        size *= min(1.0, float(stdtrit(len(outcomes) - 1, 1 - tail) / stdtrit(free, 1 - tail)) ** 2)
    hits = rate * size
    low = float(betaincinv(hits, size - hits + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, size - hits, 1 - tail)) if hits < size else 1.0
    return Interval(rate, min(low, rate), max(high, rate))
