"""The rows of feeds on their way to their buckets: held while there is room, then appended to a file a bucket."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.feeds import buckets_of


class Fragments:
    """Rows of several feeds, split by the hash of their keys.

    Arguments:
        folder: where files may be made; one a feed and bucket, each a row of Arrow streams.
        splits: into how many buckets each feed is split, a power of two, so that buckets can be put together again.
        limit: how many bytes may be held before the largest feeds are written.
    """

    def __init__(self, folder: Path, splits: Mapping[str, int], limit: int) -> None:
        self._folder, self._splits, self._limit = folder, splits, limit
        self._waiting: dict[str, list[pa.Table]] = {}
        self._held: dict[str, int] = {}
        self.sizes: dict[str, int] = dict.fromkeys(splits, 0)
        """The bytes of each feed so far, texts counted once a fragment."""
        self.rows: dict[str, int] = dict.fromkeys(splits, 0)
        """The rows of each feed so far."""

    def add(self, name: str, rows: pa.Table) -> None:
        """Take rows of a feed, and make room where they are too many."""
        self._waiting.setdefault(name, []).append(rows)
        self._held[name] = self._held.get(name, 0) + rows.nbytes
        self.rows[name] += rows.num_rows
        if sum(self._held.values()) > self._limit:
            for largest in sorted(self._held, key=lambda one: -self._held[one]):
                self._write(largest)
                if sum(self._held.values()) <= self._limit // 2:
                    break

    def finish(self) -> None:
        """Write what is still held."""
        for name in list(self._waiting):
            self._write(name)

    def _write(self, name: str) -> None:
        table = _one_chunk(_encoded(pa.concat_tables(self._waiting.pop(name))))
        del self._held[name]
        count = self._splits[name]
        bounds = np.array([0, table.num_rows])
        if count > 1:
            bucket = buckets_of(table["key"].chunk(0), count).astype(np.uint16)
            table = table.take(pa.array(np.argsort(bucket, kind="stable")))
            bounds = np.concatenate([[0], np.cumsum(np.bincount(bucket, minlength=count))])
        (self._folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            part = _compact(table.slice(bounds[number], bounds[number + 1] - bounds[number]))
            if part.num_rows:
                self.sizes[name] += part.nbytes
                with self._path(name, number).open("ab") as file, pa.ipc.new_stream(file, part.schema) as writer:
                    writer.write_table(part)

    def _path(self, name: str, number: int) -> Path:
        return self._folder / name / f"{number}.arrow"

    def gather(self, name: str, bucket: int, count: int) -> pa.Table | None:
        """The rows of one of `count` buckets in any order, and their files removed; None where there are none.

        Arguments:
            count: divides what the feed was split into.
        """
        paths = [self._path(name, number) for number in range(bucket, self._splits[name], count)]
        found = [table for path in paths if path.exists() for table in _tables(path)]
        for path in paths:
            path.unlink(missing_ok=True)
        if not found:
            return None
        return _one_chunk(pa.concat_tables(found))


def _tables(path: Path) -> Iterator[pa.Table]:
    size = path.stat().st_size
    with pa.OSFile(str(path)) as file:
        while file.tell() < size:
            with pa.ipc.open_stream(file) as reader:
                yield reader.read_all()


def _encoded(table: pa.Table) -> pa.Table:
    """Texts as dictionaries: spilt once a fragment."""
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            table = table.set_column(place, field.name, table[field.name].dictionary_encode())
    return table


def _one_chunk(table: pa.Table) -> pa.Table:
    return table.unify_dictionaries().combine_chunks()


def _compact(table: pa.Table) -> pa.Table:
    """The same rows of one chunk, without the texts that none of them has."""
    for place, name in enumerate(table.column_names):
        if not pa.types.is_dictionary(table.schema.field(name).type) or not table.num_rows:
            continue
        texts, codes = table[name].chunk(0).dictionary, table[name].chunk(0).indices
        missing = codes.is_null().to_numpy(zero_copy_only=False) if codes.null_count else None
        numbers = codes.fill_null(len(texts)).to_numpy() if codes.null_count else codes.to_numpy()
        used = np.zeros(len(texts) + 1, dtype=bool)
        used[numbers] = True
        renumbered = (np.cumsum(used, dtype=np.int32) - 1)[numbers]
        kept = texts.take(pa.array(np.flatnonzero(used[:-1])))
        codes = pa.array(renumbered, pa.int32(), mask=missing)
        table = table.set_column(place, name, pa.DictionaryArray.from_arrays(codes, kept))
    return table
