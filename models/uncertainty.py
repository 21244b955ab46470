"""How sure a probability is: the interval of inductive Venn-Abers predictors (Vovk, Petej 2014).

A case is calibrated twice, once as if it had been a violation and once as if not; what both say bounds its probability. Where
few cases resemble it, or it belongs to firms with a short history, both lie far apart.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


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


def fit_band(margins: Floats, outcomes: Integers, weights: Floats | None = None, *, knots: int = 41) -> Band:
    """The band of some cases that the model did not learn from.

    Arguments:
        margins, outcomes: shape (n,).
        weights: how many cases each stands for, shape (n,); all alike where None.
        knots: at how many margins it is worked out: quantiles of those given, and one beyond each end.
    """
    weight = np.ones(len(margins)) if weights is None else weights / weights.mean()
    inner = np.quantile(margins, np.linspace(0, 1, knots - 2))
    grid = np.unique(np.concatenate([[margins.min() - 1.0], inner, [margins.max() + 1.0]]))
    low = np.array([_as_if(0, margin, margins, outcomes, weight) for margin in grid])
    high = np.array([_as_if(1, margin, margins, outcomes, weight) for margin in grid])
    low, high = np.maximum.accumulate(low), np.maximum.accumulate(high)
    return Band(len(margins), tuple(grid.tolist()), tuple(low.tolist()), tuple(np.maximum(low, high).tolist()))


def _as_if(outcome: int, margin: float, margins: Floats, outcomes: Integers, weight: Floats) -> float:
    """The isotonic probability of a margin, had it been seen with an outcome."""
    from sklearn.isotonic import IsotonicRegression

    with_it = np.append(margins, margin), np.append(outcomes, outcome), np.append(weight, 1.0)
    fitted = IsotonicRegression(out_of_bounds="clip").fit(with_it[0], with_it[1], sample_weight=with_it[2])
    return float(fitted.predict([margin])[0])
