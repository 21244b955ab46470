"""Reject inference: learning also from shipments that nobody inspected, by what a first model says of them. Off by default.

Fuzzy augmentation (Siddiqi 2006, Credit Risk Scorecards, ch. 6): a model of the inspected cases states the probability of a
violation for each uninspected one, and a second model learns from all: each uninspected case is a violation to that extent
and clean for the rest, and together they weigh as much as the inspected. No outcome is added: what inspections never showed
this cannot show either (Ehrhardt et al. 2021, Reject inference methods in credit scoring). Figures stay those of inspected cases.
"""

from collections.abc import Callable
from dataclasses import dataclass

import lightgbm
import numpy as np
from numpy.typing import NDArray

from data.errors import ModelError
from data.times import OPEN
from features.batch import Feeds, FeedsInMemory, Source, Values, matrix
from features.definitions import FeatureSet
from models.encoding import Encoder
from models.training.labels import uninspected_shipments

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rejects:
    """m questions about shipments that nobody inspected, in the order of time.

    Attributes:
        columns: a column a feature, each of shape (m,).
        asked_at: instants, shape (m,).
    """

    columns: dict[str, Values]
    asked_at: Integers

    def __len__(self) -> int:
        return len(self.asked_at)

    def encoded(self, encoder: Encoder) -> "Inferable":
        """The same as the model sees them."""
        return Inferable(self.asked_at, encoder.rows(self.columns))


@dataclass(frozen=True, slots=True)
class Inferable:
    """Rejects ready to be learned from. `matrix` has shape (m, features)."""

    asked_at: Integers
    matrix: Floats

    def inferred(self, booster: lightgbm.Booster, until: int, threads: int) -> tuple[Integers, Floats]:
        """Those asked about by a moment: their places, and the probability of a violation that a model states for each.

        Arguments:
            booster: of inspected cases.
            until: an instant; a fold may not learn from what its time did not know.
        """
        places = np.flatnonzero(self.asked_at <= until)
        if not len(places):
            return places, np.empty(0)
        return places, np.asarray(booster.predict(self.matrix[places], num_threads=threads))


def demand_inferable(features: FeatureSet, *, is_clustered: bool) -> None:
    """Refuse what rejects cannot be learned from, before anything is computed.

    Raises:
        ModelError: where the feature set is not about shipments, or a cluster is to fit.
    """
    if features.about != "shipment":
        raise ModelError("only shipments are selected for inspection: reject inference is for the shipment model")
    if is_clustered:
        raise ModelError("reject inference runs on one machine: leave out the scheduler or the rejects")


def rejects_of(
    features: FeatureSet, source: Source, most: int, *, seed: int = 7, until: int = OPEN, feeds: Feeds | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Rejects:  # fmt: skip
    """Uninspected shipments of a snapshot with their features as known when they were declared.

    Arguments:
        most: how many, drawn at random where there are more.
        seed: of the draw.
        until: what became known at this instant or later does not count.
        feeds: of the source, where they are at hand; made in memory where None.
    Raises:
        ModelError: where the feature set is not about shipments, or none is left uninspected.
    """
    demand_inferable(features, is_clustered=False)
    questions = uninspected_shipments(source, most, seed, until=until, fields=features.fields)
    if not len(questions):
        raise ModelError("every shipment of the snapshot was inspected: leave out --reject-inference")
    feeds = FeedsInMemory(features.measures, source, progress) if feeds is None else feeds
    return Rejects(matrix(features, feeds, questions, progress=progress), questions.at)
