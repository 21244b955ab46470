"""Commands on the service: serve, decide; and a service that runs for the length of a block."""

import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import httpx
import typer

from data.mapping import load_mapping
from serving.cli.records import Json, instant_of
from serving.cli.replay import ServiceError, in_order, read_file, replay
from serving.cli.terminal import out, print_json, progress
from serving.settings import read_settings

_PATIENCE = 120
_URL_HELP = "A running service with GREENLANE_CLOCK=records; without it, one is started."
_FROM_HELP = "Only declarations made from this day on (UTC)."
_OUTCOMES_HELP = "Whether the service learns the file's outcomes when they became known."


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("serve")(serve)
    app.command("decide")(decide_file)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Port to listen on.")] = None,
) -> None:
    """Run the HTTP service until it is stopped. Documentation is at /docs."""
    import uvicorn

    from serving.app import create_app

    settings = read_settings()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    uvicorn.run(
        create_app(settings), host=host or settings.host, port=port or settings.port,
        log_level="info", access_log=False, timeout_graceful_shutdown=10,
    )  # fmt: skip


@contextmanager
def running_service(environment: dict[str, str], log: Path) -> Iterator[str]:
    """A service in a process of its own on a free port, stopped at the end of the block; gives its address.

    Raises:
        ServiceError: where it does not become ready; what it said is in the log.
    """
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        command = [sys.executable, "-m", "serving.cli.process", str(port)]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)  # noqa: S603 - our own command
        address = f"http://127.0.0.1:{port}"
        try:
            _await_health(process, address, log)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await_health(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{address}/healthz", timeout=2, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise ServiceError(f"the service did not start: {lines[-1] if lines else 'it said nothing'} (see {log})")


def decide_file(
    path: Annotated[Path, typer.Argument(help="A file of declarations.")],
    mapping: Annotated[str | None, typer.Option(help="How columns become records.")] = None,
    url: Annotated[str | None, typer.Option(help=_URL_HELP)] = None,
    since: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help=_FROM_HELP)] = None,
    outcomes: Annotated[Literal["withheld", "as-known"], typer.Option(help=_OUTCOMES_HELP)] = "withheld",
    json: Json = False,
) -> None:  # fmt: skip
    """Ask the service for a decision on each declaration of a file, in the order of time, as if it were that day."""
    begin = instant_of(since) if since is not None else 0
    found, refused = read_file(path, load_mapping(mapping) if mapping else None, begin)
    is_asked = [step.record.kind == "declaration" for step in found]
    wanted = zip(found, is_asked, strict=True)
    steps = in_order(replace(step, asks=asks) for step, asks in wanted if asks or outcomes == "as-known")
    settings = read_settings()
    environment = os.environ | {"GREENLANE_CLOCK": "records", "GREENLANE_DATABASE": settings.database_url}
    with progress(f"deciding {path.name}") as show:
        if url is None:
            with running_service(environment, settings.var / "decide.log") as address:
                lanes = replay(address, steps, show)
        else:
            lanes = replay(url, steps, show)
    if json:
        print_json({"decisions": sum(lanes.values()), "lanes": lanes, "refused": len(refused)})
        return
    out.print(f"{sum(lanes.values()):,} decisions: " + ", ".join(f"{lane} {n:,}" for lane, n in sorted(lanes.items())))
    for row in refused[:5]:
        out.print(f"  line {row.line} was not asked about: {row.faults[0][0]} {row.faults[0][1]}", markup=False)
    if len(refused) > 5:
        out.print(f"  … {len(refused):,} rows in all; `greenlane import` keeps each with its reason")
