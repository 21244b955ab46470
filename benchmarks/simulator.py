"""How fast a world is simulated and written, and how much memory that takes: `python -m benchmarks.simulator`.

Each world is made in a process of its own that is bound to one core, so that its peak memory is its own. `--records` adds a
world of at least so many records, for instance `--records 10000000`.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.measure import facts, write_json
from data.simulator import load_parameters, simulate, write_world

_RECORDS_PER_TRADE = 6.0
_BUSIEST = 1.0
"""Mean trades a day of a firm, beyond which larger worlds have more firms instead."""


def parameters_for(records: int) -> dict[str, Any]:
    """Parameters of a world with at least about so many records: busier firms first, then more of them."""
    base = load_parameters()
    daily = records / _RECORDS_PER_TRADE / base.days
    rate = max(min(_BUSIEST, daily / base.firms), base.declarations_per_firm_day)
    return {"firms": max(base.firms, round(daily / rate)), "declarations_per_firm_day": rate}


def measured(records: int | None, folder: Path) -> dict[str, Any]:
    """Simulate and write one world in this process.

    Returns:
        Records, seconds of either step, records a second of both together, and peak memory in MB.
    """
    parameters = load_parameters(**({} if records is None else parameters_for(records)))
    begin = time.perf_counter()
    world = simulate(parameters)
    simulated = time.perf_counter()
    counts = write_world(world, folder)
    written = time.perf_counter()
    count = counts["records"] + counts["pending"]
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
    return {
        "records": count, "firms": parameters.firms, "days": parameters.days,
        "simulate_s": round(simulated - begin, 2), "write_s": round(written - simulated, 2),
        "records_per_s": round(count / (written - begin)), "simulate_only_per_s": round(count / (simulated - begin)),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "files_mb": size // 2**20,
    }  # fmt: skip


def main(
    records: Annotated[int | None, typer.Option(min=100_000, help="Add a world of about so many records.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each world is made; the median counts.")] = 3,
    out: Annotated[Path | None, typer.Option(help="Write the figures there as JSON.")] = None,
    one: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Measure simulating and writing, side by side."""
    if one is not None:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        with TemporaryDirectory() as folder:
            print(json.dumps(measured(one or None, Path(folder))))
        return
    sizes = [0, 1_000_000] + ([records] if records else [])
    runs = [[_in_own_process(size) for size in sizes] for _ in range(rounds)]
    rows = [sorted(row, key=lambda run: run["records_per_s"])[rounds // 2] for row in zip(*runs, strict=True)]
    titles = ("records", "simulate", "write", "both", "simulate only", "peak memory", "files")
    table = Table(*titles, title="One core, Parquet")
    for row in rows:
        table.add_row(
            f"{row['records']:,}", f"{row['simulate_s']} s", f"{row['write_s']} s", f"{row['records_per_s']:,} /s",
            f"{row['simulate_only_per_s']:,} /s", f"{row['peak_mb']:,} MB", f"{row['files_mb']:,} MB",
        )  # fmt: skip
    Console().print(table)
    write_json(out, {"worlds": rows, "facts": facts("numpy", "pyarrow")})


def _in_own_process(size: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.simulator", "--one", str(size)]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | threads)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


if __name__ == "__main__":
    typer.run(main)
