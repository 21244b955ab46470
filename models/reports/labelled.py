"""Evaluation of decisions against labels, beside what needs no learning: all rows, cold rows, and the lookup."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.errors import TooFewLabelsError
from models.bundle import Bundle
from models.encoding import fit_encoder
from models.evaluation.metrics import Metrics, measure
from models.reports.thresholds import Flagged, flagged
from models.training.dataset import Dataset
from models.training.fitting import cases_of, fixed_parameters
from models.training.tuning import chosen


@dataclass(frozen=True, slots=True)
class Labelled:
    """A row of a labelled file: its declaration, 1 for a violation, the tuple that a lookup would use, the violation's code."""

    declaration_no: str
    outcome: int
    tuple_: tuple[str, ...]
    violation: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an evaluation: what was scored on which rows, and its figures.

    Attributes:
        flagged: how good a yes or no is, where a threshold was chosen beforehand.
    """

    scored: str
    rows: str
    metrics: Metrics
    flagged: Flagged | None = None

    def flat(self) -> dict[str, float]:
        """The figures by name."""
        named = self.metrics.flat()
        return named if self.flagged is None else named | self.flagged.flat()


def lookup_scores(train: Sequence[Labelled], test: Sequence[Labelled]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """What a table of tuples says: each tuple's rate in training, the base rate where it is new.

    Returns:
        Scores and whether the tuple is new (cold), both of shape (n,).
    """
    seen: dict[tuple[str, ...], list[int]] = {}
    for row in train:
        seen.setdefault(row.tuple_, []).append(row.outcome)
    base = sum(row.outcome for row in train) / len(train)
    rates = {key: sum(found) / len(found) for key, found in seen.items()}
    scores = np.array([rates.get(row.tuple_, base) for row in test])
    return scores, np.array([row.tuple_ not in rates for row in test])


def evaluate(
    test: Sequence[Labelled],
    probabilities: Mapping[str, float],
    train: Sequence[Labelled] = (),
    *,
    threshold: float | None = None,
) -> list[Line]:
    """The figures of decided probabilities on labelled rows.

    Arguments:
        test: the rows to judge on.
        probabilities: by declaration number; rows without one are left out, and their number is in the figures.
        train: the rows of training, where a lookup is to stand beside; it says yes where most of its tuple's rows were hits.
        threshold: probability from which on the model says yes, chosen on other rows than these.
    Raises:
        TooFewLabelsError: where no row was decided, or only one outcome occurs.
    """
    decided = [row for row in test if row.declaration_no in probabilities]
    outcomes = np.array([row.outcome for row in decided], dtype=np.int64)
    if not decided or not 0 < outcomes.sum() < len(decided):
        raise TooFewLabelsError(
            "no rows with both outcomes were decided; run `greenlane decide` on the same file first"
        )
    scores = np.array([probabilities[row.declaration_no] for row in decided])

    def line(scored: str, rows: str, mask: NDArray[np.bool_], given: NDArray[np.float64], least: float | None) -> Line:
        own = measure(outcomes[mask], given[mask], are_probabilities=scored == "model")
        return Line(scored, rows, own, None if least is None else flagged(outcomes[mask], given[mask], least))

    everyone = np.ones(len(decided), dtype=np.bool_)
    lines = [line("model", "all", everyone, scores, threshold)]
    if train:
        looked_up, cold = lookup_scores(train, decided)
        lines.append(line("lookup", "all", everyone, looked_up, 0.5))
        for rows, mask in (("cold", cold), ("seen", ~cold)):
            if 0 < outcomes[mask].sum() < mask.sum():
                lines += [line("model", rows, mask, scores, threshold), line("lookup", rows, mask, looked_up, 0.5)]
    return lines


def refit_probabilities(
    bundle: Bundle, train: Dataset, test: Dataset, *, seed: int, threads: int = 1
) -> NDArray[np.float64]:
    """The same settings fitted anew on a dataset and scored on another, uncalibrated: for comparing feature sets."""
    encoder = fit_encoder(train.features, train.columns)
    fixed = fixed_parameters(train.features, seed=seed, threads=threads)
    booster = cases_of(train, encoder, fixed).fit(np.arange(len(train)), fixed | chosen(bundle.manifest.parameters))
    return np.asarray(booster.predict(encoder.rows(test.columns), num_threads=threads))


def worth_of_history(
    bundle: Bundle,
    full: Dataset,
    test_names: Iterable[str],
    known_before: int,
    facts: Dataset,
    *,
    seeds: Sequence[int] = (1, 2, 3),
) -> list[Line]:
    """The same model with and without history features, each the mean of some seeds' probabilities.

    Arguments:
        full, facts: the same questions with all features, and with those that need no history.
        test_names: the questions to judge on; the others known before `known_before` are learned from.
    """
    wanted = set(test_names)
    is_test = np.array([name in wanted for name in full.names])
    is_train = ~is_test & (full.known_at < known_before)
    lines = []
    for scored, dataset in (("refit with history", full), ("refit without history", facts)):
        train, test = dataset.rows(is_train), dataset.rows(is_test)
        scores = np.mean([refit_probabilities(bundle, train, test, seed=seed) for seed in seeds], axis=0)
        lines.append(Line(scored, "all", measure(test.outcomes, scores)))
    return lines
