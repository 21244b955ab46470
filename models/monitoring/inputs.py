"""Inputs and scores against the reference: which moved further than chance moves them.

Each test is held to the share `LEVEL` of looks divided by the number of tests (Bonferroni, which holds however features
depend on each other; Benjamini and Hochberg's would not): where nothing changed, at most one look in a hundred alarms at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.monitoring.firms import (
    LEAST_FIRMS,
    Firms,
    Floats,
    Integers,
    factor_of,
    limit_of_chance,
)
from models.monitoring.reference import Column, Reference, Spread, is_missing, is_unseen

Flags = NDArray[np.bool_]
Kind = Literal["shift", "missing", "unseen"]
LEVEL = 0.01
_LEAST_EXPECTED = 5.0


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of a feature now beside the reference.

    Attributes:
        feature: its name, `score` for the stated probability.
        kind: `shift` of the distribution (PSI), share `missing`, share of codes `unseen` in training.
        value: the index or share now.
        before: the share in the reference; for an index what no change shows on average.
        limit: what no change would pass in fewer than `LEVEL` of all looks; None where there are too few firms to say.
        is_beyond: whether it passes the limit.
        since: from when on it shows (an instant), where it does.
    """

    feature: str
    kind: Kind
    value: float
    before: float
    limit: float | None
    is_beyond: bool
    since: int | None = None

    @property
    def excess(self) -> float:
        """How far it lies from what is usual."""
        return abs(self.value - self.before)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a window of questions shows: how many, of how many firms (effectively), and each figure."""

    rows: int
    firms: float
    changes: tuple[Change, ...]


def inputs_of(
    reference: Reference, columns: Mapping[str, Column], probabilities: Floats, firms: Firms, known: Mapping[str, Sequence[str]],
    at: Integers,
) -> Inputs:  # fmt: skip
    """Hold a window's questions and stated probabilities, in the order of time, against the reference.

    Arguments are those of `reference_of`. A window without questions gives no figures.
    """
    if not len(at):
        return Inputs(0, 0.0, ())
    tests = 2 * len(reference.spreads) + len(known) + 1
    look = _Look(reference, firms, at, LEVEL / tests)
    changes = []
    for spread in reference.spreads:
        values = columns[spread.name]
        missing = is_missing(values)
        changes.append(look.share(spread.name, "missing", missing, spread.missing, spread.missing_alike))
        changes += look.shift(spread, values, ~missing)
        if spread.name in known:
            unseen = is_unseen(values, known[spread.name])
            changes.append(look.share(spread.name, "unseen", unseen, spread.unseen, spread.unseen_alike))
    changes += look.shift(reference.score, probabilities, np.ones(len(at), dtype=bool))
    return Inputs(len(at), firms.effective, tuple(changes))


@dataclass(frozen=True, slots=True)
class _Look:
    """A window beside the reference; `level` is that of one test."""

    reference: Reference
    firms: Firms
    at: Integers
    level: float

    def shift(self, spread: Spread, values: Column, given: Flags) -> list[Change]:
        """The population stability index of the values that are not missing; nothing where there are none on a side.

        Source: Siddiqi, Intelligent Credit Scoring (2nd ed., 2017), ch. 14; its distribution under no change by Yurdakul (2018)
            for independent cases, here with the variance and the degrees of freedom of clustered ones (Rao and Scott 1984).
        """
        if not given.any() or not spread.shares:
            return []
        firms, bins, count = self.firms.only(given), spread.bins(values[given]), len(spread.shares)
        alike = firms.resemblance(bins, count)
        factors = _factors(spread.alone, spread.together, firms, max(spread.alike, alike.alike))
        old, new = np.array(spread.shares), firms.bin_shares(bins, count)
        groups = _filled(old / factors[0] + new / factors[1])
        before, now = (np.bincount(groups, weights=side) for side in (old, new))
        smooth_before, smooth_now = (
            (side + factor / 2) / (1 + factor / 2 * len(side))
            for side, factor in zip((before, now), factors, strict=True)
        )
        terms = (smooth_now - smooth_before) * np.log(smooth_now / smooth_before)
        psi, by_chance = float(terms.sum()), (len(before) - 1) * sum(factors)
        effective = min(firms.effective, 1 / spread.together)
        if effective < LEAST_FIRMS or by_chance == 0:
            return [Change(spread.name, "shift", psi, by_chance, None, is_beyond=False)]
        limit = by_chance * limit_of_chance(self.level, min(alike.free, len(before) - 1), effective)
        since = None
        if psi > limit:
            most = int(np.argmax(now - before))
            since = onset(groups[bins] == most, float(before[most]), firms, self.at[given])
        return [Change(spread.name, "shift", psi, by_chance, limit, psi > limit, since)]

    def share(self, name: str, kind: Kind, flags: Flags, before: float, alike: float) -> Change:
        """A share now beside the reference's: the score test with the pooled share, corrected for continuity (Yates 1934)."""
        reference, firms = self.reference, self.firms
        now, effective = firms.share(flags), min(firms.effective, reference.effective_firms)
        if effective < LEAST_FIRMS:
            return Change(name, kind, now, before, None, is_beyond=False)
        alike = max(alike, firms.resemblance(flags.astype(np.int64), 2).alike)
        factors = _factors(reference.alone, reference.together, firms, alike)
        pooled = (before / factors[0] + now / factors[1]) / (1 / factors[0] + 1 / factors[1])
        variance = pooled * (1 - pooled) * sum(factors)
        reach = float(np.sqrt(variance * limit_of_chance(self.level, 1, effective))) + sum(factors) / 2
        is_more, is_beyond = now >= before - 1e-9, abs(now - before) > reach
        usual = before if is_more else 1 - before
        since = onset(flags if is_more else ~flags, usual, firms, self.at) if is_beyond else None
        limit = min(before + reach, 1.0) if is_more else max(before - reach, 0.0)
        return Change(name, kind, now, before, limit, is_beyond, since)


def onset(flags: Flags, usual: float, firms: Firms, at: Integers) -> int:
    """From when on something is more frequent than usual: where its excess, cumulated, turns upwards (Page 1954).

    The excess is over the middle between the usual share and that of the whole window: before the change it falls, after it
    rises, and where all of the window is changed it rises from the beginning.

    Arguments:
        flags: whether it holds, of questions in the order of time, shape (n,).
        usual: its usual share, below that of the window.
    """
    middle = (usual + firms.share(flags)) / 2
    cumulated = np.concatenate([[0.0], np.cumsum(firms.weights * (flags - middle))])
    return int(at[min(int(np.argmin(cumulated)), len(at) - 1)])


def _factors(alone: float, together: float, firms: Firms, alike: float) -> tuple[float, float]:
    """Variance factors of the reference and of the window at one resemblance."""
    return factor_of(alone, together, alike), factor_of(firms.alone, firms.together, alike)


def _filled(expected: Floats) -> Integers:
    """Bins put together so that each holds as much as chi-squared needs (Cochran 1954): the group of each bin."""
    groups = np.arange(len(expected))
    expected = np.round(expected, 6)  # so that the last bit of a sum decides nothing
    sparse = expected < _LEAST_EXPECTED
    if sparse.any():
        kept = np.flatnonzero(~sparse)
        if len(kept) and expected[sparse].sum() < _LEAST_EXPECTED:
            groups[sparse] = kept[np.argmin(expected[kept])]
        else:
            groups[sparse] = np.flatnonzero(sparse)[0]
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)
