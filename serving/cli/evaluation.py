"""The command `evaluate`: figures of decisions on labelled files, beside what needs no learning."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from data.errors import TooFewLabelsError
from data.mapping import Mapping, apply_mapping, check_columns, load_mapping
from data.readers import open_source
from data.store import Store, open_store
from data.store import decisions as decision_rows
from serving.cli.records import Json
from serving.cli.snapshots import take_snapshot
from serving.cli.terminal import out, print_json, progress
from serving.settings import Settings, read_settings

if TYPE_CHECKING:  # scikit-learn is imported only where figures are made
    from models.bundle import Bundle
    from models.reports.labelled import Labelled, Line
    from models.training.dataset import Dataset


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate_file)


@dataclass(frozen=True, slots=True)
class Wished:
    """What is to stand beside the figures of the decisions.

    Attributes:
        train: the labelled file of training, for the lookup.
        history: whether to refit with and without history features.
        threshold: whether to choose a threshold on forward folds.
        forward: in how many forward folds to train anew, 0 for none.
        violation: the violation that a second model is trained for.
        trials: parameter settings that each training tries.
    """

    train: Path | None
    history: bool
    threshold: bool
    forward: int
    violation: str | None
    trials: int


def evaluate_file(
    path: Annotated[Path, typer.Argument(help="The labelled file that was decided.")],
    mapping: Annotated[str, typer.Option(help="How its columns become records.")],
    train: Annotated[Path | None, typer.Option(help="The labelled file of training: adds the lookup and cold rows.")] = None,
    history: Annotated[bool, typer.Option("--history", help="Also refit with and without history features.")] = False,
    threshold: Annotated[bool, typer.Option("--threshold", help="Also macro-F1, by a threshold from forward folds.")] = False,
    forward: Annotated[int, typer.Option(min=0, help="Also train anew for so many forward folds.")] = 0,
    violation: Annotated[str | None, typer.Option(help="Also train a model of one violation among all.")] = None,
    trials: Annotated[int, typer.Option(min=1, help="Parameter settings that each of these trainings tries.")] = 20,
    json: Json = False,
) -> None:  # fmt: skip
    """Figures of the stored decisions: AUC, average precision, precision and recall at 1/5/10 %, calibration, base rate."""
    wished = Wished(train, history, threshold, forward, violation, trials)
    test = _labelled(path, chosen := load_mapping(mapping))
    lines = _lines(test, _labelled(train, chosen) if train else (), wished)
    if json:
        print_json([{"scored": line.scored, "rows": line.rows, "metrics": line.flat()} for line in lines])
        return
    _print(lines, f"{path.name}: {lines[0].metrics.rows:,} of {len(test):,} rows decided")


def _lines(test: "Sequence[Labelled]", known: "Sequence[Labelled]", wished: Wished) -> "list[Line]":
    from models.champions import champion
    from models.reports.labelled import evaluate
    from models.reports.thresholds import fold_threshold
    from models.reports.typology import typology_line

    settings = read_settings()
    store = open_store(settings.database_url)
    with store.read() as connection:
        bodies = decision_rows.latest_bodies(connection)
        vectors = decision_rows.latest_vectors(connection, "shipment") if wished.violation else {}
    given = {number: body["risk"]["probability"] for number, body in bodies.items() if body["risk"]}
    if not (wished.threshold or wished.violation or wished.history or wished.forward):
        return evaluate(test, given, known)
    with store.read() as connection:
        bundle = champion(connection, "shipment")
    full = _dataset(store, settings, bundle)
    learned = full.rows(full.known_at <= bundle.manifest.trained_until)
    least = fold_threshold(bundle, learned, threads=settings.threads) if wished.threshold else None
    lines = evaluate(test, given, known, threshold=least)
    if wished.violation:
        with progress(f"a model of {wished.violation}") as show:
            lines.append(
                typology_line(
                    learned, wished.violation, test, vectors, given,
                    trials=wished.trials, threads=settings.threads, progress=show,
                )
            )  # fmt: skip
    if wished.history:
        lines += _history(bundle, full, [row.declaration_no for row in test if row.declaration_no in given])
    if wished.forward:
        lines += _forward(full, wished, settings)
    return lines


def _labelled(path: Path, mapping: Mapping) -> "list[Labelled]":
    from models.reports.labelled import Labelled

    rows = []
    source = open_source(path)
    check_columns(mapping, source.columns)
    for line in source.lines:
        if line.values is None:
            continue
        found = {raw["kind"]: raw["payload"] for raw in apply_mapping(mapping, line.values).raws}
        if "declaration" in found and "supervision" in found:
            key = tuple(str(line.values[column]) for column in mapping.lookup)
            outcome = int(found["supervision"]["finding"] == "hit")
            violation = found["supervision"].get("violation")
            rows.append(Labelled(found["declaration"]["declaration_no"], outcome, key, violation))
    return rows


def _dataset(store: Store, settings: Settings, bundle: "Bundle") -> "Dataset":
    """All that the store knows by now, as the champion sees it."""
    from models.training.dataset import shipment_dataset

    taken = take_snapshot(store, settings)
    with progress("computing features") as show:
        return shipment_dataset(bundle.features, taken, taken.digest, progress=show)


def _history(bundle: "Bundle", full: "Dataset", names: Sequence[str]) -> "list[Line]":
    from features.catalogue import feature_set
    from models.reports.labelled import worth_of_history

    facts = full.only(feature_set(f"{full.features.name}-facts"))
    wanted = set(names)
    asked = [at for name, at in zip(full.names, full.asked_at, strict=True) if name in wanted]
    if not asked:
        raise TooFewLabelsError("the store knows no outcome of the decided rows; decide with --outcomes as-known")
    return worth_of_history(bundle, full, names, min(asked), facts)


def _forward(full: "Dataset", wished: Wished, settings: Settings) -> "list[Line]":
    from features.catalogue import feature_set
    from models.reports.forward import forward_lines

    lines: list[Line] = []
    for scored, features in (
        ("with history", full.features),
        ("without history", feature_set(f"{full.features.name}-facts")),
    ):
        with progress(f"forward folds {scored}") as show:
            lines += forward_lines(
                f"forward {scored}", full.only(features),
                folds=wished.forward, trials=wished.trials, threads=settings.threads, progress=show,
            )  # fmt: skip
    return lines


def _print(lines: "Sequence[Line]", title: str) -> None:
    table = Table("figure", *(f"{line.scored}\n{line.rows} rows" for line in lines), title=title)
    columns = [line.flat() for line in lines]
    for name in columns[0]:
        cells = [f"{c[name]:,.0f}" if name == "rows" else f"{c[name]:.4f}" if name in c else "-" for c in columns]
        table.add_row(_shortened(name), *cells)
    out.print(table)


def _shortened(name: str) -> str:
    """A figure's name for a table."""
    for long, short in (
        ("precision_at_", "P@"),
        ("recall_at_", "R@"),
        ("average_precision", "AP"),
        ("pct", " %"),
        ("_", " "),
    ):
        name = name.replace(long, short)
    return name.upper() if name in ("auc", "ece") else name
