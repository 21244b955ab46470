"""Training data from a snapshot: questions with their features as known then, and outcomes that have matured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.errors import TooFewLabelsError
from data.records import Record, Version
from data.times import DAY, OPEN, day_of, midnight
from features.batch import Values, matrix_of
from features.definitions import FeatureSet
from features.questions import Question, about_enterprise, about_shipment, identity_at

Integers = NDArray[np.int64]
OBSERVATION_DAYS = 30
"""How often the credit of an enterprise is asked about."""
PERFORMANCE_DAYS = 90
"""In how many days after the question a violation counts as the enterprise's outcome."""
SERIOUS_HITS = 1
"""How many hits in the performance window make a serious violation record."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """n questions in the order of time.

    Attributes:
        columns: a column a feature, each of shape (n,).
        outcomes: 1 for a violation found, else 0, shape (n,).
        asked_at, known_at: instants of the question and of its outcome, shape (n,).
        names: the declaration's number or the enterprise, a row.
        snapshot: digest of the snapshot that the data were made from.
    """

    features: FeatureSet
    columns: dict[str, Values]
    outcomes: Integers
    asked_at: Integers
    known_at: Integers
    names: tuple[str, ...]
    snapshot: str

    def __len__(self) -> int:
        return len(self.outcomes)

    def rows(self, where: NDArray[np.bool_]) -> "Dataset":
        """The questions that a mask of shape (n,) keeps."""
        names = tuple(name for name, kept in zip(self.names, where, strict=True) if kept)
        return Dataset(
            self.features, {name: column[where] for name, column in self.columns.items()}, self.outcomes[where],
            self.asked_at[where], self.known_at[where], names, self.snapshot,
        )  # fmt: skip

    def only(self, features: FeatureSet) -> "Dataset":
        """The same questions with the columns of a smaller feature set."""
        columns = {feature.name: self.columns[feature.name] for feature in features.features}
        return Dataset(features, columns, self.outcomes, self.asked_at, self.known_at, self.names, self.snapshot)


@dataclass(frozen=True, slots=True)
class _Asked:
    question: Question
    outcome: int
    known_at: int
    name: str


Progress = Callable[[int, int], None]


def _quiet(_done: int, _total: int) -> None:
    return None


def shipment_dataset(
    features: FeatureSet, versions: Sequence[Version], snapshot: str, *, until: int = OPEN, progress: Progress = _quiet
) -> Dataset:
    """Inspected shipments with what their inspection found. What was not inspected has no outcome and is left out.

    Arguments:
        versions: what the snapshot holds, in the order of intake.
        snapshot: its digest.
        until: outcomes known at this instant or later do not count.
    """
    declared: dict[str, list[Record]] = {}
    for version in versions:
        record = version.record
        if record.kind == "declaration" and record.action in ("new", "change"):
            declared.setdefault(str(record.reference), []).append(record)
    asked = []
    for version in versions:
        record, payload = version.record, version.record.payload
        stands = version.ended_at > until or version.ended_at == OPEN
        if (
            record.kind != "supervision"
            or payload.get("event") != "inspection"
            or record.known_at >= until
            or not stands
        ):
            continue
        inspected = _as_inspected(declared.get(payload["declaration_no"], ()), record)
        if inspected is not None:
            hit = int(payload["finding"] == "hit")
            asked.append(_Asked(about_shipment(inspected), hit, record.known_at, payload["declaration_no"]))
    return _dataset(features, versions, snapshot, asked, progress)


def _as_inspected(declared: Sequence[Record], inspection: Record) -> Record | None:
    """The declaration as known when its inspection reported: a later correction would ask after the outcome was known.

    Arguments:
        declared: versions under the declaration's number, of any source; the inspection's own source is preferred.
    """
    known = [record for record in declared if record.known_at <= inspection.known_at]
    own = [record for record in known if record.source == inspection.source]
    return max(own or known, key=lambda record: record.known_at, default=None)


def credit_dataset(
    features: FeatureSet, versions: Sequence[Version], snapshot: str, *, until: int, progress: Progress = _quiet
) -> Dataset:
    """Enterprises asked about every month, with whether a violation was found in the performance window after it.

    Its arguments are those of `shipment_dataset`.
    Only enterprises that declared something before are asked about, and only windows that have passed by `until`.
    """
    declared: dict[str, list[int]] = {}
    hits: dict[str, list[int]] = {}
    identities: dict[str, list[Version]] = {}
    for version in versions:
        record = version.record
        if record.action not in ("new", "change"):
            continue
        enterprise = record.payload.get("enterprise", "")
        if record.kind == "declaration":
            declared.setdefault(enterprise, []).append(max(record.event_at, record.known_at))
        elif record.kind == "supervision" and record.payload.get("finding") == "hit":
            hits.setdefault(enterprise, []).append(max(record.event_at, record.known_at))
        elif record.kind == "identity":
            identities.setdefault(enterprise, []).append(version)
    if not declared:
        return _dataset(features, versions, snapshot, [], progress)
    earliest, latest = min(min(times) for times in declared.values()), max(max(times) for times in declared.values())
    asked = []
    for day in days_asked(earliest, latest, until):
        at, end = midnight(day), midnight(day + PERFORMANCE_DAYS)
        for enterprise in sorted(declared):
            active = any(at - PERFORMANCE_DAYS * DAY <= time < at for time in declared[enterprise])
            follows = any(at <= time < end for time in declared[enterprise])
            if active and follows:
                found = sum(at <= time < end for time in hits.get(enterprise, ()))
                identity = identity_at(identities.get(enterprise, ()), at)
                question = about_enterprise(enterprise, at, identity)
                asked.append(_Asked(question, int(found >= SERIOUS_HITS), end, enterprise))
    return _dataset(features, versions, snapshot, asked, progress)


def days_asked(earliest: int, latest: int, until: int) -> range:
    """The China days on which the credit of enterprises is asked about.

    Arguments:
        earliest, latest: instants of the first and last declaration of all.
        until: performance windows have passed by then.
    """
    first, last = day_of(earliest) + OBSERVATION_DAYS, day_of(min(until, latest)) - PERFORMANCE_DAYS
    return range(first, last + 1, OBSERVATION_DAYS)


def _dataset(
    features: FeatureSet, versions: Sequence[Version], snapshot: str, asked: list[_Asked], progress: Progress
) -> Dataset:
    asked.sort(key=lambda one: (one.question.at, one.name))
    columns = matrix_of(features, versions, [one.question for one in asked], progress)
    return Dataset(
        features=features,
        columns=columns,
        outcomes=np.array([one.outcome for one in asked], dtype=np.int64),
        asked_at=np.array([one.question.at for one in asked], dtype=np.int64),
        known_at=np.array([one.known_at for one in asked], dtype=np.int64),
        names=tuple(one.name for one in asked),
        snapshot=snapshot,
    )


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
