"""The command `evaluate`: figures of decisions on labelled files, beside what needs no learning."""

from collections.abc import Sequence
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
    from models.reports.labelled import Labelled, Line


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate_file)


def evaluate_file(
    path: Annotated[Path, typer.Argument(help="The labelled file that was decided.")],
    mapping: Annotated[str, typer.Option(help="How its columns become records.")],
    train: Annotated[Path | None, typer.Option(help="The labelled file of training: adds the lookup and cold rows.")] = None,
    history: Annotated[bool, typer.Option("--history", help="Also refit with and without history features.")] = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Figures of the stored decisions: AUC, average precision, precision and recall at 1/5/10 %, calibration, base rate."""
    from models.reports.labelled import evaluate

    chosen = load_mapping(mapping)
    settings = read_settings()
    store = open_store(settings.database_url)
    with store.read() as connection:
        bodies = decision_rows.latest_bodies(connection)
    probabilities = {number: body["risk"]["probability"] for number, body in bodies.items() if body["risk"]}
    test = _labelled(path, chosen)
    lines = evaluate(test, probabilities, _labelled(train, chosen) if train else ())
    if history:
        lines += _history(store, settings, [row.declaration_no for row in test if row.declaration_no in probabilities])
    if json:
        print_json([{"scored": line.scored, "rows": line.rows, "metrics": line.metrics.flat()} for line in lines])
        return
    _print(lines, f"{path.name}: {lines[0].metrics.rows:,} of {len(test):,} rows decided")


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
            rows.append(Labelled(found["declaration"]["declaration_no"], outcome, key))
    return rows


def _history(store: Store, settings: Settings, names: Sequence[str]) -> "list[Line]":
    from features.catalogue import feature_set
    from models.champions import champion
    from models.reports.labelled import worth_of_history
    from models.training.dataset import shipment_dataset

    with store.read() as connection:
        bundle = champion(connection, "shipment")
    taken = take_snapshot(store, settings)
    features = bundle.features
    with progress("computing features") as show:
        full = shipment_dataset(features, taken, taken.digest, progress=show)
    facts = full.only(feature_set(f"{features.name}-facts"))
    wanted = set(names)
    asked = [at for name, at in zip(full.names, full.asked_at, strict=True) if name in wanted]
    if not asked:
        raise TooFewLabelsError("the store knows no outcome of the decided rows; decide with --outcomes as-known")
    return worth_of_history(bundle, full, names, min(asked), facts)


def _print(lines: "Sequence[Line]", title: str) -> None:
    table = Table("figure", *(f"{line.scored}\n{line.rows} rows" for line in lines), title=title)
    columns = [line.metrics.flat() for line in lines]
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
