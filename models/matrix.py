"""Matrices of features as Parquet: a row a question, written piece by piece, with a digest of the values."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import FeatureError
from data.layout import INSTANT
from data.records import digest_of
from features.batch import Feeds, Run, Values, matrix
from features.catalogue import digest
from features.definitions import FeatureSet
from models.asking import Asking

NAME = {"shipment": "declaration_no", "enterprise": "enterprise"}
"""The column that says what a row is about, by what the feature set is about."""
_LEAST = 1_000
_FACTS = 1_500
"""Bytes of a question's own facts, by and large."""


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
    asked: Iterable[Asking],
    *,
    snapshot: str,
    run: Run | None = None,
    progress: Callable[[int], None] = lambda _rows: None,
) -> Written:
    """Answer questions and write them: what each is about, `asked_at`, and the features; what is missing is null.

    Arguments:
        path: replaced only when all is written.
        snapshot: the digest of what the feeds were made from, kept in the file's metadata with the digest of the values.
        progress: called with the rows that are written.
    Raises:
        FeatureError: where the file cannot be written, or a sum leaves 64 bits.
    """
    schema, rows = _schema(features), 0
    content = {name: hashlib.sha256() for name in schema.names}
    made = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(made, schema, compression="zstd") as writer:
            for some in asked:
                columns = matrix(features, feeds, some.questions, run=run)
                at = pa.array(some.questions.at)
                arrays = [some.names, at.cast(INSTANT), *(_column(column) for column in columns.values())]
                for name, values in zip(
                    schema.names, [_texts(some.names), some.questions.at, *columns.values()], strict=True
                ):
                    content[name].update(_bytes(values))
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
                rows += len(some.questions)
                progress(rows)
            of_values = digest_of([[name, found.hexdigest()] for name, found in content.items()])
            writer.add_key_value_metadata(
                {
                    "greenlane.set": features.name,
                    "greenlane.catalogue": digest(features),
                    "greenlane.snapshot": snapshot,
                    "greenlane.digest": of_values,
                }
            )
        made.replace(path)
    except OSError as error:
        raise FeatureError(f"the matrix cannot be written to {path}: {error.strerror or error}") from error
    finally:
        made.unlink(missing_ok=True)
    return Written(path, rows, of_values)


def rows_at_once(features: FeatureSet, memory_mb: int) -> int:
    """How many questions may be answered at once so that their columns fill so many megabytes."""
    of_a_row = 8 * len(features.measures) + 16 * len(features.features) + _FACTS
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
