"""Decisions computed again: all of them verify whatever came later, and what is planted is found, counted and named."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from data.errors import StoreError
from data.store import Store, open_store
from data.store import decisions as decision_rows
from data.store import records as record_rows
from data.store.schema import bundles, decisions
from data.times import DAY, SECOND, from_instant
from features.forms import Value
from features.live import LiveFeatures
from models.policy import shipped_policies
from serving import scores, skew
from serving.clearance import Clearance
from serving.cli.root import app
from serving.metrics import Metrics
from serving.watching import SkewWatch
from tests.reading import PSEUDONYMS
from tests.serving_layer.service import Clock, Json, Service, World, declaration, inspection, install_all, serving

FIRM = "91510500MA6200001K"
TRADE = {"order_no": "o-1", "platform": "p-1", "buyer": "b-1"}


@pytest.fixture
def clearance(store: Store, world: World) -> Clearance:
    """A clearance with champions and no records, on each kind of database."""
    install_all(store, world.bundles, world.end)
    return Clearance(store, shipped_policies(), b"key", PSEUDONYMS, Clock(world.end + DAY))


def known(raw: Json, **changed: Any) -> Json:
    """An envelope that says nothing of when it became known."""
    return {name: value for name, value in (raw | changed).items() if name != "known_at"}


def order(guid: str, at: int, **payload: Any) -> Json:
    facts = {
        "order_no": "o-1",
        "enterprise": FIRM,
        "platform": "p-1",
        "goods_value_fen": 45_900,
        "total_fen": 45_900,
        "buyer": "b-1",
    }
    return declaration(guid, at) | {"kind": "order", "payload": facts | payload}


def penalty(at: int) -> Json:
    payload = {"enterprise": FIRM, "event": "penalty", "authority": "customs", "amount_fen": 500}
    return declaration("penalty", at) | {"kind": "public_credit", "payload": payload}


def all_of(store: Store) -> list[str]:
    with store.read() as connection:
        return decision_rows.newest_ids(connection, 10_000)


def tamper(store: Store, decision: str, change: Callable[[Json], object]) -> None:
    """Change the evidence of a stored decision."""
    with store.write() as connection:
        decided = decision_rows.by_id(connection, decision)
        assert decided is not None
        change(decided.evidence)
        connection.execute(
            update(decisions).where(decisions.c.id == decision).values(evidence=json.dumps(decided.evidence))
        )


def verified(store: Store) -> int:
    """How many values of all stored decisions verify; none may differ, and none may be left out."""
    findings = skew.verify(store, all_of(store))
    assert [one for finding in findings for one in finding.mismatches] == []
    assert [finding.unverifiable for finding in findings if finding.unverifiable] == []
    return sum(finding.values for finding in findings)


def decide(clearance: Clearance, raw: Json) -> str:
    body, is_new = clearance.decide(raw)
    assert is_new
    return str(body["decision_id"])


def take(clearance: Clearance, *raws: Json) -> None:
    tally = clearance.take(list(raws))
    assert tally.rejected == 0, tally.refusals


def busy(clearance: Clearance, at: int) -> list[str]:
    """A few days of one firm in which everything happens to its records, with decisions in between."""
    decided = []

    def ask(guid: str, **payload: Any) -> None:
        decided.append(decide(clearance, declaration(guid, at, **(TRADE | payload))))

    ask("first")
    take(clearance, order("order-1", at), penalty(at), inspection("found", "no-first", at))
    ask("second", order_no="o-2")
    # the same again, matched anew by its late order
    decided.append(decide(clearance, declaration("first", at, **TRADE)))
    take(clearance, declaration("first", at, **TRADE, declared_value_fen=99_900) | {"action": "change"})
    ask("third", order_no="o-3")
    take(clearance, order("order-1", at, goods_value_fen=1) | {"action": "change"})
    # what was sent first, asked again: its correction counts
    decided.append(decide(clearance, declaration("first", at, **TRADE)))
    take(clearance, penalty(at) | {"action": "repair", "payload": {}})
    ask("fourth", order_no="o-4")
    take(clearance, declaration("first", at) | {"action": "delete", "payload": {}})
    ask("fifth", order_no="o-5")
    # deleted: decided on as it was sent
    decided.append(decide(clearance, declaration("first", at, **TRADE)))
    return decided


def test_a_decision_verifies_when_it_is_made_and_ever_after(clearance: Clearance, world: World) -> None:
    decided = busy(clearance, world.end)
    values = verified(clearance.store)
    sizes = {model: len(bundle.features.features) for model, bundle in world.bundles.items()}
    assert values == len(decided) * sum(sizes.values())
    # whatever comes later, also what says that it was known before
    take(clearance, inspection("later", "no-second", world.end), order("order-2", world.end, order_no="o-2"))
    with clearance.store.write() as connection:
        earlier = {v.record.guid: v.record for v in record_rows.versions(connection)}["found"]
        archive = [replace(earlier, guid=f"archive-{n}", digest=str(n) * 64) for n in range(3)]
        deletion = replace(earlier, action="delete", payload={}, known_at=earlier.known_at + 1, digest="f" * 64)
        record_rows.append(connection, [*archive, deletion])
        clearance.live.catch_up(connection)
    decide(clearance, declaration("afterwards", world.end, **TRADE))
    assert verified(clearance.store) == values + sum(sizes.values())


def test_a_shipment_that_is_asked_about_again_does_not_count_itself(
    clearance: Clearance, world: World, tmp_path: Path
) -> None:
    """Nor its match: asked again, it has the vectors of a firm that asks for the first time at that moment."""
    with closing(open_store(f"sqlite:///{tmp_path / 'other.db'}")) as store:
        install_all(store, world.bundles, world.end)
        other = Clearance(store, shipped_policies(), b"key", PSEUDONYMS, Clock(world.end + DAY))
        before = declaration("before", world.end, order_no="o-9", waybill_no="w-9", buyer="b-1")
        asked = declaration("first", world.end, **TRADE, waybill_no="w-1")
        for one in (clearance, other):
            one.clock = Clock(world.end + DAY)
            decide(one, before)
            take(one, order("order-1", world.end, goods_value_fen=1))
        decide(clearance, asked)
        vectors = []
        for one in (clearance, other):
            one.clock = Clock(world.end + 3 * DAY)
            decided = decide(one, asked)
            verified(one.store)
            with one.store.read() as connection:
                found = decision_rows.by_id(connection, decided)
                assert found is not None
                vectors.append(found.evidence["vectors"])
    assert vectors[0] == vectors[1]
    late = decide(clearance, declaration("second", world.end, **TRADE, waybill_no="w-1"))
    with clearance.store.read() as connection:
        found = decision_rows.by_id(connection, late)
        assert found is not None
        assert found.evidence["vectors"]["shipment"] != vectors[0]["shipment"]  # what was left out was never stored


def test_decisions_without_a_place_in_the_order_of_intake_verify_by_their_time(
    clearance: Clearance, world: World
) -> None:
    """As versions before this check stored them."""
    busy(clearance, world.end)
    values = verified(clearance.store)
    for decision in all_of(clearance.store):
        tamper(clearance.store, decision, lambda evidence: evidence.pop("seq"))
    assert verified(clearance.store) == values


def test_a_declaration_whose_number_was_corrected_keeps_one_late_match(clearance: Clearance, world: World) -> None:
    at = world.end
    decide(clearance, declaration("first", at, **TRADE))
    take(clearance, order("order-1", at, goods_value_fen=1))
    take(clearance, declaration("first", at, **TRADE, declaration_no="another") | {"action": "change"})
    take(clearance, order("order-1", at) | {"action": "change"})
    with clearance.store.read() as connection:
        actions = [v.record.action for v in record_rows.versions(connection, kinds=["match"])]
    decide(clearance, declaration("second", at, order_no="o-2"))
    verified(clearance.store)
    assert actions == ["new", "change"]


def test_a_replay_verifies(world: World, tmp_path: Path) -> None:
    url = world.copy_to(tmp_path)
    with closing(open_store(url)) as store:
        clearance = Clearance(store, shipped_policies(), b"key", PSEUDONYMS, lambda: world.end, follow_records=True)
        with store.read() as connection:
            behind = clearance.live.advanced_to(connection)
        for number, raw in enumerate(world.pending[:20]):
            at = from_instant(behind + (number + 1) * SECOND).isoformat()
            decide(clearance, known(raw, event_at=at, guid=f"asked-{number}"))
        assert verified(store) > 0


def test_a_value_that_the_live_features_get_wrong_is_found(
    clearance: Clearance, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    right = decide(clearance, declaration("right", world.end))
    measured = LiveFeatures.measured

    def one_too_many(self: LiveFeatures, *arguments: Any, **named: Any) -> dict[Any, int | None]:
        values = measured(self, *arguments, **named)
        return {
            m: v if v is None or m.name != "enterprise.count_declarations_90d" else v + 1 for m, v in values.items()
        }

    with monkeypatch.context() as planted:
        planted.setattr(LiveFeatures, "measured", one_too_many)
        wrong = decide(clearance, declaration("wrong", world.end))
    metrics = Metrics()
    watch = SkewWatch(clearance.store, metrics.looked, sample=2, random=Random(1), clock=lambda: world.end)
    with caplog.at_level(logging.WARNING, "greenlane.skew"):
        findings = {finding.decision: finding for finding in watch.look()}
    assert set(findings) == {right, wrong}
    assert findings[right].mismatches == ()
    found = findings[wrong].mismatches
    assert {one.feature_set for one in found} == {"credit", "shipment"}
    assert all(wrong in record.getMessage() and right not in record.getMessage() for record in caplog.records)
    assert len(caplog.records) == len(found) > 0
    counted = samples(metrics.text().decode())
    assert counted["greenlane_skew_checked_total"] == 2
    assert counted["greenlane_skew_mismatches_total"] == len(found)
    assert counted["greenlane_skew_last_check_timestamp_seconds"] == world.end / SECOND
    assert watch.look() == []  # each decision is checked once


@pytest.mark.parametrize("planted", [0.25, -0.0, None, "text", 1], ids=repr)
def test_a_stored_value_that_was_changed_is_named(clearance: Clearance, world: World, planted: Any) -> None:
    decision = decide(clearance, declaration("one", world.end))
    features = world.bundles["shipment"].features.features
    (place,) = [n for n, feature in enumerate(features) if feature.name == "enterprise_inspections_365d"]

    def change(evidence: Json) -> None:
        assert evidence["vectors"]["shipment"][place] == 0.0
        evidence["vectors"]["shipment"][place] = planted

    tamper(clearance.store, decision, change)
    (finding,) = skew.verify(clearance.store, [decision])
    (mismatch,) = finding.mismatches
    assert repr(mismatch) == repr(skew.Mismatch(decision, "shipment", features[place].name, planted, 0.0))


def test_a_vector_of_another_length_differs(clearance: Clearance, world: World) -> None:
    decision = decide(clearance, declaration("one", world.end))
    tamper(clearance.store, decision, lambda evidence: evidence["vectors"]["credit"].pop())
    (finding,) = skew.verify(clearance.store, [decision])
    assert [(one.feature_set, one.feature) for one in finding.mismatches] == [("credit", "number of values")]


def _another_set(store: Store, decision: str) -> None:
    def change(evidence: Json) -> None:
        evidence["models"]["credit"] = "f" * 64

    tamper(store, decision, change)


def _changed_bundle(store: Store, decision: str) -> None:
    with store.write() as connection:
        connection.execute(update(bundles).where(bundles.c.model == "credit").values(content=b"{}"))


def _no_declaration(store: Store, decision: str) -> None:
    tamper(store, decision, lambda evidence: evidence.update(record="f" * 64))


@pytest.mark.parametrize(
    ("spoil", "reason", "is_compared"),
    [
        (_another_set, "the bundle ffffffffffff that decided is missing", True), (_changed_bundle, "it was changed", True),
        (_no_declaration, "its declaration is not stored", False),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_again_is_no_mismatch(
    clearance: Clearance, world: World, spoil: Callable[[Store, str], None], reason: str, is_compared: bool
) -> None:
    decision = decide(clearance, declaration("one", world.end))
    spoil(clearance.store, decision)
    metrics = Metrics()
    watch = SkewWatch(clearance.store, metrics.looked, sample=2, random=Random(1), clock=lambda: world.end)
    (finding,) = watch.look()
    assert reason in (finding.unverifiable or "")
    assert finding.mismatches == ()
    assert bool(finding.values) == is_compared  # what the other model saw is compared all the same
    counted = samples(metrics.text().decode())
    assert [counted[f"greenlane_skew_{name}_total"] for name in ("checked", "mismatches", "unverifiable")] == [0, 0, 1]


def test_a_feature_set_that_this_version_defines_otherwise_is_unverifiable(
    clearance: Clearance, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = decide(clearance, declaration("one", world.end))
    monkeypatch.setattr("models.bundle.digest", lambda _features: "another")
    (finding,) = skew.verify(clearance.store, [decision])
    assert "was made for another version of feature set" in (finding.unverifiable or "")
    assert (finding.values, finding.mismatches) == (0, ())


def test_a_sample_is_the_newest_and_a_fair_draw_of_the_others(clearance: Clearance, world: World) -> None:
    decided = [decide(clearance, declaration(f"d-{n}", world.end, order_no=f"o-{n}")) for n in range(12)]
    with clearance.store.read() as connection:
        newest = decision_rows.by_id(connection, decided[-1])
        assert newest is not None
        samples_of = [skew.sampled(connection, 4, Random(seed)) for seed in range(40)]
        assert skew.sampled(connection, 4, Random(7)) == samples_of[7]
        assert set(skew.sampled(connection, 100, Random(1))) == set(decided)
        assert skew.sampled(connection, 4, Random(1), since=newest.decided_at) == decided[-1:]
        assert set(skew.drawn(connection, 9, Random(1), without=set(decided[:9]))) == set(decided[9:])
        # ids are digests: how far apart two lie is chance, but each is drawn from its own place on
        for one in decided[:-2]:
            assert skew.sampled(connection, 4, _Placed(one))[2] == one
    assert all(sample[:2] == decided[:-3:-1] and len(set(sample)) == 4 for sample in samples_of)


class _Placed(Random):
    """Chance that draws the place of a decision's id."""

    def __init__(self, decision: str) -> None:
        super().__init__(0)
        self._place = int(decision.removeprefix("dec_"), 16)

    def getrandbits(self, k: int) -> int:
        assert k == 96
        return self._place


