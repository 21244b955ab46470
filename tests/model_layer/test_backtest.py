"""Laws of the backtest: what a policy may know, what it may spend, and what nobody can beat."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import BacktestError
from data.layout import VersionTables, schema_of_versions
from data.records import Version
from data.simulator import load_parameters, simulate
from data.times import DAY, OPEN
from features.batch import FeedsInMemory, matrix
from features.catalogue import feature_set
from features.definitions import FeatureSet
from features.feeds import instants
from models.backtest.exploration import Drifting, drift_of
from models.backtest.figures import estimates_of, figures_of, lead, table_of
from models.backtest.histories import SUPERVISION
from models.backtest.learner import Settings, fit_duty
from models.backtest.material import Material, Outcomes, material_of, outcomes_of
from models.backtest.policies import policy_of, select
from models.backtest.replay import Office, Replayed, replay
from models.backtest.runs import Job, Run, best_of, key_of, run_of, stored_or_run

SMALL = Settings(rounds=8, every=5)
START = 0.6


@pytest.fixture(scope="module")
def material(versions: list[Version]) -> Material:
    return material_of(feature_set("shipment"), VersionTables(versions), start_share=START)


@pytest.fixture(scope="module")
def outcomes(material: Material) -> Outcomes:
    truth = simulate(load_parameters(firms=90, days=330)).truth.to_pylist()
    return outcomes_of(material, {r["declaration_no"]: (r["is_violation"], r["duty_at_stake_fen"]) for r in truth})


def run(material: Material, outcomes: Outcomes, policy: str, seed: int = 1, delay: float = 2.0) -> Replayed:
    return replay(material, outcomes, policy_of(policy), budget=0.1, seed=seed, settings=SMALL, delay_days=delay)


def selected(material: Material, done: Replayed, weeks: int) -> list[int]:
    """The places inspected in the first weeks."""
    places = done.reports.places
    return places[material.week[places] < weeks].tolist()


def turned(outcomes: Outcomes, which: np.ndarray) -> Outcomes:
    """The opposite outcomes for some declarations."""
    found = np.where(which, ~outcomes.found, outcomes.found)
    return Outcomes(found, np.where(which, np.where(found, 12_345, 0), outcomes.duty_fen))


def check_that_reports_wait(material: Material, outcomes: Outcomes, policy: str) -> None:
    """With a delay of four weeks and two days, what week 3 finds can change selections from week 8 on, not earlier."""
    week, delay = 3, 30.0
    plain = run(material, outcomes, policy, delay=delay)
    other = run(material, turned(outcomes, material.week >= week), policy, delay=delay)
    assert selected(material, plain, week + 5) == selected(material, other, week + 5)
    assert selected(material, plain, 99) != selected(material, other, 99)


@pytest.mark.parametrize("policy", ["recovery+drift", "rules"])
def test_no_policy_sees_an_outcome_before_its_report(material: Material, outcomes: Outcomes, policy: str) -> None:
    check_that_reports_wait(material, outcomes, policy)


def test_a_leak_is_caught(material: Material, outcomes: Outcomes, monkeypatch: pytest.MonkeyPatch) -> None:
    """An office that tells of inspections at once breaks the law above."""
    monkeypatch.setattr(Office, "known", lambda self, _at: self.all())
    with pytest.raises(AssertionError):
        check_that_reports_wait(material, outcomes, "recovery+drift")


def test_what_a_policy_did_not_inspect_teaches_it_nothing(material: Material, outcomes: Outcomes) -> None:
    plain = run(material, outcomes, "recovery+20%")
    unseen = np.ones(len(material), dtype=bool)
    unseen[plain.reports.places] = False
    again = run(material, turned(outcomes, unseen), "recovery+20%")
    assert selected(material, plain, 99) == selected(material, again, 99)


def test_what_others_inspected_later_changes_nothing(versions: list[Version], material: Material) -> None:
    """Records of supervision from the replay's beginning on belong to the selection of history."""
    kept = [v for v in versions if v.record.kind != SUPERVISION or v.record.known_at < material.start]
    kept = [
        replace(v, ended_at=OPEN) if v.ended_at >= material.start and v.record.kind == SUPERVISION else v for v in kept
    ]
    assert len(kept) < len(versions)
    bare = material_of(feature_set("shipment"), VersionTables(kept), start_share=START)
    places = np.flatnonzero(material.week >= 0)
    columns, others = (m.histories.columns(m.histories.feeds(), places) for m in (material, bare))
    for name, column in columns.items():
        np.testing.assert_array_equal(column, others[name], name)
    for name, column in material.histories.still.items():
        np.testing.assert_array_equal(column, bare.histories.still[name], name)


