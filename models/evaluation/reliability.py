"""Reliability: whether what is stated is what is found, bin by bin, with what chance alone would show."""

from dataclasses import dataclass
from math import erf, exp, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from models.evaluation.weighted import Ranking, tenths

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_NORMAL = 1.959964


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of similar stated probability.

    Attributes:
        rows: how many there are. stated: their mean probability. found: their share of violations.
        low, high: Wilson's 95 % interval of `found` for as many independent rows as these are worth.
        error: standard error of `found`, by enterprises.
    """

    rows: int
    stated: float
    found: float
    low: float
    high: float
    error: float
    share: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """Bins from the riskiest down, the calibration error over them, and the same less what chance adds to it."""

    bins: tuple[Bin, ...]
    ece: float
    ece_debiased: float


def reliability(
    outcomes: Integers, probabilities: Floats, weights: Floats, clusters: Integers, bins: int = 10
) -> Reliability:
    """The reliability of stated probabilities.

    Arguments:
        outcomes: 0 or 1, shape (n,).
        weights: how many rows each stands for, shape (n,).
        clusters: number of each row's enterprise, shape (n,).
        bins: of about equal weight; equal probabilities stay together.
    Source: Kumar, Liang and Ma, Verified Uncertainty Calibration (NeurIPS 2019), sec. 5, for the debiased error, with
        its mean over Gaussian noise in closed form and the noise between enterprises; Wilson (1927) with the effective
        number of rows (Korn and Graubard 1998) for the intervals.
    """
    place = tenths(Ranking.of(probabilities), weights, bins)
    found_bins, whole = [], float(weights.sum())
    for number in range(bins):
        inside = place == number
        if float(weights[inside].sum()) > 0:
            found_bins.append(_bin(outcomes[inside], probabilities[inside], weights[inside], clusters[inside], whole))
    ece = sum(one.share * abs(one.stated - one.found) for one in found_bins)
    by_chance = sum(one.share * _added(abs(one.stated - one.found), one.error) for one in found_bins)
    return Reliability(tuple(found_bins), ece, max(0.0, ece - by_chance))


def share_error(outcomes: Integers, weights: Floats, clusters: Integers) -> tuple[float, float]:
    """A weighted share of hits and its standard error between clusters (linearised; Särndal et al. 1992, sec. 5.7)."""
    total = float(weights.sum())
    found = float(weights @ outcomes) / total
    own = np.bincount(np.unique(clusters, return_inverse=True)[1], weights * (outcomes - found))
    count = len(own)
    return found, sqrt(float(own @ own) * count / max(count - 1, 1)) / total


def wilson(found: float, worth: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share that was found among so many independent rows."""
    if worth <= 0:
        return 0.0, 1.0
    squared = _NORMAL**2
    middle = (found + squared / (2 * worth)) / (1 + squared / worth)
    reach = _NORMAL * sqrt(found * (1 - found) / worth + squared / (4 * worth**2)) / (1 + squared / worth)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _bin(outcomes: Integers, probabilities: Floats, weights: Floats, clusters: Integers, whole: float) -> Bin:
    total = float(weights.sum())
    found, error = share_error(outcomes, weights, clusters)
    kish = total**2 / float(weights @ weights)
    worth = min(kish, found * (1 - found) / error**2) if error > 0 else kish
    low, high = wilson(found, worth)
    stated = float(weights @ probabilities) / total
    return Bin(len(outcomes), stated, found, low, high, max(error, sqrt(found * (1 - found) / kish)), total / whole)


def _added(distance: float, error: float) -> float:
    """What noise adds to a distance on average: the mean of a folded normal less its centre."""
    if error <= 0:
        return 0.0
    z = distance / error
    return error * sqrt(2 / pi) * exp(-z * z / 2) + distance * erf(z / sqrt(2)) - distance
