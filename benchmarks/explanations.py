"""Exact explanations beside `shap.TreeExplainer`, LightGBM's `pred_contrib` and peers: `python -m benchmarks.explanations`.

For LightGBM's trees shap's explainer calls `pred_contrib`. WOODELF and Fast TreeSHAP take no categorical splits, so they stand in
a table of their own, where all features are numbers; each runs in an environment and a process of its own, asked through a pipe
(some 30 µs a call). Greenlane's whole explanation, with groups, whole points and reasons' features, stands beside all on the
champion of the benchmarks' world, where that has been made.
"""

import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Annotated, Any

import lightgbm
import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.environments import FOLDER as BENCH
from benchmarks.environments import ROOT, NotFinishedError, python_of
from benchmarks.measure import Contender, facts, interleaved, percentile, write_json
from benchmarks.world import FOLDER, copied, is_ready, prepared, seen_vectors
from models.contributions.explainer import Contributions

TREES, LEAVES, FEATURES, CATEGORIES, BATCH = 300, (31, 63), 120, 10, 1000
SHAP = "shap.TreeExplainer"
PINS = {
    "woodelf": ("woodelf-explainer==0.4.8", "lightgbm==4.7.0", "numpy==2.4.6", "pandas==3.1.1"),
    "fasttreeshap": ("fasttreeshap==0.1.6", "lightgbm==4.7.0", "numpy==1.23.5", "pandas==1.5.3", "scikit-learn==1.2.2",
                     "numba==0.57.1"),
}  # fmt: skip
"""What each peer's environment holds."""
_TOLERANCE = 1e-12
"""Of the greatest absolute margin of the rows."""
Matrix = np.ndarray[Any, Any]


