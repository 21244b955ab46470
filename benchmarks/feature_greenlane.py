"""Greenlane's own engine in the benchmark of features, the files it may be prepared with, and the floor under it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.feature_world import SPANS, instants
from features import batch
from features.feeds import Feed, arranged, feeds_of
from features.forms import Deviation, Ratio
from features.measures import Key, Measure, Operator, Stream
from features.questions import Questions

_BUCKETS = 64
_FIRM = Key("enterprise", ("enterprise",))
_SALES = Stream("sales", "sale")


class _Raw:
    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self, kind: str) -> int:
        return int(pq.read_metadata(self._path).num_rows)

    def tables(self, kind: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        file = pq.ParquetFile(self._path, read_dictionary=["enterprise"])
        for number in range(file.num_row_groups):
            table = file.read_row_group(number, columns=list(columns))
            yield table.append_column("action", pa.array(["new"] * len(table)))


class _Files:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def buckets(self, feed: Feed) -> int:
        return _BUCKETS

    def table(self, feed: Feed, bucket: int) -> pa.Table:
        path = self._folder / feed.name / f"{bucket}.parquet"
        texts = ["key", *(f"c_{name}" for name in feed.codes)]
        return pq.read_table(path, read_dictionary=texts, use_threads=False)


def _measure(operator: Operator, span: str, value: str | None = None) -> Measure:
    return Measure(operator, _SALES, _FIRM, value, None if span == "ever" else int(span))


def _forms() -> dict[str, Measure | Ratio | Deviation]:
    found = {}
    for span in SPANS:
        count, total = _measure("count", span), _measure("sum", span, "price_log")
        found[f"count_{span}"] = count
        found[f"amount_{span}"] = _measure("sum", span, "amount_fen")
        found[f"mean_{span}"] = Ratio(total, count)
        found[f"deviation_{span}"] = Deviation(count, total, _measure("sum_of_squares", span, "price_log"), 1)
        found[f"buyers_{span}"] = _measure("distinct", span, "buyer")
    return found


def _measures(forms) -> list[Measure]:
    return list(dict.fromkeys(m for f in forms.values() for m in ((f,) if isinstance(f, Measure) else f.measures)))


def answers(records: Path, questions: Path) -> pa.Table:
    forms = _forms()
    measures = _measures(forms)
    table = pq.read_table(questions)
    asked = Questions(instants(table["t"]), {"enterprise": table["enterprise"].combine_chunks()}.get)
    feeds = _Files(records) if records.is_dir() else batch.FeedsInMemory(measures, _Raw(records))
    found = batch.measured(measures, feeds, asked)
    return pa.table({n: found.measure(f) if isinstance(f, Measure) else f.column(found) for n, f in forms.items()})


def bucket(records: Path, folder: Path) -> None:
    measures = _measures(_forms())
    (feed,) = feeds_of(measures)
    table = batch.FeedsInMemory(measures, _Raw(records)).table(feed, 0).unify_dictionaries().combine_chunks()
    number = batch.buckets_of(table["key"].chunk(0), _BUCKETS)
    (folder / feed.name).mkdir(parents=True)
    for b in range(_BUCKETS):
        own = table.take(pa.array(np.flatnonzero(number == b)))
        own = own.take(pa.array(np.lexsort((own["start"].to_numpy(), own["key"].chunk(0).indices.to_numpy()))))
        for n in ("key", "c_buyer"):
            own = own.set_column(own.column_names.index(n), n, own[n].combine_chunks().cast(pa.string()).dictionary_encode())
        pq.write_table(own, folder / feed.name / f"{b}.parquet", compression="lz4", dictionary_pagesize_limit=2**24, row_group_size=len(own))
