"""The service over real HTTP: what is decided is explained, durable and the same for ever; what is wrong is a problem."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace as with_field

from data.records import as_envelope, read_record, utc_now
from data.store import open_store
from data.store.schema import bundles
from data.times import DAY, HOUR, from_instant, to_instant
from models.bundle import Bundle, make_bundle, to_bytes
from models.champions import Signature, install
from serving.settings import Settings
from tests.serving_layer.service import (
    Json,
    Service,
    World,
    decided,
    declaration,
    demand_problem,
    inspection,
    install_all,
    serving,
    spaced,
    without,
)  # fmt: skip

FIRM, OTHER_FIRM = "91510500MA6200001K", "91350100M000100Y43"
SAFE = ("document_review", "heightened_inspection")


# --- decisions -------------------------------------------------------------------------------------------------------


def test_every_decision_is_explained_adds_up_and_reads_back_byte_for_byte(service: Service, world: World) -> None:
    answers = [service.decide(raw) for raw in world.pending]
    bodies = [decided(answer) for answer in answers]
    assert len({body["lane"]["code"] for body in bodies}) >= 3  # else this test looks at too little
    assert any(len(body["credit"]["shares"]) > 3 for body in bodies)
    for raw, answer, body in zip(world.pending, answers, bodies, strict=True):
        assert body["declaration_no"] == raw["payload"]["declaration_no"]
        assert body["enterprise"] == raw["payload"]["enterprise"]
        for name, model in (("credit", "credit"), ("risk", "shipment")):
            score = body[name]
            assert score["base_points"] + sum(share["points"] for share in score["shares"]) == score["score"]
            assert 0 < score["probability"] < 1
            assert score["model"] == world.bundles[model].digest
        assert body["credit"]["grade"] in ("AAA", "AA", "A", "BBB", "BB")
        assert body["policy"]["id"] == "luzhou-2026-04"
        assert len(body["policy"]["digest"]) == 64
        assert body["notes"] == []
        assert 0 <= body["selection"]["inclusion_permille"] <= 1000
        assert len(body["reasons"]) > 3
        for words in (body["lane"], body["selection"], *body["reasons"]):
            assert any("\u4e00" <= character <= "\u9fff" for character in words["zh"])
            assert not any("\u4e00" <= character <= "\u9fff" for character in words["en"])
            assert words["en"]
        assert answer.headers["location"] == f"/v1/decisions/{body['decision_id']}"
        again = service.client.get(answer.headers["location"])
        assert (again.status_code, again.content) == (200, answer.content)


def test_a_higher_risk_has_a_higher_score_and_a_better_credit_too(service: Service, world: World) -> None:
    bodies = [decided(service.decide(raw)) for raw in world.pending]
    for name, sign in (("risk", 1), ("credit", -1)):
        scores = sorted((body[name]["probability"] * sign, body[name]["score"]) for body in bodies)
        assert [score for _, score in scores] == sorted(score for _, score in scores)
        assert scores[0][1] < scores[-1][1]


def test_what_becomes_known_later_changes_no_answer(service: Service, world: World, now: int) -> None:
    raw = world.pending[0]
    answer = service.decide(raw)
    service.clock.now += 5 * DAY
    found = inspection("late", raw["payload"]["declaration_no"], now + DAY, enterprise=raw["payload"]["enterprise"])
    assert service.send(found).status_code == 200
    assert service.client.get(answer.headers["location"]).content == answer.content


def test_a_declaration_needs_no_kind_and_known_at_is_not_for_the_sender_to_say(bare: Service, now: int) -> None:
    raw = declaration("g1", now - HOUR) | {"known_at": from_instant(now - 9 * DAY).isoformat()}
    decided(bare.decide(without(raw, "kind")))
    assert bare.records()["g1"].known_at >= now


def test_the_statutory_level_decides_before_any_score(bare: Service, now: int) -> None:
    level = inspection("l1", "x", now - DAY) | {
        "payload": {"event": "statutory_level", "enterprise": FIRM, "level": "seriously_dishonest"}
    }
    assert bare.send(level).status_code == 200
    body = decided(bare.decide(declaration("g1", now - HOUR)))
    assert (body["statutory_level"], body["lane"]["code"]) == ("seriously_dishonest", "heightened_inspection")
    assert (body["selection"]["step"], body["selection"]["rule"]) == ("rule", "seriously_dishonest")
    assert body["selection"]["source"]
    assert decided(bare.decide(declaration("g2", now, enterprise=OTHER_FIRM)))["statutory_level"] == "routine"


# --- idempotency and durability --------------------------------------------------------------------------------------


def test_a_key_gives_the_same_answer_to_the_same_request_and_none_to_another(bare: Service, now: int) -> None:
    raw = declaration("g1", now - HOUR)
    first = bare.decide(raw, key="k1")
    decided(first)
    again = bare.client.post("/v1/decisions", content=spaced(raw), headers={"Idempotency-Key": "k1"})
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["location"] == first.headers["location"]
    other = declaration("g2", now - HOUR)
    demand_problem(bare.decide(other, key="k1"), 422, "idempotency-conflict")
    assert set(bare.records()) == {"g1"}
    assert decided(bare.decide(other, key="k2"))["decision_id"] != first.json()["decision_id"]


def test_one_key_asked_many_times_at_once_gives_one_decision(bare: Service, now: int) -> None:
    raw = declaration("g1", now - HOUR)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: bare.decide(raw, key="k"), range(24)))
    assert sorted(answer.status_code for answer in answers) == [200] * 23 + [201]
    assert len({answer.content for answer in answers}) == 1


def test_a_refused_request_does_not_use_up_its_key(bare: Service, now: int) -> None:
    raw = declaration("g1", now - HOUR)
    demand_problem(bare.decide(without(raw, "guid"), key="k"), 422, "invalid-record")
    decided(bare.decide(raw, key="k"))


@pytest.mark.parametrize("clock", ["system", "records"])
def test_a_declaration_sent_again_without_a_key_is_answered_again(
    world: World, now: int, store_url: str, tmp_path: Path, clock: str
) -> None:
    raw = declaration("g1", now - HOUR) | {"known_at": from_instant(now - HOUR).isoformat()}
    with serving(store_url, tmp_path, now, clock=clock) as service:
        first = decided(service.decide(raw))
        again = service.decide(raw)
        assert again.status_code in (200, 201), again.text
        assert again.json()["lane"] == first["lane"]
        assert list(service.records()) == ["g1"]


@contextmanager
def process(url: str, folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", httpx.Client]]:
    """The service as a process of its own, killed without warning at the end of the block."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"GREENLANE_VAR": str(folder), "GREENLANE_DATABASE": url, "GREENLANE_CLOCK": "system"}
    command = [sys.executable, "-m", "serving.cli.process", str(port)]
    running = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False)
    with running, client:
        try:
            deadline = time.monotonic() + 60
            while True:
                assert running.poll() is None, "the service ended"
                assert time.monotonic() < deadline, "the service did not start in time"
                try:
                    client.get("/healthz")
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            yield running, client
        finally:
            running.kill()


