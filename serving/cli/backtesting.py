"""The command `backtest`: what selection policies would have found, week by week, on records whose outcomes are all known."""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from data.errors import BacktestError
from serving.cli.records import Json, instant_of
from serving.cli.snapshots import named_snapshot
from serving.cli.terminal import out, print_json, progress
from serving.settings import read_settings

if TYPE_CHECKING:  # LightGBM and pyarrow are imported only where something is replayed
    from models.backtest.figures import Row
    from models.backtest.material import Material, Outcomes

_DUTY = ("duty_fen", "duty_at_stake_fen")
_POLICY_HELP = (
    "A policy; give the option once for each. A ranking (random, value, rules, probability, recovery), if wanted with the "
    "share of the budget that is drawn: recovery+10%, recovery+drift. By default twelve of them."
)
_OUTCOMES_HELP = (
    "A file (.parquet, .csv, .jsonl) with a row for EVERY declaration: declaration_no, is_violation, and duty_fen that "
    "an inspection would recover (or duty_at_stake_fen). A simulated world's is truth/declarations.parquet."
)
_BUDGET_HELP = "Per cent of declarations inspected; give the option once for each. By default 10."
_START_HELP = "Part of the time that passes before the replay; its inspections are everybody's history."
_AFTER_HELP = "Also judge the weeks from this day on (UTC), for instance since a new scheme."


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("backtest")(backtest)


def backtest(
    snapshot: Annotated[str, typer.Argument(help="The records: a snapshot's id or folder (`greenlane snapshot`).")],
    outcomes: Annotated[Path, typer.Argument(help=_OUTCOMES_HELP)],
    folder: Annotated[Path, typer.Option("--out", help="Results and plots; runs that are there already are kept.")] = Path(
        "var/backtest"
    ),
    policy: Annotated[list[str] | None, typer.Option(help=_POLICY_HELP)] = None,
    budget: Annotated[
        list[float] | None, typer.Option(min=0.1, max=100, help=_BUDGET_HELP)
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How often each policy is replayed, with other draws each time.")] = 1,
    start: Annotated[
        float, typer.Option(min=0.05, max=0.95, help=_START_HELP)
    ] = 1 / 3,
    delay: Annotated[float, typer.Option(min=0.01, help="Days from a week's selection to its reports.")] = 2.0,
    after: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help=_AFTER_HELP)
    ] = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Replay selection policies on the past: each learns only from what it would have inspected itself, once that was reported.

    Week by week a policy ranks the declarations of the week and inspects a budget of them. Revenue and hits are shares of what an
    oracle gets from the same budget. Stopped runs go on where they were: run the same command again.
    """
    from models.backtest.figures import table_of
    from models.backtest.learner import Settings
    from models.backtest.plots import write_plots
    from models.backtest.policies import SHIPPED, policy_of
    from models.backtest.runs import Job, key_of, stored_or_run

    names = [policy_of(name).name for name in policy or SHIPPED]
    taken = named_snapshot(read_settings(), snapshot)
    found, digest = _outcomes(outcomes)
    settings = Settings()
    late = instant_of(after)

    @cache
    def material() -> "tuple[Material, Outcomes]":
        from features.catalogue import feature_set
        from models.backtest.material import material_of, outcomes_of

        made = material_of(feature_set("shipment"), taken, start_share=start)
        return made, outcomes_of(made, found)

    jobs = [
        Job(seed, share / 100, name) for seed in range(1, seeds + 1) for share in budget or [10.0] for name in names
    ]
    runs = []
    with progress("replaying") as show:
        for number, job in enumerate(jobs):

            def step(done: int, total: int, before: int = number) -> None:
                show(round(1_000 * (before + done / total)), 1_000 * len(jobs))

            key = key_of(job, taken.digest, digest, start, delay, settings, late)
            runs.append(
                stored_or_run(folder, job, key, material, late=late, delay_days=delay, settings=settings, progress=step)
            )
    rows = table_of(runs)
    files = write_plots(runs, folder)
    if json:
        print_json({"rows": rows, "plots": [str(path) for path in files]})
        return
    _print(rows)
    out.print("plots: " + ", ".join(str(path) for path in files), soft_wrap=True)


def _outcomes(path: Path) -> tuple[dict[str, tuple[bool, int]], str]:
    """Outcomes by declaration number, and SHA-256 of the file.

    Raises:
        BacktestError: naming the column or line that is wrong.
    """
    import hashlib

    from data.readers import open_source

    found: dict[str, tuple[bool, int]] = {}
    for place, line in enumerate(open_source(path).lines, start=1):
        if line.values is None:
            raise BacktestError(f"{path}, row {place}: cannot be read; correct it and run again")
        values = line.values
        duty = next((values[name] for name in _DUTY if values.get(name) not in (None, "")), None)
        number = values.get("declaration_no")
        if not number or "is_violation" not in values or duty is None:
            raise BacktestError(
                f"{path}, row {place}: `declaration_no`, `is_violation` and `duty_fen` are needed in each row"
            )
        found[str(number)] = (_is_true(values["is_violation"], path, place), _fen(duty, path, place))
    with path.open("rb") as file:
        return found, hashlib.file_digest(file, "sha256").hexdigest()


def _is_true(value: Any, path: Path, place: int) -> bool:
    said = str(value).strip().lower()
    if said not in ("true", "1", "false", "0"):
        raise BacktestError(f"{path}, row {place}: `is_violation` is {value!r}; write true or false")
    return said in ("true", "1")


def _fen(value: Any, path: Path, place: int) -> int:
    said = str(value).strip()
    fen = int(said) if said.isascii() and said.isdigit() else -1
    if fen < 0:
        raise BacktestError(f"{path}, row {place}: `duty_fen` is {value!r}; write whole fen, 0 or more")
    return fen


def _print(rows: "list[Row]") -> None:
    titles = ("budget", "policy", "revenue\nmean", "revenue\nworst", "hits\nmean", "hit rate", "false\ngreen")
    has_after = any(row.mean_after is not None for row in rows)
    table = Table(*titles, *(("after:\nmean", "after:\nworst") if has_after else ()), title="shares of the oracle")
    for row in rows:
        cells = [f"{row.mean.revenue:.3f}", f"{row.worst.revenue:.3f}", f"{row.mean.hits:.3f}",
                 f"{row.mean.hit_rate:.1%}", f"{row.mean.false_green:.2%}"]  # fmt: skip
        if row.mean_after is not None and row.worst_after is not None:
            cells += [f"{row.mean_after.revenue:.3f}", f"{row.worst_after.revenue:.3f}"]
        table.add_row(f"{row.budget:.0%}", row.policy, *cells)
    out.print(table)
    covered, estimates = sum(row.covered for row in rows), sum(row.estimates for row in rows)
    if estimates:
        out.print(f"{covered} of {estimates} 95 % intervals of the violation rate, from the draws, hold the truth")
