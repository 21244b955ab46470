"""Laws of estimates from unequal probabilities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.backtest.exploration import draw, inclusion
from models.evaluation.estimates import (
    Estimate,
    bootstrapped,
    exact_interval,
    rate_with_known_part,
    weighted_auc,
    weighted_precision,
    weighted_rate,
)

sizes = st.lists(st.floats(0.01, 100), min_size=2, max_size=40)


@given(sizes, st.data())
def test_inclusion_sums_to_the_sample_and_reaches_everybody(given_sizes: list[float], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(given_sizes)))
    chance = inclusion(np.array(given_sizes), count)
    assert chance.sum() == pytest.approx(count)
    assert (chance > 0).all()
    assert (chance <= 1 + 1e-12).all()
    order = np.argsort(given_sizes)
    assert (np.diff(chance[order]) >= -1e-12).all()  # the larger, the likelier


@given(sizes, st.data(), st.integers(0, 2**32))
def test_a_draw_has_exactly_its_size_without_repeats(given_sizes: list[float], data: st.DataObject, seed: int) -> None:
    count = data.draw(st.integers(1, len(given_sizes)))
    chance = inclusion(np.array(given_sizes), count)
    drawn = draw(chance, np.random.default_rng(seed))
    assert len(drawn) == count == len(set(drawn.tolist()))
    assert set(np.flatnonzero(chance >= 1 - 1e-12)) <= set(drawn.tolist())


def test_units_are_drawn_as_often_as_their_probabilities_say() -> None:
    rng = np.random.default_rng(3)
    chance = inclusion(rng.exponential(size=30) ** 2, 8)
    times = np.zeros(30)
    for _ in range(20_000):
        times[draw(chance, rng)] += 1
    assert np.abs(times / 20_000 - chance).max() < 0.015


@given(st.lists(st.integers(0, 1), min_size=1, max_size=60), st.floats(0.01, 0.99))
def test_equal_probabilities_give_the_plain_mean(outcomes: list[int], chance: float) -> None:
    found = weighted_rate(np.array(outcomes), np.full(len(outcomes), chance))
    assert found.value == pytest.approx(np.mean(outcomes))
    assert found.covers(found.value)
    assert 0 <= found.low <= found.high <= 1


@given(st.lists(st.integers(0, 1), min_size=1, max_size=30))
def test_a_whole_population_leaves_no_doubt(outcomes: list[int]) -> None:
    found = weighted_rate(np.array(outcomes), np.ones(len(outcomes)))
    assert found.low == found.value == found.high == np.mean(outcomes)


def test_nothing_drawn_says_nothing() -> None:
    found = weighted_rate(np.empty(0, dtype=np.int64), np.empty(0))
    assert (found.low, found.high, found.effective) == (0.0, 1.0, 0.0)


@pytest.mark.parametrize("unequal", [False, True])
def test_intervals_hold_the_truth_as_often_as_they_say(unequal: bool) -> None:
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(600):
        risk = rng.beta(0.6, 7, 400)
        outcomes = (rng.random(400) < risk).astype(np.int64)
        chance = inclusion(risk + 0.05 if unequal else np.ones(400), 40)
        drawn = draw(chance, rng)
        held += weighted_rate(outcomes[drawn], chance[drawn]).covers(float(outcomes.mean()))
    assert held / 600 >= 0.93


def test_weights_remove_the_selection_that_the_plain_mean_shows() -> None:
    """What is drawn by risk looks worse than the population is."""
    rng = np.random.default_rng(5)
    risk = rng.beta(0.6, 7, 20_000)
    outcomes = (rng.random(20_000) < risk).astype(np.int64)
    chance = inclusion(risk + 0.01, 4_000)
    drawn = draw(chance, rng)
    assert outcomes[drawn].mean() > 1.5 * outcomes.mean()
    found = weighted_rate(outcomes[drawn], chance[drawn])
    assert found.covers(float(outcomes.mean()))
    assert found.high - found.low < 0.03


def test_outcomes_that_resemble_each_other_say_less() -> None:
    outcomes, chance = np.repeat([0, 1, 0, 0, 1, 0], 50), np.full(300, 0.1)
    alone = weighted_rate(outcomes, chance)
    together = weighted_rate(outcomes, chance, np.repeat(np.arange(6), 50))
    assert together.value == alone.value
    assert together.high - together.low > 2 * (alone.high - alone.low)


@given(st.integers(0, 50), st.integers(1, 50))
def test_exact_interval_is_symmetric(hits: int, more: int) -> None:
    count = hits + more
    low, high = exact_interval(hits, count)
    mirrored = exact_interval(count - hits, count)
    assert (low, high) == pytest.approx((1 - mirrored[1], 1 - mirrored[0]))


def test_exact_interval_of_a_textbook() -> None:
    assert exact_interval(4, 20) == pytest.approx((0.0573, 0.4366), abs=1e-4)  # Clopper and Pearson 1934


@given(st.integers(0, 20), st.integers(0, 30), st.integers(1, 200))
def test_a_known_part_narrows_the_estimate(hits: int, clean: int, unknown: int) -> None:
    rest = Estimate(0.1, 0.05, 0.2, 40.0)
    found = rate_with_known_part(hits, hits + clean, rest, hits + clean + unknown)
    assert found.high - found.low <= rest.high - rest.low + 1e-12
    assert found.low <= found.value <= found.high
    everything = rate_with_known_part(hits, max(hits + clean, 1), rest, max(hits + clean, 1))
    assert everything.low == everything.high


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_whole_weights_are_repeated_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    outcomes, scores = rng.integers(0, 2, 30), rng.integers(0, 8, 30).astype(float)
    weights = rng.integers(1, 4, 30)
    outcomes[:2] = 0, 1
    rows = np.repeat(np.arange(30), weights)
    ones = np.ones(len(rows))
    assert weighted_auc(outcomes, scores, weights.astype(float)) == pytest.approx(
        weighted_auc(outcomes[rows], scores[rows], ones)
    )
    assert weighted_precision(outcomes, scores, weights.astype(float), 0.3) == pytest.approx(
        weighted_precision(outcomes[rows], scores[rows], ones, 0.3)
    )


def test_precision_of_everything_is_the_base_rate_and_ties_are_shared() -> None:
    outcomes, weights = np.array([1, 0, 0, 1]), np.array([1.0, 3.0, 1.0, 1.0])
    assert weighted_precision(outcomes, np.zeros(4), weights, 0.1) == pytest.approx(2 / 6)
    assert weighted_precision(outcomes, np.array([9.0, 1, 2, 3]), weights, 1 / 6) == pytest.approx(1.0)


def test_bootstrap_draws_whole_enterprises() -> None:
    rng = np.random.default_rng(2)
    firms = np.repeat(np.arange(12), 25)
    outcomes = (firms % 3 == 0).astype(np.int64)
    weights = np.ones(300)

    def rate(w: np.ndarray) -> float:
        return float(w @ outcomes / w.sum())

    by_firm = bootstrapped(rate, weights, firms, seed=1)
    by_row = bootstrapped(rate, weights, rng.permutation(300), seed=1)
    assert by_firm.value == by_row.value == pytest.approx(1 / 3)
    assert by_firm.high - by_firm.low > 2 * (by_row.high - by_row.low)
    assert bootstrapped(rate, weights, firms, seed=1) == by_firm
