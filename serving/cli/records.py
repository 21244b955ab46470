"""Commands on records: simulate, import, quarantine, db, features."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from data.importing import import_paths
from data.mapping import load_mapping, mapping_names
from data.records import utc_now
from data.store import open_store
from data.store import quarantine as quarantine_rows
from data.store import records as record_rows
from data.times import HOUR, OPEN, to_instant
from serving.cli.terminal import out, print_json, progress
from serving.reading import open_reading
from serving.settings import read_settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
_MAPPING_HELP = (
    f"How columns become records: {', '.join(mapping_names())}, or a .yaml file. "
    "Without it, each line of a .jsonl file is a record."
)
_DELAY_HELP = (
    "Messages from an archive do not say when they became known: assume so many hours after they were sent. "
    "Without it, they become known now."
)
_TRUSTED_HELP = "Values of persons that look like pseudonyms are ones (files of this installation)."


class WorldFormat(StrEnum):
    """How a simulated world is written."""

    parquet = "parquet"
    jsonl = "jsonl"


Until = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only what was known before this day (UTC).")
]


def instant_of(day: datetime | None) -> int:
    """The instant at which a day begins in UTC; open where none is given."""
    return OPEN if day is None else to_instant(day.replace(tzinfo=UTC))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("import")(import_records)
    app.command("simulate")(simulate_world)
    app.add_typer(features_group, name="features", help="The live feature state and the catalogue.")
    app.add_typer(_db, name="db", help="The database.")


def import_records(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders: .csv, .jsonl, .ndjson, .parquet, .xml (CEB)")],
    mapping: Annotated[str | None, typer.Option(help=_MAPPING_HELP)] = None,
    until: Until = None,
    assume_delay: Annotated[float | None, typer.Option(min=0, metavar="HOURS", help=_DELAY_HELP)] = None,
    pseudonymised: Annotated[bool, typer.Option("--pseudonymised", help=_TRUSTED_HELP)] = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Import records: valid ones to the store, the others to quarantine with line, field and reason."""
    chosen = load_mapping(mapping) if mapping else None
    store = open_store(read_settings().database_url)
    delay = None if assume_delay is None else round(assume_delay * HOUR)
    reading = open_reading(store, read_settings(), now=utc_now(), assumed_delay=delay, trusted=pseudonymised)
    total = import_paths(store, paths, chosen, reading=reading, until=instant_of(until), progress=progress)
    if json:
        refusals = [{"line": r.line, "faults": [list(f) for f in r.faults]} for r in total.refusals]
        print_json(
            {
                "received": total.received,
                "accepted": total.accepted,
                "duplicate": total.duplicate,
                "rejected": total.rejected,
                "records": total.records,
                "refusals": refusals,
            }
        )
        return
    out.print(total.in_words())
    if chosen is not None and chosen.delay == "assumed":
        out.print(f"{chosen.title}: when outcomes became known is not in the file; the mapping's assumption was taken")
    for refusal in total.refusals[:5]:
        out.print(
            f"  line {refusal.line}: " + "; ".join(f"{field} {reason}" for field, reason in refusal.faults),
            markup=False,
        )
    if total.rejected > 5:
        out.print("  … all of them: greenlane quarantine list")


def simulate_world(
    folder: Annotated[
        Path, typer.Option("--out", help="Folder for the records, the pending declarations and truth/.")
    ] = Path("var/world"),
    firms: Annotated[int | None, typer.Option(min=20, help="How many e-commerce enterprises.")] = None,
    days: Annotated[int | None, typer.Option(min=60, help="How many days.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same world.")] = None,
    form: Annotated[
        WorldFormat,
        typer.Option("--format", help="Parquet files by kind and month, or one JSON line a record (small worlds)."),
    ] = WorldFormat.parquet,
    json: Json = False,
) -> None:
    """Write a simulated world: records of all agencies, outcomes only for what was inspected, the truth apart."""
    from data.simulator import load_parameters, simulate, write_world

    given = {"firms": firms, "days": days, "seed": seed}
    parameters = load_parameters(**{name: value for name, value in given.items() if value is not None})
    world = simulate(parameters)
    with progress(f"writing {folder}") as show:
        counts = write_world(world, folder, show, form.value)
    if json:
        print_json(counts)
    else:
        out.print(f"wrote {folder}: " + ", ".join(f"{n:,} {name}" for name, n in counts.items()))


features_group = typer.Typer(no_args_is_help=True)


@features_group.command("rebuild")
def features_rebuild() -> None:
    """Build the live feature state anew from all records."""
    from models.policy import shipped_policies
    from serving.clearance import Clearance

    settings = read_settings()
    store = open_store(settings.database_url)
    clearance = Clearance(
        store, shipped_policies(), settings.draw_secret(), settings.pseudonyms(), utc_now, catch_up=False
    )
    with progress("rebuilding feature state") as show, store.write() as connection:
        keys = clearance.live.rebuild(connection, show)
    out.print(f"{keys:,} keys")


@features_group.command("list")
def features_list(name: Annotated[str, typer.Argument(help="credit, shipment, korea or scms")] = "credit") -> None:
    """The features of a set with their explanations."""
    from features.catalogue import feature_set

    features = feature_set(name)
    table = Table("feature", "theme", "English", "中文", title=f"{features.name}: {len(features.features)} features")
    for feature in features.features:
        table.add_row(feature.name, feature.theme, feature.en, feature.zh)
    out.print(table)


_db = typer.Typer(no_args_is_help=True)


@_db.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to the schema of this version."""
    open_store(read_settings().database_url)
    out.print("the database has the schema of this version")


@_db.command("status")
def db_status(json: Json = False) -> None:
    """What the database holds."""
    with open_store(read_settings().database_url).read() as connection:
        counts, refused = record_rows.count(connection), quarantine_rows.count(connection)
    if json:
        print_json({"records": counts, "quarantine": refused})
        return
    table = Table("kind", "versions")
    for kind, n in sorted(counts.items()):
        table.add_row(kind, f"{n:,}")
    table.add_row("quarantine", f"{refused:,}")
    out.print(table)
