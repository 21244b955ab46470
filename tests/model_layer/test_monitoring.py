"""Laws of monitoring: silent where nothing changed, also when firms repeat themselves; loud where something did."""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.monitoring.alerts import Reported, alerts_of
from models.monitoring.firms import Firms, rate_interval
from models.monitoring.inputs import LEVEL, Change, Inputs, inputs_of
from models.monitoring.lane import Drawn, lane_truths
from models.monitoring.outcomes import Matured, Outcomes, calibration, outcomes_of
from models.monitoring.reference import SCORE, Column, Reference, reference_of
from tests.model_layer.populations import KNOWN, Population, population

NONE_DUE = Reported(0, 0)


def reference(of: Population) -> Reference:
    return reference_of(of.columns, of.probabilities, of.firms, KNOWN, of.at, origin="decisions")


def look(before: Reference, now: Population) -> Inputs:
    return inputs_of(before, now.columns, now.probabilities, now.firms, KNOWN, now.at)


def beyond(inputs: Inputs) -> dict[tuple[str, str], Change]:
    return {(change.feature, change.kind): change for change in inputs.changes if change.is_beyond}


def theme(feature: str) -> str:
    return feature.partition("_")[0]


def test_where_nothing_changed_looks_alarm_no_more_often_than_stated() -> None:
    """Over 80 pairs of worlds. With 80 looks at 1 in 100, more than 4 come once in a thousand times."""
    looks = [look(reference(population(2 * seed)), population(2 * seed + 1)) for seed in range(80)]
    assert all(change.limit is not None for inputs in looks for change in inputs.changes)
    assert sum(bool(beyond(inputs)) for inputs in looks) <= 4
    assert LEVEL == 0.01


def test_without_the_resemblance_of_firms_the_same_looks_would_alarm_without_end() -> None:
    """That the law above can fail: each question taken as a firm of its own."""
    alarms = 0
    for seed in range(10):
        first, second = (
            replace(population(s), names=np.arange(1_500).astype(object)) for s in (2 * seed, 2 * seed + 1)
        )
        alarms += bool(beyond(look(reference(first), second)))
    assert alarms >= 8


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_a_population_beside_itself_has_not_moved(seed: int) -> None:
    same = population(seed, firms=50, questions=300)
    for change in look(reference(same), same).changes:
        expected = 0.0 if change.kind == "shift" else change.before
        assert change.value == pytest.approx(expected, abs=1e-12)
        assert not change.is_beyond


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.floats(0.1, 10), st.randoms(use_true_random=False))
def test_neither_order_nor_the_unit_of_weights_matters(seed: int, unit: float, random: Any) -> None:
    before, now = reference(population(seed, questions=400)), population(seed + 1, questions=400)
    order = np.array(random.sample(range(400), 400))
    firms = Firms.of(now.names[order], np.full(400, unit))
    mixed = inputs_of(
        before, {name: column[order] for name, column in now.columns.items()}, now.probabilities[order], firms, KNOWN, now.at,
    )  # fmt: skip
    for one, other in zip(look(before, now).changes, mixed.changes, strict=True):
        assert (one.value, one.limit) == (pytest.approx(other.value), pytest.approx(other.limit))


