"""Commands on snapshots: snapshot, snapshots."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from data.store import Store, open_store
from data.store import records as record_rows
from data.times import OPEN, show, to_instant
from serving.cli.records import Json, instant_of
from serving.cli.terminal import out, print_json, progress
from serving.settings import Settings, read_settings

if TYPE_CHECKING:  # pyarrow is imported only where snapshots are touched
    from data.snapshots import Snapshot

_AS_OF_HELP = "Only what was known before this moment (UTC); by default everything."
_DAY = ["%Y-%m-%d"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("snapshot")(snapshot)
    app.command("snapshots")(snapshots)


def folder_of(settings: Settings) -> Path:
    """Where snapshots lie."""
    return settings.var / "snapshots"


def take_snapshot(
    store: Store, settings: Settings, *, as_of: int | None = None, since: int = 0, until: int = OPEN
) -> "Snapshot":
    """Write what the store knew at an instant, by default all that it knows: the same records give the same snapshot."""
    from data.snapshots import write_snapshot

    with progress("taking a snapshot") as seen, store.read() as connection:
        total = record_rows.last_seq(connection)
        moment = as_of if as_of is not None else record_rows.latest_known(connection) + 1
        taken = write_snapshot(
            record_rows.versions(connection), folder_of(settings), as_of=moment, since=since, until=until,
            progress=lambda done: seen(done, total),
        )  # fmt: skip
        seen(total, total)
        return taken


def named_snapshot(settings: Settings, name: str) -> "Snapshot":
    """A snapshot by its id or its folder.

    Raises:
        SnapshotError: where there is none, or its files were changed.
    """
    from data.snapshots import open_snapshot

    own = folder_of(settings) / name
    return open_snapshot(own if own.is_dir() else Path(name))


def snapshot(
    as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help=_AS_OF_HELP)] = None,
    since: Annotated[datetime | None, typer.Option("--from", formats=_DAY, help="What happened from this day on (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option("--to", formats=_DAY, help="What happened before this day (UTC).")] = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Write what was known at a moment as partitioned Parquet with a manifest and a digest. Training reads only these."""
    settings = read_settings()
    moment = None if as_of is None else to_instant(as_of.replace(tzinfo=UTC))
    first = 0 if since is None else instant_of(since)
    taken = take_snapshot(
        open_store(settings.database_url), settings, as_of=moment, since=first, until=instant_of(until)
    )
    if json:
        print_json(
            {"id": taken.folder.name, "digest": taken.digest, "folder": str(taken.folder), "rows": taken.manifest.rows}
        )
        return
    out.print(
        f"snapshot {taken.folder.name}: {sum(taken.manifest.rows.values()):,} versions as known at {_moment(taken)}"
    )
    out.print(f"{taken.folder}  (SHA-256 {taken.digest})")


def snapshots(json: Json = False) -> None:
    """The snapshots that were taken; each is checked against its manifest."""
    from data.errors import SnapshotError

    folder = folder_of(read_settings())
    found: list[dict[str, str | int | None]] = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name.startswith("."):
            continue
        try:
            taken = named_snapshot(read_settings(), path.name)
        except SnapshotError as error:
            found.append({"id": path.name, "as_of": None, "versions": None, "state": str(error)})
        else:
            versions = sum(taken.manifest.rows.values())
            found.append({"id": path.name, "as_of": _moment(taken), "versions": versions, "state": "whole"})
    if json:
        print_json(found)
        return
    table = Table("id", "as known at", "versions", "state", title=f"{len(found)} snapshots")
    for one in found:
        table.add_row(str(one["id"]), str(one["as_of"] or ""), f"{one['versions'] or 0:,}", str(one["state"]))
    out.print(table)


def _moment(taken: "Snapshot") -> str:
    return show(taken.manifest.as_of)
