"""Training: tune on forward folds, calibrate on what those folds never learned from, refit on everything, bundle.

The same data, seed and budget give the same bundle digest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from features.catalogue import digest
from models.bundle import FORMAT, Bundle, Manifest, make_bundle
from models.calibration import fit_calibration
from models.encoding import Encoder, fit_encoder
from models.evaluation.metrics import Metrics, measure
from models.scale import CREDIT_SCALE, RISK_SCALE
from models.training.dataset import Dataset, demand_labels
from models.training.splits import Fold, forward_folds
from models.training.tuning import Trial, tune

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Folded:
    """What the forward folds said of what they had not learned from: m rows of the dataset, fold by fold.

    Attributes:
        rows: their places in the dataset. fold: which fold validated them.
        margins: of the fold's model.
        probabilities: calibrated by the folds before, as it would have been in use.
    """

    rows: Integers
    fold: Integers
    margins: Floats
    probabilities: Floats


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model: its bundle, its figures on the forward folds, and what the figures were made from."""

    bundle: Bundle
    dataset: Dataset
    metrics: Metrics
    trials: list[Trial]
    folded: Folded
    importance: dict[str, float]

    @property
    def outcomes(self) -> Integers:
        """The outcomes of the folded rows, shape (m,)."""
        return self.dataset.outcomes[self.folded.rows]

    @property
    def weights(self) -> Floats:
        """How many shipments each of the folded rows stands for, shape (m,)."""
        return self.dataset.weights[self.folded.rows]


def fixed_parameters(dataset: Dataset, encoder: Encoder, *, seed: int, threads: int) -> dict[str, Any]:
    """LightGBM's parameters that are not tuned: what the law demands, and what makes a run repeatable."""
    directions = [feature.direction for feature in dataset.features.features]
    parameters: dict[str, Any] = {
        "objective": "binary", "verbosity": -1, "seed": seed, "deterministic": True, "force_row_wise": True,
        "num_threads": threads, "bagging_freq": 1, "cat_smooth": 20.0, "max_cat_to_onehot": 4,
        "categorical_feature": encoder.categories,
    }  # fmt: skip
    if any(directions):
        parameters["monotone_constraints"] = directions
        parameters["monotone_constraints_method"] = "advanced"
    return parameters


def fit(matrix: Floats, outcomes: NDArray[np.int64], parameters: dict[str, Any]) -> lightgbm.Booster:
    """A booster on a matrix of shape (n, features). `parameters` holds `rounds` beside LightGBM's own."""
    own = {name: value for name, value in parameters.items() if name not in ("rounds", "categorical_feature")}
    data = lightgbm.Dataset(
        matrix,
        outcomes,
        categorical_feature=parameters["categorical_feature"],
        params={"verbosity": -1},
        free_raw_data=True,
    )
    return lightgbm.train(own, data, num_boost_round=parameters["rounds"])


def train(
    model: str, dataset: Dataset, *, trials: int = 20, folds: int = 4, seed: int = 7, threads: int = 1,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Trained:  # fmt: skip
    """Train a model on a dataset.

    Arguments:
        model: `credit` or `shipment`.
        trials: how many parameter settings to try.
        progress: called with trials done and their total.
    Raises:
        TooFewLabelsError: where outcomes are too few.
    """
    demand_labels(dataset)
    split = forward_folds(dataset, folds)
    encoder = fit_encoder(dataset.features, dataset.columns)
    fixed = fixed_parameters(dataset, encoder, seed=seed, threads=threads)
    matrix = encoder.rows(dataset.columns)
    tried = tune(
        lambda own, fold: _fold_margins(matrix, dataset, fold, fixed | own), dataset, split, trials, seed, progress
    )
    best = min(tried, key=lambda trial: (trial.loss, trial.number))
    parameters = fixed | best.parameters
    margins = [_fold_margins(matrix, dataset, fold, parameters) for fold in split]
    outcomes = np.concatenate([dataset.outcomes[fold.valid] for fold in split])
    calibration = fit_calibration(np.concatenate(margins), outcomes)
    booster = fit(matrix, dataset.outcomes, parameters)
    probabilities = _forward_probabilities(margins, [dataset.outcomes[fold.valid] for fold in split])
    metrics = measure(outcomes, probabilities)
    scale = CREDIT_SCALE if model == "credit" else RISK_SCALE
    kept = {name: value for name, value in parameters.items() if name not in ("num_threads", "verbosity")}
    bundle = make_bundle(
        Manifest(
            format=FORMAT, model=model, feature_set=dataset.features.name, catalogue=digest(dataset.features),
            order=encoder.order, codes=dict(encoder.codes), slope=calibration.slope, intercept=calibration.intercept,
            offset=scale.offset, factor=scale.factor, base_rate=float(dataset.outcomes.mean()),
            trained_until=int(dataset.known_at.max()), snapshot=dataset.snapshot, rows=len(dataset),
            parameters=kept, metrics=metrics.flat(),
        ),
        _portable(booster.model_to_string(num_iteration=-1)),
    )  # fmt: skip
    gain = booster.feature_importance("gain")
    importance = dict(sorted(zip(encoder.order, map(float, gain), strict=True), key=lambda item: -item[1]))
    folded = Folded(
        np.concatenate([np.flatnonzero(fold.valid) for fold in split]),
        np.repeat(np.arange(len(split)), [int(fold.valid.sum()) for fold in split]),
        np.concatenate(margins),
        probabilities,
    )
    return Trained(bundle, dataset, metrics, tried, folded, importance)


def _fold_margins(matrix: Floats, dataset: Dataset, fold: Fold, parameters: dict[str, Any]) -> Floats:
    booster = fit(matrix[fold.train], dataset.outcomes[fold.train], parameters)
    return np.asarray(booster.predict(matrix[fold.valid], raw_score=True, num_threads=parameters["num_threads"]))


def _forward_probabilities(margins: list[Floats], outcomes: list[NDArray[np.int64]]) -> Floats:
    """Each fold calibrated by the folds before it (the first by itself), as it would have been in use."""
    result = []
    for number, own in enumerate(margins):
        upto = max(1, number)
        line = fit_calibration(np.concatenate(margins[:upto]), np.concatenate(outcomes[:upto]))
        result.append(line.probabilities(own))
    return np.concatenate(result)


def _portable(trees: str) -> str:
    """The model's text without the settings of the machine that trained it, so that equal models are equal text."""
    head, _, tail = trees.partition("\nparameters:\n")
    _, _, rest = tail.partition("end of parameters\n")
    return head + "\n" + rest
