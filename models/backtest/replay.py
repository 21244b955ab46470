"""The replay of one policy: week by week it selects, inspects, learns what it found after a delay, and goes on.

The outcomes of declarations lie with `Office`, which tells of an inspection only once its report is there.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from data.times import DAY
from features.feeds import instants
from models.backtest.exploration import Drifting, drift_of, interest
from models.backtest.learner import Learned, Settings, duty_facts, fit_duty, learn
from models.backtest.material import WEEK, Material, Outcomes
from models.backtest.policies import BacktestPolicy, Selection, select
from models.backtest.rules import rule_points
from models.encoding import fit_encoder

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]
DELAY_DAYS = 2
_RECENT = 13 * WEEK * DAY


@dataclass(frozen=True, slots=True)
class Reports:
    """Inspections and what they found, in the order of their reports; shape (m,)."""

    places: Integers
    known_at: Integers
    found: Bools
    duty_fen: Integers
    explored: Bools
    inclusion: Floats
    stated: Floats

    def __len__(self) -> int:
        return len(self.places)

    def where(self, kept: Bools) -> "Reports":
        """Those that a mask keeps."""
        return Reports(*(getattr(self, name)[kept] for name in self.__slots__))


class Office:
    """Inspects, and reports after a delay. The only one who sees outcomes.

    Arguments:
        delay: from the selection to the report, in microseconds, above 0.
    """

    def __init__(self, outcomes: Outcomes, before: Reports, delay: int) -> None:
        self._outcomes, self._made, self._delay = outcomes, [before], delay

    def inspect(self, selection: Selection, places: Integers, at: int, stated: Floats) -> None:
        """Inspect what was selected of some declarations.

        Arguments:
            places: of all that could be selected, shape (n,).
            at: the instant of the selection.
            stated: the probabilities that the policy stated, shape (n,).
        """
        chosen = places[selection.places]
        self._made.append(
            Reports(
                chosen, np.full(len(chosen), at + self._delay), self._outcomes.found[chosen],
                self._outcomes.duty_fen[chosen], selection.explored, selection.inclusion, stated[selection.places],
            )
        )  # fmt: skip

    def known(self, at: int) -> Reports:
        """What has been reported before an instant."""
        made = self.all()
        return made.where(made.known_at < at)

    def all(self) -> Reports:
        """All inspections, for whoever judges."""
        return Reports(*(np.concatenate([getattr(one, name) for one in self._made]) for name in Reports.__slots__))


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a policy did: its inspections of the replay, and week by week the share that it explored with and the drift it saw."""

    reports: Reports
    explored_share: Floats
    drift: Floats


