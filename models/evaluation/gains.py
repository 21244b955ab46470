"""Gains and lift: what inspecting the riskiest finds and recovers, beside inspecting at random."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.weighted import BUDGETS, Ranking

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Gain:
    """What the riskiest share of all rows holds.

    Attributes:
        share: of rows inspected. taken: how many rows that is (of the population, where weights say so).
        hits, recall: violations among them, and as a share of all. precision: share of them that are violations.
        lift: how many times as many as at random.
        recovered_fen, recovered: duty among them, and as a share of all (NaN where none was recovered at all).
    """

    share: float
    taken: float
    hits: float
    precision: float
    recall: float
    lift: float
    recovered_fen: float
    recovered: float


def gains(
    ranking: Ranking, outcomes: Integers, recovered_fen: Integers, weights: Floats, budgets: Sequence[float] = BUDGETS
) -> tuple[Gain, ...]:
    """Gains at each budget.

    Arguments:
        outcomes: 0 or 1, shape (n,). recovered_fen: duty that each inspection recovered, shape (n,).
        weights: how many rows each stands for, shape (n,).
    """
    curve, duty = ranking.curve(outcomes, weights), ranking.sums(weights * recovered_fen)
    rate = float(curve.hits[-1] / curve.total[-1])
    result = []
    for share in budgets:
        (hits, taken), (fen, _) = curve.at(share), curve.at(share, duty)
        result.append(
            Gain(
                share, taken, hits, hits / taken, _ratio(hits, curve.hits[-1]), _ratio(hits / taken, rate), fen,
                _ratio(fen, duty[-1]),
            )
        )  # fmt: skip
    return tuple(result)


def gains_line(ranking: Ranking, values: Floats, weights: Floats, points: int = 101) -> tuple[Floats, Floats]:
    """Share of a sum (hits, duty) by share of rows inspected, both of shape (points,); NaN where the sum is 0."""
    total, sums = ranking.sums(weights), ranking.sums(weights * values)
    at = np.linspace(0, 1, points)
    return at, np.interp(at * total[-1], total, sums) / (sums[-1] if sums[-1] > 0 else np.nan)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else np.nan
