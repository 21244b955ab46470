"""The slot of Greenlane's own engine in the benchmark of features, the layout it may be prepared with, and the floor under it."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_BUCKETS = 64
_PAGE = 2**24
"""Bytes of a dictionary page: room for all buyers of a bucket, so that none is spelt out. With lz4 it halves the reading."""
_USED = ["enterprise", "event_at", "known_at", "usable_until", "ended_at", "amount_fen", "price_log", "buyer"]


def answers(records: Path, questions: Path) -> pa.Table:
    """TO BE WRITTEN: the features of the benchmark by Greenlane's batch engine. Timed from call to return.

    A record counts at `t` where `max(event_at, known_at) < t < min(usable_until, ended_at)`, empty being open, and, in a
    window of so many China days, where `day_of(event_at) > day_of(t) - days`.

    Arguments:
        records: the raw Parquet file (schema `feature_world.RECORD`, in the order of `known_at`), or the folder that `bucket`
            made of it: the mode is told by `records.is_dir()`.
        questions: a Parquet file (schema `feature_world.QUESTION`), in no order; their numbers are their places.
    Returns:
        A row for each question, in the order of the file, with the columns `feature_world.FEATURES`: `count_*`, `amount_*` and
        `buyers_*` int64, 0 where no record counts; `mean_*` and `deviation_*` float64, null or NaN where none counts. With n, s
        and q the number, sum and sum of squares of `price_log`: mean s / n, deviation sqrt(n q - s s) / n.
    """
    raise NotImplementedError("not there yet")


def bucket(records: Path, folder: Path) -> None:
    """Part a raw file by a hash of the firm into 64 files, each ordered by firm, then as it came. Done beforehand, not timed."""
    schema = pq.read_schema(records)
    with TemporaryDirectory(dir=folder.parent) as name:
        unfinished = Path(name) / "finished"
        unfinished.mkdir()
        spilled = [Path(name) / f"{number:02d}.arrow" for number in range(_BUCKETS)]
        writers = [pa.ipc.new_stream(str(path), schema) for path in spilled]
        for piece in pq.ParquetFile(records).iter_batches(batch_size=500_000):
            firms = piece["enterprise"].dictionary_encode()
            number_of = np.array([crc32(firm.encode()) % _BUCKETS for firm in firms.dictionary.to_pylist()])
            number = number_of[firms.indices.to_numpy()]
            for here, writer in enumerate(writers):
                writer.write_batch(piece.take(pa.array(np.flatnonzero(number == here))))
        for writer in writers:
            writer.close()
        for path in spilled:
            with pa.ipc.open_stream(str(path)) as reader:
                rows = reader.read_all()
            firms = rows["enterprise"].combine_chunks().dictionary_encode().indices.to_numpy()
            ordered = rows.take(pa.array(np.argsort(firms, kind="stable")))
            pq.write_table(
                ordered, unfinished / f"{path.stem}.parquet", compression="lz4", dictionary_pagesize_limit=_PAGE,
                row_group_size=len(rows) or 1,
            )  # fmt: skip
        unfinished.rename(folder)


def read_only(folder: Path, _questions: Path) -> None:
    """The floor: read every column of the bucketed files, a file to a core at a time, and do nothing with them."""

    def read(path: Path) -> int:
        return len(pq.read_table(path, columns=_USED, read_dictionary=["enterprise", "buyer"], use_threads=False))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        if not sum(pool.map(read, sorted(folder.glob("*.parquet")))):
            raise ValueError(f"{folder} holds no records")
