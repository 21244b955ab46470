"""The command of the data scientist: train."""

from dataclasses import dataclass
from time import perf_counter
from typing import Annotated

import typer
from rich.table import Table

from data.errors import ModelError
from data.snapshots import Snapshot
from data.store import Store, open_store
from data.times import OPEN
from serving.cli.cluster import client_of
from serving.cli.promotion import ModelName, demand_trial, promote_trained
from serving.cli.records import Json, Until, instant_of
from serving.cli.snapshots import named_snapshot, take_snapshot
from serving.cli.terminal import out, print_json, progress
from serving.settings import Settings, read_settings

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
) -> Outcome:
    """Train on a snapshot, log the run to MLflow, and make it champion where asked to, on trial.

    Arguments:
        store: takes the bundle of a new champion; no record is read from it.
        trials, minutes: when tuning ends.
        study: the name of a shared study in the database of studies.
        refits: how often to refit on other samples, to see whether reasons stay.
        scheduler: the address of a Dask scheduler.
    Raises:
        PromotionError: where it is to be champion and the store is in production.
    """
    from features.catalogue import feature_set
    from models.registry import load_config, log_run
    from models.training.dataset import dataset_of
    from models.training.train import train
    from models.training.tuning import Budget

    if promote:
        demand_trial(store, settings)
    config = load_config(settings.mlflow_config)
    chosen = feature_set(features)
    if (chosen.about == "enterprise") != (model == "credit"):
        raise ModelError(f"feature set {features!r} is about a {chosen.about}; it does not fit the {model} model")
    begin = perf_counter()
    with progress(f"{model}: computing features") as show:
        dataset = dataset_of(chosen, snapshot, snapshot.digest, until=until, progress=show)
    of_features = perf_counter() - begin
    budget = Budget(trials, minutes, config.studies_uri if study else None, f"{model}-{study}" if study else "")
    with progress(f"{model}: training on {len(dataset):,} rows") as show, client_of(scheduler) as cluster:
        trained = train(
            model, dataset, budget=budget, seed=seed, threads=settings.threads, refits=refits, cluster=cluster,
            progress=lambda _what, done, total: show(done, total),
        )  # fmt: skip
    logged = log_run(config, trained)
    if promote:
        promote_trained(store, settings, model, logged.version)
    seconds = {"features": of_features, **trained.seconds, "whole run": perf_counter() - begin}
    return Outcome(logged.run_id, logged.name, logged.version, trained.bundle.digest, trained.metrics.flat(), seconds)


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
    )
    if json:
        print_json(
            {
                "run_id": outcome.run_id,
                "version": outcome.version,
                "digest": outcome.digest,
                "metrics": outcome.metrics,
                "seconds": outcome.seconds,
            }
        )
        return
    table = Table(
        "figure", "forward folds", title=f"{outcome.name} version {outcome.version}{' (champion)' if promote else ''}"
    )
    for name, value in outcome.metrics.items():
        table.add_row(name, f"{value:,.0f}" if name == "rows" else f"{value:.4f}")
    out.print(table)
    out.print(f"bundle {outcome.digest[:16]}…  run {outcome.run_id}  (mlflow ui --backend-store-uri … shows plots)")
