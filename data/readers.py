"""Rows of CSV, JSON Lines and Parquet files, one by one, with the number of each line and without losing any."""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import SourceUnreadableError

_ESCAPED = re.compile("[\ud800-\udfff]")
_NOT_UTF8 = "has bytes that are not UTF-8; save the file as UTF-8"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file: its line number (1 is the first), its values by column, or the faults that hide them.

    `raw` is the row as text for quarantine; `at` is how many bytes (or rows, for Parquet) were read so far.
    """

    number: int
    values: dict[str, Any] | None
    raw: str
    at: int
    faults: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """An open file: its columns (empty for JSON Lines, whose rows name their own), its size in the unit of `Line.at`."""

    path: Path
    columns: tuple[str, ...]
    size: int
    lines: Iterator[Line]


def open_source(path: Path) -> Source:
    """Open a file by its ending: .csv, .jsonl or .ndjson, .parquet.

    Raises:
        SourceUnreadableError: where it is missing, empty, or not what its ending says.
    """
    if not path.is_file():
        raise SourceUnreadableError(f"{path} does not exist or is not a file; check the path")
    if path.stat().st_size == 0:
        raise SourceUnreadableError(f"{path} is empty; nothing to import")
    openers = {".csv": _open_csv, ".jsonl": _open_jsonl, ".ndjson": _open_jsonl, ".parquet": _open_parquet}
    opener = openers.get(path.suffix.lower())
    if opener is None:
        raise SourceUnreadableError(f"{path} has an unknown ending; known are {', '.join(openers)}")
    return opener(path)


def _is_utf8(text: str) -> bool:
    return _ESCAPED.search(text) is None


def _open_csv(path: Path) -> Source:
    # surrogateescape keeps broken bytes apart from good ones, so that one bad row costs one row
    file = path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    consumed = _Counted(file)
    rows = csv.reader(consumed)
    try:
        columns = tuple(next(rows))
    except (StopIteration, csv.Error):
        file.close()
        raise SourceUnreadableError(f"{path} has no header line") from None
    if len(set(columns)) != len(columns):
        file.close()
        raise SourceUnreadableError(f"{path} names a column twice in its header")

    def lines() -> Iterator[Line]:
        with file:
            while True:
                first = rows.line_num + 1
                try:
                    cells = next(rows)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield Line(first, None, consumed.last, consumed.read, (("row", f"is not CSV: {error}"),))
                    continue
                if not cells:
                    continue
                raw = ",".join(cells)
                if len(cells) != len(columns):
                    reason = f"has {len(cells)} cells where the header has {len(columns)}"
                    yield Line(first, None, raw, consumed.read, (("row", reason),))
                    continue
                if not _is_utf8(raw):
                    bad = [c for c, cell in zip(columns, cells, strict=True) if not _is_utf8(cell)]
                    yield Line(first, None, raw, consumed.read, tuple((c, _NOT_UTF8) for c in bad))
                    continue
                yield Line(first, dict(zip(columns, cells, strict=True)), raw, consumed.read)

    return Source(path, columns, path.stat().st_size, lines())


class _Counted:
    """The lines of a text file, counting roughly how many bytes went by (for progress bars)."""

    def __init__(self, lines: Any) -> None:
        self._lines = iter(lines)
        self.read = 0
        self.last = ""

    def __iter__(self) -> "_Counted":
        return self

    def __next__(self) -> str:
        self.last = next(self._lines)
        self.read += len(self.last)
        return self.last


def _open_jsonl(path: Path) -> Source:
    def lines() -> Iterator[Line]:
        read = 0
        with path.open("rb") as file:
            for number, blob in enumerate(file, start=1):
                read += len(blob)
                if not blob.strip():
                    continue
                raw = blob.decode("utf-8", errors="surrogateescape").strip()
                if not _is_utf8(raw):
                    yield Line(number, None, raw, read, (("row", _NOT_UTF8),))
                    continue
                try:
                    value = json.loads(raw)
                except (ValueError, RecursionError) as error:
                    yield Line(number, None, raw, read, (("row", f"is not JSON: {error}"),))
                    continue
                if not isinstance(value, dict):
                    yield Line(number, None, raw, read, (("row", "should be a JSON object"),))
                    continue
                yield Line(number, value, raw, read)

    return Source(path, (), path.stat().st_size, lines())


def _open_parquet(path: Path) -> Source:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise SourceUnreadableError("reading Parquet needs pyarrow: install greenlane[train]") from None
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceUnreadableError(f"{path} is not a Parquet file: {error}") from None

    def lines() -> Iterator[Line]:
        number = 0
        for batch in file.iter_batches(batch_size=10_000):
            for row in batch.to_pylist():
                number += 1
                yield Line(number, row, json.dumps(row, default=str, ensure_ascii=False), number)

    return Source(path, tuple(file.schema_arrow.names), file.metadata.num_rows, lines())
