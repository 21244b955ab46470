"""From a model's margin to an honest probability: a straight line on the log-odds (Platt 1999).

A line keeps explanations exact: contributions to the margin, times the slope, are contributions to the calibrated log-odds.
"""

from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibrated log-odds = slope * margin + intercept. The slope is never negative."""

    slope: float
    intercept: float

    def log_odds(self, margin: float) -> float:
        """Calibrated log-odds of a margin."""
        return self.slope * margin + self.intercept

    def probability(self, margin: float) -> float:
        """Calibrated probability of a margin, in (0, 1)."""
        return 1.0 / (1.0 + exp(-max(-700.0, min(700.0, self.log_odds(margin)))))

    def probabilities(self, margins: Floats) -> Floats:
        """Calibrated probabilities, shape (n,)."""
        result: Floats = 1.0 / (1.0 + np.exp(-np.clip(self.slope * margins + self.intercept, -700, 700)))
        return result


def fit_calibration(margins: Floats, outcomes: NDArray[np.int64]) -> Calibration:
    """The line of least logistic loss, by Newton's method, on margins that the model did not learn from.

    Arguments:
        margins: shape (n,), out-of-fold.
        outcomes: shape (n,), 0 or 1.
    Returns:
        The line; where margins rank no better than chance, slope 0 and the base rate for everyone.
    """
    # Platt's smoothed targets keep the line finite where the classes separate
    hits = float(outcomes.sum())
    others = float(len(outcomes) - hits)
    target = np.where(outcomes == 1, (hits + 1) / (hits + 2), 1 / (others + 2))
    slope, intercept = 1.0, 0.0
    for _ in range(100):
        p = 1.0 / (1.0 + np.exp(-np.clip(slope * margins + intercept, -700, 700)))
        error, weight = p - target, np.maximum(p * (1 - p), 1e-12)
        gradient = np.array([float(error @ margins), float(error.sum())])
        hessian = np.array(
            [
                [float(weight @ (margins * margins)) + 1e-9, float(weight @ margins)],
                [float(weight @ margins), float(weight.sum()) + 1e-9],
            ]
        )
        step = np.linalg.solve(hessian, gradient)
        slope, intercept = slope - float(step[0]), intercept - float(step[1])
        if float(np.abs(step).max()) < 1e-12:
            break
    if not np.isfinite(slope) or slope < 0:
        return Calibration(0.0, log((hits + 1) / (others + 1)))
    return Calibration(slope, intercept)