class _OnlyInspections:
    """A source whose supervision is its inspections, each happening when it became known."""

    def __init__(self, versions: Sequence[Version]) -> None:
        self._all = VersionTables(versions)
        (table,) = self._all.tables(SUPERVISION, schema_of_versions(SUPERVISION).names)
        kept = table.filter(pc.equal(table["event"], "inspection"))
        self.supervision = kept.set_column(kept.schema.get_field_index("event_at"), "event_at", kept["known_at"])

    def rows(self, kind: str) -> int:
        return self.supervision.num_rows if kind == SUPERVISION else self._all.rows(kind)

    def tables(self, kind: str, columns: Sequence[str]):
        if kind == SUPERVISION:
            yield self.supervision.select(
                [n for n in self.supervision.column_names if n in {c.split(".")[0] for c in columns}]
            )
        else:
            yield from self._all.tables(kind, columns)


def test_own_inspections_make_the_features_that_records_of_them_would(versions: list[Version]) -> None:
    """A policy that inspects what history did knows, bit for bit, what the batch engine knows of history."""
    source = _OnlyInspections(versions)
    features = feature_set("shipment")
    material = material_of(features, source, start_share=START)
    table, index = source.supervision, {name: place for place, name in enumerate(material.names)}
    later = np.flatnonzero(instants(table["known_at"]) >= material.start)
    later = np.array([n for n in later if table["declaration_no"][n].as_py() in index])
    made = table.take(pa.array(later))
    feeds = material.histories.feeds()
    feeds.add(
        material.histories.inspections(
            np.array([index[name] for name in made["declaration_no"].to_pylist()]), instants(made["known_at"]),
            np.array([finding == "hit" for finding in made["finding"].to_pylist()]),
            made["duty_recovered_fen"].fill_null(0).to_numpy(),
            np.array([reason == "random" for reason in made["selected_by"].to_pylist()]),
            made["inclusion_permille"].to_numpy() / 1000,
        )
    )  # fmt: skip
    places = np.flatnonzero(material.week >= 0)
    found = material.histories.columns(feeds, places)
    moving = FeatureSet("moving", "shipment", material.histories.moving)
    wanted = matrix(moving, FeedsInMemory(moving.measures, source), material.histories.questions)
    assert any(np.nansum(column) > 0 for column in found.values())
    for name, column in found.items():
        np.testing.assert_array_equal(column, wanted[name][places], name)


@pytest.mark.parametrize("policy", ["random", "rules", "probability+20%", "recovery+drift"])
def test_the_budget_holds_and_the_oracle_is_never_beaten(material: Material, outcomes: Outcomes, policy: str) -> None:
    done = run(material, outcomes, policy)
    places = done.reports.places
    assert len(np.unique(places)) == len(places)
    seen = used = 0
    for week in range(material.weeks):
        seen += len(material.places(week))
        own = places[material.week[places] == week]
        used += len(own)
        assert used <= 0.1 * seen
        hits, duty = best_of(outcomes, material.places(week), len(own))
        assert outcomes.found[own].sum() <= hits
        assert outcomes.duty_fen[own].sum() <= duty
    assert used == int(0.1 * seen + 1e-9)
    assert (done.reports.inclusion > 0).all()
    assert (done.reports.inclusion[~done.reports.explored] == 1).all()


def test_random_finds_what_there_is(material: Material, outcomes: Outcomes) -> None:
    found = [run(material, outcomes, "random", seed).reports.found for seed in range(8)]
    inside = (material.week >= 0) & (material.week < material.weeks)
    rate = float(outcomes.found[inside].mean())
    hits = np.concatenate(found)
    assert abs(float(hits.mean()) - rate) < 4 * np.sqrt(rate * (1 - rate) / len(hits))


def job_of(material: Material, outcomes: Outcomes, folder, policy: str, calls: list[str]) -> Run:
    job = Job(3, 0.1, policy)

    def given() -> tuple[Material, Outcomes]:
        calls.append(policy)
        return material, outcomes

    key = key_of(job, "s", "o", START, 2.0, SMALL, material.start + 40 * DAY)
    return stored_or_run(folder, job, key, given, late=material.start + 40 * DAY, delay_days=2.0, settings=SMALL)


def test_a_restarted_study_gives_the_same_bytes_and_repeats_nothing(material, outcomes, tmp_path) -> None:
    calls: list[str] = []
    whole = [job_of(material, outcomes, tmp_path / "a", policy, calls) for policy in ("random", "recovery+drift")]
    job_of(material, outcomes, tmp_path / "b", "random", calls)  # here it was stopped
    (tmp_path / "b/runs/seed=3/budget=10/recovery+drift.making").write_bytes(b'{"half')
    calls.clear()
    again = [job_of(material, outcomes, tmp_path / "b", policy, calls) for policy in ("random", "recovery+drift")]
    assert calls == ["recovery+drift"]
    assert again == whole
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.json"))
    assert len(files) == 2
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files)