def main(
    folder: Annotated[Path, typer.Option(help="Where the benchmarks' world is kept.")] = FOLDER,
    peers: Annotated[
        bool, typer.Option(help="Whether WOODELF and Fast TreeSHAP run too, installed on first use.")
    ] = True,
    quick: Annotated[bool, typer.Option("--quick", help="Few rounds: shows that it runs, not how fast.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file.")] = None,
) -> None:
    """Time exact contributions for one row and for a batch beside `shap.TreeExplainer`, on one thread."""
    rounds = 20 if quick else 300
    parts: dict[str, list[Contender]] = {}
    apart: dict[str, float] = {}
    remarks: list[str] = []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for leaves in LEAVES:
            booster, matrix = synthetic(5_000 if quick else 20_000, leaves)
            title = f"{TREES} trees, {leaves} leaves, {FEATURES} features, {CATEGORIES} categorical"
            apart[title] = _difference(booster, matrix[-BATCH:])
            rows, batch = _contenders(booster, matrix)
            interleaved(rows, rounds, block=10, warm_up=10)
            interleaved(batch, max(3, rounds // 60), block=1, warm_up=1)
            parts |= {f"one row, {title}": rows, f"{BATCH} rows, {title}": batch}
        if peers:
            parts |= _beside_peers(rounds, quick, remarks)
        if is_ready(folder):
            parts["one row, the shipment champion"] = _champion(folder, rounds)
        else:
            remarks.append("the champion's lines need the benchmarks' world: python -m benchmarks.decisions makes it")
    figures = {title: _figures(found) for title, found in parts.items()}
    _show(figures, apart, remarks)
    write_json(
        json_file,
        {
            "machine": facts("lightgbm", "shap", "numpy", "numba"), "rounds": rounds, "pins": PINS, "remarks": remarks,
            "largest_difference": apart, "microseconds": figures,
        },
    )  # fmt: skip


def synthetic(rows: int, leaves: int, seed: int = 7, *, categorical: bool = True) -> tuple[lightgbm.Booster, Matrix]:
    """A booster of the shape that is compared, and its matrix of shape (rows, features), categories first."""
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(rows, FEATURES))
    matrix[:, :CATEGORIES] = generator.integers(0, 40, size=(rows, CATEGORIES))
    matrix[generator.random(matrix.shape) < 0.05] = np.nan
    known = np.nan_to_num(matrix)
    margin = known[:, CATEGORIES:] @ generator.normal(0, 0.3, FEATURES - CATEGORIES) + np.sin(known[:, 0])
    outcomes = (generator.random(rows) < 1 / (1 + np.exp(-margin))).astype(int)
    parameters = {
        "objective": "binary", "num_leaves": leaves, "learning_rate": 0.05, "min_data_in_leaf": 20, "seed": seed,
        "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1,
    }  # fmt: skip
    categories = list(range(CATEGORIES)) if categorical else []
    data = lightgbm.Dataset(matrix, outcomes, categorical_feature=categories, params={"verbosity": -1})
    return lightgbm.train(parameters, data, num_boost_round=TREES), matrix


def _by_lightgbm(booster: lightgbm.Booster, rows: Matrix) -> Matrix:
    return np.asarray(booster.predict(rows, pred_contrib=True, num_threads=1))


def _contenders(booster: lightgbm.Booster, matrix: Matrix) -> tuple[list[Contender], list[Contender]]:
    """Those of one row, and those of a batch."""
    import shap

    contributions, explainer = Contributions(booster.model_to_string()), shap.TreeExplainer(booster)
    rows, batch = [matrix[n : n + 1] for n in range(500)], matrix[-BATCH:]
    explainers: list[tuple[str, Callable[[Matrix], object]]] = [
        ("Contributions (ours)", contributions.rows),
        ("pred_contrib", lambda rows: _by_lightgbm(booster, rows)),
        (SHAP, explainer.shap_values),
    ]
    margins: list[tuple[str, Callable[[Matrix], object]]] = [
        ("the score alone (ours)", lambda rows: contributions.margin(rows[0])),
        ("the score alone, Booster.predict", lambda rows: booster.predict(rows, raw_score=True, num_threads=1)),
    ]
    return (
        [Contender(name, call, cycle(rows)) for name, call in explainers + margins],
        [Contender(name, call, cycle([batch])) for name, call in explainers],
    )


def _difference(booster: lightgbm.Booster, rows: Matrix) -> float:
    """The largest difference between ours and shap's, which must be no more than rounding; all must add up to the score."""
    import shap

    contributions = Contributions(booster.model_to_string())
    ours, theirs = contributions.rows(rows), np.asarray(shap.TreeExplainer(booster).shap_values(rows))
    margins = np.asarray(booster.predict(rows, raw_score=True, num_threads=1))
    apart, allowed = float(np.abs(ours[:, :-1] - theirs).max()), _TOLERANCE * float(np.abs(margins).max())
    from_score = float(np.abs(ours.sum(axis=1) - margins).max())
    if max(apart, from_score) > allowed or any(
        contributions.margin(row) != m for row, m in zip(rows, margins, strict=True)
    ):
        raise SystemExit(f"explanations differ: {apart:.2e} from each other, {from_score:.2e} from the score")
    return apart


def _beside_peers(rounds: int, quick: bool, remarks: list[str]) -> dict[str, list[Contender]]:
    """The same data with all features as numbers. What cannot be installed or does not run leaves a remark."""
    booster, matrix = synthetic(5_000 if quick else 20_000, LEAVES[0], categorical=False)
    BENCH.mkdir(parents=True, exist_ok=True)
    model, rows = BENCH / "explained.txt", BENCH / "explained.npy"
    booster.save_model(model)
    np.save(rows, matrix)
    _difference(booster, matrix[-BATCH:])
    ones, many = (part[:3] for part in _contenders(booster, matrix))
    batch = (len(matrix) - BATCH, len(matrix))
    with _peer("fasttreeshap", model, rows, remarks) as fast, _peer("woodelf", model, rows, remarks) as wood:
        if fast is not None:
            ones.append(Contender("fasttreeshap", fast, cycle((n, n + 1) for n in range(500))))
            many.append(Contender("fasttreeshap", fast, cycle([batch])))
        if wood is not None:
            many.append(Contender("woodelf-explainer", wood, cycle([batch])))
        interleaved(ones, rounds, block=10, warm_up=10)
        interleaved(many, 3, block=1, warm_up=1)
    title = f"{TREES} trees, {LEAVES[0]} leaves, {FEATURES} features, all of them numbers"
    return {f"one row, {title}": ones, f"{BATCH} rows, {title}": many}


@contextmanager
def _peer(
    name: str, model: Path, rows: Path, remarks: list[str]
) -> Iterator[Callable[[tuple[int, int]], object] | None]:
    """A peer's process, as a function of the first row and the one after the last; nothing where it does not run."""
    try:
        python = python_of(name, PINS[name])
    except NotFinishedError as failure:
        remarks.append(f"{name}: {failure}")
        yield None
        return
    command = [python, "-W", "ignore", "-m", "benchmarks.explanation_peer", name, model, rows]
    pipes: dict[str, Any] = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.DEVNULL,
        "text": True,
    }
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, answered = process.stdin, process.stdout

        def explain(span: tuple[int, int]) -> None:
            asked.write(f"{span[0]} {span[1]}\n")
            asked.flush()
            if not answered.readline():
                raise SystemExit(f"{name} stopped explaining")

        said = answered.readline()
        remarks.append(f"{name}: {float(said):.1e} from pred_contrib" if said else f"{name}: it does not run")
        yield explain if said else None
        asked.close()


