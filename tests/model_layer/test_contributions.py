"""Laws of contributions: those of LightGBM, of shap and of Shapley's definition; they add up; a row is what it is in a batch."""

import re
from typing import Any

import lightgbm
import numpy as np
import pytest
import shap
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BundleError, ModelError
from models.contributions.explainer import Contributions
from models.contributions.quadrature import EXACT_TO, rules
from models.contributions.trees import read_forest
from tests.model_layer.boosters import booster_of, reach, settings_of_boosters, shapley, shapley_of_staircase, staircase

CLOSE = 1e-12
"""Of the farthest that a margin can be from zero (see `reach`)."""


def _check(booster: lightgbm.Booster, rows: np.ndarray) -> Contributions:
    contributions, close = Contributions(booster.model_to_string(num_iteration=-1)), CLOSE * reach(booster)
    found = contributions.rows(rows)
    margins = np.array([contributions.margin(row) for row in rows])
    assert np.abs(found - booster.predict(rows, pred_contrib=True, num_threads=1)).max() <= close
    assert np.abs(found.sum(axis=1) - margins).max() <= close
    assert np.array_equal(margins, booster.predict(rows, raw_score=True, num_threads=1))
    assert np.array_equal(found, [contributions.row(row) for row in rows])
    return contributions


@settings(deadline=None, max_examples=120)
@given(settings_of_boosters())
def test_contributions_are_those_of_lightgbm_and_add_up(drawn: dict[str, Any]) -> None:
    assert _check(*booster_of(drawn)).is_by_quadrature


@settings(deadline=None, max_examples=25)
@given(settings_of_boosters())
def test_contributions_are_shapley_values_by_their_definition(drawn: dict[str, Any]) -> None:
    booster, rows = booster_of(drawn)
    contributions = Contributions(booster.model_to_string())
    for row in rows[::6]:
        assert np.abs(contributions.row(row) - shapley(booster, row)).max() <= CLOSE * reach(booster)


@settings(deadline=None, max_examples=15)
@given(settings_of_boosters())
def test_contributions_are_those_of_shap(drawn: dict[str, Any]) -> None:
    booster, rows = booster_of(drawn)
    explainer = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
    ours, theirs = Contributions(booster.model_to_string()).rows(rows), np.asarray(explainer(rows).values)
    assert np.abs(ours[:, :-1] - theirs).max() <= CLOSE * reach(booster)


