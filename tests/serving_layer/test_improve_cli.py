"""The commands `improve` and `scorecard`: what people and machines get of them."""

import json
from contextlib import closing
from pathlib import Path

from data.store import open_store
from data.store import records as record_rows
from tests.serving_layer.service import Run, World


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


def test_a_scorecard_is_written_as_table_and_sql(run: Run, tmp_path: Path) -> None:
    table, sql = tmp_path / "t" / "card.md", tmp_path / "t" / "card.sql"
    found = json.loads(
        run("scorecard", "shipment", "--folds", "2", "--table", str(table), "--sql", str(sql), "--json").stdout
    )
    assert set(found["figures"]) == {"scorecard", "rules"}
    assert f"Base: {found['base']} points" in table.read_text(encoding="utf-8")
    assert sql.read_text(encoding="utf-8").startswith(f"SELECT card.*, {found['base']} + ")
