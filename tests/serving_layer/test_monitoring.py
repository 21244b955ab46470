"""Monitoring over real stores and a real service: windows as known then, the random lane, alerts as metrics and warnings."""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from data.errors import NoChampionError
from data.records import Record, digest_of
from data.store import Store, open_store
from data.store import decisions as decision_rows
from data.store import records as record_rows
from data.store.decisions import Decided
from data.times import DAY, HOUR, from_instant
from models.bundle import Bundle
from models.policy import shipped_policies
from serving import watching
from serving.cli.root import app
from serving.metrics import Metrics
from serving.monitoring import Monitored, Window, monitor
from serving.settings import Settings
from serving.watching import MonitorWatch
from tests.serving_layer.service import Clock, Service, World, install_all, serving
from tests.serving_layer.test_skew_check import samples

POLICIES = shipped_policies()
REFERENCE = 300
FIRMS = 60


@dataclass(frozen=True)
class Stage:
    """A store with champions, on which decisions and their outcomes are put as if a service had made them."""

    store: Store
    world: World

    @property
    def begin(self) -> int:
        return self.world.end + DAY

    def window(self, days: int = 40, **changed: Any) -> Window:
        return replace(Window(self.begin, self.begin + days * DAY, reference=REFERENCE), **changed)

    def look(self, window: Window | None = None, model: str = "shipment") -> Monitored:
        return monitor(self.store, POLICIES, model, window or self.window())

    def put(self, decisions: list[Decided], outcomes: list[Record] = []) -> None:  # noqa: B006
        with self.store.write() as connection:
            for decided in decisions:
                decision_rows.put(connection, decided)
            record_rows.append(connection, outcomes)


@pytest.fixture
def stage(store: Store, world: World) -> Stage:
    """A store with champions, on each kind of database."""
    install_all(store, world.bundles, world.end)
    return Stage(store, world)


def vector(bundle: Bundle, random: np.random.Generator) -> list[Any]:
    codes = bundle.manifest.codes
    names = [feature.name for feature in bundle.features.features]
    return [
        str(random.choice(codes[name])) if codes.get(name) else None if name in codes else float(random.normal()) for name in names
    ]  # fmt: skip


def decisions(stage: Stage, count: int, *, since: int | None = None, days: int = 20, seed: int = 1) -> list[Decided]:
    """Decisions of sixty firms: a fifth drawn at random, a tenth inspected for their risk, the others released."""
    random = np.random.default_rng(seed)
    start, made = stage.begin if since is None else since, []
    for number in range(count):
        risk = float(random.uniform(0.01, 0.15))
        drawn = random.random()
        step, lane, permille = (
            ("random", "heightened_inspection", 200) if drawn < 0.2
            else ("risk", "heightened_inspection", 1000) if drawn < 0.3
            else ("standard", "standard_release", 200)
        )  # fmt: skip
        name = f"{seed}-{number}"
        made.append(
            Decided(
                id=f"dec_{random.bytes(12).hex()}", declaration_no=f"no-{name}",
                enterprise=f"firm-{random.integers(FIRMS)}", decided_at=start + number * days * DAY // count, lane=lane,
                idempotency_key=None, request_digest="0" * 64,
                body={
                    "selection": {"step": step, "inclusion_permille": permille}, "statutory_level": "routine",
                    "risk": {"probability": risk}, "credit": {"probability": 0.02, "score": 1400},
                },
                evidence={
                    "models": {model: bundle.digest for model, bundle in stage.world.bundles.items()},
                    "vectors": {model: vector(bundle, random) for model, bundle in stage.world.bundles.items()},
                },
            )
        )  # fmt: skip
    return made


def report(decided: Decided, finding: str, known_at: int, *, action: Any = "new", guid: str = "") -> Record:
    payload = {
        "event": "inspection", "enterprise": decided.enterprise, "declaration_no": decided.declaration_no, "finding": finding,
    }  # fmt: skip
    digest = digest_of([decided.id, decided.enterprise, finding, known_at, action, guid])
    return Record(
        kind="supervision", guid=guid or f"report-{decided.id}", source="single-window", action=action, event_at=known_at,
        known_at=known_at, usable_until=2**62, payload=payload if action != "delete" else {}, digest=digest,
    )  # fmt: skip


