"""Quarantine as people work it: over HTTP on the real service, and from the command line."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from data.importing import import_file
from data.mapping import load_mapping
from data.store import open_store
from data.store import quarantine as quarantine_rows
from data.store import records as record_rows
from data.times import DAY, HOUR, from_instant, to_instant
from tests.data_layer.files import korea_row, write_rows
from tests.reading import reading
from tests.serving_layer.service import (
    Json,
    Service,
    World,
    decided,
    declaration,
    demand_nothing_inside,
    demand_problem,
    inspection,
    serving,
)  # fmt: skip
from tests.serving_layer.test_cli import MADE, Shell, declared, write_json_lines

FIRM = "91510500MA6200001K"
ME = {"actor": "officer 7"}


def listed(service: Service, **query: Any) -> Json:
    answer = service.client.get("/v1/quarantine", params=query)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def ids(service: Service, **query: Any) -> list[int]:
    return [row["id"] for row in listed(service, **query)["rows"]]


def whole(service: Service, row: int) -> Json:
    body: Json = service.client.get(f"/v1/quarantine/{row}").json()
    return body


def resubmit(
    service: Service, row: int, content: Any = b"", kind: str = "application/json", **query: str
) -> httpx.Response:
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    headers = {"Content-Type": kind} if content else {}
    return service.client.post(f"/v1/quarantine/{row}/resubmit", content=content, headers=headers, params=ME | query)


def dismiss(service: Service, row: int, **changes: Any) -> httpx.Response:
    return service.client.post(f"/v1/quarantine/{row}/dismiss", json=ME | {"note": "a test"} | changes)


# --- over HTTP -------------------------------------------------------------------------------------------------------


def test_rows_are_listed_filtered_and_paged(bare: Service, now: int) -> None:
    bad = [declaration(f"g{n}", now - HOUR, declared_value_fen=-1) for n in range(3)]
    bare.send([*bad, declaration("g8", now - HOUR, hs_code="x")])
    bare.decide(declaration("g9", now - HOUR, hs_code="85.17"))
    everything = listed(bare)
    assert (everything["total"], everything["next_before"]) == (5, None)
    first = everything["rows"][-1]
    assert first["origin"] == "api"
    assert (first["line"], first["state"], first["form"]) == (1, "open", "json")
    assert first["faults"][0]["field"] == "payload.declared_value_fen"
    assert ids(bare, field="hs_code") == [5, 4]
    assert ids(bare, field="should") == []  # that is in a reason
    assert ids(bare, reason="greater") == [3, 2, 1]
    assert ids(bare, origin="decisions") == [5]
    assert ids(bare, form="xml") == []
    assert ids(bare, state=["open", "refused"], field="hs_code", origin="api/") == [5]
    assert ids(bare, state="accepted") == []
    soon = from_instant(now + DAY).isoformat()
    assert ids(bare, since=soon) == []
    assert len(ids(bare, until=soon)) == 5
    seen, before = [], None
    while True:
        page = listed(bare, limit=2, **({"before": before} if before else {}))
        assert page["total"] == 5
        seen += [row["id"] for row in page["rows"]]
        before = page["next_before"]
        if before is None:
            break
    assert seen == [5, 4, 3, 2, 1]


def test_a_row_is_fixed_once_and_the_live_features_know_it(bare: Service, now: int) -> None:
    person = "510502199001011234"
    bare.send(declaration("g1", now - 9 * DAY, declared_value_fen=-1, buyer=person))
    found = whole(bare, 1)
    assert (found["state"], found["steps"]) == ("open", [])
    assert person not in str(found)
    raw = json.loads(found["raw"])
    again = resubmit(bare, 1).json()
    assert (again["status"], again["faults"][0]["field"]) == ("refused", "payload.declared_value_fen")
    body = resubmit(bare, 1, raw | {"payload": raw["payload"] | {"declared_value_fen": 5}}, note="a slip").json()
    assert body == {"id": 1, "status": "accepted", "faults": []}
    after = whole(bare, 1)
    assert [(s["actor"], s["step"]) for s in after["steps"]] == [("officer 7", "refused"), ("officer 7", "accepted")]
    assert after["steps"][1]["note"] == "a slip"
    assert (listed(bare)["total"], len(bare.records())) == (1, 1)
    record = bare.records()["g1"]
    assert record.known_at > now  # not when it was sent, nor when it happened
    assert record.payload["buyer"] == raw["payload"]["buyer"]
    assert bare.client.get("/readyz").json()["records_behind"] == 0
    archive = bare.client.get(f"/v1/enterprises/{FIRM}").json()
    assert archive["records"] == {"declaration": 1}
    demand_problem(resubmit(bare, 1, raw), 409, "record-conflict")
    decided(bare.decide(declaration("g2", now)))  # and the service goes on


def test_an_inspection_waits_for_its_declaration(bare: Service, now: int) -> None:
    bare.send(inspection("i1", "no-g1", now - HOUR))
    assert resubmit(bare, 1).json()["status"] == "refused"
    bare.send(declaration("g1", now - DAY))
    assert resubmit(bare, 1).json()["status"] == "accepted"
    assert bare.records("supervision")["i1"].payload["facts"] == bare.records()["g1"].payload


def test_two_people_at_once_do_not_take_a_row_in_twice(bare: Service, now: int) -> None:
    raw = declaration("g1", now - HOUR)
    bare.send(raw | {"payload": raw["payload"] | {"declared_value_fen": -1}})
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _n: resubmit(bare, 1, raw), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert [step["step"] for step in whole(bare, 1)["steps"]] == ["accepted"]


def test_a_row_is_dismissed_and_stays(bare: Service, now: int) -> None:
    bare.send(declaration("g1", now - HOUR, declared_value_fen=-1))
    before = whole(bare, 1)
    assert dismiss(bare, 1).json() == {"id": 1, "status": "dismissed"}
    after = whole(bare, 1)
    assert (after["state"], after["raw"], after["faults"]) == ("dismissed", before["raw"], before["faults"])
    assert (after["steps"][0]["step"], after["steps"][0]["note"]) == ("dismissed", "a test")
    demand_problem(dismiss(bare, 1), 409, "record-conflict")
    demand_problem(resubmit(bare, 1), 409, "record-conflict")


def test_cells_are_fixed_as_csv_or_json(bare: Service, tmp_path: Path) -> None:
    good = [korea_row(n, Fraud="1") for n in range(2)]
    path = write_rows(tmp_path / "a.csv", [row | {"Fraud": "?"} for row in good])
    with bare.store() as store:
        import_file(store, path, load_mapping("korea"), reading=reading(bare.clock.now))
    kept = whole(bare, 1)
    assert kept["form"] == "csv"
    assert resubmit(bare, 1, kept["raw"].replace("?", "1").encode(), "text/csv").json()["status"] == "accepted"
    assert resubmit(bare, 2, good[1], "application/json; charset=utf-8").json()["status"] == "accepted"
    assert len(bare.records("supervision")) == 2


def test_what_cannot_be_done_is_a_problem(bare: Service, now: int) -> None:
    bare.send(declaration("g1", now - HOUR, declared_value_fen=-1))
    demand_problem(bare.client.get("/v1/quarantine/2"), 404, "not-found")
    demand_problem(resubmit(bare, 2), 404, "not-found")
    demand_problem(dismiss(bare, 2), 404, "not-found")
    for path in ("/v1/quarantine/0", "/v1/quarantine/x", f"/v1/quarantine/{2**63}", "/v1/quarantine?limit=0"):
        demand_problem(bare.client.get(path), 422, "invalid-request")
    for query in (
        {"state": "gone"},
        {"since": "2026-01-01T00:00:00"},
        {"until": "0.5"},
        {"limit": 201},
        {"field": ""},
        {"before": 0},
    ):
        demand_problem(bare.client.get("/v1/quarantine", params=query), 422, "invalid-request")
    demand_problem(bare.client.post("/v1/quarantine/1/resubmit"), 422, "invalid-request")
    demand_problem(resubmit(bare, 1, actor="x" * 101), 422, "invalid-request")
    demand_problem(resubmit(bare, 1, actor="  "), 422, "invalid-request")
    demand_problem(resubmit(bare, 1, b"{"), 400, "malformed-body")
    demand_problem(resubmit(bare, 1, b"[" * 100_000), 400, "malformed-body")
    demand_problem(resubmit(bare, 1, b"x", "image/png"), 415, "unsupported-body")
    for changes in ({"actor": ""}, {"note": ""}, {"actor": "x" * 101}, {"more": 1}, {"actor": None}, {"actor": " "}):
        demand_problem(dismiss(bare, 1, **changes), 422, "invalid-request")
    demand_problem(bare.client.post("/v1/quarantine/1/dismiss", content=b"{"), 422, "invalid-request")
    assert whole(bare, 1)["steps"] == []


@pytest.mark.parametrize("text", ["\x00", "%", "_", "'", '"', "\\", "清单", "\ud83d\udea2", "{{", "a" * 200])
def test_filters_take_any_text(shared: Service, text: str) -> None:
    for name in ("origin", "field", "reason"):
        answer = shared.client.get(
            "/v1/quarantine", params={name: text.encode("utf-16", "surrogatepass").decode("utf-16")}
        )
        assert answer.status_code == 200, answer.text
        demand_nothing_inside(answer)


def test_actors_and_notes_may_be_anything(bare: Service, now: int) -> None:
    bare.send(declaration("g1", now - HOUR, declared_value_fen=-1))
    assert resubmit(bare, 1, actor="\x00", note="\x00'").json()["status"] == "refused"
    assert dismiss(bare, 1, actor="检\x00", note="\x00").status_code == 200
    assert [s["actor"] for s in whole(bare, 1)["steps"]] == ["\ufffd", "检\ufffd"]


def test_in_a_replay_a_fix_is_known_in_the_replay_s_present(
    world: World, store_url: str, now: int, tmp_path: Path
) -> None:
    def at(guid: str, instant: int, **payload: Any) -> Json:
        return declaration(guid, instant, **payload) | {"known_at": from_instant(instant).isoformat()}

    with serving(store_url, tmp_path, now, clock="records") as service:
        service.send(at("g1", now - 9 * DAY, declared_value_fen=-1))
        decided(service.decide(at("g2", now - 5 * DAY)))
        assert resubmit(service, 1, at("g1", now - 9 * DAY)).json()["status"] == "accepted"
        assert now - 5 * DAY < service.records()["g1"].known_at < now - 4 * DAY
        decided(service.decide(at("g3", now - 4 * DAY)))  # the replay goes on


# --- from the command line -------------------------------------------------------------------------------------------


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A folder with five refused rows: a value, an inspection too early, a broken line, a cell, and a value once more."""
    shell = Shell(tmp_path)
    early = inspection("i1", "no-g1", MADE) | {"known_at": from_instant(MADE).isoformat()}
    bad = [declared(f"g{n}", declared_value_fen=-1) for n in (1, 2)]
    (tmp_path / "a.jsonl").write_text("\n".join([json.dumps(bad[0]), json.dumps(early), '{"kind"', json.dumps(bad[1])]))
    write_rows(tmp_path / "b.csv", [korea_row(1, Fraud="?")])
    for outcome in shell.batch(["import", "a.jsonl"], ["import", "b.csv", "--mapping", "korea"]):
        assert outcome.code == 0, outcome.err
    return shell


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_a_folder_is_exported_edited_and_resubmitted(shell: Shell) -> None:
    exported, unedited = shell.batch(
        ["quarantine", "export", "--raw-folder", "out", "--json"], ["quarantine", "resubmit", "--folder", "out", "--json"]
    )  # fmt: skip
    folder = shell.folder / "out"
    assert exported.json()["rows"] == 5
    assert sorted(path.name for path in folder.iterdir()) == ["1.json", "2.json", "3.txt", "4.json", "5.csv"]
    assert unedited.json() == {
        "resubmitted": 0, "accepted": 0, "duplicate": 0, "refused": 0, "skipped": 5, "refusals": [],
    }  # fmt: skip
    for name in ("1.json", "4.json"):
        edit(folder / name, '"declared_value_fen":-1', '"declared_value_fen":7')
    edit(folder / "5.csv", "?", "1")
    (folder / "3.txt").rename(folder / "3.json")
    (folder / "3.json").write_text(json.dumps(declared("g3")))
    done, once_more, waiting, table, status = shell.batch(
        ["quarantine", "resubmit", "--folder", "out", "--json"], ["quarantine", "resubmit", "--folder", "out", "--json"],
        ["quarantine", "resubmit", "--field", "declaration_no", "--json"], ["quarantine", "list", "--json"],
        ["db", "status", "--json"],
    )  # fmt: skip
    counts = done.json()
    assert (counts["resubmitted"], counts["accepted"], counts["skipped"]) == (4, 4, 1)
    assert (once_more.json()["resubmitted"], once_more.json()["skipped"]) == (0, 5)
    assert waiting.json()["accepted"] == 1
    assert [(row["id"], row["state"]) for row in table.json()] == [(n, "accepted") for n in (5, 4, 3, 2, 1)]
    assert status.json() == {"records": {"declaration": 4, "supervision": 2}, "quarantine": 5}
    store = open_store(f"sqlite:///{shell.folder / 'var' / 'a.db'}")
    with store.read() as connection:
        known = {v.record.known_at for v in record_rows.versions(connection)}
        steps = [kept.steps for kept in quarantine_rows.each(connection, quarantine_rows.Filter())]
    store.close()
    assert min(known) > MADE + 30 * DAY  # the moment of resubmission
    assert [len(s) for s in steps] == [1] * 5


