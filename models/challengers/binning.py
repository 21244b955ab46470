"""Bins of one feature: few, each with its weight of evidence, in the direction that the catalogue demands.

Where bins are cut is decided by optbinning (Navas-Palencia 2020, "Optimal binning: mathematical programming formulation",
arXiv:2001.08025): of all ways to join fine bins it takes the one of greatest information value under the constraints.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from features.batch import Values
from features.definitions import Feature

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
MOST_BINS, LEAST_SHARE = 6, 0.05
_LEAST_SEEN = 5
"""A code seen less often counts as unseen, so that the card learns what unseen means."""
_SMOOTHING = 5.0
_TREND = {1: "ascending", -1: "descending", 0: "auto"}


@dataclass(frozen=True, slots=True)
class Bin:
    """Values that are taken together.

    Attributes:
        kind: numbers from `low` up to, not including, `high` (None for no bound); some `codes`; codes never or hardly seen in
            training; or no value.
    """

    kind: Literal["range", "codes", "unseen", "missing"]
    low: float | None = None
    high: float | None = None
    codes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The values as people read them."""
        if self.kind == "codes":
            return ", ".join(self.codes)
        if self.kind != "range":
            return self.kind
        match self.low, self.high:
            case None, None:
                return "any"
            case None, high:
                return f"< {high:,.10g}"
            case low, None:
                return f"≥ {low:,.10g}"
            case low, high:
                return f"{low:,.10g} to < {high:,.10g}"


@dataclass(frozen=True, slots=True)
class Binned:
    """A feature in bins. Those that hold nothing in training have weight of evidence 0: they say nothing either way.

    Attributes:
        bins: ranges or groups of codes, then `unseen` for a coded feature, `missing` last.
        share: weighted share of the questions in each. rate: weighted share of violations there.
        woe: weight of evidence, log-odds of a violation there less those of all: above 0 is riskier than usual.
        information: the information value.
    """

    feature: Feature
    bins: tuple[Bin, ...]
    share: tuple[float, ...]
    rate: tuple[float, ...]
    woe: tuple[float, ...]
    information: float

    def evidence(self, values: Values) -> Floats:
        """The weight of evidence of each value, shape (n,)."""
        return np.array(self.woe)[places(self.bins, values)]


def places(bins: tuple[Bin, ...], values: Values) -> Integers:
    """Which bin each value falls into, shape (n,).

    Arguments:
        bins: of one feature, `missing` last.
        values: floats with NaN, or codes with None, shape (n,).
    """
    missing = len(bins) - 1
    if values.dtype == object:
        table = {code: place for place, one in enumerate(bins) for code in one.codes}
        return np.array([missing if v is None else table.get(str(v), missing - 1) for v in values], dtype=np.int64)
    edges = np.array([one.high for one in bins if one.high is not None])
    place = np.searchsorted(edges, values, side="right")
    return np.where(np.isnan(values), missing, place).astype(np.int64)


def bin_feature(feature: Feature, values: Values, outcomes: Integers, weights: Floats) -> Binned:
    """The best bins of a feature.

    A feature with a direction has weights of evidence that never turn against it; another one may rise, fall, or turn once.

    Arguments:
        values: floats with NaN, or codes with None, shape (n,).
        outcomes: 1 for a violation found, else 0, shape (n,), both of them there.
        weights: how many questions each stands for, above 0, shape (n,).
    """
    weights = effective(weights)
    bins = _coded(values, outcomes, weights) if feature.is_category else _ranges(feature, values, outcomes, weights)
    place = places(bins, values)
    cases = np.bincount(place, weights, len(bins)).astype(np.float64)
    hits = np.bincount(place, weights * outcomes, len(bins)).astype(np.float64)
    usual = float(hits.sum() / cases.sum())
    # a case of the usual share is added to each bin, so that one without hits stays finite and one without cases says nothing
    woe = np.log((hits + _SMOOTHING * usual) / usual) - np.log((cases - hits + _SMOOTHING * (1 - usual)) / (1 - usual))
    if feature.direction:
        given = len(bins) - 1  # that a value is missing lies in no direction
        woe[:given] = _never_against(woe[:given], cases[:given], feature.direction)
    of_hits, of_clean = hits / hits.sum(), (cases - hits) / (cases - hits).sum()
    rate = np.divide(hits, cases, out=np.full(len(bins), usual), where=cases > 0)
    return Binned(
        feature, bins, tuple((cases / cases.sum()).tolist()), tuple(rate.tolist()), tuple(woe.tolist()),
        float((of_hits - of_clean) @ woe),
    )  # fmt: skip


def effective(weights: Floats) -> Floats:
    """Weights that add up to the number of equal cases that would tell as much: few great ones tell little (Kish 1965)."""
    scaled: Floats = weights * (weights.sum() / (weights @ weights))
    return scaled


def _ranges(feature: Feature, values: Values, outcomes: Integers, weights: Floats) -> tuple[Bin, ...]:
    given = ~np.isnan(values)
    seen: Floats = np.unique(values[given])
    edges: list[float] = []
    if len(seen) > 1 and 0 < outcomes[given].sum() < given.sum():
        splits = _splits("numerical", _TREND[feature.direction], values[given], outcomes[given], weights[given])
        edges = [_plain(float(split), seen) for split in splits]
    bounds = [None, *edges, None]
    ranges = (Bin("range", low, high) for low, high in pairwise(bounds))
    return (*ranges, Bin("missing"))


def _coded(values: Values, outcomes: Integers, weights: Floats) -> tuple[Bin, ...]:
    found, counts = np.unique(np.array([v for v in values if v is not None], dtype=str), return_counts=True)
    known = set(found[counts >= _LEAST_SEEN].tolist())
    seen = np.array([v in known for v in values])
    groups: list[tuple[str, ...]] = [tuple(sorted(known))] if known else []
    if len(known) > 1 and 0 < outcomes[seen].sum() < seen.sum():
        splits = _splits("categorical", "auto", values[seen], outcomes[seen], weights[seen])
        groups = sorted(tuple(sorted(map(str, group))) for group in splits) or groups
    return (*(Bin("codes", codes=group) for group in groups), Bin("unseen"), Bin("missing"))


def _splits(kind: str, trend: str, values: Values, outcomes: Integers, weights: Floats) -> list[Any]:
    """Where optbinning cuts; its search has one worker and a fixed seed, so that the same data are cut alike."""
    from optbinning import OptimalBinning  # its solvers take seconds to import

    binning = OptimalBinning(
        dtype=kind, monotonic_trend=trend, solver="cp", max_n_bins=MOST_BINS, min_bin_size=LEAST_SHARE
    )
    # it cuts the decimals of summed weights off: whole thousandths have none
    binning.fit(values, outcomes, sample_weight=np.round(weights * 1000))
    return list(binning.splits)


def _plain(split: float, seen: Floats) -> float:
    """The number of fewest digits that cuts the values seen just where a split does."""
    place = int(np.searchsorted(seen, split, side="left"))
    below, above = float(seen[place - 1]), float(seen[place])
    rounded = (float(f"{split:.{digits}g}") for digits in range(1, 17))
    return next((one for one in rounded if below < one <= above), above)


def _never_against(woe: Floats, cases: Floats, direction: int) -> Floats:
    """The nearest weights of evidence that never turn against a direction (smoothing may bend those of thin bins)."""
    from sklearn.isotonic import isotonic_regression

    held: Floats = isotonic_regression(woe, sample_weight=np.maximum(cases, 1e-9), increasing=direction > 0)
    return held
