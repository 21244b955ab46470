"""What else is said of a shipment: the duty that an inspection would recover, and which kind of violation it would be.

Both are learned from hits alone, given that there is a violation; times its probability they are what an inspection can expect.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np

from models.training.fitting import Cases, Integers

LEAST_HITS = 100
"""Fewer hits teach nothing about amounts or kinds."""
_LEAST_OF_KIND = 30
_PARTS = 4
_MOST_TYPED = 20_000
"""Kinds are learned from no more hits, evenly over time: each kind adds a tree to every round."""
OTHER = "other"
_SMALL: dict[str, Any] = {
    "rounds": 80, "learning_rate": 0.05, "num_leaves": 7, "min_data_in_leaf": 20, "feature_fraction": 0.5, "lambda_l2": 5.0,
}  # fmt: skip
_DROPPED = ("monotone_constraints", "monotone_constraints_method", "objective")


@dataclass(frozen=True, slots=True)
class Heads:
    """Boosters beside that of violations; None where there were too few hits.

    Attributes:
        recovery: what it predicts, times `recovery_fen`, is the expected duty, given a violation.
        typology: its classes are `kinds`.
    """

    recovery: lightgbm.Booster | None
    recovery_fen: float
    typology: lightgbm.Booster | None
    kinds: tuple[str, ...]


def fit_heads(cases: Cases, fixed: dict[str, Any]) -> Heads:
    """Both heads from all hits of a dataset."""
    hits = np.flatnonzero(cases.dataset.outcomes == 1)
    kinds = _kinds(cases, hits)
    recovery, scale = _fit_recovery(cases, hits, fixed)
    typology = _fit_typology(cases, hits, fixed, kinds) if len(kinds) > 1 else None
    return Heads(recovery, scale, typology, kinds)


def _fit_recovery(cases: Cases, hits: Integers, fixed: dict[str, Any]) -> tuple[lightgbm.Booster | None, float]:
    """Expected duty of some hits by Tweedie regression, which takes long tails and amounts of 0.

    Its totals are not those of the data by themselves, so they are set right on hits that it had not learned from.
    """
    duty = cases.dataset.recovered_fen[hits].astype(np.float64)
    if len(hits) < LEAST_HITS or not duty.any():
        return None, 0.0
    mean = float(duty.mean())
    parameters = _plain(fixed) | _SMALL | {"objective": "tweedie", "tweedie_variance_power": 1.2}
    said = np.empty(len(hits))
    part = np.arange(len(hits)) % _PARTS
    for number in range(_PARTS):
        learned = cases.fit_to(hits[part != number], parameters, duty[part != number] / mean)
        rows = cases.matrix[hits[part == number]]
        said[part == number] = np.asarray(learned.predict(rows, num_threads=fixed["num_threads"]))
    weights = cases.dataset.weights[hits]
    scale = float(weights @ duty) / float(weights @ said)
    return cases.fit_to(hits, parameters, duty / mean), scale


def _fit_typology(
    cases: Cases, hits: Integers, fixed: dict[str, Any], kinds: tuple[str, ...]
) -> lightgbm.Booster | None:
    of_kind = {kind: number for number, kind in enumerate(kinds)}
    number = np.array(
        [-1 if one is None else of_kind.get(one, of_kind.get(OTHER, -1)) for one in cases.dataset.violations[hits]]
    )
    known = np.flatnonzero(number >= 0)
    known = known[np.linspace(0, len(known) - 1, min(len(known), _MOST_TYPED)).astype(np.int64)]
    named, target = hits[known], number[known].astype(np.float64)
    parameters = _plain(fixed) | _SMALL | {"objective": "multiclass", "num_class": len(kinds)}
    return cases.fit_to(named, parameters, target)


def _kinds(cases: Cases, hits: Integers) -> tuple[str, ...]:
    """The kinds of violation with enough hits, and the others together where they are enough."""
    counts = Counter(str(one) for one in cases.dataset.violations[hits] if one is not None)
    kinds = sorted(kind for kind, count in counts.items() if count >= _LEAST_OF_KIND)
    rest = sum(count for kind, count in counts.items() if kind not in kinds)
    named = [*kinds, OTHER] if rest >= _LEAST_OF_KIND else kinds
    return tuple(named) if sum(counts.values()) >= LEAST_HITS else ()


def _plain(fixed: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fixed.items() if name not in _DROPPED}