def test_a_result_of_something_else_is_made_anew_and_a_broken_one_is_named(material, outcomes, tmp_path) -> None:
    made = job_of(material, outcomes, tmp_path, "random", [])
    path = made.job.path(tmp_path)
    path.write_bytes(path.read_bytes().replace(made.key.encode(), b"0" * len(made.key)))
    assert job_of(material, outcomes, tmp_path, "random", []) == made
    path.write_bytes(b"{}")
    with pytest.raises(BacktestError, match="no result of a backtest"):
        job_of(material, outcomes, tmp_path, "random", [])


def test_a_run_adds_up(material: Material, outcomes: Outcomes) -> None:
    done = run(material, outcomes, "recovery+20%")
    made = run_of(material, outcomes, done, Job(1, 0.1, "recovery+20%"), "key", material.start + 40 * DAY)
    assert sum(made.inspected) == len(done.reports) == len(made.drawn) + sum(made.sure)
    assert sum(made.hits) == done.reports.found.sum() == sum(made.sure_hits) + sum(hit for _, _, hit in made.drawn)
    assert sum(made.duty_fen) == done.reports.duty_fen.sum()
    assert made.late == 6  # the first whole week after 40 days
    figures = figures_of(made)
    missed = sum(made.violations) - sum(made.hits)
    assert figures.false_green == missed / (sum(made.declarations) - sum(made.inspected))
    assert 0 < figures.revenue <= 1
    assert table_of([made])[0].mean == figures
    assert lead([made, made], "recovery+20%", "recovery+20%", 0.1).mean == 0
    for estimate, truth in estimates_of(made):
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
        assert 0 < truth < 1


@given(st.integers(1, 40), st.integers(0, 50), st.integers(0, 50), st.integers(0, 2**32))
def test_a_selection_spends_its_budget_on_the_best_and_the_drawn(
    size: int, budget: int, explored: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 5, size).astype(float)
    chosen = select(scores, rng.random(size) + 0.01, budget, explored, rng)
    assert len(chosen) == min(budget, size) == len(set(chosen.places.tolist()))
    assert chosen.explored.sum() == min(explored, budget, size)
    best = chosen.places[~chosen.explored]
    others = np.setdiff1d(np.arange(size), best)
    if len(best) and len(others):
        assert scores[best].min() >= scores[others].max()


def test_policies_are_named() -> None:
    assert policy_of("recovery+10%").explore == 0.1
    assert policy_of("random").explore == 1.0
    assert isinstance(policy_of("probability+drift").explore, Drifting)
    for wrong in ("recovery+", "recovery+110%", "best", "recovery+drift%"):
        with pytest.raises(BacktestError, match="write a ranking"):
            policy_of(wrong)


@given(st.floats(-5, 20), st.floats(-5, 20))
def test_the_explored_share_rises_with_drift_within_its_bounds(one: float, two: float) -> None:
    law = Drifting()
    low, high = sorted((one, two))
    assert law.least <= law.share(low) <= law.share(high) <= law.most


def test_drift_is_what_draws_find_beyond_what_was_stated() -> None:
    rng = np.random.default_rng(1)
    stated = rng.uniform(0.01, 0.3, 400)
    honest = [drift_of(stated, rng.random(400) < stated) for _ in range(300)]
    assert np.mean(np.array(honest) > 2) < 0.06
    assert drift_of(stated, rng.random(400) < stated + 0.15) > 4
    assert drift_of(np.empty(0), np.empty(0, dtype=bool)) == 0


def test_the_duty_line_finds_the_rate_of_each_kind_of_goods() -> None:
    rng = np.random.default_rng(1)
    value, goods = rng.lognormal(10, 1, 400), rng.integers(0, 2, 400)
    duty = value * np.where(goods == 1, 0.2, 0.05) * rng.lognormal(0, 0.3, 400)
    facts = np.stack([np.ones(400), np.log(value), goods == 0, goods == 1], axis=1).astype(float)
    line = fit_duty(facts, duty.astype(np.int64))
    expected = value * np.where(goods == 1, 0.2, 0.05) * np.exp(0.3**2 / 2)
    assert np.abs(line.fen(facts) / expected - 1).mean() < 0.1


def test_every_declaration_that_is_replayed_needs_its_outcome(material: Material) -> None:
    with pytest.raises(BacktestError, match="have no outcome"):
        outcomes_of(material, {})