def reports(made: list[Decided], seed: int = 5, *, factor: float = 1.0) -> list[Record]:
    """What the inspections found, two days later: violations `factor` times as often as stated."""
    random = np.random.default_rng(seed)
    return [
        report(one, "hit" if random.random() < factor * one.body["risk"]["probability"] else "clean", one.decided_at + 2 * DAY)
        for one in made if one.lane == "heightened_inspection"
    ]  # fmt: skip


def named(found: Monitored) -> set[tuple[str, str]]:
    return {(alert.code, alert.subject) for alert in found.alerts}


def test_where_nothing_changes_there_is_no_alert_and_each_look_says_the_same(stage: Stage) -> None:
    made = decisions(stage, 900)
    stage.put(made, reports(made))
    found = stage.look()
    assert found.alerts == ()
    assert (found.decisions, found.inputs.rows) == (900, 600)
    assert found.outcomes is not None
    inspected = [one for one in made if one.lane == "heightened_inspection"]
    assert found.outcomes.overall.rows == len(inspected) == found.reported.reported == found.reported.directed
    everyone = next(truth for truth in found.truths if truth.lane == "all")
    assert everyone.given == 900
    assert everyone.drawn is not None
    assert everyone.drawn.rows == sum(one.body["selection"]["step"] == "random" for one in made)
    assert stage.look() == found
    assert stage.look(model="credit").alerts == ()


def test_planted_drift_and_wrong_probabilities_are_found(stage: Stage) -> None:
    made = decisions(stage, 900)
    names = [feature.name for feature in stage.world.bundles["shipment"].features.features]
    lost, mode = names.index("declarations_365d"), names.index("trade_mode")
    for one in made[600:]:
        one.evidence["vectors"]["shipment"][lost] = None
        one.evidence["vectors"]["shipment"][mode] = "0000"
    stage.put(made, reports(made, factor=3.0))
    found = stage.look()
    features = {alert.code: alert.features for alert in found.alerts}
    assert features["input_missing"] == (names[lost],)
    assert features["input_unseen"] == ("trade_mode",)
    assert ("calibration", "all") in named(found)
    missing = next(alert for alert in found.alerts if alert.code == "input_missing")
    assert missing.since is not None
    assert abs(missing.since - made[600].decided_at) < DAY
    assert not any("firm-" in alert.en + alert.zh for alert in found.alerts)


def test_what_became_known_later_plays_no_part(stage: Stage) -> None:
    made = decisions(stage, 500)
    window = stage.window()
    stage.put(made, reports(made))
    before = stage.look(window)
    late = [report(one, "hit", window.until + n, guid=f"late-{n}") for n, one in enumerate(made)]
    # corrections and withdrawals of what was known, and decisions of afterwards
    late += [
        report(one, "clean", window.until, action="change") for one in made[:200] if one.lane == "heightened_inspection"
    ]
    late += [
        report(one, "clean", window.until + HOUR, action="delete")
        for one in made[200:] if one.lane == "heightened_inspection"
    ]  # fmt: skip
    stage.put(decisions(stage, 50, since=window.until, seed=9), late)
    assert stage.look(window) == before
    after = stage.look(replace(window, until=window.until + DAY))
    assert after.outcomes != before.outcomes


def test_corrections_count_and_outcomes_belong_to_the_last_decision_before_them(stage: Stage) -> None:
    made = [one for one in decisions(stage, 500) if one.lane == "heightened_inspection"]
    first, second, third = made[:3]
    again, too_late = (
        replace(
            first, id=f"dec_{name * 24}", decided_at=first.decided_at + later, body=first.body | {"risk": {"probability": risk}}
        )
        for name, later, risk in (("f", HOUR, 0.5), ("e", 5 * DAY, 0.9))
    )  # fmt: skip
    at = first.decided_at + 2 * DAY
    stranger = replace(third, enterprise="another")
    stage.put(
        [first, again, too_late, second, third],
        [
            report(first, "clean", at), report(first, "hit", at + 1, action="change"), report(second, "hit", at),
            report(second, "hit", at + 1, action="delete"), report(stranger, "hit", at),
        ],
    )  # fmt: skip
    found = stage.look()
    assert found.outcomes is not None
    assert (found.outcomes.overall.rows, found.outcomes.overall.hits) == (1, 1)
    assert (found.reported.directed, found.reported.reported) == (3, 1)
    assert found.outcomes.overall.stated == pytest.approx(0.5)


