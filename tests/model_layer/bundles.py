"""Small bundles that score, made in milliseconds, each with a digest of its own."""

from functools import cache

import lightgbm
import numpy as np

from features.catalogue import digest, feature_set
from models.bundle import FORMAT, Bundle, Manifest, make_bundle
from models.calibration import Curve
from models.uncertainty import Band

_FEATURES = "korea-facts"


@cache
def _trees(features: int) -> str:
    random = np.random.default_rng(3)
    rows, outcomes = random.normal(size=(60, features)), random.integers(0, 2, 60)
    parameters = {"objective": "binary", "verbosity": -1, "num_threads": 1, "num_leaves": 4, "deterministic": True}
    booster = lightgbm.train(parameters, lightgbm.Dataset(rows, outcomes, params={"verbosity": -1}), 2)
    return booster.model_to_string(num_iteration=-1)


def small_bundle(number: int, model: str = "shipment", **metrics: float) -> Bundle:
    """A bundle of the feature set with the fewest features; `number` makes it another one."""
    features = feature_set(_FEATURES)
    order = tuple(feature.name for feature in features.features)
    codes: dict[str, tuple[str, ...]] = {f.name: () for f in features.features if f.is_category}
    return make_bundle(
        Manifest(
            format=FORMAT, model=model, feature_set=features.name, catalogue=digest(features), order=order, codes=codes,
            groups=order, typical=dict.fromkeys(order), slope=1.0, intercept=0.0, offset=float(number), factor=10.0,
            curve=Curve("line", (-9.0, 9.0), (-9.0, 9.0)), bands={"established": Band(60, (0.0,), (0.3,), (0.7,))}, thin=None,
            kinds=(), recovery_fen=0.0, base_rate=0.5, base_rate_population=0.5, trained_until=0, snapshot="s", rows=60,
            parameters={}, metrics=metrics,
        ),
        _trees(len(order)),
    )  # fmt: skip
