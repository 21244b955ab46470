"""How fast Parquet files in our own layout are checked into the store's staging, beside pandas' reading of the same file.

`python -m benchmarks.staging`: declarations with lines, the widest kind; one core, a minute.
"""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.measure import facts, write_json
from data.layout import schema_of
from data.pseudonyms import Pseudonyms
from data.reading import Reading
from data.staging import stage_file, take_in_staged
from data.store import open_store
from data.times import DAY, SECOND, midnight

_BEGIN = midnight(20_500)
_FIRM = "91510500MA6200001K"
_LINE = {
    "number": 1, "name": "护肤霜", "hs_code": "3304990099", "origin": "133", "currency": "142", "unit": "007",
    "quantity_e5": 200_000, "price_millifen": 6_000_000, "total_fen": 12_000,
}  # fmt: skip
_SAME: dict[str, Any] = {
    "source": "customs", "action": "new", "enterprise": _FIRM, "direction": "import", "trade_mode": "9610", "platform": "P1",
    "logistics_firm": "L1", "hs_code": "3304990099", "origin": "133", "currency": "142", "gross_mass_g": 500,
    "net_mass_g": 400, "transport_mode": "5", "customs_office": "7971", "lines": [_LINE],
}  # fmt: skip


def declarations(rows: int) -> pa.Table:
    """Declarations of our layout: each with its own numbers, of Zipf-repeated buyers, one line each."""
    rng = np.random.default_rng(1)
    number, buyer = np.arange(rows), rng.zipf(1.3, rows) % 200_000
    columns = []
    for field in schema_of("declaration"):
        if field.name in ("guid", "declaration_no", "order_no", "waybill_no"):
            columns.append(pa.array([f"{field.name}-{n:012d}" for n in number]))
        elif field.name == "buyer":
            columns.append(pa.array([f"SIM5105021990{n:06d}" for n in buyer]))
        elif field.name in ("event_at", "known_at"):
            columns.append(pa.array(_BEGIN + number * SECOND, pa.int64()).cast(field.type))
        elif field.name == "declared_value_fen":
            columns.append(pa.array(rng.integers(100, 500_000, rows)))
        elif field.name in _SAME:
            columns.append(pa.array([_SAME[field.name]], field.type).take(pa.array(np.zeros(rows, dtype=np.int64))))
        else:
            columns.append(pa.nulls(rows, field.type))
    return pa.table(columns, schema=pa.schema([pa.field(f.name, f.type) for f in schema_of("declaration")]))


def main(
    rows: Annotated[int, typer.Option(min=10_000)] = 600_000,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    taken: Annotated[int, typer.Option(help="Rows to take in from staging, to show what comes after.")] = 20_000,
    out: Annotated[Path | None, typer.Option(help="Write the figures there as JSON.")] = None,
) -> None:
    """Stage a file and read it with pandas, by turns; then take a smaller one in."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    reading = Reading(pseudonyms=Pseudonyms("k1", b"0" * 32), received_at=_BEGIN + 400 * DAY, historical=True)
    with TemporaryDirectory() as name:
        path, small = (Path(name) / folder / "kind=declaration" / "part-0.parquet" for folder in ("large", "small"))
        for target, size in ((path, rows), (small, taken)):
            target.parent.mkdir(parents=True)
            pq.write_table(declarations(size), target, compression="zstd")
        store = open_store(f"sqlite:///{name}/staging.db")
        times: dict[str, list[float]] = {"pandas read": [], "staged": []}
        for number in range(rounds):
            times["pandas read"].append(_timed(lambda: pd.read_parquet(path)))
            times["staged"].append(
                _timed(lambda number=number: stage_file(store, path, "declaration", load=str(number), reading=reading))  # type: ignore[misc]
            )
        other = open_store(f"sqlite:///{name}/taken.db")
        stage_file(other, small, "declaration", load="a", reading=reading)
        intake = _timed(lambda: take_in_staged(other, [], reading=reading))
        for one in (store, other):
            one.close()
    speeds = {what: rows / median(seconds) for what, seconds in times.items()}
    speeds["taken in from staging (matched, stored, durable)"] = taken / intake
    table = Table("one core", "rows/s", title=f"{rows:,} declarations with a line each, {rounds} rounds, medians")
    for what, speed in speeds.items():
        table.add_row(what, f"{speed:,.0f}")
    Console().print(table)
    write_json(out, {"rows": rows, "rows_per_second": speeds, "facts": facts("pyarrow", "pandas")})


def _timed(act: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


if __name__ == "__main__":
    typer.run(main)
