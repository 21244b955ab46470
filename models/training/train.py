"""Training: tune on forward folds, calibrate on what those folds never learned from, refit on everything, bundle.

The same data, seed and number of trials give the same bundle digest.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from data.times import DAY
from features.catalogue import digest
from features.threads import together
from models.bundle import FORMAT, Bundle, Manifest, Thin, make_bundle
from models.calibration import Curve, Kind, Scored, best_kind, fit_calibration, fit_curve, log_loss
from models.encoding import Encoder, fit_encoder
from models.evaluation.intervals import places_of
from models.evaluation.metrics import Metrics, measure
from models.scale import CREDIT_SCALE, RISK_SCALE
from models.training.dataset import Dataset, demand_labels
from models.training.fitting import Cases, cases_of, fixed_parameters, portable
from models.training.groups import groups_of, typical_of
from models.training.heads import Heads, fit_heads
from models.training.rejects import Rejects, demand_inferable
from models.training.splits import Fold, forward_folds
from models.training.stability import Stability, stability_of
from models.training.tuning import Budget, Setting, Tuned, tune
from models.uncertainty import Band, fit_band

if TYPE_CHECKING:
    from distributed import Client

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it, and the total."""
_TUNED_ROWS = 20_000
"""How many cases of a fold a trial learns from, and how many it is judged on, at most: more would choose the same."""
_TUNED_BINS = 63
"""In how many bins trials see the values of large folds; all else is fitted on LightGBM's usual 255."""
_FOLD_ROWS = 100_000
"""How many cases the models of the forward folds learn from, at most."""
_THIN = Thin("declarations_365d", 10.0)
_LEAST_BAND = 200


def quiet(_what: str, _done: int, _total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True)
class Folded:
    """What the forward folds said of what they had not learned from: m rows of the dataset, fold by fold.

    Attributes:
        rows: their places in the dataset. fold: which fold validated them.
        margins: of the fold's model.
        probabilities: calibrated by the folds before, as it would have been in use.
        final: margins of the final model, which learned from them too: says how its scores are spread, not how good they are.
    """

    rows: Integers
    fold: Integers
    margins: Floats
    probabilities: Floats
    final: Floats


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model: its bundle, its figures on the forward folds, and what the figures were made from.

    Attributes:
        folds: the forward folds.
        calibrations: mean loss of each kind of curve on later folds.
        stability: whether reasons stay over refits; None where none were made.
        seconds: how long each part took; the only thing here that differs from run to run.
    """

    bundle: Bundle
    dataset: Dataset
    metrics: Metrics
    tuned: Tuned
    folds: list[Fold]
    folded: Folded
    calibrations: dict[Kind, float]
    stability: Stability | None
    importance: dict[str, float]
    seconds: dict[str, float]

    @property
    def outcomes(self) -> Integers:
        """The outcomes of the folded rows, shape (m,)."""
        return self.dataset.outcomes[self.folded.rows]

    @property
    def rejects(self) -> int:
        """How many uninspected shipments it also learned from."""
        return int(self.bundle.manifest.parameters.get("reject_inference", 0))

    @property
    def weights(self) -> Floats:
        """How many shipments each of the folded rows stands for, shape (m,)."""
        return self.dataset.weights[self.folded.rows]


@dataclass(slots=True)
class _Clock:
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        begin = perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - begin


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training run works on.

    Attributes:
        fixed: parameters that are not tuned.
        tried: of each fold, the cases that trials learn from and those that they are judged on.
    """

    cases: Cases
    fixed: Setting
    folds: list[Fold]
    tried: list[tuple[Integers, Integers]]

    @property
    def is_large(self) -> bool:
        """Whether every fold has more cases than trials need: then one fold says much, and no detail of a value matters."""
        return all(min(fold.train.sum(), fold.valid.sum()) > _TUNED_ROWS for fold in self.folds)


def plan_of(
    dataset: Dataset, *, folds: int = 4, seed: int = 7, threads: int = 1, rejects: Rejects | None = None
) -> Plan:
    """Split, encode and bin a dataset.

    Arguments:
        rejects: what nobody inspected, to be learned from as well.
    Raises:
        TooFewLabelsError: where outcomes are too few.
    """
    demand_labels(dataset)
    rng = np.random.default_rng(seed)
    split = forward_folds(dataset, folds)
    encoder = fit_encoder(dataset.features, dataset.columns)
    fixed = fixed_parameters(dataset.features, seed=seed, threads=threads)
    tried = [
        (_some(np.flatnonzero(fold.train), _TUNED_ROWS, rng), _some(np.flatnonzero(fold.valid), _TUNED_ROWS, rng))
        for fold in split
    ]
    return Plan(cases_of(dataset, encoder, fixed, rejects), fixed, split, tried)


