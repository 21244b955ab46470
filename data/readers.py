"""Rows of CSV, JSON Lines and Parquet files, one by one, with the number of each line and without losing any."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from data.errors import MappingError, SourceUnreadableError
from data.lines import NOT_UTF8, Line, csv_line, is_utf8
from data.nesting import DEEPEST, is_too_deep

ENDINGS = (".csv", ".jsonl", ".ndjson", ".parquet", ".xml")
"""Endings of the files that can be imported."""
_LONGEST_CELL = 2**30


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
    size_of(path)
    openers = {".csv": _open_csv, ".jsonl": _open_jsonl, ".ndjson": _open_jsonl, ".parquet": _open_parquet}
    opener = openers.get(path.suffix.lower())
    if opener is None:
        raise SourceUnreadableError(f"{path} has an unknown ending; known are {', '.join(ENDINGS)}")
    return opener(path)


def size_of(path: Path) -> int:
    """The bytes of a file that is to be read.

    Raises:
        SourceUnreadableError: where it is missing or empty.
    """
    if not path.is_file():
        raise SourceUnreadableError(f"{path} does not exist or is not a file; check the path")
    size = path.stat().st_size
    if size == 0:
        raise SourceUnreadableError(f"{path} is empty; nothing to import")
    return size


def _open_csv(path: Path) -> Source:
    with _text(path) as file:
        try:
            columns = tuple(next(csv.reader(file)))
        except (StopIteration, csv.Error):
            raise SourceUnreadableError(f"{path} has no header line") from None
    if not is_utf8("".join(columns)):
        raise MappingError(f"the header of {path} {NOT_UTF8}")
    if len(set(columns)) != len(columns):
        raise SourceUnreadableError(f"{path} names a column twice in its header")

    def lines() -> Iterator[Line]:
        csv.field_size_limit(_LONGEST_CELL)  # the reader's own limit would cut one long row into several
        with _text(path) as file:
            written = _Written(file)
            rows = csv.reader(written)
            next(rows)
            written.taken()
            while True:
                number = rows.line_num + 1
                try:
                    cells = next(rows)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield Line(number, None, written.taken(), written.read, (("row", f"is not CSV: {error}"),))
                    continue
                if cells:
                    yield csv_line(number, columns, cells, written.taken(), written.read)

    return Source(path, columns, path.stat().st_size, lines())


def _text(path: Path) -> TextIO:
    # surrogateescape keeps broken bytes apart from good ones, so that one bad row costs one row
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


class _Written:
    """The lines of a text file as they are written, gathered until a row is complete; counts characters for progress."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._since: list[str] = []
        self.read = 0

    def __iter__(self) -> "_Written":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._since.append(line)
        self.read += len(line)
        return line

    def taken(self) -> str:
        """What was read since the last call, without the line's end."""
        text = "".join(self._since).removesuffix("\n").removesuffix("\r")
        self._since.clear()
        return text


def _open_jsonl(path: Path) -> Source:
    def lines() -> Iterator[Line]:
        read = 0
        with path.open("rb") as file:
            for number, blob in enumerate(file, start=1):
                read += len(blob)
                if not blob.strip():
                    continue
                raw = blob.decode("utf-8", errors="surrogateescape").removeprefix("\ufeff").strip()
                if not is_utf8(raw):
                    yield Line(number, None, raw, read, (("row", NOT_UTF8),))
                    continue
                try:
                    value = json.loads(raw)
                except (ValueError, RecursionError) as error:
                    yield Line(number, None, raw, read, (("row", f"is not JSON: {error}"),))
                    continue
                if is_too_deep(value):
                    yield Line(number, None, raw, read, (("row", f"is nested deeper than {DEEPEST} levels"),))
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

    def _batches() -> Iterator[Any]:
        try:
            with file:
                yield from file.iter_batches(batch_size=10_000)
        except (pa.ArrowInvalid, OSError) as error:
            raise SourceUnreadableError(
                f"{path} is damaged: {error}; what came before the damage is imported"
            ) from None

    def lines() -> Iterator[Line]:
        number = 0
        for batch in _batches():
            for row in batch.to_pylist():
                number += 1
                yield Line(number, row, json.dumps(row, default=str, ensure_ascii=False), number)

    return Source(path, tuple(file.schema_arrow.names), file.metadata.num_rows, lines())
