"""From probabilities to yes and no: a threshold chosen on forward folds, and how good the answers are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.training.dataset import Dataset
from models.training.train import plan_of
from models.training.tuning import chosen

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Flagged:
    """How good a yes (from `threshold` on) or no is: the mean of both outcomes' F1, and the share of right answers."""

    threshold: float
    macro_f1: float
    accuracy: float

    def flat(self) -> dict[str, float]:
        """The figures by name."""
        return {"macro_f1": self.macro_f1, "accuracy": self.accuracy, "threshold": self.threshold}


def flagged(outcomes: Integers, probabilities: Floats, threshold: float) -> Flagged:
    """The figures of answers.

    Arguments:
        outcomes: 0 or 1, shape (n,).
        probabilities: shape (n,); those of at least `threshold` are a yes.
    """
    yes, hit = probabilities >= threshold, outcomes == 1
    both, none, wrong = int((yes & hit).sum()), int((~yes & ~hit).sum()), int((yes != hit).sum())
    return Flagged(threshold, (_f1(both, wrong) + _f1(none, wrong)) / 2, (both + none) / len(outcomes))


def best_threshold(outcomes: Integers, probabilities: Floats) -> float:
    """The probability from which on a yes gives the greatest macro-F1; the lowest of several that are equally good.

    Arguments:
        outcomes: 0 or 1, shape (n,), both present.
        probabilities: shape (n,), of rows that were not learned from.
    """
    order = np.argsort(probabilities, kind="stable")
    ascending, hit = probabilities[order], outcomes[order] == 1
    # a yes for all from place k on: hits among them, clean rows before them, and the wrong ones on either side
    both = hit.sum() - np.concatenate([[0], np.cumsum(hit)[:-1]])
    none = np.concatenate([[0], np.cumsum(~hit)[:-1]])
    wrong = len(hit) - both - none
    first = np.concatenate([[True], ascending[1:] != ascending[:-1]])  # rows of one probability stay together
    score = np.where(first, 2 * both / (2 * both + wrong) + 2 * none / (2 * none + wrong), -1.0)
    return float(ascending[int(np.argmax(score))])


def fold_threshold(bundle: Bundle, dataset: Dataset, *, folds: int = 4, threads: int = 1) -> float:
    """The threshold that was best on forward folds of the training data, by the model's own settings and calibration.

    Arguments:
        dataset: what the model was trained on.
    """
    plan = plan_of(dataset, folds=folds, seed=int(bundle.manifest.parameters["seed"]), threads=threads)
    setting = plan.fixed | chosen(bundle.manifest.parameters)
    margins, outcomes = [], []
    for fold in plan.folds:
        judged = np.flatnonzero(fold.valid)
        booster = plan.cases.fit(np.flatnonzero(fold.train), setting)
        margins.append(plan.cases.margins(booster, judged, threads))
        outcomes.append(dataset.outcomes[judged])
    return best_threshold(np.concatenate(outcomes), bundle.manifest.curve.probabilities(np.concatenate(margins)))


def _f1(right: int, wrong: int) -> float:
    """F1 of one outcome: twice its right answers over those and all wrong ones of either kind; 0 where there is neither."""
    return 2 * right / (2 * right + wrong) if right + wrong else 0.0
