"""The command `features build`: the matrix of a feature set over a whole snapshot, out of core or on a cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from serving.cli.cluster import client_of
from serving.cli.records import Json
from serving.cli.snapshots import named_snapshot
from serving.cli.terminal import out, print_json, progress
from serving.settings import read_settings

if TYPE_CHECKING:  # pyarrow and Dask are imported only where features are built
    from features.batch import Run

_SNAPSHOT_HELP = "The snapshot: its id, or its folder."
_SET_HELP = "shipment (every declaration as it became known) or credit (every active enterprise each month)."
_OUT_HELP = "Where the matrix goes; by default beside the prepared features in var/features."
_MEMORY_HELP = "Megabytes for the rows at work, beside the program itself."
_WORKERS_HELP = "How many buckets are at work at once; with --scheduler, the threads of one Dask worker."
_SCHEDULER_HELP = "Address of a Dask scheduler whose workers see var/features under the same path."
_SHARE = 0.3
"""Of the memory, for questions with their answers; buckets are rarely as large as they may be."""


def register(group: typer.Typer) -> None:
    """Add the command to the group `features`."""
    group.command("build")(build)


def build(
    snapshot: Annotated[str, typer.Option(help=_SNAPSHOT_HELP)],
    features: Annotated[Literal["shipment", "credit"], typer.Option("--set", help=_SET_HELP)],
    target: Annotated[Path | None, typer.Option("--out", help=_OUT_HELP)] = None,
    memory_mb: Annotated[int, typer.Option(min=10, help=_MEMORY_HELP)] = 1_000,
    workers: Annotated[int, typer.Option(min=1, help=_WORKERS_HELP)] = 2,
    scheduler: Annotated[str | None, typer.Option(help=_SCHEDULER_HELP)] = None,
    json: Json = False,
) -> None:
    """Compute all features of a set over a snapshot, as known at each question, into a Parquet file."""
    from features.catalogue import feature_set
    from features.prepared import found_or_prepared
    from models.training.asking import asked_of
    from models.training.matrix import write_matrix

    settings, chosen = read_settings(), feature_set(features)
    taken = named_snapshot(settings, snapshot)
    folder = settings.var / "features" / taken.digest[:16]
    begin = monotonic()
    with _run(scheduler, workers) as run:
        with progress(f"{features}: preparing") as show:
            feeds, reused = found_or_prepared(
                chosen.measures, taken, folder, features,
                memory_mb=memory_mb, workers=workers, digest=taken.digest, progress=show,
            )  # fmt: skip
        ready = monotonic()
        with progress(f"{features}: answering") as show:
            written = write_matrix(
                target or folder / f"{features}.parquet", chosen, feeds, asked_of(taken, chosen.about),
                memory_mb=int(memory_mb * _SHARE), snapshot=taken.digest, run=run, progress=show,
            )  # fmt: skip
            show(1, 1)
    done = monotonic()
    if json:
        print_json(
            {
                "set": features, "snapshot": taken.digest, "rows": written.rows, "features": len(chosen.features),
                "file": str(written.path), "digest": written.digest, "prepared": str(feeds.folder), "reused": reused,
                "feeds": len(feeds.manifest.feeds), "feed_rows": feeds.rows,
                "seconds": {"prepare": round(ready - begin, 3), "answer": round(done - ready, 3)},
            }
        )  # fmt: skip
        return
    table = Table("what", "how much", title=f"{features}: features of snapshot {taken.digest[:16]}")
    how = "found prepared" if reused else f"prepared in {ready - begin:,.1f} s"
    table.add_row("feeds", f"{len(feeds.manifest.feeds):,} with {feeds.rows:,} rows, {how}")
    table.add_row(
        "matrix", f"{written.rows:,} questions x {len(chosen.features)} features, answered in {done - ready:,.1f} s"
    )
    out.print(table)
    out.print(f"{written.path}  (values: SHA-256 {written.digest})", markup=False, soft_wrap=True)


@contextmanager
def _run(scheduler: str | None, workers: int) -> "Iterator[Run]":
    """Threads of this process, or the workers of a cluster."""
    from features.batch import on_threads

    with client_of(scheduler) as client:
        if client is None:
            yield on_threads(workers)
            return
        from features.cluster import on_cluster

        yield on_cluster(client)
