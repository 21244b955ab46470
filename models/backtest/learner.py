"""What a policy learns from the outcomes that it knows: the probability of a violation, and the duty that a hit recovers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from features.batch import Values
from models.encoding import Encoder

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]
_BINS = 63
_FEWEST = 10
"""With fewer hits or clean outcomes nothing is learned, and everything is as likely as the base rate."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a policy learns.

    Attributes:
        rounds, leaves, rate, least_rows, part: of LightGBM: trees, their leaves, the learning rate, rows of a leaf, share of the
            features that a tree sees.
        bags: models of different seeds whose margins are averaged.
        every: weeks from one training to the next.
        half_life: weeks after which an outcome counts half; 0 for never.
        most_weight: the greatest inverse inclusion probability that an outcome counts with.
    """

    rounds: int = 80
    leaves: int = 7
    rate: float = 0.08
    least_rows: int = 15
    part: float = 0.3
    bags: int = 1
    every: int = 2
    half_life: float = 0.0
    most_weight: float = 5.0


@dataclass(frozen=True, slots=True)
class Learned:
    """Models that answer for rows of the matrix."""

    boosters: tuple[lightgbm.Booster, ...]
    base_rate: float
    duty: "DutyLine"

    def probabilities(self, rows: Floats) -> Floats:
        """Of a violation, shape (m,)."""
        if not self.boosters:
            return np.full(len(rows), self.base_rate)
        margins = [np.asarray(b.predict(rows, raw_score=True, num_threads=1)) for b in self.boosters]
        result: Floats = 1.0 / (1.0 + np.exp(-np.mean(margins, axis=0)))
        return result


def learn(
    matrix: Floats, found: Bools, weights: Floats, duty: "DutyLine", encoder: Encoder, directions: Sequence[int],
    settings: Settings, seed: int,
) -> Learned:  # fmt: skip
    """Learn the probability of a violation.

    Arguments:
        matrix: features of m outcomes, shape (m, features).
        found, weights: of the outcomes, shape (m,).
        directions: what law or sense demands of each feature (monotone constraints).
    """
    hits = int(found.sum())
    if hits < _FEWEST or len(found) - hits < _FEWEST:
        return Learned((), (hits + 1) / (len(found) + 10), duty)
    parameters: dict[str, Any] = {
        "objective": "binary", "verbosity": -1, "deterministic": True, "force_row_wise": True, "num_threads": 1,
        "num_leaves": settings.leaves, "learning_rate": settings.rate, "min_data_in_leaf": settings.least_rows,
        "feature_fraction": settings.part, "lambda_l2": 5.0, "cat_smooth": 20.0, "max_cat_to_onehot": 4,
        "monotone_constraints": list(directions), "bagging_freq": 1, "bagging_fraction": 0.8, "max_bin": _BINS,
    }  # fmt: skip
    boosters = []
    for bag in range(settings.bags):
        own = parameters | {"seed": seed * 1_000 + bag}
        data = lightgbm.Dataset(
            matrix, found.astype(np.int64), weight=weights, categorical_feature=encoder.categories,
            params={"verbosity": -1, "max_bin": _BINS},
        )  # fmt: skip
        boosters.append(lightgbm.train(own, data, num_boost_round=settings.rounds))
    return Learned(tuple(boosters), hits / len(found), duty)


@dataclass(frozen=True, slots=True)
class DutyLine:
    """The duty that a hit recovers: a ridge on its logarithm, with the smearing correction of Duan 1983."""

    coefficients: Floats
    smear: float

    def fen(self, facts: Floats) -> Floats:
        """Expected duty in fen if there is a violation, shape (m,).

        Arguments:
            facts: shape (m, facts), as `duty_facts` gives them.
        """
        result: Floats = np.exp(np.clip(facts @ self.coefficients, 0.0, 25.0)) * self.smear
        return result


def fit_duty(facts: Floats, duty_fen: Integers, *, strength: float = 2.0) -> DutyLine:
    """The line from the hits found so far.

    Arguments:
        facts: of the hits, shape (h, facts); the first column is 1, the second the log of the declared value.
        duty_fen: what they recovered, shape (h,).
    """
    # without any hit duty is a fixed part of the value
    prior = np.zeros(facts.shape[1])
    prior[:2] = -2.0, 1.0
    if not len(duty_fen):
        return DutyLine(prior, 1.0)
    target = np.log(np.maximum(duty_fen, 1)) - facts @ prior
    penalty = np.full(facts.shape[1], strength)
    penalty[0] = 1e-6
    own = np.linalg.solve(facts.T @ facts + np.diag(penalty), facts.T @ target)
    return DutyLine(prior + own, float(np.exp(target - facts @ own).mean()))


def duty_facts(value_fen: Integers, columns: Mapping[str, Values], encoder: Encoder) -> Floats:
    """What the duty of a hit may follow from: the value, the goods and the mode. Shape (n, facts)."""
    rows = len(value_fen)
    parts = [np.ones(rows), np.log(np.maximum(value_fen, 1).astype(np.float64))]
    for name in ("hs_chapter", "origin", "trade_mode", "direction"):
        for code in encoder.codes.get(name, ()):
            parts.append((columns[name] == code).astype(np.float64))
    return np.stack(parts, axis=1)
