"""Records and questions for the benchmark of features at a moment: seeded, made and written piece by piece.

Two variants come from one seed. In `tidy` every record is known when it happens and nothing ends; in `real` some are known
late and some end early, by correction (`ended_at`) or by law (`usable_until`). Rows stand in the order of intake.

This module runs in every environment of the benchmark, so it imports numpy and pyarrow only.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.times import DAY, HOUR, OPEN, SECOND, day_of, midnight

WINDOWS = (7, 30, 90, 365)
"""Calendar days in China, the day of the question included."""
SPANS = (*(str(days) for days in WINDOWS), "ever")
FEATURES = tuple(f"{what}_{span}" for span in SPANS for what in ("count", "amount", "mean", "deviation", "buyers"))
"""What is asked of each window: records, their fen, mean and deviation of the price's logarithm, distinct buyers.

Mean and deviation (of the population) are floats, null where no record counts; all others are int64 and never null.
"""

FIRMS = 20_000
FIRST_DAY, DAYS = 19_723, 730
"""1 January 2024, and how many days records come in for."""
LATE, ENDED = 0.10, 0.01
"""Shares of the real variant: known late; ended by correction, and as many by law."""
_PIECE = 500_000
_SEED = 20_260
_EDITION = 1
"""To be raised with every change of what is made, so that no older file is taken for it."""
_MOMENT = pa.timestamp("us", tz="UTC")
RECORD = pa.schema(
    {
        "enterprise": pa.string(), "event_at": _MOMENT, "known_at": _MOMENT, "usable_until": _MOMENT, "ended_at": _MOMENT,
        "amount_fen": pa.int64(), "price_log": pa.int64(), "buyer": pa.string(),
    }
)  # fmt: skip
QUESTION = pa.schema({"question": pa.int64(), "enterprise": pa.string(), "t": _MOMENT, "even": pa.bool_()})
"""`even` tells the half that is drawn evenly over firms and time from the half that is drawn from the records."""


def records_file(folder: Path, variant: str, count: int) -> Path:
    """The raw file of so many records, made if it is not there yet."""
    path = folder / f"records-{variant}-{count}-{_EDITION}.parquet"
    if not path.exists():
        _written(path, RECORD, (_piece(number, count, real=variant == "real") for number in range(-(-count // _PIECE))))
    return path


def questions_file(folder: Path, records: Path, count: int) -> Path:
    """The questions about a raw file, made if they are not there yet: numbered, in no order."""
    path = folder / f"questions-{count}-of-{records.name}"
    if not path.exists():
        _written(path, QUESTION, [_questions(records, count)])
    return path


def _written(path: Path, schema: pa.Schema, pieces: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with pq.ParquetWriter(unfinished, schema, compression="zstd") as writer:
        for piece in pieces:
            writer.write_table(piece)
    unfinished.replace(path)


def _firm_names() -> pa.Array:
    return pa.array([f"91510500MA{number:07d}K" for number in range(FIRMS)])


def _shares() -> NDArray[np.float64]:
    """The share of each firm in all records: Zipf, the ranks dealt out at random."""
    shares = 1 / np.arange(1, FIRMS + 1)
    return np.asarray(np.random.default_rng(_SEED).permutation(shares / shares.sum()))


def _piece(number: int, count: int, *, real: bool) -> pa.Table:
    """The rows of one piece of a file, of its slice of the time; the same in either variant but for when they count."""
    rows = min(_PIECE, count - number * _PIECE)
    rng = np.random.default_rng([_SEED, number])
    shares = _shares()
    firm = np.minimum(np.searchsorted(np.cumsum(shares), rng.random(rows)), FIRMS - 1)
    bounds = [
        midnight(FIRST_DAY) // SECOND + DAYS * 86_400 * row // count
        for row in (number * _PIECE, number * _PIECE + rows)
    ]
    known_at = np.sort(rng.integers(*bounds, rows)) * SECOND
    price_log = np.clip(rng.normal(6_000 + firm * 7_919 % 6_000, 800), 0, 30_000).astype(np.int64)
    amount = (np.exp(price_log / 1000) * rng.integers(1, 4, rows)).astype(np.int64) + 1
    regulars = 2 + (shares * count) ** 0.8
    own = FIRMS * 10 + firm * 10_000_000 + (regulars[firm] * rng.random(rows) ** 2).astype(np.int64)
    buyer = np.where(rng.random(rows) < 0.8, own, rng.integers(0, FIRMS * 10, rows))
    event_at, usable_until, ended_at = known_at, np.full(rows, OPEN), np.full(rows, OPEN)
    if real:
        chance = np.random.default_rng([_SEED, number, 1])
        delay = np.exp(chance.uniform(np.log(60), np.log(20 * 86_400), rows)).astype(np.int64) * SECOND
        event_at = np.where(chance.random(rows) < LATE, known_at - delay, known_at)
        later = chance.integers(HOUR // SECOND, 60 * DAY // SECOND, (2, rows)) * SECOND
        ended_at = np.where(chance.random(rows) < ENDED, known_at + later[0], OPEN)
        usable_until = np.where(chance.random(rows) < ENDED, event_at + later[1], OPEN)
    columns = (
        _firm_names().take(pa.array(firm)), _moments(event_at), _moments(known_at), _moments(usable_until),
        _moments(ended_at), pa.array(amount), pa.array(price_log), _buyer_names(buyer),
    )  # fmt: skip
    return pa.table(columns, schema=RECORD)


def _moments(instants: NDArray[np.int64]) -> pa.Array:
    return pa.array(instants, mask=instants == OPEN).cast(_MOMENT)


def _buyer_names(numbers: NDArray[np.int64]) -> pa.Array:
    return pc.binary_join_element_wise("SIM", pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 12, "0"), "")


def _questions(records: Path, count: int) -> pa.Table:
    """Half evenly over firms and time (one in fifty of them at midnight), half at the very moment a record begins to count."""
    rng = np.random.default_rng([_SEED, count, 2])
    even = count // 2
    firm = _firm_names().take(pa.array(rng.integers(0, FIRMS, even)))
    t = midnight(FIRST_DAY) + rng.integers(0, DAYS * DAY, even)
    t = np.where(rng.random(even) < 0.02, midnight(day_of(t)), t)  # type: ignore[arg-type]
    places = np.sort(rng.integers(0, pq.read_metadata(records).num_rows, count - even))
    drawn = pa.concat_tables(list(_rows_at(records, places)))
    begins = np.maximum(instants(drawn["event_at"]), instants(drawn["known_at"]))
    order = rng.permutation(count)
    return pa.table(
        [
            pa.array(np.arange(count)),
            pa.concat_arrays([firm, drawn["enterprise"].combine_chunks()]).take(pa.array(order)),
            _moments(np.concatenate([t, begins])[order]),
            pa.array(order < even),
        ],
        schema=QUESTION,
    )


def _rows_at(records: Path, places: NDArray[np.int64]) -> Iterator[pa.Table]:
    file, first = pq.ParquetFile(records), 0
    for number in range(file.num_row_groups):
        group = file.read_row_group(number, columns=["enterprise", "event_at", "known_at"])
        low, high = np.searchsorted(places, [first, first + len(group)])
        yield group.take(pa.array(places[low:high] - first))
        first += len(group)


def instants(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Moments of a column in microseconds since 1970, an empty one as OPEN."""
    return np.asarray(pc.fill_null(column.cast(pa.int64()), OPEN).to_numpy())