def half(now: Population, **changed: Any) -> Population:
    """A population whose later half has other values in some columns."""
    columns = dict(now.columns)
    for name, values in changed.items():
        columns[name] = np.where(now.at >= len(now.at) // 2, values, columns[name])
    return replace(now, columns=columns)


def test_planted_changes_are_found_named_and_dated() -> None:
    before, now = reference(population(1)), population(2)
    random = np.random.default_rng(3)
    lost = np.where(random.random(1_500) < 0.2, np.nan, now.columns["sometimes"].astype(float))
    code = np.where(random.random(1_500) < 0.2, "new", now.columns["case_code"]).astype(object)
    shifted = now.columns["case"].astype(float) + 1.5
    found = beyond(look(before, half(now, case=shifted, sometimes=lost, case_code=code)))
    assert {("case", "shift"), ("sometimes", "missing"), ("case_code", "unseen")} <= set(found)
    for change in found.values():
        assert change.since is not None
        assert abs(change.since - 750) < 60, change
    assert beyond(look(before, now)) == {}


@pytest.mark.parametrize("begin", [0, 300, 750, 1_200])
def test_a_change_is_dated_wherever_it_began(begin: int) -> None:
    """Also at the very beginning of the window."""
    before, now = reference(population(1)), population(2)
    lost = np.where(
        (now.at >= begin) & (np.random.default_rng(3).random(1_500) < 0.3), np.nan, now.columns["case"].astype(float)
    )
    change = beyond(look(before, replace(now, columns=now.columns | {"case": lost})))["case", "missing"]
    assert change.since is not None
    assert abs(change.since - begin) < 30


@pytest.mark.parametrize(("step", "is_found"), [(0.05, False), (0.5, True)])
def test_the_size_of_a_shift_decides(step: float, is_found: bool) -> None:
    before, now = reference(population(11)), population(12)
    moved = replace(now, columns=now.columns | {"case": now.columns["case"].astype(float) + step})
    assert (("case", "shift") in beyond(look(before, moved))) == is_found


def test_few_firms_say_nothing() -> None:
    now = population(5, firms=6)
    moved = replace(now, columns=now.columns | {"case": now.columns["case"].astype(float) + 9})
    inputs = look(reference(population(4)), moved)
    assert all(change.limit is None and not change.is_beyond for change in inputs.changes)
    assert max(change.value for change in inputs.changes) > 1


def test_a_source_that_ends_altogether_is_found() -> None:
    """Nothing varies in the window then: the variance must come from the reference."""
    before, now = reference(population(1)), population(2)
    gone = replace(now, columns=now.columns | {"source_fails": np.full(1_500, np.nan)})
    assert set(beyond(look(before, gone))) == {("source_fails", "missing")}
    alerts = alerts_of(look(before, gone), None, (), NONE_DUE, theme)
    assert [(one.code, one.severity, one.features) for one in alerts] == [("input_missing", "alarm", ("source_fails",))]


@pytest.mark.parametrize("feature", ["case", "count", "own_flag"])
def test_values_that_are_all_the_same_now_are_found(feature: str) -> None:
    before, now = reference(population(1)), population(2)
    stuck = replace(now, columns=now.columns | {feature: np.full(1_500, now.columns[feature].astype(float).max())})
    assert set(beyond(look(before, stuck))) == {(feature, "shift")}


def test_the_degrees_of_freedom_follow_what_firms_tell_apart() -> None:
    random = np.random.default_rng(1)
    firms = Firms.of(np.repeat(np.arange(400), 20).astype(object))
    alone = random.integers(0, 5, 8_000)
    assert firms.resemblance(alone, 5).alike < 0.01
    assert firms.resemblance(alone, 5).free == pytest.approx(4, abs=0.3)
    # whether a question is in bin 0 is the firm's; where else it is, nobody's
    owned = np.where(np.repeat(random.random(400) < 0.2, 20), 0, random.integers(1, 5, 8_000))
    assert 0.2 < firms.resemblance(owned, 5).alike < 0.3  # one of four ways to differ
    assert firms.resemblance(owned, 5).free < 1.5


def test_what_firms_tell_apart_more_has_the_longer_tail() -> None:
    """One bin is the firm's: its chance is that of one way to differ and not of seven, and so is its limit."""
    random = np.random.default_rng(1)
    who = random.integers(0, 60, 1_500)
    plain = random.integers(0, 8, 1_500)
    mixed = np.where((random.random(60) < 0.2)[who], 0, 1 + plain % 7)
    names = np.array([f"firm-{place}" for place in who], dtype=object)
    columns: dict[str, Column] = {"plain": plain.astype(float), "mixed": mixed.astype(float)}
    world = Population(names, columns, random.random(1_500), np.arange(1_500))
    known = reference_of(columns, world.probabilities, world.firms, {}, world.at, origin="decisions")
    found = inputs_of(known, columns, world.probabilities, world.firms, {}, world.at).changes
    ratio = {
        change.feature: change.limit / change.before for change in found if change.kind == "shift" and change.limit
    }
    assert ratio["mixed"] > 1.5 * ratio["plain"]


def test_a_firms_flag_that_nobody_has_by_chance_is_no_alarm() -> None:
    """Twelve firms of a hundred shipments are twelve cases, also where all twelve are alike."""
    before = reference(population(1))
    now = population(2, firms=14, questions=1_400)
    even = np.array([f"firm-{place % 14}" for place in range(1_400)], dtype=object)
    columns = now.columns | {"own_flag": np.zeros(1_400), "source_fails": now.columns["case"]}
    assert not {("own_flag", "shift"), ("source_fails", "missing")} & set(
        beyond(look(before, replace(now, names=even, columns=columns)))
    )


def test_a_reference_is_small_data_and_comes_back_from_json() -> None:
    found = reference(population(1))
    text = msgspec.json.encode(found)
    assert msgspec.json.decode(text, type=Reference) == found
    assert len(text) < 500 * (len(found.spreads) + 1)
    assert all(len(spread.shares) <= 12 and sum(spread.shares) == pytest.approx(1) for spread in found.spreads)


def test_weights_make_a_selected_sample_stand_for_all() -> None:
    """Where half were inspected at a tenth of the rate, the weighted reference is that of all."""
    whole = population(21, questions=6_000)
    random = np.random.default_rng(1)
    chance = np.where(whole.columns["case"].astype(float) > 0, 1.0, 0.1)
    kept = np.flatnonzero(random.random(6_000) < chance)
    taken = Population(
        whole.names[kept], {name: column[kept] for name, column in whole.columns.items()}, whole.probabilities[kept], whole.at[kept],
    )  # fmt: skip
    firms = Firms.of(taken.names, 1 / chance[kept])
    assert firms.effective < taken.firms.effective
    weighted = reference_of(taken.columns, taken.probabilities, firms, KNOWN, taken.at, origin="training")
    assert weighted.spreads[0].shares == pytest.approx((0.125,) * 8, abs=0.01)
    assert ("case", "shift") not in beyond(look(weighted, population(22)))
    assert ("case", "shift") in beyond(look(reference(taken), population(22)))


def trial(seed: int, factor: float = 1.0, slope: float = 1.0) -> tuple[Matured, float]:
    """Inspected shipments of a world in which violations come `factor` times as often as stated, and the rate among all.

    The firm's own inclination is unknown to the model, which is right on average; inspectors take the riskiest tenth and a tenth
    of the others.
    """
    random = np.random.default_rng(seed)
    who = random.choice(250, 3_000, p=(sizes := random.pareto(2.5, 250) + 0.3) / sizes.sum())
    told = random.uniform(0.02, 0.25, 3_000)
    own = random.beta(2, 2, 250) * 2  # mean 1
    truth = np.clip(told * factor, 0, 0.5)
    outcomes = (random.random(3_000) < truth * own[who]).astype(np.int64)
    odds = np.log(told / (1 - told))
    stated = 1 / (1 + np.exp(-(odds.mean() + (odds - odds.mean()) / slope)))
    chance = np.where(told > 0.23, 1.0, 0.1)
    kept = random.random(3_000) < chance
    names = np.array([f"firm-{place}" for place in who], dtype=object)[kept]
    segments = {"step": np.where(chance == 1, "risk", "random").astype(object)[kept]}
    return Matured(stated[kept], outcomes[kept], Firms.of(names, 1 / chance[kept]), segments), float(truth.mean())


def judged(matured: Matured) -> Outcomes:
    found = outcomes_of(matured)
    assert found is not None
    return found


def codes(matured: Matured) -> list[tuple[str, str]]:
    alerts = alerts_of(Inputs(0, 0.0, ()), judged(matured), (), NONE_DUE, theme)
    return [(one.code, one.subject) for one in alerts]


def test_weighted_rates_cover_the_truth_as_often_as_stated() -> None:
    trials = [(judged(matured).overall.observed, truth) for matured, truth in (trial(seed) for seed in range(200))]
    covered = sum(rate.low <= truth <= rate.high for rate, truth in trials)
    assert covered >= 184  # 95 % of 200, less two standard deviations
    plain = [float(trial(seed)[0].outcomes.mean()) - truth for seed, (_, truth) in enumerate(trials[:50])]
    assert min(plain) > 0  # what was inspected without weights is not the truth


def test_a_right_model_is_not_accused_and_a_wrong_one_is() -> None:
    assert sum(bool(codes(trial(seed)[0])) for seed in range(100)) <= 4
    assert sum(("calibration", "all") in codes(trial(seed, factor=2.0)[0]) for seed in range(30)) >= 27
    assert sum(bool(codes(trial(seed, slope=0.3)[0])) for seed in range(30)) >= 20


def test_firms_that_are_all_good_or_all_bad_are_cases_and_not_their_shipments() -> None:
    """Where the model states the right mean for firms that differ widely, it is not accused."""
    accused = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        own = np.repeat(random.beta(0.3, 2.7, 80), 30)
        outcomes = (random.random(2_400) < own).astype(np.int64)
        p = calibration("all", np.full(2_400, 0.1), outcomes, Firms.of(np.repeat(np.arange(80), 30).astype(object))).p
        assert p is not None
        accused += p < 0.01
    assert accused <= 5


def test_few_hits_do_not_accuse_because_they_seem_not_to_vary() -> None:
    accused = 0
    for seed in range(200):
        outcomes = (np.random.default_rng(seed).random(150) < 0.03).astype(np.int64)
        p = calibration("all", np.full(150, 0.03), outcomes, Firms.of(np.arange(150).astype(object))).p
        assert p is not None
        accused += p < 0.01
    assert accused <= 3


def test_calibration_that_is_off_for_all_is_one_alert() -> None:
    (one,) = codes(trial(3, factor=2.5)[0])
    assert one == ("calibration", "all")


def test_calibration_errors_of_a_right_model_are_what_chance_shows() -> None:
    found = [judged(trial(seed)[0]) for seed in range(40)]
    ratio = np.mean([one.error for one in found]) / np.mean([one.error_by_chance for one in found])
    assert 0.7 < ratio < 1.4


def test_the_line_is_the_one_that_made_the_outcomes() -> None:
    lines = [judged(trial(seed, slope=0.5)[0]).line for seed in range(30)]
    assert np.mean([line.slope for line in lines if line]) == pytest.approx(0.5, abs=0.08)


def lane_trial(seed: int, *, firms: int, questions: int, alike: float, rate: float) -> tuple[float, float]:
    random = np.random.default_rng(seed)
    who = random.choice(firms, questions)
    own = random.beta(rate * (1 / alike - 1), (1 - rate) * (1 / alike - 1), firms) if alike else np.full(firms, rate)
    outcomes = (random.random(questions) < own[who]).astype(np.int64)
    found = rate_interval(outcomes, Firms.of(np.array([f"{place}" for place in who], dtype=object)))
    return found.low, found.high


@pytest.mark.parametrize(("firms", "questions", "alike", "rate"), [
    (100, 150, 0.0, 0.03), (100, 800, 0.1, 0.05), (40, 300, 0.3, 0.1), (25, 60, 0.0, 0.01),
])  # fmt: skip
def test_the_interval_of_the_random_lane_covers_the_truth_as_often_as_stated(
    firms: int, questions: int, alike: float, rate: float
) -> None:
    found = [lane_trial(s, firms=firms, questions=questions, alike=alike, rate=rate) for s in range(300)]
    assert sum(low <= rate <= high for low, high in found) >= 277  # 95 % of 300, less two standard deviations
    assert np.mean([high - low for low, high in found]) < 0.5  # and says something


def test_no_hits_still_have_an_upper_bound() -> None:
    firms = Firms.of(np.array([f"{n % 30}" for n in range(300)], dtype=object))
    found = rate_interval(np.zeros(300, dtype=np.int64), firms)
    assert (found.value, found.low) == (0.0, 0.0)
    assert pytest.approx(found.high, rel=0.15) == 1 - 0.025 ** (1 / 30)  # thirty firms, not three hundred shipments


def test_the_random_lane_sees_what_hides_in_the_green_channel() -> None:
    random = np.random.default_rng(1)
    lanes = np.where(random.random(20_000) < 0.6, "green_channel", "standard_release").astype(object)
    stated = np.where(lanes == "green_channel", 0.03, 0.1)
    names = np.array([f"firm-{place}" for place in random.integers(0, 300, 20_000)], dtype=object)
    drawn = random.random(20_000) < 0.05

    def found(green: float) -> list[tuple[str, str]]:
        outcomes = (random.random(20_000) < np.where(lanes == "green_channel", green, 0.1)).astype(np.int64)
        lane = Drawn(stated[drawn], outcomes[drawn], Firms.of(names[drawn]), lanes[drawn])
        truths = {truth.lane: truth for truth in lane_truths(lane, lanes, stated, allowed=0.06)}
        assert truths["green_channel"].given == (lanes == "green_channel").sum()
        rate = truths["green_channel"].rate
        assert rate is not None
        assert rate.low <= green <= rate.high
        assert truths["released"].estimate == pytest.approx(stated.mean())
        assert truths["document_review"].rate is None
        alerts = alerts_of(Inputs(0, 0.0, ()), None, truths.values(), NONE_DUE, theme)
        return [(one.code, one.severity) for one in alerts]

    assert found(0.03) == []
    assert found(0.15) == [("false_green", "alarm"), ("random_lane", "alarm")]


def test_features_of_a_theme_are_one_alert_and_trifles_none() -> None:
    def change(feature: str, value: float) -> Change:
        return Change(feature, "missing", value, 0.01, 0.02, is_beyond=True, since=int(value * 1000))

    moved = (change("funds_a", 0.3), change("funds_b", 0.05), change("price_a", 0.025), change(SCORE, 0.05))
    alerts = alerts_of(Inputs(100, 50.0, moved[:3]), None, (), NONE_DUE, theme)
    assert [(one.subject, one.severity, one.features, one.since) for one in alerts] == [
        ("funds", "alarm", ("funds_a", "funds_b"), 50)
    ]
    assert "funds_a" in alerts[0].en
    assert "funds_a" in alerts[0].zh


@pytest.mark.parametrize(("reported", "severity"), [(95, None), (70, "warning"), (20, "alarm")])
def test_inspections_that_do_not_report_are_told(reported: int, severity: str | None) -> None:
    alerts = alerts_of(Inputs(0, 0.0, ()), None, (), Reported(100, reported), theme)
    assert [(one.code, one.severity) for one in alerts] == ([("outcomes_late", severity)] if severity else [])
