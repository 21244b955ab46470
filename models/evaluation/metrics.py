"""Figures of a ranking and of its probabilities. Ties count as their expectation, so that no order of rows flatters."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from models.evaluation.weighted import Ranking, calibration_error

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
SHARES = (0.01, 0.05, 0.10)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures over n rows. `precision` and `recall` are by share of rows inspected; `ece` and `brier` None for mere ranks."""

    rows: int
    base_rate: float
    auc: float
    average_precision: float
    precision: dict[float, float]
    recall: dict[float, float]
    ece: float | None
    brier: float | None

    def flat(self) -> dict[str, float]:
        """The figures by name."""
        named = {
            "rows": float(self.rows),
            "base_rate": self.base_rate,
            "auc": self.auc,
            "average_precision": self.average_precision,
        }
        for share in self.precision:
            named[f"precision_at_{share * 100:g}pct"] = self.precision[share]
            named[f"recall_at_{share * 100:g}pct"] = self.recall[share]
        if self.ece is not None and self.brier is not None:
            named |= {"ece": self.ece, "brier": self.brier}
        return named


def hits_at(outcomes: Integers, scores: Floats, share: float) -> tuple[float, int]:
    """Expected hits among the top share of rows, ties in random order, and how many rows that is.

    Arguments:
        outcomes: 0 or 1, shape (n,).
        scores: greater is riskier, shape (n,).
        share: in (0, 1].
    """
    taken = max(1, int(np.ceil(len(scores) * share)))
    edge = np.sort(scores)[::-1][taken - 1]
    above, tied = scores > edge, scores == edge
    room = taken - int(above.sum())
    return float(outcomes[above].sum()) + room * float(outcomes[tied].mean()), taken


def expected_calibration_error(outcomes: Integers, probabilities: Floats, bins: int = 10) -> float:
    """Mean distance of stated probability and found rate over bins of about equal numbers of rows, weighted by rows.

    Equal probabilities stay in one bin, so that no order of rows flatters.
    """
    return calibration_error(Ranking.of(probabilities), outcomes, probabilities, np.ones(len(outcomes)), bins)


def measure(outcomes: Integers, scores: Floats, *, are_probabilities: bool = True) -> Metrics:
    """All figures of scores against outcomes, both of shape (n,) and with both outcomes present."""
    precision, recall = {}, {}
    for share in SHARES:
        hits, taken = hits_at(outcomes, scores, share)
        precision[share], recall[share] = hits / taken, hits / float(outcomes.sum())
    return Metrics(
        rows=len(outcomes),
        base_rate=float(outcomes.mean()),
        auc=float(roc_auc_score(outcomes, scores)),
        average_precision=float(average_precision_score(outcomes, scores)),
        precision=precision,
        recall=recall,
        ece=expected_calibration_error(outcomes, scores) if are_probabilities else None,
        brier=float(np.mean((scores - outcomes) ** 2)) if are_probabilities else None,
    )
