"""Feeds on disk, bucketed by the hash of their keys: batch computing whose memory is a setting, on this machine or on many.

`FOLDER/FEED/BUCKET.parquet` holds the rows of a bucket as `features.feeds.packed` gives them. `FOLDER/manifest.json` says what
there is, and is written last: without it nothing counts as prepared. Preparing takes two passes: *scatter* reads the source
once a kind and splits what it says by key; *gather* sorts and writes one bucket at a time. A bucket is asked as a whole, so no
smaller than the rows of its largest key.
"""

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import msgspec
import pyarrow as pa

from data.errors import FeatureError
from data.records import canonical, digest_of
from features.batch import Progress, Source, observations
from features.feeds import Feed, feeds_of, packed, read, write
from features.fragments import Fragments
from features.measures import Measure
from features.views import DERIVED

FORMAT = 1
_MANIFEST, _UNFINISHED, _FRAGMENTS = "manifest.json", "unfinished", "fragments"
_SAFE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_TEXTS = pa.dictionary(pa.int32(), pa.string())
_MOST_BUCKETS = 1024
_WORKING_SET = 12
"""How many times a bucket's bytes are in memory while it is sorted and written, or read and asked."""
_HELD, _SLICE = 0.25, 0.05
"""Shares of the memory: rows that wait to be written, and a piece of the source, whose views are several times as large."""
_LEAST_SLICE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedFeed:
    """A feed as it was written.

    Arguments:
        meaning: digest of its stream and key, and of the views that they read.
        columns: numbers and codes, `n_FIELD` and `c_FIELD`.
        rows, sizes: of each bucket: rows, and bytes of the file.
    """

    name: str
    meaning: str
    columns: tuple[str, ...]
    rows: tuple[int, ...]
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a folder of feeds holds.

    Arguments:
        source: the digest of the snapshot that it was made from.
        bucket_bytes: no bucket is meant to be larger in memory.
    """

    format: int
    source: str
    bucket_bytes: int
    feeds: tuple[PreparedFeed, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the content."""
        return digest_of(asdict(self))


@dataclass(frozen=True, slots=True)
class Prepared:
    """Feeds in a folder, ready to be asked (`features.batch.Feeds`)."""

    folder: Path
    manifest: Manifest

    @property
    def rows(self) -> int:
        """How many rows all feeds have together."""
        return sum(sum(feed.rows) for feed in self.manifest.feeds)

    def fits(self, measures: Iterable[Measure], source: str, bucket_bytes: int) -> bool:
        """Whether some measures can be asked of it, of a source by its digest, with buckets that are small enough."""
        known = {feed.name: feed for feed in self.manifest.feeds}
        return (
            self.manifest.source == source
            and self.manifest.bucket_bytes <= bucket_bytes
            and all(feed.name in known and _has(known[feed.name], feed) for feed in feeds_of(measures))
        )

    def buckets(self, feed: Feed) -> int:
        """Into how many buckets a feed is split by the hash of its keys.

        Raises:
            FeatureError: where it was not prepared, or by other definitions.
        """
        return len(self._found(feed).rows)

    def _found(self, feed: Feed) -> PreparedFeed:
        found = next((one for one in self.manifest.feeds if one.name == feed.name), None)
        if found is None or not _has(found, feed):
            raise FeatureError(
                f"{self.folder} was prepared for other features: it lacks {feed.name} as it is defined now; prepare it again"
            )
        return found

    def table(self, feed: Feed, bucket: int) -> pa.Table:
        """The rows of a bucket, as `features.feeds.packed` gives them.

        Raises:
            FeatureError: where its file is gone or cannot be read.
        """
        path = _path(self.folder, feed.name, bucket)
        if not self._found(feed).rows[bucket]:
            codes, numbers = [f"c_{field}" for field in feed.codes], [f"n_{field}" for field in feed.numbers]
            instants = ["start", "event_at", "closed"]
            types = {
                "key": _TEXTS,
                **dict.fromkeys(codes, pa.int32()),
                **dict.fromkeys([*instants, *numbers], pa.int64()),
            }
            return pa.schema(list(types.items())).empty_table()
        try:
            return read(path, feed)
        except (OSError, pa.ArrowException) as error:
            raise FeatureError(f"{path} cannot be read ({error}); prepare the features again") from error


def _has(found: PreparedFeed, feed: Feed) -> bool:
    return found.meaning == _meaning(feed) and set(_columns(feed)) <= set(found.columns)


