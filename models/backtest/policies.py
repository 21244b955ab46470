"""Selection policies: by what they rank, and what part of their budget they explore with."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from data.errors import BacktestError
from models.backtest.exploration import Drifting, draw, inclusion

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]
Ranking = Literal["random", "value", "rules", "probability", "recovery"]
_RANKINGS: tuple[Ranking, ...] = get_args(Ranking)
_FORM = re.compile(rf"({'|'.join(_RANKINGS)})(?:\+(\d{{1,2}})%|\+(drift))?")


@dataclass(frozen=True, slots=True)
class BacktestPolicy:
    """A policy: it ranks by one thing and draws a share of its budget from what it would not have selected.

    Attributes:
        ranking: by nothing (`random`), declared `value`, the office's points (`rules`), `probability` of a violation, or expected
            `recovery`.
        explore: the share drawn, in [0, 1], or how it follows drift.
    """

    name: str
    ranking: Ranking
    explore: float | Drifting

    @property
    def learns(self) -> bool:
        """Whether it needs a model."""
        return self.ranking in ("probability", "recovery")


SHIPPED = (
    "random", "value", "rules", "probability", "probability+5%", "probability+10%", "probability+20%",
    "recovery", "recovery+5%", "recovery+10%", "recovery+20%", "recovery+drift",
)  # fmt: skip
"""The policies that are compared unless others are named."""


def policy_of(name: str) -> BacktestPolicy:
    """A policy by its name: a ranking, and behind a plus the share explored: `recovery+10%`, `recovery+drift`.

    Raises:
        BacktestError: where the name is none.
    """
    match = _FORM.fullmatch(name)
    if match is None:
        raise BacktestError(
            f"policy {name!r} is none; write a ranking (random, value, rules, probability, recovery), if wanted with "
            "the share explored: recovery+10% or recovery+drift"
        )
    said, share, drifts = match.groups()
    ranking = next(one for one in _RANKINGS if one == said)
    explore: float | Drifting = Drifting() if drifts else int(share or 0) / 100
    return BacktestPolicy(name, ranking, 1.0 if ranking == "random" else explore)


@dataclass(frozen=True, slots=True)
class Selection:
    """What is inspected of n declarations.

    Attributes:
        places: in ascending order, shape (k,).
        explored: whether each was drawn, shape (k,).
        inclusion: the probability with which it was selected, given all that was known, shape (k,).
    """

    places: Integers
    explored: Bools
    inclusion: Floats

    def __len__(self) -> int:
        return len(self.places)


def select(scores: Floats, sizes: Floats, budget: int, explored: int, rng: Generator) -> Selection:
    """Take the best by score, and draw the rest of the budget from the others.

    Arguments:
        scores: greater is inspected first, shape (n,). Ties take turns at random.
        sizes: what the draw's probabilities are in proportion to, above 0, shape (n,).
        budget: how many are inspected; all where there are no more.
        explored: how many of them are drawn.
    """
    budget = min(budget, len(scores))
    best = np.lexsort((rng.random(len(scores)), -scores))[: budget - min(explored, budget)]
    others = np.setdiff1d(np.arange(len(scores)), best)
    chance = inclusion(sizes[others], budget - len(best)) if budget > len(best) else np.zeros(len(others))
    drawn = draw(chance, rng) if budget > len(best) else np.empty(0, dtype=np.int64)
    places = np.concatenate([best, others[drawn]]).astype(np.int64)
    order = np.argsort(places)
    is_drawn = np.r_[np.zeros(len(best), dtype=bool), np.ones(len(drawn), dtype=bool)]
    return Selection(places[order], is_drawn[order], np.r_[np.ones(len(best)), chance[drawn]][order])