def test_an_answered_decision_survives_a_killed_process(world: World, store_url: str, tmp_path: Path) -> None:
    with closing(open_store(store_url)) as store:
        install_all(store, world.bundles, world.end)
    raw = declaration("g1", utc_now() - HOUR)
    with process(store_url, tmp_path) as (running, client):
        answer = client.post("/v1/decisions", json=raw, headers={"Idempotency-Key": "k"})
        os.kill(running.pid, signal.SIGKILL)
        running.wait(timeout=30)
    decided(answer)
    with serving(store_url, tmp_path, utc_now()) as service:
        assert service.client.get(answer.headers["location"]).content == answer.content
        again = service.decide(raw, key="k")
        assert (again.status_code, again.content) == (200, answer.content)


# --- records ---------------------------------------------------------------------------------------------------------


def test_one_record_or_a_list_is_taken_in_and_known_again(bare: Service, now: int) -> None:
    one, two = declaration("g1", now - HOUR), declaration("g2", now - HOUR)
    answer = {"received": 1, "accepted": 1, "duplicate": 0, "rejected": 0, "refusals": []}
    assert bare.send(one).json() == answer
    assert bare.send([one, two, two]).json() == answer | {"received": 3, "duplicate": 2}
    assert {guid: as_envelope(r)["payload"] for guid, r in bare.records().items()} == {
        guid: raw["payload"] | {"currency": "142"} for guid, raw in (("g1", one), ("g2", two))
    }


