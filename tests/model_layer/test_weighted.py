"""Laws of the evaluation's figures: weights are repetition, order tells nothing, intervals cover, chance is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from models.evaluation.drift import by_month, shifts
from models.evaluation.fairness import MOST_GROUPS, OTHERS, fairness
from models.evaluation.gains import gains, gains_line
from models.evaluation.intervals import Draws, bootstrap, multiplicities, places_of
from models.evaluation.metrics import measure
from models.evaluation.reliability import reliability, share, wilson
from models.evaluation.weighted import Ranking, calibration_error, figures, tenths

DAY = 86_400 * 1_000_000


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes of both kinds, probabilities with ties, and whole weights."""
    n = draw(st.integers(4, 60))
    outcomes = draw(arrays(np.int64, n, elements=st.integers(0, 1)).filter(lambda y: 0 < y.sum() < len(y)))
    probabilities = draw(arrays(np.float64, n, elements=st.sampled_from([0.05, 0.1, 0.25, 0.3, 0.5, 0.8, 0.9])))
    return outcomes, probabilities, draw(arrays(np.float64, n, elements=st.integers(1, 4).map(float)))


def _all(outcomes: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    ranking = Ranking.of(probabilities)
    ece = calibration_error(ranking, outcomes, probabilities, weights)
    return figures(ranking, outcomes, probabilities, weights) | {"ece": ece}


@settings(deadline=None)
@given(scored())
def test_a_weight_is_so_many_equal_rows(rows: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    outcomes, said, weights = rows
    often = weights.astype(int)
    repeated = np.repeat(outcomes, often), np.repeat(said, often)
    assert _all(*rows) == pytest.approx(_all(*repeated, np.ones(often.sum())), abs=1e-9)
    duty = np.arange(len(outcomes)) * 100
    weighted = gains(Ranking.of(said), outcomes, duty, weights)
    plain = gains(Ranking.of(repeated[1]), repeated[0], np.repeat(duty, often), np.ones(often.sum()))
    assert [g.recovered_fen for g in weighted] == pytest.approx([g.recovered_fen for g in plain])


@settings(deadline=None)
@given(scored(), st.randoms(use_true_random=False))
def test_the_order_of_rows_tells_nothing(rows: tuple[np.ndarray, np.ndarray, np.ndarray], random) -> None:
    turned = np.array(random.sample(range(len(rows[0])), len(rows[0])))
    assert _all(*rows) == pytest.approx(_all(*(part[turned] for part in rows)), abs=1e-9)
    selected = Ranking.of(rows[1]).selected(rows[2], 0.2)
    assert Ranking.of(rows[1][turned]).selected(rows[2][turned], 0.2) == pytest.approx(selected[turned], abs=1e-9)


@settings(deadline=None)
@given(scored())
def test_without_weights_figures_are_those_of_scikit_learn(rows: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    outcomes, said, weights = rows
    found = _all(outcomes, said, np.ones(len(said)))
    assert found["auc"] == pytest.approx(roc_auc_score(outcomes, said))
    assert found["average_precision"] == pytest.approx(average_precision_score(outcomes, said))
    assert found["brier"] == pytest.approx(brier_score_loss(outcomes, said))
    assert found["log_loss"] == pytest.approx(log_loss(outcomes, said))
    assert _all(*rows)["auc"] == pytest.approx(roc_auc_score(outcomes, said, sample_weight=weights))
    flat = measure(outcomes, said).flat()
    assert {name: found[name] for name in found.keys() & flat.keys()} == pytest.approx(
        {name: flat[name] for name in found.keys() & flat.keys()}
    )
    assert {"auc", "ece", "brier", "precision_at_5pct", "recall_at_10pct"} <= found.keys() & flat.keys()


@settings(deadline=None)
@given(scored(), st.sampled_from([0.01, 0.1, 0.33, 1.0]))
def test_the_selected_are_the_riskiest_and_fill_the_budget(rows, share_: float) -> None:
    _, said, weights = rows
    selected = Ranking.of(said).selected(weights, share_)
    assert weights @ selected == pytest.approx(max(1.0, np.ceil(weights.sum() * share_)))
    assert ((selected >= 0) & (selected <= 1 + 1e-12)).all()
    inside, outside = said[selected > 1e-9], said[selected < 1 - 1e-9]
    assert not len(outside) or inside.min() >= outside.max()


def test_equal_scores_lie_in_the_bin_of_their_middle() -> None:
    said = np.repeat([0.9, 0.5, 0.1], [10, 80, 10])
    assert np.unique(tenths(Ranking.of(said), np.ones(100), 4)[[0, 10, 90]]).tolist() == [0, 2, 3]
    assert np.bincount(tenths(Ranking.of(np.arange(200.0)), np.ones(200))).tolist() == [20] * 10


def test_gains_of_a_perfect_ranking_find_all_first() -> None:
    outcomes = np.repeat([1, 0], [10, 90])
    found = gains(Ranking.of(outcomes.astype(float)), outcomes, outcomes * 500, np.ones(100))
    assert [(g.share, g.taken, g.hits, g.recall, g.lift) for g in found] == [
        (0.01, 1, 1, 0.1, 10), (0.02, 2, 2, 0.2, 10), (0.05, 5, 5, 0.5, 10), (0.1, 10, 10, 1.0, 10), (0.2, 20, 10, 1.0, 5),
    ]  # fmt: skip
    assert [g.recovered for g in found] == [g.recall for g in found]
    at, line = gains_line(Ranking.of(np.zeros(100)), outcomes.astype(float), np.ones(100))
    assert line == pytest.approx(at)  # all equal: as at random


def _clustered(random: np.random.Generator, clusters: int, each: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes drawn from the probabilities stated, of firms that differ: the truth is known by integration."""
    firm = np.repeat(np.arange(clusters), each)
    log_odds = -1.5 + random.normal(0, 1, clusters)[firm] + random.normal(0, 0.7, clusters * each)
    said = 1 / (1 + np.exp(-log_odds))
    return (random.random(len(said)) < said).astype(np.int64), said, firm


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """Worlds of 60 firms, the truth from a huge one; rows taken one by one, without their firms, would promise too much."""
    random = np.random.default_rng(1)
    huge = _all(*_clustered(random, 40_000, 20)[:2], np.ones(800_000))
    names = ("auc", "average_precision", "precision_at_10pct", "recall_at_20pct", "brier")
    covered = dict.fromkeys((*names, "ece", "too extreme", "base_rate", "rows"), 0)
    worlds = 200
    for seed in range(worlds):
        outcomes, said, firm = _clustered(random, 60, 20)
        ranking, ones = Ranking.of(said), np.ones(len(said))
        draws = bootstrap(
            lambda w, r=ranking, y=outcomes, p=said: figures(r, y, p, w), ones, firm, replicates=120, seed=seed
        )
        for name in names:
            one = draws[name].percentile()
            covered[name] += one.low <= huge[name] <= one.high
        covered["ece"] += reliability(outcomes, said, ones, firm).error.low == 0  # the probabilities are true
        extreme = said**1.5 / (said**1.5 + (1 - said) ** 1.5)
        one = reliability(outcomes, extreme, ones, firm).error
        covered["too extreme"] += one.low <= _EXTREME <= one.high
        own = (np.bincount(firm, outcomes), np.bincount(firm).astype(float))
        whole = share(*own, len(firm))
        covered["base_rate"] += whole.low <= _BASE <= whole.high
        one_by_one = wilson(float(outcomes.mean()), len(outcomes))
        covered["rows"] += one_by_one[0] <= _BASE <= one_by_one[1]
    for name in (*names, "base_rate", "too extreme"):
        assert 0.91 <= covered[name] / worlds <= 0.99, name
    assert 0.95 <= covered["ece"] / worlds <= 1
    assert covered["rows"] / worlds < 0.85


_TRUTH = 1 / (1 + np.exp(1.5 - np.random.default_rng(0).normal(0, np.sqrt(1.49), 1_000_000)))
_BASE = float(_TRUTH.mean())
_EXTREME = float(np.abs(_TRUTH**1.5 / (_TRUTH**1.5 + (1 - _TRUTH) ** 1.5) - _TRUTH).mean())


def test_the_error_of_true_probabilities_is_what_chance_says_and_is_taken_off() -> None:
    random = np.random.default_rng(2)
    plain, debiased = [], []
    for _ in range(200):
        said = random.beta(1, 6, 2_000)
        outcomes = (random.random(2_000) < said).astype(np.int64)
        found = reliability(outcomes, said, np.ones(2_000), np.arange(2_000))
        assert found.ece == pytest.approx(calibration_error(Ranking.of(said), outcomes, said, np.ones(2_000)))
        plain.append(found.ece)
        debiased.append(found.error.value)
    means = [part.mean() for part in np.array_split(np.sort(random.beta(1, 6, 200_000)), 10)]
    by_chance = np.mean([np.sqrt(2 / np.pi * m * (1 - m) / 200) for m in means])
    assert np.mean(plain) == pytest.approx(by_chance, rel=0.05)
    assert np.mean(debiased) < 0.4 * np.mean(plain)
    assert np.median(debiased) < 0.15 * np.mean(plain)


def test_a_stated_excess_is_found_and_not_taken_off() -> None:
    random = np.random.default_rng(3)
    said = random.beta(2, 6, 20_000)
    outcomes = (random.random(20_000) < said - 0.1 * (said > 0.1)).astype(np.int64)
    found = reliability(outcomes, said, np.ones(20_000), np.arange(20_000) // 4)
    truth = np.mean(0.1 * (said > 0.1))
    assert found.ece == pytest.approx(truth, abs=0.01)
    assert found.error.value == pytest.approx(truth, abs=0.01)
    assert found.error.low < truth < found.error.high < found.error.low + 0.03
    clear = [b for b in found.bins if b.stated > 0.15]
    assert sum(b.found.low <= b.stated - 0.1 <= b.found.high for b in clear) >= len(clear) - 1 > 4


def test_rows_of_one_firm_widen_bins() -> None:
    random = np.random.default_rng(4)
    outcomes, said, firm = _clustered(random, 60, 20)
    outcomes = np.repeat(outcomes[::20], 20)  # a firm's rows are all alike
    apart = reliability(outcomes, said, np.ones(1200), np.arange(1200), bins=1).bins[0].found
    together = reliability(outcomes, said, np.ones(1200), firm, bins=1).bins[0].found
    assert together.value == apart.value
    assert together.high - together.low > 3 * (apart.high - apart.low)


def test_a_share_without_hits_is_as_unsure_as_its_firms_are_few() -> None:
    none = share(np.zeros(9), np.full(9, 100.0), 900)
    assert (none.value, none.low) == (0.0, 0.0)
    assert 0.2 < none.high < 0.4
    alone = share(np.array([3.0]), np.array([10.0]), 10)
    assert alone.value == 0.3
    assert np.isnan(alone.low)


def test_resamples_are_seeded_and_keep_the_number_of_clusters() -> None:
    first, again = (np.stack(list(multiplicities(30, 50, 5))) for _ in range(2))
    assert (first == again).all()
    assert (first.sum(axis=1) == 30).all()
    assert not (first == np.stack(list(multiplicities(30, 50, 6)))).all()
    assert places_of(np.array(["b", "a", "b"], dtype=object)).tolist() == [1, 0, 1]


def test_too_few_clusters_give_no_interval() -> None:
    assert np.isnan(Draws(0.5, np.full(100, 0.5), 1).percentile().low)
    assert np.isnan(Draws(0.5, np.array([0.5, np.nan]), 50).percentile().low)
    assert np.isnan(Draws(0.5, np.linspace(0, 1, 1001), 1).percentile().low)
    few, many = (Draws(0.5, np.linspace(0, 1, 1001), k).percentile() for k in (5, 500))
    assert few.low < many.low == pytest.approx(0.025, abs=0.002)


def _fair(groups: np.ndarray, outcomes: np.ndarray, said: np.ndarray, share_: float = 0.1, **more):
    ones = np.ones(len(said))
    selected = Ranking.of(said).selected(ones, share_)
    (segment,) = fairness({"size": groups}, outcomes, said, selected, ones, np.arange(len(said)) // 2, **more)
    return segment


def test_identical_groups_are_at_parity() -> None:
    random = np.random.default_rng(5)
    said = np.tile(random.random(2_000), 2)
    outcomes = np.tile((random.random(2_000) < said[:2_000]).astype(np.int64), 2)
    segment = _fair(np.repeat(["a", "b"], 2_000).astype(object), outcomes, said)
    assert segment.inspection_parity.value == pytest.approx(1)
    assert segment.hit_parity.value == pytest.approx(1)
    assert segment.flat()["inspection_parity_size"] == segment.inspection_parity.value
    for group in segment.groups:
        assert group.inspection_rate.value == pytest.approx(0.1)
        assert group.inspection_ratio.value == pytest.approx(1)
        assert group.hit_ratio.value == pytest.approx(1)
    assert segment.calibration_gap.value == pytest.approx(abs(said.mean() - outcomes.mean()))


def test_a_group_inspected_on_weaker_grounds_stands_out() -> None:
    random = np.random.default_rng(6)
    groups = np.where(random.random(8_000) < 0.5, "a", "b").astype(object)
    truth = random.beta(1, 5, 8_000)
    outcomes = (random.random(8_000) < truth).astype(np.int64)
    said = np.clip(truth * np.where(groups == "b", 2.0, 1.0), 0, 1)
    segment = _fair(groups, outcomes, said)
    a, b = sorted(segment.groups, key=lambda group: group.name)
    assert b.inspection_rate.value > 2 * a.inspection_rate.value
    assert b.hit_rate.value < a.hit_rate.value
    assert segment.hit_parity.high < 0.9
    assert segment.inspection_parity.high < 0.5
    caught = sum(g.inspection_rate.value * g.rows * g.hit_rate.value for g in (a, b))
    missed = sum(g.miss_rate.value * g.base_rate.value * g.rows for g in (a, b))
    assert caught + missed == pytest.approx(outcomes.sum())
    green = sum((1 - g.inspection_rate.value) * g.rows * g.false_green_rate.value for g in (a, b))
    assert green == pytest.approx(missed)


def test_small_unknown_and_many_groups_do_not_count_for_parity() -> None:
    random = np.random.default_rng(7)
    said = random.random(6_000)
    outcomes = (random.random(6_000) < said).astype(np.int64)
    names = np.array([None if n % 3 == 0 else f"g{n % 100}" for n in range(6_000)], dtype=object)
    segment = _fair(names, outcomes, said, replicates=20)
    assert len(segment.groups) == MOST_GROUPS + 1
    assert {"unknown", OTHERS} <= {group.name for group in segment.groups}
    assert sum(group.rows for group in segment.groups) == 6_000
    assert segment.inspection_parity is None  # all known groups are below 100 rows
    assert segment.flat() == {}


def test_a_group_without_hits_is_not_a_certainty() -> None:
    """Ten selected rows without a hit beside a share of a fifth may be chance; two hundred may not."""
    for rows, is_sure in ((12, False), (300, True)):
        groups = np.repeat(["a", "b"], [1_000, rows]).astype(object)
        outcomes = np.concatenate((np.arange(1_000) % 5 == 0, np.zeros(rows, dtype=bool))).astype(np.int64)
        ones = np.ones(len(outcomes))
        (segment,) = fairness(
            {"size": groups}, outcomes, ones / 5, np.full(len(ones), 0.9), ones, np.arange(len(ones)), least=10, seed=1
        )
        if rows * 0.9 >= 20:
            assert segment.hit_parity.value == 0
            assert (segment.hit_parity.high < 0.8) == is_sure
        assert segment.inspection_parity.value == pytest.approx(1)
        assert (segment.calibration_gap.low > 0.05) == is_sure


@pytest.mark.parametrize("names", ["ab", "abcdef"])
def test_parity_says_how_unsure_it_is(names: str) -> None:
    """Of groups that differ by chance alone, nearly all intervals hold parity, however many the groups are."""
    random = np.random.default_rng(8)
    held = calibrated = 0
    for seed in range(60):
        said = random.random(1_500)
        outcomes = (random.random(1_500) < said).astype(np.int64)
        segment = _fair(random.choice(list(names), 1_500).astype(object), outcomes, said, replicates=100, seed=seed)
        held += segment.inspection_parity.high == pytest.approx(1)
        calibrated += segment.calibration_gap.low == 0
        assert segment.inspection_parity.low < 0.97
        assert segment.inspection_parity.low <= segment.inspection_parity.value <= segment.inspection_parity.high
    assert held >= 55
    assert calibrated >= 55


def test_what_does_not_move_is_no_shift_and_what_moves_is() -> None:
    random = np.random.default_rng(9)
    at = np.arange(3_000) * DAY // 10
    still, moved = random.normal(size=3_000), random.normal(size=3_000) + np.arange(3_000) / 3_000 * 2
    code = np.where(at < at[2_000], "a", "b").astype(object)
    found = {one.name: one for one in shifts({"still": still, "moved": moved, "code": code}, at)}
    assert (found["still"].size, found["moved"].size, found["code"].size) == ("none", "large", "large")
    assert (found["still"].first, found["still"].last) == (1_000, 1_000)
    assert shifts({"still": still}, np.full(3_000, DAY)) == ()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000))
def test_months_hold_every_row_once(seed: int) -> None:
    random = np.random.default_rng(seed)
    at = np.sort(random.integers(0, 200 * DAY, 500))
    said = random.random(500)
    outcomes = (random.random(500) < said).astype(np.int64)
    found = by_month(at, outcomes, said, np.ones(500), random.integers(0, 40, 500))
    assert sum(month.rows for month in found) == 500
    assert sum(month.rows * month.found.value for month in found) == pytest.approx(outcomes.sum())
    assert all(month.found.low <= month.found.value <= month.found.high for month in found)
