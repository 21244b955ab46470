"""The commands `improve` and `scorecard`: what people and machines get of them."""

import json
from collections.abc import Callable
from contextlib import closing
from copy import deepcopy
from pathlib import Path

import pytest
import typer

from data.errors import NotFoundError
from data.intake import Row, take_valid
from data.records import make_record, utc_now
from data.store import open_store
from data.store import records as record_rows
from data.times import from_instant
from models.counterfactuals import suggested
from models.policy import shipped_policies
from serving.clearance import Clearance
from serving.settings import read_settings
from serving.shipments import declared
from tests.serving_layer.service import Json, Run, World


def _sanctioned(world: World, folder: Path) -> list[str]:
    folder.mkdir()
    with closing(open_store(world.copy_to(folder))) as store, store.read() as connection:
        records = [
            version.record for version in record_rows.versions(connection, kinds=["public_credit", "supervision"])
        ]
    events = ("penalty", "tax_arrears", "statutory_level")
    return sorted({r.payload["enterprise"] for r in records if r.payload.get("event") in events})


def test_the_way_starts_at_the_score_of_the_archive(run: Run, world: World, tmp_path: Path) -> None:
    firms, walked = _sanctioned(world, tmp_path / "other")[:12], 0
    for firm in firms:
        found = json.loads(run("improve", firm, "--json").stdout)
        assert found["score_before"] == json.loads(run("archive", firm, "--json").stdout)["credit"]["score"]
        assert found["score_after"] - found["score_before"] == sum(step["gain"] for step in found["steps"])
        assert all(step["gain"] > 0 for step in found["steps"])
        walked += bool(found["steps"])
        assert str(found["score_before"]) in run("improve", firm).stdout
    assert walked


@pytest.fixture
def clearance(run: Run) -> Callable[[], Clearance]:
    """Opens the copy of the world that `run` works on, as the commands do."""

    def opened() -> Clearance:
        settings = read_settings()
        return Clearance(
            open_store(settings.database_url), shipped_policies(), settings.draw_secret(), settings.pseudonyms(), utc_now,
            follow_records=True,
        )  # fmt: skip

    return opened


def _without_documents(world: World, raw: Json, number: int) -> Json:
    """A declaration of the world, sent again under numbers that no order, payment or waybill has."""
    raw = deepcopy(raw)
    raw["payload"] |= {"declaration_no": f"N{number}", "order_no": f"o-{number}", "waybill_no": f"w-{number}"}
    return raw | {"guid": f"g-{number}", "event_at": from_instant(world.end + 1_000 * number).isoformat()}


@pytest.mark.parametrize("direction", ["import", "export"])
def test_a_shipment_starts_at_its_decision_and_filing_keeps_the_word(
    run: Run, world: World, clearance: Callable[[], Clearance], direction: str
) -> None:
    """Asked after a decision: the score of the decision. Asked after the documents came in: the score that was stated."""
    raws = [raw for raw in world.pending if raw["payload"].get("direction") == direction]
    for number, raw in enumerate(raws[:15], start=1):
        body, _ = clearance().decide(_without_documents(world, raw, number))
        path = json.loads(run("improve", "--declaration", f"N{number}", "--json").stdout)
        assert (path["score_before"], path["probability_before"]) == (
            body["risk"]["score"],
            body["risk"]["probability"],
        )
        assert path["score_before"] - path["score_after"] == sum(step["gain"] for step in path["steps"])
        assert bool(path["steps"]) == (not path["zh"]) == (path["score_after"] < path["score_before"])
        if path["steps"]:
            break
    assert path["steps"], "no shipment of the world gains by its documents"
    said = run("improve", "--declaration", f"N{number}").stdout
    assert f"{path['score_before']} -> {path['score_after']}" in said
    assert all(step["zh"] in said for step in path["steps"])
    now = clearance()
    with closing(now.store), now.store.write() as connection:
        shipment = declared(now, connection, f"N{number}")
        documents = [name for step in path["steps"] for name in step["documents"]]
        records = suggested(shipment.trade, documents, shipment.at - 1)
        assert not take_valid(connection, [Row("test", n, bytes, (r,)) for n, r in enumerate(records)]).refused
    later = json.loads(run("improve", "--declaration", f"N{number}", "--json").stdout)
    assert later["as_of"] == path["as_of"]
    assert (later["score_before"], later["probability_before"]) == (path["score_after"], path["probability_after"])


def test_what_was_released_has_no_steps_left(run: Run, world: World, clearance: Callable[[], Clearance]) -> None:
    clearance().decide(_without_documents(world, world.pending[0], 2))
    with closing(open_store(read_settings().database_url)) as store, store.write() as connection:
        status = make_record(
            kind="list_status", guid="st", source="s", action="new", event_at=world.end + 9_000, known_at=world.end + 9_000,
            payload={"declaration_no": "N2", "status": "800"},
        )  # fmt: skip
        take_valid(connection, [Row("test", 1, bytes, (status,))])
    path = json.loads(run("improve", "--declaration", "N2", "--json").stdout)
    assert (path["declaration"], path["steps"]) == ("N2", [])
    assert "放行" in path["zh"]
    assert "released" in run("improve", "--declaration", "N2").stdout


def test_who_asks_names_one_thing_that_is_known(run: Run) -> None:
    with pytest.raises(NotFoundError, match="no declaration nothing stands"):
        run("improve", "--declaration", "nothing")
    for wrong in ([], ["F1", "--declaration", "N1"], ["--declaration", "N1", "--wanted", "9"]):
        assert run("improve", *wrong).exit_code == typer.BadParameter("").exit_code


def test_a_scorecard_is_written_as_table_and_sql(run: Run, tmp_path: Path) -> None:
    table, sql = tmp_path / "t" / "card.md", tmp_path / "t" / "card.sql"
    found = json.loads(
        run("scorecard", "shipment", "--folds", "2", "--table", str(table), "--sql", str(sql), "--json").stdout
    )
    assert set(found["figures"]) == {"scorecard", "rules"}
    assert f"Base: {found['base']} points" in table.read_text(encoding="utf-8")
    assert sql.read_text(encoding="utf-8").startswith(f"SELECT card.*, {found['base']} + ")
