"""The match of a declaration for people: over HTTP and on the command line."""

import json
from pathlib import Path
from typing import Any

from data.times import HOUR, from_instant
from tests.serving_layer.service import Json, Service, declaration, demand_problem
from tests.serving_layer.test_cli import Shell, declared, write_json_lines

FIRM = "91510500MA6200001K"


def document(kind: str, guid: str, at: int, **payload: Any) -> Json:
    """A document of order o1 as a sender writes it."""
    return {
        "kind": kind, "guid": guid, "source": "single-window", "event_at": from_instant(at).isoformat(),
        "payload": {"order_no": "o1", **payload},
    }  # fmt: skip


def outcomes(service: Service, number: str) -> dict[str, str]:
    answer = service.client.get(f"/v1/declarations/{number}/match")
    assert answer.status_code == 200, answer.text
    return {check["code"]: check["outcome"] for check in answer.json()["checks"]}


def test_a_match_follows_its_documents_and_the_decision_follows_the_match(bare: Service, now: int) -> None:
    raw = declaration("g1", now - HOUR, order_no="o1", platform="P1")
    first = bare.decide(raw).json()
    before = outcomes(bare, "no-g1")
    assert {before[code] for code in ("order_known", "payment_known", "waybill_known")} == {"missing"}
    order = document("order", "a", now - HOUR, enterprise=FIRM, platform="P1", total_fen=45_900, goods_value_fen=45_900)
    payment = document("payment", "b", now - HOUR, payment_no="y1", payment_firm="Y1", platform="P1", paid_fen=40_000)
    assert bare.send([order, payment]).json()["accepted"] == 2
    body = bare.client.get("/v1/declarations/no-g1/match").json()
    assert body["failed"] == ["paid_equals_order"]
    check = next(one for one in body["checks"] if one["code"] == "paid_equals_order")
    assert (check["left"], check["right"], check["outcome"]) == (45_900, 40_000, "differ")
    assert "2018/194" in check["source"]
    again = bare.decide(raw).json()
    assert (again["lane"]["code"], again["selection"]["rule"]) == ("document_review", "documents_differ")
    assert bare.client.get(f"/v1/decisions/{first['decision_id']}").json() == first  # as it was known then


def test_what_is_not_matched_is_a_problem(bare: Service, now: int) -> None:
    demand_problem(bare.client.get("/v1/declarations/unknown/match"), 404, "not-found")
    raw = declaration("g1", now - HOUR)
    del raw["payload"]["trade_mode"]
    assert bare.send(raw).json()["accepted"] == 1
    demand_problem(bare.client.get("/v1/declarations/no-g1/match"), 404, "not-found")


def test_the_command_line_shows_what_does_not_agree(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    write_json_lines(tmp_path / "a.jsonl", declared("g1", trade_mode="9610", gross_mass_g=5, net_mass_g=9))
    _, plain, machine = shell.batch(["import", "a.jsonl"], ["match", "no-g1"], ["match", "no-g1", "--json"])
    assert "The net mass does not exceed the gross mass" in plain.out
    assert json.loads(machine.out)["failed"] == ["net_within_gross"]
