"""Estimates from samples with unequal, known inclusion probabilities: self-normalised, each with an interval.

Only inspected shipments have outcomes. What was drawn with a known probability stands for one over that many shipments.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta
from sklearn.metrics import roc_auc_score

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval, and how many observations of equal weight would say as much."""

    value: float
    low: float
    high: float
    effective: float

    def covers(self, truth: float) -> bool:
        """Whether the interval holds a value."""
        return self.low <= truth <= self.high


def weighted_rate(
    outcomes: Integers, inclusion: Floats, clusters: Integers | None = None, *, level: float = 0.95
) -> Estimate:
    """The share of ones in a population, from a sample drawn from it.

    The mean is Hajek's, its variance that of its linearisation, and the interval that of Clopper and Pearson for the effective
    size, which holds for rare outcomes and small samples where the normal one does not.

    Arguments:
        outcomes: 0 or 1, shape (n,).
        inclusion: probabilities with which each was drawn, in (0, 1], shape (n,).
        clusters: numbers of who each is about, where the question is about others like them as well, shape (n,);
            by default the question is about the population that the sample was drawn from.
        level: of the interval.
    Source:
        Hajek 1971; Korn and Graubard 1998 (Survey Methodology 24, 193-201).
    """
    count = len(outcomes)
    if count == 0:
        return Estimate(float("nan"), 0.0, 1.0, 0.0)
    weights = 1.0 / inclusion
    total = float(weights.sum())
    value = float(weights @ outcomes) / total
    parts = weights * (outcomes - value)
    if clusters is None:
        variance = float(((1.0 - inclusion) * parts**2).sum()) / total**2 * count / max(count - 1, 1)
    else:
        sums = np.bincount(np.unique(clusters, return_inverse=True)[1], parts)
        variance = float((sums**2).sum()) / total**2 * len(sums) / max(len(sums) - 1, 1)
    spread = float(total**2 / (weights**2).sum())
    effective = min(count, value * (1 - value) / variance) if variance > 0 else spread
    if np.all(inclusion >= 1.0) and clusters is None:
        return Estimate(value, value, value, float(count))  # everybody was looked at
    return Estimate(value, *exact_interval(value * effective, effective, level), effective)


def exact_interval(hits: float, count: float, level: float = 0.95) -> tuple[float, float]:
    """The interval of Clopper and Pearson 1934 for a share; neither number need be whole."""
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, hits, count - hits + 1)) if hits > 0 else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, count - hits)) if hits < count else 1.0
    return low, high


def rate_with_known_part(known_hits: int, known: int, rest: Estimate, size: int) -> Estimate:
    """The share of ones in a population of which a part is known for certain and the rest was sampled.

    Arguments:
        known_hits, known: ones in the known part, and its size.
        rest: the estimate for what is not known.
        size: of the whole population.
    """
    part = (size - known) / size
    sure = known_hits / size
    if known == size:
        return Estimate(sure, sure, sure, float(size))
    return Estimate(sure + part * rest.value, sure + part * rest.low, sure + part * rest.high, rest.effective)


def weighted_auc(outcomes: Integers, scores: Floats, weights: Floats) -> float:
    """The area under the ROC curve of the population that a weighted sample stands for; NaN where one outcome is missing."""
    kept = weights > 0
    if len(np.unique(outcomes[kept])) < 2:
        return float("nan")
    return float(roc_auc_score(outcomes[kept], scores[kept], sample_weight=weights[kept]))


def weighted_precision(outcomes: Integers, scores: Floats, weights: Floats, share: float) -> float:
    """The share of ones among the best-scored part of the population, ties counting as their expectation.

    Arguments:
        outcomes, scores, weights: of the sample, shape (n,).
        share: part of the population, in (0, 1].
    """
    _, groups = np.unique(-scores, return_inverse=True)
    mass, hits = np.bincount(groups, weights), np.bincount(groups, weights * outcomes)
    room = share * float(weights.sum())
    before = np.cumsum(mass) - mass
    taken = np.clip(room - before, 0.0, mass)
    return float((hits * np.divide(taken, mass, out=np.zeros_like(mass), where=mass > 0)).sum() / room)


def bootstrapped(
    statistic: Callable[[Floats], float], weights: Floats, clusters: Integers, *, seed: int, draws: int = 200,
    level: float = 0.95,
) -> Estimate:  # fmt: skip
    """A statistic of weighted rows with the interval of a bootstrap that draws whole enterprises.

    Arguments:
        statistic: a function of the weights, shape (n,), for instance `lambda w: weighted_auc(outcomes, scores, w)`.
        weights: one over the inclusion probabilities, shape (n,).
        clusters: numbers of the enterprises, shape (n,): outcomes of one enterprise resemble each other.
        seed: of the draws.
    Source:
        Efron 1979; Davison and Hinkley 1997, section 3.8 (clustered data).
    """
    rng = np.random.default_rng(seed)
    groups = np.unique(clusters, return_inverse=True)[1]
    count = int(groups.max(initial=-1)) + 1
    found = np.array(
        [statistic(weights * rng.multinomial(count, np.full(count, 1 / count))[groups]) for _ in range(draws)]
    )
    tail = (1 - level) / 2
    low, high = np.nanquantile(found, (tail, 1 - tail))
    return Estimate(statistic(weights), float(low), float(high), float(weights.sum() ** 2 / (weights**2).sum()))
