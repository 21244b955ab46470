"""Scores with their reasons: exact path-dependent TreeSHAP, grouped, as whole points that add up to the score.

Contributions are path-dependent TreeSHAP (Lundberg et al. 2020) by `models.contributions`, in log-odds against the training
population.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm

from data.errors import BundleError
from features.definitions import Feature, FeatureSet
from features.forms import Value
from models.bundle import Bundle
from models.contributions.explainer import Contributions
from models.scale import whole_points

_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a group of features adds to the score: its points, and the feature in it that moves the score most."""

    feature: Feature
    value: Value
    points: int


@dataclass(frozen=True, slots=True)
class Explained:
    """A score: calibrated probability, points, the points of the reference population, and what each group adds.

    `base_points` and the points of `contributions` add up to `score`.
    """

    probability: float
    score: int
    base_points: int
    contributions: tuple[Contribution, ...]


class Scorer:
    """A bundle ready to score: one thread, no pandas. Compiled loops are loaded when it is made: no answer waits for them.

    Raises:
        BundleError: where the trees cannot be read or do not fit the manifest.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.features: FeatureSet = bundle.features
        self._encoder, self._calibration, self._scale = bundle.encoder, bundle.calibration, bundle.scale
        try:
            self.booster = lightgbm.Booster(model_str=bundle.trees)
        except lightgbm.basic.LightGBMError as error:
            raise BundleError(f"the trees of model {bundle.manifest.model} cannot be read: {error}") from None
        if self.booster.num_feature() != len(self.features.features):
            raise BundleError(
                f"the trees of model {bundle.manifest.model} have another number of features than its manifest"
            )
        self._contributions = Contributions(bundle.trees)
        groups: dict[str, list[int]] = {}
        for place, feature in enumerate(self.features.features):
            groups.setdefault(feature.group or feature.name, []).append(place)
        self._groups = tuple(tuple(places) for places in groups.values())

    def explain(self, vector: Sequence[Value]) -> Explained:
        """Score one vector of feature values, in the order of the feature set, and say why."""
        row = self._encoder.row(vector)[0]
        shap, margin = self._contributions.row(row), self._contributions.margin(row)
        assert abs(float(shap.sum()) - margin) <= _TOLERANCE * max(1.0, abs(margin)), "contributions must add up"
        slope, factor = self._calibration.slope, self._scale.factor
        score = self._scale.score(self._calibration.log_odds(margin))
        base = self._scale.offset + factor * self._calibration.log_odds(float(shap[-1]))
        parts = [factor * slope * float(shap[list(places)].sum()) for places in self._groups]
        points = whole_points([base, *parts], score)
        contributions = []
        for places, amount in zip(self._groups, points[1:], strict=True):
            if amount:
                # the group speaks through the feature that moves it most in its own direction
                leading = max(places, key=lambda place: shap[place] * factor * (1 if amount > 0 else -1))
                contributions.append(Contribution(self.features.features[leading], vector[leading], amount))
        contributions.sort(key=lambda c: (-abs(c.points), c.feature.name))
        return Explained(self._calibration.probability(margin), score, points[0], tuple(contributions))

    def probability(self, vector: Sequence[Value]) -> float:
        """The calibrated probability alone."""
        return self._calibration.probability(self._contributions.margin(self._encoder.row(vector)[0]))
