"""Tuning with Optuna: TPE over forward folds; trials that fall behind after a fold are cut short.

A study in memory is repeatable. One in a database is shared: several processes take trials from it, and it goes on where it
stopped.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import optuna

from features.threads import together

Setting = dict[str, Any]
Losses = Callable[[Setting, int], float]
"""Gives the loss of a setting on a fold, by its number."""
_ENDED = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to try settings.

    Attributes:
        trials: at most so many, of all processes together.
        minutes: after so long no new trial begins; None for no limit. A run that time ended is not repeatable.
        storage: the database of a shared study, as a URL; None keeps it in memory.
        study: its name there.
    """

    trials: int = 20
    minutes: float | None = None
    storage: str | None = None
    study: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """A setting that was tried: its loss is the mean calibrated log loss over the forward folds (inf where cut short)."""

    number: int
    parameters: Setting
    loss: float


@dataclass(frozen=True, slots=True)
class Tuned:
    """All trials of a study, and how much each parameter mattered (shares that add up to 1; empty where too few tell)."""

    trials: tuple[Trial, ...]
    importance: dict[str, float]

    @property
    def best(self) -> Trial:
        """The trial of least loss, the earlier of two."""
        return min(self.trials, key=lambda trial: (trial.loss, trial.number))


def tune(
    losses: Losses, folds: int, budget: Budget, *, weighted: bool, days: float, seed: int, is_large: bool = False,
    threads: int = 1, progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Tuned:  # fmt: skip
    """Try settings.

    Arguments:
        folds: how many there are.
        weighted: whether probabilities of inspection are known and differ.
        days: how long the training data reach back.
        is_large: whether a fold has so many cases that its loss is sure: only the best quarter of trials goes on then, else half.
        threads: how many folds are looked at at once; what is found is the same.
        progress: called with trials done and their total.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: optuna.Trial) -> float:
        setting = _suggest(trial, weighted=weighted, days=days)
        found: list[float] = []
        for begin in range(0, folds, threads):
            numbers = range(begin, min(begin + threads, folds))
            for number, loss in zip(numbers, together(partial(losses, setting), numbers, threads), strict=True):
                found.append(loss)
                trial.report(float(np.mean(found)), number)
                if trial.should_prune():
                    raise optuna.TrialPruned
        return float(np.mean(found))

    def stop(study: optuna.Study, _trial: optuna.trial.FrozenTrial) -> None:
        done = len(study.get_trials(deepcopy=False, states=_ENDED))
        progress(min(done, budget.trials), budget.trials)
        if done >= budget.trials:
            study.stop()

    study = study_of(budget, seed, is_large=is_large)
    study.enqueue_trial(_defaults(weighted=weighted, days=days), skip_if_exists=True)
    left = budget.trials - len(study.get_trials(deepcopy=False, states=_ENDED))
    if left > 0:
        seconds = None if budget.minutes is None else budget.minutes * 60
        study.optimize(objective, n_trials=left, timeout=seconds, callbacks=[stop])
    complete = optuna.trial.TrialState.COMPLETE
    tried = study.get_trials(deepcopy=False, states=_ENDED)
    return Tuned(
        tuple(
            Trial(t.number, dict(t.params), float(t.value) if t.state == complete and t.value is not None else np.inf)
            for t in tried
        ),
        _importance(study),
    )


def study_of(budget: Budget, seed: int, *, is_large: bool = False) -> optuna.Study:
    """The study of a budget, begun where there is none. Whoever shares one begins it first: its tables can be made only once."""
    kept, whole = (25.0, 3) if is_large else (50.0, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.create_study(
            direction="minimize", study_name=budget.study or None, storage=budget.storage,
            load_if_exists=budget.storage is not None, sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True),
            pruner=optuna.pruners.PercentilePruner(kept, n_startup_trials=whole),
        )  # fmt: skip


def _importance(study: optuna.Study) -> dict[str, float]:
    complete = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if len(complete) < 4 or len({trial.value for trial in complete}) == 1:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(share) for name, share in shares.items()}


def _defaults(*, weighted: bool, days: float) -> Setting:
    own = {"inverse_probability": 0.5} if weighted else {}
    return _DEFAULTS | own | ({"half_life_days": 0} if _half_lives(days) else {})


_DEFAULTS: Setting = {
    "rounds": 200, "learning_rate": 0.04, "num_leaves": 15, "min_data_in_leaf": 80, "feature_fraction": 0.5,
    "bagging_fraction": 0.8, "lambda_l2": 5.0,
}  # fmt: skip


def chosen(parameters: Mapping[str, Any]) -> Setting:
    """What tuning chose, of the parameters that a bundle states: the others say how that version fitted, and to what."""
    return {
        name: parameters[name] for name in (*_DEFAULTS, "inverse_probability", "half_life_days") if name in parameters
    }


def _suggest(trial: optuna.Trial, *, weighted: bool, days: float) -> Setting:
    setting = {
        "rounds": trial.suggest_int("rounds", 60, 500, step=20),
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.1, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 4, 48, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 10, 300, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 50.0, log=True),
    }
    if weighted:
        setting["inverse_probability"] = trial.suggest_categorical("inverse_probability", [0.0, 0.5, 1.0])
    if _half_lives(days):
        setting["half_life_days"] = trial.suggest_categorical("half_life_days", _half_lives(days))
    return setting


def _half_lives(days: float) -> list[int]:
    """Half-lives worth trying: only where the data reach back further than that."""
    found = [length for length in (90, 180, 365, 730) if length < days / 1.5]
    return [0, *found] if found else []
