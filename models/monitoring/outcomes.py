"""Calibration on matured outcomes: did violations come as often as the model stated?

Only inspected shipments have outcomes, and inspectors look where the model points. Each therefore counts for one over its
probability of inspection (Horvitz and Thompson 1952), the weights add up to one (Hájek 1971), and intervals are those of samples
clustered by firm, with Student's quantile at the effective number of firms. They are computed and not resampled: a bootstrap
over firms says the same for a thousand times the work, and not the same twice without a seed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.monitoring.firms import (
    LEAST_FIRMS,
    Firms,
    Floats,
    Integers,
    Interval,
    Texts,
    beyond_chance,
    rate_interval,
    student_tail,
)

_BINS, _LEAST_OF_SEGMENT = 10, 50


@dataclass(frozen=True, slots=True)
class Matured:
    """n shipments whose inspection reported.

    Attributes:
        stated: the probability of a violation, as answered, shape (n,).
        outcomes: 1 for a violation found, else 0, shape (n,).
        firms: whom they are about, weighted by one over the probability of inspection.
        segments: parts looked at apart, by name, each of shape (n,), None where unknown.
    """

    stated: Floats
    outcomes: Integers
    firms: Firms
    segments: Mapping[str, Texts]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was stated beside what was found.

    Attributes:
        part: `all`, or segment and value.
        rows, hits: inspected shipments, and those with a violation found.
        stated: weighted mean of the stated probabilities.
        observed: weighted rate of violations, with its 95 % interval.
        p: how often so great a difference comes by chance where the model is right; None where there are too few firms.
    """

    part: str
    rows: int
    hits: int
    stated: float
    observed: Interval
    p: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """The line of the log-odds that would make the stated probabilities right: 1 and 0 where they are (Cox 1958).

    `p` is that of both at once: how often a right model departs so far from them.
    """

    slope: float
    intercept: float
    p: float


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Calibration over all and by segment, and the expected calibration error beside what a right model shows on average."""

    overall: Calibration
    segments: tuple[Calibration, ...]
    line: Line | None
    error: float
    error_by_chance: float

    @property
    def tests(self) -> int:
        """How many parts were tested; the line is one more."""
        return sum(one.p is not None for one in (self.overall, *self.segments)) + (self.line is not None)


def outcomes_of(matured: Matured) -> Outcomes | None:
    """Calibration on matured outcomes; None where there is none."""
    if not len(matured.outcomes):
        return None
    parts = []
    for name, values in sorted(matured.segments.items()):
        for value in sorted({str(one) for one in values if one is not None}):
            inside = np.array([one is not None and str(one) == value for one in values], dtype=bool)
            if inside.sum() >= _LEAST_OF_SEGMENT:
                firms = matured.firms.only(inside)
                parts.append(calibration(f"{name} {value}", matured.stated[inside], matured.outcomes[inside], firms))
    error, by_chance = _error(matured)
    overall = calibration("all", matured.stated, matured.outcomes, matured.firms)
    return Outcomes(overall, tuple(parts), _line(matured), error, by_chance)


def calibration(part: str, stated: Floats, outcomes: Integers, firms: Firms) -> Calibration:
    """What was stated beside what was found, over n shipments, at least one."""
    found = outcomes.astype(np.float64)
    observed, said = rate_interval(outcomes, firms), firms.mean(stated)
    p = None
    if firms.effective >= LEAST_FIRMS:
        residuals = found - stated
        by_firm = firms.sums(firms.weights * (residuals - firms.mean(residuals))) / firms.total
        clustered = float((by_firm**2).sum()) / (1 - firms.together)
        # few hits can hide how much they vary: never less than independent outcomes of the stated probabilities would
        alone = float((firms.weights**2 * stated * (1 - stated)).sum()) / firms.total**2
        error = max(clustered, alone) ** 0.5
        p = student_tail(firms.mean(residuals) / error, firms.effective - 1) if error > 0 else 1.0
    return Calibration(part, len(outcomes), int(outcomes.sum()), said, observed, p)


def _line(matured: Matured) -> Line | None:
    """The weighted logistic line of the outcomes on the stated log-odds, and the score test of slope 1 and intercept 0.

    None where hits or clean outcomes are missing, the stated probabilities are all one, or firms are too few.
    """
    firms = matured.firms
    clipped = np.clip(matured.stated, 1e-9, 1 - 1e-9)
    odds = np.log(clipped / (1 - clipped))
    hits = int(matured.outcomes.sum())
    if not 0 < hits < len(odds) or float(odds.std()) < 1e-6 or firms.effective < LEAST_FIRMS:
        return None
    design = np.stack([odds, np.ones_like(odds)], axis=1)
    weights = firms.weights / firms.total
    at = np.array([1.0, 0.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(design @ at, -700, 700)))
        gradient = design.T @ (weights * (matured.outcomes - p))
        curve = (design * (weights * np.maximum(p * (1 - p), 1e-12))[:, None]).T @ design
        step = np.linalg.solve(curve + 1e-12 * np.eye(2), gradient)
        at = at + np.clip(step, -2, 2)  # outcomes that the odds separate have no line: then it stays large
        if float(np.abs(step).max()) < 1e-10:
            break
    centred = np.stack([odds - firms.mean(odds), np.ones_like(odds)], axis=1)
    scores = centred * (weights * (matured.outcomes - clipped))[:, None]
    total = scores.sum(axis=0)
    by_firm = np.stack([firms.sums(scores[:, 0]), firms.sums(scores[:, 1])], axis=1)
    clustered = by_firm.T @ by_firm / (1 - firms.together)
    alone = (centred * (weights**2 * clipped * (1 - clipped))[:, None]).T @ centred
    # as above: where firms are few, their variance is seldom seen in full
    statistic = min(float(total @ np.linalg.pinv(one) @ total) for one in (clustered, alone))
    free = firms.effective - 1
    return Line(float(at[0]), float(at[1]), beyond_chance(statistic * (free - 1) / (2 * free), 2, free - 1))


def _error(matured: Matured) -> tuple[float, float]:
    """Expected calibration error over bins of equal weight, and what a right model shows on average."""
    firms = matured.firms
    order = np.argsort(matured.stated, kind="stable")
    reached = np.cumsum(firms.weights[order]) / firms.total
    error = by_chance = 0.0
    for part in np.split(order, np.searchsorted(reached, np.arange(1, _BINS) / _BINS)):
        if len(part):
            own = firms.only(part)
            share, stated = own.total / firms.total, matured.stated[part]
            error += share * abs(own.mean(matured.outcomes[part].astype(np.float64)) - own.mean(stated))
            variance = float((own.weights**2 * stated * (1 - stated)).sum()) / own.total**2
            by_chance += share * (2 * variance / np.pi) ** 0.5  # the mean of |x| of a normal x
    return error, by_chance
