"""The command line as people meet it: results for machines, one clear line for what is wrong, never a traceback."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from data.times import DAY, from_instant, midnight
from serving.cli.root import app
from tests.data_layer.files import KOREA_COLUMNS, korea_row, write_csv, write_rows
from tests.serving_layer.service import declaration, inspection

PROGRAM = "from serving.cli import main; main()"
# runs many command lines in one process, since a process costs seconds: [[arguments, environment], ...] to outcomes
BATCH = """
import contextlib, io, json, os, sys, traceback
from serving.cli import main
outcomes = []
for arguments, environment in json.load(sys.stdin):
    out, err, code = io.StringIO(), io.StringIO(), 0
    before = dict(os.environ)
    os.environ.update(environment)
    sys.argv = ["greenlane", *arguments]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            code = "Traceback"
            traceback.print_exc()
    os.environ.clear()
    os.environ.update(before)
    outcomes.append([code, out.getvalue(), err.getvalue()])
json.dump(outcomes, sys.stdout)
"""


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """A folder and an environment in which commands run."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("GREENLANE_", "COLUMNS"))}
        return own | {
            "GREENLANE_VAR": str(self.folder / "var"),
            "GREENLANE_DATABASE": f"sqlite:///{self.folder / 'var' / 'a.db'}",
            "GREENLANE_MLFLOW_CONFIG": str(self.folder / "mlflow.yaml"),
        }

    def run(self, *arguments: str, program: str = PROGRAM, given: str = "", patience: int = 120) -> Outcome:
        """One process."""
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=self.folder, env=self.environment, input=given, capture_output=True, text=True, timeout=patience,
        )  # fmt: skip
        return Outcome(done.returncode, done.stdout, done.stderr)

    def batch(self, *lines: list[str], environments: list[dict[str, str]] | None = None) -> list[Outcome]:
        """Many command lines, one after the other in one process."""
        given = list(zip(lines, environments or [{}] * len(lines), strict=True))
        done = self.run(program=BATCH, given=json.dumps(given))
        assert done.code == 0, done.err
        return [Outcome(*outcome) for outcome in json.loads(done.out)]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "mlflow.yaml").write_text(
        "tracking_uri: sqlite:///ml.db\nartifact_root: artifacts\nchampion_alias: champion\nmodels: {}\n"
    )
    return Shell(folder)


def write_json_lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


MADE = midnight(20_500)


def declared(guid: str, **payload: Any) -> dict[str, Any]:
    return declaration(guid, MADE, **payload) | {"known_at": from_instant(MADE).isoformat()}


# --- what goes well --------------------------------------------------------------------------------------------------