@pytest.mark.parametrize("features", [1, 2, 16, 17, EXACT_TO])
def test_long_paths_are_exact(features: int) -> None:
    """Against fractions: at such depths LightGBM's own contributions are off by 1e-10."""
    booster, rows = staircase(features)
    contributions = Contributions(booster.model_to_string())
    assert contributions.is_by_quadrature
    assert read_forest(booster.model_to_string()).distinct == features
    for row in rows:
        assert abs(contributions.row(row).sum() - contributions.margin(row)) <= CLOSE * reach(booster)
    for row in (rows[-1], rows[features // 2]):
        apart = np.abs(contributions.row(row)[:-1] - shapley_of_staircase(booster, row)).max()
        assert apart <= CLOSE * reach(booster)


def test_beyond_its_exact_depth_lightgbm_answers() -> None:
    booster, rows = staircase(EXACT_TO + 1)
    contributions = Contributions(booster.model_to_string())
    assert not contributions.is_by_quadrature
    assert np.array_equal(contributions.rows(rows), booster.predict(rows, pred_contrib=True, num_threads=1))
    assert contributions.margin(rows[0]) == booster.predict(rows[:1], raw_score=True)[0]


def test_deep_trees_repeat_their_features() -> None:
    random = np.random.default_rng(3)
    matrix = random.normal(size=(4000, 9))
    wanted = np.sin(4 * matrix).prod(axis=1)
    parameters = {"num_leaves": 1500, "min_data_in_leaf": 1, "verbosity": -1, "num_threads": 1, "seed": 1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(matrix, wanted), num_boost_round=3)
    assert (read_forest(booster.model_to_string()).nodes["earlier"] >= 0).mean() > 0.5
    _check(booster, matrix[:50] + 0.01)


@pytest.mark.parametrize("points", [8, 16])
def test_rules_integrate_polynomials_up_to_their_degree(points: int) -> None:
    rows = slice(0, 1) if points == 8 else slice(1, 3)
    at, weights = (part[rows].ravel() for part in rules())
    for degree in range(2 * points):
        assert (weights * at**degree).sum() == pytest.approx(1 / (degree + 1), abs=1e-15)
    assert abs((weights * at ** (2 * points)).sum() - 1 / (2 * points + 1)) > 1e-20


@pytest.mark.parametrize("rounds", [1, 4])
def test_a_tree_of_one_leaf_adds_to_the_base_only(rounds: int) -> None:
    parameters = {"objective": "regression", "verbosity": -1, "num_threads": 1}
    data = lightgbm.Dataset(np.ones((50, 3)), np.arange(50.0), params=parameters)
    contributions = _check(lightgbm.train(parameters, data, num_boost_round=rounds), np.zeros((4, 3)))
    assert contributions.row(np.ones(3)).tolist() == [0, 0, 0, 24.5]


def _with(text: str, name: str, numbers: str) -> str:
    return re.sub(rf"^{name}=.*$", f"{name}={numbers}", text, flags=re.MULTILINE)


def _small() -> tuple[lightgbm.Booster, np.ndarray]:
    random = np.random.default_rng(1)
    matrix = random.normal(size=(200, 3))
    parameters = {"num_leaves": 4, "verbosity": -1, "num_threads": 1, "objective": "regression"}
    return lightgbm.train(parameters, lightgbm.Dataset(matrix, matrix[:, 0] * matrix[:, 1]), num_boost_round=1), matrix


@pytest.mark.parametrize("empty", range(4))
def test_a_leaf_that_no_training_row_reached_is_no_trouble(empty: int) -> None:
    booster, rows = _small()
    counts = ["50"] * 4
    counts[empty] = "0"
    without = lightgbm.Booster(model_str=_with(booster.model_to_string(), "leaf_count", " ".join(counts)))
    contributions = Contributions(without.model_to_string())
    for row in rows[:20]:
        found = contributions.row(row)
        assert np.isfinite(found).all()
        assert found.sum() == pytest.approx(contributions.margin(row), abs=1e-14)


def test_counts_that_are_estimates_still_add_up() -> None:
    booster, rows = _small()
    estimated = lightgbm.Booster(model_str=_with(booster.model_to_string(), "internal_count", "230 120 90"))
    contributions = Contributions(estimated.model_to_string())
    for row in rows[:20]:
        assert contributions.row(row).sum() == pytest.approx(contributions.margin(row), abs=1e-14)


def test_a_value_at_a_threshold_goes_left() -> None:
    booster, _ = _small()
    thresholds = read_forest(booster.model_to_string()).nodes["threshold"]
    _check(booster, np.array([np.full(3, threshold) for threshold in thresholds]))


def test_nan_at_a_threshold_of_zero_is_read_as_zero() -> None:
    booster, rows = _small()
    text = _with(_with(booster.model_to_string(), "threshold", "0 0 0"), "decision_type", "0 0 0")
    _check(lightgbm.Booster(model_str=text), np.where(np.abs(rows) < 0.7, np.nan, rows))


def test_what_is_not_supported_is_refused() -> None:
    random = np.random.default_rng(1)
    matrix = random.normal(size=(200, 3))
    base = {"verbosity": -1, "num_threads": 1}
    for parameters, said in (
        ({"objective": "multiclass", "num_class": 3}, "several classes"),
        ({"objective": "regression", "linear_tree": True}, "linear"),
        ({"objective": "regression", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "averages"),
    ):
        wanted = random.integers(0, 3, 200) if "num_class" in parameters else matrix[:, 0]
        data = lightgbm.Dataset(matrix, wanted, params=base | parameters)
        with pytest.raises(BundleError, match=said):
            Contributions(lightgbm.train(base | parameters, data, num_boost_round=2).model_to_string())


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("left_child", "0 -2 -3"), ("left_child", "1 1 -3"), ("right_child", "9 9 9"), ("split_feature", "0 1 3"),
        ("split_feature", "0 -1 1"), ("leaf_count", "0 0 0 0"), ("leaf_count", "-1 2 3 4"), ("decision_type", "2 2 99"),
        ("decision_type", "3 2 2"), ("leaf_value", "1 2 3"), ("leaf_value", "1 2 3 nan"), ("threshold", "a b c"),
        ("num_leaves", "0"), ("num_leaves", "5"), ("num_leaves", ""), ("num_cat", "1"), ("tree_sizes", "1 2"),
        ("max_feature_idx", "x"), ("max_feature_idx", "-1"),
    ],
)  # fmt: skip
def test_damaged_trees_are_refused(name: str, numbers: str) -> None:
    text = _small()[0].model_to_string()
    assert f"\n{name}=" in text
    read_forest(text)
    with pytest.raises(BundleError, match="train it again"):
        read_forest(_with(text, name, numbers))


@given(st.integers(0, 10_000))
def test_a_text_that_breaks_off_is_refused(length: int) -> None:
    text = _small_text()
    trees = text.index("end of trees") + len("end of trees")
    with pytest.raises(BundleError):
        read_forest(text[: length % trees])


def _small_text() -> str:
    if not _SMALL:
        _SMALL.append(_small()[0].model_to_string())
    return _SMALL[0]


_SMALL: list[str] = []


@pytest.mark.parametrize("shape", [(2,), (4,), (5, 2), (1, 1, 3)])
def test_rows_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    contributions = Contributions(_small_text())
    for ask in (contributions.margin, contributions.row, contributions.rows):
        with pytest.raises(ModelError, match="3 features"):
            ask(np.zeros(shape))