def search(
    plan: Plan, budget: Budget, *, seed: int = 7, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Tuned:
    """Try settings on the forward folds of a plan."""
    dataset = plan.cases.dataset
    # the quickest way to keep directions compares settings as well as the one that gives most room
    quicker: Setting = {"num_threads": 1}
    if "monotone_constraints" in plan.fixed:
        quicker["monotone_constraints_method"] = "basic"
    cases, tried = plan.cases, plan.tried
    if plan.is_large:
        quicker["max_bin"] = _TUNED_BINS
        cases, tried = _coarse(plan)

    def loss(setting: Setting, number: int) -> float:
        """Log loss after a straight line: a setting is not blamed for a shift of the base rate that calibration mends."""
        learned, judged = tried[number]
        margins = cases.margins(cases.fit(learned, plan.fixed | setting | quicker), judged, 1)
        outcomes, weights = cases.dataset.outcomes[judged], cases.dataset.weights[judged]
        return log_loss(fit_calibration(margins, outcomes, weights).probabilities(margins), outcomes, weights)

    days = float(dataset.asked_at.max() - dataset.asked_at.min()) / DAY
    weighted = len(np.unique(dataset.weights)) > 1
    threads = plan.fixed["num_threads"]
    return tune(
        loss, len(plan.folds), budget, weighted=weighted, days=days, is_large=plan.is_large, seed=seed, threads=threads,
        progress=progress,
    )  # fmt: skip


def _coarse(plan: Plan) -> tuple[Cases, list[tuple[Integers, Integers]]]:
    """The cases that trials learn from and are judged on, in few bins, and their places among these."""
    rows = np.unique(np.concatenate([part for pair in plan.tried for part in pair]))
    places = [(np.searchsorted(rows, learned), np.searchsorted(rows, judged)) for learned, judged in plan.tried]
    return plan.cases.of(rows, plan.fixed | {"max_bin": _TUNED_BINS}), places


def train(
    model: str, dataset: Dataset, *, budget: Budget | None = None, folds: int = 4, seed: int = 7, threads: int = 1,
    refits: int = 0, rejects: Rejects | None = None, cluster: "Client | None" = None, progress: Progress = quiet,
) -> Trained:  # fmt: skip
    """Train a model on a dataset.

    Arguments:
        model: `credit` or `shipment`.
        budget: how many parameter settings to try, and for how long.
        refits: how often to refit on other samples, to see whether reasons stay.
        rejects: shipments that nobody inspected, to be learned from as well (see `models.training.rejects`).
        cluster: the client of a Dask cluster that tunes and fits.
        progress: called with what is done, with trials or refits done and their total.
    Raises:
        TooFewLabelsError: where outcomes are too few.
        ModelError: where rejects are to be learned from on a cluster.
    """
    if rejects is not None:
        demand_inferable(dataset.features, is_clustered=cluster is not None)
    clock, budget, rng = _Clock(), budget or Budget(), np.random.default_rng(seed)
    with clock.part("encoding and binning"):
        plan = plan_of(dataset, folds=folds, seed=seed, threads=threads, rejects=rejects)
    cases, fixed, split = plan.cases, plan.fixed, plan.folds
    with clock.part("tuning"):
        if cluster is not None:
            from models.training.cluster import search_on

            search_on(
                cluster, dataset, budget, folds=folds, seed=seed, threads=threads, progress=partial(progress, "tuning")
            )
        tuned = search(plan, budget, seed=seed, progress=partial(progress, "tuning"))
    setting = fixed | tuned.best.parameters
    with clock.part("forward folds"):
        learned = [_some(np.flatnonzero(fold.train), _FOLD_ROWS, rng) for fold in split]
        scored = together(
            partial(_scored, cases, setting | {"num_threads": 1}), list(zip(split, learned, strict=True)), threads
        )
    with clock.part("calibration"):
        whole, lately = Scored.joined(scored), Scored.lately(scored)
        kind, losses = best_kind(scored)
        rows = np.concatenate([np.flatnonzero(fold.valid) for fold in split])
        probabilities = _forward_probabilities(kind, scored)
        curve, line = fit_curve(kind, lately), lately.line
        bands = _bands(dataset, rows[-len(lately.margins) :], lately)
    with clock.part("final model"):
        booster = _final(cases, setting, cluster)
        fold = np.repeat(np.arange(len(split)), [len(part.margins) for part in scored])
        folded = Folded(rows, fold, whole.margins, probabilities, cases.margins(booster, rows, threads))
    with clock.part("recovery and kinds"):
        heads = fit_heads(cases, fixed)
    metrics = measure(whole.outcomes, folded.probabilities)
    with clock.part("bundle"):
        parts = _Parts(cases, booster, heads, setting, curve, bands, metrics, seed)
        bundle = _bundle(model, parts, line.slope, line.intercept)
    stability = None
    if refits:
        with clock.part("stability of reasons"):
            stability = stability_of(
                cases, bundle, setting, refits=refits, seed=seed, progress=partial(progress, "refits")
            )
    gain = booster.feature_importance("gain")
    importance = dict(sorted(zip(cases.encoder.order, map(float, gain), strict=True), key=lambda item: -item[1]))
    return Trained(bundle, dataset, metrics, tuned, split, folded, losses, stability, importance, clock.seconds)


def _final(cases: Cases, setting: Setting, cluster: "Client | None") -> lightgbm.Booster:
    if cluster is None:
        return cases.fit(np.arange(len(cases.dataset)), setting)
    from models.training.cluster import fit_on

    return fit_on(cluster, cases, setting)


def _scored(cases: Cases, setting: Setting, part: tuple[Fold, Integers]) -> Scored:
    """The validation of a fold by a model of some rows of its training part."""
    fold, learned = part
    judged = np.flatnonzero(fold.valid)
    margins = cases.margins(cases.fit(learned, setting), judged, 1)
    return Scored(margins, cases.dataset.outcomes[judged], cases.dataset.weights[judged])


def _some(rows: Integers, most: int, rng: np.random.Generator) -> Integers:
    """All of some rows, or as many of them as allowed, drawn at random."""
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def _forward_probabilities(kind: Kind, scored: Sequence[Scored]) -> Floats:
    """Each fold calibrated by the folds before it (the first by itself), as it would have been in use."""
    curves = (fit_curve(kind, Scored.lately(scored[: max(1, number)])) for number in range(len(scored)))
    return np.concatenate([curve.probabilities(own.margins) for curve, own in zip(curves, scored, strict=True)])


def _bands(dataset: Dataset, rows: Integers, scored: Scored) -> dict[str, Band]:
    """How sure probabilities are, apart for cases with a short history where there are enough of them.

    Arguments:
        rows: places of the scored cases in the dataset.
    """
    firms = places_of(dataset.enterprises[rows])

    def band(which: NDArray[np.bool_]) -> Band:
        return fit_band(scored.margins[which], scored.outcomes[which], scored.weights[which], firms[which])

    if _THIN.feature in dataset.columns:
        thin = ~(dataset.columns[_THIN.feature][rows].astype(np.float64) >= _THIN.below)
        if thin.sum() >= _LEAST_BAND and (~thin).sum() >= _LEAST_BAND:
            return {"established": band(~thin), "thin": band(thin)}
    return {"established": band(np.ones(len(rows), dtype=bool))}


@dataclass(frozen=True, slots=True)
class _Parts:
    cases: Cases
    booster: lightgbm.Booster
    heads: Heads
    setting: dict[str, Any]
    curve: Curve
    bands: dict[str, Band]
    metrics: Metrics
    seed: int


def _bundle(model: str, parts: _Parts, slope: float, intercept: float) -> Bundle:
    cases, dataset = parts.cases, parts.cases.dataset
    encoder: Encoder = cases.encoder
    scale = CREDIT_SCALE if model == "credit" else RISK_SCALE
    kept = {name: value for name, value in parts.setting.items() if name not in ("num_threads", "verbosity")}
    if cases.rejects is not None:
        kept["reject_inference"] = len(cases.rejects.asked_at)
    manifest = Manifest(
        format=FORMAT, model=model, feature_set=dataset.features.name, catalogue=digest(dataset.features),
        order=encoder.order, codes=dict(encoder.codes), groups=groups_of(dataset.features, cases.matrix, parts.seed),
        typical=typical_of(dataset), slope=slope, intercept=intercept, offset=scale.offset, factor=scale.factor,
        curve=parts.curve, bands=parts.bands, thin=_THIN if "thin" in parts.bands else None,
        kinds=parts.heads.kinds, recovery_fen=parts.heads.recovery_fen,
        base_rate=float(dataset.outcomes.mean()),
        base_rate_population=float(np.average(dataset.outcomes, weights=dataset.weights)),
        trained_until=int(dataset.known_at.max()), snapshot=dataset.snapshot, rows=len(dataset), parameters=kept,
        metrics=parts.metrics.flat(),
    )  # fmt: skip
    heads = {"recovery": parts.heads.recovery, "typology": parts.heads.typology}
    texts = {name: portable(head) for name, head in heads.items() if head is not None}
    return make_bundle(manifest, portable(parts.booster), texts)