def test_a_mixed_list_is_counted_and_each_refusal_names_line_and_field(bare: Service, now: int) -> None:
    good = declaration("g1", now - HOUR)
    conflict = declaration("g1", now - HOUR, declared_value_fen=1)
    sent = [good, declaration("g2", now - HOUR, declared_value_fen=-1), good, "text", conflict, without(good, "source")]
    body = bare.send(sent).json()
    assert {name: body[name] for name in ("received", "accepted", "duplicate", "rejected")} == {
        "received": 6, "accepted": 1, "duplicate": 1, "rejected": 4,
    }  # fmt: skip
    named = [(refusal["line"], refusal["faults"][0]["field"]) for refusal in body["refusals"]]
    assert named == [(2, "payload.declared_value_fen"), (4, "record"), (5, "guid"), (6, "source")]
    assert [(refused.origin, refused.line) for refused in bare.quarantined()] == [("api", n) for n in (2, 4, 5, 6)]
    kept = [json.loads(refused.raw) for refused in bare.quarantined()]
    assert kept == [sent[1], "xxxx", conflict, sent[5]]  # what is no record at all keeps its shape only


def test_when_all_are_bad_the_answer_is_a_problem_and_quarantine_has_them(bare: Service, now: int) -> None:
    sent = [declaration("g1", now - HOUR, declared_value_fen=-1), declaration("g2", now + DAY)]
    body = demand_problem(bare.send(sent), 422, "invalid-record")
    assert [fault["field"] for fault in body["faults"]] == ["1.payload.declared_value_fen", "2.event_at"]
    assert [json.loads(refused.raw) for refused in bare.quarantined()] == sent
    assert bare.records() == {}


def test_field_names_may_be_anything(bare: Service, now: int) -> None:
    for name in ("\x00", "ключ", "🚢", "a" * 5_000):
        raw = declaration("g1", now - HOUR, **{name: 1})
        body = demand_problem(bare.send(raw), 422, "invalid-record")
        assert "is not a declared field" in body["faults"][0]["reason"]
        demand_problem(bare.decide(raw), 422, "invalid-record")
    assert len(bare.quarantined()) == 8


def test_an_inspection_takes_its_facts_from_the_declaration(bare: Service, now: int) -> None:
    decided(bare.decide(declaration("g1", now - DAY)))
    assert bare.send(inspection("i1", "no-g1", now - HOUR)).json()["accepted"] == 1
    facts = bare.records("supervision")["i1"].payload["facts"]
    assert facts == bare.records()["g1"].payload
    assert facts["declared_value_fen"] == 45_900


def test_an_inspection_of_an_unknown_declaration_is_refused(bare: Service, now: int) -> None:
    body = demand_problem(bare.send(inspection("i1", "no-such", now - HOUR)), 422, "invalid-record")
    assert body["faults"][0]["field"] == "1.payload.declaration_no"
    assert bare.records("supervision") == {}
    assert len(bare.quarantined()) == 1


# --- enterprises -----------------------------------------------------------------------------------------------------


