"""Scores with their reasons: exact path-dependent TreeSHAP, grouped, as whole points that add up to the score.

Contributions are path-dependent TreeSHAP (Lundberg et al. 2020) by `models.contributions`, in log-odds against the training
population.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Literal

import lightgbm
import numpy as np
from numpy.typing import NDArray

from data.errors import BundleError
from features.definitions import Feature, FeatureSet
from features.forms import Value
from models.bundle import Bundle
from models.contributions.explainer import Contributions
from models.scale import whole_points

Floats = NDArray[np.float64]
History = Literal["established", "thin"]
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a group of features adds to the score: its points, and the feature in it that moves the score most.

    `typical` is that feature's usual value in the reference population.
    """

    feature: Feature
    value: Value
    points: int
    group: str
    typical: Value = None


@dataclass(frozen=True, slots=True)
class Explained:
    """A score: calibrated probability, points, the points of the reference population, and what each group adds.

    `base_points` and the points of `contributions` add up to `score`.

    Attributes:
        interval: lower and upper probability. history: whether that of a `thin` or an `established` history.
        recovery_fen: the duty that an inspection can expect to recover; None where the model does not say.
        kinds: the probability of each kind of violation, the likeliest first.
    """

    probability: float
    score: int
    base_points: int
    contributions: tuple[Contribution, ...]
    interval: tuple[float, float]
    history: History
    recovery_fen: int | None = None
    kinds: tuple[tuple[str, float], ...] = ()


class Scorer:
    """A bundle ready to score: one thread, no pandas. Compiled loops are loaded when it is made: no answer waits for them.

    Raises:
        BundleError: where the trees cannot be read or do not fit the manifest.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.features: FeatureSet = bundle.features
        self._encoder, self._calibration, self._scale = bundle.encoder, bundle.calibration, bundle.scale
        self._curve = bundle.manifest.curve
        self.booster = _read(bundle, bundle.trees)
        recovery, typology = bundle.heads.get("recovery"), bundle.heads.get("typology")
        self._recovered = None if recovery is None else Contributions(recovery)
        self._typology = None if typology is None else _read(bundle, typology)
        if self.booster.num_feature() != len(self.features.features):
            raise BundleError(
                f"the trees of model {bundle.manifest.model} have another number of features than its manifest"
            )
        self._contributions = Contributions(bundle.trees)
        groups: dict[str, list[int]] = {}
        for place, group in enumerate(bundle.manifest.groups):
            groups.setdefault(group, []).append(place)
        self._groups = tuple((name, tuple(places)) for name, places in groups.items())
        thin = bundle.manifest.thin
        self._thin = None if thin is None else (bundle.manifest.order.index(thin.feature), thin.below)

    def explain(self, vector: Sequence[Value]) -> Explained:
        """Score one vector of feature values, in the order of the feature set, and say why."""
        row = self._encoder.row(vector)[0]
        shap, margin = self._contributions.row(row), self._contributions.margin(row)
        assert abs(float(shap.sum()) - margin) <= _TOLERANCE * max(1.0, abs(margin)), "contributions must add up"
        slope, factor = self._calibration.slope, self._scale.factor
        score = self._scale.score(self._calibration.log_odds(margin))
        base = self._scale.offset + factor * self._calibration.log_odds(float(shap[-1]))
        parts = [factor * slope * float(shap[list(places)].sum()) for _, places in self._groups]
        points = whole_points([base, *parts], score)
        contributions = []
        typical = self.bundle.manifest.typical
        for (group, places), amount in zip(self._groups, points[1:], strict=True):
            if amount:
                # the group speaks through the feature that moves it most in its own direction
                leading = max(places, key=lambda place: shap[place] * factor * (1 if amount > 0 else -1))
                feature = self.features.features[leading]
                said = Contribution(feature, vector[leading], amount, group, typical[feature.name])
                contributions.append(said)
        contributions.sort(key=lambda c: (-abs(c.points), c.feature.name))
        probability = self._curve.probability(margin)
        history = self._history(vector)
        low, high = self.bundle.manifest.bands[history].interval(margin)
        return Explained(
            probability, score, points[0], tuple(contributions), (min(low, probability), max(high, probability)), history,
            self._recovery(row, probability), self._kinds(row, probability),
        )  # fmt: skip

    def probability(self, vector: Sequence[Value]) -> float:
        """The calibrated probability alone."""
        return self._curve.probability(self._contributions.margin(self._encoder.row(vector)[0]))

    def _history(self, vector: Sequence[Value]) -> History:
        """Whether a case has a short history, where the model tells these apart."""
        if self._thin is None:
            return "established"
        place, below = self._thin
        value = vector[place]
        return "thin" if value is None or float(value) < below else "established"

    def _recovery(self, row: Floats, probability: float) -> int | None:
        """Expected duty of an inspection in fen: its probability of a violation times the duty of one."""
        if self._recovered is None:
            return None
        return round(probability * exp(self._recovered.margin(row)) * self.bundle.manifest.recovery_fen)

    def _kinds(self, row: Floats, probability: float) -> tuple[tuple[str, float], ...]:
        if self._typology is None:
            return ()
        shares = np.asarray(self._typology.predict(row[None, :], num_threads=1))[0]
        found = zip(self.bundle.manifest.kinds, (shares * probability).tolist(), strict=True)
        return tuple(sorted(found, key=lambda kind: (-kind[1], kind[0])))


def _read(bundle: Bundle, trees: str) -> lightgbm.Booster:
    try:
        return lightgbm.Booster(model_str=trees)
    except lightgbm.basic.LightGBMError as error:
        raise BundleError(f"the trees of model {bundle.manifest.model} cannot be read: {error}") from None
