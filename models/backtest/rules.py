"""The rules that an office works by without any model, as points from features."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.batch import Values

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OfficeRule:
    """A rule: it fires where its measure of a feature reaches 1, and speaks the louder the further it goes.

    Attributes:
        feature: what it looks at. measure: shape (n,) to shape (n,).
        loudest: beyond this it speaks no louder.
    """

    feature: str
    measure: Callable[[Floats], Floats]
    loudest: float = 2.0


def _below(bound: float) -> Callable[[Floats], Floats]:
    return lambda values: np.where(values < bound, 1.1, 0.0)


OFFICE_RULES = (
    OfficeRule("match_mass_gap", lambda values: np.abs(values) / 80.0),  # permille of the declared mass
    OfficeRule("firm_age_days", _below(60.0)),
    OfficeRule("match_paid_gap", lambda values: np.where(np.abs(values) > 10, 1.3, 0.0)),
    OfficeRule("match_value_gap", lambda values: np.where(np.abs(values) > 20, 1.3, 0.0)),
    OfficeRule("match_missing", lambda values: np.where(values > 0, 1.3, 0.0)),
    OfficeRule("waybill_declared_before_180d", lambda values: np.where(values > 0, 1.3, 0.0)),
    OfficeRule("hits_365d", lambda values: np.where(values >= 2, 1.15, 0.0)),
)
_PRICE, _DIRECTION, _DEVIATIONS = "price_score_hs_origin_365d", "direction", 2.0
_MORE = 0.2
"""What each further rule that fires adds."""


def rule_points(columns: Mapping[str, Values]) -> Floats:
    """Points of the rules for n shipments: the loudest rule, and something for each that fires. Shape (n,).

    Prices speak where they lie far below the history of their goods for imports, far above it for exports.
    """
    price = np.nan_to_num(columns[_PRICE].astype(np.float64))
    side = np.where(columns[_DIRECTION] == "export", 1.0, -1.0)
    said = [np.clip(side * price / _DEVIATIONS, 0.0, 2.0)]
    for rule in OFFICE_RULES:
        values = np.nan_to_num(columns[rule.feature].astype(np.float64), nan=np.inf if "age" in rule.feature else 0.0)
        said.append(np.clip(rule.measure(values), 0.0, rule.loudest))
    points = np.stack(said)
    result: Floats = points.max(axis=0) + _MORE * (points >= 1).sum(axis=0)
    return result
