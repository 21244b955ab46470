"""Challengers on the very folds of a model, so that their figures stand beside its own."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from data.errors import TooFewLabelsError
from models.challengers.rules import shipped_rules
from models.challengers.scorecard import fit_scorecard
from models.training.dataset import Dataset
from models.training.splits import Fold

Floats = NDArray[np.float64]
_CARD_ROWS = 25_000
"""A scorecard of a fold learns from no more cases, evenly over time: its few bins are as good as they get by then."""


def compare(
    dataset: Dataset, folds: Sequence[Fold], *, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> dict[str, Floats]:
    """What each challenger says of the rows that the folds validate on; greater is riskier.

    The scorecard of a fold learns from nothing but what that fold may learn from; rules learn nothing. Nothing is drawn, so there
    is no seed.

    Arguments:
        folds: as `models.training.splits.forward_folds` gives them.
        progress: called with folds done and their total.
    Returns:
        Scores by challenger, of m rows, fold by fold in the order of the dataset: log-odds of the scorecard where each fold has
        outcomes enough for one, and points of the rules where any rule speaks of these features.
    """
    found: dict[str, Floats] = {}
    with suppress(TooFewLabelsError):
        found["scorecard"] = _by_card(dataset, folds, progress)
    if (rules := shipped_rules(dataset.features)).rules:
        rows = np.concatenate([np.flatnonzero(fold.valid) for fold in folds])
        found["rules"] = rules.scores(dataset.columns)[rows].astype(np.float64)
    return found


def _by_card(dataset: Dataset, folds: Sequence[Fold], progress: Callable[[int, int], None]) -> Floats:
    scores = []
    for done, fold in enumerate(folds):
        learned = np.flatnonzero(fold.train)
        step = -(-len(learned) // _CARD_ROWS)
        card = fit_scorecard(dataset.take(learned[::step]))
        asked = [one.name for one in card.characteristics]
        scores.append(card.log_odds({name: dataset.columns[name][fold.valid] for name in asked}))
        progress(done + 1, len(folds))
    return np.concatenate(scores)
