"""Each feature of a dataset alone: what it tells, how often it is missing, and whether it moves."""

from dataclasses import dataclass

import numpy as np

from features.study import information_value, stability
from models.training.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Studied:
    """A feature alone.

    Attributes:
        information: its information value; a feature that tells nothing stays below `information_limit` 19 times in 20.
        missing: share of questions for which it has no value.
        psi: population stability index of the later half of the questions against the earlier one; no change stays below
            `psi_limit` 19 times in 20.
    """

    name: str
    information: float
    information_limit: float
    missing: float
    psi: float
    psi_limit: float


def studied(dataset: Dataset) -> tuple[Studied, ...]:
    """The features of a dataset, those that tell most first.

    Both limits take questions as independent. Those of one enterprise resemble each other, so that a limit is low where few
    enterprises make up the data.

    Raises:
        FeatureError: where its outcomes are all the same.
    """
    at = dataset.asked_at
    halves = [int(at.min()), int(np.median(at)), int(at.max()) + 1]
    found = []
    for name, values in dataset.columns.items():
        told, later = information_value(values, dataset.outcomes), stability(values, at, halves)[-1]
        missing = sum(value is None for value in values) if values.dtype == object else np.isnan(values).sum()
        share = float(missing / len(values))
        found.append(Studied(name, told.value, told.limit, share, later.psi, later.limit))
    return tuple(sorted(found, key=lambda one: -one.information))
