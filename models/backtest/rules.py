"""The rules that an office works by without any model, as points from features."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.batch import Values

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OfficeRule:
    """A rule on the size of a feature.

    Attributes:
        bound: it fires from here on; with `below`, for lesser values. A missing value never fires.
        points: what it then says; None: the value over the bound, at most `_LOUDEST`.
    """

    feature: str
    bound: float
    points: float | None
    below: bool = False

    def says(self, values: Floats) -> Floats:
        """Its points for n values, shape (n,); those below 1 only order what no rule fires for."""
        size = np.abs(values)
        if self.points is None:
            return np.clip(np.nan_to_num(size) / self.bound, 0.0, _LOUDEST)
        return np.where(size < self.bound if self.below else size >= self.bound, self.points, 0.0)


_LOUDEST = 2.0
OFFICE_RULES = (
    OfficeRule("match_mass_gap", 80, None),        # permille of the declared mass
    OfficeRule("firm_age_days", 60, 1.1, below=True),
    OfficeRule("match_paid_gap", 10, 1.3),         # permille
    OfficeRule("match_value_gap", 20, 1.3),        # permille
    OfficeRule("match_missing", 1, 1.3),
    OfficeRule("waybill_declared_before_180d", 1, 1.3),
    OfficeRule("hits_365d", 2, 1.15),
)  # fmt: skip
_PRICE, _DEVIATIONS = "price_score_hs_origin_365d", 2.0
_MORE = 0.2
"""What each further rule that fires adds."""


def rule_points(columns: Mapping[str, Values]) -> Floats:
    """Points of the rules for n shipments: the loudest rule, and something for each that fires. Shape (n,).

    Prices speak where they lie far below the history of their goods for imports, far above it for exports.
    """
    price = np.nan_to_num(columns[_PRICE].astype(np.float64))
    side = np.where(columns["direction"] == "export", 1.0, -1.0)
    said = [np.clip(side * price / _DEVIATIONS, 0.0, _LOUDEST)]
    said += [rule.says(columns[rule.feature].astype(np.float64)) for rule in OFFICE_RULES]
    points = np.stack(said)
    result: Floats = points.max(axis=0) + _MORE * (points >= 1).sum(axis=0)
    return result