def test_inspections_that_are_not_due_are_not_waited_for(stage: Stage) -> None:
    made = decisions(stage, 400)
    stage.put(made, reports([one for one in made if one.decided_at < stage.begin + 10 * DAY]))
    early = stage.look(stage.window(days=24, mature_days=14))
    assert (early.reported.share, early.alerts) == (1.0, ())
    late = stage.look(stage.window(days=40, mature_days=14))
    assert late.reported.share < 0.6
    assert ("outcomes_late", "inspections") in named(late)


def test_a_sample_is_bounded_and_fair(stage: Stage) -> None:
    made = decisions(stage, 1_000)
    stage.put(made)
    found = stage.look(stage.window(sample=200, reference=100))
    assert found.decisions == 1_000
    assert 130 < found.inputs.rows < 230
    below = f"dec_{16**24 // 5:024x}"  # ids are digests: the first fifth of them
    assert found.inputs.rows == sum(one.id < below for one in made[100:])
    assert stage.look(stage.window(sample=1_000, reference=100)).inputs.rows == 900


def test_a_shipment_drawn_at_random_counts_for_the_lane_that_it_would_have_had(stage: Stage) -> None:
    made = decisions(stage, 400)
    features = [feature.name for feature in stage.world.bundles["shipment"].features.features]
    expected = {"green_channel": 0, "standard_release": 0, "document_review": 0, "heightened_inspection": 0}
    given = dict.fromkeys(expected, 0)
    for number, one in enumerate(made):
        one.evidence["vectors"]["shipment"][features.index("declarations_365d")] = 20.0 if number % 5 else 19.0
        one.body["credit"]["score"] = 1_600 if number % 3 else 1_400
        one.body["risk"]["probability"] = (0.05, 0.1, 0.3, 0.5)[number % 4]
        lane = ("standard_release", "standard_release", "document_review", "heightened_inspection")[number % 4]
        if number % 4 == 0 and number % 3 and number % 5:
            lane = "green_channel"
        if one.body["selection"]["step"] == "random":
            expected[lane] += 1
        given[lane if one.body["selection"]["step"] == "random" else one.lane] += 1
    stage.put(made, reports(made))
    truths = {truth.lane: truth for truth in stage.look().truths}
    for lane in ("green_channel", "standard_release", "document_review"):
        drawn = truths[lane].drawn
        assert drawn is not None
        assert (drawn.rows, truths[lane].given) == (expected[lane], given[lane])
    released, everyone = truths["released"].drawn, truths["all"].drawn
    assert released is not None
    assert everyone is not None
    assert everyone.rows - released.rows == expected["heightened_inspection"] > 0
    assert truths["green_channel"].allowed == 0.06


def test_only_the_champions_decisions_count_and_too_few_are_said(stage: Stage) -> None:
    made = decisions(stage, 350)
    for one in made[:100]:
        one.evidence["models"]["shipment"] = "f" * 64
    stage.put(made)
    found = stage.look()
    assert found.reference is None
    assert found.inputs.changes == ()
    assert "250 of the 300 decisions" in found.notes[0]
    assert stage.look(model="credit").reference is not None


def test_a_model_that_is_not_in_use_is_refused(store: Store) -> None:
    with pytest.raises(NoChampionError, match="train credit"):
        monitor(store, POLICIES, "credit", Window(0, DAY))


def _drifted(stage: Stage) -> None:
    made = decisions(stage, 900)
    for one in made[600:]:
        one.evidence["vectors"]["shipment"][0] = None
    stage.put(made, reports(made))


