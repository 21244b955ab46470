"""Snapshots: what was known at a moment, as immutable Parquet files with a manifest. Training reads nothing else.

A snapshot is a folder: `manifest.json`, and files under `kind=KIND/month=YYYY-MM/` in the layout of `data.layout`. Its digest is
SHA-256 over the manifest's content, which holds SHA-256 of each file: the same records and question give the same digest.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import SnapshotError
from data.layout import MATCHED, row_of, schema_of_versions
from data.payloads import compact
from data.records import Record, Version, canonical, digest_of
from data.times import CHINA, OPEN, from_instant, to_instant

FORMAT = 1
_ROWS = 20_000
_GROUP = 250_000
_MANIFEST = "manifest.json"
_TIMES = ("event_at", "known_at", "usable_until", "ended_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a snapshot holds.

    Arguments:
        as_of: the instant of the question: only what was known before it is there, with the ends known then.
        since, until: range of `event_at`, the second one excluded; `OPEN` for all.
        rows: versions by kind.
        files: path inside the folder, rows, and SHA-256 of each file.
    """

    format: int
    as_of: int
    since: int
    until: int
    rows: dict[str, int]
    files: tuple[tuple[str, int, str], ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the content: the snapshot's identity."""
        return digest_of(asdict(self))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An opened snapshot whose files are those of its manifest."""

    folder: Path
    manifest: Manifest

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest's content."""
        return self.manifest.digest

    def rows(self, kind: str) -> int:
        """How many versions of a kind there are."""
        return self.manifest.rows.get(kind, 0)

    def tables(self, kind: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The versions of a kind, a row group at a time, with those of some columns that the kind has."""
        for name, _, _ in self.manifest.files:
            if name.startswith(f"kind={kind}/"):
                with pq.ParquetFile(self.folder / name) as file:
                    wanted = [column for column in columns if column.split(".")[0] in file.schema_arrow.names]
                    for batch in file.iter_batches(_GROUP, columns=wanted):
                        yield pa.Table.from_batches([batch])

    def versions(self, kinds: Iterable[str] = ()) -> list[Version]:
        """The versions in the order of intake.

        Arguments:
            kinds: only these, all where empty.
        """
        wanted = set(kinds)
        found: list[Version] = []
        for name, _, _ in self.manifest.files:
            kind = name.split("/", 1)[0].removeprefix("kind=")
            if not wanted or kind in wanted:
                found.extend(_versions_of(kind, pq.read_table(self.folder / name, partitioning=None)))
        found.sort(key=lambda version: version.seq)
        return found


def as_known(versions: Iterable[Version], as_of: int, since: int = 0, until: int = OPEN) -> Iterator[Version]:
    """Versions as they were known before an instant: later ones left out, and the ends that they made."""
    for version in versions:
        if version.record.known_at < as_of and since <= version.record.event_at < until:
            yield version if version.ended_at < as_of else replace(version, ended_at=OPEN)


def write_snapshot(
    versions: Iterable[Version], folder: Path, *, as_of: int, since: int = 0, until: int = OPEN,
    progress: Callable[[int], None] = lambda _done: None,
) -> Snapshot:  # fmt: skip
    """Write a snapshot into `folder/DIGEST`, the first 16 characters of its digest; one that is there already is kept.

    Arguments:
        versions: in the order of intake, as the store has them.
        as_of, since, until: instants, see `Manifest`.
        progress: called with how many versions are written.
    Raises:
        SnapshotError: where the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        making = folder / f".making-{as_of}-{since}-{until}"
        shutil.rmtree(making, ignore_errors=True)
        written = _Files(making)
        for done, version in enumerate(as_known(versions, as_of, since, until), start=1):
            written.add(version)
            if done % _ROWS == 0:
                progress(done)
        files = written.finished()
        rows: dict[str, int] = {}
        for name, count, _ in files:
            kind = name.split("/", 1)[0].removeprefix("kind=")
            rows[kind] = rows.get(kind, 0) + count
        manifest = Manifest(format=FORMAT, as_of=as_of, since=since, until=until, rows=rows, files=files)
        (making / _MANIFEST).write_bytes(canonical({"digest": manifest.digest, **asdict(manifest)}))
        target = folder / manifest.digest[:16]
        if target.exists():
            shutil.rmtree(making)
        else:
            making.rename(target)
    except OSError as error:
        raise SnapshotError(f"the snapshot cannot be written to {folder}: {error.strerror}") from error
    return Snapshot(target, manifest)


def open_snapshot(folder: Path) -> Snapshot:
    """A snapshot by its folder.

    Raises:
        SnapshotError: where it is missing, of another format, or not what its manifest says.
    """
    path = folder / _MANIFEST
    if not path.is_file():
        raise SnapshotError(f"{folder} is no snapshot: it has no {_MANIFEST}; `greenlane snapshots` lists them")
    try:
        said = msgspec.json.decode(path.read_bytes())
        digest = said.pop("digest")
        manifest = msgspec.convert(said, Manifest)
    except (msgspec.MsgspecError, KeyError, AttributeError) as error:
        raise SnapshotError(f"{path} cannot be read as a manifest: {error}") from None
    if manifest.format != FORMAT:
        raise SnapshotError(
            f"{folder} has format {manifest.format}, this version reads {FORMAT}: take the snapshot again"
        )
    if manifest.digest != digest:
        raise SnapshotError(f"{path} was changed: its content is not what its digest says")
    for name, _, expected in manifest.files:
        if not (folder / name).is_file():
            raise SnapshotError(f"{folder} is incomplete: {name} is missing")
        if _digest_of_file(folder / name) != expected:
            raise SnapshotError(f"{folder / name} was changed: it is not the file that the manifest names")
    return Snapshot(folder, manifest)


class _Files:
    """Open Parquet files by kind and month, written a row group at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._writers: dict[tuple[str, str], pq.ParquetWriter] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, version: Version) -> None:
        record = version.record
        month = from_instant(record.known_at).astimezone(CHINA).strftime("%Y-%m")
        place = (record.kind, month)
        waiting = self._waiting.setdefault(place, [])
        waiting.append(row_of(version))
        if len(waiting) >= _ROWS:
            self._write(place)

    def _write(self, place: tuple[str, str]) -> None:
        schema = schema_of_versions(place[0])
        writer = self._writers.get(place)
        if writer is None:
            path = self._folder / _name(place)
            path.parent.mkdir(parents=True, exist_ok=True)
            writer = self._writers[place] = pq.ParquetWriter(path, schema, compression="zstd", store_schema=False)
        rows = self._waiting[place]
        writer.write_table(pa.Table.from_pylist(rows, schema=schema))
        self._counts[place] = self._counts.get(place, 0) + len(rows)
        rows.clear()

    def finished(self) -> tuple[tuple[str, int, str], ...]:
        self._folder.mkdir(parents=True, exist_ok=True)
        for place, waiting in self._waiting.items():
            if waiting:
                self._write(place)
        for writer in self._writers.values():
            writer.close()
        places = sorted(self._counts, key=_name)
        return tuple((_name(p), self._counts[p], _digest_of_file(self._folder / _name(p))) for p in places)


def _name(place: tuple[str, str]) -> str:
    return f"kind={place[0]}/month={place[1]}/part-0.parquet"


def _digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _versions_of(kind: str, table: pa.Table) -> Iterator[Version]:
    for row in table.to_pylist():
        times = {name: OPEN if (moment := row.pop(name)) is None else to_instant(moment) for name in _TIMES}
        seq, digest = row.pop("seq"), row.pop("digest")
        guid, source, action = row.pop("guid"), row.pop("source"), row.pop("action")
        payload = compact(row)
        for holder in (payload, payload.get("facts", {})):
            if MATCHED in holder:
                holder[MATCHED] = msgspec.json.decode(holder[MATCHED])
        record = Record(
            kind=kind, guid=guid, source=source, action=action, event_at=times["event_at"], known_at=times["known_at"],
            usable_until=times["usable_until"], payload=payload, digest=digest,
        )  # fmt: skip
        yield Version(seq, record, times["ended_at"])
