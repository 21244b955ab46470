"""A scorecard: logistic regression on weights of evidence, as whole points a bin (Siddiqi, Intelligent Credit Scoring, 2017).

A score is the base and one number a characteristic, so that anybody can add it up by hand.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from data.errors import TooFewLabelsError
from features.batch import Values
from features.study import information_value
from models.challengers.binning import Bin, Binned, bin_feature, effective, places
from models.scale import CREDIT_SCALE, RISK_SCALE, Scale
from models.training.dataset import Dataset, demand_labels

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Progress = Callable[[int, int], None]
MOST = 15
"""So many characteristics a person still takes in."""
_SCREENED, _CANDIDATES = 60, 30
LEAST_INFORMATION = 0.02
"""Below it a characteristic tells nothing (Siddiqi 2017, ch. 10)."""
MOST_CORRELATED = 0.7
_RIDGE = 5.0


@dataclass(frozen=True, slots=True)
class Characteristic:
    """A feature on the card.

    Attributes:
        coefficient: of its weight of evidence, above 0: each bin counts the way that its own share of violations points.
        points: whole points of each bin, beside its weight of evidence.
    """

    binned: Binned
    coefficient: float
    points: tuple[int, ...]

    @property
    def name(self) -> str:
        """The feature's name."""
        return self.binned.feature.name

    @property
    def bins(self) -> tuple[Bin, ...]:
        """Its bins, `missing` last."""
        return self.binned.bins


@dataclass(frozen=True)
class Scorecard:
    """A card: a score is `base` and the points of one bin of each characteristic.

    Attributes:
        feature_set, snapshot: what it was made from.
        scale: what the points mean in log-odds.
        characteristics: most telling first.
    """

    feature_set: str
    snapshot: str
    scale: Scale
    base: int
    characteristics: tuple[Characteristic, ...]

    @cached_property
    def _points(self) -> list[Integers]:
        return [np.array(one.points, dtype=np.int64) for one in self.characteristics]

    def parts(self, columns: Mapping[str, Values]) -> Integers:
        """The points of each characteristic, shape (n, characteristics)."""
        parts = [
            points[places(one.bins, columns[one.name])]
            for one, points in zip(self.characteristics, self._points, strict=True)
        ]
        return np.stack(parts, axis=1)

    def scores(self, columns: Mapping[str, Values]) -> Integers:
        """The score of n questions in whole points, shape (n,): the base and the sum of `parts`.

        Arguments:
            columns: a column a feature, those of the card at least, each of shape (n,).
        """
        scores: Integers = self.base + self.parts(columns).sum(axis=1)
        return scores

    def log_odds(self, columns: Mapping[str, Values]) -> Floats:
        """The log-odds of a violation that the points stand for, shape (n,)."""
        return (self.scores(columns).astype(np.float64) - self.scale.offset) / self.scale.factor


def scale_of(about: str) -> Scale:
    """The points that the models use: greater is better for an enterprise, riskier for a shipment."""
    return CREDIT_SCALE if about == "enterprise" else RISK_SCALE


def _quiet(_done: int, _total: int) -> None:
    return None


def fit_scorecard(dataset: Dataset, *, most: int = MOST, progress: Progress = _quiet) -> Scorecard:
    """Fit a card on labelled questions, each weighted by how many it stands for. Nothing is drawn: same data, same card.

    Arguments:
        most: how many characteristics it may have.
        progress: called with features binned and their total.
    Raises:
        TooFewLabelsError: where outcomes are too few, or no feature tells anything.
    """
    demand_labels(dataset)
    binned = _binned(dataset, progress)
    evidence = np.stack([one.evidence(dataset.columns[one.feature.name]) for one in binned], axis=1)
    kept = _uncorrelated(evidence, dataset.weights)
    coefficients, _ = _logistic(evidence[:, kept], dataset.outcomes, dataset.weights)
    moved = coefficients * evidence[:, kept].std(axis=0)
    kept = [kept[place] for place in np.argsort(-moved, kind="stable")[:most] if moved[place] > 0]
    coefficients, intercept = _logistic(evidence[:, kept], dataset.outcomes, dataset.weights)
    scale = scale_of(dataset.features.about)
    return Scorecard(
        feature_set=dataset.features.name, snapshot=dataset.snapshot, scale=scale, base=scale.score(intercept),
        characteristics=tuple(
            Characteristic(binned[place], beta, tuple(round(scale.factor * beta * woe) for woe in binned[place].woe))
            for place, beta in zip(kept, coefficients.tolist(), strict=True) if beta > 0
        ),
    )  # fmt: skip


def _binned(dataset: Dataset, progress: Progress) -> list[Binned]:
    """The features that tell something, most telling first. Only those that pass a coarse look alone are cut with care."""
    alone = []
    for feature in dataset.features.features:
        told = information_value(dataset.columns[feature.name], dataset.outcomes)
        if told.value > told.limit:
            alone.append((-told.value, feature.name, feature))
    chosen = [feature for _, _, feature in sorted(alone, key=lambda one: one[:2])[:_SCREENED]]
    found = []
    for done, feature in enumerate(chosen):
        found.append(bin_feature(feature, dataset.columns[feature.name], dataset.outcomes, dataset.weights))
        progress(done + 1, len(chosen))
    telling = [one for one in found if one.information >= LEAST_INFORMATION and len(set(one.woe)) > 1]
    if not telling:
        raise TooFewLabelsError(
            "no feature tells hits from clean outcomes beyond chance; import more inspection results"
        )
    return sorted(telling, key=lambda one: (-one.information, one.feature.name))


def _uncorrelated(evidence: Floats, weights: Floats) -> list[int]:
    """Places of columns of shape (n, candidates) of which no two say the same, the more telling of two kept."""
    centred = (evidence - np.average(evidence, axis=0, weights=weights)) * np.sqrt(weights)[:, None]
    lengths = np.linalg.norm(centred, axis=0)
    correlated = np.abs(centred.T @ centred) / np.outer(lengths, lengths)
    kept: list[int] = []
    for place in range(evidence.shape[1]):
        if len(kept) < _CANDIDATES and all(correlated[place, other] <= MOST_CORRELATED for other in kept):
            kept.append(place)
    return kept


def _logistic(evidence: Floats, outcomes: Integers, weights: Floats) -> tuple[Floats, float]:
    """Coefficients, none below 0, and the intercept of a slightly ridged logistic regression: one minimum, always found.

    A weight of evidence already points the right way; a coefficient below 0 would turn it against what its bins show.
    """
    features = evidence.shape[1]
    weight = effective(weights)

    def loss(at: Floats) -> tuple[float, Floats]:
        margin = evidence @ at[:-1] + at[-1]
        error = weight * (1.0 / (1.0 + np.exp(-margin)) - outcomes)
        value = weight @ (np.logaddexp(0.0, margin) - outcomes * margin) + 0.5 * _RIDGE * (at[:-1] @ at[:-1])
        gradient = np.append(evidence.T @ error + _RIDGE * at[:-1], error.sum())
        return float(value) / weight.sum(), gradient / weight.sum()

    usual = float(np.average(outcomes, weights=weights))
    start = np.append(np.full(features, 0.5), np.log(usual / (1 - usual)))
    bounds: Sequence[tuple[float | None, float | None]] = [*[(0.0, None)] * features, (None, None)]
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 5000, "ftol": 1e-14, "gtol": 1e-9}
    )
    return np.asarray(found.x[:-1]), float(found.x[-1])
