"""The command `demo`: the whole way once, from a simulated world to explained decisions over HTTP."""

import os
import shutil
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.panel import Panel
from rich.table import Table

from data.errors import DataError
from data.importing import import_paths
from data.records import utc_now
from data.store import open_store
from serving.answers import LANES
from serving.cli.features import gather_peers, in_words
from serving.cli.replay import ServiceError, Step, in_order, replay, steps_of
from serving.cli.service import running_service
from serving.cli.snapshots import take_snapshot
from serving.cli.terminal import out, progress
from serving.cli.training import train_and_log
from serving.reading import open_reading
from serving.settings import Settings

_SHOWN = ("green_channel", "heightened_inspection")
_PENDING_DAYS = 7
_RECORDS, _PENDING = "records", "pending"
_PUBLIC_KEY = "the demo's draws are no secret, so that it shows the same each time"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo's world and database go; made anew.")] = Path("var/demo"),
    trials: Annotated[int, typer.Option(min=1, help="Parameter settings to try for each model.")] = 12,
    prepare_only: Annotated[bool, typer.Option("--prepare-only", help="Stop before the service starts.")] = False,
) -> None:
    """Simulate a world, import it, train both models, gather peers, start the service, and ask it for decisions."""
    settings = Settings(
        var=folder, database=f"sqlite:///{folder / 'greenlane.db'}", clock="records", draw_key=_PUBLIC_KEY,
        environment="trial",
    )  # fmt: skip
    _clear(folder)
    _prepare(settings, trials)
    if prepare_only:
        return
    environment = os.environ | {
        "GREENLANE_VAR": str(folder), "GREENLANE_DATABASE": settings.database_url, "GREENLANE_CLOCK": "records",
        "GREENLANE_DRAW_KEY": _PUBLIC_KEY,
    }  # fmt: skip
    out.rule("4  decisions over HTTP")
    with running_service(environment, folder / "service.log") as address:
        lanes, examples = _ask(address, _last_days(folder))
    _show_lanes(lanes)
    for lane in _SHOWN:
        if lane not in examples:
            raise ServiceError(
                f"no declaration of the demo's last days was given the lane {lane}; try another --trials"
            )
        show_decision(examples[lane])
    address = f"http://{settings.host}:{settings.port}"
    out.print(
        f"The service was stopped. [bold]make serve[/] starts it again and keeps it up; {address}/docs documents it."
    )
    firm = examples[_SHOWN[-1]]["enterprise"]
    out.print(f"The last firm's credit archive is then at {address}/v1/archives/{firm}/report")


def _clear(folder: Path) -> None:
    """Remove an earlier demo, and only that."""
    if folder.exists() and any(folder.iterdir()) and not (folder / _RECORDS).exists():
        raise DataError(f"{folder} holds something other than an earlier demo; choose another --folder")
    shutil.rmtree(folder, ignore_errors=True)


def _prepare(settings: Settings, trials: int) -> None:
    from data.simulator import load_parameters, simulate, write_world

    out.rule("1  a simulated world")
    with progress("simulating"):
        counts = write_world(simulate(load_parameters(pending_days=_PENDING_DAYS)), settings.var)
    out.print(
        f"{counts['records']:,} records; {counts['pending']:,} more of the last days wait to be sent to the service"
    )
    out.rule("2  intake")
    store = open_store(settings.database_url)
    begin = _begin(settings.var)
    reading = open_reading(store, settings, now=utc_now())
    tally = import_paths(store, [settings.var / _RECORDS], None, reading=reading, until=begin, progress=progress)
    out.print(tally.in_words())
    out.rule("3  models and peers")
    snapshot = take_snapshot(store, settings)
    for model in ("credit", "shipment"):
        outcome = train_and_log(store, settings, snapshot, model, model, trials=trials, promote=True)
        m = outcome.metrics
        out.print(
            f"{outcome.name} version {outcome.version} is the champion: forward folds AUC {m['auc']:.3f}, "
            f"AP {m['average_precision']:.3f} at base rate {m['base_rate']:.3f}, ECE {m['ece']:.3f}"
        )
    store.close()
    out.print(in_words(gather_peers(settings)))


def _begin(folder: Path) -> int:
    """When the first pending declaration is made: what is known before is imported, the rest is sent to the service."""
    return min(step.record.known_at for step in steps_of(folder / _PENDING))


def _last_days(folder: Path) -> list[Step]:
    pending = steps_of(folder / _PENDING, asks=True)
    return in_order([*pending, *steps_of(folder / _RECORDS, _begin(folder))])


def _ask(address: str, steps: list[Step]) -> tuple[dict[str, int], dict[str, dict[str, Any]]]:
    """Decisions for all pending declarations: how many of each lane, and the clearest one of each."""
    examples: dict[str, dict[str, Any]] = {}

    def keep_clearest(body: dict[str, Any]) -> None:
        lane = body["lane"]["code"]
        if lane not in examples or _clarity(body) > _clarity(examples[lane]):
            examples[lane] = body

    with progress("deciding") as show:
        lanes = replay(address, steps, show, keep_clearest)
    for body in examples.values():  # what was answered is what is kept
        if httpx.get(f"{address}/v1/decisions/{body['decision_id']}", timeout=30, trust_env=False).json() != body:
            raise ServiceError(f"decision {body['decision_id']} reads differently than it was answered")
    return lanes, examples


def _clarity(body: dict[str, Any]) -> tuple[bool, float]:
    """How well a decision shows its lane: found by score rather than by draw, and far from the middle."""
    by_score = body["selection"]["step"] in ("risk", "green")
    risk = body["risk"]["probability"] if body["risk"] else 0.0
    return by_score, -risk if body["lane"]["code"] == "green_channel" else risk


def _show_lanes(lanes: dict[str, int]) -> None:
    table = Table("lane", "通道", "decisions", title="The last days' declarations")
    for code, (zh, en) in LANES.items():
        table.add_row(en, zh, str(lanes.get(code, 0)))
    out.print(table)


def show_decision(body: dict[str, Any]) -> None:
    """Print a decision as a person reads it."""
    colour = "green" if body["lane"]["code"] == "green_channel" else "red"
    lines = [
        f"declaration {body['declaration_no']}  ·  enterprise {body['enterprise']}  ·  {body['decided_at']}",
        f"credit {_score(body['credit'])}  ·  risk {_score(body['risk'])}  ·  statutory level {body['statutory_level']}",
        f"policy {body['policy']['id']}  ·  before the draw, inspection was {_percent(body)} likely",
        "",
    ]
    for reason in body["reasons"]:
        lines += [f"• {reason['en']}", f"  {reason['zh']}"]
    lane = body["lane"]
    out.print(Panel("\n".join(lines), title=f"{lane['en']} · {lane['zh']}", border_style=colour, title_align="left"))


def _percent(body: dict[str, Any]) -> str:
    return f"{body['selection']['inclusion_permille'] / 10:g} %"


def _score(score: dict[str, Any] | None) -> str:
    if score is None:
        return "none"
    grade = f" ({score['grade']})" if score["grade"] else ""
    return f"{score['score']}{grade}, probability {score['probability'] * 100:.1f} %"
