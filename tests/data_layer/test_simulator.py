"""Laws of the simulated world: deterministic, valid, in order, honest about what is known, and blind to the truth."""

import hashlib
import json
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from data.simulator import World, load_parameters, simulate, write_world
from data.simulator.firms import SCHEMES
from data.times import CHINA, to_instant
from tests.reading import reading

SMALL: dict[str, Any] = {"firms": 80, "days": 240}
HIDDEN_WORDS = ("is_violation", "honesty", "carelessness", "complicit", "scheme", "duty_at_stake", "taste", "burst")


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(load_parameters(**SMALL))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def inspections(world: World) -> list[dict[str, Any]]:
    return [r for r in world.records if r["kind"] == "supervision" and r["payload"].get("event") == "inspection"]


def distinct(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Envelopes without the copies that are sent twice."""
    return list({(row["guid"], row["action"]): row for row in rows}.values())


def digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()


def test_the_same_parameters_give_the_same_bytes_and_another_seed_others(world: World, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    counts = write_world(world, tmp_path / "a", progress=lambda done, size: seen.append((done, size)))
    write_world(simulate(load_parameters(**SMALL)), tmp_path / "b")
    write_world(simulate(load_parameters(**SMALL, seed=7)), tmp_path / "c")
    assert digest(tmp_path / "a") == digest(tmp_path / "b") != digest(tmp_path / "c")
    parts = ("records", "pending", "truth", "firms")
    assert counts == {part: len(getattr(world, part)) for part in parts}
    assert seen[-1] == (sum(counts.values()), sum(counts.values()))
    lines = (tmp_path / "a" / "records.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines[:50]] == world.records[:50]
    assert sorted(p.name for p in (tmp_path / "a" / "truth").iterdir()) == ["firms.jsonl", "truth.jsonl"]


def test_every_record_is_valid_and_takes_over_its_times(world: World) -> None:
    end = load_parameters(**SMALL).end
    for raw in world.records + world.pending:
        record = reading(end).record(raw)
        assert record.known_at == to_instant(moment(raw["known_at"]))
        assert record.event_at <= record.known_at < end
    assert {r["kind"] for r in world.records} == {
        "identity", "order", "payment", "waybill", "declaration", "settlement", "supervision", "public_credit",
    }  # fmt: skip


def test_records_are_in_the_order_in_which_they_became_known(world: World) -> None:
    known = [moment(r["known_at"]) for r in world.records]
    assert known == sorted(known)
    declared = [moment(r["event_at"]) for r in world.pending]
    assert declared == sorted(declared)
    assert min(declared) >= datetime(2026, 6, 28, tzinfo=CHINA)


def test_intake_could_take_every_record_in_this_order(world: World) -> None:
    """A new guid is new; what is changed or repaired is known and open; a copy is exact."""
    latest: dict[tuple[str, str, str], dict[str, Any]] = {}
    copies = 0
    for raw in world.records:
        name = (raw["kind"], raw["source"], raw["guid"])
        before = latest.get(name)
        if raw["action"] == "new" and before is not None:
            assert raw == before
            copies += 1
        elif raw == before:
            copies += 1
        elif raw["action"] != "new":
            assert before is not None
            assert before["action"] != "repair"
            assert before["payload"] != raw["payload"]
        latest[name] = raw
    actions = Counter(raw["action"] for raw in world.records)
    assert copies > 0
    assert actions["change"] > 0
    assert actions["repair"] > 0


def test_the_steps_of_a_trade_follow_each_other(world: World) -> None:
    steps: dict[str, dict[str, datetime]] = {}
    for raw in world.records + world.pending:
        if raw["kind"] in ("order", "payment", "waybill", "declaration"):
            steps.setdefault(raw["payload"]["order_no"], {})[raw["kind"]] = moment(raw["event_at"])
    for trade in steps.values():
        in_order = [trade[kind] for kind in ("order", "payment", "waybill", "declaration") if kind in trade]
        assert in_order == sorted(in_order)


def test_nobody_trades_before_registration(world: World) -> None:
    registered = {r["payload"]["enterprise"]: moment(r["event_at"]) for r in world.records if r["kind"] == "identity"}
    for raw in world.records:
        if raw["kind"] in ("order", "declaration"):
            assert moment(raw["event_at"]) > registered[raw["payload"]["enterprise"]]
    named = {raw["payload"].get(name) for raw in world.records for name in ("declarant", "platform", "logistics_firm")}
    assert named - {None} <= registered.keys()


def test_an_inspection_follows_a_known_declaration_of_its_firm(world: World) -> None:
    declared: dict[str, dict[str, Any]] = {}
    pending = {raw["payload"]["declaration_no"] for raw in world.pending}
    seen = 0
    for raw in world.records:
        payload = raw["payload"]
        if raw["kind"] == "declaration":
            declared[payload["declaration_no"]] = raw
        elif payload.get("event") == "inspection":
            seen += 1
            declaration = declared[payload["declaration_no"]]
            assert declaration["payload"]["enterprise"] == payload["enterprise"]
            assert moment(declaration["event_at"]) < moment(raw["event_at"])
            assert "facts" not in payload
    assert seen > 0
    assert not pending & declared.keys()


def test_only_inspections_speak_of_outcomes_and_hits_only_of_violations(world: World) -> None:
    truth = {row["declaration_no"]: row for row in world.truth}
    inspected = {raw["payload"]["declaration_no"] for raw in inspections(world)}
    for raw in world.records:
        payload = raw["payload"]
        if "finding" in payload or "violation" in payload:
            assert raw["kind"] == "supervision"
            assert payload["declaration_no"] in inspected
        if payload.get("finding") == "hit":
            row = truth[payload["declaration_no"]]
            assert row["is_violation"]
            assert payload["violation"] == row["scheme"]
            assert 0 < payload["duty_recovered_fen"] <= row["duty_at_stake_fen"]
        elif payload.get("finding") == "clean":
            assert "violation" not in payload
            assert payload["duty_recovered_fen"] == 0


def test_truth_covers_every_declaration_and_nothing_else(world: World) -> None:
    guids = {r["guid"] for r in world.records if r["kind"] == "declaration"} | {r["guid"] for r in world.pending}
    assert {row["guid"] for row in world.truth} == guids
    assert len(world.truth) == len(guids)
    for row in world.truth:
        assert row["is_violation"] == (row["scheme"] in SCHEMES) == (row["duty_at_stake_fen"] > 0)
    assert {row["enterprise"] for row in world.truth} <= {firm["enterprise"] for firm in world.firms}


def test_no_record_says_what_is_hidden(world: World) -> None:
    for raw in world.records + world.pending:
        shown = {k: v for k, v in raw["payload"].items() if k != "violation"}
        text = json.dumps({**raw, "payload": shown}, ensure_ascii=False)
        assert not any(word in text for word in (*HIDDEN_WORDS, *SCHEMES) if f"rule:{word}" not in text)


def test_people_and_addresses_are_pseudonyms(world: World) -> None:
    for raw in world.records:
        for name, prefix in (("buyer", "p_"), ("payer", "p_"), ("legal_person", "p_"), ("consignee_address", "a_")):
            value = raw["payload"].get(name)
            assert value is None or (value.startswith(prefix) and len(value) == 18 and int(value[2:], 16) >= 0)


def test_what_the_law_limits_says_until_when(world: World) -> None:
    for raw in world.records:
        payload = raw["payload"]
        if raw["action"] == "new" and (payload.get("severity") or payload.get("event") in ("statutory_level",)):
            assert moment(raw["usable_until"]) > moment(raw["event_at"])


@pytest.mark.parametrize("seed", [20260630, 1, 2])
def test_rates_lie_within_their_bounds(seed: int) -> None:
    world = simulate(load_parameters(**SMALL, seed=seed))
    rate = sum(row["is_violation"] for row in world.truth) / len(world.truth)
    assert 0.05 <= rate <= 0.1
    declared = len(world.truth) - len(world.pending)
    found = distinct(inspections(world))
    assert 0.12 <= len(found) / declared <= 0.19
    reasons = Counter(raw["payload"]["selected_by"] for raw in found)
    assert 0.02 <= reasons["random"] / declared <= 0.07
    assert set(reasons) == {"random", "rule:price_low", "rule:weight_mismatch", "rule:new_firm", "rule:statutory_level"}
    hits = dict.fromkeys(reasons, 0)
    for raw in found:
        hits[raw["payload"]["selected_by"]] += raw["payload"]["finding"] == "hit"
        assert 0 < raw["payload"]["inclusion_permille"] <= 1000
    # The rules are better than chance, and none is right always.
    assert hits["random"] / reasons["random"] < sum(hits.values()) / len(found) < 0.5


def test_an_inspection_misses_some_violations(world: World) -> None:
    truth = {row["declaration_no"]: row["is_violation"] for row in world.truth}
    findings = [r["payload"]["finding"] for r in distinct(inspections(world)) if truth[r["payload"]["declaration_no"]]]
    assert 0.7 <= findings.count("hit") / len(findings) < 1.0


def test_honest_firms_violate_less(world: World) -> None:
    honesty = {firm["enterprise"]: firm["honesty"] for firm in world.firms}
    shares = []
    for low, high in ((0.0, 0.5), (0.5, 0.85), (0.85, 1.01)):
        rows = [row["is_violation"] for row in world.truth if low <= honesty[row["enterprise"]] < high]
        shares.append(sum(rows) / len(rows))
    assert shares[0] > 2 * shares[2]
    assert shares[0] > shares[1] > shares[2] > 0


def test_parameters_refuse_what_they_do_not_know() -> None:
    assert load_parameters(inspection={"random_share": 0.1}).inspection.random_share == 0.1
    assert load_parameters(end_date=date(2025, 12, 31)).end == to_instant(datetime(2026, 1, 1, tzinfo=CHINA))
    with pytest.raises(ValidationError, match="frims"):
        load_parameters(frims=3)
    with pytest.raises(ValidationError, match="random_share"):
        load_parameters(inspection={"random_share": 2})
