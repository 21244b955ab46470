"""Which features are explained together, and what is usual: what a bundle says of its reference population."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from features.definitions import FeatureSet
from models.training.dataset import Dataset

Floats = NDArray[np.float64]
_ALIKE = 0.9
"""Above this rank correlation two features of a theme say one thing."""
_ROWS = 20_000


def groups_of(features: FeatureSet, matrix: Floats, seed: int) -> tuple[str, ...]:
    """The group of each feature: the one that the catalogue gives it, and joined where groups of a theme nearly coincide.

    Contributions of features that move together can be shared among them in many ways; their sum is what is certain.

    Arguments:
        matrix: shape (n, features).
    """
    named = [feature.group or feature.name for feature in features.features]
    rows = np.random.default_rng(seed).permutation(len(matrix))[:_ROWS]
    joined = {name: name for name in named}

    def root(name: str) -> str:
        while joined[name] != name:
            name = joined[name]
        return name

    for theme in dict.fromkeys(feature.theme for feature in features.features):
        places = [
            place for place, f in enumerate(features.features)
            if f.theme == theme and not f.is_category and not f.sensitive
        ]  # fmt: skip
        alike = np.abs(_rank_correlation(matrix[rows][:, places])) >= _ALIKE
        for one, other in np.argwhere(np.triu(alike, 1)):
            first, second = root(named[places[one]]), root(named[places[other]])
            if first != second:
                joined[max(first, second)] = min(first, second)
    return tuple(root(name) for name in named)


def _rank_correlation(values: Floats) -> Floats:
    """Spearman's correlation of columns, missing values as one value below all, shape (columns, columns)."""
    ranks = rankdata(np.where(np.isnan(values), -np.inf, values), axis=0)
    centred = ranks - ranks.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    scaled = centred / np.where(length > 0, length, 1.0)
    result: Floats = scaled.T @ scaled
    return result


def typical_of(dataset: Dataset) -> dict[str, float | str | None]:
    """The usual value of each feature: the weighted median of numbers, the most frequent code; None where most lack it."""
    weights = dataset.weights
    found: dict[str, float | str | None] = {}
    for name, values in dataset.columns.items():
        lacks = np.array([value is None for value in values]) if values.dtype == object else np.isnan(values)
        if weights[lacks].sum() * 2 > weights.sum():
            found[name] = None
        elif values.dtype == object:
            codes, place = np.unique(values[~lacks].astype(str), return_inverse=True)
            found[name] = str(codes[np.bincount(place, weights[~lacks]).argmax()])
        else:
            found[name] = _median(values[~lacks], weights[~lacks])
    return found


def _median(values: Floats, weights: Floats) -> float:
    """The value at which half of the weight is reached."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(reached, reached[-1] / 2)]])