def samples(text: str) -> dict[str, float]:
    """Each sample of Prometheus text by its name and labels."""
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def _metrics(service: Service) -> dict[str, float]:
    response = service.client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    return samples(response.text)


def _await_checked(service: Service, wanted: int) -> dict[str, float]:
    deadline = time.monotonic() + 60
    while (found := _metrics(service))["greenlane_skew_checked_total"] < wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


@pytest.fixture
def watched(world: World, store_url: str, tmp_path: Path) -> Iterator[Service]:
    """A service that checks its decisions ten times a second, on each kind of database."""
    with closing(open_store(store_url)) as store:
        install_all(store, world.bundles, world.end)
    with serving(store_url, tmp_path, world.end + DAY, skew_every_seconds=0.1, skew_sample=3) as service:
        yield service


def test_a_running_service_checks_what_it_decides(watched: Service, world: World) -> None:
    assert _metrics(watched)["greenlane_skew_last_check_timestamp_seconds"] == 0
    lanes = [watched.decide(declaration(f"d-{n}", world.end)).json()["lane"]["code"] for n in range(7)]
    found = _await_checked(watched, 7)
    assert found["greenlane_skew_mismatches_total"] == found["greenlane_skew_unverifiable_total"] == 0
    assert found["greenlane_skew_last_check_timestamp_seconds"] * SECOND > world.end
    assert found["greenlane_decision_seconds_count"] == 7
    for lane in set(lanes):
        assert found[f'greenlane_decisions_total{{lane="{lane}"}}'] == lanes.count(lane)


