"""What a model report shows of a trained model: every figure with its interval, computed once, logged and drawn alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from features.batch import Values
from models.evaluation.drift import Month, Shift, by_month, shifts
from models.evaluation.fairness import LEAST_ROWS, Segment, fairness
from models.evaluation.gains import Gain, gains
from models.evaluation.intervals import REPLICATES, Draws, Estimate, bootstrap, places_of
from models.evaluation.reliability import Reliability, reliability
from models.evaluation.weighted import Ranking, figures
from models.training.stability import Stability
from models.training.train import Trained

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Resampled = Callable[[Callable[[Floats], dict[str, float]], Floats, Integers], dict[str, Draws]]
"""`bootstrap` for some number of resamples."""
FAIR_BUDGET = 0.10
"""The share inspected at which groups are compared."""
LEAST_OUTCOMES = 10
"""So many violations and clean outcomes firms learned of or not must have before their figures are given."""
_MANY_ROWS, _LEAST_REPLICATES = 100_000, 100


@dataclass(frozen=True, slots=True)
class View:
    """Figures of some rows: how many rows, enterprises and hits these are, and each figure by name."""

    name: str
    rows: int
    enterprises: int
    hits: int
    estimates: dict[str, Estimate]

    def flat(self) -> dict[str, float]:
        """Figures by the names under which they are logged: those of all inspected rows bear no suffix."""
        suffix = "" if self.name == "inspected" else f"_{self.name}"
        named = {f"rows{suffix}": float(self.rows), f"enterprises{suffix}": float(self.enterprises)}
        for name, one in self.estimates.items():
            key = f"{name}{suffix}"
            named |= {key: one.value, f"{key}_low": one.low, f"{key}_high": one.high}
        return named


@dataclass(frozen=True, slots=True)
class Contest:
    """A challenger on the same rows, and by how much the model's AUC is ahead, on the same resamples."""

    name: str
    estimates: dict[str, Estimate]
    ahead: Estimate


