"""Matrices of features as Parquet: a row a question, written piece by piece, with a digest of the values."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import FeatureError
from data.layout import INSTANT
from data.records import digest_of
from features.batch import Feeds, Measured, Progress, Run, Values, measured
from features.catalogue import digest as digest_of_set
from features.definitions import FeatureSet
from features.feeds import Feed, feeds_of
from features.forms import Integers
from features.measures import Measure
from features.questions import Questions
from models.training.asking import Ask

NAME = {"shipment": "declaration_no", "enterprise": "enterprise"}
"""The column that says what a row is about, by what the feature set is about."""
_LEAST = 1_000
_FACTS, _KEYS = 2_500, 500
"""Bytes of a question's own facts, by and large, with its match of documents; and of its keys alone."""


@dataclass(frozen=True, slots=True)
class Written:
    """A matrix on disk.

    Arguments:
        digest: SHA-256 over the values, column by column; it does not depend on how Parquet wrote them.
    """

    path: Path
    rows: int
    digest: str


def write_matrix(
    path: Path,
    features: FeatureSet,
    feeds: Feeds,
    ask: Ask,
    *,
    memory_mb: int,
    snapshot: str,
    run: Run | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Written:
    """Answer questions and write them: what each is about, `asked_at`, and the features; what is missing is null.

    Measures go to files beside the target first, feed by feed over as many questions as memory allows, so that a bucket is read
    few times; features then follow from them a piece at a time.

    Arguments:
        path: replaced only when all is written.
        memory_mb: what questions and their answers may take; buckets have their own.
        snapshot: the digest of what the feeds were made from, kept in the file's metadata with the digest of the values.
        progress: called with what is done and the total, of both passes.
    Raises:
        FeatureError: where the file cannot be written, or a sum leaves 64 bits.
    """
    made = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent, prefix=".measures-") as name:
            stored = _Stored(Path(name), features.measures)
            rows = stored.measure(feeds, ask, memory_mb, run, progress)
            digest = _write(
                made, features, stored, ask, memory_mb, snapshot, lambda done: progress(rows + done, 2 * rows)
            )
        made.replace(path)
    except OSError as error:
        raise FeatureError(f"the matrix cannot be written to {path}: {error.strerror or error}") from error
    finally:
        made.unlink(missing_ok=True)
    return Written(path, rows, digest)


class _Stored:
    """Measures of many questions as files of integers, one a measure."""

    def __init__(self, folder: Path, measures: tuple[Measure, ...]) -> None:
        self._paths = {measure: folder / str(number) for number, measure in enumerate(measures)}

    def measure(self, feeds: Feeds, ask: Ask, memory_mb: int, run: Run | None, progress: Progress) -> int:
        """Answer all questions; how many there were."""
        by_key = sorted(feeds_of(self._paths), key=lambda feed: (feed.key.name, feed.key.fields))
        most = max((len(feed.measures) for feed in by_key), default=0)
        fields = sorted({field for feed in by_key for field in feed.key.fields})
        rows = 0
        for some in ask(_at_once(memory_mb, 16 * most + _KEYS), fields):
            rows += len(some.questions)
            done = 0
            for measures in _grouped(by_key, most):
                found = measured(measures, feeds, some.questions, run=run)
                for measure in measures:
                    with self._paths[measure].open("ab") as file:
                        file.write(found.measure(measure).tobytes())
                done += len(measures)
                # how many questions are still to come is not known before they are asked
                progress(rows * done // len(self._paths), 2 * rows)
        return rows

    def of(self, measure: Measure, begin: int, rows: int) -> Integers:
        """Some values of a measure."""
        return np.fromfile(self._paths[measure], dtype=np.int64, count=rows, offset=8 * begin)


def _grouped(feeds: list[Feed], most: int) -> Iterator[list[Measure]]:
    """Measures that are answered together: those of some feeds, at most so many unless one feed has more."""
    group: list[Measure] = []
    for feed in feeds:
        if group and len(group) + len(feed.measures) > most:
            yield group
            group = []
        group.extend(feed.measures)
    if group:
        yield group


class _Piece(Measured):
    """Some of the questions with their measures read from files."""

    def __init__(self, questions: Questions, stored: _Stored, begin: int) -> None:
        super().__init__(questions)
        self._stored, self._begin = stored, begin

    def measure(self, measure: Measure) -> Integers:
        """A measure of these questions, read as it is needed."""
        if measure not in self._measured:
            self._measured[measure] = self._stored.of(measure, self._begin, len(self.at))
        return self._measured[measure]


def _write(
    path: Path, features: FeatureSet, stored: _Stored, ask: Ask, memory_mb: int, snapshot: str,
    progress: Callable[[int], None],
) -> str:  # fmt: skip
    """Write the features of all questions; the digest of their values."""
    schema, rows = _schema(features), 0
    content = {name: hashlib.sha256() for name in schema.names}
    of_a_row = 8 * len(features.measures) + 16 * len(features.features) + _FACTS
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for some in ask(_at_once(memory_mb, of_a_row), None):
            piece: Any = _Piece(some.questions, stored, rows)
            at = some.questions.at
            columns = [feature.expression.column(piece) for feature in features.features]
            for name, values in zip(schema.names, [_texts(some.names), at, *columns], strict=True):
                content[name].update(_bytes(values))
            arrays = [some.names, pa.array(at).cast(INSTANT), *map(_column, columns)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            rows += len(at)
            progress(rows)
        of_values = digest_of([[name, found.hexdigest()] for name, found in content.items()])
        writer.add_key_value_metadata(
            {
                "greenlane.set": features.name, "greenlane.catalogue": digest_of_set(features), "greenlane.snapshot": snapshot,
                "greenlane.digest": of_values,
            }
        )  # fmt: skip
    return of_values


def _at_once(memory_mb: int, of_a_row: int) -> int:
    return max(memory_mb * 1_000_000 // of_a_row, _LEAST)


def _schema(features: FeatureSet) -> pa.Schema:
    head = [pa.field(NAME[features.about], pa.string()), pa.field("asked_at", INSTANT, nullable=False)]
    return pa.schema(
        [*head, *(pa.field(f.name, pa.string() if f.is_category else pa.float64()) for f in features.features)]
    )


def _column(values: Values) -> pa.Array:
    if values.dtype == object:
        return pa.array(values, pa.string())
    return pa.array(values, pa.float64(), mask=np.isnan(values.astype(np.float64)))


def _texts(names: pa.Array) -> Any:
    return names.to_numpy(zero_copy_only=False)


def _bytes(values: Any) -> bytes:
    """The values of a column as bytes that are the same everywhere: texts end with one that no text has, after one if missing."""
    if values.dtype == object:
        return b"".join(b"\xfe\xff" if value is None else value.encode() + b"\xff" for value in values)
    if values.dtype == np.float64:
        values = np.where(np.isnan(values), np.nan, values)  # there are many bits for missing
    content: bytes = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes()
    return content
