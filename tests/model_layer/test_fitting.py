"""Laws of fitting: weights, forgetting, the heads beside the risk, and studies that go on where they stopped."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest

import models.training.fitting
import models.training.heads
import models.training.train
from data.times import DAY
from models.encoding import fit_encoder
from models.training.dataset import Dataset
from models.training.fitting import Cases, cases_of, fixed_parameters, weights_of
from models.training.heads import OTHER, fit_heads
from models.training.stability import churn, stability_of
from models.training.train import Trained, _coarse, plan_of, search, train
from models.training.tuning import Budget, tune

_SETTING = {"rounds": 30, "learning_rate": 0.1, "num_leaves": 7, "min_data_in_leaf": 10}


def cases(dataset: Dataset) -> Cases:
    encoder = fit_encoder(dataset.features, dataset.columns)
    return cases_of(dataset, encoder, fixed_parameters(dataset.features, seed=7, threads=1))


def test_a_shipment_stands_for_as_many_as_its_draw_left_out(shipments: Dataset) -> None:
    assert set(np.unique(shipments.inclusion)) >= {1.0}
    assert (shipments.weights == 1 / shipments.inclusion).all()
    unknown = replace(shipments, inclusion=np.full(len(shipments), np.nan))
    assert (unknown.weights == 1).all()


def test_weights_of_training_follow_their_setting(shipments: Dataset) -> None:
    rows = np.arange(len(shipments))
    assert (weights_of(shipments, rows, {}) == 1).all()
    whole = weights_of(shipments, rows, {"inverse_probability": 1.0})
    assert whole.mean() == pytest.approx(1)
    assert whole * shipments.inclusion == pytest.approx(np.full(len(rows), (whole * shipments.inclusion)[0]))
    fading = weights_of(shipments, rows, {"half_life_days": 30})
    late, early = int(shipments.asked_at.argmax()), int(shipments.asked_at.argmin())
    days = (shipments.asked_at[late] - shipments.asked_at[early]) / DAY
    assert fading[early] / fading[late] == pytest.approx(0.5 ** (days / 30))


def test_rows_in_any_order_fit_the_same_trees(shipments: Dataset) -> None:
    ready = cases(shipments)
    parameters = fixed_parameters(shipments.features, seed=7, threads=1) | _SETTING
    rows = np.flatnonzero(np.arange(len(shipments)) % 3 > 0)
    one, other = ready.fit(rows, parameters), ready.fit(rows[::-1], parameters)
    assert one.model_to_string() == other.model_to_string()


def test_margins_come_in_the_order_of_their_rows(shipments: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.training.fitting, "_SCORED", 7)
    ready, rows = cases(shipments), np.random.default_rng(1).permutation(len(shipments))[:50]
    booster = ready.fit(np.arange(len(shipments)), fixed_parameters(shipments.features, seed=7, threads=1) | _SETTING)
    assert (ready.margins(booster, rows, 1) == booster.predict(ready.matrix[rows], raw_score=True)).all()
    assert ready.margins(booster, rows[:0], 1).shape == (0,)


def test_what_weighs_nothing_teaches_nothing(shipments: Dataset) -> None:
    """Cases that stand for next to nothing can say what they like."""
    some = np.arange(len(shipments)) % 2 == 0
    parameters = fixed_parameters(shipments.features, seed=7, threads=1) | _SETTING | {"inverse_probability": 1.0}
    parameters["min_data_in_leaf"] = 1  # which counts cases, not what they weigh
    margins = []
    for lies in (shipments.outcomes, 1 - shipments.outcomes):
        told = replace(
            shipments, outcomes=np.where(some, shipments.outcomes, lies), inclusion=np.where(some, 1e-9, 1.0)
        )
        ready = cases(told)
        margins.append(ready.margins(ready.fit(np.arange(len(told)), parameters), np.flatnonzero(some), 1))
    assert margins[0] == pytest.approx(margins[1], abs=1e-6)


def test_expected_duty_is_unbiased_over_what_it_learned_from(shipments: Dataset) -> None:
    rng = np.random.default_rng(3)
    outcomes = (rng.random(len(shipments)) < 0.7).astype(np.int64)
    value = np.exp(shipments.columns["value_log"] / 1000)
    duty = np.where(outcomes == 1, (np.sqrt(value) * rng.gamma(4, 25, len(value))).astype(np.int64), 0)
    kinds = np.where(outcomes == 1, np.where(value > np.median(value), "under_valuation", "splitting"), None)
    paid = replace(
        shipments, outcomes=outcomes, recovered_fen=duty, violations=kinds, inclusion=np.full(len(duty), np.nan)
    )
    ready = cases(paid)
    heads = fit_heads(ready, fixed_parameters(shipments.features, seed=7, threads=1))
    assert heads.recovery is not None
    assert heads.typology is not None
    hits = outcomes == 1
    said = np.asarray(heads.recovery.predict(ready.matrix[hits])) * heads.recovery_fen
    assert said.sum() == pytest.approx(duty[hits].sum(), rel=0.1)
    assert np.corrcoef(np.log(said), np.log(duty[hits] + 1))[0, 1] > 0.5
    assert heads.kinds == ("splitting", "under_valuation")
    shares = np.asarray(heads.typology.predict(ready.matrix[hits]))
    assert shares.sum(axis=1) == pytest.approx(1)
    assert (np.array(heads.kinds, dtype=object)[shares.argmax(axis=1)] == kinds[hits]).mean() > 0.9


def test_rare_kinds_are_one(shipments: Dataset) -> None:
    outcomes = np.ones(len(shipments), dtype=np.int64)
    names = np.array([f"rare_{n % 20}" if n % 4 == 0 else "common" for n in range(len(outcomes))], dtype=object)
    told = replace(shipments, outcomes=outcomes, violations=names)
    heads = fit_heads(cases(told), fixed_parameters(shipments.features, seed=7, threads=1))
    counts = {name: int((names == name).sum()) for name in set(names)}
    assert heads.kinds == (*sorted(name for name, count in counts.items() if count >= 30), OTHER)


def test_kinds_are_learned_from_some_hits_of_all_times(shipments: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    learned: list[np.ndarray] = []
    fit_to = Cases.fit_to

    def seen(self: Cases, rows: np.ndarray, parameters: dict, target: np.ndarray) -> object:
        learned.append(rows)
        return fit_to(self, rows, parameters, target)

    monkeypatch.setattr(Cases, "fit_to", seen)
    monkeypatch.setattr(models.training.heads, "_MOST_TYPED", 120)
    outcomes = np.ones(len(shipments), dtype=np.int64)
    names = np.array(["one", "other"], dtype=object)[np.arange(len(outcomes)) % 2]
    told = replace(
        shipments, outcomes=outcomes, violations=names, recovered_fen=np.zeros(len(outcomes), dtype=np.int64)
    )
    assert fit_heads(cases(told), fixed_parameters(shipments.features, seed=7, threads=1)).typology is not None
    (rows,) = learned
    assert len(np.unique(rows)) == 120
    assert np.diff(rows).max() <= len(shipments) / 119 + 1
    assert (rows[0], rows[-1]) == (0, len(shipments) - 1)


def test_trials_of_large_folds_see_their_cases_in_few_bins(shipments: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not plan_of(shipments).is_large
    monkeypatch.setattr(models.training.train, "_TUNED_ROWS", 60)
    plan = plan_of(shipments)
    assert plan.is_large
    coarse, places = _coarse(plan)
    for whole, own in zip(plan.tried, places, strict=True):
        for rows, place in zip(whole, own, strict=True):
            assert (coarse.dataset.names[place] == shipments.names[rows]).all()
            assert np.array_equal(coarse.matrix[place], plan.cases.matrix[rows], equal_nan=True)
    features = range(coarse.binned.num_feature())
    assert max(coarse.binned.feature_num_bin(number) for number in features) <= 64
    assert search(plan, Budget(4)) == search(plan_of(shipments, threads=2), Budget(4))


def test_where_a_fold_says_much_fewer_trials_go_on() -> None:
    ended = []
    for is_large in (False, True):
        tuned = tune(
            lambda setting, _fold: setting["learning_rate"], 4, Budget(40), weighted=False, days=10.0, seed=7,
            is_large=is_large,
        )  # fmt: skip
        ended.append(sum(np.isfinite(trial.loss) for trial in tuned.trials))
        assert tuned.best.loss == min(trial.parameters["learning_rate"] for trial in tuned.trials)
    assert 3 < ended[1] < ended[0] < 40


def test_a_study_goes_on_where_it_stopped_and_is_shared(tmp_path: Path) -> None:
    storage, seen = f"sqlite:///{tmp_path / 'studies.db'}", []

    def loss(setting: dict, fold: int) -> float:
        seen.append(setting)
        return (setting["learning_rate"] - 0.05) ** 2

    given = {"weighted": True, "days": 100.0, "seed": 7}
    tune(loss, 1, Budget(3, None, storage, "one"), **given)
    assert len(seen) == 3
    tuned = tune(loss, 1, Budget(8, None, storage, "one"), **given)
    assert len(seen) == 8
    assert len(tuned.trials) == 8
    assert tune(loss, 1, Budget(8, None, storage, "one"), **given).best == tuned.best
    assert len(seen) == 8
    tune(loss, 1, Budget(2, None, storage, "other"), **given)
    assert len(seen) == 10
    assert sum(tuned.importance.values()) == pytest.approx(1)
    assert len(optuna.get_all_study_names(storage)) == 2


def test_time_ends_a_study(tmp_path: Path) -> None:
    assert len(tune(lambda _s, _f: 0.0, 1, Budget(1000, 0.02), weighted=False, days=10.0, seed=7).trials) < 1000


def test_reasons_of_the_same_data_are_the_same_and_of_noise_are_not(shipments: Dataset, trained: Trained) -> None:
    parameters = fixed_parameters(shipments.features, seed=7, threads=1) | trained.tuned.best.parameters
    real = stability_of(cases(shipments), trained.bundle, parameters, refits=3, most=100)
    rng = np.random.default_rng(1)
    noise = replace(shipments, outcomes=rng.permutation(shipments.outcomes))
    of_noise = train("shipment", noise, budget=Budget(1), folds=2)
    lost = stability_of(cases(noise), of_noise.bundle, parameters, refits=3, most=100)
    assert 0 <= lost.kept < real.kept <= 1
    assert real.least_kept <= real.kept
    matrix = trained.bundle.encoder.rows(shipments.columns)[:100]
    assert churn(trained.bundle, trained.bundle, matrix, matrix) == pytest.approx(0)
    assert churn(trained.bundle, of_noise.bundle, matrix, of_noise.bundle.encoder.rows(shipments.columns)[:100]) > 0.2


def test_what_counts_more_often_weighs_more(shipments: Dataset) -> None:
    parameters = fixed_parameters(shipments.features, seed=7, threads=1) | _SETTING
    ready, rows = cases(shipments), np.arange(len(shipments))
    means = [
        ready.margins(ready.fit(rows, parameters, times=1 + often * shipments.outcomes), rows, 1).mean()
        for often in (0, 1, 4)
    ]
    assert means == sorted(means)
    assert means[2] > means[0] + 1
