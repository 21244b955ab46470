"""Laws of figures on labelled files: thresholds, the lookup beside the model, one violation against the rest, forward folds."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from models.reports.forward import forward_lines
from models.reports.labelled import Labelled, evaluate, refit_probabilities
from models.reports.thresholds import best_threshold, flagged, fold_threshold
from models.reports.typology import among_hits, typology_line
from models.training.dataset import Dataset
from models.training.splits import forward_folds
from models.training.train import Trained

# few different probabilities, so that many rows share one
ANSWERS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=2, max_size=40).filter(
    lambda rows: len({outcome for outcome, _ in rows}) == 2
)


@given(ANSWERS, st.integers(0, 7))
def test_flags_are_judged_as_scikit_learn_judges_them(rows: list[tuple[int, int]], least: int) -> None:
    outcomes, scores = np.array([o for o, _ in rows]), np.array([s / 6 for _, s in rows])
    found = flagged(outcomes, scores, least / 6)
    yes = (scores >= least / 6).astype(int)
    assert found.macro_f1 == pytest.approx(f1_score(outcomes, yes, average="macro", labels=[0, 1], zero_division=0))
    assert found.accuracy == pytest.approx(accuracy_score(outcomes, yes))


@given(ANSWERS)
def test_no_threshold_is_better_than_the_best_and_none_as_good_is_lower(rows: list[tuple[int, int]]) -> None:
    outcomes, scores = np.array([o for o, _ in rows]), np.array([s / 6 for _, s in rows])
    best = best_threshold(outcomes, scores)
    reached = {t: flagged(outcomes, scores, t).macro_f1 for t in np.unique(scores)}
    assert reached[best] == pytest.approx(max(reached.values()))
    assert all(value < reached[best] for t, value in reached.items() if t < best - 1e-12)


def test_a_threshold_says_yes_for_the_model_and_most_hits_for_the_lookup() -> None:
    train = [Labelled("a", 1, ("x",)), Labelled("b", 0, ("y",)), Labelled("c", 0, ("y",))]
    test = [Labelled("1", 1, ("x",)), Labelled("2", 0, ("y",)), Labelled("3", 1, ("z",)), Labelled("4", 0, ("z",))]
    lines = {
        (line.scored, line.rows): line.flat()
        for line in evaluate(test, {"1": 0.9, "2": 0.3, "3": 0.35, "4": 0.1}, train, threshold=0.35)
    }
    assert lines["model", "all"]["macro_f1"] == 1.0
    assert lines["lookup", "all"]["accuracy"] == 0.75  # the base rate of one third is a no for both new tuples
    assert lines["model", "cold"]["accuracy"] == 1.0
    assert "macro_f1" not in evaluate(test, {"1": 0.9, "2": 0.3})[0].flat()


def test_the_threshold_of_a_model_comes_from_its_folds_and_lies_where_they_were_best(
    shipments: Dataset, trained: Trained
) -> None:
    again = fold_threshold(trained.bundle, shipments, folds=3)
    margins = trained.folded.margins
    probabilities = trained.bundle.manifest.curve.probabilities(margins)
    assert again == pytest.approx(best_threshold(trained.outcomes, probabilities))


def test_how_an_older_version_fitted_plays_no_part_when_its_settings_are_fitted_anew(
    shipments: Dataset, trained: Trained
) -> None:
    manifest = trained.bundle.manifest
    stated = {n: v for n, v in manifest.parameters.items() if n != "force_col_wise"} | {
        "force_row_wise": True,
        "reject_inference": 9,
    }
    older = replace(trained.bundle, manifest=msgspec.structs.replace(manifest, parameters=stated))
    assert fold_threshold(older, shipments, folds=3) == fold_threshold(trained.bundle, shipments, folds=3)
    said, again = (refit_probabilities(bundle, shipments, shipments, seed=7) for bundle in (trained.bundle, older))
    assert np.array_equal(said, again)


def test_one_violation_stands_among_those_found(shipments: Dataset) -> None:
    found = [code for code, hit in zip(shipments.violations, shipments.outcomes, strict=True) if hit]
    assert len(set(found)) > 1
    for wanted in set(found):
        assert among_hits(shipments, wanted).outcomes.tolist() == [int(code == wanted) for code in found]


def test_a_violation_is_as_likely_as_any_times_this_one_among_all(shipments: Dataset) -> None:
    """A feature tells the wanted violation from others, the champion's probability tells hits: only both together rank it."""
    several = shipments.take(np.repeat(np.arange(len(shipments)), 6))  # enough hits for leaves of the usual size
    marked = np.arange(len(several)) % 3 == 0
    name, column = next((n, c) for n, c in several.columns.items() if c.dtype != object)
    codes = np.where(several.outcomes == 0, None, np.where(marked, "wanted", "other"))
    told = replace(
        several, violations=codes, columns=several.columns | {name: np.where(marked, 9.0, 1.0).astype(column.dtype)}
    )
    vectors = {str(n): _vector(told, n) for n in range(len(told))}
    test = [Labelled(str(n), 0, (), code) for n, code in enumerate(codes)]

    def auc(said: np.ndarray) -> float:
        champion = {str(n): float(p) for n, p in enumerate(said)}
        return typology_line(
            told, "wanted", test, vectors, champion, trials=1, threads=1, progress=lambda _done, _all: None
        ).metrics.auc

    assert auc(np.where(several.outcomes == 1, 0.9, 0.1)) > 0.99
    assert auc(np.full(len(told), 0.5)) < 0.95


def _vector(dataset: Dataset, row: int) -> list[float | str | None]:
    values = [column[row] for column in dataset.columns.values()]
    return [v if v is None or isinstance(v, str) else None if np.isnan(v) else float(v) for v in values]


def test_a_forward_fold_knows_nothing_of_what_comes_after_it(shipments: Dataset) -> None:
    first = forward_folds(shipments, 2)[0]
    later = shipments.asked_at > shipments.asked_at[first.valid].max()
    changed = replace(shipments, outcomes=np.where(later, 1 - shipments.outcomes, shipments.outcomes))

    def lines(dataset: Dataset) -> list[dict[str, float]]:
        made = forward_lines("m", dataset, folds=2, trials=1, threads=1, progress=lambda _done, _all: None)
        return [line.flat() for line in made]

    before, after = lines(shipments), lines(changed)
    assert before[1] == after[1]  # the first fold
    assert before[2] != after[2]
    assert before[0]["rows"] == before[1]["rows"] + before[2]["rows"]
