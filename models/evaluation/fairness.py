"""Parity between groups: who is inspected, what inspections find there, what is missed, and whether scores say the truth.

Unequal inspection rates are not unfair where violations are unequal; unequal hit rates say that one group is inspected on
weaker grounds than another (the outcome test: Becker 1957; Knowles, Persico and Todd 2001), which WTO TFA art. 7.4 forbids.
Both stand here, with the share of violations found in each group beside.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.evaluation.intervals import LEVEL, NORMAL, REPLICATES, Draws, Estimate, multiplicities, sizes
from models.evaluation.reliability import share

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Texts = NDArray[np.object_]
LEAST_ROWS = 100
"""Smaller groups are shown, and left out of parity: chance alone sets them apart."""
LEAST_SELECTED = 20
"""So many selected rows a group must have before its hit rate counts for parity."""
UNKNOWN, OTHERS = "unknown", "others"
MOST_GROUPS = 40
_CHUNK, _DRAWS = 50, 1_000
_MEASURES = ("weight", "hits", "selected", "selected_hits", "stated")


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a segment.

    Attributes:
        rows, selected_rows, enterprises: how many there are, how many of them are selected (not weighted), and of how many
            enterprises they are.
        base_rate: share of violations. stated: mean stated probability.
        inspection_rate: share that is selected. hit_rate: share of violations among those.
        miss_rate: share of the group's violations that are not selected.
        false_green_rate: share of violations among those not selected.
        inspection_ratio, hit_ratio: both rates as a multiple of those of all rows.
    """

    name: str
    rows: int
    selected_rows: float
    enterprises: int
    base_rate: Estimate
    stated: Estimate
    inspection_rate: Estimate
    hit_rate: Estimate
    miss_rate: Estimate
    false_green_rate: Estimate
    inspection_ratio: Estimate
    hit_ratio: Estimate


@dataclass(frozen=True, slots=True)
class Segment:
    """The groups of a segment, the largest first, and what they have in common.

    Attributes:
        inspection_parity, hit_parity: the least rate as a share of the greatest, 1 for equal ones; None where fewer than
            two groups are large enough.
        calibration_gap: the greatest distance of stated and found share among large groups.
    """

    name: str
    groups: tuple[Group, ...]
    inspection_parity: Estimate | None
    hit_parity: Estimate | None
    calibration_gap: Estimate | None

    def flat(self) -> dict[str, float]:
        """Parity by the names that promotion gates use."""
        found = {"inspection_parity": self.inspection_parity, "hit_parity": self.hit_parity,
                 "calibration_gap": self.calibration_gap}  # fmt: skip
        named: dict[str, float] = {}
        for name, one in found.items():
            if one is not None:
                key = f"{name}_{self.name}"
                named |= {key: one.value, f"{key}_low": one.low, f"{key}_high": one.high}
        return named


def fairness(
    segments: Mapping[str, Texts], outcomes: Integers, probabilities: Floats, selected: Floats, weights: Floats,
    clusters: Integers, *, least: int = LEAST_ROWS, replicates: int = REPLICATES, seed: int = 7,
) -> tuple[Segment, ...]:  # fmt: skip
    """Parity within each segment. The selection is held fixed when enterprises are resampled.

    Arguments:
        segments: the group of each row, None where unknown, by the segment's name, each of shape (n,).
        outcomes: 0 or 1, shape (n,). probabilities: as stated, shape (n,).
        selected: how far each row is inspected, in [0, 1], shape (n,): by a budget or a threshold.
        weights: how many rows each stands for, shape (n,). clusters: number of each row's enterprise, shape (n,).
        least: rows that a group must have to count for parity.
    """
    of_rows = np.stack((weights, weights * outcomes, weights * selected, weights * selected * outcomes,
                        weights * probabilities))  # fmt: skip
    return tuple(
        _segment(name, _labelled(values), of_rows, selected, clusters, least, replicates, seed)
        for name, values in segments.items()
    )


def _labelled(values: Texts) -> Texts:
    """The group of each row, those beyond the largest together, so that a thousand platforms stay a table."""
    labels, group = np.unique(np.array([UNKNOWN if v is None else str(v) for v in values]), return_inverse=True)
    largest = np.argsort(-np.bincount(group), kind="stable")[:MOST_GROUPS]
    kept = np.where(np.isin(np.arange(len(labels)), largest), labels, OTHERS)
    return np.asarray(kept[group])


def _segment(
    segment: str,
    labels: Texts,
    of_rows: Floats,
    selected: Floats,
    clusters: Integers,
    least: int,
    replicates: int,
    seed: int,
) -> Segment:
    count, names = int(clusters.max()) + 1, np.unique(labels)
    rows = np.array([(labels == name).sum() for name in names])
    taken = np.array([selected[labels == name].sum() for name in names])
    parts = [labels == name for name in names] + [np.ones(len(labels), dtype=bool)]
    sums = np.array(
        [[np.bincount(clusters[part], own[part], minlength=count) for own in of_rows] for part in parts]
    )  # groups and the whole, measures, clusters
    drawn = np.stack([sums.sum(axis=2), *_resampled(sums, replicates, seed)])  # itself and replicates, groups, measures
    rates = _rates(drawn)
    order = sorted(range(len(names)), key=lambda place: (-rows[place], names[place]))
    groups = tuple(_group(str(names[p]), int(rows[p]), float(taken[p]), sums[p], _of_group(rates, p)) for p in order)
    large = [group for group in groups if group.rows >= least and group.name not in (UNKNOWN, OTHERS)]
    judged = [group for group in large if group.selected_rows >= LEAST_SELECTED]
    return Segment(
        segment, groups,
        inspection_parity=_parity([group.inspection_rate for group in large], float(rates["inspection_rate"][0, -1]), seed),
        hit_parity=_parity([group.hit_rate for group in judged], float(rates["hit_rate"][0, -1]), seed),
        calibration_gap=_gap([group.stated.value for group in large], [group.base_rate for group in large], seed),
    )  # fmt: skip


