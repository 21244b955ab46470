"""Reliability: whether what is stated is what is found, bin by bin, with what chance alone would show."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from models.evaluation.intervals import NORMAL, Estimate, sizes, widening
from models.evaluation.weighted import Ranking, tenths

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_NOISES = 2_000


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of similar stated probability.

    Attributes:
        rows: how many there are. stated: their mean probability. found: their share of violations.
        share: of all weight.
    """

    rows: int
    stated: float
    found: Estimate
    share: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """Bins from the riskiest down, and the calibration error over them.

    Attributes:
        ece: as found; chance alone drives it up.
        error: what it is once chance is taken off, with its interval; its ends are NaN for fewer than two enterprises.
    """

    bins: tuple[Bin, ...]
    ece: float
    error: Estimate


def reliability(
    outcomes: Integers, probabilities: Floats, weights: Floats, clusters: Integers, bins: int = 10, *, seed: int = 7
) -> Reliability:
    """The reliability of stated probabilities.

    Arguments:
        outcomes: 0 or 1, shape (n,).
        weights: how many rows each stands for, shape (n,).
        clusters: number of each row's enterprise, shape (n,).
        bins: of about equal weight; equal probabilities stay together.
        seed: of the noise that chance is measured by.
    """
    place = tenths(Ranking.of(probabilities), weights, bins)
    kept = [number for number in range(bins) if float(weights[place == number].sum()) > 0]
    own, whole = np.unique(clusters, return_inverse=True)[1], float(weights.sum())
    found, residuals = [], []
    for number in kept:
        inside = place == number
        of_bin = outcomes[inside], probabilities[inside], weights[inside]
        found.append(_bin(*of_bin, own[inside], whole))
        off = of_bin[1] - of_bin[0] - (found[-1].stated - found[-1].found.value)
        residuals.append(np.bincount(own[inside], of_bin[2] * off, minlength=int(own.max()) + 1) / whole)
    apart = np.array([one.share * (one.stated - one.found.value) for one in found])
    return Reliability(tuple(found), float(np.abs(apart).sum()), _error(apart, np.array(residuals), seed))


def _error(apart: Floats, residuals: Floats, seed: int) -> Estimate:
    """The calibration error without what chance adds, by test inversion: which true distances would show as much?

    True distances are taken to be those found, times a size; the noise over them is that between enterprises.

    Arguments:
        apart: distance of stated and found in each bin, as part of the whole, shape (b,).
        residuals: the same of each enterprise less its bin's own, shape (b, enterprises).
    Source: the idea of a debiased error is that of Kumar, Liang and Ma (NeurIPS 2019), sec. 5.
    """
    plain, count = float(np.abs(apart).sum()), residuals.shape[1]
    if count < 2:
        return Estimate(plain, np.nan, np.nan)
    values, vectors = np.linalg.eigh(residuals @ residuals.T)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    noise = widening(count) * np.random.default_rng(seed).standard_normal((_NOISES, len(apart))) @ root.T
    size = sizes(plain, lambda own: np.asarray(np.abs(own * apart + noise).sum(axis=1)))
    return Estimate(plain * size.value, plain * size.low, plain * max(1.0, size.high))


def share(hits: Floats, weights: Floats, worth: float) -> Estimate:
    """A weighted share of hits with its interval.

    Arguments:
        hits, weights: of each cluster, the first at most the second, shape (k,).
        worth: how many equally weighted rows these are at most worth.
    Returns:
        The share with Wilson's interval for as many independent rows as the error says, but no more than `worth`; no more
        than there are clusters where none or all are hits, which show no error. NaN ends for fewer than two clusters.
    Source: Wilson (1927) with the effective number of rows and Student's t for few clusters (Korn and Graubard 1998);
        linearised error (Särndal, Swensson and Wretman 1992, sec. 5.7).
    """
    inside = weights > 0
    clusters, total = int(inside.sum()), float(weights.sum())
    if not clusters:
        return Estimate(np.nan, np.nan, np.nan)
    found = min(1.0, max(0.0, float(hits.sum()) / total))
    if clusters < 2:
        return Estimate(found, np.nan, np.nan)
    off = hits[inside] - found * weights[inside]
    error = sqrt(float(off @ off) * clusters / (clusters - 1)) / total
    noise = found * (1 - found)
    rows = min(worth, noise / error**2) if noise > 1e-9 and error > 0 else min(worth, clusters)
    rows *= (NORMAL / stats.t.ppf(0.975, clusters - 1)) ** 2
    return Estimate(found, *wilson(found, rows))


def wilson(found: float, worth: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share that was found among so many independent rows."""
    squared = NORMAL**2
    middle = (found + squared / (2 * worth)) / (1 + squared / worth)
    reach = NORMAL * sqrt(found * (1 - found) / worth + squared / (4 * worth**2)) / (1 + squared / worth)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _bin(outcomes: Integers, probabilities: Floats, weights: Floats, clusters: Integers, whole: float) -> Bin:
    total, kish = float(weights.sum()), float(weights.sum() ** 2 / (weights @ weights))
    hits, weight = (np.bincount(clusters, of_rows).astype(np.float64) for of_rows in (weights * outcomes, weights))
    return Bin(len(outcomes), float(weights @ probabilities) / total, share(hits, weight, kish), total / whole)