def test_the_watch_warns_once_and_counts(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    _drifted(stage)
    metrics, clock = Metrics(), Clock(stage.begin + 40 * DAY)
    settings = Settings(_env_file=None, monitor_days=45, monitor_reference=REFERENCE)
    watch = MonitorWatch(stage.store, POLICIES, metrics.monitored, settings, clock)
    with caplog.at_level(logging.WARNING, "greenlane.monitoring"):
        watch.look()
        watch.look()
    (said,) = [record.getMessage() for record in caplog.records]
    assert "shipment model, input_missing (alarm)" in said
    assert "firm-" not in said
    counted = samples(metrics.text().decode())
    assert counted['greenlane_alerts{code="input_missing",model="shipment",severity="alarm"}'] == 1
    assert counted['greenlane_input_alerts{model="shipment"}'] == 1
    assert (
        counted['greenlane_missing_rate_change_max{model="shipment"}'] == 0.5
    )  # from the middle of those that are judged
    clock.now += 60 * DAY  # nothing of it lies in the window any more
    watch.look()
    later = samples(metrics.text().decode())
    assert not any(name.startswith("greenlane_alerts{") for name in later)
    assert later['greenlane_monitor_decisions{model="shipment"}'] == 0


@pytest.fixture
def watched(world: World, store_url: str, tmp_path: Path) -> Iterator[Service]:
    """A service that monitors its models several times a second, on each kind of database."""
    with closing(open_store(store_url)) as opened:
        install_all(opened, world.bundles, world.end)
        _drifted(Stage(opened, world))
    wanted = {"monitor_every_seconds": 0.2, "monitor_days": 45, "monitor_reference": REFERENCE, "skew_every_seconds": 0}
    with serving(store_url, tmp_path, world.end + 41 * DAY, **wanted) as service:
        yield service


def _awaited(service: Service, name: str) -> dict[str, float]:
    deadline = time.monotonic() + 60
    while name not in (found := samples(service.client.get("/metrics").text)):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def test_a_running_service_shows_what_it_monitors(watched: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _awaited(watched, 'greenlane_alerts{code="input_missing",model="shipment",severity="alarm"}')
    assert 0 < found['greenlane_random_lane_hit_rate{lane="all",model="shipment"}'] < 0.3
    assert 0.05 < found['greenlane_random_lane_estimate{lane="all",model="shipment"}'] < 0.11
    assert found['greenlane_outcomes_reported{model="shipment"}'] == 1
    assert {"greenlane_score_psi", "greenlane_calibration_error", "greenlane_input_psi_max"} <= {
        n.split("{")[0] for n in found
    }

    def failing(*_arguments: Any, **_named: Any) -> Monitored:
        raise ZeroDivisionError("planted")

    stood = found['greenlane_monitor_last_look_timestamp_seconds{model="shipment"}']
    with monkeypatch.context() as planted:
        planted.setattr(watching, "monitor", failing)
        time.sleep(0.5)
    deadline = time.monotonic() + 60
    while (
        _awaited(watched, "greenlane_decision_seconds_count")[
            'greenlane_monitor_last_look_timestamp_seconds{model="shipment"}'
        ]
        <= stood + 3
    ):  # the clock goes a second at each look
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_command_shows_and_exits(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENLANE_DATABASE", stage.store.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("GREENLANE_VAR", str(tmp_path))
    monkeypatch.setenv("GREENLANE_MONITOR_REFERENCE", str(REFERENCE))
    asked = ["monitor", "--since", _day(stage.begin), "--until", _day(stage.begin + 40 * DAY)]
    run = CliRunner().invoke
    empty = run(app, [*asked, "--json"])
    assert empty.exit_code == 0, empty.output
    assert [one["model"] for one in json.loads(empty.stdout)] == ["credit", "shipment"]
    _drifted(stage)
    answer = run(app, [*asked, "--json", "--model", "shipment"])
    assert answer.exit_code == 1
    (found,) = json.loads(answer.stdout)
    (alert,) = found["alerts"]
    assert (alert["code"], alert["severity"]) == ("input_missing", "alarm")
    assert found["reference"]["rows"] == REFERENCE
    shown = run(app, asked)
    assert shown.exit_code == 1
    for text in ("input_missing", "matured outcomes", "random lane", "no alerts"):
        assert text in shown.stdout


def _day(instant: int) -> str:
    return from_instant(instant).strftime("%Y-%m-%d")