def _champion(folder: Path, rounds: int) -> list[Contender]:
    """The whole explanation on a real champion and real vectors, beside its core and beside the explainer."""
    import shap

    scorer, vectors = seen_vectors(copied(prepared(folder)), "shipment")
    encoder, explainer = scorer.bundle.encoder, shap.TreeExplainer(scorer.booster)
    contributions = Contributions(scorer.bundle.trees)
    found = [
        Contender("Scorer.explain (ours)", scorer.explain, cycle(vectors)),
        Contender("Contributions (ours)", contributions.rows, cycle(map(encoder.row, vectors))),
        Contender("pred_contrib", lambda row: _by_lightgbm(scorer.booster, row), cycle(map(encoder.row, vectors))),
        Contender(SHAP, explainer.shap_values, cycle(map(encoder.row, vectors))),
    ]
    interleaved(found, rounds, block=10, warm_up=10)
    return found


def _figures(contenders: list[Contender]) -> dict[str, dict[str, float]]:
    theirs = next(percentile(c.samples, 0.5) for c in contenders if c.name == SHAP)
    return {
        c.name: {
            "fastest": min(c.samples) / 1000, "p50": percentile(c.samples, 0.5), "p99": percentile(c.samples, 0.99),
            "times_shaps_speed": theirs / percentile(c.samples, 0.5),
        }
        for c in contenders
    }  # fmt: skip


def _show(figures: dict[str, dict[str, dict[str, float]]], apart: dict[str, float], remarks: list[str]) -> None:
    table = Table(
        "", "fastest µs", "p50 µs", "p99 µs", "times shap's speed", title="exact contributions on one thread, in turns"
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for title, lines in figures.items():
        table.add_section()
        table.add_row(f"[bold]{title}[/]")
        for name, own in lines.items():
            times = [f"{own[of]:,.0f}" for of in ("fastest", "p50", "p99")]
            table.add_row(f"  {name}", *times, f"{own['times_shaps_speed']:.2f}")
    console = Console(highlight=False)
    console.print(table)
    for title, difference in apart.items():
        console.print(f"ours and shap's differ by {difference:.1e} at most (log-odds): {title}")
    for remark in remarks:
        console.print(remark)


if __name__ == "__main__":
    typer.run(main)
