"""Laws of the small parts: encoder, calibration, scale, metrics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models.encoding
from features.definitions import Feature, FeatureSet
from features.forms import Category, Fact
from models.calibration import fit_calibration
from models.encoding import MISSING_CODE, UNSEEN_CODE, fit_encoder
from models.evaluation.metrics import expected_calibration_error, hits_at, measure
from models.scale import CREDIT_SCALE, RISK_SCALE, whole_points

SET = FeatureSet(
    "t", "shipment",
    (Feature("code", "shipment", Category("code"), "码", "code"), Feature("n", "shipment", Fact("n"), "数", "number")),
)  # fmt: skip


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60),
    st.floats(-0.5, 0.5, exclude_min=True, exclude_max=True),
)
def test_whole_points_add_up_and_stay_within_one_of_their_part(parts: list[float], rounding: float) -> None:
    total = round(sum(parts) + rounding * 0.5)
    points = whole_points(parts, total)
    assert sum(points) == total
    assert all(abs(point - part) <= 1 + 1e-6 for point, part in zip(points, parts, strict=True))


def test_scales_are_where_they_say() -> None:
    assert CREDIT_SCALE.score(np.log(1 / 20)) == 1600
    assert CREDIT_SCALE.score(np.log(2 / 20)) == 1540
    assert RISK_SCALE.score(np.log(1 / 9)) == 500
    assert RISK_SCALE.score(np.log(2 / 9)) == 550


@given(st.lists(st.one_of(st.none(), st.sampled_from("abcdé")), min_size=1, max_size=80), st.sampled_from([3, 1_024]))
def test_one_row_is_encoded_as_the_same_row_of_many(codes: list[str | None], block: int) -> None:
    columns = {"code": np.array(codes, dtype=object), "n": np.arange(len(codes), dtype=float)}
    encoder = fit_encoder(SET, columns, least=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models.encoding, "_BLOCK", block)
        rows = encoder.rows(columns)
    for number, code in enumerate(codes):
        assert (encoder.row([code, float(number)])[0] == rows[number]).all()
        seldom = code is not None and codes.count(code) < 3
        assert (rows[number, 0] == MISSING_CODE) == (code is None)
        assert (rows[number, 0] == UNSEEN_CODE) == seldom


def test_a_code_and_a_number_never_seen_are_explicit() -> None:
    encoder = fit_encoder(SET, {"code": np.array(["a"] * 9, dtype=object), "n": np.zeros(9)})
    row = encoder.row(["zz", None])
    assert row[0, 0] == UNSEEN_CODE
    assert np.isnan(row[0, 1])


@settings(deadline=None, max_examples=25)
@given(st.floats(0.3, 3), st.floats(-2, 2), st.integers(0, 2**31))
def test_calibration_finds_the_line_that_made_the_outcomes(slope: float, intercept: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    margins = random.normal(size=20_000)
    outcomes = (random.random(20_000) < 1 / (1 + np.exp(-(slope * margins + intercept)))).astype(np.int64)
    line = fit_calibration(margins, outcomes)
    assert line.slope == pytest.approx(slope, abs=0.2)
    assert line.intercept == pytest.approx(intercept, abs=0.2)
    assert float(line.probabilities(margins).mean()) == pytest.approx(float(outcomes.mean()), abs=0.01)


def test_margins_that_rank_backwards_say_the_base_rate() -> None:
    margins = np.linspace(-3, 3, 1000)
    outcomes = (margins < -1).astype(np.int64)
    line = fit_calibration(margins, outcomes)
    assert line.slope == 0
    assert line.probabilities(np.array([99.0]))[0] == pytest.approx(outcomes.mean(), abs=0.01)


@given(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.1, 0.5, 0.9])), min_size=1, max_size=30),
    st.floats(0.01, 1),
)
def test_hits_with_ties_are_the_mean_over_all_orders(rows: list[tuple[int, float]], share: float) -> None:
    outcomes = np.array([outcome for outcome, _ in rows])
    scores = np.array([score for _, score in rows])
    hits, taken = hits_at(outcomes, scores, share)
    random = np.random.default_rng(1)
    found = []
    for _ in range(300):
        order = random.permutation(len(rows))
        ranked = order[np.argsort(-scores[order], kind="stable")]
        found.append(outcomes[ranked[:taken]].sum())
    assert hits == pytest.approx(float(np.mean(found)), abs=0.15 * max(1, taken) ** 0.5 + 1e-9)


def test_figures_of_a_perfect_and_of_an_empty_ranking() -> None:
    outcomes = np.array([1] * 10 + [0] * 90)
    perfect = measure(outcomes, outcomes.astype(float))
    assert (perfect.auc, perfect.average_precision, perfect.precision[0.1], perfect.recall[0.1], perfect.ece) == (
        1,
        1,
        1,
        1,
        0,
    )
    flat = measure(outcomes, np.full(100, 0.1))
    assert flat.auc == 0.5
    assert flat.precision[0.05] == pytest.approx(0.1)
    assert flat.ece is not None


def test_calibration_error_is_the_distance_of_said_and_found() -> None:
    outcomes = np.array([1, 0] * 500)
    assert expected_calibration_error(outcomes, np.full(1000, 0.8)) == pytest.approx(0.3)
