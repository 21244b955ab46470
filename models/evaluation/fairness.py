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

from models.evaluation.intervals import REPLICATES, Draws, Estimate, multiplicities

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Texts = NDArray[np.object_]
LEAST_ROWS = 100
"""Smaller groups are shown, and left out of parity: chance alone sets them apart."""
LEAST_SELECTED = 20
"""So many selected rows a group must have before its hit rate counts for parity."""
UNKNOWN = "unknown"
_CHUNK = 50
_MEASURES = ("weight", "hits", "selected", "selected_hits", "stated")


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a segment.

    Attributes:
        rows, selected_rows: how many there are, and how many of them are selected (not weighted).
        base_rate: share of violations. stated: mean stated probability.
        inspection_rate: share that is selected. hit_rate: share of violations among those.
        miss_rate: share of the group's violations that are not selected.
        false_green_rate: share of violations among those not selected.
        inspection_ratio, hit_ratio: both rates as a multiple of those of all rows.
    """

    name: str
    rows: int
    selected_rows: float
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
    names: list[tuple[str, str]] = []
    columns, counts = [], []
    of_rows = np.stack((weights, weights * outcomes, weights * selected, weights * selected * outcomes,
                        weights * probabilities))  # fmt: skip
    count = int(clusters.max()) + 1
    for segment, values in segments.items():
        labels, group = np.unique(np.array([UNKNOWN if v is None else str(v) for v in values]), return_inverse=True)
        rows = np.bincount(group, minlength=len(labels))
        taken = np.bincount(group, selected, minlength=len(labels))
        for number, label in enumerate(labels.tolist()):
            inside = group == number
            names.append((segment, label))
            counts.append((int(rows[number]), float(taken[number])))
            columns.append([np.bincount(clusters[inside], own[inside], minlength=count) for own in of_rows])
    whole = [np.bincount(clusters, own, minlength=count) for own in of_rows]
    sums = np.array([*columns, whole])  # groups and the whole, measures, clusters
    drawn = np.stack([sums.sum(axis=2), *_resampled(sums, replicates, seed)])  # itself and replicates, groups, measures
    rates = _rates(drawn)
    found: dict[str, list[int]] = {}
    for place, (segment, _) in enumerate(names):
        found.setdefault(segment, []).append(place)
    result = []
    for segment, places in found.items():
        places.sort(key=lambda place: (-counts[place][0], names[place][1]))
        groups = tuple(
            _group(
                names[place][1], *counts[place], {name: _estimate(own[:, place], count) for name, own in rates.items()}
            )
            for place in places
        )
        large = [p for p in places if counts[p][0] >= least and names[p][1] != UNKNOWN]
        judged = [p for p in large if counts[p][1] >= LEAST_SELECTED]
        result.append(
            Segment(
                segment, groups, _parity(rates["inspection_rate"], large, count), _parity(rates["hit_rate"], judged, count),
                _gap(rates, large, count),
            )
        )  # fmt: skip
    return tuple(result)


def _group(name: str, rows: int, selected_rows: float, rates: dict[str, Estimate]) -> Group:
    return Group(name=name, rows=rows, selected_rows=selected_rows, **rates)


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
    weight, hits, selected, caught, stated = (drawn[:, :, place] for place in range(len(_MEASURES)))
    inspected, hit = _over(selected, weight), _over(caught, selected)
    return {
        "base_rate": _over(hits, weight), "stated": _over(stated, weight), "inspection_rate": inspected, "hit_rate": hit,
        "miss_rate": _over(hits - caught, hits), "false_green_rate": _over(hits - caught, weight - selected),
        "inspection_ratio": _over(inspected, inspected[:, -1:]), "hit_ratio": _over(hit, hit[:, -1:]),
    }  # fmt: skip


def _over(part: Floats, whole: Floats) -> Floats:
    whole = np.broadcast_to(whole, part.shape)
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 1e-12))


def _estimate(drawn: Floats, clusters: int) -> Estimate:
    return Draws(float(drawn[0]), drawn[1:], clusters).percentile()


def _parity(rates: Floats, places: list[int], clusters: int) -> Estimate | None:
    """The least rate as a share of the greatest, pivoted since chance alone drives it down, cut to [0, 1]."""
    if len(places) < 2 or not np.isfinite(rates[0, places]).all():
        return None
    own = rates[:, places]
    least, greatest = own.min(axis=1, keepdims=True), own.max(axis=1, keepdims=True)
    ratio = _over(least, greatest)[:, 0]
    found = Draws(float(ratio[0]), ratio[1:], clusters).pivotal()
    return Estimate(found.value, found.low, min(1.0, found.high))


def _gap(rates: dict[str, Floats], places: list[int], clusters: int) -> Estimate | None:
    if not places:
        return None
    gap = np.abs(rates["stated"] - rates["base_rate"])[:, places].max(axis=1)
    return Draws(float(gap[0]), gap[1:], clusters).pivotal()
