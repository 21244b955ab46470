"""Training on a million declarations: `python -m benchmarks.training`.

A simulated world in which every declaration is inspected goes through intake into a snapshot once; the snapshot is then repeated
with other firms, persons and numbers until it has as many declarations as wanted, so that a key has as many records as in a real
year. `greenlane train shipment` runs on it as a process of its own; its time, its peak memory and where the time went are shown.
"""

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.measure import facts, write_json
from benchmarks.registry import own_registry
from data.importing import import_paths
from data.records import canonical, utc_now
from data.simulator import load_parameters, simulate, write_world
from data.snapshots import Snapshot, open_snapshot
from data.store import open_store
from serving.cli.snapshots import take_snapshot
from serving.reading import open_reading
from serving.settings import Settings

_FOLDER = Path("var/bench/training")
_OWN = frozenset(
    ("guid", "enterprise", "declaration_no", "order_no", "waybill_no", "buyer", "payer", "declarant", "platform",
     "logistics_firm", "payment_firm", "warehouse", "legal_person", "parent", "shareholders", "producer", "buyer_telephone",
     "consignee", "consignee_telephone", "consignee_address", "payment_no", "case_no", "tax_no", "agent", "seller")
)  # fmt: skip
"""Fields that say who or which one: these differ between repetitions, prices and codes do not."""


def main(
    declarations: Annotated[int, typer.Option(help="How many declarations the snapshot has, about.")] = 1_000_000,
    firms: Annotated[int, typer.Option(help="Firms of the world that is repeated.")] = 1_800,
    trials: Annotated[int, typer.Option(help="Parameter settings to try.")] = 20,
    threads: Annotated[int, typer.Option(help="Threads of LightGBM.")] = 2,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file.")] = None,
) -> None:
    """Time the training of the shipment model, from the snapshot to the logged run."""
    folder = _FOLDER.resolve()
    settings = _settings(folder, threads)
    snapshot = _snapshot(folder, settings, firms, declarations)
    shutil.rmtree(folder / "features", ignore_errors=True)  # those of an earlier run would be found ready
    wanted = ["--snapshot", snapshot.folder, "--trials", str(trials), "--json"]
    command = [sys.executable, "-m", "serving.cli", "train", "shipment", *wanted]
    environment = os.environ | {
        "GREENLANE_VAR": str(folder), "GREENLANE_THREADS": str(threads),
        "GREENLANE_MLFLOW_CONFIG": str(settings.mlflow_config), "GREENLANE_DATABASE": settings.database_url,
    }  # fmt: skip
    begin = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begin
    if done.returncode:
        raise SystemExit(done.stderr[-2_000:])
    said = json.loads(done.stdout)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    figures = {
        "machine": facts("lightgbm", "pyarrow", "optuna"), "rows of the snapshot": snapshot.manifest.rows,
        "seconds": round(seconds, 1), "peak_mb": peak, "seconds_of_parts": said["seconds"], "metrics": said["metrics"],
    }  # fmt: skip
    table = Table("part", "seconds", title=f"greenlane train shipment: {seconds:,.0f} s, {peak:,} MB")
    for name, spent in said["seconds"].items():
        table.add_row(name, f"{spent:,.1f}")
    Console().print(table)
    write_json(json_file, figures)


def _settings(folder: Path, threads: int) -> Settings:
    folder.mkdir(parents=True, exist_ok=True)
    database = f"sqlite:///{folder / 'world.db'}"
    return Settings(var=folder, database=database, mlflow_config=own_registry(folder), threads=threads)


def _snapshot(folder: Path, settings: Settings, firms: int, declarations: int) -> Snapshot:
    """The repeated snapshot, made on first use."""
    target = folder / f"repeated-{firms}-{declarations}"
    if not target.exists():
        base = _base(folder, settings, firms)
        times = max(1, round(declarations / base.rows("declaration")))
        making = target.with_name(f".{target.name}")
        shutil.rmtree(making, ignore_errors=True)
        found = track(base.manifest.files, "repeating the snapshot", transient=True)
        files = tuple(
            (name, rows * times, _repeated(base.folder / name, making / name, times)) for name, rows, _ in found
        )
        rows = {kind: count * times for kind, count in base.manifest.rows.items()}
        manifest = replace(base.manifest, rows=rows, files=files)
        stated = canonical({"digest": manifest.digest, **asdict(manifest)})
        (making / "manifest.json").write_bytes(stated)
        making.rename(target)
    return open_snapshot(target)


def _base(folder: Path, settings: Settings, firms: int) -> Snapshot:
    marker = folder / f"base-{firms}.txt"
    if not marker.exists():
        (folder / "world.db").unlink(missing_ok=True)
        shutil.rmtree(folder / "world", ignore_errors=True)
        parameters = load_parameters(firms=firms, pending_days=0, inspection={"random_share": 1.0})
        write_world(simulate(parameters), folder / "world")
        store = open_store(settings.database_url)
        reading = open_reading(store, settings, now=utc_now())
        import_paths(store, [folder / "world" / "records"], None, reading=reading)
        taken = take_snapshot(store, settings)
        store.close()
        marker.write_text(str(taken.folder), encoding="utf-8")
    return open_snapshot(Path(marker.read_text(encoding="utf-8")))


def _repeated(source: Path, target: Path, times: int) -> str:
    """Write a file of versions with its rows repeated, each time of other firms; the digest of what was written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    table = pq.read_table(source, partitioning=None)
    with pq.ParquetWriter(target, table.schema, compression="zstd", store_schema=False) as writer:
        for number in range(times):
            columns = [_of_others(table[name].combine_chunks(), name, f"+{number}") for name in table.column_names]
            writer.write_table(pa.Table.from_arrays(columns, schema=table.schema))
    return hashlib.sha256(target.read_bytes()).hexdigest()


def _of_others(column: Any, name: str, suffix: str) -> Any:
    """A column with another suffix where it says who or which one, in nested fields too."""
    if pa.types.is_struct(column.type):
        fields = [
            _of_others(part, field.name, suffix) for part, field in zip(column.flatten(), column.type, strict=True)
        ]
        return pa.StructArray.from_arrays(fields, fields=list(column.type), mask=column.is_null())
    if name in _OWN and pa.types.is_string(column.type):
        return pc.binary_join_element_wise(column, suffix, "")
    return column


if __name__ == "__main__":
    typer.run(main)
