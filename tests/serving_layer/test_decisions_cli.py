"""The commands `decisions show` and `decisions evidence`: what people and machines get of them, and their exit codes."""

import json
from contextlib import closing

import pytest
from sqlalchemy import update

from data.errors import NotFoundError
from data.store import decisions as decision_rows
from data.store import open_store
from data.store.schema import decisions
from data.times import SECOND, from_instant
from models.policy import shipped_policies
from serving.clearance import Clearance
from serving.evidence import decision_evidence
from serving.settings import read_settings
from tests.reading import PSEUDONYMS
from tests.serving_layer.service import Json, Run, World


def decide(world: World) -> Json:
    """A decision in the database of the command line."""
    with closing(open_store(read_settings().database_url)) as store:
        clearance = Clearance(store, shipped_policies(), b"key", PSEUDONYMS, lambda: world.end, follow_records=True)
        with store.read() as connection:
            at = clearance.live.advanced_to(connection) + SECOND
        body, _ = clearance.decide(world.pending[0] | {"event_at": from_instant(at).isoformat()})
    return body


def test_a_decision_is_shown_as_it_was_answered(run: Run, world: World) -> None:
    body = decide(world)
    assert json.loads(run("decisions", "show", body["decision_id"], "--json").stdout) == body
    for lang in ("zh", "en"):
        text = run("decisions", "show", body["decision_id"], "--lang", lang).stdout
        assert all(reason[lang] in text for reason in body["reasons"])
        assert body["lane"][lang] in text


def test_evidence_reads_the_same_as_text_and_json(run: Run, world: World) -> None:
    decision = decide(world)["decision_id"]
    found = json.loads(run("decisions", "evidence", decision, "--records", "2", "--json").stdout)
    with closing(open_store(read_settings().database_url)) as store:
        assert found == decision_evidence(store, shipped_policies(), decision, most=2).model_dump(mode="json")
    assert found["verified"] is True
    assert json.loads(run("decisions", "evidence", decision, "--records", "2", "--whole", "--json").stdout) == found
    for lang, word in (("zh", "已核实"), ("en", "verified")):
        text = run("decisions", "evidence", decision, "--lang", lang, "--records", "2").stdout
        whole = text.replace("\n", "")
        assert found["digest"] in whole
        assert word in text
        for reason in found["reasons"]:
            assert reason[lang] in whole
            assert all(record["guid"][:8] in whole for record in reason["records"] or ())
            assert not reason["why"] or reason["why"][lang] in whole


def test_a_value_that_does_not_follow_from_its_records_fails_the_command(run: Run, world: World) -> None:
    decision = decide(world)["decision_id"]
    assert run("decisions", "evidence", decision).exit_code == 0
    with closing(open_store(read_settings().database_url)) as store, store.write() as connection:
        stored = decision_rows.by_id(connection, decision)
        assert stored is not None
        vectors = {model: [None] * len(vector) for model, vector in stored.evidence["vectors"].items()}
        changed = json.dumps(stored.evidence | {"vectors": vectors})
        connection.execute(update(decisions).where(decisions.c.id == decision).values(evidence=changed))
    result = run("decisions", "evidence", decision, "--lang", "en")
    assert result.exit_code == 1
    assert "[differs]" in result.stdout


def test_too_many_to_look_through_are_said_to_be(run: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.clearance._RISK_REASONS", 200)
    decision = decide(world)["decision_id"]
    monkeypatch.setattr("serving.behind.MOST_LOOKED_THROUGH", 3)
    result = run("decisions", "evidence", decision, "--lang", "en", "--records", "0")
    assert result.exit_code == 0
    assert "--whole" in result.stdout
    assert "[not checked]" in result.stdout
    assert json.loads(run("decisions", "evidence", decision, "--whole", "--json").stdout)["verified"] is True


def test_a_decision_that_nobody_made_is_one_of_our_errors(run: Run) -> None:
    for command in ("show", "evidence"):
        with pytest.raises(NotFoundError, match="dec_00"):
            run("decisions", command, "dec_00")