def _columns(feed: Feed) -> tuple[str, ...]:
    return (*(f"n_{field}" for field in feed.numbers), *(f"c_{field}" for field in feed.codes))


def _meaning(feed: Feed) -> str:
    return digest_of([repr(feed.stream), repr(feed.key), _views()])


@cache
def _views() -> str:
    return digest_of(repr(DERIVED))


def _path(folder: Path, name: str, bucket: int) -> Path:
    return folder / name / f"{bucket}.parquet"


def open_prepared(folder: Path) -> Prepared:
    """Feeds by their folder.

    Raises:
        FeatureError: where they were never prepared, or not to the end, or by another version, or their files were changed.
    """
    path = folder / _MANIFEST
    if not path.is_file():
        what = "was not prepared to its end" if (folder / _UNFINISHED).exists() else "holds no prepared features"
        raise FeatureError(f"{folder} {what}: it has no {_MANIFEST}; prepare it (`greenlane features build`)")
    try:
        said = msgspec.json.decode(path.read_bytes())
        digest = said.pop("digest")
        if said.get("format") != FORMAT:
            raise FeatureError(
                f"{folder} has format {said.get('format')}, this version reads {FORMAT}: prepare it again"
            )
        manifest = msgspec.convert(said, Manifest)
    except (msgspec.MsgspecError, KeyError, AttributeError, TypeError) as error:
        raise FeatureError(f"{path} cannot be read as a manifest ({error}): prepare it again") from None
    if manifest.digest != digest:
        raise FeatureError(f"{path} was changed: its content is not what its digest says; prepare it again")
    for feed in manifest.feeds:
        for bucket, size in enumerate(feed.sizes):
            file = _path(folder, feed.name, bucket)
            if not file.is_file() or file.stat().st_size != size:
                raise FeatureError(f"{file} is missing or was changed; prepare {folder} again")
    return Prepared(folder, manifest)


