"""Tuning with Optuna: TPE over forward folds, trials that fall behind after a fold are cut short."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray

from models.calibration import fit_calibration
from models.training.dataset import Dataset
from models.training.splits import Fold

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trial:
    """A setting that was tried: its loss is the mean calibrated log loss over the forward folds (inf where cut short)."""

    number: int
    parameters: dict[str, Any]
    loss: float


def tune(
    margins: Callable[[dict[str, Any], Fold], Floats], dataset: Dataset, folds: list[Fold], trials: int, seed: int,
    progress: Callable[[int, int], None],
) -> list[Trial]:  # fmt: skip
    """Try settings and return them all.

    Arguments:
        margins: gives a fold's validation margins for a setting.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: optuna.Trial) -> float:
        parameters = _suggest(trial)
        losses: list[float] = []
        for number, fold in enumerate(folds):
            losses.append(_loss(margins(parameters, fold), dataset.outcomes[fold.valid]))
            trial.report(float(np.mean(losses)), number)
            if trial.should_prune():
                raise optuna.TrialPruned
        return float(np.mean(losses))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(
            direction="minimize",
            sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=0),
        )
    study.enqueue_trial(_DEFAULTS)
    study.optimize(objective, n_trials=trials, callbacks=[lambda s, _trial: progress(len(s.trials), trials)])
    complete = optuna.trial.TrialState.COMPLETE
    return [
        Trial(t.number, dict(t.params), float(t.value) if t.state == complete and t.value is not None else float("inf"))
        for t in study.trials
    ]


_DEFAULTS = {
    "rounds": 200, "learning_rate": 0.04, "num_leaves": 15, "min_data_in_leaf": 80, "feature_fraction": 0.5,
    "bagging_fraction": 0.8, "lambda_l2": 5.0,
}  # fmt: skip


def _suggest(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "rounds": trial.suggest_int("rounds", 60, 500, step=20),
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.1, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 4, 48, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 10, 300, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 50.0, log=True),
    }


def _loss(margins: Floats, outcomes: NDArray[np.int64]) -> float:
    """Log loss after a straight line: a setting is not blamed for a shift of the base rate that calibration mends."""
    p = np.clip(fit_calibration(margins, outcomes).probabilities(margins), 1e-12, 1 - 1e-12)
    return float(-np.mean(outcomes * np.log(p) + (1 - outcomes) * np.log(1 - p)))
