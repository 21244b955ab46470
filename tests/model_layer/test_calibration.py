"""Laws of calibration and of the interval beside a probability."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from models.calibration import Curve, Kind, Scored, best_kind, fit_calibration, fit_curve
from models.uncertainty import fit_band

KINDS: tuple[Kind, ...] = ("line", "beta", "isotonic")


def drawn(seed: int, count: int, *, bend: float = 0.0) -> tuple[Scored, np.ndarray]:
    """Cases whose true log-odds are a line of the margin, or bend away from it; and their true probabilities."""
    rng = np.random.default_rng(seed)
    margins = rng.normal(-1, 1.5, count)
    true = 1 / (1 + np.exp(-(0.8 * margins - 0.5 + bend * np.maximum(margins, 0))))
    return Scored(margins, (rng.random(count) < true).astype(np.int64), np.ones(count)), true


@pytest.mark.parametrize("kind", KINDS)
def test_a_curve_never_falls_and_stays_a_probability(kind: Kind) -> None:
    curve = fit_curve(kind, drawn(1, 2_000)[0])
    found = curve.probabilities(np.linspace(-30, 30, 4_001))
    assert (np.diff(found) >= 0).all()
    assert 0 < found[0] < found[-1] < 1
    assert curve.probability(0.3) == curve.probabilities(np.array([0.3]))[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_curve_finds_the_truth_of_many_cases(kind: Kind) -> None:
    scored, true = drawn(2, 60_000)
    assert np.abs(fit_curve(kind, scored).probabilities(scored.margins) - true).mean() < 0.01


@given(seed=st.integers(0, 1000), kind=st.sampled_from(KINDS))
def test_a_weight_of_two_is_a_case_seen_twice(seed: int, kind: Kind) -> None:
    scored, _ = drawn(seed, 300)
    twice = np.random.default_rng(seed).random(300) < 0.3
    weighted = Scored(scored.margins, scored.outcomes, 1.0 + twice)
    order = np.concatenate([np.arange(300), np.flatnonzero(twice)])
    repeated = Scored(scored.margins[order], scored.outcomes[order], np.ones(len(order)))
    at = np.linspace(-4, 3, 50)
    # smoothing counts cases, of which repeating makes more: nearly the same, not quite
    assert fit_curve(kind, weighted).probabilities(at) == pytest.approx(
        fit_curve(kind, repeated).probabilities(at), abs=0.05
    )


def test_weights_bring_a_sample_back_to_its_population() -> None:
    rng = np.random.default_rng(3)
    population, true = drawn(3, 80_000)
    inclusion = np.where(rng.random(80_000) < 0.5, 0.9, 0.05)  # by something that the margin does not know
    hidden = inclusion > 0.5
    outcomes = (rng.random(80_000) < np.where(hidden, np.minimum(true * 1.6, 1), true * 0.4)).astype(np.int64)
    seen = rng.random(80_000) < inclusion
    plain = Scored(population.margins[seen], outcomes[seen], np.ones(int(seen.sum())))
    weighted = Scored(population.margins[seen], outcomes[seen], 1 / inclusion[seen])
    share = outcomes.mean()
    stated = [fit_curve("line", scored).probabilities(population.margins).mean() for scored in (plain, weighted)]
    assert abs(stated[1] - share) < 0.01 < 0.05 < abs(stated[0] - share)


def test_the_line_is_kept_where_it_is_true_and_left_where_it_is_not() -> None:
    straight = [drawn(seed, 4_000)[0] for seed in range(4)]
    bent = [drawn(seed, 20_000, bend=-0.8)[0] for seed in range(4)]
    assert best_kind(straight)[0] == "line"
    assert best_kind(bent)[0] in ("beta", "isotonic")


def test_timid_models_of_early_folds_do_not_stretch_what_later_ones_say() -> None:
    def fold(seed: int, timidity: float) -> Scored:
        scored, _ = drawn(seed, 20_000)
        return Scored(scored.margins / timidity, scored.outcomes, scored.weights)

    folds = [fold(1, 2.0), fold(2, 1.5), fold(3, 1.0), fold(4, 1.0)]
    assert Scored.lately(folds).line.slope == pytest.approx(0.8, abs=0.05)
    assert Scored.joined(folds).line.slope > 0.9
    taken = [len(Scored.lately((folds * 2)[:count]).margins) // 20_000 for count in range(1, 7)]
    assert taken == [1, 2, 2, 2, 3, 3]


def test_isotonic_levels_are_those_of_the_library_but_for_half_a_case() -> None:
    scored, _ = drawn(5, 4_000)
    curve = fit_curve("isotonic", scored)
    library = IsotonicRegression(out_of_bounds="clip").fit(scored.margins, scored.outcomes)
    inside = np.array(curve.margins)[5:-5]
    assert curve.probabilities(inside) == pytest.approx(library.predict(inside), abs=0.06)


def test_a_band_holds_the_truth_and_narrows_with_cases() -> None:
    widths = []
    for count in (300, 30_000):
        scored, _ = drawn(6, count)
        band = fit_band(scored.margins, scored.outcomes)
        at = np.linspace(-3, 1, 30)
        bounds = np.array([band.interval(float(one)) for one in at])
        assert (bounds[:, 0] <= bounds[:, 1]).all()
        widths.append(float((bounds[:, 1] - bounds[:, 0]).mean()))
    assert widths[1] < widths[0] / 3


def test_a_band_holds_the_truth_as_often_as_it_says_where_cases_of_a_firm_are_alike() -> None:
    """Venn-Abers alone does not: it says what one case more would change, not what another sample of firms would."""
    held: dict[int, list[float]] = {0: [], 100: []}
    for seed in range(12):
        rng = np.random.default_rng(seed)
        firms = np.repeat(np.arange(80), 25)
        of_firm = rng.normal(-1, 1, 80)[firms]  # what the model sees, and what it does not
        margins = of_firm + rng.normal(0, 0.5, len(firms))
        chance = 1 / (1 + np.exp(-(margins + rng.normal(0, 0.7, 80)[firms])))
        outcomes = (rng.random(len(firms)) < chance).astype(np.int64)
        at = np.quantile(margins, np.linspace(0.05, 0.95, 19))
        aside = 0.7 * np.random.default_rng(0).normal(size=20_000)
        truth = (1 / (1 + np.exp(-(at[:, None] + aside)))).mean(axis=1)
        for replicates, found in held.items():
            band = fit_band(margins, outcomes, firms=firms, replicates=replicates)
            bounds = np.array([band.interval(float(one)) for one in at])
            found.append(float(((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])).mean()))
    assert np.mean(held[100]) > 0.85
    assert np.mean(held[0]) < 0.5


@given(seed=st.integers(0, 200), digits=st.sampled_from([1, 9]), is_weighted=st.booleans())
def test_a_band_is_the_isotonic_fit_with_the_case_as_if_seen(seed: int, digits: int, is_weighted: bool) -> None:
    """Inductive Venn-Abers by their definition, at every knot, with margins that many cases share."""
    scored, _ = drawn(seed, 120)
    margins = np.round(scored.margins, digits)
    weights = np.random.default_rng(seed).choice([1.0, 2.0, 9.0], 120) if is_weighted else np.ones(120)
    band = fit_band(margins, scored.outcomes, weights, replicates=0)
    for outcome, stated in ((0, band.low), (1, band.high)):
        for margin, probability in list(zip(band.margins, stated, strict=True))[::7]:
            fitted = IsotonicRegression(out_of_bounds="clip").fit(
                np.append(margins, margin), np.append(scored.outcomes, outcome),
                sample_weight=np.append(weights / weights.mean(), 1.0),
            )  # fmt: skip
            assert probability == pytest.approx(float(fitted.predict([margin])[0]), abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**32 - 1))
def test_probabilities_keep_the_order_of_margins(kind: Kind, seed: int) -> None:
    scored, _ = drawn(seed, 300)
    at = np.sort(scored.margins)
    assert (np.diff(fit_curve(kind, scored).probabilities(at))[np.diff(at) > 1e-9] > 0).all()


def test_margins_without_use_give_everyone_the_base_rate() -> None:
    scored, _ = drawn(7, 500)
    useless = Scored(-scored.margins, scored.outcomes, scored.weights)
    curve: Curve = fit_curve("isotonic", useless)
    assert curve.kind == "line"
    assert curve.probability(5.0) == curve.probability(-5.0) == pytest.approx(scored.outcomes.mean(), abs=0.01)
    assert fit_calibration(useless.margins, useless.outcomes).slope == 0


@given(st.integers(0, 2**32 - 1), st.floats(-12, 12), st.floats(0.02, 20), st.integers(20, 400))
def test_the_line_has_the_least_loss_from_wherever_it_begins(
    seed: int, level: float, spread: float, count: int
) -> None:
    """Margins far from the base rate once led Newton's method away for ever."""
    rng = np.random.default_rng(seed)
    margins = level + spread * rng.normal(size=count)
    outcomes = (rng.random(count) < 1 / (1 + np.exp(-margins + level + 3))).astype(np.int64)
    hits, others = int(outcomes.sum()), int((1 - outcomes).sum())
    smoothed = np.where(outcomes == 1, (hits + 1) / (hits + 2), 1 / (others + 2))
    line = fit_calibration(margins, outcomes)

    def loss(slope: float, intercept: float) -> float:
        log_odds = slope * margins + intercept
        return float((np.logaddexp(0, log_odds) - smoothed * log_odds).sum())

    least = loss(line.slope, line.intercept)
    if line.slope > 0:
        beside = [(1.01, 0.0), (0.99, 0.0), (1.0, 0.01), (1.0, -0.01), (1.001, -0.01), (0.999, 0.01)]
        assert all(least <= loss(line.slope * by, line.intercept + more) + 1e-9 for by, more in beside)


@given(st.integers(0, 2**32 - 1), st.lists(st.floats(-5, 5), min_size=3, max_size=3))
def test_the_level_of_each_model_says_nothing_of_the_slope(seed: int, moves: list[float]) -> None:
    parts = [drawn(seed + number, 400)[0] for number in range(3)]
    moved = [Scored(p.margins + move, p.outcomes, p.weights) for p, move in zip(parts, moves, strict=True)]
    assert Scored.joined(moved).line.slope == pytest.approx(Scored.joined(parts).line.slope, rel=1e-6)
    stated = Scored.joined(moved).line.probabilities(Scored.joined(moved).margins)
    assert stated.mean() == pytest.approx(Scored.joined(moved).outcomes.mean(), abs=0.01)