def test_a_running_service_counts_what_differs(watched: Service, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    vector = scores.vector

    def spoilt(*arguments: Any) -> list[Value]:
        return [123.5, *vector(*arguments)[1:]]

    monkeypatch.setattr(scores, "vector", spoilt)
    assert watched.decide(declaration("wrong", world.end)).status_code == 201
    assert _await_checked(watched, 1)["greenlane_skew_mismatches_total"] == 2  # a value of each model's vector


def test_a_look_that_fails_does_not_end_the_watch(
    watched: Service, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    verify, failures = skew.verify, iter([StoreError("the database failed: planted"), ZeroDivisionError("planted")])

    def failing(*arguments: Any, **named: Any) -> list[skew.Finding]:
        for failure in failures:
            raise failure
        return verify(*arguments, **named)

    monkeypatch.setattr(skew, "verify", failing)
    with caplog.at_level(logging.WARNING, "greenlane.skew"):
        watched.decide(declaration("one", world.end))
        assert _await_checked(watched, 1)["greenlane_skew_mismatches_total"] == 0
    said = [record.getMessage() for record in caplog.records if record.name == "greenlane.skew"]
    assert said == [
        "decisions were not checked for skew: the database failed: planted",
        "decisions were not checked for skew: ZeroDivisionError",
    ]


def test_services_in_one_process_count_apart(bare: Service, shared: Service, world: World) -> None:
    before = _metrics(shared)["greenlane_decision_seconds_count"]
    bare.decide(declaration("one", world.end))
    assert _metrics(bare)["greenlane_decision_seconds_count"] == 1
    assert _metrics(shared)["greenlane_decision_seconds_count"] == before


def test_the_command_shows_each_value_that_differs(
    clearance: Clearance, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided = [decide(clearance, declaration(f"d-{n}", world.end)) for n in range(4)]
    url = clearance.store.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("GREENLANE_DATABASE", url)
    monkeypatch.setenv("GREENLANE_VAR", str(tmp_path))
    run = CliRunner().invoke
    answer = run(app, ["features", "verify", "--json", "--sample", "3", "--seed", "5"])
    assert answer.exit_code == 0, answer.output
    body = json.loads(answer.stdout)
    assert (body["checked"], body["mismatches"], body["unverifiable"], body["seed"]) == (3, [], {}, 5)
    place, name = 0, world.bundles["credit"].features.features[0].name

    def change(evidence: Json) -> None:
        evidence["vectors"]["credit"][place] = 77.25

    tamper(clearance.store, decided[1], change)
    answer = run(app, ["features", "verify", "--json", "--decision", decided[1]])
    assert answer.exit_code == 1
    (mismatch,) = json.loads(answer.stdout)["mismatches"]
    recomputed = mismatch.pop("recomputed")
    assert mismatch == {"decision": decided[1], "set": "credit", "feature": name, "stored": 77.25}
    answer = run(app, ["features", "verify"])
    assert answer.exit_code == 1
    for shown in (decided[1], "credit", name, "77.25", repr(recomputed), "4 decisions checked", "1 differ"):
        assert shown in answer.stdout
    since = from_instant(world.end + 30 * DAY).strftime("%Y-%m-%d")
    answer = run(app, ["features", "verify", "--since", since])
    assert answer.exit_code == 0
    assert "0 decisions checked" in answer.stdout
