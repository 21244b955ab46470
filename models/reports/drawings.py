"""The charts of a model report."""

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from data.times import CHINA, from_instant
from features.definitions import Feature
from models.evaluation.drift import Month, Shift
from models.evaluation.fairness import Group, Segment
from models.evaluation.gains import gains_line
from models.evaluation.intervals import Estimate
from models.evaluation.reliability import Reliability
from models.evaluation.weighted import Ranking
from models.reasons import shown
from models.reports.charts import Axis, Chart, span
from models.reports.effects import Dependence, Effects
from models.reports.sentences import percent
from models.training.train import Trained

Floats = NDArray[np.float64]
_CUT = 46
_SHADES = 5
_SWARM, _CODES = 14, 8
_BINS_OF_SWARM = 110


def short(feature: Feature) -> str:
    """A feature's public name, cut to what fits beside a chart."""
    return feature.en if len(feature.en) <= _CUT else feature.en[: _CUT - 1].rstrip() + "…"


def reliability_chart(found: Reliability) -> Markup:
    """Found against stated share, bin by bin, with intervals."""
    stated, shares = [one.stated for one in found.bins], [one.found for one in found.bins]
    top = min(1.0, span(stated, [one.high for one in shares], [one.value for one in shares])[1])
    chart = Chart(Axis(0, top, "stated probability", "percent"), Axis(0, top, "share found", "percent"), 460, 400)
    chart.line([0, top], [0, top], "ideal")
    chart.upright(stated, [one.low for one in shares], [one.high for one in shares], "range model")
    notes = [f"{one.rows:,} rows: stated {one.stated:.1%}, found {percent(one.found)}" for one in found.bins]
    chart.dots(stated, [one.value for one in shares], "model", notes=notes)
    return chart.svg("Reliability: share found against stated probability")


def histogram(probabilities: Floats, outcomes: NDArray[np.int64]) -> Markup:
    """How stated probabilities spread among clean outcomes and among violations, each as a share of its own."""
    top = float(np.quantile(probabilities, 0.995))
    edges = np.linspace(0, top, 31)
    shares = [np.histogram(np.minimum(probabilities[outcomes == o], top), edges)[0] for o in (0, 1)]
    shares = [one / max(one.sum(), 1) for one in shares]
    high = max(float(one.max()) for one in shares) * 1.05
    chart = Chart(Axis(0, top, "stated probability", "percent"), Axis(0, high, "share of its own", "percent"), 460, 400)
    chart.columns(edges, shares[0], "clean")
    chart.columns(edges, shares[1], "hit")
    return chart.svg("How stated probabilities spread among clean outcomes and violations")


def gains_chart(trained: Trained, challengers: Mapping[str, Floats], weights: Floats) -> Markup:
    """Share of violations and of duty found by share inspected; challengers and chance beside."""
    chart = Chart(Axis(0, 1, "share inspected", "percent"), Axis(0, 1, "share found", "percent"), 640, 400)
    chart.line([0, 1], [0, 1], "ideal")
    outcomes, duty = trained.outcomes.astype(np.float64), trained.dataset.recovered_fen[trained.folded.rows]
    ranking = Ranking.of(trained.folded.probabilities)
    for number, scores in enumerate(challengers.values()):
        chart.line(
            *gains_line(Ranking.of(np.asarray(scores, dtype=np.float64)), outcomes, weights), f"other o{number % 3}"
        )
    if duty.any():
        chart.line(*gains_line(ranking, duty.astype(np.float64), weights), "duty")
    chart.line(*gains_line(ranking, outcomes, weights), "model")
    return chart.svg("Gains: share of violations and of duty found by share inspected")