def _of_group(rates: dict[str, Floats], place: int) -> dict[str, Floats]:
    return {name: own[:, place] for name, own in rates.items()}


def _group(name: str, rows: int, selected_rows: float, sums: Floats, rates: dict[str, Floats]) -> Group:
    """A group from its sums by cluster, of shape (measures, clusters), and its resampled rates."""
    weight, hits, selected, caught, _ = sums
    clusters = int((weight > 0).sum())

    def resampled(rate: str) -> Estimate:
        return Draws(float(rates[rate][0]), rates[rate][1:], clusters).percentile()

    return Group(
        name=name, rows=rows, selected_rows=selected_rows, enterprises=clusters,
        base_rate=share(hits, weight, rows), inspection_rate=share(selected, weight, rows),
        hit_rate=share(caught, selected, selected_rows), miss_rate=share(hits - caught, hits, rows),
        false_green_rate=share(hits - caught, weight - selected, rows - selected_rows),
        stated=resampled("stated"), inspection_ratio=resampled("inspection_ratio"), hit_ratio=resampled("hit_ratio"),
    )  # fmt: skip


def _resampled(sums: Floats, replicates: int, seed: int) -> list[Floats]:
    """Sums over resampled clusters; some replicates at a time, so that memory stays small."""
    groups, measures, clusters = sums.shape
    times = multiplicities(clusters, replicates, seed)
    flat = sums.reshape(-1, clusters).T
    edges = [*range(0, replicates, _CHUNK), replicates]
    parts = [np.stack([next(times) for _ in range(end - begin)]) @ flat for begin, end in pairwise(edges)]
    return [one.reshape(groups, measures) for part in parts for one in part]


def _rates(drawn: Floats) -> dict[str, Floats]:
    """Rates by name, each of shape (1 + replicates, groups); NaN where there is nothing to take a share of."""
    weight, _, selected, caught, stated = (drawn[:, :, place] for place in range(len(_MEASURES)))
    inspected, hit = _over(selected, weight), _over(caught, selected)
    return {
        "stated": _over(stated, weight), "inspection_rate": inspected, "hit_rate": hit,
        "inspection_ratio": _over(inspected, inspected[:, -1:]), "hit_ratio": _over(hit, hit[:, -1:]),
    }  # fmt: skip


def _over(part: Floats, whole: Floats) -> Floats:
    whole = np.broadcast_to(whole, part.shape)
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 1e-12))


def _parity(rates: list[Estimate], middle: float, seed: int) -> Estimate | None:
    """The least rate as a share of the greatest, as found, and the interval of the true one.

    Its end towards parity is by test inversion (see `sizes`); the far one adds chance to what was found, which errs to the
    wide side.
    """
    found, noise = _noisy(rates, seed)
    if len(found) < 2:
        return None
    nothing = np.zeros_like(found)

    def apart(size: float, noise: Floats) -> Floats:
        shown = np.maximum(middle + size * (found - middle) + noise, 0.0)
        return np.asarray(1 - shown.min(axis=-1) / np.maximum(shown.max(axis=-1), 1e-12))

    plain = float(apart(1.0, nothing))
    near = sizes(plain, lambda own: apart(own, noise)).low
    far = float(np.quantile(apart(1.0, noise), (1 + LEVEL) / 2))
    return Estimate(1 - plain, 1 - max(far, plain), 1 - float(apart(near, nothing)))


def _gap(stated: list[float], rates: list[Estimate], seed: int) -> Estimate | None:
    """The greatest distance of stated and found share, as found, and the interval of the true one as for parity."""
    found, noise = _noisy(rates, seed)
    if not len(found):
        return None
    kept = [one for one, rate in zip(stated, rates, strict=True) if np.isfinite(rate.low)]
    apart = np.array(kept) - found
    plain = float(np.abs(apart).max())
    near = sizes(plain, lambda own: np.asarray(np.abs(own * apart + noise).max(axis=1))).low
    far = float(np.quantile(np.abs(apart + noise).max(axis=1), (1 + LEVEL) / 2))
    return Estimate(plain, plain * near, max(far, plain))


def _noisy(rates: list[Estimate], seed: int) -> tuple[Floats, Floats]:
    """The rates that have an interval, shape (g,), and what chance adds to each, shape (draws, g).

    Its spread is that of the wider side of the intervals, which know of chance also where no row is a hit.
    """
    kept = [rate for rate in rates if np.isfinite(rate.low)]
    spread = np.array([max(rate.high - rate.value, rate.value - rate.low) / NORMAL for rate in kept])
    return np.array([rate.value for rate in kept]), np.random.default_rng(seed).standard_normal(
        (_DRAWS, len(kept))
    ) * spread
