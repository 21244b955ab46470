"""Splits in the order of time: a fold learns only from outcomes that were known before its validation begins."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.errors import TooFewLabelsError
from models.training.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Fold:
    """Masks of shape (n,): what to learn from and what to validate on."""

    train: NDArray[np.bool_]
    valid: NDArray[np.bool_]


def forward_folds(dataset: Dataset, count: int = 4, *, first_share: float = 0.4) -> list[Fold]:
    """Folds that walk forward: each validates on the next stretch and learns from all that was known before it.

    Arguments:
        dataset: n questions in the order of time.
        count: how many folds.
        first_share: the share of questions before the first validation begins.
    Raises:
        TooFewLabelsError: where no fold has both outcomes on both sides.
    """
    edges = np.quantile(dataset.asked_at, np.linspace(first_share, 1.0, count + 1), method="higher")
    folds = []
    for number in range(count):
        begin, end = int(edges[number]), int(edges[number + 1])
        last = number == count - 1
        valid = (dataset.asked_at >= begin) & ((dataset.asked_at <= end) if last else (dataset.asked_at < end))
        train = (dataset.known_at <= begin) & (dataset.asked_at < begin)
        if all(0 < int(dataset.outcomes[side].sum()) < int(side.sum()) for side in (train, valid)):
            folds.append(Fold(train, valid))
    if not folds:
        raise TooFewLabelsError(
            "no stretch of time has hits and clean outcomes both before and within it; import more results"
        )
    return folds
