"""How features move the score over many rows: exact contributions (TreeSHAP), partial dependence and its single rows."""

from dataclasses import dataclass

import lightgbm
import numpy as np
from numpy.typing import NDArray

from models.contributions.explainer import Contributions
from models.encoding import MISSING_CODE, UNSEEN_CODE
from models.training.train import Trained

Floats = NDArray[np.float64]
_GRID = 21


@dataclass(frozen=True, slots=True)
class Effects:
    """Contributions of s sampled rows.

    Attributes:
        order: the features. matrix: their values as the trees see them, shape (s, features).
        contributions: in log-odds, shape (s, features). base: of the training population, in log-odds.
        codes: the known codes of each coded feature.
    """

    order: tuple[str, ...]
    matrix: Floats
    contributions: Floats
    base: float
    codes: dict[str, tuple[str, ...]]

    @property
    def importance(self) -> dict[str, float]:
        """Mean absolute contribution of each feature, the greatest first."""
        mean = np.abs(self.contributions).mean(axis=0)
        return dict(sorted(zip(self.order, mean.tolist(), strict=True), key=lambda item: (-item[1], item[0])))

    def of(self, name: str) -> tuple[Floats, Floats]:
        """Values and contributions of a feature, each of shape (s,)."""
        place = self.order.index(name)
        return self.matrix[:, place], self.contributions[:, place]

    def code(self, name: str, number: float) -> str:
        """What a coded feature's number stands for."""
        match int(number):
            case place if place == MISSING_CODE:
                return "(none)"
            case place if place == UNSEEN_CODE:
                return "(rare)"
            case place:
                return self.codes[name][place - UNSEEN_CODE - 1]


@dataclass(frozen=True, slots=True)
class Dependence:
    """The margin if a feature had another value and all others stayed.

    Attributes:
        grid: the values, shape (k,). mean: over rows, shape (k,) (Friedman 2001).
        single: of single rows less their own mean, shape (r, k) (Goldstein et al. 2015).
    """

    name: str
    grid: Floats
    mean: Floats
    single: Floats


def effects_of(trained: Trained, *, rows: int = 2_000, seed: int = 7) -> Effects:
    """Exact contributions of a seeded sample of the training data (TreeSHAP; Lundberg et al. 2020)."""
    bundle, data = trained.bundle, trained.dataset
    chosen = np.random.default_rng(seed).permutation(len(data))[:rows]
    matrix = bundle.encoder.rows(data.take(np.sort(chosen)).columns)
    contributions = Contributions(bundle.trees).rows(matrix)
    codes = {name: tuple(known) for name, known in bundle.encoder.codes.items()}
    return Effects(bundle.encoder.order, matrix, contributions[:, :-1], float(contributions[0, -1]), codes)


def dependence(trained: Trained, effects: Effects, name: str, *, rows: int = 400, threads: int = 1) -> Dependence:
    """Partial dependence on a feature that is a number, at its quantiles from the 1st to the 99th percentile."""
    booster, place = lightgbm.Booster(model_str=trained.bundle.trees), effects.order.index(name)
    values = effects.matrix[:, place]
    grid = np.unique(np.nanquantile(values, np.linspace(0.01, 0.99, _GRID), method="nearest"))
    base = effects.matrix[:rows]
    asked = np.repeat(base, len(grid), axis=0)
    asked[:, place] = np.tile(grid, len(base))
    margins = np.asarray(booster.predict(asked, raw_score=True, num_threads=threads)).reshape(len(base), len(grid))
    return Dependence(name, grid, margins.mean(axis=0), margins - margins.mean(axis=1, keepdims=True))
