"""Whom an office inspects: by statutory level, at random, or by rules up to the day's capacity."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from data.simulator.draws import Bools, Floats, Ints
from data.simulator.firms import LEVELS
from data.simulator.laws import Inspection

REASONS = (
    "random", "rule:statutory_level", "rule:price_gap", "rule:weight_gap", "rule:new_firm", "rule:payment_differs",
    "rule:missing_document", "rule:waybill_reuse", "rule:recent_hits",
)  # fmt: skip
"""Why a declaration was selected, by number."""
NOT_SELECTED = -1
_FIRST_RULE = REASONS.index("rule:price_gap")
_MINIMUM_HISTORY = 10


@dataclass(frozen=True, slots=True)
class Sight:
    """What an officer sees of some declarations. All arrays: shape (declarations,).

    `price`: logarithm of the declared price a gram. `weight_ratio`: waybill over declared gross mass, 1 where unknown.
    `noise`: a number from 0 to 1 by which equal cases take turns.
    """

    pair: Ints
    is_export: Bools
    price: Floats
    weight_ratio: Floats
    is_new: Bools
    payment_differs: Bools
    paper_missing: Bools
    waybill_reused: Bools
    has_recent_hits: Bools
    level: Ints
    noise: Floats


class Prices:
    """Mean logarithm of the price of each pair of HS code and origin, over all earlier days."""

    def __init__(self, pairs: int) -> None:
        self._sum, self._count = np.zeros(pairs), np.zeros(pairs)

    def gap(self, pair: Ints, price: Floats) -> Floats:
        """How far prices lie above the mean; 0 where there are too few earlier ones."""
        mean = self._sum[pair] / np.maximum(self._count[pair], 1)
        return np.where(self._count[pair] >= _MINIMUM_HISTORY, price - mean, 0.0)

    def add(self, pair: Ints, price: Floats) -> None:
        """The day's prices count from now on."""
        self._sum += np.bincount(pair, price, len(self._sum))
        self._count += np.bincount(pair, minlength=len(self._count))


def points_of(law: Inspection, prices: Prices, seen: Sight) -> Floats:
    """Points of each rule, at 1 and above where it fires. Shape (rules, declarations), rules in the order of `REASONS`."""
    gap = prices.gap(seen.pair, seen.price)

    def turns(fires: Bools, bounds: tuple[float, float]) -> Floats:
        return fires * (bounds[0] + (bounds[1] - bounds[0]) * seen.noise)

    return np.stack(
        [
            np.where(seen.is_export, gap, -gap) / law.price_gap,
            np.abs(seen.weight_ratio - 1.0) / law.weight_gap,
            turns(seen.is_new, law.new_firm_points),
            turns(seen.payment_differs, law.paper_points),
            turns(seen.paper_missing, law.paper_points),
            turns(seen.waybill_reused, law.paper_points),
            turns(seen.has_recent_hits, law.history_points),
        ]
    )


def select(law: Inspection, points: Floats, level: Ints, rng: Generator) -> tuple[Ints, Ints]:
    """Select among one day's declarations.

    Returns:
        Number in `REASONS` or `NOT_SELECTED`, and the permille with which this reason selects such a declaration.
    """
    size = len(level)
    permille_of = np.zeros(len(LEVELS), dtype=np.int64)
    permille_of[LEVELS.index("dishonest")] = law.dishonest_permille
    permille_of[LEVELS.index("seriously_dishonest")] = law.seriously_dishonest_permille
    reason = np.full(size, NOT_SELECTED)
    permille = np.zeros(size, dtype=np.int64)
    best = points.max(axis=0)
    certified = (level == LEVELS.index("certified")) | (level == LEVELS.index("advanced_certified"))
    # The law grants certified firms fewer inspections: a rule must speak louder there.
    fires = np.flatnonzero(best >= np.where(certified, law.certified_points, 1.0))
    capacity = int(np.ceil(law.rule_share * size))
    ruled = fires[np.argsort(-best[fires], kind="stable")[:capacity]]
    reason[ruled] = _FIRST_RULE + points[:, ruled].argmax(axis=0)
    permille[ruled] = 1000
    drawn = (permille_of[level] == 0) & (rng.random(size) < law.random_share)
    reason[drawn], permille[drawn] = REASONS.index("random"), round(law.random_share * 1000)
    listed = rng.random(size) * 1000 < permille_of[level]
    reason[listed] = REASONS.index("rule:statutory_level")
    permille[listed] = permille_of[level[listed]]
    return reason, permille
