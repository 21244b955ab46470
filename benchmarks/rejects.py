"""Does it help to learn from what nobody inspected? `python -m benchmarks.rejects`.

In simulated worlds a model learns from the inspections of the first three quarters, once from their outcomes alone and once
with reject inference; both are judged by the truth of every later declaration, inspected or not. Each has settings of its own.
"""

from pathlib import Path
from statistics import mean
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from benchmarks.forward import FIRST_PART, margins_of, midnight_at, versions_of
from benchmarks.measure import facts, write_json
from data.layout import VersionTables
from data.simulator import load_parameters, simulate
from features.batch import matrix_of
from features.catalogue import feature_set
from features.questions import about_shipment
from models.explain import Scorer
from models.training.dataset import shipment_dataset
from models.training.rejects import rejects_of
from models.training.train import train
from models.training.tuning import Budget

_FIGURES = {"auc": roc_auc_score, "average precision": average_precision_score, "brier": brier_score_loss}


def main(
    seeds: Annotated[int, typer.Option(help="How many worlds.")] = 8,
    first: Annotated[int, typer.Option(help="The first of their seeds.")] = 101,
    rejects: Annotated[int, typer.Option(help="How many uninspected shipments to learn from.")] = 4_000,
    trials: Annotated[int, typer.Option(help="Parameter settings to try for each model.")] = 10,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file.")] = None,
) -> None:
    """Figures on the truth of later declarations, with and without reject inference, world by world."""
    worlds = {}
    for seed in track(range(first, first + seeds), "worlds", transient=True):
        worlds[seed] = _compared(seed, rejects, trials)
    shown = Table("world", *(f"{figure}\n{way}" for figure in _FIGURES for way in ("outcomes alone", "with rejects")))
    for seed, ways in worlds.items():
        shown.add_row(str(seed), *(f"{ways[way][figure]:.4f}" for figure in _FIGURES for way in ("alone", "rejects")))
    shown.add_row(
        "mean",
        *(
            f"{mean(w[way][figure] for w in worlds.values()):.4f}"
            for figure in _FIGURES
            for way in ("alone", "rejects")
        ),
    )
    Console().print(shown)
    ahead = [ways["rejects"]["auc"] - ways["alone"]["auc"] for ways in worlds.values()]
    error = float(np.std(ahead, ddof=1) / np.sqrt(len(ahead))) if len(ahead) > 1 else float("nan")
    Console().print(
        f"AUC with rejects ahead by {mean(ahead):+.4f}, standard error {error:.4f}, worst {min(ahead):+.4f}"
    )
    write_json(json_file, {"machine": facts("lightgbm", "optuna"), "worlds": worlds})


def _compared(seed: int, most: int, trials: int) -> dict[str, dict[str, float]]:
    parameters = load_parameters(seed=seed)
    world = simulate(parameters)
    versions = versions_of(world)
    truth = {row["declaration_no"]: row["is_violation"] for row in world.truth.to_pylist()}
    split = midnight_at(parameters, FIRST_PART)
    features, source = feature_set("shipment"), VersionTables(versions)
    declared = [v.record for v in versions if v.record.kind == "declaration" and v.record.action == "new"]
    later = [record for record in declared if record.known_at >= split]
    outcomes = np.array([truth[record.payload["declaration_no"]] for record in later], dtype=np.int64)
    asked = matrix_of(features, versions, [about_shipment(record) for record in later])
    dataset = shipment_dataset(features, source, "rejects", until=split)
    drawn = rejects_of(features, source, most, until=split)
    bundles = {
        "alone": train("shipment", dataset, budget=Budget(trials)).bundle,
        "rejects": train("shipment", dataset, budget=Budget(trials), rejects=drawn).bundle,
    }
    said = {
        way: bundle.manifest.curve.probabilities(margins_of(Scorer(bundle), asked)) for way, bundle in bundles.items()
    }
    return {
        way: {name: float(figure(outcomes, chances)) for name, figure in _FIGURES.items()}
        for way, chances in said.items()
    }


if __name__ == "__main__":
    typer.run(main)
