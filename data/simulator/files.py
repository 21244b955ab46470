"""A world as files: what registers would send, and apart from it the hidden truth."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from data.records import canonical
from data.simulator.sheets import Book
from data.simulator.world import World

Form = Literal["parquet", "jsonl"]
_CHUNK = 5_000


def write_world(
    world: World, folder: Path, progress: Callable[[int, int], None] = lambda _done, _size: None,
    form: Form = "parquet",
) -> dict[str, int]:  # fmt: skip
    """Write `records`, `pending` and `truth`.

    As Parquet, a file a kind and month of `known_at` in China: `records/kind=KIND/month=YYYY-MM/part-0.parquet`, with the
    columns of `data.layout.schema_of(KIND)`; likewise `pending/`; and `truth/declarations.parquet`, `truth/firms.parquet`.
    As JSON Lines, an envelope a line: `records.jsonl`, `pending.jsonl`, `truth/truth.jsonl`, `truth/firms.jsonl`.

    Arguments:
        folder: made where it does not exist; files of the same names are replaced.
        progress: called with how many rows of how many are written.
    Returns:
        Rows of `records`, `pending`, `truth` and `firms`.
    """
    counts = {
        "records": len(world.records), "pending": len(world.pending),
        "truth": world.truth.num_rows, "firms": world.firms.num_rows,
    }  # fmt: skip
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    size, done = sum(counts.values()), 0

    def step(rows: int) -> None:
        nonlocal done
        done += rows
        progress(done, size)

    for name, book in (("records", world.records), ("pending", world.pending)):
        if form == "parquet":
            _write_parquet(book, folder / name, step)
        else:
            _write_lines(iter(book), folder / f"{name}.jsonl", step)
    for name, other, table in (("declarations", "truth", world.truth), ("firms", "firms", world.firms)):
        if form == "parquet":
            _write_table(table, folder / "truth" / f"{name}.parquet")
            step(table.num_rows)
        else:
            _write_lines(iter(table.to_pylist()), folder / "truth" / f"{other}.jsonl", step)
    return counts


def _write_parquet(book: Book, folder: Path, step: Callable[[int], None]) -> None:
    for kind in book.kinds:
        for month, table in book.tables(kind):
            place = folder / f"kind={kind}" / f"month={month}"
            place.mkdir(parents=True, exist_ok=True)
            _write_table(table, place / "part-0.parquet")
            step(table.num_rows)


def _write_table(table: pa.Table, path: Path) -> None:
    """The Arrow schema is not stored: choices from pools are written as dictionaries and read back as plain texts."""
    plain = [name for name in table.column_names if not pa.types.is_dictionary(table.schema.field(name).type)]
    pq.write_table(
        table, path, compression="zstd", compression_level=1, store_schema=False, write_statistics=["known_at"],
        version="2.6", use_dictionary=[name for name in table.column_names if name not in plain],
    )  # fmt: skip


def _write_lines(rows, path: Path, step: Callable[[int], None]) -> None:  # type: ignore[no-untyped-def]
    with path.open("wb") as file:
        while chunk := list(islice(rows, _CHUNK)):
            file.write(b"".join(canonical(row) + b"\n" for row in chunk))
            step(len(chunk))
