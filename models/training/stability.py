"""Whether reasons can be relied on: how many of a case's main reasons stay when the data had been a little different.

The model is fitted anew on samples of enterprises drawn with replacement, and its reasons are compared with those given. A reason
that another sample would not give says more about the sample than about the firm.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.threads import together
from models.bundle import Bundle
from models.contributions.explainer import Contributions
from models.training.fitting import Cases, portable

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
TOP = 3
"""How many reasons of a case are compared."""
_REFIT_ROWS = 50_000
"""A refit learns from no more cases, drawn at random: fewer cases only let reasons vary more."""


@dataclass(frozen=True, slots=True)
class Stability:
    """How reasons and scores stay over refits.

    Attributes:
        kept: share of the main reasons of a case that a refit gives as main reasons too, mean over cases and refits.
        least_kept: the same of the refit that keeps least.
        first_kept: share of cases whose first reason stays among the main ones.
        moved: standard deviation of a case's log-odds over refits, mean over cases.
        refits, cases: how many.
    """

    kept: float
    least_kept: float
    first_kept: float
    moved: float
    refits: int
    cases: int

    def flat(self) -> dict[str, float]:
        """The figures by name."""
        return {
            "reasons_kept": self.kept, "reasons_kept_least": self.least_kept, "first_reason_kept": self.first_kept,
            "log_odds_moved": self.moved,
        }  # fmt: skip


def stability_of(
    cases: Cases, bundle: Bundle, setting: dict[str, Any], *, refits: int = 8, most: int = 400, seed: int = 7,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Stability:  # fmt: skip
    """Refit on samples of enterprises and compare reasons.

    Arguments:
        setting: the parameters of the model, fixed and tuned.
        refits: how many samples. most: cases that are compared, drawn at random.
        progress: called with refits done and their total.
    """
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(cases.dataset))[:most])
    given = grouped_contributions(bundle.trees, bundle.manifest.groups, cases.matrix[rows])
    firms, of_row = np.unique(cases.dataset.enterprises.astype(str), return_inverse=True)
    samples = [_sample(rng, of_row, len(firms)) for _ in range(refits)]

    def refitted(number: int) -> Floats:
        drawn, times = samples[number]
        refit = cases.fit(drawn, setting | {"seed": seed + number + 1, "num_threads": 1}, times=times)
        done = grouped_contributions(portable(refit), bundle.manifest.groups, cases.matrix[rows])
        ended.append(number)
        progress(len(ended), refits)
        return done

    ended: list[int] = []
    kept, first, margins = [], [], []
    for found in together(refitted, range(refits), setting["num_threads"]):
        kept.append(overlap(given, found))
        first.append(
            float(np.mean([leads in main for leads, main in zip(_main(given)[:, 0], _main(found), strict=True)]))
        )
        margins.append(found.sum(axis=1))
    moved = float(np.std(margins, axis=0).mean())
    return Stability(float(np.mean(kept)), min(kept), float(np.mean(first)), moved, refits, len(rows))


def _sample(rng: np.random.Generator, of_row: Integers, firms: int) -> tuple[Integers, Integers]:
    """The rows of enterprises drawn with replacement, and how often each counts.

    Arguments:
        of_row: the enterprise of each row. firms: how many there are.
    """
    times = np.bincount(rng.integers(0, firms, firms), minlength=firms)[of_row]
    drawn = np.flatnonzero(times)
    if len(drawn) > _REFIT_ROWS:
        drawn = np.sort(rng.choice(drawn, _REFIT_ROWS, replace=False))
    return drawn, times[drawn]


def churn(bundle: Bundle, champion: Bundle, matrix: Floats, champion_matrix: Floats) -> float:
    """Share of the main reasons of some cases that a champion would not have given.

    Arguments:
        matrix, champion_matrix: the same cases as each model's encoder gives them, shape (n, features) each.
    """
    mine, theirs = (
        _named(grouped_contributions(one.trees, one.manifest.groups, rows), one)
        for one, rows in ((bundle, matrix), (champion, champion_matrix))
    )
    same = [len(own & other) / TOP for own, other in zip(mine, theirs, strict=True)]
    return 1.0 - float(np.mean(same))


def grouped_contributions(trees: str, groups: Sequence[str], matrix: Floats) -> Floats:
    """Contributions by group of features, in the order of the groups' first feature, shape (n, groups).

    Arguments:
        trees: LightGBM's model text.
        groups: of each feature.
        matrix: shape (n, features).
    """
    values = Contributions(trees).rows(matrix)[:, :-1]
    order = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    sums = np.zeros((len(matrix), len(order)))
    for place, group in enumerate(groups):
        sums[:, order[group]] += values[:, place]
    return sums


def overlap(given: Floats, found: Floats) -> float:
    """Mean share of the main groups of each row that two tables of contributions have in common."""
    pairs = zip(_main(given), _main(found), strict=True)
    return float(np.mean([len(np.intersect1d(one, other)) / TOP for one, other in pairs]))


def _main(contributions: Floats) -> Integers:
    """The groups that move each row most, shape (n, TOP)."""
    main: Integers = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :TOP]
    return main


def _named(contributions: Floats, bundle: Bundle) -> list[set[str]]:
    names = list(dict.fromkeys(bundle.manifest.groups))
    return [{names[place] for place in row} for row in _main(contributions)]
