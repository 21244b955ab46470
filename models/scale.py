"""Points: score = offset + factor * log-odds, and whole points that add up to the score exactly."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from calibrated log-odds to points. A negative factor makes greater scores better."""

    offset: float
    factor: float

    def score(self, log_odds: float) -> int:
        """The score in whole points."""
        return round(self.offset + self.factor * log_odds)


def scale_through(score: int, odds: float, points_to_double: int) -> Scale:
    """The scale that gives `score` at `odds`, and `points_to_double` more where the odds double."""
    factor = points_to_double / log(2)
    return Scale(score - factor * log(odds), factor)


CREDIT_SCALE = scale_through(1600, 1 / 20, -60)
"""Enterprise credit on the scale of Hangzhou's pilot zone (1000-2000, greater is better): 1600 at odds of 1 to 20."""
RISK_SCALE = scale_through(500, 1 / 9, 50)
"""Shipment risk (greater is riskier): 500 at a probability of 10 %, 50 more doubles the odds."""


def whole_points(parts: Sequence[float], total: int) -> list[int]:
    """Round parts to whole points that add up to a total, by largest remainder; ties go to the earlier part.

    Arguments:
        parts: shares in points, adding up to the total but for rounding.
        total: what the whole points must add up to.
    """
    points = [floor(part) for part in parts]
    missing = total - sum(points)
    by_remainder = sorted(range(len(parts)), key=lambda place: (points[place] - parts[place], place))
    for turn in range(abs(missing)):
        place = by_remainder[turn % len(parts)] if missing > 0 else by_remainder[-1 - turn % len(parts)]
        points[place] += 1 if missing > 0 else -1
    return points
