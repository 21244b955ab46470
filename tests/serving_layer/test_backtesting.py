"""The command `backtest` as people meet it."""

import json
import shutil
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from benchmarks.forward import versions_of
from data.errors import BacktestError
from data.simulator import load_parameters, simulate
from data.snapshots import write_snapshot
from data.times import DAY
from serving.cli.backtesting import _outcomes
from serving.cli.root import app


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A snapshot's folder and a file of outcomes, of a small world."""
    folder = tmp_path_factory.mktemp("backtest")
    parameters = load_parameters(firms=30, days=120)
    world = simulate(parameters)
    taken = write_snapshot(versions_of(world), folder / "snapshots", as_of=parameters.end + DAY)
    pq.write_table(world.truth, folder / "outcomes.parquet")
    return taken.folder, folder / "outcomes.parquet"


def command(given: tuple[Path, Path], out: Path, *more: str) -> list[str]:
    policies = ["--policy", "random", "--policy", "rules", "--budget", "5", "--budget", "20"]
    return ["backtest", str(given[0]), str(given[1]), "--out", str(out), *policies, *more]


def test_it_compares_policies_and_a_second_run_repeats_nothing(given: tuple[Path, Path], tmp_path: Path) -> None:
    asked = command(given, tmp_path, "--seeds", "2", "--after", "2026-05-15", "--json")
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [(row["budget"], row["policy"], row["seeds"]) for row in found["rows"]] == [
        (0.05, "random", 2), (0.05, "rules", 2), (0.2, "random", 2), (0.2, "rules", 2),
    ]  # fmt: skip
    assert all(0 <= row["worst"]["revenue"] <= row["mean"]["revenue"] <= 1 for row in found["rows"])
    assert all(row["mean_after"] is not None for row in found["rows"])
    assert {Path(plot).name for plot in found["plots"]} == {"policies.png", "weeks.png", "budgets.png"}
    files = {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*.json")}
    assert len(files) == 8
    times = {path: path.stat().st_mtime_ns for path in files}
    again = CliRunner().invoke(app, asked)
    assert json.loads(again.stdout)["rows"] == found["rows"]
    assert {path: path.stat().st_mtime_ns for path in files} == times
    shutil.rmtree(tmp_path / "runs/seed=2")  # a stopped study goes on with the same bytes
    CliRunner().invoke(app, asked)
    assert {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*.json")} == files


def test_people_get_a_table(given: tuple[Path, Path], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, command(given, tmp_path))
    assert result.exit_code == 0, result.output
    for words in ("shares of the oracle", "random", "rules", "hold the truth", "policies.png"):
        assert words in result.stdout


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"declaration_no": "a", "is_violation": "perhaps", "duty_fen": 1}, "write true or false"),
        ({"declaration_no": "a", "is_violation": True, "duty_fen": -1}, "write whole fen"),
        ({"declaration_no": "a", "is_violation": True, "duty_fen": 1.5}, "write whole fen"),
        ({"declaration_no": "a", "is_violation": True}, "are needed in each row"),
    ],
)
def test_a_wrong_outcome_is_named(tmp_path: Path, row: dict, words: str) -> None:
    path = tmp_path / "outcomes.jsonl"
    good = {"declaration_no": "b", "is_violation": 0, "duty_fen": 0}
    path.write_bytes(b"\n".join(msgspec.json.encode(one) for one in (good, row)) + b"\n")
    with pytest.raises(BacktestError, match=f"row 2: .*{words}"):
        _outcomes(path)


def test_outcomes_of_the_simulator_and_of_people_are_read(given: tuple[Path, Path], tmp_path: Path) -> None:
    found, _ = _outcomes(given[1])
    assert any(is_hit and duty > 0 for is_hit, duty in found.values())
    plain = tmp_path / "outcomes.csv"
    plain.write_text("declaration_no,is_violation,duty_fen\na,true,5\nb,0,0\n", encoding="utf-8")
    assert _outcomes(plain)[0] == {"a": (True, 5), "b": (False, 0)}