def test_the_archive_of_an_enterprise(service: Service, world: World) -> None:
    raw = world.pending[0]
    firm = raw["payload"]["enterprise"]
    decision = decided(service.decide(raw))
    answer = service.client.get(f"/v1/enterprises/{firm}")
    body = answer.json()
    assert answer.status_code == 200
    assert body["enterprise"] == body["identity"]["enterprise"] == firm
    assert body["credit"]["base_points"] + sum(s["points"] for s in body["credit"]["shares"]) == body["credit"]["score"]
    assert body["statutory_level"] == decision["statutory_level"]
    assert body["lanes"] == {decision["lane"]["code"]: 1}
    assert body["records"]["declaration"] >= 1
    facts = [fact for theme in body["themes"].values() for fact in theme]
    assert len({fact["code"] for fact in facts}) == len(facts) > 20
    assert all(fact["zh"] and fact["en"] and fact["shown_zh"] and fact["shown_en"] for fact in facts)
    assert service.client.get(f"/v1/enterprises/{firm.lower()}").json()["identity"] == body["identity"]


def test_an_archive_holds_everything_known_until_now(bare: Service, now: int) -> None:
    def penalties() -> object:
        themes = bare.client.get(f"/v1/enterprises/{FIRM}").json()["themes"]
        return {fact["code"]: fact["value"] for theme in themes.values() for fact in theme}["public_penalties"]

    penalty = declaration("p1", now - HOUR) | {
        "kind": "public_credit", "payload": {"enterprise": FIRM, "event": "penalty", "authority": "a"},
    }  # fmt: skip
    assert bare.send(penalty).status_code == 200
    assert penalties() == 1
    assert bare.send(penalty | {"action": "repair", "payload": {}}).json()["accepted"] == 1
    assert penalties() == 0


def test_an_enterprise_that_nobody_named_is_not_found_and_a_wrong_code_is_explained(shared: Service) -> None:
    demand_problem(shared.client.get(f"/v1/enterprises/{OTHER_FIRM}"), 404, "not-found")
    body = demand_problem(shared.client.get(f"/v1/enterprises/{FIRM[:-1]}1"), 422, "invalid-record")
    assert body["faults"][0]["field"] == "uscc"
    assert "K" in body["detail"]
    for code in ("x", "%00%01", "a" * 101):
        assert shared.client.get(f"/v1/enterprises/{code}").status_code == 422


# --- probes and missing parts ----------------------------------------------------------------------------------------


def test_a_complete_service_is_ready(shared: Service, world: World) -> None:
    assert shared.client.get("/healthz").json() == {"status": "ok"}
    answer = shared.client.get("/readyz")
    assert answer.status_code == 200
    digests = {model: bundle.digest for model, bundle in world.bundles.items()}
    assert answer.json() == {
        "ready": True, "database": True, "models": digests, "records_behind": 0, "policy": "luzhou-2026-04",
    }  # fmt: skip


def test_without_champions_the_service_is_not_ready_and_takes_the_safe_lane(untrained: Service, now: int) -> None:
    answer = untrained.client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert answer.json()["models"] == {"credit": None, "shipment": None}
    body = decided(untrained.decide(declaration("g1", now - HOUR)))
    assert body["lane"]["code"] in SAFE
    assert body["notes"] == ["no credit model is in use", "no shipment model is in use"]
    assert (body["credit"], body["risk"]) == (None, None)
    assert untrained.client.get("/healthz").status_code == 200


def test_a_promotion_makes_a_running_service_ready(untrained: Service, world: World, now: int) -> None:
    with untrained.store() as store:
        install_all(store, world.bundles, now)
    assert untrained.client.get("/readyz").status_code == 200
    assert decided(untrained.decide(declaration("g1", now - HOUR)))["notes"] == []


def test_a_promotion_changes_the_next_decision_and_no_earlier_one(service: Service, world: World, now: int) -> None:
    before = service.decide(world.pending[0])
    other = on_another_scale(world.bundles["shipment"])
    with service.store() as store:
        install(store, other, Signature("tests", now, "another scale"))
    body = decided(service.decide(world.pending[1]))
    assert body["risk"]["model"] == other.digest != before.json()["risk"]["model"]
    assert body["risk"]["base_points"] + sum(s["points"] for s in body["risk"]["shares"]) == body["risk"]["score"]
    assert service.client.get(before.headers["location"]).content == before.content


