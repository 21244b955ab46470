"""The command of the data scientist: train."""

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from data.errors import CreditRiskError, ModelError
from data.snapshots import Snapshot
from data.store import Store, open_store
from data.times import OPEN
from serving.cli.cluster import client_of
from serving.cli.promotion import ModelName, demand_trial, promote_trained
from serving.cli.records import Json, Until, instant_of
from serving.cli.snapshots import named_snapshot, take_snapshot
from serving.cli.terminal import out, print_json, progress
from serving.settings import Settings, read_settings

if TYPE_CHECKING:
    from features.batch import Feeds
    from features.definitions import FeatureSet
    from models.reports.evidence import Floats
    from models.training.train import Trained

_IN_MEMORY = 1_000_000
"""Of a snapshot with more versions than these, features are computed from files."""
_MEMORY_MB = 1_000
"""For their rows at work."""
_COMPARED = 400
"""How many cases' reasons are compared with the champion's."""
_SNAPSHOT_HELP = "The snapshot to train on: its id, or its folder. Without it, one is taken now."


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("train")(train_model)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training run gave."""

    run_id: str
    name: str
    version: str
    digest: str
    metrics: dict[str, float]
    seconds: dict[str, float]
    report: Path


def train_and_log(
    store: Store,
    settings: Settings,
    snapshot: Snapshot,
    model: str,
    features: str,
    *,
    until: int = OPEN,
    trials: int,
    promote: bool,
    minutes: float | None = None,
    study: str | None = None,
    seed: int = 7,
    refits: int = 0,
    scheduler: str | None = None,
    challengers: bool = False,
    reject_inference: int = 0,
) -> Outcome:
    """Train on a snapshot, log the run to MLflow, and make it champion where asked to, on trial.

    Arguments:
        store: takes the bundle of a new champion; no record is read from it.
        trials, minutes: when tuning ends.
        study: the name of a shared study in the database of studies.
        refits: how often to refit on other samples, to see whether reasons stay.
        scheduler: the address of a Dask scheduler.
        challengers: whether a scorecard and rules are to stand beside the model.
        reject_inference: how many uninspected shipments to learn from as well; 0 for none.
    Raises:
        PromotionError: where it is to be champion and the store is in production.
        ModelError: where the features do not fit the model, or rejects cannot be learned from.
    """
    from features.catalogue import feature_set
    from models.registry import load_config, log_run
    from models.reports.evidence import evidence_of
    from models.reports.report import write_report
    from models.training.dataset import dataset_of
    from models.training.rejects import demand_inferable, rejects_of
    from models.training.train import train
    from models.training.tuning import Budget

    if promote:
        demand_trial(store, settings)
    config = load_config(settings.mlflow_config)
    chosen = feature_set(features)
    if (chosen.about == "enterprise") != (model == "credit"):
        raise ModelError(f"feature set {features!r} is about a {chosen.about}; it does not fit the {model} model")
    if reject_inference:
        demand_inferable(chosen, is_clustered=scheduler is not None)
    begin = perf_counter()
    feeds = _feeds(settings, snapshot, chosen) if sum(snapshot.manifest.rows.values()) > _IN_MEMORY else None
    with progress(f"{model}: computing features") as show:
        dataset = dataset_of(chosen, snapshot, snapshot.digest, until=until, feeds=feeds, progress=show)
    rejects = None
    if reject_inference:
        with progress(f"{model}: uninspected shipments") as show:
            rejects = rejects_of(
                chosen, snapshot, reject_inference, seed=seed, until=until, feeds=feeds, progress=show
            )  # fmt: skip
    of_features = perf_counter() - begin
    budget = Budget(trials, minutes, config.studies_uri if study else None, f"{model}-{study}" if study else "")
    with progress(f"{model}: training on {len(dataset):,} rows") as show, client_of(scheduler) as cluster:
        trained = train(
            model, dataset, budget=budget, seed=seed, threads=settings.threads, refits=refits, rejects=rejects,
            cluster=cluster, progress=lambda _what, done, total: show(done, total),
        )  # fmt: skip
    others: dict[str, Floats] = {}
    if challengers:
        from models.challengers.compare import compare

        with progress(f"{model}: scorecard and rules") as show:
            others = compare(dataset, trained.folds, progress=show)
    with progress(f"{model}: report"):
        churned, beside = _churn(store, trained)
        evidence = evidence_of(trained, others, reason_churn=churned, threads=settings.threads)
        seconds = {"features": of_features, **trained.seconds, "until the report": perf_counter() - begin}
        folder = settings.var / "reports" / f"{model}-{trained.bundle.digest[:12]}"
        reports = write_report(trained, folder, others, seconds, evidence=evidence)
        logged = log_run(config, trained, figures=evidence.figures, reports=reports, beside=beside)
    if promote:
        promote_trained(store, settings, model, logged.version)
    seconds["whole run"] = perf_counter() - begin
    digest, metrics = trained.bundle.digest, {**trained.metrics.flat(), **evidence.figures}
    return Outcome(logged.run_id, logged.name, logged.version, digest, metrics, seconds, reports[0])


def _feeds(settings: Settings, snapshot: Snapshot, features: "FeatureSet") -> "Feeds":
    """Feeds on disk, kept for the next training on the same snapshot."""
    from features.prepared import found_or_prepared

    folder = settings.var / "features" / snapshot.digest[:16]
    with progress(f"{features.name}: preparing") as show:
        found, _ = found_or_prepared(
            features.measures, snapshot, folder, features.name,
            memory_mb=_MEMORY_MB, workers=2, digest=snapshot.digest, progress=show,
        )  # fmt: skip
    return found


def _churn(store: Store, trained: "Trained") -> tuple[float | None, str | None]:
    """How many main reasons the present champion would not have given, and its digest; None where there is none to compare."""
    from models.champions import champion
    from models.training.stability import churn

    try:
        with store.read() as connection:
            present = champion(connection, trained.bundle.manifest.model)
        rows = trained.dataset.take(trained.folded.rows[-_COMPARED:])
        matrices = [bundle.encoder.rows(rows.columns) for bundle in (trained.bundle, present)]
    except (CreditRiskError, KeyError):  # none yet, one of another version, or one that asks for other features
        return None, None
    return churn(trained.bundle, present, *matrices), present.digest


def train_model(
    model: ModelName,
    features: Annotated[str | None, typer.Option(help="Feature set; by default the model's own.")] = None,
    snapshot: Annotated[str | None, typer.Option(help=_SNAPSHOT_HELP)] = None,
    until: Until = None,
    trials: Annotated[
        int, typer.Option(min=1, help="Parameter settings to try, of all processes of a study together.")
    ] = 20,
    minutes: Annotated[float | None, typer.Option(min=0, help="Begin no new setting after so long.")] = None,
    study: Annotated[str | None, typer.Option(help="Share or go on with the tuning study of this name.")] = None,
    refits: Annotated[
        int, typer.Option(min=0, help="Refit so often on other samples, to see whether reasons stay.")
    ] = 8,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler that tunes and fits; needs --study.")
    ] = None,
    challengers: Annotated[
        bool, typer.Option(help="Put a scorecard and plain rules beside it, on the same folds.")
    ] = True,
    reject_inference: Annotated[
        int, typer.Option(min=0, help="Also learn from so many uninspected shipments, as a first model sees them.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="The same seed and data give the same model.")] = 7,
    promote: Annotated[bool, typer.Option("--promote", help="Make it the champion, on trial.")] = False,
    json: Json = False,
) -> None:
    """Tune, calibrate and train a model; log the run, its plots and its bundle to MLflow."""
    settings = read_settings()
    store = open_store(settings.database_url)
    taken = named_snapshot(settings, snapshot) if snapshot else take_snapshot(store, settings)
    outcome = train_and_log(
        store,
        settings,
        taken,
        model,
        features or model,
        until=instant_of(until),
        trials=trials,
        minutes=minutes,
        study=study,
        promote=promote,
        seed=seed,
        refits=refits,
        scheduler=scheduler,
        challengers=challengers,
        reject_inference=reject_inference,
    )
    if json:
        print_json(
            {
                "run_id": outcome.run_id, "version": outcome.version, "digest": outcome.digest, "metrics": outcome.metrics,
                "seconds": outcome.seconds, "report": str(outcome.report),
            }
        )  # fmt: skip
        return
    title = f"{outcome.name} version {outcome.version}{' (champion)' if promote else ''}: figures on forward folds"
    table = Table("figure", *_VIEWS.values(), title=title, caption="in brackets: 95 %, by resampling enterprises")
    for name, shown in _FIGURES.items():
        table.add_row(shown, *(_estimate(outcome.metrics, name, view) for view in _VIEWS))
    out.print(table)
    for name in ("scorecard", "rules"):
        if f"auc_{name}" in outcome.metrics:
            ahead = _estimate(outcome.metrics, f"auc_ahead_of_{name}", "")
            out.print(f"{name}: AUC {outcome.metrics[f'auc_{name}']:.3f}; the model is ahead by {ahead}")
    if "reasons_kept" in outcome.metrics:
        out.print(
            f"{outcome.metrics['reasons_kept']:.0%} of the main reasons stay when the model is fitted on other samples"
        )
    out.print(f"report {outcome.report}\nbundle {outcome.digest[:16]}…  run {outcome.run_id}")


_VIEWS = {"": "inspected", "population": "what they stand for", "cold_firms": "firms not learned of"}
_FIGURES = {
    "rows": "rows", "base_rate": "share of violations", "auc": "AUC", "average_precision": "average precision",
    "precision_at_5pct": "precision at 5 %", "precision_at_10pct": "precision at 10 %", "ece": "calibration error",
    "ece_debiased": "the same less what chance adds", "brier": "Brier score",
}  # fmt: skip


def _estimate(metrics: dict[str, float], name: str, view: str) -> str:
    """A figure with its interval, where there is one."""
    key = f"{name}_{view}" if view else name
    if key not in metrics:
        return "-"
    if name == "rows":
        return f"{metrics[key]:,.0f}"
    bounds = f" ({metrics[f'{key}_low']:.3f}-{metrics[f'{key}_high']:.3f})" if f"{key}_low" in metrics else ""
    return f"{metrics[key]:.3f}{bounds}"