def months_chart(months: Sequence[Month]) -> Markup:
    """Stated and found share month by month."""
    places = np.arange(len(months), dtype=np.float64)
    _, top = span([m.found.high for m in months], [m.found.value for m in months], [m.stated for m in months])
    every = max(1, len(months) // 12)
    labels = [
        f"{from_instant(m.start).astimezone(CHINA):%Y-%m}" if n % every == 0 else "" for n, m in enumerate(months)
    ]
    chart = Chart(
        Axis(-0.5, len(months) - 0.5, labels=labels), Axis(0, top, "share of violations", "percent"), 860, 280
    )
    chart.upright(places, [m.found.low for m in months], [m.found.high for m in months], "range model")
    notes = [f"{m.rows:,} rows: found {percent(m.found)}" for m in months]
    chart.dots(places, [m.found.value for m in months], "model", notes=notes)
    chart.line(places, [m.stated for m in months], "stated")
    return chart.svg("Share of violations stated and found, month by month")


def shift_chart(shifts: Sequence[Shift], names: Mapping[str, str]) -> Markup:
    """Stability index of columns beside what no change would show."""
    _, top = span([s.psi for s in shifts], [s.limit for s in shifts], floor_=0.0)
    chart = _list_chart(
        [names.get(s.name, s.name) for s in shifts], Axis(0, max(top, 0.28), "population stability index")
    )
    places = np.arange(len(shifts), dtype=np.float64)
    for size in ("none", "small", "large"):
        own = [n for n, s in enumerate(shifts) if s.size == size]
        chart.bars(places[own], [shifts[n].psi for n in own], f"shift-{size}")
    for place, one in zip(places, shifts, strict=True):
        chart.upright([one.limit], [place - 0.38], [place + 0.38], "limit")
    return chart.svg("Stability index of features beside what no change would show")


def segment_chart(segment: Segment, groups: Sequence[Group], rate: str, whole: float, title: str) -> Markup:
    """A rate of each group with its interval; the line is that of all rows."""
    rates: list[Estimate] = [getattr(group, rate) for group in groups]
    _, top = span([r.value for r in rates], [r.high for r in rates], [whole], floor_=0.0)
    names = [f"{group.name} ({group.rows:,})" for group in groups]
    chart = _list_chart(names, Axis(0, min(1.0, top), title, "percent"), width=470, room=200)
    places = np.arange(len(groups), dtype=np.float64)
    chart.upright([whole], [-0.5], [len(groups) - 0.5], "ideal")
    chart.across(places, [r.low for r in rates], [r.high for r in rates], "range model")
    notes = [f"{name}: {percent(r)}" for name, r in zip(names, rates, strict=True)]
    chart.dots([r.value for r in rates], places, "model", notes=notes)
    return chart.svg(f"{title} by {segment.name}")


def bars_chart(values: Mapping[str, float], title: str, *, unit: str = "number", said: str = "{:,.3g}") -> Markup:
    """Named amounts as lying bars."""
    top = max(values.values(), default=1.0) * 1.15 or 1.0
    chart = _list_chart(list(values), Axis(0, top, title, unit), width=640, room=150)
    notes = [said.format(value) for value in values.values()]
    chart.bars(np.arange(len(values)), list(values.values()), "model", notes=notes)
    return chart.svg(title)


def swarm_chart(effects: Effects, features: Mapping[str, Feature]) -> Markup:
    """Contributions of the features that move scores most: a point a row, shaded by the value of the feature."""
    names = list(effects.importance)[:_SWARM]
    bounds = np.quantile(effects.contributions[:, [effects.order.index(n) for n in names]], (0.001, 0.999))
    low, high = span(bounds, [0.0])
    chart = _list_chart(
        [short(features[name]) for name in names], Axis(low, high, "contribution to the score, log-odds"), step=30
    )
    chart.upright([0.0], [-0.5], [len(names) - 0.5], "ideal")
    for place, name in enumerate(names):
        values, moved = effects.of(name)
        heights = place + _spread(np.clip(moved, low, high), low, high)
        shades = np.full(len(values), -1)
        if name not in effects.codes:
            there = np.isfinite(values)
            ranks = np.searchsorted(np.sort(values[there]), values[there], side="left") / max(there.sum(), 1)
            shades[there] = (ranks * _SHADES).astype(int)
        for shade in range(-1, _SHADES):
            own = shades == shade
            chart.cloud(moved[own], heights[own], f"v{shade}" if shade >= 0 else "vm")
    return chart.svg("Contributions of the features that move scores most")


def _spread(moved: Floats, low: float, high: float) -> Floats:
    """Heights that show how many rows have about the same contribution, shape (s,), between -0.4 and 0.4."""
    bins = ((moved - low) / ((high - low) or 1.0) * _BINS_OF_SWARM).astype(int)
    counts = np.bincount(bins)
    order = np.argsort(bins, kind="stable")
    first = np.concatenate(([0], np.cumsum(counts)))[:-1]
    rank = np.empty(len(moved), dtype=np.int64)
    rank[order] = np.arange(len(moved)) - first[bins[order]]
    side = np.where(rank % 2 == 0, 1, -1) * ((rank + 1) // 2)
    return np.asarray(side * 0.8 / max(int(counts.max()), 20))


def dependence_chart(effects: Effects, feature: Feature) -> Markup:
    """Contribution of a feature by its value: a point a row."""
    values, moved = effects.of(feature.name)
    low, high = span(np.quantile(moved, (0.002, 0.998)), [0.0])
    y = Axis(low, high, "contribution, log-odds")
    if feature.name in effects.codes:
        numbers, counts = np.unique(values, return_counts=True)
        kept = numbers[np.argsort(-counts, kind="stable")][:_CODES]
        labels = [effects.code(feature.name, number)[:14] for number in kept]
        chart = Chart(Axis(-0.5, len(kept) - 0.5, short(feature), labels=labels), y, 430, 270)
        chart.line([-0.5, len(kept) - 0.5], [0, 0], "ideal")
        for place, number in enumerate(kept):
            own = moved[values == number]
            chart.cloud(place + np.linspace(-0.25, 0.25, len(own)), own, "v4")
        return chart.svg(f"Contribution by value: {feature.en}")
    there = np.isfinite(values)
    left, right = span(np.quantile(values[there], (0.005, 0.995)) if there.any() else [0.0])
    gutter = left - 0.12 * (right - left)  # where rows without a value are shown
    chart = Chart(_values_axis(feature, left if there.all() else gutter, right, least=left), y, 430, 270)
    chart.line([gutter, right], [0, 0], "ideal")
    chart.cloud(values[there], moved[there], "v4")
    if not there.all():
        chart.cloud(gutter + np.linspace(0.02, 0.08, (~there).sum()) * (right - left), moved[~there], "vm")
        chart.note(gutter, low, "none")
    return chart.svg(f"Contribution by value: {feature.en}")


def partial_chart(found: Dependence, feature: Feature) -> Markup:
    """Partial dependence, centred, over single rows."""
    centred = found.mean - found.mean.mean()
    singles = found.single[:60]
    low, high = span(centred, np.quantile(singles, (0.01, 0.99)))
    chart = Chart(_values_axis(feature, *span(found.grid)), Axis(low, high, "change of the score, log-odds"), 430, 270)
    for one in singles:
        chart.line(found.grid, one, "single")
    chart.line(found.grid, centred, "model")
    return chart.svg(f"Partial dependence: {feature.en}")


def _values_axis(feature: Feature, low: float, high: float, *, least: float = -np.inf) -> Axis:
    """An axis whose marks, from the least on, read as values of the feature do in reasons."""

    def said(value: float) -> str:
        text = shown(feature, value)[1].removeprefix("about ").removesuffix(".00").replace("standard deviations", "sd")
        return text if value >= least else ""

    return Axis(low, high, short(feature), said=said)


def tuning_chart(trained: Trained) -> Markup:
    """Loss of each complete trial, and the best so far."""
    done = [trial for trial in trained.tuned.trials if np.isfinite(trial.loss)]
    losses = [trial.loss for trial in done]
    numbers = [float(trial.number) for trial in done]
    low, high = span(losses)
    x = Axis(
        -0.5,
        max(len(trained.tuned.trials) - 0.5, 0.5),
        "trial",
        said=lambda place: f"{place:.0f}" if place % 1 == 0 else "",
    )
    chart = Chart(x, Axis(low, high, "log loss", room=72), 640, 240)
    chart.line(numbers, np.minimum.accumulate(losses), "stated")
    chart.dots(numbers, losses, "model")
    return chart.svg("Log loss of each trial")


def _list_chart(names: Sequence[str], x: Axis, *, width: int = 860, room: int = 330, step: int = 24) -> Chart:
    """A chart of named rows, the first on top."""
    y = Axis(len(names) - 0.5, -0.5, labels=names, room=room)
    return Chart(x, y, width, 50 + step * len(names))
