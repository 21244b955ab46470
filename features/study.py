"""What a feature says alone: how far it tells hits from clean outcomes, and whether its distribution moves."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from data.times import CHINA, from_instant, to_instant
from features.batch import Values
from features.errors import check
from features.forms import Integers

_LEAST_SEEN = 5
"""A code seen less often is binned with the other rare ones."""
_NORMAL_95 = 1.6449


@dataclass(frozen=True, slots=True)
class Bin:
    """Values that are taken together.

    Attributes:
        label: the values as people read them.
        count, hits: how many there are, and with a violation found.
        rate: share of hits.
        woe: weight of evidence: log-odds of a hit here less those of all; above 0 for more hits than usual.
        contribution: its part of the information value, never below 0.
    """

    label: str
    count: int
    hits: int
    rate: float
    woe: float
    contribution: float


@dataclass(frozen=True, slots=True)
class InformationValue:
    """How far a feature tells hits from clean outcomes, alone.

    Attributes:
        value: the information value, 0 for a feature that tells nothing.
        by_chance: what a feature that tells nothing would show on average with as many bins and outcomes.
        limit: what such a feature stays below 19 times in 20.
        bins: missing last, only those that hold something.
    """

    value: float
    by_chance: float
    limit: float
    bins: tuple[Bin, ...]


def information_value(
    values: Values, outcomes: NDArray[np.int64], bins: int = 10, *, smoothing: float = 1.0
) -> InformationValue:
    """Weight of evidence of each bin of a feature, and its information value.

    Arguments:
        values: floats with NaN, or codes with None, shape (n,).
        outcomes: 1 for a violation found, else 0, shape (n,), both of them there.
        bins: of as equal a size as equal values allow; missing is one more. A code is a bin, rare ones are together.
        smoothing: so many cases with the average share of hits are added to each bin, so that a bin without hits (or with
            nothing else) stays finite and an independent feature has exactly 0.
    Raises:
        FeatureError: where the outcomes are all the same.
    Source: Siddiqi, Intelligent Credit Scoring (2nd ed., 2017), ch. 10, which writes the odds the other way round (the value
        is the same) and reads it as: below 0.02 nothing, to 0.1 weak, to 0.3 medium, above strong. These steps know nothing of
        the sample's size; `by_chance` and `limit` do (see `chance`).
    """
    hits_of_all, n = int(outcomes.sum()), len(outcomes)
    check(0 < hits_of_all < n, "information value needs hits and clean outcomes; widen the period")
    binning = _Binning.of(values, bins)
    place = binning.places(values)
    count = np.bincount(place, minlength=len(binning.labels))
    hits = np.bincount(place, weights=outcomes, minlength=len(binning.labels))
    kept = np.flatnonzero(count)
    share = hits_of_all / n
    smooth_hits, smooth_clean = hits[kept] + smoothing * share, (count - hits)[kept] + smoothing * (1 - share)
    of_hits, of_clean = smooth_hits / smooth_hits.sum(), smooth_clean / smooth_clean.sum()
    woe = np.log(of_hits / of_clean)
    parts = (of_hits - of_clean) * woe
    rows = tuple(
        Bin(
            binning.labels[b],
            int(count[b]),
            int(hits[b]),
            float(hits[b] / count[b]),
            float(woe[i]),
            float(parts[i]),
        )
        for i, b in enumerate(kept.tolist())
    )
    return InformationValue(float(parts.sum()), *chance(len(kept), hits_of_all, n - hits_of_all), rows)


def chance(bins: int, n: int, m: int) -> tuple[float, float]:
    """What two samples of one distribution show as PSI: on average, and less than which 19 times in 20.

    Arguments:
        bins: how many hold something.
        n, m: sizes of the samples, of hits and of clean outcomes for an information value.
    Source: Yurdakul, Statistical Properties of Population Stability Index (Western Michigan University, 2018): about
        (1/n + 1/m) times chi-squared with `bins` - 1 degrees of freedom; its quantile by Wilson and Hilferty (1931).
    """
    free, scale = bins - 1, 1 / n + 1 / m
    if free <= 0:
        return 0.0, 0.0
    quantile = free * (1 - 2 / (9 * free) + _NORMAL_95 * sqrt(2 / (9 * free))) ** 3
    return free * scale, quantile * scale


@dataclass(frozen=True, slots=True)
class Period:
    """A feature in a period, beside the first one.

    Attributes:
        start, end: instants, the second excluded.
        count: how many values.
        missing: share that is missing.
        psi: population stability index against the first period.
        by_chance, limit: the index that no change would show on average, and stay below 19 times in 20 (see `chance`).
    """

    start: int
    end: int
    count: int
    missing: float
    psi: float
    by_chance: float
    limit: float


def stability(
    values: Values, at: Integers, periods: Sequence[int] | None = None, *, bins: int = 10
) -> tuple[Period, ...]:
    """How a feature's distribution moves from the first period on.

    Arguments:
        values: floats with NaN, or codes with None, shape (n,).
        at: instants of the questions, shape (n,).
        periods: instants at which periods begin, and the end of the last; months in China where not given.
        bins: of the first period's values, as for `information_value`. Half a case is added to each bin.
    Returns:
        A result a period that holds something, the first one with an index of 0.
    Raises:
        FeatureError: where no question falls into the periods.
    Source: Siddiqi (2017), ch. 14, reads above 0.1 as a small shift and above 0.25 as a large one; for small samples that is
        noise, so compare with `limit`.
    """
    edges = months(at) if periods is None else list(periods)
    parts = [(start, end, (at >= start) & (at < end)) for start, end in pairwise(edges)]
    parts = [part for part in parts if part[2].any()]
    check(bool(parts), "no question falls into the periods")
    binning = _Binning.of(values[parts[0][2]], bins)
    first: NDArray[np.int64] | None = None
    result = []
    for start, end, inside in parts:
        count = np.bincount(binning.places(values[inside]), minlength=len(binning.labels))
        first = count if first is None else first
        n, m = int(first.sum()), int(count.sum())
        kept = (first + count) > 0
        before, now = ((side[kept] + 0.5) / (total + 0.5 * kept.sum()) for side, total in ((first, n), (count, m)))
        psi = float(((now - before) * np.log(now / before)).sum())
        result.append(Period(start, end, m, float(count[-1] / m), psi, *chance(int(kept.sum()), n, m)))
    return tuple(result)


def months(at: Integers) -> list[int]:
    """The instants at which the months in China begin that hold some instants, and the end of the last."""
    if not len(at):
        return []
    day = from_instant(int(at.min())).astimezone(CHINA).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    result = [to_instant(day)]
    while result[-1] <= int(at.max()):
        day = day.replace(year=day.year + day.month // 12, month=day.month % 12 + 1)
        result.append(to_instant(day))
    return result


@dataclass(frozen=True, slots=True)
class _Binning:
    """How values fall into bins; the last bin is for missing ones."""

    labels: tuple[str, ...]
    edges: tuple[float, ...] = ()
    codes: tuple[str, ...] | None = None

    @classmethod
    def of(cls, values: Values, bins: int) -> "_Binning":
        if values.dtype == object:
            found, counts = np.unique(np.array([v for v in values if v is not None], dtype=str), return_counts=True)
            codes = tuple(found[counts >= _LEAST_SEEN].tolist())
            return cls((*codes, "other", "missing"), codes=codes)
        given = values[~np.isnan(values)]
        different = np.unique(given)
        if len(different) > bins:
            # actual values as edges, so that a rising function of the values falls into the same bins
            steps = np.quantile(given, np.arange(1, bins) / bins, method="inverted_cdf")
            edges = [edge for edge in np.unique(steps).tolist() if edge < different[-1]]
        else:
            edges = different.tolist()  # the last one too: what lies above all values seen is a change
        return cls((*_labels(edges), "missing"), tuple(edges))

    def places(self, values: Values) -> NDArray[np.int64]:
        """The bin of each value, shape (n,)."""
        if self.codes is not None:
            table = {code: place for place, code in enumerate(self.codes)}
            other = len(self.codes)
            return np.array([other + 1 if v is None else table.get(str(v), other) for v in values], dtype=np.int64)
        place = np.searchsorted(np.array(self.edges), values, side="left")
        return np.where(np.isnan(values), len(self.labels) - 1, place).astype(np.int64)


def _labels(edges: Sequence[float]) -> list[str]:
    if not edges:
        return ["any"]
    rounded = ([f"{edge:.{digits}g}" for edge in edges] for digits in range(4, 18))
    texts = next(texts for texts in rounded if len(set(texts)) == len(edges))
    between = [f"({low}, {high}]" for low, high in pairwise(texts)]
    return [f"≤ {texts[0]}", *between, f"> {texts[-1]}"]