def test_records_are_imported_and_what_was_refused_is_listed(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    name = "a[b].jsonl"  # brackets mean something to the terminal's library
    rows = [declared("g1"), declared("g1"), declared("g2", declared_value_fen=-1), declared("g3", **{"[/red]": 1})]
    write_json_lines(tmp_path / name, *rows)
    write_rows(tmp_path / "korea.csv", [korea_row(1), korea_row(2)])
    first, plain, listed, table, korea, status, status_table, upgrade, rebuilt = shell.batch(
        ["import", name, "--json"], ["import", name], ["quarantine", "list", "--json"],
        ["quarantine", "list", "--limit", "1"], ["import", "korea.csv", "--mapping", "korea", "--json"],
        ["db", "status", "--json"], ["db", "status"], ["db", "upgrade"], ["features", "rebuild"],
    )  # fmt: skip
    tally = first.json()
    counts = {name: tally[name] for name in ("received", "accepted", "duplicate", "rejected", "records")}
    assert counts == {"received": 4, "accepted": 1, "duplicate": 1, "rejected": 2, "records": 1}
    assert [refusal["line"] for refusal in tally["refusals"]] == [3, 4]
    assert tally["refusals"][0]["faults"][0][0] == "payload.declared_value_fen"
    assert plain.code == 0, plain.err
    assert "received 4 = accepted 0 + duplicate 2 + rejected 2" in plain.out
    assert "payload.declared_value_fen" in plain.out
    assert "payload.[/xxx]" in plain.out
    assert [(row["origin"], row["line"]) for row in listed.json()] == [(name, 4), (name, 3), (name, 4), (name, 3)]
    assert table.code == 0, table.err
    for words in ("[/xxx]", name, "1 of 4"):
        assert words in table.out
    assert korea.json()["records"] == 4
    assert status.json() == {"records": {"declaration": 3, "supervision": 2}, "quarantine": 4}
    for outcome in (status_table, upgrade, rebuilt):
        assert outcome.code == 0, outcome.err
        assert outcome.out
    for outcome in (first, listed, korea, status):
        json.loads(outcome.out)  # and nothing beside the JSON


def test_until_leaves_out_what_was_known_from_that_day_on(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    later = declared("g2") | {"known_at": from_instant(MADE + DAY).isoformat()}
    write_json_lines(tmp_path / "a.jsonl", declared("g1"), later)
    day = from_instant(MADE + DAY).date().isoformat()
    cut, whole = shell.batch(["import", "a.jsonl", "--until", day, "--json"], ["import", "a.jsonl", "--json"])
    assert (cut.json()["received"], whole.json()["accepted"], whole.json()["duplicate"]) == (1, 1, 1)


def test_a_world_is_simulated_and_can_be_imported_and_studied(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    made, imported, features, study, table = shell.batch(
        ["simulate", "--out", "w", "--firms", "40", "--days", "150", "--json"], ["import", "w/records", "--json"],
        ["features", "list", "shipment"], ["features", "study", "--json"], ["features", "study"],
    )  # fmt: skip
    assert imported.json()["received"] == made.json()["records"]
    assert imported.json()["rejected"] == 0
    assert features.code == 0
    told = study.json()
    assert len(told["features"]) == 164
    assert told["features"][0]["information"] > told["features"][-1]["information"] >= 0
    assert table.code == 0, table.err
    assert "hits" in table.out


def test_decisions_on_a_file_are_asked_of_a_service_of_their_own(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    found = inspection("i1", "no-g1", MADE) | {"known_at": from_instant(MADE + DAY).isoformat()}
    write_json_lines(tmp_path / "a.jsonl", declared("g1"), found, declared("g2"))
    outcome = shell.run("decide", "a.jsonl", "--outcomes", "as-known", "--json").json()
    assert outcome["decisions"] == 2
    assert set(outcome["lanes"]) <= {"document_review", "heightened_inspection"}  # no champion: the safe lane
    (status,) = shell.batch(["db", "status", "--json"])
    assert status.json()["records"] == {"declaration": 2, "supervision": 1}


def test_the_console_script_is_installed() -> None:
    script = Path(sys.executable).with_name("greenlane")
    done = subprocess.run([str(script), "--help"], capture_output=True, text=True, timeout=60, check=True)
    for name in ("import", "decide", "train", "quarantine"):
        assert name in done.stdout


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from _commands(command, (*path, name))


@pytest.mark.parametrize("path", list(_commands(get_command(app))), ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*path, "--help"])
    assert done.exit_code == 0
    assert "Usage" in done.output
    assert len(done.output.split()) > 10


# --- what goes wrong -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wrong:
    """A command line that cannot work, and what the message must name."""

    arguments: list[str]
    words: tuple[str, ...]
    make: Callable[[Path], object] = lambda folder: None
    environment: dict[str, str] | None = None


LONG = "a-folder-with-a-long-name/and-another-one-below-it/so-that-the-path-exceeds-a-line/records.jsonl"
WRONG = {
    "missing file": Wrong(["import", LONG], (LONG, "does not exist")),
    "folder": Wrong(["import", "folder"], ("folder", "no file that can be imported"), lambda f: (f / "folder").mkdir()),
    "empty file": Wrong(
        ["import", "empty.csv", "--mapping", "korea"], ("empty.csv", "is empty"), lambda f: (f / "empty.csv").touch()
    ),
    "unknown ending": Wrong(["import", "a.xlsx"], ("a.xlsx", ".csv"), lambda f: (f / "a.xlsx").write_bytes(b"PK")),
    "no parquet": Wrong(
        ["import", "a.parquet", "--mapping", "korea"], ("a.parquet", "Parquet"),
        lambda f: (f / "a.parquet").write_bytes(b"PAR1 not"),
    ),
    "unknown mapping": Wrong(["import", "a.csv", "--mapping", "japan"], ("japan", "korea")),
    "missing mapping": Wrong(["import", "a.csv", "--mapping", "own.yaml"], ("own.yaml",)),
    "broken mapping": Wrong(
        ["import", "a.csv", "--mapping", "broken.yaml"], ("broken.yaml",),
        lambda f: (f / "broken.yaml").write_text("name: [x"),
    ),
    "wrong columns": Wrong(
        ["import", "columns.csv", "--mapping", "korea"], ("missing column 'Item Price'", "unknown column 'Item Prise'"),
        lambda f: write_csv(f / "columns.csv", [c.replace("Price", "Prise") for c in KOREA_COLUMNS], []),
    ),
    "not a day": Wrong(["import", "a.jsonl", "--until", "tomorrow"], ("--until", "tomorrow")),
    "no file": Wrong(["import"], ("paths",)),
    "too few firms": Wrong(["simulate", "--firms", "3"], ("--firms",)),
    "world into a file": Wrong(["simulate", "--out", "file", "--firms", "20", "--days", "60"], ("file",),
                               lambda f: (f / "file").touch()),
    "nothing to learn from": Wrong(["train", "shipment"], ("outcomes",)),
    "unknown model": Wrong(["train", "weather"], ("weather", "shipment")),
    "unknown features": Wrong(["train", "credit", "--features", "none"], ("none", "credit")),
    "rejects of enterprises": Wrong(["train", "credit", "--reject-inference", "9"], ("reject inference", "shipment")),
    "rejects on a cluster": Wrong(
        ["train", "shipment", "--reject-inference", "9", "--study", "s", "--scheduler", "tcp://127.0.0.1:1"],
        ("reject inference", "scheduler"),
    ),
    "features of the other model": Wrong(["train", "credit", "--features", "shipment"], ("shipment", "credit")),
    "no registry": Wrong(
        ["train", "credit"], ("nowhere.yaml",), environment={"GREENLANE_MLFLOW_CONFIG": "nowhere.yaml"}
    ),
    "promote alone in production": Wrong(
        ["train", "shipment", "--promote"], ("two people", "greenlane promote"),
        environment={"GREENLANE_ENVIRONMENT": "production"},
    ),
    "promote what is not configured": Wrong(["promote", "credit", "1", "--reason", "why"], ("mlflow.yaml", "credit")),
    "promote for no reason": Wrong(["promote", "credit", "1", "--reason", " "], ("--reason",)),
    "roll back nothing": Wrong(["rollback", "credit", "--reason", "why"], ("no credit model",)),
    "unknown environment": Wrong(
        ["champions"], ("GREENLANE_ENVIRONMENT", "trial"), environment={"GREENLANE_ENVIRONMENT": "both"}
    ),
    "nothing to study": Wrong(["features", "study"], ("outcomes",)),
    "study without a snapshot": Wrong(["features", "study", "--snapshot", "none"], ("none", "snapshot")),
    "unknown decision": Wrong(["features", "verify", "--decision", "dec_0"], ("dec_0", "decision_id")),
    "unknown feature set": Wrong(["features", "list", "none"], ("none", "korea")),
    "decide a missing file": Wrong(["decide", "none.jsonl"], ("none.jsonl",)),
    "decide without a service": Wrong(
        ["decide", "one.jsonl", "--url", "http://127.0.0.1:1"], ("http://127.0.0.1:1",),
        lambda f: write_json_lines(f / "one.jsonl", declared("g1")),
    ),
    "evaluate a missing file": Wrong(["evaluate", "none.csv", "--mapping", "korea"], ("none.csv",)),
    "evaluate other columns": Wrong(
        ["evaluate", "other.csv", "--mapping", "korea"], ("missing column",),
        lambda f: write_csv(f / "other.csv", ["a", "b"], [b"1,2"]),
    ),
    "demo over something": Wrong(["demo", "--folder", "full"], ("full",), lambda f: (f / "full" / "x").mkdir(parents=True)),
    "limit": Wrong(["quarantine", "list", "--limit", "0"], ("--limit",)),
    "unknown command": Wrong(["fly"], ("fly",)),
    "no database": Wrong(["db", "status"], ("database", "URL"), environment={"GREENLANE_DATABASE": "nonsense"}),
    "unreachable database": Wrong(
        ["db", "status"], ("database", "127.0.0.1"),
        environment={"GREENLANE_DATABASE": "postgresql://u:hunter2@127.0.0.1:1/x"},
    ),
    "not a database": Wrong(
        ["db", "status"], ("not a database",), lambda f: (f / "text.db").write_text("text " * 500),
        environment={"GREENLANE_DATABASE": "sqlite:///text.db"},
    ),
    "wrong setting": Wrong(["db", "status"], ("GREENLANE_CLOCK", "system"), environment={"GREENLANE_CLOCK": "sundial"}),
    "wrong number": Wrong(["db", "status"], ("GREENLANE_PORT",), environment={"GREENLANE_PORT": "abc"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(shell: Shell) -> dict[str, Outcome]:
    for wrong in WRONG.values():
        wrong.make(shell.folder)
    lines = [wrong.arguments for wrong in WRONG.values()]
    return dict(
        zip(WRONG, shell.batch(*lines, environments=[w.environment or {} for w in WRONG.values()]), strict=True)
    )


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_command_line_is_explained(outcomes: dict[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    said = outcome.out + outcome.err
    assert outcome.code in (1, 2), said  # 2: the arguments, 1: what they name; 70 would be a failure of ours
    assert "Traceback" not in said
    assert "hunter2" not in said
    assert outcome.out == ""
    for word in WRONG[name].words:
        assert word in said
    if outcome.code == 1:
        errors = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1
        assert outcome.err.rstrip().endswith(errors[0])  # one line, and nothing after it
        assert all(word in errors[0] for word in WRONG[name].words)


def test_a_wrong_command_line_fails_in_a_process_of_its_own_as_well(shell: Shell) -> None:
    outcome = shell.run("import", LONG)
    assert outcome.code == 1
    assert f"error: {LONG} does not exist" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_port_that_cannot_be_is_refused(shell: Shell) -> None:
    outcome = shell.run("serve", "--port", "70000", patience=20)
    assert outcome.code == 2
    assert "--port" in outcome.err
