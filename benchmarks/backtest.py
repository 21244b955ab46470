"""The backtest over simulated worlds: writes the figures and plots of `docs/backtest.md`.

`python -m benchmarks.backtest`: ten worlds, twelve policies, a budget of 10 per cent. Worlds and results are kept in
`var/backtest`, so that a stopped study goes on where it was. Policies were tuned on worlds 11 to 16 and judged on others.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from functools import cache, partial
from hashlib import file_digest
from pathlib import Path
from typing import Annotated

import pyarrow.parquet as pq
import typer
from rich.console import Console

from benchmarks.backtest_worlds import PreparedWorld, prepared_world
from benchmarks.measure import facts, write_json
from data.snapshots import open_snapshot
from features.catalogue import feature_set
from models.backtest.figures import Figures, Lead, Row, estimates_of, lead, table_of
from models.backtest.learner import Settings
from models.backtest.material import Material, Outcomes, material_of, outcomes_of
from models.backtest.plots import write_plots
from models.backtest.policies import SHIPPED
from models.backtest.replay import DELAY_DAYS
from models.backtest.runs import Job, Run, key_of, stored_or_run
from serving.cli.terminal import progress

_BEGIN, _END = "<!-- figures: written by benchmarks/backtest.py -->\n", "<!-- end of figures -->\n"
_START = 1 / 3
_OURS = ("recovery+drift", "recovery+5%", "recovery+10%", "recovery")
_OTHERS = ("random", "value", "rules", "probability")
_MAIN = 0.1
"""The budget at which policies are compared seed by seed, and estimates looked at."""


def main(
    seeds: Annotated[int, typer.Option(min=1, help="How many worlds.")] = 10,
    first: Annotated[int, typer.Option(help="The first of their seeds; 11 to 16 were tuned on.")] = 301,
    budget: Annotated[list[float] | None, typer.Option(help="Per cent, once for each; by default 10.")] = None,
    policy: Annotated[list[str] | None, typer.Option(help="Once for each; by default twelve.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Worlds at the same time.")] = 2,
    folder: Annotated[Path, typer.Option(help="Worlds and results.")] = Path("var/backtest"),
    doc: Annotated[Path, typer.Option(help="The page whose figures are replaced.")] = Path("docs/backtest.md"),
    out: Annotated[Path | None, typer.Option(help="Write the figures there as JSON.")] = None,
) -> None:
    """Replay all policies in all worlds, and write figures and plots into the page."""
    jobs = [(share / 100, name) for share in budget or [10.0] for name in policy or SHIPPED]
    numbers = range(first, first + seeds)
    runs: list[Run] = []
    with ProcessPoolExecutor(workers) as pool, progress("replaying worlds") as show:
        asked = [pool.submit(_runs_of, seed, jobs, folder) for seed in numbers]
        for done, _ in enumerate(as_completed(asked), start=1):
            show(done, seeds)
        for one in asked:
            runs += one.result()
    text = "\n".join(_page(runs))
    write_plots(runs, doc.parent / "backtest")
    page = doc.read_text(encoding="utf-8")
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    doc.write_text(before + _BEGIN + "\n" + text + "\n" + _END + after, encoding="utf-8")
    write_json(out, {"rows": [asdict(row) for row in table_of(runs)], "facts": facts("lightgbm", "numpy")})
    Console(soft_wrap=True).print(text, markup=False)


def _runs_of(seed: int, jobs: Sequence[tuple[float, str]], folder: Path) -> list[Run]:
    """All runs in one world."""
    world = prepared_world(seed, folder / "worlds")
    with world.outcomes.open("rb") as file:
        outcomes = file_digest(file, "sha256").hexdigest()
    snapshot, settings = open_snapshot(world.snapshot), Settings()
    material = cache(partial(_material, world))
    found = []
    for budget, policy in jobs:
        job = Job(seed, budget, policy)
        key = key_of(job, snapshot.digest, outcomes, _START, DELAY_DAYS, settings, world.late)
        found.append(
            stored_or_run(folder, job, key, material, late=world.late, delay_days=DELAY_DAYS, settings=settings)
        )
    return found


def _material(world: PreparedWorld) -> tuple[Material, Outcomes]:
    made = material_of(feature_set("shipment"), open_snapshot(world.snapshot), start_share=_START)
    rows = pq.read_table(world.outcomes).to_pylist()
    return made, outcomes_of(made, {row["declaration_no"]: (row["is_violation"], row["duty_fen"]) for row in rows})


def _page(runs: Sequence[Run]) -> list[str]:
    rows = table_of(runs)
    lines = []
    for budget in dict.fromkeys(row.budget for row in rows):
        own = [row for row in rows if row.budget == budget]
        lines += [f"### Budget {budget:.0%}", "", *_policies(own)]
        if budget == _MAIN and {"probability", "recovery+drift"} <= {row.policy for row in own}:
            lines += _leads(runs, budget, [row.policy for row in own])
    return [*lines, *_coverage(runs)]


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def _policies(rows: Sequence[Row]) -> list[str]:
    def cells(mean: Figures | None, worst: Figures | None) -> list[str]:
        return ["", ""] if mean is None or worst is None else [f"{mean.revenue:.3f}", f"{worst.revenue:.3f}"]

    lines = [
        [
            f"`{row.policy}`", *cells(row.mean, row.worst), *cells(row.mean_after, row.worst_after), f"{row.mean.hits:.3f}",
            f"{row.mean.hit_rate:.1%}", f"{row.mean.false_green:.2%}", f"{row.worst.false_green:.2%}", f"{row.explored:.0%}",
        ]
        for row in rows
    ]  # fmt: skip
    titles = (
        "policy", "revenue, mean", "worst seed", "after the late scheme, mean", "worst seed", "hits, mean", "hit rate",
        "false green, mean", "worst", "drawn",
    )  # fmt: skip
    return _table(titles, lines)


def _leads(runs: Sequence[Run], budget: float, names: Sequence[str]) -> list[str]:
    lines = []
    for of in (name for name in _OURS if name in names):
        for over in (name for name in (*_OTHERS, "recovery") if name in names and name != of):
            whole, after = (lead(runs, of, over, budget, after=late) for late in (False, True))
            lines.append([f"`{of}`", f"`{over}`", _lead(whole), _lead(after)])
    titles = ("policy", "over", "lead in revenue: mean [95 %] / worst seed", "after the late scheme")
    return ["Leads, seed by seed:", "", *_table(titles, lines)]


def _lead(found: Lead) -> str:
    return f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}] / {found.worst:+.3f}"


def _coverage(runs: Sequence[Run]) -> list[str]:
    lines = []
    drawing = [run for run in runs if run.job.budget == _MAIN]
    for name in dict.fromkeys(run.job.policy for run in drawing):
        for weeks in (4, 13):
            made = [pair for run in drawing if run.job.policy == name for pair in estimates_of(run, weeks)]
            if made:
                held = sum(estimate.covers(truth) for estimate, truth in made)
                width = sum(estimate.high - estimate.low for estimate, _ in made) / len(made)
                bias = sum(estimate.value - truth for estimate, truth in made) / len(made)
                lines.append(
                    [
                        f"`{name}`",
                        str(weeks),
                        f"{held} of {len(made)}",
                        f"{held / len(made):.1%}",
                        f"{width:.3f}",
                        f"{bias:+.4f}",
                    ]
                )
    titles = ("policy", "weeks of an estimate", "intervals that hold the truth", "coverage", "mean width", "mean error")
    return ["### Estimates of the violation rate from the draws", "", *_table(titles, lines)]


if __name__ == "__main__":
    typer.run(main)