def replay(
    material: Material, outcomes: Outcomes, policy: BacktestPolicy, *, budget: float, seed: int,
    settings: Settings | None = None, delay_days: float = DELAY_DAYS,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Replayed:  # fmt: skip
    """Replay a policy.

    Arguments:
        budget: share of the declarations that may be inspected, in (0, 1].
        seed: of its draws and of its models.
        delay_days: from a week's selection to its reports.
        progress: called with weeks done and their total.
    """
    return _Run(material, outcomes, policy, budget, seed, settings or Settings(), delay_days).through(progress)


class _Run:
    """One replay. It is made and used up by `replay`."""

    def __init__(
        self, material: Material, outcomes: Outcomes, policy: BacktestPolicy, budget: float, seed: int,
        settings: Settings, delay_days: float,
    ) -> None:  # fmt: skip
        self._material, self._policy, self._budget, self._settings = material, policy, budget, settings
        self._rng: Generator = np.random.default_rng([seed, *policy.name.encode(), round(budget * 1_000)])
        self._seed = seed
        self._feeds = material.histories.feeds()
        histories = material.histories
        earlier = np.flatnonzero(material.week < 0)
        before = recorded(material)
        self._office = Office(outcomes, before, round(delay_days * DAY))
        self._first = len(before)
        self._columns = dict(histories.still)
        for feature in histories.moving:
            self._columns[feature.name] = np.full(len(material), np.nan)
        self._put(earlier)
        # codes are facts that everybody sees, so that those of before the replay may be known without outcomes
        self._encoder = fit_encoder(
            material.features, {name: column[earlier] for name, column in self._columns.items()}
        )
        self._matrix = self._encoder.rows(self._columns)
        self._facts = duty_facts(material.value_fen, self._columns, self._encoder)
        self._directions = [feature.direction for feature in material.features.features]
        self._told = before.known_at.max(initial=0)
        self._learned: Learned | None = None
        self._used = self._seen = self._drawn = self._owed = 0.0

    def through(self, progress: Callable[[int, int], None]) -> Replayed:
        """All weeks."""
        shares, drifts = [], []
        for week in range(self._material.weeks):
            share, drift = self._week(week)
            shares.append(share)
            drifts.append(drift)
            progress(week + 1, self._material.weeks)
        made = self._office.all()
        own = np.arange(len(made)) >= self._first
        return Replayed(made.where(own), np.array(shares), np.array(drifts))

    def _week(self, week: int) -> tuple[float, float]:
        material = self._material
        places, at = material.places(week), material.decided_at(week)
        self._seen += len(places)
        budget = int(self._budget * self._seen + 1e-9) - int(self._used)
        known = self._office.known(at)
        self._refresh(places, known)
        drift = self._drift(known, at)
        explore = self._policy.explore
        share = explore.share(drift) if isinstance(explore, Drifting) else explore
        self._owed += share * budget
        explored = min(int(self._owed + 1e-9) - int(self._drawn), budget)
        scores, sizes, stated = self._scores(places, known, week, at)
        selection = select(scores, sizes, budget, explored, self._rng)
        self._used += len(selection)
        self._drawn += explored
        self._office.inspect(selection, places, at, stated)
        return share, drift

    def _put(self, places: Integers) -> None:
        """Compute the moving features of some declarations from what the feeds hold."""
        for name, column in self._material.histories.columns(self._feeds, places).items():
            self._columns[name][places] = column

    def _refresh(self, places: Integers, known: Reports) -> None:
        """Take in the reports that are new, and compute the features that depend on them."""
        new = known.where(known.known_at > self._told)
        if len(new):
            histories = self._material.histories
            self._feeds.add(
                histories.inspections(new.places, new.known_at, new.found, new.duty_fen, new.explored, new.inclusion)
            )
            self._told = int(new.known_at.max())
        self._put(places)
        for place, name in enumerate(self._encoder.order):
            if name not in self._material.histories.still:
                self._matrix[places, place] = self._columns[name][places]

    def _drift(self, known: Reports, at: int) -> float:
        if not isinstance(self._policy.explore, Drifting):
            return 0.0
        since = at - self._policy.explore.weeks * WEEK * DAY
        drawn = known.explored & (known.known_at >= since) & ~np.isnan(known.stated)
        return drift_of(known.stated[drawn], known.found[drawn])

    def _scores(self, places: Integers, known: Reports, week: int, at: int) -> tuple[Floats, Floats, Floats]:
        """What a policy ranks by, what its draw is in proportion to, and the probabilities that it states."""
        material, nothing = self._material, np.full(len(places), np.nan)
        if self._policy.ranking == "random":
            return np.zeros(len(places)), np.ones(len(places)), nothing
        if self._policy.ranking == "value":
            return material.value_fen[places].astype(np.float64), np.ones(len(places)), nothing
        if self._policy.ranking == "rules":
            points = rule_points({name: column[places] for name, column in self._columns.items()})
            # of equal cases the more valuable one
            return points + 1e-12 * material.value_fen[places], np.ones(len(places)), nothing
        if self._learned is None or week % self._settings.every == 0:
            self._learned = self._learn(known, week, at)
        stated = self._learned.probabilities(self._matrix[places])
        stake = self._learned.duty.fen(self._facts[places])
        recent = known.places[known.known_at >= at - _RECENT]
        firms, counts = np.unique(material.enterprises[recent].astype(str), return_counts=True)
        index = dict(zip(firms.tolist(), counts.tolist(), strict=True))
        seen = np.array([index.get(firm, 0) for firm in material.enterprises[places]], dtype=np.int64)
        scores = stated * stake if self._policy.ranking == "recovery" else stated
        return scores, interest(stated, stake, seen), stated

    def _learn(self, known: Reports, week: int, at: int) -> Learned:
        settings = self._settings
        weights = np.minimum(1.0 / known.inclusion, settings.most_weight)
        if settings.half_life:
            weights = weights * 0.5 ** ((at - known.known_at) / (settings.half_life * WEEK * DAY))
        hits = known.places[known.found]
        duty = fit_duty(self._facts[hits], known.duty_fen[known.found])
        return learn(
            self._matrix[known.places], known.found, weights, duty, self._encoder, self._directions, settings,
            self._seed + week,
        )  # fmt: skip


def recorded(material: Material) -> Reports:
    """The inspections that were reported before the replay begins, as the records have them."""
    table = material.histories.before
    index = {name: place for place, name in enumerate(material.names)}
    names, events = table["declaration_no"].to_pylist(), table["event"].to_pylist()
    kept = [n for n, name in enumerate(names) if events[n] == "inspection" and name in index]
    places = np.array([index[names[n]] for n in kept], dtype=np.int64)
    known_at = instants(table["known_at"])[kept] if kept else np.empty(0, dtype=np.int64)
    permille = table["inclusion_permille"].to_numpy(zero_copy_only=False)[kept].astype(np.float64)
    selected = table["selected_by"].to_pylist()
    return Reports(
        places, known_at, np.array([table["finding"][n].as_py() == "hit" for n in kept], dtype=bool),
        table["duty_recovered_fen"].fill_null(0).to_numpy()[kept],
        np.array([selected[n] == "random" for n in kept], dtype=bool),
        np.where(permille > 0, permille / 1000, 1.0), np.full(len(kept), np.nan),
    )  # fmt: skip
