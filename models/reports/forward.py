"""Forward folds with everything chosen before them: each is a training of its own, tuned on what was known by then."""

from collections.abc import Callable

import numpy as np

from data.times import show
from models.evaluation.metrics import measure
from models.reports.labelled import Line
from models.reports.typology import scored_rows
from models.training.dataset import Dataset
from models.training.splits import forward_folds
from models.training.train import train
from models.training.tuning import Budget

Progress = Callable[[int, int], None]


def forward_lines(
    scored: str, dataset: Dataset, *, folds: int, trials: int, threads: int, progress: Progress, seed: int = 7
) -> list[Line]:
    """The figures of each fold, and of all together.

    The model of a fold is tuned, calibrated and fitted on what was known before the fold begins and on nothing else: the
    folds of its own tuning lie before it.

    Arguments:
        scored: what the lines are called.
        dataset: n questions in the order of time.
    Returns:
        A line a fold, named by its first day, and one of all folds by calibrated probabilities.
    Raises:
        TooFewLabelsError: where no fold has both outcomes on both sides, or what came before one is too little to train on.
    """
    split = forward_folds(dataset, folds)
    lines, given = [], []
    for number, fold in enumerate(split):
        bundle = train("shipment", dataset.rows(fold.train), budget=Budget(trials), seed=seed, threads=threads).bundle
        valid = dataset.rows(fold.valid)
        given.append(scored_rows(bundle, bundle.encoder.rows(valid.columns)))
        first_day = show(int(valid.asked_at.min()))[:10]
        lines.append(Line(scored, f"from {first_day}", measure(valid.outcomes, given[-1])))
        progress(number + 1, len(split))
    together = np.concatenate([dataset.outcomes[fold.valid] for fold in split])
    return [Line(scored, "all folds", measure(together, np.concatenate(given))), *lines]
