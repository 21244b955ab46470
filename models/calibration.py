"""From a model's margin to an honest probability.

Points stand on a straight line of the margin (Platt 1999): contributions to the margin, times the slope, are contributions to the
points, so that explanations stay exact. The probability follows from a curve that may bend: the line itself, a beta calibration
(Kull, Silva Filho, Flach 2017) or an isotonic one (Zadrozny, Elkan 2002), whichever did best on outcomes that came later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Kind = Literal["line", "beta", "isotonic"]
_LARGEST = 700.0
_LEAST_STEP = 1e-9
_TILT = 1e-3
"""Log-odds for each unit of margin that an isotonic curve rises by where it would be level."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A straight line: calibrated log-odds = slope * margin + intercept. The slope is never negative."""

    slope: float
    intercept: float

    def log_odds(self, margin: float) -> float:
        """Calibrated log-odds of a margin."""
        return self.slope * margin + self.intercept

    def probabilities(self, margins: Floats) -> Floats:
        """Calibrated probabilities, shape (n,)."""
        return _logistic(self.slope * margins + self.intercept)


@dataclass(frozen=True, slots=True)
class Curve:
    """A calibrated probability for every margin: log-odds between knots, straight from one to the next and level outside them.

    Attributes:
        kind: how it was fitted.
        margins: where the knots are, ascending. log_odds: the calibrated log-odds there, never falling.
    """

    kind: Kind
    margins: tuple[float, ...]
    log_odds: tuple[float, ...]

    def probability(self, margin: float) -> float:
        """Calibrated probability of a margin, in (0, 1)."""
        return float(self.probabilities(np.array([margin]))[0])

    def probabilities(self, margins: Floats) -> Floats:
        """Calibrated probabilities, shape (n,)."""
        return _logistic(np.interp(margins, self.margins, self.log_odds))


def _logistic(log_odds: Floats) -> Floats:
    result: Floats = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -_LARGEST, _LARGEST)))
    return result


def fit_calibration(
    margins: Floats, outcomes: Integers, weights: Floats | None = None, scorers: Integers | None = None
) -> Calibration:
    """The line of least logistic loss, by Newton's method, on margins that the model did not learn from.

    Margins of several models of one kind share their slope, but not their level: as the share of hits moves, the model of a later
    fold sets all margins higher or lower, which says nothing of how cases of one model differ. The slope is therefore that within
    models; the level is that of all cases together.

    Arguments:
        margins: shape (n,), out-of-fold.
        outcomes: shape (n,), 0 or 1.
        weights: how many cases each stands for, shape (n,); all alike where None.
        scorers: the number of the model that gave each margin, shape (n,); one model where None.
    Returns:
        The line; where margins rank no better than chance, slope 0 and the base rate for everyone.
    """
    weight = _relative(weights, len(margins))
    # Platt's smoothed targets keep the line finite where the classes separate
    hits = float(weight[outcomes == 1].sum())
    others = float(weight.sum() - hits)
    target = np.where(outcomes == 1, (hits + 1) / (hits + 2), 1 / (others + 2))
    levels = np.ones((len(margins), 1)) if scorers is None else _levels(scorers)
    start = np.concatenate([[1.0], np.zeros(levels.shape[1])])
    slope = float(_least_loss(np.column_stack([margins, levels]), target, weight, start)[0])
    if not np.isfinite(slope) or slope < 0:
        return Calibration(0.0, log((hits + 1) / (others + 1)))
    level = _least_loss(np.ones((len(margins), 1)), target, weight, np.zeros(1), slope * margins)
    return Calibration(slope, float(level[0]))


