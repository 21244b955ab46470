"""The command `scorecard`: a scorecard as a table and as SQL, with its figures on the forward folds beside those of the rules."""

from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from data.errors import ModelError
from data.store import open_store
from serving.cli.records import Json, Until, instant_of
from serving.cli.snapshots import named_snapshot, take_snapshot
from serving.cli.terminal import out, print_json, progress
from serving.settings import read_settings

_SNAPSHOT_HELP = "The snapshot to learn from: its id, or its folder. Without it, one is taken now."
_TABLE_HELP = "Write the table here; the name ends in .csv, .md or .html."
_SOURCE_HELP = "The table of features that the SQL reads."


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("scorecard")(scorecard)


def scorecard(
    model: Annotated[Literal["credit", "shipment"], typer.Argument(help="credit (enterprises) or shipment (declarations)")],
    snapshot: Annotated[str | None, typer.Option(help=_SNAPSHOT_HELP)] = None,
    sql: Annotated[Path | None, typer.Option("--sql", metavar="FILE", help="Write the SELECT here.")] = None,
    source: Annotated[str, typer.Option(help=_SOURCE_HELP)] = "features",
    table: Annotated[Path | None, typer.Option("--table", metavar="FILE", help=_TABLE_HELP)] = None,
    folds: Annotated[int, typer.Option(min=1, help="Forward folds for the figures.")] = 4,
    until: Until = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Fit a scorecard on a snapshot and write it as a table and as SQL."""
    import numpy as np

    from features.catalogue import feature_set
    from models.challengers import export
    from models.challengers.compare import compare
    from models.challengers.scorecard import fit_scorecard
    from models.evaluation.metrics import measure
    from models.training.dataset import dataset_of, demand_labels
    from models.training.splits import forward_folds

    if table is not None and table.suffix not in export.FORMATS:
        raise ModelError(f"--table: {table.name!r} should end in one of {', '.join(export.FORMATS)}")
    settings = read_settings()
    if snapshot:
        taken = named_snapshot(settings, snapshot)
    else:
        with closing(open_store(settings.database_url)) as store:
            taken = take_snapshot(store, settings)
    with progress(f"{model}: computing features") as show:
        dataset = dataset_of(feature_set(model), taken, taken.digest, until=instant_of(until), progress=show)
    demand_labels(dataset)
    split = forward_folds(dataset, folds)
    with progress(f"{model}: comparing on {len(split)} folds") as show:
        compared = compare(dataset, split, progress=show)
    with progress(f"{model}: fitting on {len(dataset):,} rows") as show:
        card = fit_scorecard(dataset, progress=show)
    outcomes = np.concatenate([dataset.outcomes[fold.valid] for fold in split])
    figures = {n: measure(outcomes, scores, are_probabilities=False).flat() for n, scores in compared.items()}
    for path, text in ((sql, export.sql(card, source)), (table, table and export.FORMATS[table.suffix](card))):
        if path is not None and text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if json:
        print_json(
            {
                "model": model,
                "snapshot": taken.digest,
                "base": card.base,
                "table": export.table(card),
                "figures": figures,
            }
        )
        return
    shown = Table("feature", "bin", "share", "rate", "points", title=f"{model}: base {card.base} points")
    for row in export.table(card):
        shown.add_row(row.feature, row.bin, f"{row.share:.1%}", f"{row.rate:.1%}", f"{row.points:+d}")
    out.print(shown)
    for name, found in figures.items():
        out.print(
            f"{name}: AUC {found['auc']:.4f}, AP {found['average_precision']:.4f} on {len(outcomes):,} later rows"
        )
    for path in (sql, table):
        if path is not None:
            out.print(f"wrote {path}", markup=False)