def bucket_bytes_of(memory_mb: int, workers: int) -> int:
    """How large a bucket may be in memory so that workers with a bucket each stay within so many megabytes."""
    return max(memory_mb * 1_000_000 // (_WORKING_SET * workers), 1)


def found_or_prepared(
    measures: Iterable[Measure],
    source: Source,
    folder: Path,
    name: str,
    *,
    memory_mb: int,
    workers: int = 2,
    digest: str,
    progress: Progress = lambda _done, _total: None,
) -> tuple[Prepared, bool]:
    """Prepared features that fit, of these measures or of more; made where there are none.

    Arguments:
        folder: where the preparations of this source are, by name. name: what it is called if it has to be made.
        memory_mb, workers, digest, progress: as for `prepare`.
    Returns:
        The features, and whether they were there.
    Raises:
        FeatureError: as `prepare`.
    """
    measures = tuple(measures)
    for path in (folder / name, *sorted(folder.iterdir() if folder.is_dir() else ())):
        if path.is_dir():
            try:
                found = open_prepared(path)
            except FeatureError:
                continue  # cut off, of another version, or damaged: made anew where it is needed
            if found.fits(measures, digest, bucket_bytes_of(memory_mb, workers)):
                return found, True
    own = folder / name
    made = prepare(measures, source, own, memory_mb=memory_mb, workers=workers, digest=digest, progress=progress)
    return made, False


def prepare(
    measures: Iterable[Measure],
    source: Source,
    folder: Path,
    *,
    memory_mb: int,
    workers: int = 2,
    digest: str = "",
    progress: Progress = lambda _done, _total: None,
) -> Prepared:
    """Make the feeds of some measures from a source, with memory for so much of them and no more.

    Arguments:
        folder: made, or emptied where it holds an earlier preparation. Nobody else may prepare it at the same time.
        memory_mb: what the rows at work may take, beside the program itself and one piece of the source.
        workers: how many buckets are at work at once, here and when they are asked.
        digest: of the source, for the manifest.
        progress: called with what is done and the total, of both passes.
    Raises:
        FeatureError: where the folder holds other things or cannot be written, or two feeds would share a name.
    """
    feeds = feeds_of(measures)
    check_names(feeds)
    memory, bucket_bytes = memory_mb * 1_000_000, bucket_bytes_of(memory_mb, workers)
    splits = {feed.name: _power(source.rows(feed.stream.kind) * _row_bytes(feed), bucket_bytes) for feed in feeds}
    rows = sum(source.rows(kind) for kind in {feed.stream.kind for feed in feeds})
    try:
        _begin(folder)
        fragments = Fragments(folder / _FRAGMENTS, splits, int(memory * _HELD))
        pieces = _Slices(source, int(memory * _SLICE))
        for feed, piece in observations(feeds, pieces, lambda done, _: progress(done, 2 * rows)):
            fragments.add(feed.name, piece)
        fragments.finish()
        counts = {
            feed.name: min(splits[feed.name], _power(fragments.sizes[feed.name], bucket_bytes))
            for feed in feeds
            if fragments.rows[feed.name]
        }
        written: dict[str, list[tuple[int, int]]] = {feed.name: [] for feed in feeds}
        for name, bucket in _gathered(folder, fragments, counts, workers):
            written[name].append(bucket)
            done = sum(map(len, written.values()))
            progress(rows + rows * done // sum(counts.values()), 2 * rows)
        manifest = Manifest(
            format=FORMAT, source=digest, bucket_bytes=bucket_bytes,
            feeds=tuple(
                PreparedFeed(
                    name=feed.name, meaning=_meaning(feed), columns=_columns(feed),
                    rows=tuple(rows for rows, _ in written[feed.name]), sizes=tuple(size for _, size in written[feed.name]),
                )
                for feed in feeds
            ),
        )  # fmt: skip
        _finish(folder, manifest)
    except OSError as error:
        raise FeatureError(f"features cannot be prepared in {folder}: {error.strerror or error}") from error
    return Prepared(folder, manifest)


def check_names(feeds: Sequence[Feed]) -> None:
    """Feeds are kept under their names: each must have its own, and one that is safe as a folder's.

    Raises:
        FeatureError: where that is not so.
    """
    seen: set[str] = set()
    for feed in feeds:
        if not _SAFE.fullmatch(feed.name):
            raise FeatureError(
                f"{feed.name!r} cannot name a folder: keys and streams are named in small letters, digits and _"
            )
        if feed.name in seen:
            raise FeatureError(f"two feeds are called {feed.name}: give one of their keys or streams another name")
        seen.add(feed.name)


def _row_bytes(feed: Feed) -> int:
    """At most so many bytes a row as a rule, texts included."""
    return 8 * (3 + len(feed.numbers)) + 48 * (1 + len(feed.codes))


def _power(size: int, most: int) -> int:
    """The least power of two that parts a size into parts of `most`, within bounds."""
    parts = 1
    while parts * most < size and parts < _MOST_BUCKETS:
        parts *= 2
    return parts


class _Slices:
    """A source in pieces of at most so many bytes."""

    def __init__(self, source: Source, most: int) -> None:
        self._source, self._most = source, most

    def rows(self, kind: str) -> int:
        return self._source.rows(kind)

    def tables(self, kind: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        for table in self._source.tables(kind, columns):
            step = max(_LEAST_SLICE, self._most * table.num_rows // max(table.nbytes, 1))
            for begin in range(0, table.num_rows, step):
                yield table.slice(begin, step)


def _begin(folder: Path) -> None:
    """An empty folder that is marked as unfinished."""
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / _MANIFEST).exists() and not (folder / _UNFINISHED).exists():
            raise FeatureError(f"{folder} holds other things than features: name another folder, or empty it")
        (folder / _UNFINISHED).touch()
        (folder / _MANIFEST).unlink(missing_ok=True)
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _UNFINISHED).touch()


def _gathered(
    folder: Path, fragments: Fragments, counts: dict[str, int], workers: int
) -> Iterator[tuple[str, tuple[int, int]]]:
    """Write all buckets, several at once; the rows and bytes of each, in order."""

    def written(place: tuple[str, int]) -> tuple[str, tuple[int, int]]:
        name, bucket = place
        return name, _written(_path(folder, name, bucket), fragments.gather(name, bucket, counts[name]))

    places = [(name, bucket) for name, count in counts.items() for bucket in range(count)]
    for name in counts:
        (folder / name).mkdir()
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(written, places)


def _written(path: Path, table: pa.Table | None) -> tuple[int, int]:
    """Write a bucket; an empty one is an empty file."""
    if table is None:
        path.touch()
        return 0, 0
    write(packed(table), path)
    return table.num_rows, path.stat().st_size


def _finish(folder: Path, manifest: Manifest) -> None:
    shutil.rmtree(folder / _FRAGMENTS, ignore_errors=True)
    made = folder / f"{_MANIFEST}.new"
    with made.open("wb") as file:
        file.write(canonical({"digest": manifest.digest, **asdict(manifest)}))
        file.flush()
        os.fsync(file.fileno())
    made.replace(folder / _MANIFEST)
    (folder / _UNFINISHED).unlink()
