"""`greenlane features build`: the values of the engines, prepared once, the same from every machine and with every memory."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import LocalCluster
from typer.testing import CliRunner

from data.layout import VersionTables
from data.records import Version
from data.snapshots import Snapshot, write_snapshot
from data.store import open_store
from data.store import records as record_rows
from data.times import from_instant
from features import prepared
from features.batch import matrix_of
from features.catalogue import SETS
from features.questions import about_shipment
from models.training import asking
from models.training.dataset import credit_dataset
from serving.cli import building
from serving.cli.root import app
from tests.serving_layer.service import World


@dataclass(frozen=True)
class Taken:
    snapshot: Snapshot
    versions: list[Version]
    var: Path


@pytest.fixture(scope="module")
def taken(world: World, tmp_path_factory: pytest.TempPathFactory) -> Taken:
    var = tmp_path_factory.mktemp("building")
    with closing(open_store(f"sqlite:///{world.database}")) as store, store.read() as connection:
        versions = list(record_rows.versions(connection))
    return Taken(write_snapshot(versions, var / "snapshots", as_of=world.end), versions, var)


@pytest.fixture
def shell(taken: Taken, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    monkeypatch.setenv("GREENLANE_VAR", str(taken.var))
    return CliRunner()


def build(shell: CliRunner, *given: object) -> dict[str, Any]:
    done = shell.invoke(app, ["features", "build", *map(str, given), "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def agrees(table: pa.Table, name: str, columns: dict[str, np.ndarray]) -> None:
    assert table.column_names[2:] == [feature.name for feature in SETS[name].features]
    for feature, column in columns.items():
        if column.dtype == object:
            assert table[feature].to_pylist() == list(column), feature
        else:
            written = table[feature].to_pandas().to_numpy(dtype=np.float64)
            np.testing.assert_array_equal(written, column.astype(np.float64), err_msg=feature)


def test_the_shipments_of_a_snapshot(
    taken: Taken, shell: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = [v.record for v in taken.snapshot.versions(["declaration"]) if v.record.action in ("new", "change")]
    assert len(declared) > 1_000
    expected = matrix_of(SETS["shipment"], taken.snapshot.versions(), [about_shipment(record) for record in declared])
    first = build(shell, "--snapshot", taken.snapshot.folder.name, "--set", "shipment")
    assert not first["reused"]
    assert first["rows"] == len(declared)
    table = pq.read_table(first["file"])
    order = {(name, at): place for place, (name, at) in enumerate(_heads(table, "declaration_no"))}
    asked = [(r.payload["declaration_no"], from_instant(max(r.event_at, r.known_at))) for r in declared]
    assert sorted(asked) == sorted(order)
    agrees(table.take([order[one] for one in asked]), "shipment", expected)
    metadata = pq.read_metadata(first["file"]).metadata
    assert metadata[b"greenlane.digest"].decode() == first["digest"]
    assert metadata[b"greenlane.snapshot"].decode() == taken.snapshot.digest
    # with little memory, many buckets and questions in many pieces, in another place: the same values
    monkeypatch.setattr(prepared, "_WORKING_SET", 400)
    monkeypatch.setattr(building, "_SHARE", 0.001)
    out = tmp_path / "there" / "m.parquet"
    second = build(shell, "--snapshot", taken.snapshot.folder, "--set", "shipment", "--out", out, "--memory-mb", 30)
    assert not second["reused"]
    assert pq.ParquetFile(out).num_row_groups > 1
    assert second["digest"] == first["digest"]
    assert pq.read_table(out).equals(table)


def _heads(table: pa.Table, name: str) -> list[tuple[str, Any]]:
    return list(zip(table[name].to_pylist(), table["asked_at"].to_pylist(), strict=True))


def test_the_credit_of_a_snapshot_is_that_of_training(taken: Taken, shell: CliRunner) -> None:
    versions = taken.snapshot.versions()
    until = max(v.record.known_at for v in versions)
    dataset = credit_dataset(SETS["credit"], VersionTables(versions), "", until=until)
    assert len(dataset) > 100
    made = build(shell, "--snapshot", taken.snapshot.folder, "--set", "credit", "--workers", 1)
    table = pq.read_table(made["file"])
    assert _heads(table, "enterprise") == [
        (name, from_instant(int(at))) for name, at in zip(dataset.names, dataset.asked_at, strict=True)
    ]
    agrees(table, "credit", dataset.columns)
    pieces = list(asking.enterprises(taken.snapshot, 37))
    assert [len(piece.questions) for piece in pieces[:-1]] == [37] * (len(pieces) - 1)
    assert [name for piece in pieces for name in piece.names.to_pylist()] == list(dataset.names)


def test_what_is_prepared_is_used_again_while_it_fits(taken: Taken, shell: CliRunner, tmp_path: Path) -> None:
    given = ("--snapshot", taken.snapshot.folder, "--set", "credit", "--out", tmp_path / "m.parquet")
    first = build(shell, *given, "--memory-mb", 900)
    assert build(shell, *given, "--memory-mb", 950)["reused"]
    folder = Path(first["prepared"])
    (folder / "unfinished").touch()  # as a preparation that is cut off leaves it
    (folder / "manifest.json").unlink()
    again = build(shell, *given, "--memory-mb", 950)
    assert again["digest"] == first["digest"]
    assert Path(again["prepared"]) != folder or not again["reused"]


def test_a_cluster_builds_the_same(taken: Taken, shell: CliRunner, tmp_path: Path) -> None:
    given = ("--snapshot", taken.snapshot.folder, "--set", "credit", "--out", tmp_path / "m.parquet")
    here = build(shell, *given)
    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, silence_logs=50, protocol="tcp"
    ) as cluster:
        there = build(shell, *given, "--scheduler", cluster.scheduler_address)
    assert there["digest"] == here["digest"]
    done = shell.invoke(app, ["features", "build", *map(str, given), "--scheduler", "tcp://127.0.0.1:9"])
    assert done.exit_code != 0
    assert "no Dask scheduler answers" in f"{done.output}{done.exception}"


def test_people_read_a_summary(taken: Taken, shell: CliRunner, tmp_path: Path) -> None:
    target = tmp_path / "a[b].parquet"
    given = ["--snapshot", str(taken.snapshot.folder), "--set", "credit", "--out", str(target)]
    done = shell.invoke(app, ["features", "build", *given])
    assert done.exit_code == 0, done.output
    for words in ("questions x 83 features", "prepared", target.name, "SHA-256"):
        assert words in done.output.replace("\n", "")
