"""Figures of rows that stand for several: a weight of two counts as two equal rows, equal scores as their expectation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
BUDGETS = (0.01, 0.02, 0.05, 0.10, 0.20)
"""Shares of shipments that an office may be able to inspect."""
_LEAST = 1e-15


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """n rows from the riskiest down; equal scores are one of k steps, so that no order of rows flatters.

    Attributes:
        order: places of the rows, shape (n,).
        ends: how many rows each step and those above it have, shape (k,).
        step: the step of each row, in the rows' own order, shape (n,).
    """

    order: Integers
    ends: Integers
    step: Integers

    @classmethod
    def of(cls, scores: Floats) -> "Ranking":
        """The ranking by scores of shape (n,), greater is riskier."""
        order = np.argsort(-scores, kind="stable")
        falls = np.diff(scores[order]) != 0
        step = np.empty(len(scores), dtype=np.int64)
        step[order] = np.concatenate(([0], np.cumsum(falls)))
        return cls(order, np.append(np.flatnonzero(falls) + 1, len(scores)), step)

    def sums(self, values: Floats) -> Floats:
        """Sums of values of shape (n,) over the first 0, 1, ... k steps, shape (k + 1,)."""
        down = np.cumsum(values[self.order])[self.ends - 1]
        return np.concatenate(([0.0], down))

    def selected(self, weights: Floats, share: float) -> Floats:
        """How far each row is among the riskiest share of the weight: 1 or 0, in between on the step at the edge, shape (n,)."""
        total = self.sums(weights)
        room = _room(float(total[-1]), share)
        inside = np.clip(room - total[:-1], 0.0, np.diff(total))
        part: Floats = np.divide(inside, np.diff(total), out=np.zeros(len(inside)), where=np.diff(total) > 0)
        return part[self.step]

    def curve(self, outcomes: Integers, weights: Floats) -> "Curve":
        """Weight and hits down the ranking.

        Arguments:
            outcomes: 0 or 1, shape (n,).
            weights: how many rows each stands for, at least 0, shape (n,).
        """
        return Curve(self.sums(weights), self.sums(weights * outcomes))


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Weight and hits over the first 0, 1, ... k steps of a ranking, each of shape (k + 1,)."""

    total: Floats
    hits: Floats

    @property
    def auc(self) -> float:
        """Probability that a hit ranks above a clean outcome, equal ranks counted half; NaN where one of them is missing."""
        hits, clean = np.diff(self.hits), self.total - self.hits
        below = clean[-1] - (clean[:-1] + clean[1:]) / 2
        pairs = float(self.hits[-1] * clean[-1])
        return float(hits @ below / pairs) if pairs > 0 else np.nan

    @property
    def average_precision(self) -> float:
        """Mean precision at the hits; NaN where there are none."""
        if not self.hits[-1] > 0:
            return np.nan
        precision = np.divide(self.hits, self.total, out=np.zeros(len(self.total)), where=self.total > 0)
        return float(np.diff(self.hits) @ precision[1:] / self.hits[-1])

    def at(self, share: float, sums: Floats | None = None) -> tuple[float, float]:
        """Hits (or other sums down the ranking) among the riskiest share of the weight, and how much weight that is."""
        room = _room(float(self.total[-1]), share)
        return float(np.interp(room, self.total, self.hits if sums is None else sums)), room


def _room(total: float, share: float) -> float:
    """A share of a weight in whole rows, as an office would count them."""
    return float(min(total, max(1.0, np.ceil(total * share))))


def figures(
    ranking: Ranking, outcomes: Integers, probabilities: Floats | None, weights: Floats,
    shares: Sequence[float] = BUDGETS,
) -> dict[str, float]:  # fmt: skip
    """Figures of a ranking and of its probabilities, by the names under which they are logged; see `reliability` for their
    calibration.

    Arguments:
        outcomes: 0 or 1, shape (n,).
        probabilities: as stated, shape (n,); None for mere ranks, which have no Brier score.
        weights: how many rows each stands for, shape (n,): one over the probability of inspection for the population,
            self-normalised (Hájek 1971), since each figure is a ratio of weighted sums.
    """
    curve = ranking.curve(outcomes, weights)
    named = {"auc": curve.auc, "average_precision": curve.average_precision}
    found = float(curve.hits[-1])
    for share in shares:
        hits, taken = curve.at(share)
        named[f"precision_at_{share * 100:g}pct"] = hits / taken
        named[f"recall_at_{share * 100:g}pct"] = hits / found if found > 0 else np.nan
    if probabilities is None:
        return named
    total = float(curve.total[-1])
    said = np.clip(np.where(outcomes == 1, probabilities, 1 - probabilities), _LEAST, 1.0)
    named["brier"] = float(weights @ (probabilities - outcomes) ** 2 / total)
    named["log_loss"] = float(-(weights @ np.log(said)) / total)
    return named


def tenths(ranking: Ranking, weights: Floats, bins: int = 10) -> Integers:
    """The bin of each row, of bins with about equal weight from the riskiest down; equal scores stay together, shape (n,)."""
    total = ranking.sums(weights)
    middle = (total[:-1] + total[1:]) / 2
    place = np.minimum((middle / total[-1] * bins).astype(np.int64), bins - 1)
    return np.asarray(place[ranking.step])


def calibration_error(
    ranking: Ranking, outcomes: Integers, probabilities: Floats, weights: Floats, bins: int = 10
) -> float:
    """Expected calibration error: mean distance of stated and found share over bins of equal weight (Naeini et al. 2015)."""
    place = tenths(ranking, weights, bins)
    off = np.bincount(place, weights * (probabilities - outcomes), minlength=bins)
    return float(np.abs(off).sum() / weights.sum())
