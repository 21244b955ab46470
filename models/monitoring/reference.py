"""What a model's questions looked like when nothing was wrong: a small value, data only, against which later ones are held."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.monitoring.firms import Firms, Floats, Integers

Column = NDArray[np.float64] | NDArray[np.object_]
Origin = Literal["training", "decisions"]
SCORE = "score"
_BINS = 8
_CODES, _LEAST_SHARE = 9, 0.01


class Spread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the values of one feature are spread.

    Attributes:
        edges: upper bounds of the bins of numbers; one more bin lies above the last.
        codes: the codes that have a bin of their own; None for numbers. One more bin is for all others.
        shares: of the bins, among the values that are not missing; none where all are.
        alike: how much two questions of a firm resemble each other in the bin (see `firms`).
        alone, together: how much the values that are not missing tell (see `firms.Firms`).
        missing: share of missing values; `missing_alike` the resemblance in that.
        unseen: share with a code that the model does not know; `unseen_alike` the resemblance in that.
    """

    name: str
    edges: tuple[float, ...]
    codes: tuple[str, ...] | None
    shares: tuple[float, ...]
    alike: float
    alone: float
    together: float
    missing: float
    missing_alike: float
    unseen: float = 0.0
    unseen_alike: float = 0.0

    def bins(self, values: Column) -> Integers:
        """The bin of each value, shape (n,): floats or codes, none of them missing."""
        return _bins(values, self.edges, self.codes)


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A population of questions with a model's answers.

    Attributes:
        origin: `training`: what the model learned from, weighted to all shipments; `decisions`: its first ones in use.
        since, until: instants of the first question and after the last.
        rows: how many questions; `alone` and `together` say how much they tell (see `firms.Firms`).
        spreads: one a feature, in the model's order.
        score: how the stated probabilities are spread.
        stated: their mean.
    """

    origin: Origin
    since: int
    until: int
    rows: int
    alone: float
    together: float
    spreads: tuple[Spread, ...]
    score: Spread
    stated: float

    @property
    def effective_firms(self) -> float:
        """The number of firms of equal size that would say as much."""
        return 1 / self.together


def reference_of(
    columns: Mapping[str, Column], probabilities: Floats, firms: Firms, known: Mapping[str, Sequence[str]], at: Integers, *,
    origin: Origin,
) -> Reference:  # fmt: skip
    """A reference from questions and what the model stated for them.

    Arguments:
        columns: a column a feature in the model's order, each of shape (n,), n at least 1.
        probabilities: stated for questions that the model did not learn from (of forward folds, or in use), shape (n,).
        firms: whom the questions are about, with weights that make them stand for all shipments.
        known: the codes that the model knows, by feature (of its encoder).
        at: instants of the questions, shape (n,).
    """
    return Reference(
        origin=origin, since=int(at.min()), until=int(at.max()) + 1, rows=len(at), alone=firms.alone, together=firms.together,
        spreads=tuple(_spread(name, column, firms, known.get(name)) for name, column in columns.items()),
        score=_spread(SCORE, probabilities, firms, None), stated=firms.mean(probabilities),
    )  # fmt: skip


def is_missing(values: Column) -> NDArray[np.bool_]:
    """Where values are missing, shape (n,)."""
    if values.dtype == object:
        return np.array([value is None for value in values], dtype=bool)
    return np.isnan(values.astype(np.float64))


def is_unseen(values: Column, known: Sequence[str]) -> NDArray[np.bool_]:
    """Where a code is given that the model does not know, shape (n,)."""
    codes = frozenset(known)
    return np.array([value is not None and str(value) not in codes for value in values], dtype=bool)


def _spread(name: str, values: Column, firms: Firms, known: Sequence[str] | None) -> Spread:
    missing = is_missing(values)
    given, theirs = values[~missing], firms.only(~missing)
    edges, codes = (_edges(given.astype(np.float64), theirs), None) if known is None else ((), _common(given, theirs))
    bins, count = _bins(given, edges, codes), len(edges if codes is None else codes) + 1
    unseen = np.zeros_like(missing) if known is None else is_unseen(values, known)
    return Spread(
        name=name, edges=edges, codes=codes, shares=tuple(theirs.bin_shares(bins, count).tolist()) if len(given) else (),
        alike=theirs.resemblance(bins, count).alike if len(given) else 0.0,
        alone=theirs.alone if len(given) else 1.0, together=theirs.together if len(given) else 1.0,
        missing=firms.share(missing), missing_alike=firms.resemblance(missing.astype(np.int64), 2).alike,
        unseen=firms.share(unseen), unseen_alike=firms.resemblance(unseen.astype(np.int64), 2).alike,
    )  # fmt: skip


def _edges(given: Floats, firms: Firms) -> tuple[float, ...]:
    """Values at equal steps of weight, or all of them where they are few (then what lies above all seen is a change)."""
    different = np.unique(given)
    if len(different) <= _BINS:
        return tuple(different.tolist())
    order = np.argsort(given, kind="stable")
    reached = np.cumsum(firms.weights[order]) / firms.total
    steps = np.searchsorted(reached, np.arange(1, _BINS) / _BINS - 1e-12)
    return tuple(edge for edge in np.unique(given[order][steps]).tolist() if edge < different[-1])


def _common(given: Column, firms: Firms) -> tuple[str, ...]:
    """The most frequent codes, in alphabetical order."""
    if not len(given):
        return ()
    found, place = np.unique(given.astype(str), return_inverse=True)
    shares = firms.bin_shares(place.astype(np.int64), len(found))
    ranked = sorted(zip(shares.tolist(), found.tolist(), strict=True), key=lambda one: (-one[0], one[1]))
    return tuple(sorted([code for share, code in ranked if share >= _LEAST_SHARE][:_CODES]))


def _bins(given: Column, edges: tuple[float, ...], codes: tuple[str, ...] | None) -> Integers:
    if codes is not None:
        table = {code: place for place, code in enumerate(codes)}
        return np.array([table.get(str(value), len(codes)) for value in given], dtype=np.int64)
    return np.searchsorted(np.array(edges), given.astype(np.float64), side="left").astype(np.int64)
