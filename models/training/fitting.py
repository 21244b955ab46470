"""Fitting boosters: one binned matrix for all folds and settings, weights, and what makes a run repeatable."""

from dataclasses import dataclass, replace
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from data.times import DAY
from features.definitions import FeatureSet
from models.encoding import Encoder
from models.training.dataset import Dataset
from models.training.rejects import Inferable, Rejects

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_SCORED = 50_000
OWN = ("rounds", "inverse_probability", "half_life_days")
"""Of a setting, what is ours and not LightGBM's: rounds, the power of the inverse probability of inspection by which a case
weighs, and after how many days it weighs half (0: never)."""


def fixed_parameters(features: FeatureSet, *, seed: int, threads: int) -> dict[str, Any]:
    """LightGBM's parameters that are not tuned: what the law demands, and what makes a run repeatable.

    Column by column each histogram is summed by one thread, so that trees do not depend on how many threads there are; and it
    takes a sixth to a third less time than row by row.
    """
    directions = [feature.direction for feature in features.features]
    parameters: dict[str, Any] = {
        "objective": "binary", "verbosity": -1, "seed": seed, "deterministic": True, "force_col_wise": True,
        "num_threads": threads, "bagging_freq": 1, "cat_smooth": 20.0, "max_cat_to_onehot": 4, "feature_pre_filter": False,
    }  # fmt: skip
    if any(directions):
        parameters["monotone_constraints"] = directions
        parameters["monotone_constraints_method"] = "advanced"
    return parameters


def weights_of(dataset: Dataset, rows: Integers, setting: dict[str, Any]) -> Floats:
    """How much each of some cases weighs in training under a setting, 1 in the mean, shape (rows,)."""
    weights = dataset.weights[rows] ** setting.get("inverse_probability", 0.0)
    half_life = setting.get("half_life_days", 0)
    if half_life:
        age = (dataset.asked_at[rows].max() - dataset.asked_at[rows]) / DAY
        weights = weights * 0.5 ** (age / half_life)
    mean: Floats = weights / weights.mean()
    return mean


@dataclass(frozen=True, slots=True)
class Cases:
    """A dataset ready to fit: its matrix, and the same binned once.

    Attributes:
        matrix: shape (n, features), as the encoder gives it.
        binned: of the n questions, and after them of the rejects.
        rejects: what nobody inspected, to be learned from as well; None where only outcomes teach.
    """

    dataset: Dataset
    encoder: Encoder
    matrix: Floats
    binned: lightgbm.Dataset
    rejects: Inferable | None = None

    def of(self, rows: Integers, fixed: dict[str, Any]) -> "Cases":
        """Some of the cases, binned anew."""
        matrix = self.matrix[rows]
        return replace(
            self, dataset=self.dataset.take(rows), matrix=matrix,
            binned=_binned(self.encoder, matrix, self.rejects, fixed),
        )  # fmt: skip

    def fit(self, rows: Integers, parameters: dict[str, Any], times: Integers | None = None) -> lightgbm.Booster:
        """A booster for violations on some cases.

        Arguments:
            times: how often each counts; once where None.
        """
        weights = weights_of(self.dataset, rows, parameters)
        weights, outcomes = weights if times is None else weights * times, self.dataset.outcomes[rows]
        booster = self._fit(rows, parameters, outcomes, weights)
        if self.rejects is None:
            return booster
        places, chances = self.rejects.inferred(
            booster, int(self.dataset.asked_at[rows].max()), parameters["num_threads"]
        )
        if not len(places):
            return booster
        return self._fit(
            np.concatenate([rows, len(self.dataset) + places]), parameters | {"objective": "cross_entropy"},
            np.concatenate([outcomes, chances]),
            np.concatenate([weights, np.full(len(places), weights.sum() / len(places))]),
        )  # fmt: skip

    def fit_to(self, rows: Integers, parameters: dict[str, Any], target: Floats) -> lightgbm.Booster:
        """A booster for another target of some cases, shape (rows,), each weighing what it stands for."""
        weights = self.dataset.weights[rows]
        return self._fit(rows, parameters, target, weights / weights.mean())

    def _fit(
        self, rows: Integers, parameters: dict[str, Any], target: NDArray[Any], weights: Floats
    ) -> lightgbm.Booster:
        own = {name: value for name, value in parameters.items() if name not in OWN}
        part = self.binned.subset(np.sort(rows).tolist(), params=own).construct()
        order = np.argsort(rows, kind="stable")
        part.set_label(target[order].astype(np.float32))
        part.set_weight(weights[order])
        return lightgbm.train(own, part, num_boost_round=parameters["rounds"])

    def margins(self, booster: lightgbm.Booster, rows: Integers, threads: int) -> Floats:
        """Log-odds of some cases, shape (rows,)."""
        found = np.empty(len(rows))
        for begin in range(0, len(rows), _SCORED):  # so that no copy of all rows is made
            part = slice(begin, begin + _SCORED)
            found[part] = booster.predict(self.matrix[rows[part]], raw_score=True, num_threads=threads)
        return found


def cases_of(dataset: Dataset, encoder: Encoder, fixed: dict[str, Any], rejects: Rejects | None = None) -> Cases:
    """Bin a dataset. Bounds of bins come from all its values; outcomes play no part in them."""
    matrix = encoder.rows(dataset.columns)
    others = None if rejects is None else rejects.encoded(encoder)
    return Cases(dataset, encoder, matrix, _binned(encoder, matrix, others, fixed), others)


def _binned(encoder: Encoder, matrix: Floats, others: Inferable | None, fixed: dict[str, Any]) -> lightgbm.Dataset:
    whole = matrix if others is None else np.concatenate([matrix, others.matrix])
    names = ("verbosity", "seed", "num_threads", "feature_pre_filter", "max_bin")
    binned = lightgbm.Dataset(
        whole, np.zeros(len(whole)), feature_name=list(encoder.order), categorical_feature=encoder.categories,
        params={name: fixed[name] for name in names if name in fixed},
    )  # fmt: skip
    return binned.construct()


def portable(booster: lightgbm.Booster) -> str:
    """A model's text without the settings of the machine that trained it, so that equal models are equal text."""
    text: str = booster.model_to_string(num_iteration=-1)
    head, _, tail = text.partition("\nparameters:\n")
    _, _, rest = tail.partition("end of parameters\n")
    return head + "\n" + rest