def _levels(scorers: Integers) -> Floats:
    """A column a model, 1 for its cases."""
    return np.equal.outer(scorers, np.unique(scorers)).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Scored:
    """Cases that a model has scored without having learned from them.

    Attributes:
        margins: shape (n,).
        outcomes: shape (n,), 0 or 1.
        weights: how many cases each stands for, shape (n,).
        scorers: the number of the model that gave each margin, shape (n,); one model where None.
    """

    margins: Floats
    outcomes: Integers
    weights: Floats
    scorers: Integers | None = None

    @classmethod
    def joined(cls, parts: "Sequence[Scored]") -> "Scored":
        """Several parts as one, each scored by a model of its own."""
        return cls(
            np.concatenate([part.margins for part in parts]),
            np.concatenate([part.outcomes for part in parts]),
            np.concatenate([part.weights for part in parts]),
            np.repeat(np.arange(len(parts)), [len(part.margins) for part in parts]),
        )

    @classmethod
    def lately(cls, folds: "Sequence[Scored]") -> "Scored":
        """The later half of some folds in the order of time (two at least), which calibrate what comes after them.

        The model of an early fold learned from a fraction of what the next one will: it dares less, so that its margins would
        have to be stretched where those of a later model have not.
        """
        return cls.joined(folds[-max(2, -(-len(folds) // 2)) :])

    @property
    def line(self) -> Calibration:
        """The line of least loss."""
        return fit_calibration(self.margins, self.outcomes, self.weights, self.scorers)


def fit_curve(kind: Kind, scored: Scored, *, knots: int = 65) -> Curve:
    """A curve of a kind.

    Arguments:
        knots: of a beta curve.
    """
    margins, outcomes, weight = scored.margins, scored.outcomes, _relative(scored.weights, len(scored.margins))
    line = scored.line
    spread = float(margins.max() - margins.min()) + 1.0
    ends = (float(margins.min()) - spread, float(margins.max()) + spread)
    if kind == "line" or line.slope == 0:
        return Curve("line", ends, (line.log_odds(ends[0]), line.log_odds(ends[1])))
    if kind == "beta":
        return _beta(margins, outcomes, weight, line, ends, knots)
    return _isotonic(margins, outcomes, weight, ends)


def _beta(
    margins: Floats, outcomes: Integers, weight: Floats, line: Calibration, ends: tuple[float, float], knots: int
) -> Curve:
    """log-odds = a ln p - b ln(1 - p) + c of the line's probability p, with a and b not negative."""
    grid = np.unique(np.concatenate([ends, np.quantile(margins, np.linspace(0, 1, knots - 2))]))

    def terms(of: Floats) -> Floats:
        log_odds = line.slope * of + line.intercept
        return np.stack([-np.logaddexp(0, -log_odds), np.logaddexp(0, log_odds), np.ones(len(of))], axis=1)

    found = _least_loss(terms(margins), outcomes.astype(np.float64), weight, np.array([1.0, 1.0, 0.0]))
    if not np.isfinite(found).all() or found[:2].min() < 0:  # one term too many: the line says as much
        return Curve("line", ends, (line.log_odds(ends[0]), line.log_odds(ends[1])))
    return Curve("beta", tuple(grid.tolist()), tuple((terms(grid) @ found).tolist()))


def _isotonic(margins: Floats, outcomes: Integers, weight: Floats, ends: tuple[float, float]) -> Curve:
    """The best curve that never falls; each level half a case away from certainty.

    A level is tilted by next to nothing, so that it tells no more of the probability, but cases keep the order of their margins:
    who is to be inspected first is asked of the riskiest, and they would all be on one level.
    """
    from sklearn.isotonic import isotonic_regression

    order = np.argsort(margins, kind="stable")
    level = isotonic_regression(outcomes[order].astype(np.float64), sample_weight=weight[order])
    begins = np.flatnonzero(np.concatenate([[True], np.diff(level) > _LEAST_STEP]))
    cases = np.add.reduceat(weight[order], begins)
    hits = np.add.reduceat((weight * outcomes)[order], begins)
    middle = np.add.reduceat((weight * margins)[order], begins) / cases
    odds = np.maximum.accumulate(np.log(hits + 0.5) - np.log(cases - hits + 0.5))
    kept = np.concatenate([[True], np.diff(middle) > _LEAST_STEP])
    knots = np.concatenate([[ends[0]], middle[kept], [ends[1]]])
    levels = np.concatenate([[odds[0]], odds[kept], [odds[kept][-1]]]) + _TILT * knots
    return Curve("isotonic", tuple(knots.tolist()), tuple(levels.tolist()))


def _relative(weights: Floats | None, count: int) -> Floats:
    """Weights whose mean is 1, so that smoothing counts cases, not what they stand for."""
    return np.ones(count) if weights is None else weights / weights.mean()


def _least_loss(terms: Floats, target: Floats, weight: Floats, start: Floats, given: Floats | float = 0.0) -> Floats:
    """The factors of some terms with the least logistic loss, by Newton's method; `given` are log-odds that stand beside them.

    A step that would raise the loss is halved: far from the least loss, a whole one may lead away from it for ever.
    """

    def loss(factors: Floats) -> float:
        log_odds = terms @ factors + given
        return float(weight @ (np.logaddexp(0, log_odds) - target * log_odds))

    factors, now = start, loss(start)
    for _ in range(100):
        p = _logistic(terms @ factors + given)
        gradient = terms.T @ (weight * (p - target))
        curvature = weight * np.maximum(p * (1 - p), 1e-12)
        step = np.linalg.solve((terms * curvature[:, None]).T @ terms + 1e-9 * np.eye(len(factors)), gradient)
        while (after := loss(factors - step)) > now and float(np.abs(step).max()) >= _LEAST_STEP:
            step = step / 2
        if after > now:
            break
        factors, now = factors - step, after
        if float(np.abs(step).max()) < 1e-12:
            break
    return factors


def log_loss(probabilities: Floats, outcomes: Integers, weights: Floats | None = None) -> float:
    """Mean logistic loss, weighted."""
    p = np.clip(probabilities, 1e-12, 1 - 1e-12)
    losses = -(outcomes * np.log(p) + (1 - outcomes) * np.log(1 - p))
    return float(np.average(losses, weights=weights))


def best_kind(folds: Sequence[Scored]) -> tuple[Kind, dict[Kind, float]]:
    """The kind of curve that, fitted on earlier folds, loses least on the next one.

    A curve that bends must beat the line by more than the standard error of the difference between folds.

    Arguments:
        folds: in the order of time.
    Returns:
        The kind, and the mean loss of each.
    """
    kinds: tuple[Kind, ...] = ("line", "beta", "isotonic")
    losses: dict[Kind, list[float]] = {kind: [] for kind in kinds}
    for number, own in enumerate(folds[1:], start=1):
        before = Scored.lately(folds[:number])
        for kind in kinds:
            probabilities = fit_curve(kind, before).probabilities(own.margins)
            losses[kind].append(log_loss(probabilities, own.outcomes, own.weights))
    mean = {kind: float(np.mean(found)) if found else 0.0 for kind, found in losses.items()}
    best: Kind = "line"
    for kind in kinds[1:]:
        gain = np.array(losses["line"]) - np.array(losses[kind])
        error = float(gain.std(ddof=1) / np.sqrt(len(gain))) if len(gain) > 1 else np.inf
        if len(gain) and float(gain.mean()) > error and mean[kind] < mean[best]:
            best = kind
    return best, mean
