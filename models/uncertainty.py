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
    low = np.array([_as_if(0, margin, margins, outcomes, weight) for margin in grid])
    high = np.array([_as_if(1, margin, margins, outcomes, weight) for margin in grid])
    if replicates:
        some = slice(None, None, -(-len(margins) // _MOST_ROWS))
        of_firm = np.arange(len(margins)) if firms is None else firms
        parts = (margins[some], outcomes[some], weight[some], of_firm[some])
        drawn = np.array(list(_resampled(grid, *parts, replicates, seed)))
        ends = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        low, high = np.minimum(low, ends[0]), np.maximum(high, ends[1])
    low, high = np.maximum.accumulate(low), np.maximum.accumulate(high)
    return Band(len(margins), tuple(grid.tolist()), tuple(low.tolist()), tuple(np.maximum(low, high).tolist()))


def _resampled(
    grid: Floats, margins: Floats, outcomes: Integers, weight: Floats, firms: Integers, replicates: int, seed: int
) -> Iterator[Floats]:
    """The isotonic probabilities of a grid on enterprises drawn with replacement, again and again."""
    from sklearn.isotonic import IsotonicRegression

    random = np.random.default_rng(seed)
    own = np.unique(firms, return_inverse=True)[1]
    count = int(own.max()) + 1
    for _ in range(replicates):
        times = np.bincount(random.integers(0, count, count), minlength=count)[own]
        kept = times > 0
        fitted = IsotonicRegression(out_of_bounds="clip")
        fitted.fit(margins[kept], outcomes[kept], sample_weight=weight[kept] * times[kept])
        yield fitted.predict(grid)


def _as_if(outcome: int, margin: float, margins: Floats, outcomes: Integers, weight: Floats) -> float:
    """The isotonic probability of a margin, had it been seen with an outcome."""
    from sklearn.isotonic import IsotonicRegression

    with_it = np.append(margins, margin), np.append(outcomes, outcome), np.append(weight, 1.0)
    fitted = IsotonicRegression(out_of_bounds="clip").fit(with_it[0], with_it[1], sample_weight=with_it[2])
    return float(fitted.predict([margin])[0])
