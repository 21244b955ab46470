"""Training data from a snapshot: labelled questions with their features as known then."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data.errors import TooFewLabelsError
from data.times import OPEN
from features.batch import Feeds, FeedsInMemory, Source, Values, matrix
from features.definitions import FeatureSet
from features.questions import Questions
from models.training.asking import SourceOfVersions, last_known
from models.training.labels import Labelled, inspected_shipments, watched_enterprises

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Texts = NDArray[np.object_]
Progress = Callable[[int, int], None]
_SIZES = ((10, "0-9"), (100, "10-99"), (1_000, "100-999"), (np.inf, "1000+"))
_PARTS = (("mode", "trade_mode"), ("platform", "platform"), ("office", "customs_office"))
_AGES = ((365, "newcomer"), (np.inf, "established"))


def _quiet(_done: int, _total: int) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Dataset:
    """n labelled questions in the order of time.

    Attributes:
        columns: a column a feature, each of shape (n,).
        outcomes: 1 for a violation found, else 0, shape (n,).
        asked_at, known_at: instants of the question and of its outcome, shape (n,).
        names: the declaration's number or the enterprise, shape (n,).
        snapshot: digest of the snapshot that the data were made from.
        enterprises: whom each question is about, shape (n,).
        inclusion: probability with which it was inspected, NaN where that was not recorded, shape (n,).
        recovered_fen: duty that the inspection recovered, shape (n,).
        violations: code of the violation found, None where there is none, shape (n,).
        segments: parts of the population that are also looked at apart (mode, platform, office, size, newcomer), by name,
            each of shape (n,), None where unknown.
    """

    features: FeatureSet
    columns: dict[str, Values]
    outcomes: Integers
    asked_at: Integers
    known_at: Integers
    names: Texts
    snapshot: str
    enterprises: Texts
    inclusion: Floats
    recovered_fen: Integers
    violations: Texts
    segments: dict[str, Texts]

    def __len__(self) -> int:
        return len(self.outcomes)

    @property
    def weights(self) -> Floats:
        """How many shipments each stands for: one over its probability of inspection, 1 where that was not recorded.

        Source: Horvitz and Thompson 1952.
        """
        return np.where(np.isnan(self.inclusion), 1.0, 1.0 / np.where(self.inclusion > 0, self.inclusion, 1.0))

    def rows(self, where: NDArray[np.bool_]) -> "Dataset":
        """The questions that a mask of shape (n,) keeps."""
        return self.take(np.flatnonzero(where))

    def take(self, places: Integers) -> "Dataset":
        """The questions at some places, in that order; a place may come more than once."""
        of_rows = (
            "outcomes",
            "asked_at",
            "known_at",
            "names",
            "enterprises",
            "inclusion",
            "recovered_fen",
            "violations",
        )
        taken = {name: getattr(self, name)[places] for name in of_rows}
        columns = {name: column[places] for name, column in self.columns.items()}
        segments = {name: parts[places] for name, parts in self.segments.items()}
        return replace(self, columns=columns, segments=segments, **taken)

    def only(self, features: FeatureSet) -> "Dataset":
        """The same questions with the columns of a smaller feature set."""
        columns = {feature.name: self.columns[feature.name] for feature in features.features}
        return replace(self, features=features, columns=columns)


def shipment_dataset(
    features: FeatureSet, source: Source, snapshot: str, *, until: int = OPEN, feeds: Feeds | None = None,
    progress: Progress = _quiet,
) -> Dataset:  # fmt: skip
    """Inspected shipments with what their inspection found. What was not inspected has no outcome and is left out.

    Arguments:
        source: what the snapshot holds.
        snapshot: its digest.
        until: outcomes known at this instant or later do not count.
        feeds: of the source, where they are at hand; made in memory where None.
    """
    labelled = inspected_shipments(source, until=until, fields=[*features.fields, *(field for _, field in _PARTS)])
    return _dataset(features, source, snapshot, labelled, feeds, progress)


def credit_dataset(
    features: FeatureSet, source: SourceOfVersions, snapshot: str, *, until: int, feeds: Feeds | None = None,
    progress: Progress = _quiet,
) -> Dataset:  # fmt: skip
    """Enterprises asked about every month, with whether a violation was found in the performance window after it.

    Its arguments are those of `shipment_dataset`. Only windows that have passed by `until` count.
    """
    return _dataset(features, source, snapshot, watched_enterprises(source, until=until), feeds, progress)


def dataset_of(
    features: FeatureSet, source: SourceOfVersions, snapshot: str, *, until: int = OPEN, feeds: Feeds | None = None,
    progress: Progress = _quiet,
) -> Dataset:  # fmt: skip
    """The labelled questions of what a feature set is about: shipments or enterprises. Arguments as above."""
    if features.about == "shipment":
        return shipment_dataset(features, source, snapshot, until=until, feeds=feeds, progress=progress)
    until = min(until, last_known(source))
    return credit_dataset(features, source, snapshot, until=until, feeds=feeds, progress=progress)


def _dataset(
    features: FeatureSet, source: Source, snapshot: str, labelled: Labelled, feeds: Feeds | None, progress: Progress
) -> Dataset:
    if feeds is None:
        columns = matrix(features, FeedsInMemory(features.measures, source, progress), labelled.questions)
    else:
        columns = matrix(features, feeds, labelled.questions, progress=progress)
    return Dataset(
        features=features, columns=columns, outcomes=labelled.outcomes, asked_at=labelled.questions.at,
        known_at=labelled.known_at, names=labelled.names, snapshot=snapshot, enterprises=labelled.enterprises,
        inclusion=labelled.inclusion, recovered_fen=labelled.recovered_fen, violations=labelled.violations,
        segments=_segments(labelled.questions, columns),
    )  # fmt: skip


def _segments(questions: Questions, columns: dict[str, Values]) -> dict[str, Texts]:
    """What fairness and calibration are looked at apart by (WTO Trade Facilitation Agreement art. 7.4)."""
    found = {
        name: _texts(column)
        for name, field in _PARTS
        if (column := questions.get(field)) is not None and column.null_count < len(column)
    }
    if "declarations_365d" in columns:
        found["size"] = _banded(columns["declarations_365d"], _SIZES)
    if "firm_age_days" in columns:
        found["newcomer"] = _banded(columns["firm_age_days"], _AGES)
    return found


def _banded(values: Values, bands: Sequence[tuple[float, str]]) -> Texts:
    """The first band whose upper bound lies above each value, None where it is missing."""
    numbers = values.astype(np.float64)
    labels = np.array([*(label for _, label in bands), None], dtype=object)
    place = np.searchsorted([bound for bound, _ in bands], np.nan_to_num(numbers), side="right")
    banded: Texts = labels[np.where(np.isnan(numbers), len(bands), place)]
    return banded


def _texts(column: pa.Array) -> Texts:
    values: Texts = column.cast(pa.string()).to_numpy(zero_copy_only=False)
    return values


def demand_labels(dataset: Dataset, *, least: int = 30) -> None:
    """Refuse to train on too little.

    Raises:
        TooFewLabelsError: where hits or clean outcomes are fewer than `least`.
    """
    hits = int(dataset.outcomes.sum())
    if hits < least or len(dataset) - hits < least:
        raise TooFewLabelsError(
            f"{hits} hits and {len(dataset) - hits} clean outcomes are too few to train on (at least {least} of each); "
            "import more inspection results"
        )
