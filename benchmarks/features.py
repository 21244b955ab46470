"""Features at a moment, side by side: pandas, polars, DuckDB, Feast and ours answer the same questions about the same records.

`python -m benchmarks.features` generates both (see `feature_world`), runs every contender in a process and environment of its
own, the contenders of one file in turns, from the Parquet file to the finished columns, and compares all answers with each
other and a sample with an oracle: whole numbers must be equal, others to 1e-9. A wrong answer ends the benchmark.

The peers are no dependencies of the project. Their environments are made with pip under `var/bench` when first used.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks import environments
from benchmarks.environments import NotFinishedError, last_line, run
from benchmarks.feature_world import FEATURES, questions_file, records_file
from benchmarks.measure import facts, write_json

_FOLDER = environments.FOLDER
_CLOSE = 1e-9
_WIDTH = 120
PINS = {
    "peers": ("duckdb==2.0.0", "numpy==2.4.6", "pandas==3.1.1", "polars==2.1.0", "pyarrow==25.0.1"),
    "feast": ("feast[duckdb]==0.67.0", "duckdb==2.0.0", "ibis-framework==12.0.0", "numpy==2.4.6", "pandas==2.3.3",
              "pyarrow==26.0.1"),
}  # fmt: skip
"""What each environment of the peers holds."""


@dataclass(frozen=True, slots=True)
class Contender:
    """Who is timed: in which environment, on which variants, given what, and what the figures do not say."""

    name: str
    environment: str
    variants: tuple[str, ...]
    given: str = "raw file"
    remark: str = ""
    buyers: bool = True
    """Whether it counts distinct buyers too."""
    half: bool = False
    """Whether it is asked the evenly drawn half only."""
    asked_for: bool = False
    """Runs only if named."""


_BOTH = ("tidy", "real")
CONTENDERS = (
    Contender("pandas", "peers", ("tidy",)),
    Contender("polars", "peers", ("tidy",)),
    Contender("duckdb", "peers", ("tidy",)),
    Contender("duckdb-range", "peers", _BOTH, remark="join of all earlier records", asked_for=True),
    Contender("feast", "feast", ("tidy",), "running totals", "even half; totals not timed", half=True),
    Contender("polars-intervals", "peers", ("real",), remark="no distinct buyers", buyers=False),
    Contender("duckdb-intervals", "peers", ("real",), remark="no distinct buyers", buyers=False),
    Contender("greenlane", "own", _BOTH),
    Contender("greenlane-bucketed", "own", _BOTH, "64 buckets", "buckets not timed"),
    Contender("greenlane-sums", "own", _BOTH, "64 buckets", "buckets not timed; no distinct buyers", buyers=False),
    Contender("bucketed-read", "own", _BOTH, "64 buckets", "reads what sums need, no more"),
)


def python_of(environment: str) -> Path:
    """The interpreter of a contender's environment: this one for our own.

    Raises:
        NotFinishedError: when pip cannot make it.
    """
    return Path(sys.executable) if environment == "own" else environments.python_of(environment, PINS[environment])


def turn(call: str, python: Path, records: Path, second: Path, answers: Path, patience: float) -> dict[str, Any]:
    """Run one turn as a process of its own; gives what `feature_run` printed.

    Raises:
        NotFinishedError: when it stops, or is stopped after so many seconds.
    """
    command = [python, "-W", "ignore", "-m", "benchmarks.feature_run", call, records, second, answers]
    try:
        done = run(command, patience)
    except subprocess.TimeoutExpired:
        raise NotFinishedError(f"not finished after {patience:.0f} s") from None
    if done.returncode:
        raise NotFinishedError("killed" if done.returncode < 0 else last_line(done.stderr))
    figures: dict[str, Any] = json.loads(last_line(done.stdout))
    return figures


def given_to(contender: Contender, records: Path, questions: Path) -> Path:
    """The file or folder that a contender reads, made from the raw file if it is not there yet."""
    if contender.given == "64 buckets":
        folder = records.with_name(f"buckets-of-{records.stem}")
        if not folder.exists():
            turn("make-buckets", python_of("own"), records, folder, folder, 3600)
        return folder
    if contender.given == "running totals":
        totals = records.with_name(f"totals-of-{records.name}")
        if not totals.exists():
            turn("make-totals", python_of("peers"), records, questions, totals, 3600)
        return totals
    return records


def complete(contender: Contender, answers: Path, questions: Path) -> None:
    """See that a contender answered what it is asked, no less.

    Raises:
        SystemExit: when columns or rows are missing or too many.
    """
    table, even = pq.read_table(answers), np.asarray(pq.read_table(questions)["even"])
    wanted = {name for name in FEATURES if contender.buyers or not name.startswith("buyers")}
    rows = np.flatnonzero(even) if contender.half else np.arange(len(even))
    if {*table.column_names} - {"question"} != wanted or not np.array_equal(np.sort(_numbers(table)), rows):
        raise SystemExit(
            f"{contender.name} gives {table.shape} rows and columns where {len(rows)} and {len(wanted)} are due"
        )


def _read_once(path: Path) -> None:
    """Bring a file, or those of a folder, into the page cache, so that nobody pays for the disk."""
    for file in sorted(path.rglob("*.parquet")) if path.is_dir() else [path]:
        with file.open("rb") as stream:
            while stream.read(2**24):
                pass


def compared(name: str, answers: Path, other: str, against: Path, questions: Path) -> None:
    """Hold the answers of one against those of another, where both answered.

    Raises:
        SystemExit: at the first difference, saying which feature of which question.
    """
    mine, theirs = pq.read_table(answers), pq.read_table(against)
    places, others = _numbers(mine), _numbers(theirs)
    numbers, here, there = np.intersect1d(places, others, assume_unique=True, return_indices=True)
    for feature in (one for one in FEATURES if one in mine.column_names and one in theirs.column_names):
        one, two = _values(mine[feature])[here], _values(theirs[feature])[there]
        if one.dtype.kind != two.dtype.kind:
            raise SystemExit(f"{feature} is {one.dtype} for {name} and {two.dtype} for {other}")
        if one.dtype.kind == "f":
            same = np.isclose(one, two, rtol=_CLOSE, atol=0, equal_nan=True)
        else:
            same = one == two
        if not same.all():
            wrong = int(np.flatnonzero(~same)[0])
            asked = pq.read_table(questions).slice(int(numbers[wrong]), 1).to_pylist()[0]
            raise SystemExit(
                f"{feature} of question {numbers[wrong]} ({asked['enterprise']} at "
                f"{asked['t'].isoformat()}): {name} says {one[wrong]}, {other} says {two[wrong]}; "
                f"{int((~same).sum())} of {len(same)} differ"
            )


def _numbers(table: pa.Table) -> NDArray[np.int64]:
    """Which questions a table answers: those it names, or else all in their order."""
    return np.asarray(table["question"] if "question" in table.column_names else np.arange(len(table)))


def _values(column: pa.ChunkedArray) -> NDArray[Any]:
    return np.asarray(column.to_numpy())


def measured(
    records: Path, questions: Path, contenders: Sequence[Contender], repeat: int, patience: float
) -> list[dict[str, Any]]:
    """Time the contenders of one file in turns, compare what they answered, and give a row of figures for each."""
    oracle = questions.with_name(f"oracle-of-{questions.name}")
    if not oracle.exists():
        turn("oracle", python_of("own"), records, questions, oracle, 3600)
    taken: dict[str, list[dict[str, Any]]] = {one.name: [] for one in contenders}
    answers = {one.name: questions.with_name(f"answers-{one.name}-of-{records.name}") for one in contenders}
    failures: dict[str, str] = {}
    for path in answers.values():
        path.unlink(missing_ok=True)
    for number in range(repeat):
        first = number % len(contenders)
        for one in (*contenders[first:], *contenders[:first]):
            if one.name in failures:
                continue
            try:
                python, given = python_of(one.environment), given_to(one, records, questions)
                _read_once(given)
                figures = turn(one.name, python, given, questions, answers[one.name], patience)
            except NotFinishedError as failure:
                failures[one.name] = str(failure)
                continue
            taken[one.name].append(figures)
    for one in contenders:
        if answers[one.name].exists():
            complete(one, answers[one.name], questions)
    finished = [one.name for one in contenders if answers[one.name].exists() and one.name not in failures]
    for place, name in enumerate(finished):
        compared(name, answers[name], "the oracle", oracle, questions)
        for other in finished[:place]:
            compared(name, answers[name], other, answers[other], questions)
    return [_row(one, records, taken[one.name], failures.get(one.name), one.name in finished) for one in contenders]


def _row(
    one: Contender, records: Path, turns: list[dict[str, Any]], failure: str | None, checked: bool
) -> dict[str, Any]:
    row: dict[str, Any] = {"contender": one.name, "given": one.given, "remark": one.remark}
    row |= {"file_mb": records.stat().st_size // 2**20, "checked": checked}
    if failure is not None:
        return row | {"failure": failure}
    seconds = [figures["seconds"] for figures in turns]
    peak = max(figures["peak_mb"] for figures in turns)
    processor = median(figures["processor_s"] for figures in turns)
    times = {
        "seconds": median(seconds),
        "fastest_s": min(seconds),
        "seconds_of_turns": seconds,
        "processor_s": processor,
    }
    return row | times | {"peak_mb": peak}


def main(
    records: Annotated[list[int] | None, typer.Option(min=1_000, help="How many records; may be repeated.")] = None,
    questions: Annotated[int, typer.Option(min=1_000)] = 200_000,
    contenders: Annotated[list[str] | None, typer.Option(help="Only these; may be repeated.")] = None,
    variants: Annotated[list[str] | None, typer.Option(help="tidy or real; both if not said.")] = None,
    repeat: Annotated[int, typer.Option(min=1, help="How often each runs; the median counts.")] = 3,
    patience: Annotated[int, typer.Option(min=1, help="Seconds after which a turn is stopped.")] = 600,
    out: Annotated[Path | None, typer.Option("--json", help="Write the figures there.")] = None,
) -> None:
    """Let the contenders answer, compare their answers, show seconds and memory."""
    unknown = {*(contenders or ())} - {one.name for one in CONTENDERS} | {*(variants or ())} - {*_BOTH}
    if unknown:
        known = ", ".join((*(one.name for one in CONTENDERS), *_BOTH))
        raise typer.BadParameter(f"no such contender or variant: {', '.join(sorted(unknown))}; there are {known}")
    chosen = [one for one in CONTENDERS if (one.name in contenders if contenders else not one.asked_for)]
    found: list[dict[str, Any]] = []
    for count, variant in product(records or [10_000_000], variants or _BOTH):
        mine = [one for one in chosen if variant in one.variants]
        if not mine:
            continue
        raw = records_file(_FOLDER, variant, count)
        rows = measured(raw, questions_file(_FOLDER, raw, questions), mine, repeat, patience)
        found += [{"records": count, "variant": variant, "questions": questions} | row for row in rows]
        Console(width=_WIDTH).print(
            _table(rows, f"{count:,} records ({variant}), {questions:,} questions, median of {repeat}")
        )
    write_json(out, {"figures": found, "pins": PINS, "facts": facts("numpy", "pyarrow")})


def _table(rows: Sequence[dict[str, Any]], title: str) -> Table:
    table = Table(title=title)
    for heading in ("contender", "given", "seconds", "fastest", "processor", "peak MB", "answers", ""):
        table.add_column(heading, no_wrap=heading != "")
    for row in rows:
        times = [f"{row[name]:.2f}" if name in row else "-" for name in ("seconds", "fastest_s", "processor_s")]
        peak = f"{row['peak_mb']:,}" if "peak_mb" in row else "-"
        answers = "right" if row["checked"] else "-"
        table.add_row(row["contender"], row["given"], *times, peak, answers, row.get("failure", row["remark"]))
    return table


if __name__ == "__main__":
    typer.run(main)
