"""A second model behind the champion: how likely a violation found is a certain one, judged on the vectors that were served.

The probability of the violation is the champion's probability of any, times that of this one given any.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from data.errors import TooFewLabelsError
from features.forms import Value
from models.bundle import Bundle
from models.evaluation.metrics import measure
from models.explain import Scorer
from models.reports.labelled import Labelled, Line
from models.training.dataset import Dataset, Progress
from models.training.train import train
from models.training.tuning import Budget


def among_hits(dataset: Dataset, violation: str) -> Dataset:
    """The questions where a violation was found, with another outcome: 1 for this violation, 0 for any other."""
    hits = dataset.rows(dataset.outcomes == 1)
    return replace(hits, outcomes=(hits.violations == violation).astype(np.int64))


def typology_line(
    dataset: Dataset,
    violation: str,
    test: Sequence[Labelled],
    vectors: Mapping[str, Sequence[Value]],
    probabilities: Mapping[str, float],
    *,
    trials: int,
    threads: int,
    progress: Progress,
    seed: int = 7,
) -> Line:
    """Train a model of one violation among all, as every model is trained, and judge it together with the champion.

    Arguments:
        dataset: what was known when training ended.
        test: the rows to judge on.
        vectors: what the service saw when it decided them, in the order of the feature set, by declaration number.
        probabilities: what it said of any violation, by declaration number.
    Raises:
        TooFewLabelsError: where the violation is too rare to learn, or does not occur among the decided rows.
    """
    decided = [row for row in test if row.declaration_no in vectors and row.declaration_no in probabilities]
    outcomes = np.array([row.violation == violation for row in decided], dtype=np.int64)
    if not 0 < outcomes.sum() < len(decided):
        raise TooFewLabelsError(
            f"no decided rows with and without the violation {violation!r}; name one of the mapping's"
        )
    own = train(
        "shipment", among_hits(dataset, violation), budget=Budget(trials), seed=seed, threads=threads,
        progress=lambda _what, done, total: progress(done, total),
    )  # fmt: skip
    bundle = own.bundle
    rows = np.concatenate([bundle.encoder.row(vectors[row.declaration_no]) for row in decided])
    given = scored_rows(bundle, rows) * np.array([probabilities[row.declaration_no] for row in decided])
    return Line(f"model of {violation}", "all", measure(outcomes, given))


def scored_rows(bundle: Bundle, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The calibrated probabilities of encoded rows of shape (n, features), shape (n,)."""
    margins = np.asarray(Scorer(bundle).booster.predict(rows, raw_score=True, num_threads=1))
    return bundle.manifest.curve.probabilities(margins)
