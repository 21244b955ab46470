"""Exploration: drawing part of the budget with exactly known probabilities, and how large that part is under drift."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_UNIFORM = 0.2
"""The part of every draw that is uniform, so that nothing is beyond reach."""


def inclusion(sizes: Floats, count: int) -> Floats:
    """Probabilities with which a sample of fixed size includes each of n units, in proportion to their sizes.

    Units whose share would exceed 1 are included for certain, and the rest is shared among the others.

    Arguments:
        sizes: above 0, shape (n,).
        count: the sample's size, at most n.
    Returns:
        Probabilities that sum to `count`, shape (n,).
    Source:
        Tille 2006, Sampling Algorithms, section 2.10.
    """
    if count >= len(sizes):
        return np.ones(len(sizes))
    certain = np.zeros(len(sizes), dtype=bool)
    while True:
        left = count - int(certain.sum())
        chance = np.where(certain, 1.0, left * sizes / sizes[~certain].sum())
        grown = ~certain & (chance >= 1.0)
        if not grown.any():
            return chance
        certain |= grown


def draw(chance: Floats, rng: Generator) -> Integers:
    """A sample whose inclusion probabilities are exactly those given: systematic, in random order.

    Arguments:
        chance: probabilities that sum to a whole number, shape (n,).
    Returns:
        The places drawn, in ascending order.
    Source:
        Madow 1949; Tille 2006, section 7.2.
    """
    order = rng.permutation(len(chance))
    reached = np.cumsum(chance[order])
    count = round(float(reached[-1])) if len(reached) else 0
    marks = rng.random() + np.arange(count)
    # rounding may leave the last mark a hair beyond the end
    drawn = np.minimum(np.searchsorted(reached, marks, side="right"), len(chance) - 1)
    return np.sort(order[drawn])


def interest(probabilities: Floats, stake: Floats, seen: Integers) -> Floats:
    """How much an inspection teaches: how uncertain its outcome, how much at stake, how little the firm was looked at lately.

    Arguments:
        probabilities: of a violation, as the model states them, shape (n,).
        stake: duty expected to be recovered if there is a violation, shape (n,).
        seen: recent inspections of the same firm, shape (n,).
    Returns:
        Sizes for `inclusion`, above 0, shape (n,): a part of them is uniform.
    """
    wanted = np.sqrt(probabilities * (1.0 - probabilities)) * stake / np.sqrt(1.0 + seen)
    total = wanted.sum()
    return (
        np.full(len(stake), _UNIFORM / len(stake)) + (1 - _UNIFORM) * wanted / total
        if total > 0
        else np.ones(len(stake))
    )


@dataclass(frozen=True, slots=True)
class Drifting:
    """A share that rises with measured drift.

    Attributes:
        least, most: the share's bounds.
        weeks: how far back drift is measured.
        calm: a drift up to here is chance.
        full: from this drift on the share is at its most.
    """

    least: float = 0.05
    most: float = 0.2
    weeks: int = 8
    calm: float = 1.0
    full: float = 3.0

    def share(self, drift: float) -> float:
        """The share of the budget to explore with."""
        rise = (drift - self.calm) / (self.full - self.calm)
        return self.least + (self.most - self.least) * float(np.clip(rise, 0.0, 1.0))


def drift_of(stated: Floats, found: NDArray[np.bool_]) -> float:
    """How far drawn inspections found more than was stated, in standard deviations.

    The draw is what can see drift: what a model selects itself says nothing of what it has come to overlook.

    Arguments:
        stated: the model's probabilities before the inspections, shape (n,).
        found: what they found, shape (n,).
    Returns:
        0 where nothing was drawn; never negative.
    Source:
        Spiegelhalter 1986 (calibration as a z statistic).
    """
    if not len(stated):
        return 0.0
    p = np.clip(stated, 1e-3, 1 - 1e-3)
    return max(0.0, float((found - p).sum() / np.sqrt((p * (1 - p)).sum())))