@dataclass(frozen=True, slots=True)
class FoldLine:
    """A forward fold: when it validated, how many rows had been learned from, what it found, and how well it ranked."""

    number: int
    begin: int
    end: int
    learned: int
    rows: int
    hits: int
    enterprises: int
    cold_rows: int
    auc: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of a trained model from its forward folds.

    Attributes:
        views: figures on all inspected rows, on the population that they stand for (where probabilities of inspection are
            recorded), on firms that the fold had not learned from, and on those that it had (where outcomes are enough).
        reliability, gains: of the inspected rows, and of the population (the same where it is not known).
        recorded: share of rows whose probability of inspection is recorded. worth: how many equally weighted rows the weighted
            ones are worth (Kish 1965). greatest_weight: of any one row.
        score_shift, feature_shifts: see `Shift`; of the final model's score on the folded rows, and of the whole dataset.
        segment_auc: AUC in each large group, by segment and group.
        stability: of the main reasons over refits on other samples; None where none were made.
        reason_churn: share of the main reasons that the champion of the day would not have given; None where there was none.
    """

    views: tuple[View, ...]
    folds: tuple[FoldLine, ...]
    contests: tuple[Contest, ...]
    reliability: Reliability
    reliability_population: Reliability
    gains: tuple[Gain, ...]
    gains_population: tuple[Gain, ...]
    recorded: float
    worth: float
    greatest_weight: float
    score_shift: Shift | None
    feature_shifts: tuple[Shift, ...]
    months: tuple[Month, ...]
    segments: tuple[Segment, ...]
    segment_auc: dict[tuple[str, str], Estimate]
    stability: Stability | None
    reason_churn: float | None

    @property
    def is_population_known(self) -> bool:
        """Whether any probability of inspection is recorded, so that rows can stand for what was not inspected."""
        return self.recorded > 0

    def view(self, name: str) -> View | None:
        """The view of a name, where there is one."""
        return next((view for view in self.views if view.name == name), None)

    @property
    def figures(self) -> dict[str, float]:
        """All figures flat, by name, as logged for a run and used by gates; those that do not exist are left out."""
        named: dict[str, float] = {}
        for view in self.views:
            named |= view.flat()
        judged = self.view("population") or self.views[0]  # what probabilities are calibrated to
        named["calibration_error"] = judged.estimates["ece"].value
        named["calibration_error_debiased"] = judged.estimates["ece_debiased"].value
        if self.is_population_known:
            named["inclusion_recorded"], named["effective_rows_population"] = self.recorded, self.worth
        for gain in self.gains:
            named[f"lift_at_{gain.share * 100:g}pct"] = gain.lift
            named[f"recovered_at_{gain.share * 100:g}pct"] = gain.recovered
        if self.score_shift:
            named |= {"psi_score": self.score_shift.psi, "psi_score_limit": self.score_shift.limit}
        if self.feature_shifts:
            named["psi_feature_max"] = self.feature_shifts[0].psi
            named["features_shifted"] = float(sum(shift.size != "none" for shift in self.feature_shifts))
        for segment in self.segments:
            named |= segment.flat()
        for contest in self.contests:
            for name, one in contest.estimates.items():
                named[f"{name}_{contest.name}"] = one.value
            key = f"auc_ahead_of_{contest.name}"
            named |= {key: contest.ahead.value, f"{key}_low": contest.ahead.low, f"{key}_high": contest.ahead.high}
        if self.stability is not None:
            named |= self.stability.flat()
        if self.reason_churn is not None:
            named["reason_churn"] = self.reason_churn
        return {name: float(value) for name, value in named.items() if isfinite(value)}


def evidence_of(
    trained: Trained, challengers: Mapping[str, Floats] | None = None, *, reason_churn: float | None = None,
    replicates: int | None = None, seed: int = 7, threads: int = 1,
) -> Evidence:  # fmt: skip
    """Measure a trained model on the rows that its forward folds had not learned from.

    Arguments:
        challengers: other scores of the folded rows by name, greater is riskier, each of shape (m,).
        reason_churn: as `models.training.stability.churn` gives it beside the present champion.
        replicates: how many resamples of the enterprises give the intervals; by default fewer where rows are very many, whose
            intervals are narrow.
        threads: how many resamples are looked at at once; what is found is the same.
    """
    replicates = replicates or _replicates(len(trained.folded.rows))
    drawn = partial(bootstrap, replicates=replicates, seed=seed, threads=threads)
    rows, said, outcomes = trained.folded.rows, trained.folded.probabilities, trained.outcomes
    data, weights, ones = trained.dataset, trained.weights, np.ones(len(trained.outcomes))
    firms_of_all = places_of(data.enterprises)
    firms = np.unique(firms_of_all[rows], return_inverse=True)[1].astype(np.int64)
    at, ranking = data.asked_at[rows], Ranking.of(said)
    recorded = float(np.isfinite(data.inclusion[rows]).mean())
    cold = _cold(trained, firms_of_all)

    def view(name: str, inside: NDArray[np.bool_], weights: Floats) -> View:
        return _view(name, outcomes[inside], said[inside], weights[inside], firms[inside], drawn)

    every = np.ones(len(rows), dtype=bool)
    views = [view("inspected", every, ones)]
    if recorded > 0:
        views.append(view("population", every, weights))
    views += [view(n, m, ones) for n, m in (("cold_firms", cold), ("known_firms", ~cold)) if _enough(outcomes[m])]
    segments = {name: values[rows] for name, values in data.segments.items()}
    selected = ranking.selected(weights, FAIR_BUDGET)
    duty = data.recovered_fen[rows]
    scored = shifts({"score": trained.folded.final}, at)  # of one model: fold by fold, models themselves differ
    return Evidence(
        views=tuple(views),
        folds=_folds(trained, firms, cold, at),
        contests=_contests(ranking, challengers or {}, outcomes, firms, drawn),
        reliability=reliability(outcomes, said, ones, firms),
        reliability_population=reliability(outcomes, said, weights, firms),
        gains=gains(ranking, outcomes, duty, ones),
        gains_population=gains(ranking, outcomes, duty, weights),
        recorded=recorded,
        worth=float(weights.sum() ** 2 / (weights @ weights)),
        greatest_weight=float(weights.max()),
        score_shift=scored[0] if scored else None,
        feature_shifts=shifts(data.columns, data.asked_at),
        months=by_month(at, outcomes, said, ones, firms),
        segments=fairness(segments, outcomes, said, selected, weights, firms, replicates=replicates, seed=seed),
        segment_auc=_segment_auc(segments, outcomes, said, firms, drawn),
        stability=trained.stability,
        reason_churn=reason_churn,
    )


def _replicates(rows: int) -> int:
    return int(np.clip(REPLICATES * _MANY_ROWS // rows, _LEAST_REPLICATES, REPLICATES))


def figures_of(trained: Trained, challengers: Mapping[str, Floats] | None = None) -> dict[str, float]:
    """The flat figures of a trained model, to be logged for its run. Arguments as for `evidence_of`."""
    return evidence_of(trained, challengers).figures


def _enough(outcomes: Integers) -> bool:
    hits = int(outcomes.sum())
    return min(hits, len(outcomes) - hits) >= LEAST_OUTCOMES


def _both(outcomes: Integers) -> bool:
    return 0 < int(outcomes.sum()) < len(outcomes)


def _view(name: str, outcomes: Integers, said: Floats, weights: Floats, firms: Integers, drawn: Resampled) -> View:
    ranking = Ranking.of(said)
    own = np.unique(firms, return_inverse=True)[1].astype(np.int64)

    def measured(of_rows: Floats) -> dict[str, float]:
        return {"base_rate": float(of_rows @ outcomes / of_rows.sum())} | figures(ranking, outcomes, said, of_rows)

    draws = drawn(measured, weights, own)
    estimates = {key: one.percentile() for key, one in draws.items()}
    found = reliability(outcomes, said, weights, own)
    estimates |= {"ece": replace(found.error, value=found.ece), "ece_debiased": found.error}
    return View(name, len(outcomes), int(own.max()) + 1, int(outcomes.sum()), estimates)


def _contests(
    model: Ranking, challengers: Mapping[str, Floats], outcomes: Integers, firms: Integers, drawn: Resampled
) -> tuple[Contest, ...]:
    result = []
    for name, scores in challengers.items():
        ranking = Ranking.of(np.asarray(scores, dtype=np.float64))

        def measured(weights: Floats, ranking: Ranking = ranking) -> dict[str, float]:
            own = figures(ranking, outcomes, None, weights)
            return own | {"ahead": model.curve(outcomes, weights).auc - own["auc"]}

        draws = drawn(measured, np.ones(len(outcomes)), firms)
        estimates = {key: one.percentile() for key, one in draws.items()}
        result.append(Contest(name, estimates, estimates.pop("ahead")))
    return tuple(result)


def _cold(trained: Trained, firms_of_all: Integers) -> NDArray[np.bool_]:
    """Whether each folded row is of an enterprise that its fold had learned nothing of, shape (m,)."""
    cold = np.zeros(len(trained.folded.rows), dtype=bool)
    for fold in np.unique(trained.folded.fold).tolist():
        own = trained.folded.fold == fold
        cold[own] = ~np.isin(firms_of_all[trained.folded.rows[own]], firms_of_all[trained.folds[fold].train])
    return cold


def _folds(trained: Trained, firms: Integers, cold: NDArray[np.bool_], at: Integers) -> tuple[FoldLine, ...]:
    lines = []
    for fold in np.unique(trained.folded.fold).tolist():
        own = trained.folded.fold == fold
        outcomes, count = trained.outcomes[own], int(own.sum())
        auc = Ranking.of(trained.folded.probabilities[own]).curve(outcomes, np.ones(count)).auc
        lines.append(
            FoldLine(
                fold + 1, int(at[own].min()), int(at[own].max()), int(trained.folds[fold].train.sum()), count,
                int(outcomes.sum()), len(np.unique(firms[own])), int(cold[own].sum()), auc,
            )
        )  # fmt: skip
    return tuple(lines)


def _segment_auc(
    segments: Mapping[str, Values], outcomes: Integers, said: Floats, firms: Integers, drawn: Resampled
) -> dict[tuple[str, str], Estimate]:
    found: dict[tuple[str, str], Estimate] = {}
    for segment, values in segments.items():
        labels = np.array([str(value) if value is not None else "" for value in values])
        for label in np.unique(labels[labels != ""]).tolist():
            inside = labels == label
            if inside.sum() >= LEAST_ROWS and _both(outcomes[inside]):
                draws = _auc_draws(outcomes[inside], said[inside], firms[inside], drawn)
                found[segment, label] = draws.percentile()
    return found


def _auc_draws(outcomes: Integers, said: Floats, firms: Integers, drawn: Resampled) -> Draws:
    ranking, own = Ranking.of(said), np.unique(firms, return_inverse=True)[1].astype(np.int64)
    measured = drawn(lambda weights: {"auc": ranking.curve(outcomes, weights).auc}, np.ones(len(outcomes)), own)
    return measured["auc"]
