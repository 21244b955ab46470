"""The plots of a backtest, as PNG files."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray

from models.backtest.figures import table_of
from models.backtest.runs import Run

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

Floats = NDArray[np.float64]
_SMOOTH = 8
"""Weeks over which revenue by week is summed."""
_LINES = ("random", "value", "rules", "probability", "recovery", "recovery+10%", "recovery+drift")


def write_plots(runs: Sequence[Run], folder: Path) -> list[Path]:
    """Write the plots that some runs allow; returns the files.

    `policies`: revenue of each policy, mean and worst seed, for the first budget. `weeks`: revenue over time.
    `budgets`: revenue by budget, where there are several. `drift`: the explored share, where one follows drift.
    """
    folder.mkdir(parents=True, exist_ok=True)
    budgets = list(dict.fromkeys(run.job.budget for run in runs))
    main = 0.1 if 0.1 in budgets else budgets[0]
    first = [run for run in runs if run.job.budget == main]
    drawers: dict[str, Callable[[Axes], None]] = {
        "policies": lambda axes: _policies(first, axes),
        "weeks": lambda axes: _weeks(first, axes),
    }
    if len(budgets) > 1:
        drawers["budgets"] = lambda axes: _budgets(runs, axes)
    if any("drift" in run.job.policy for run in first):
        drawers["drift"] = lambda axes: _drift(first, axes)
    files = []
    for name, draw in drawers.items():
        figure, axes = plt.subplots(figsize=(8, 4.4), layout="constrained")
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        files.append(folder / f"{name}.png")
        figure.savefig(files[-1], dpi=80, metadata={"Software": None})
        plt.close(figure)
    return files


def _policies(runs: Sequence[Run], axes: Axes) -> None:
    rows = table_of(runs)[::-1]
    places = np.arange(len(rows))
    axes.barh(places + 0.2, [row.mean.revenue for row in rows], 0.38, color="#2b6cb0", label="all weeks")
    axes.plot([row.worst.revenue for row in rows], places + 0.2, "k|", markersize=11, label="worst seed")
    after = [(place, row) for place, row in zip(places, rows, strict=True) if row.mean_after is not None]
    if after:
        means = [row.mean_after.revenue for _, row in after if row.mean_after]
        worst = [row.worst_after.revenue for _, row in after if row.worst_after]
        axes.barh([place - 0.2 for place, _ in after], means, 0.38, color="#c05621", label="after the day asked for")
        axes.plot(worst, [place - 0.2 for place, _ in after], "k|", markersize=11)
    axes.set(
        yticks=places, yticklabels=[row.policy for row in rows], xlim=(0, 1), xlabel="revenue, share of the oracle's"
    )
    axes.set_title(f"Budget {runs[0].job.budget:.0%}, {rows[0].seeds} seeds")
    axes.legend(frameon=False, loc="upper right")


def _weeks(runs: Sequence[Run], axes: Axes) -> None:
    for name in _lines(runs):
        own = [run for run in runs if run.job.policy == name]
        weeks = min(run.weeks for run in own)
        shares = np.mean([_rolled(run)[:weeks] for run in own], axis=0)
        axes.plot(np.arange(weeks), shares, label=name)
    late = {run.late for run in runs if run.late < run.weeks}
    if late:
        axes.axvline(min(late), color="grey", linestyle="--", linewidth=1)
    axes.set(ylim=(0, 1), xlabel="week of the replay", ylabel=f"revenue of {_SMOOTH} weeks, share of the oracle's")
    axes.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.16))


def _lines(runs: Sequence[Run]) -> list[str]:
    """The policies that are drawn as lines: a few, where these are among them."""
    names = list(dict.fromkeys(run.job.policy for run in runs))
    return [name for name in names if name in _LINES] or names


def _rolled(run: Run) -> Floats:
    duty, best = (np.cumsum([0, *values]) for values in (run.duty_fen, run.best_duty_fen))
    begins = np.maximum(np.arange(1, run.weeks + 1) - _SMOOTH, 0)
    ends = np.arange(1, run.weeks + 1)
    shares: Floats = (duty[ends] - duty[begins]) / np.maximum(best[ends] - best[begins], 1)
    return shares


def _budgets(runs: Sequence[Run], axes: Axes) -> None:
    for name in _lines(runs):
        own = sorted((row.budget, row.mean.revenue) for row in table_of(r for r in runs if r.job.policy == name))
        if len(own) > 1:
            axes.plot([100 * budget for budget, _ in own], [revenue for _, revenue in own], "o-", label=name)
    axes.set(
        xscale="log", ylim=(0, 1), xlabel="budget, per cent of declarations", ylabel="revenue, share of the oracle's"
    )
    ticks = sorted({100 * run.job.budget for run in runs})
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
    axes.minorticks_off()
    axes.legend(frameon=False, ncols=2)


def _drift(runs: Sequence[Run], axes: Axes) -> None:
    own = [run for run in runs if "drift" in run.job.policy]
    weeks = min(run.weeks for run in own)
    for run in own:
        axes.plot(np.arange(weeks), 100 * np.array(run.share[:weeks]), color="#2b6cb0", alpha=0.2, linewidth=1)
    axes.plot(np.arange(weeks), 100 * np.mean([run.share[:weeks] for run in own], axis=0), color="#2b6cb0", linewidth=2)
    late = {run.late for run in own if run.late < run.weeks}
    if late:
        axes.axvline(min(late), color="grey", linestyle="--", linewidth=1)
    axes.set(xlabel="week of the replay", ylabel="explored, per cent of the budget", ylim=(0, None))
    axes.set_title(f"{own[0].job.policy}: each seed, and their mean")
