"""Reading a world's hidden truth: for benchmarks and tests that judge a model. Nothing that makes one may import this."""

from pathlib import Path
from typing import Any


def read_truth(folder: Path) -> list[dict[str, Any]]:
    """The truth of every declaration of a world that was written as Parquet or as JSON Lines.

    Arguments:
        folder: the world's folder, which holds `truth/`.
    Returns:
        A row a declaration: declaration_no, guid, enterprise, is_violation, scheme, duty_at_stake_fen, selected.
    """
    return _rows(folder / "truth", "declarations", "truth")


def read_firms(folder: Path) -> list[dict[str, Any]]:
    """The hidden traits of every firm: enterprise, honesty, carelessness, schemes with first and last day, and more."""
    return _rows(folder / "truth", "firms", "firms")


def _rows(folder: Path, table: str, lines: str) -> list[dict[str, Any]]:
    if (folder / f"{table}.parquet").exists():
        import pyarrow.parquet as pq

        rows: list[dict[str, Any]] = pq.read_table(folder / f"{table}.parquet").to_pylist()
        return rows
    import msgspec

    text = (folder / f"{lines}.jsonl").read_bytes()
    return [msgspec.json.decode(line) for line in text.splitlines()]
