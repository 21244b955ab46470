"""Greenlane's own engine in the benchmark of features, the files it may be prepared with, and the floor under it."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas  # noqa: F401  pyarrow imports it with the first array that it makes; imports are not timed
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.feature_world import SPANS, instants
from features.batch import FeedsInMemory, Measured, measured, observations
from features.feeds import Feed, feeds_of, packed, parted, read, write
from features.forms import Deviation, Form, Number, Ratio
from features.measures import Key, Measure, Operator, Stream
from features.questions import Questions

_BUCKETS = 64
_FIRM = Key("enterprise", ("enterprise",))
_SALES = Stream("sales", "sale")


class _Raw:
    """The raw file as a source of the engine: the next group of rows is read while one is worked on."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self, kind: str) -> int:  # noqa: ARG002  there is one kind only
        return int(pq.read_metadata(self._path).num_rows)

    def tables(self, kind: str, columns: Sequence[str]) -> Iterator[pa.Table]:  # noqa: ARG002
        file = pq.ParquetFile(self._path, read_dictionary=["enterprise"], memory_map=True)
        names = [name for name in file.schema_arrow.names if name in columns]
        with ThreadPoolExecutor(1) as reader:
            groups = file.num_row_groups
            coming = reader.submit(file.read_row_group, 0, columns=names)
            for number in range(groups):
                table = coming.result()
                if number + 1 < groups:
                    coming = reader.submit(file.read_row_group, number + 1, columns=names)
                new = pa.DictionaryArray.from_arrays(np.zeros(len(table), dtype=np.int8), ["new"])
                yield table.append_column("action", new)


class _Few:
    """A source of one record."""

    def rows(self, kind: str) -> int:  # noqa: ARG002
        return 1

    def tables(self, kind: str, columns: Sequence[str]) -> Iterator[pa.Table]:  # noqa: ARG002
        texts = {"enterprise": ["f"], "buyer": ["b"], "action": ["new"]}
        moments = {
            name: pa.array([value], pa.timestamp("us", "UTC")) for name, value in (("event_at", 1), ("known_at", 1))
        }
        ends = {name: pa.nulls(1, pa.timestamp("us", "UTC")) for name in ("usable_until", "ended_at")}
        yield pa.table({**texts, **moments, **ends, "amount_fen": [1], "price_log": [1]})


def load() -> None:
    """Load the compiled loops, as importing a peer loads its own: neither is timed."""
    measures = _measures(_forms())
    asked = Questions(np.array([2], dtype=np.int64), {"enterprise": pa.array(["f"])}.get)
    measured(measures, FeedsInMemory(measures, _Few()), asked)


class _Buckets:
    """A folder that `bucket` made, as feeds of the engine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def buckets(self, feed: Feed) -> int:
        return len(list((self._folder / feed.name).glob("*.parquet")))

    def table(self, feed: Feed, bucket: int) -> pa.Table:
        return read(self._folder / feed.name / f"{bucket}.parquet", feed)


def _measure(operator: Operator, span: str, value: str | None = None) -> Measure:
    return Measure(operator, _SALES, _FIRM, value, None if span == "ever" else int(span))


def _forms(*, buyers: bool = True) -> dict[str, Form]:
    """The features of the benchmark as the engine's forms."""
    found: dict[str, Form] = {}
    for span in SPANS:
        count, total = _measure("count", span), _measure("sum", span, "price_log")
        found[f"count_{span}"] = Number(count)
        found[f"amount_{span}"] = Number(_measure("sum", span, "amount_fen"))
        found[f"mean_{span}"] = Ratio(total, count)
        found[f"deviation_{span}"] = Deviation(count, total, _measure("sum_of_squares", span, "price_log"), least=1)
        if buyers:
            found[f"buyers_{span}"] = Number(_measure("distinct", span, "buyer"))
    return found


def _measures(forms: Mapping[str, Form]) -> list[Measure]:
    return list(dict.fromkeys(measure for form in forms.values() for measure in form.measures))


def answers(records: Path, questions: Path, *, buyers: bool = True) -> pa.Table:
    """The features of the benchmark by Greenlane's batch engine. Timed from call to return.

    A record counts at `t` where `max(event_at, known_at) < t < min(usable_until, ended_at)`, empty being open, and, in a
    window of so many China days, where `day_of(event_at) > day_of(t) - days`.

    Arguments:
        records: the raw Parquet file (schema `feature_world.RECORD`, in the order of `known_at`), or the folder that `bucket`
            made of it: the mode is told by `records.is_dir()`.
        questions: a Parquet file (schema `feature_world.QUESTION`), in no order; their numbers are their places.
        buyers: whether distinct buyers are asked for too.
    Returns:
        A row for each question, in the order of the file, with the columns `feature_world.FEATURES`: `count_*`, `amount_*` and
        `buyers_*` int64, 0 where no record counts; `mean_*` and `deviation_*` float64, NaN where none counts.
    """
    forms = _forms(buyers=buyers)
    measures = _measures(forms)
    asked = pq.read_table(questions, columns=["enterprise", "t"])
    facts = {"enterprise": asked["enterprise"].combine_chunks()}
    feeds = _Buckets(records) if records.is_dir() else FeedsInMemory(measures, _Raw(records))
    found = measured(measures, feeds, Questions(instants(asked["t"]), facts.get))
    return pa.table({name: _column(form, found) for name, form in forms.items()})


def _column(form: Form, found: Measured) -> NDArray[Any]:
    """Whole numbers as they are, not as floats."""
    return found.measure(form.measure) if isinstance(form, Number) else form.column(found)


def sums(records: Path, questions: Path) -> pa.Table:
    """The same without distinct buyers: counts, sums, means and deviations."""
    return answers(records, questions, buyers=False)


def bucket(records: Path, folder: Path) -> None:
    """Part a raw file by a hash of the firm into files in the engine's own format. Done beforehand, not timed."""
    (feed,) = feeds_of(_measures(_forms()))
    with TemporaryDirectory(dir=folder.parent) as name:
        unfinished, spills = Path(name) / "finished", [Path(name) / f"{number}.arrow" for number in range(_BUCKETS)]
        (unfinished / feed.name).mkdir(parents=True)
        writers: list[pa.RecordBatchStreamWriter] = []
        for _, piece in observations([feed], _Raw(records)):
            parts = [_plain(part) for part in parted(piece, _BUCKETS)]
            writers = writers or [pa.ipc.new_stream(str(path), parts[0].schema) for path in spills]
            for writer, part in zip(writers, parts, strict=True):
                writer.write_table(part)
        for writer in writers:
            writer.close()
        for path in spills:
            with pa.ipc.open_stream(str(path)) as reader:
                rows = reader.read_all()
            rows = rows.set_column(0, "key", rows["key"].dictionary_encode())
            write(packed(rows), unfinished / feed.name / f"{path.stem}.parquet")
        unfinished.rename(folder)


def _plain(part: pa.Table) -> pa.Table:
    """Rows with their keys spelt out: a stream of Arrow has one dictionary for all its pieces."""
    return part.set_column(0, "key", part["key"].cast(pa.string()))


def read_only(folder: Path, _questions: Path) -> None:
    """The floor under sums: read what they need of the bucketed files, a file to a core at a time, and do nothing with it."""
    (feed,) = feeds_of(_measures(_forms(buyers=False)))
    feeds = _Buckets(folder)
    with ThreadPoolExecutor(2) as pool:
        if not sum(pool.map(lambda number: len(feeds.table(feed, number)), range(feeds.buckets(feed)))):
            raise ValueError(f"{folder} holds no records")
