"""Explanations beside `shap.TreeExplainer`, exact both: `python -m benchmarks.explanations`.

For LightGBM's trees the explainer calls the very `pred_contrib` that Greenlane calls, so what is compared is what each
puts around it. Greenlane's whole explanation, with groups, whole points and reasons' features, stands beside them on
the champion of the benchmarks' world, where that has been made.
"""

import warnings
from itertools import cycle
from pathlib import Path
from typing import Annotated, Any

import lightgbm
import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.measure import Contender, facts, interleaved, percentile, write_json
from benchmarks.world import FOLDER, copied, is_ready, prepared, seen_vectors

TREES, LEAVES, FEATURES, CATEGORIES, BATCH = 300, 31, 120, 10, 1000
_TOLERANCE = 1e-9


def main(
    folder: Annotated[Path, typer.Option(help="Where the benchmarks' world is kept.")] = FOLDER,
    quick: Annotated[bool, typer.Option("--quick", help="Few rounds: shows that it runs, not how fast.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file.")] = None,
) -> None:
    """Time exact contributions for one row and for a batch beside `shap.TreeExplainer`, on one thread."""
    import shap

    rounds = 20 if quick else 300
    booster, matrix = synthetic(rows=5_000 if quick else 20_000)
    rows, batch = [matrix[n : n + 1] for n in range(500)], matrix[-100 if quick else -BATCH :]
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        explainer = shap.TreeExplainer(booster)
        apart = _difference(booster, explainer, batch)
        single = [
            Contender("pred_contrib (ours)", lambda row: _contributions(booster, row), cycle(rows)),
            Contender("shap.TreeExplainer", explainer.shap_values, cycle(rows)),
            Contender("the score alone", lambda row: booster.predict(row, raw_score=True, num_threads=1), cycle(rows)),
        ]
        many = [
            Contender(single[0].name, lambda rows: _contributions(booster, rows), cycle([batch])),
            Contender(single[1].name, explainer.shap_values, cycle([batch])),
        ]
        interleaved(single, rounds, block=10, warm_up=10)
        interleaved(many, max(3, rounds // 30), block=1, warm_up=1)
        champions = _champion(folder, rounds) if is_ready(folder) else []
    parts = {
        f"one row, {TREES} trees, {LEAVES} leaves, {FEATURES} features": single,
        f"{len(batch)} rows, the same trees": many,
        "one row, the shipment champion": champions,
    }
    figures = {title: _figures(found) for title, found in parts.items() if found}
    _show(figures, apart, without_champion=not champions)
    machine = facts("lightgbm", "shap", "numpy")
    write_json(json_file, {"machine": machine, "rounds": rounds, "largest_difference": apart, "microseconds": figures})


def synthetic(rows: int, seed: int = 7) -> tuple[lightgbm.Booster, np.ndarray[Any, Any]]:
    """A booster of the shape that is compared, and its matrix of shape (rows, features), categories first."""
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(rows, FEATURES))
    matrix[:, :CATEGORIES] = generator.integers(0, 40, size=(rows, CATEGORIES))
    matrix[generator.random(matrix.shape) < 0.05] = np.nan
    known = np.nan_to_num(matrix)
    margin = known[:, CATEGORIES:] @ generator.normal(0, 0.3, FEATURES - CATEGORIES) + np.sin(known[:, 0])
    outcomes = (generator.random(rows) < 1 / (1 + np.exp(-margin))).astype(int)
    parameters = {
        "objective": "binary", "num_leaves": LEAVES, "learning_rate": 0.05, "min_data_in_leaf": 20, "seed": seed,
        "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1,
    }  # fmt: skip
    data = lightgbm.Dataset(matrix, outcomes, categorical_feature=list(range(CATEGORIES)), params={"verbosity": -1})
    return lightgbm.train(parameters, data, num_boost_round=TREES), matrix


def _contributions(booster: lightgbm.Booster, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(booster.predict(rows, pred_contrib=True, num_threads=1))


def _difference(booster: lightgbm.Booster, explainer: Any, rows: np.ndarray[Any, Any]) -> float:
    """The largest difference between both, which must be none; both must add up to the score."""
    ours, theirs = _contributions(booster, rows), np.asarray(explainer.shap_values(rows))
    apart = float(np.abs(ours[:, :-1] - theirs).max())
    from_score = float(np.abs(ours.sum(axis=1) - booster.predict(rows, raw_score=True, num_threads=1)).max())
    if max(apart, from_score) > _TOLERANCE:
        raise SystemExit(f"explanations differ: {apart:.2e} from each other, {from_score:.2e} from the score")
    return apart


def _champion(folder: Path, rounds: int) -> list[Contender]:
    """The whole explanation on a real champion and real vectors, beside its core and beside the explainer."""
    import shap

    scorer, vectors = seen_vectors(copied(prepared(folder)), "shipment")
    encoder, explainer = scorer.bundle.encoder, shap.TreeExplainer(scorer.booster)
    found = [
        Contender("Scorer.explain (ours)", scorer.explain, cycle(vectors)),
        Contender(
            "pred_contrib alone", lambda row: _contributions(scorer.booster, row), cycle(map(encoder.row, vectors))
        ),
        Contender("shap.TreeExplainer", explainer.shap_values, cycle(map(encoder.row, vectors))),
    ]
    interleaved(found, rounds, block=10, warm_up=10)
    return found


def _figures(contenders: list[Contender]) -> dict[str, dict[str, float]]:
    theirs = next(percentile(c.samples, 0.5) for c in contenders if c.name == "shap.TreeExplainer")
    return {
        c.name: {
            "p50": (own := percentile(c.samples, 0.5)), "p99": percentile(c.samples, 0.99), "ratio_to_shap": own / theirs
        }
        for c in contenders
    }  # fmt: skip


def _show(figures: dict[str, dict[str, dict[str, float]]], apart: float, *, without_champion: bool) -> None:
    table = Table("", "p50 µs", "p99 µs", "p50 / shap's", title="exact contributions on one thread, in turns")
    for column in table.columns[1:]:
        column.justify = "right"
    for title, lines in figures.items():
        table.add_section()
        table.add_row(f"[bold]{title}[/]")
        for name, own in lines.items():
            table.add_row(f"  {name}", f"{own['p50']:,.0f}", f"{own['p99']:,.0f}", f"{own['ratio_to_shap']:.2f}")
    console = Console(highlight=False)
    console.print(table)
    console.print(f"largest difference between both: {apart:.1e} (in log-odds)")
    if without_champion:
        console.print("The champion's line needs the benchmarks' world: python -m benchmarks.decisions makes it.")


if __name__ == "__main__":
    typer.run(main)
