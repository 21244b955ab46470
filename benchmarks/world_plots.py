"""The plots of `docs/world.md`: what a simulated world looks like."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from benchmarks.forward import Figures
from data.simulator import load_parameters
from data.simulator.columns import local_time, months
from data.simulator.inspection import REASONS
from data.simulator.scene import Scene
from data.simulator.schemes import NAMES
from data.simulator.world import scene_of
from data.times import DAY

_MANY = 3_000
"""Firms of the worlds in which adaptation is seen: a few hundred have a scheme."""
_WIDE, _TALL = (9.0, 3.2), (9.0, 5.2)
_BLUE, _ORANGE, _GREY, _GREEN = "#2b6cb0", "#c05621", "#718096", "#2f855a"
_SETTINGS = {
    "font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "world",
    "svg.fonttype": "path", "figure.constrained_layout.use": True,
}  # fmt: skip


def draw_all(scene: Scene, figures: Sequence[Figures], folder: Path) -> None:
    """Draw every plot into a folder as SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    plots: dict[str, tuple[tuple[float, float], Callable[[Axes], None]]] = {
        "seasons": (_WIDE, lambda axes: _seasons(scene, axes)),
        "sizes": ((5.5, 4.0), lambda axes: _sizes(scene, axes)),
        "hit_rates": (_WIDE, lambda axes: _hit_rates(scene, axes)),
        "schemes": (_TALL, lambda axes: _schemes(scene, axes)),
        "after_a_hit": (_WIDE, _after_a_hit),
        "forward_test": (_WIDE, lambda axes: _forward_test(figures, axes)),
    }
    with plt.rc_context(_SETTINGS):
        for name, (size, draw) in plots.items():
            figure, axes = plt.subplots(figsize=size)
            draw(axes)
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None})
            plt.close(figure)


def _days(scene: Scene) -> Any:
    return (scene.trades.declared_at[scene.happened] - scene.parameters.start) // DAY


def _seasons(scene: Scene, axes: Axes) -> None:
    parameters = scene.parameters
    counts = np.bincount(_days(scene), minlength=parameters.days)
    dates = local_time(parameters.start + np.arange(parameters.days) * DAY).astype("datetime64[D]")
    axes.plot(dates, counts, color=_BLUE, alpha=0.25, linewidth=0.8, label="a day")
    smooth = np.convolve(counts, np.ones(7) / 7, mode="valid")
    axes.plot(dates[3:-3], smooth, color=_BLUE, linewidth=1.6, label="mean of 7 days")
    top = counts.max() * 1.02
    for period in parameters.season.periods:
        for year in np.unique(dates.astype("datetime64[Y]").astype(str)):
            first, last = (np.datetime64(f"{year}-{day}") for day in (period.first, period.last))
            if dates[0] <= first <= dates[-1]:
                axes.axvspan(first, min(last, dates[-1]), color=_ORANGE, alpha=0.15, linewidth=0)
                axes.text(first + (last - first) / 2, top, period.name, ha="center", va="bottom", color=_ORANGE)
    before, after = parameters.season.spring_festival_days
    for festival in parameters.season.spring_festival:
        day = np.datetime64(festival)
        if dates[0] <= day <= dates[-1]:
            axes.axvspan(day - before, day + after, color=_GREY, alpha=0.2, linewidth=0)
            axes.text(day, top, "Spring Festival", ha="center", va="bottom", color=_GREY)
    axes.set(ylabel="declarations", ylim=(0, counts.max() * 1.12))
    axes.legend(frameon=False, loc="upper left", ncols=2, bbox_to_anchor=(0.0, 0.93))


def _sizes(scene: Scene, axes: Axes) -> None:
    trades = np.bincount(scene.life.firm[scene.happened])
    ranked = np.sort(trades[trades > 0])[::-1]
    rank = np.arange(1, len(ranked) + 1)
    axes.loglog(rank, ranked, ".", color=_BLUE, label="firms")
    exponent = scene.parameters.population.size_exponent
    middle = len(ranked) // 8
    line = ranked[middle] * (rank / rank[middle]) ** -exponent
    axes.loglog(rank, line, color=_ORANGE, linewidth=1.2, label=f"rank to the power of -{exponent}")
    axes.set(xlabel="rank of the firm by size", ylabel="declarations in the whole world")
    axes.legend(frameon=False)


