"""A world as files: what registers would send, and apart from it the hidden truth."""

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from data.records import canonical
from data.simulator.world import World

_CHUNK = 5_000


def write_world(
    world: World, folder: Path, progress: Callable[[int, int], None] = lambda _done, _size: None
) -> dict[str, int]:
    """Write `records.jsonl` and `pending.jsonl`, and under `truth/` `truth.jsonl` and `firms.jsonl`.

    Arguments:
        folder: made where it does not exist; files of the same names are replaced.
        progress: called with how many rows of how many are written.
    Returns:
        Rows by file, without the ending.
    """
    parts = {"records": world.records, "pending": world.pending, "truth/truth": world.truth, "truth/firms": world.firms}
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    size = sum(len(rows) for rows in parts.values())
    done = 0
    for name, rows in parts.items():
        with (folder / f"{name}.jsonl").open("wb") as file:
            waiting: Iterable[dict[str, Any]] = iter(rows)
            while chunk := list(islice(waiting, _CHUNK)):
                file.write(b"".join(canonical(row) + b"\n" for row in chunk))
                done += len(chunk)
                progress(done, size)
    return {name.removeprefix("truth/"): len(rows) for name, rows in parts.items()}
