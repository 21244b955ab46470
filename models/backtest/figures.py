"""Figures of replays: shares of what an oracle gets from the same budget, what passes unseen, how estimates fare."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from models.backtest.runs import Run
from models.evaluation.estimates import Estimate, rate_with_known_part, weighted_rate

WINDOW = 13
"""Weeks of one estimate of the violation rate."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one run over some weeks.

    Attributes:
        revenue, hits: shares of the oracle's duty and hits.
        hit_rate: hits among the inspected.
        false_green: violations among what was released uninspected.
    """

    revenue: float
    hits: float
    hit_rate: float
    false_green: float


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of a policy under a budget over several seeds.

    Attributes:
        mean, worst: over all weeks; the worst seed is that of least revenue, for `false_green` the highest.
        mean_after, worst_after: the same for the weeks from some day on; None without one.
        explored: the mean share of the budget that was drawn.
        covered, estimates: how many estimates of the violation rate held the truth, and how many there were.
    """

    budget: float
    policy: str
    seeds: int
    mean: Figures
    worst: Figures
    mean_after: Figures | None
    worst_after: Figures | None
    explored: float
    covered: int
    estimates: int


def figures_of(run: Run, begin: int = 0) -> Figures:
    """The figures of a run from a week on."""
    part = slice(begin, None)
    duty, best_duty = sum(run.duty_fen[part]), sum(run.best_duty_fen[part])
    hits, best_hits = sum(run.hits[part]), sum(run.best_hits[part])
    inspected, declared = sum(run.inspected[part]), sum(run.declarations[part])
    missed = sum(run.violations[part]) - hits
    return Figures(
        duty / best_duty if best_duty else float("nan"), hits / best_hits if best_hits else float("nan"),
        hits / inspected if inspected else float("nan"), missed / max(declared - inspected, 1),
    )  # fmt: skip


def estimates_of(run: Run, weeks: int = WINDOW) -> list[tuple[Estimate, float]]:
    """Estimates of the violation rate for stretches of weeks from what was drawn in them, each beside the truth.

    What was selected without a draw is known; what was drawn stands for all the others.

    Arguments:
        weeks: of a stretch; a shorter replay is one stretch.
    """
    week = np.array([w for w, _, _ in run.drawn], dtype=np.int64)
    chance = np.array([p for _, p, _ in run.drawn])
    found = np.array([hit for _, _, hit in run.drawn], dtype=np.int64)
    made, length = [], min(weeks, run.weeks)
    for begin in range(0, run.weeks - length + 1, length):
        part = slice(begin, begin + length)
        inside = (week >= begin) & (week < begin + length)
        if inside.any():
            size = sum(run.declarations[part])
            rest = weighted_rate(found[inside], chance[inside])
            estimate = rate_with_known_part(sum(run.sure_hits[part]), sum(run.sure[part]), rest, size)
            made.append((estimate, sum(run.violations[part]) / size))
    return made


def table_of(runs: Iterable[Run]) -> list[Row]:
    """A row for each budget and policy, in the order of their first run."""
    grouped: dict[tuple[float, str], list[Run]] = {}
    for run in runs:
        grouped.setdefault((run.job.budget, run.job.policy), []).append(run)
    return [_row(budget, policy, group) for (budget, policy), group in grouped.items()]


def _row(budget: float, policy: str, runs: Sequence[Run]) -> Row:
    whole = [figures_of(run) for run in runs]
    after = [figures_of(run, run.late) for run in runs if run.late < run.weeks]
    made = [pair for run in runs for pair in estimates_of(run)]
    return Row(
        budget, policy, len(runs), _mean(whole), _worst(whole), _mean(after) if after else None,
        _worst(after) if after else None, float(np.mean([np.mean(run.share) for run in runs])),
        sum(estimate.covers(truth) for estimate, truth in made), len(made),
    )  # fmt: skip


def _mean(figures: Sequence[Figures]) -> Figures:
    return Figures(*(float(np.mean([getattr(one, name) for one in figures])) for name in Figures.__slots__))


def _worst(figures: Sequence[Figures]) -> Figures:
    lowest = [min(getattr(one, name) for one in figures) for name in ("revenue", "hits", "hit_rate")]
    revenue, hits, hit_rate = lowest
    return Figures(revenue, hits, hit_rate, max(one.false_green for one in figures))


@dataclass(frozen=True, slots=True)
class Lead:
    """How far a policy's revenue lies ahead of another's on the same seeds, in shares of the oracle's.

    Attributes:
        mean, worst: over the seeds; `worst` is the least lead of any seed.
        low, high: a 95 % interval of the mean by a bootstrap over the seeds.
    """

    of: str
    over: str
    mean: float
    worst: float
    low: float
    high: float


def lead(runs: Iterable[Run], of: str, over: str, budget: float, *, after: bool = False, draws: int = 2_000) -> Lead:
    """The lead of one policy over another under a budget, seed by seed.

    Arguments:
        after: whether only weeks from some day on count.
    """
    revenue: dict[str, dict[int, float]] = {of: {}, over: {}}
    for run in runs:
        if run.job.budget == budget and run.job.policy in revenue:
            revenue[run.job.policy][run.job.seed] = figures_of(run, run.late if after else 0).revenue
    both = sorted(revenue[of].keys() & revenue[over].keys())
    gaps = np.array([revenue[of][seed] - revenue[over][seed] for seed in both])
    means = gaps[np.random.default_rng(0).integers(0, len(gaps), (draws, len(gaps)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Lead(of, over, float(gaps.mean()), float(gaps.min()), float(low), float(high))