def test_rows_are_shown_listed_and_exported(shell: Shell) -> None:
    shown, shown_json, listed_, none, day, lines, page = shell.batch(
        ["quarantine", "show", "1"], ["quarantine", "show", "5", "--json"],
        ["quarantine", "list", "--state", "open", "--origin", "a.js", "--field", "fen", "--json"],
        ["quarantine", "list", "--form", "xml"], ["quarantine", "list", "--until", "2020-01-01", "--json"],
        ["quarantine", "export", "rows.jsonl", "--reason", "greater"],
        ["quarantine", "list", "--limit", "2", "--before", "4", "--json"],
    )  # fmt: skip
    assert shown.code == 0, shown.err
    for words in ("row 1: open", "a.jsonl, line 1", "payload.declared_value_fen", '"guid":"g1"'):
        assert words in shown.out
    whole_ = shown_json.json()
    assert (whole_["form"], whole_["steps"]) == ("csv", [])
    assert "90000001" in whole_["raw"]
    assert [row["id"] for row in listed_.json()] == [4, 1]
    assert {"id", "received_at", "state", "faults", "origin", "line", "form"} <= set(listed_.json()[0])
    assert "0 of 0" in none.out
    assert day.json() == []
    assert lines.code == 0
    rows = [json.loads(line) for line in (shell.folder / "rows.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == [1, 4]
    assert json.loads(rows[0]["raw"])["guid"] == "g1"
    assert [row["id"] for row in page.json()] == [3, 2]


def test_rows_are_fixed_resubmitted_and_dismissed_by_id(shell: Shell) -> None:
    folder = shell.folder
    write_json_lines(folder / "fixed.json", declared("g1"))
    (folder / "fixed.txt").write_text(json.dumps(declared("g3")))
    tried, fixed, early, text, dismissed, settled, both, shown = shell.batch(
        ["quarantine", "resubmit", "1", "2"], ["quarantine", "fix", "1", "fixed.json", "--actor", "officer", "--note", "slip"],
        ["quarantine", "resubmit", "2", "--json"], ["quarantine", "fix", "3", "fixed.txt", "--form", "json", "--json"],
        ["quarantine", "dismiss", "4", "--note", "a test"], ["quarantine", "resubmit", "4"],
        ["quarantine", "resubmit", "5", "4"], ["quarantine", "show", "1"],
    )  # fmt: skip
    assert "resubmitted 2 = accepted 0 + duplicate 0 + refused 2" in tried.out
    assert "payload.declared_value_fen" in tried.out
    assert "accepted 1" in fixed.out
    assert early.json()["accepted"] == text.json()["accepted"] == 1
    assert dismissed.code == 0
    assert (settled.code, both.code) == (1, 1)
    assert "row 4" in settled.err
    for words in ("officer", "slip", "accepted"):
        assert words in shown.out
    (last,) = shell.batch(["quarantine", "list", "--json"])
    states = {row["id"]: row["state"] for row in last.json()}
    assert states == {1: "accepted", 2: "accepted", 3: "accepted", 4: "dismissed", 5: "open"}


def test_an_archive_s_rows_keep_their_own_time(shell: Shell) -> None:
    write_json_lines(shell.folder / "fixed.json", declared("g1"))
    (fixed,) = shell.batch(["quarantine", "fix", "1", "fixed.json", "--historical", "--json"])
    assert fixed.json()["accepted"] == 1
    store = open_store(f"sqlite:///{shell.folder / 'var' / 'a.db'}")
    with store.read() as connection:
        (version,) = record_rows.versions(connection)
    store.close()
    assert version.record.known_at == to_instant(from_instant(MADE))


_WRONG: dict[str, tuple[list[str], str]] = {
    "nothing named": (["resubmit"], "--all"),
    "two things named": (["resubmit", "1", "--all"], "one of"),
    "settled states": (["resubmit", "--state", "accepted"], "--state"),
    "unknown state": (["list", "--state", "gone"], "dismissed"),
    "unknown form": (["list", "--form", "pdf"], "xml"),
    "form of a fix": (["fix", "1", "a.jsonl", "--form", "text"], "csv"),
    "missing fix": (["fix", "1", "none.json"], "none.json"),
    "missing row": (["show", "99"], "99"),
    "missing rows": (["resubmit", "99"], "99"),
    "no target": (["export"], "--raw-folder"),
    "two targets": (["export", "a", "--raw-folder", "b"], "--raw-folder"),
    "a folder with something": (["export", "--raw-folder", "."], "already"),
    "a folder of other files": (["resubmit", "--folder", "."], "named after a row"),
    "no note": (["dismiss", "1"], "--note"),
    "no actor": (["dismiss", "1", "--note", "x", "--actor", " "], "actor"),
    "missing mapping": (["resubmit", "--all", "--mapping", "own.yaml"], "own.yaml"),
}


def test_a_wrong_command_is_explained_and_nothing_is_done(shell: Shell) -> None:
    outcomes = shell.batch(*[["quarantine", *arguments] for arguments, _ in _WRONG.values()])
    for (name, (_, word)), outcome in zip(_WRONG.items(), outcomes, strict=True):
        assert outcome.code in (1, 2), (name, outcome)
        assert "Traceback" not in outcome.err
        assert word in outcome.err, (name, outcome.err)
    (after,) = shell.batch(["quarantine", "list", "--json"])
    assert {row["state"] for row in after.json()} == {"open"}
