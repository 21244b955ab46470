"""How sure a probability is: inductive Venn-Abers predictors (Vovk, Petej 2014), widened by what resampling enterprises shows.

A case is calibrated twice, once as if it had been a violation and once as if not; what both say bounds its probability. That is
what one case more would change. That the cases are a sample, and those of one enterprise alike, moves it further: the same
curve on enterprises drawn with replacement says how far. Where few cases resemble one, or it belongs to firms with a short
history, the ends lie far apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
LEVEL = 0.95
"""How often the share of violations should lie within, over samples of enterprises."""
_MOST_ROWS = 100_000
"""Resampled are no more cases; fewer only set the ends further apart."""


@dataclass(frozen=True, slots=True)
class Band:
    """Lower and upper probability at some margins, straight from one to the next and level outside them.

    Attributes:
        rows: how many cases it stands on.
    """

    rows: int
    margins: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def interval(self, margin: float) -> tuple[float, float]:
        """The lower and upper probability of a margin."""
        return float(np.interp(margin, self.margins, self.low)), float(np.interp(margin, self.margins, self.high))


def fit_band(
    margins: Floats, outcomes: Integers, weights: Floats | None = None, firms: Integers | None = None, *,
    knots: int = 41, replicates: int = 100, seed: int = 7,
) -> Band:  # fmt: skip
    """The band of some cases that the model did not learn from.

    Arguments:
        margins, outcomes: shape (n,).
        weights: how many cases each stands for, shape (n,); all alike where None.
        firms: the number of each case's enterprise, from 0, shape (n,); each case by itself where None.
        knots: at how many margins it is worked out: quantiles of those given, and one beyond each end.
        replicates: how often enterprises are drawn; the Venn-Abers interval alone where 0. seed: of the draws.
    """
    weight = np.ones(len(margins)) if weights is None else weights / weights.mean()
    inner = np.quantile(margins, np.linspace(0, 1, knots - 2))
    grid = np.unique(np.concatenate([[margins.min() - 1.0], inner, [margins.max() + 1.0]]))
    steps = _Steps.of(margins)
    cases, hits = steps.sums(weight), steps.sums(weight * outcomes)
    low, high = (np.array([_as_if(outcome, margin, steps, cases, hits) for margin in grid]) for outcome in (0, 1))
    if replicates:
        some = slice(None, None, -(-len(margins) // _MOST_ROWS))
        of_firm = np.arange(len(margins)) if firms is None else firms
        parts = (margins[some], outcomes[some], weight[some], of_firm[some])
        drawn = np.array(list(_resampled(grid, *parts, replicates, seed)))
        ends = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        low, high = np.minimum(low, ends[0]), np.maximum(high, ends[1])
    low, high = np.maximum.accumulate(low), np.maximum.accumulate(high)
    return Band(len(margins), tuple(grid.tolist()), tuple(low.tolist()), tuple(np.maximum(low, high).tolist()))


@dataclass(frozen=True, slots=True)
class _Steps:
    """Cases in the order of their margins, sorted once for all the curves fitted on them.

    Attributes:
        order: places of the n cases. begins: where each of the k distinct margins begins in that order.
        margins: the distinct ones, ascending, shape (k,).
    """

    order: Integers
    begins: Integers
    margins: Floats

    @classmethod
    def of(cls, margins: Floats) -> "_Steps":
        order = np.argsort(margins, kind="stable")
        ascending = margins[order]
        begins = np.flatnonzero(np.concatenate([[True], np.diff(ascending) > 0]))
        return cls(order, begins, ascending[begins])

    def sums(self, values: Floats) -> Floats:
        """Sums of values of shape (n,) over the cases of each margin, shape (k,)."""
        found: Floats = np.add.reduceat(values[self.order], self.begins)
        return found


def _resampled(
    grid: Floats, margins: Floats, outcomes: Integers, weight: Floats, firms: Integers, replicates: int, seed: int
) -> Iterator[Floats]:
    """The isotonic probabilities of a grid on enterprises drawn with replacement, again and again."""
    random = np.random.default_rng(seed)
    own = np.unique(firms, return_inverse=True)[1]
    count, steps = int(own.max()) + 1, _Steps.of(margins)
    for _ in range(replicates):
        weights = weight * np.bincount(random.integers(0, count, count), minlength=count)[own]
        cases = steps.sums(weights)
        kept = cases > 0
        levels = _isotonic(cases[kept], steps.sums(weights * outcomes)[kept])
        yield np.interp(grid, steps.margins[kept], levels)


def _as_if(outcome: int, margin: float, steps: _Steps, cases: Floats, hits: Floats) -> float:
    """The isotonic probability of a margin, had it been seen with an outcome; cases and hits are of each distinct margin."""
    place = int(np.searchsorted(steps.margins, margin))
    if place == len(steps.margins) or steps.margins[place] != margin:
        cases, hits = np.insert(cases, place, 0.0), np.insert(hits, place, 0.0)
    else:
        cases, hits = cases.copy(), hits.copy()
    cases[place] += 1.0
    hits[place] += outcome
    return float(_isotonic(cases, hits)[place])


def _isotonic(cases: Floats, hits: Floats) -> Floats:
    """The shares of hits that never fall and are nearest to those found, step by step, shape (k,)."""
    from sklearn.isotonic import isotonic_regression

    shares: Floats = isotonic_regression(hits / cases, sample_weight=cases)
    return shares