def _hit_rates(scene: Scene, axes: Axes) -> None:
    made = scene.life.inspections
    reasons = [number for number in range(len(REASONS)) if (made.reason == number).sum() >= 5]
    reasons.sort(key=lambda number: float(made.is_hit[made.reason == number].mean()))
    rates = np.array([made.is_hit[made.reason == number].mean() for number in reasons])
    counts = np.array([(made.reason == number).sum() for number in reasons])
    error = np.sqrt(rates * (1 - rates) / counts)
    colours = [_GREY if REASONS[number] == "random" else _BLUE for number in reasons]
    axes.barh(range(len(reasons)), rates, xerr=error, color=colours, ecolor="#2d3748", height=0.65)
    axes.set_yticks(range(len(reasons)), [REASONS[n].replace("rule:", "").replace("_", " ") for n in reasons])
    for place, (rate, spread, count) in enumerate(zip(rates, error, counts, strict=True)):
        axes.text(rate + spread + 0.006, place, f"{rate:.0%} of {count}", va="center")
    axes.set(xlabel="inspections that hit (with standard error)", xlim=(0, (rates + error).max() * 1.25))


def _schemes(scene: Scene, axes: Axes) -> None:
    of = scene.happened
    month = months(scene.trades.declared_at[of])
    first, count = int(month.min()), int(month.max() - month.min()) + 1
    table = np.zeros((len(NAMES), count))
    scheme = scene.life.scheme[of]
    np.add.at(table, (scheme[scheme >= 0], month[scheme >= 0] - first), 1)
    share = table / np.bincount(month - first, minlength=count)[None, :]
    image = axes.imshow(np.where(share > 0, share, np.nan) * 1000, aspect="auto", cmap="YlOrBr", vmin=0)
    axes.set_yticks(range(len(NAMES)), [name.replace("_", " ") for name in NAMES])
    labels = [f"{1970 + m // 12}-{m % 12 + 1:02d}" for m in range(first, first + count)]
    axes.set_xticks(range(0, count, 2), labels[::2], rotation=35, ha="right")
    axes.spines[:].set_visible(False)
    axes.figure.colorbar(image, ax=axes, label="violations in 1,000 declarations", shrink=0.8)


def _after_a_hit(axes: Axes) -> None:
    """Share of violations by weeks since a firm's first hit became known, with adaptation and without."""
    nothing = dict.fromkeys(("pause", "move", "subtler", "stop"), 0.0)
    for label, colour, adaptation in (("nobody adapts", _GREY, nothing), ("as configured", _BLUE, {})):
        weeks, share, error = _around_first_hit(scene_of(load_parameters(firms=_MANY, adaptation=adaptation)))
        axes.fill_between(weeks, share - error, share + error, color=colour, alpha=0.2, linewidth=0)
        axes.plot(weeks, share, ".-", color=colour, label=label)
    axes.axvline(0, color=_ORANGE, linewidth=1.2)
    axes.text(0.4, 0.015, "first hit is known", color=_ORANGE)
    axes.set(xlabel="weeks", ylabel="share of violations", ylim=(0, None))
    axes.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1.0, 0))
    axes.legend(frameon=False, loc="upper left")


def _around_first_hit(scene: Scene) -> tuple[Any, Any, Any]:
    """Weeks, share of violations among declarations of firms with a scheme, and its standard error.

    The declaration of the first hit itself is left out: it is a violation because it was chosen to be.
    """
    made, life, trades = scene.life.inspections, scene.life, scene.trades
    owner, known = trades.owner[made.trade[made.is_hit]], made.known_at[made.is_hit]
    never = np.iinfo(np.int64).max
    first = np.full(scene.firms.owners, never)
    np.minimum.at(first, owner, known)
    # Only firms that run schemes: a single lapse says nothing of adaptation.
    runs = np.zeros(scene.firms.owners, dtype=bool)
    runs[[episode.owner for episode in life.episodes]] = True
    of = np.setdiff1d(scene.happened, made.trade[made.is_hit][known == first[owner]])
    of = of[runs[trades.owner[of]] & (first[trades.owner[of]] < never)]
    block = (trades.declared_at[of] - first[trades.owner[of]]) // (14 * DAY)
    inside = (block >= -8) & (block < 16)
    total = np.maximum(np.bincount(block[inside] + 8, minlength=24), 1)
    share = np.bincount(block[inside] + 8, life.scheme[of[inside]] >= 0, minlength=24) / total
    return (np.arange(24) - 8) * 2 + 1, share, np.sqrt(share * (1 - share) / total)


def _forward_test(figures: Sequence[Figures], axes: Axes) -> None:
    rows = [("model", _BLUE), ("rules", _ORANGE), ("random", _GREY), ("noise model", _GREEN)]
    for place, (name, colour) in enumerate(reversed(rows)):
        values = [one.auc[name] for one in figures]
        axes.plot(values, [place] * len(values), "o", color=colour, alpha=0.6, markersize=8)
        axes.plot([np.mean(values)] * 2, [place - 0.28, place + 0.28], color=colour, linewidth=2.5)
    axes.set_yticks(range(len(rows)), [name for name, _ in reversed(rows)])
    axes.axvline(0.5, color=_GREY, linewidth=0.8, linestyle="--")
    axes.set(
        xlabel="AUC on the true labels of all later declarations; a dot a world, the bar is the mean", xlim=(0.4, 1)
    )
    axes.margins(y=0.15)
