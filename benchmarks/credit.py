"""The credit model on outcomes that matured after it was trained: `python -m benchmarks.credit`.

Simulated worlds go through intake into snapshots. A model learns from what was known at a moment, as `greenlane train credit
--until` would; every question asked after it is judged by what inspections had found when its window had passed.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.measure import facts, write_json
from data.importing import import_paths
from data.records import utc_now
from data.simulator import load_parameters, simulate, write_world
from data.snapshots import Snapshot
from data.store import open_store
from data.times import DAY
from features.catalogue import feature_set
from models.evaluation.intervals import Estimate, bootstrap, places_of
from models.evaluation.reliability import reliability
from models.evaluation.weighted import Ranking, figures
from models.training.dataset import Dataset, dataset_of
from models.training.train import train
from models.training.tuning import Budget
from serving.cli.snapshots import take_snapshot
from serving.reading import open_reading
from serving.settings import Settings

Floats = NDArray[np.float64]


def main(
    seeds: Annotated[int, typer.Option(help="How many worlds.")] = 3,
    firms: Annotated[int, typer.Option(help="Firms of a world.")] = 1_000,
    days: Annotated[int, typer.Option(help="Days of a world.")] = 720,
    judged_days: Annotated[int, typer.Option(help="How many of its last days are asked about after training.")] = 270,
    trials: Annotated[int, typer.Option(help="Parameter settings to try.")] = 20,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file.")] = None,
) -> None:
    """Discrimination and calibration of the credit model on later questions, world by world and over all."""
    shown = Table("world", "learned from", "judged", "base rate", "AUC", "ECE", "ECE less chance", title="credit model")
    lines, outcomes, said, names = [], [], [], []
    for seed in track(range(1, seeds + 1), "worlds", transient=True):
        learned, later, probabilities = _forward(seed, firms, days, judged_days, trials)
        outcomes.append(later.outcomes)
        said.append(probabilities)
        names.append(np.array([f"{seed}/{name}" for name in later.enterprises], dtype=object))
        lines.append(_line(str(seed), learned, outcomes[-1], said[-1], names[-1]))
    whole = [np.concatenate(parts) for parts in (outcomes, said, names)]
    lines.append(_line("all", sum(line["learned"] for line in lines), *whole))
    for line in lines:
        shown.add_row(
            line["world"], f"{line['learned']:,}", f"{line['judged']:,}", f"{line['base_rate']:.3f}",
            *(f"{e['value']:.3f} ({e['low']:.3f}-{e['high']:.3f})" for e in (line["auc"], line["ece"], line["ece_debiased"])),
        )  # fmt: skip
    Console().print(shown)
    write_json(json_file, {"machine": facts("lightgbm", "optuna"), "worlds": lines})


def _forward(seed: int, firms: int, days: int, judged_days: int, trials: int) -> tuple[int, Dataset, Floats]:
    """How many questions a model learned from, those asked later, and its probabilities for them."""
    parameters = load_parameters(seed=seed, firms=firms, days=days, pending_days=0)
    with TemporaryDirectory() as name:
        snapshot = _snapshot(Path(name), parameters)
        features, split = feature_set("credit"), parameters.end - judged_days * DAY
        whole = dataset_of(features, snapshot, snapshot.digest)
        known = dataset_of(features, snapshot, snapshot.digest, until=split)
    trained = train("credit", known, budget=Budget(trials))
    later = whole.rows(whole.asked_at >= split)
    margins = trained.bundle.encoder.rows(later.columns)
    import lightgbm

    said = np.asarray(lightgbm.Booster(model_str=trained.bundle.trees).predict(margins, raw_score=True, num_threads=1))
    return len(known), later, trained.bundle.manifest.curve.probabilities(said)


def _snapshot(folder: Path, parameters: object) -> Snapshot:
    settings = Settings(var=folder, database=f"sqlite:///{folder / 'world.db'}")
    write_world(simulate(parameters), folder / "world")  # type: ignore[arg-type]
    store = open_store(settings.database_url)
    import_paths(store, [folder / "world" / "records"], None, reading=open_reading(store, settings, now=utc_now()))
    taken = take_snapshot(store, settings)
    store.close()
    return taken


def _line(
    world: str, learned: int, outcomes: NDArray[np.int64], said: Floats, names: NDArray[np.object_]
) -> dict[str, object]:
    ranking, ones, firms = Ranking.of(said), np.ones(len(said)), places_of(names)
    draws = bootstrap(lambda weights: figures(ranking, outcomes, said, weights), ones, firms)
    found = reliability(outcomes, said, ones, firms)
    estimates = {
        "auc": draws["auc"].percentile(), "ece_debiased": found.error,
        "ece": Estimate(found.ece, found.error.low, found.error.high),
    }  # fmt: skip
    return {
        "world": world, "learned": learned, "judged": len(said), "base_rate": float(outcomes.mean()),
        **{name: {"value": e.value, "low": e.low, "high": e.high} for name, e in estimates.items()},
    }  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