def on_another_scale(bundle: Bundle) -> Bundle:
    return make_bundle(with_field(bundle.manifest, offset=bundle.manifest.offset + 100), bundle.trees)


@pytest.fixture(scope="module")
def greens(world: World, tmp_path_factory: pytest.TempPathFactory) -> list[Json]:
    """Declarations that earn the green channel where nothing is missing."""
    folder = tmp_path_factory.mktemp("greens")
    with serving(world.copy_to(folder), folder, world.end + DAY) as whole:
        lanes = [decided(whole.decide(raw))["lane"]["code"] for raw in world.pending]
    return [raw for raw, lane in zip(world.pending, lanes, strict=True) if lane == "green_channel"]


@pytest.mark.parametrize("damaged", [("credit",), ("shipment",), ("credit", "shipment")])
def test_a_damaged_champion_is_a_stated_gap_and_never_green(
    world: World, greens: list[Json], now: int, tmp_path: Path, damaged: tuple[str, ...]
) -> None:
    assert greens
    url = world.copy_to(tmp_path)
    with closing(open_store(url)) as store, store.write() as connection:
        for model in damaged:
            changed = with_another_leaf(to_bytes(world.bundles[model]))
            connection.execute(bundles.update().where(bundles.c.model == model).values(content=changed))
    with serving(url, tmp_path, now) as service:
        models = service.client.get("/readyz").json()["models"]
        assert [model for model in ("credit", "shipment") if models[model] is None] == list(damaged)
        assert service.client.get("/readyz").status_code == (503 if "shipment" in damaged else 200)
        for raw in greens:
            body = decided(service.decide(raw))
            assert body["notes"] == [f"no {model} model is in use" for model in damaged]
            assert body["lane"]["code"] != "green_channel"
            if "shipment" in damaged:
                assert body["lane"]["code"] in SAFE


def with_another_leaf(content: bytes) -> bytes:
    """A bundle's bytes with one digit of its trees changed."""
    place = content.index(b"leaf_value=") + len("leaf_value=")
    while not chr(content[place]).isdigit():
        place += 1
    return content[:place] + (b"1" if content[place] != ord("1") else b"2") + content[place + 1 :]


def test_without_a_policy_nothing_is_decided(world: World, store_url: str, tmp_path: Path) -> None:
    long_ago = to_instant(from_instant(0).replace(year=1999))
    with serving(store_url, tmp_path, long_ago) as service:
        assert service.client.get("/readyz").json()["policy"] is None
        demand_problem(service.decide(declaration("g1", long_ago)), 503, "no-policy")
        assert service.records() == {}


# --- settings ---------------------------------------------------------------------------------------------------------


def test_settings_come_from_the_environment_and_secrets_do_not_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENLANE_DRAW_KEY", "hunter2")
    settings = Settings(var=tmp_path, _env_file=None)
    assert settings.draw_secret() == b"hunter2"
    assert "hunter2" not in repr(settings)
    monkeypatch.delenv("GREENLANE_DRAW_KEY")
    kept = Settings(var=tmp_path / "var", _env_file=None)
    assert kept.draw_secret() == kept.draw_secret()
    assert len(kept.draw_secret()) == 64
    assert ((tmp_path / "var" / "draw.key").stat().st_mode & 0o077) == 0


def test_what_a_service_stores_can_be_read_again(service: Service, world: World, now: int) -> None:
    for raw in world.pending[:5]:
        decided(service.decide(raw))
    for record in service.records().values():
        if record.kind != "match":
            again = read_record(as_envelope(record), received_at=now + DAY, historical=True)
            assert as_envelope(again) == as_envelope(record)
