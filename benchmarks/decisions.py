"""Decisions over HTTP beside `mlflow models serve` of the same booster: `python -m benchmarks.decisions`.

The two do different work. MLflow gets a ready vector and returns one probability. Greenlane gets a declaration, checks
it, computes the vector from the histories in the store, scores two models, explains both exactly, applies the policy,
and has the record, the feature state and the decision on disk before it answers.
"""

import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import count, cycle, repeat
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import lightgbm
import msgspec
import numpy as np
import typer
import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.measure import Connection, Contender, facts, free_port, interleaved, launched, percentile, write_json
from benchmarks.world import FOLDER, Declarations, copied, prepared, seen_vectors
from serving.cli.service import running_service
from serving.settings import Settings

OURS, MLFLOW, TENSOR = "Greenlane", "mlflow models serve", "mlflow, bare tensor"
HTTP_FLOOR, PREDICT, INSERT = "empty FastAPI", "booster.predict", "SQLite insert, fsync"
CONNECTIONS = 8
_KEYS = count()
_PACKAGES = ("lightgbm", "mlflow", "fastapi", "uvicorn", "uvloop", "httptools", "sqlalchemy", "msgspec", "pydantic")


def main(
    folder: Annotated[Path, typer.Option(help="Where the benchmarks' world is kept.")] = FOLDER,
    fresh: Annotated[bool, typer.Option("--fresh", help="Make the world anew.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Few requests: shows that it runs, not how fast.")] = False,
    requests: Annotated[int, typer.Option(min=20, help="Timed requests of each contender.")] = 300,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file.")] = None,
) -> None:
    """Time decisions over HTTP beside MLflow's scoring server, and beside the floors under both."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # also then the servers are stopped
    rounds = 30 if quick else requests
    settings = copied(prepared(folder, fresh=fresh))
    scorer, vectors = seen_vectors(settings, "shipment")
    booster, rows = scorer.booster, [scorer.bundle.encoder.row(vector) for vector in vectors]
    with ExitStack() as open_:
        addresses = _servers(open_, settings, booster)
        declarations = Declarations(settings)
        inputs = _inputs(settings, declarations, scorer.bundle.manifest.order, rows)
        _check_same_booster(addresses, inputs, [float(booster.predict(row, num_threads=1)[0]) for row in rows[:5]])
        alone = {name: open_.enter_context(closing(Connection(address))) for name, address in addresses.items()}
        contenders = [Contender(name, _asking(alone[name], name), inputs[name]) for name in addresses]
        disk = open_.enter_context(closing(_disk(folder / "floor.db")))
        contenders += [
            Contender(PREDICT, lambda row: booster.predict(row, num_threads=1), cycle(rows)),
            Contender(INSERT, lambda body: disk.execute("INSERT INTO decided (body) VALUES (?)", body), repeat(("x" * 8_000,))),
        ]  # fmt: skip
        interleaved(contenders, rounds, block=max(1, rounds // 12), warm_up=20)
        declarations.hold = True
        together = _together(addresses, inputs, per_round=max(5, rounds // 15) * CONNECTIONS, rounds=8)
    figures = {contender.name: _figures(contender, together.get(contender.name)) for contender in contenders}
    _show(figures, rounds)
    write_json(
        json_file,
        {"machine": facts(*_PACKAGES), "requests": rounds, "microseconds_and_rates": figures, "trees": booster.num_trees()}
    )  # fmt: skip


def _show(figures: dict[str, dict[str, float]], rounds: int) -> None:
    console = Console(highlight=False)
    console.print(_table(figures, rounds))
    ours, theirs = figures[OURS], figures[MLFLOW]
    ratios = {name: ours[name] / theirs[name] for name in ours}
    console.print("Greenlane / mlflow: " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items()))
    console.print(
        "mlflow scores one ready vector; a decision also checks, computes features, explains twice and stores."
    )


def _servers(open_: ExitStack, settings: Settings, booster: lightgbm.Booster) -> dict[str, str]:
    """All servers, each a process of its own with one worker; gives their addresses."""
    folder = settings.var
    config = yaml.safe_load((folder / "mlflow.yaml").read_text(encoding="utf-8"))
    ours = os.environ | {
        "GREENLANE_VAR": str(folder), "GREENLANE_DATABASE": settings.database_url, "GREENLANE_CLOCK": "records",
    }  # fmt: skip
    # one thread is the fastest for one row: more only wait for one another
    theirs = os.environ | {
        "MLFLOW_TRACKING_URI": config["tracking_uri"], "OMP_NUM_THREADS": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",  # it starts uvicorn by name
    }  # fmt: skip
    registered = f"models:/{config['models']['shipment']['registered_name']}@{config['champion_alias']}"

    def server(module: list[str], port: int, health: str, log: str, environment: dict[str, str]) -> str:
        return open_.enter_context(launched([sys.executable, "-m", *module], port, health, folder / log, environment))

    def mlflow_of(model: str, log: str) -> str:
        port = free_port()
        arguments = ["-m", model, "--env-manager", "local", "-h", "127.0.0.1", "-p", str(port), "--workers", "1"]
        return server(["mlflow", "models", "serve", *arguments], port, "/ping", log, theirs)

    port = free_port()
    return {
        OURS: open_.enter_context(running_service(ours, folder / "service.log")),
        MLFLOW: mlflow_of(registered, "mlflow.log"),
        TENSOR: mlflow_of(str(_without_signature(folder, booster)), "tensor.log"),
        HTTP_FLOOR: server(["benchmarks.floor", str(port)], port, "/healthz", "floor.log", ours),
    }


def _without_signature(folder: Path, booster: lightgbm.Booster) -> Path:
    """The same booster saved without a signature, the form in which MLflow is at its fastest: nothing becomes a frame."""
    import mlflow

    path = folder / "tensor-model"
    if not path.exists():
        mlflow.lightgbm.save_model(booster, path, pip_requirements=[f"lightgbm=={lightgbm.__version__}"])
    return path


def _inputs(
    settings: Settings, declarations: Declarations, order: Sequence[str], rows: list[Any]
) -> dict[str, Iterator[bytes]]:
    """Endless bodies for each server: declarations, or the rows as MLflow reads them."""
    numbers = [[None if np.isnan(value) else value for value in row[0].tolist()] for row in rows]
    frames = [{"dataframe_split": {"columns": order, "data": [row]}} for row in numbers]
    # NaN is not JSON, but it is how MLflow takes a missing number in a tensor
    tensors = [json.dumps({"inputs": row.tolist()}) for row in rows]
    return {
        OURS: (msgspec.json.encode(raw) for raw in declarations),
        MLFLOW: cycle([msgspec.json.encode(frame) for frame in frames]),
        TENSOR: cycle([tensor.encode() for tensor in tensors]),
        HTTP_FLOOR: (msgspec.json.encode(raw) for raw in Declarations(settings)),
    }


def _check_same_booster(addresses: dict[str, str], inputs: dict[str, Iterator[bytes]], expected: list[float]) -> None:
    """Both of MLflow's servers say what the champion's booster says."""
    for name in (MLFLOW, TENSOR):
        with closing(Connection(addresses[name])) as connection:
            for probability in expected:
                status, answer = connection.ask("POST", "/invocations", next(inputs[name]))
                if status != 200 or abs(msgspec.json.decode(answer)["predictions"][0] - probability) > 1e-12:
                    raise SystemExit(f"{name} answers {status} {answer[:300]!r} where {probability} is expected")


def _asking(connection: Connection, name: str) -> Callable[[bytes], object]:
    """A function that sends one body and demands success."""
    path, success = ("/invocations", 200) if name in (MLFLOW, TENSOR) else ("/v1/decisions", 201)

    def ask(body: bytes) -> None:
        header = f"Idempotency-Key: bench-{next(_KEYS)}\r\n" if name == OURS else ""
        status, answer = connection.ask("POST", path, body, header)
        if status != success:
            raise SystemExit(f"{name} answers {status} {answer[:300]!r}")

    return ask


def _together(
    addresses: dict[str, str], inputs: dict[str, Iterator[bytes]], *, per_round: int, rounds: int
) -> dict[str, float]:
    """Answers a second over several connections at once, the median of rounds that take turns."""
    speeds: dict[str, list[float]] = {name: [] for name in addresses}
    with ThreadPoolExecutor(CONNECTIONS) as pool, ExitStack() as open_:
        asking = {
            name: [_asking(open_.enter_context(closing(Connection(address))), name) for _ in range(CONNECTIONS)]
            for name, address in addresses.items()
        }
        for _ in range(rounds):
            for name, asks in asking.items():
                bodies = [next(inputs[name]) for _ in range(per_round)]
                shares = [bodies[n::CONNECTIONS] for n in range(CONNECTIONS)]
                begin = time.perf_counter()
                list(pool.map(_send_all, asks, shares))
                speeds[name].append(per_round / (time.perf_counter() - begin))
    return {name: median(found) for name, found in speeds.items()}


def _send_all(ask: Callable[[bytes], object], bodies: list[bytes]) -> None:
    for body in bodies:
        ask(body)


def _disk(path: Path) -> sqlite3.Connection:
    """A database as durable as the store's, with nothing else in it."""
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE decided (id INTEGER PRIMARY KEY, body TEXT)")
    return connection


def _figures(contender: Contender, together: float | None) -> dict[str, float]:
    figures = {"p50": percentile(contender.samples, 0.5), "p99": percentile(contender.samples, 0.99)}
    figures["per_second"] = len(contender.samples) / (sum(contender.samples) / 1e9)
    return figures | ({f"per_second_{CONNECTIONS}": together} if together is not None else {})


def _table(figures: dict[str, dict[str, float]], rounds: int) -> Table:
    table = Table(
        "", "p50 µs", "p99 µs", "per second", f"{CONNECTIONS} at once", "p50 / mlflow",
        title=f"{rounds} requests each, in turns; per second over one connection and over {CONNECTIONS}",
    )  # fmt: skip
    for column in table.columns[1:]:
        column.justify = "right"
    for name, own in figures.items():
        several = own.get(f"per_second_{CONNECTIONS}")
        cells = [f"{own['p50']:,.0f}", f"{own['p99']:,.0f}", f"{own['per_second']:,.0f}"]
        ratio = own["p50"] / figures[MLFLOW]["p50"]
        table.add_row(name, *cells, f"{several:,.0f}" if several is not None else "", f"{ratio:.3f}")
    return table


if __name__ == "__main__":
    typer.run(main)
