"""Laws of snapshots: they give back what was known, have one digest for one content, and notice every change."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from data.errors import SnapshotError
from data.importing import import_paths
from data.records import Version
from data.snapshots import as_known, open_snapshot, write_snapshot
from data.store import Store
from data.store import records as record_rows
from data.times import DAY, OPEN
from tests.data_layer.test_staging import GOOD, NOW, T0, row, write
from tests.reading import reading


@pytest.fixture
def versions(tmp_path: Path, store: Store) -> list[Version]:
    """Versions of every kind, with a late document, a correction, a deletion and an end of use."""
    for kind in GOOD:
        at = T0 + (5 * DAY if kind in ("supervision", "payment") else DAY if kind == "declaration" else 0)
        write(tmp_path / "in", kind, [row(kind, event_at=at, known_at=at)])
    change = {"action": "change", "event_at": T0, "known_at": T0 + 6 * DAY}
    write(tmp_path / "in", "waybill", [row("waybill"), row("waybill", gross_mass_g=777, **change)])
    gone = row("cancellation", action="delete", known_at=T0 + 7 * DAY)
    write(tmp_path / "in", "cancellation", [row("cancellation"), gone])
    write(tmp_path / "in", "public_credit", [row("public_credit", usable_until=T0 + 9 * DAY)])
    assert import_paths(store, [tmp_path / "in"], None, reading=reading(NOW)).rejected == 0
    with store.read() as connection:
        return list(record_rows.versions(connection))


def test_a_snapshot_gives_back_every_version(tmp_path: Path, versions: list[Version]) -> None:
    taken = write_snapshot(versions, tmp_path / "s", as_of=NOW)
    assert {v.record.kind for v in versions} == {*GOOD, "match"}
    assert open_snapshot(taken.folder).versions() == versions
    assert open_snapshot(taken.folder).versions(["order", "match"]) == [
        v for v in versions if v.record.kind in ("order", "match")
    ]
    assert sum(taken.manifest.rows.values()) == len(versions)


def test_the_same_records_give_the_same_bytes_and_digest(tmp_path: Path, versions: list[Version]) -> None:
    one = write_snapshot(versions, tmp_path / "a", as_of=NOW)
    two = write_snapshot(versions, tmp_path / "b", as_of=NOW)
    again = write_snapshot(versions, tmp_path / "a", as_of=NOW)
    assert one.digest == two.digest == again.digest
    assert again.folder == one.folder
    assert one.manifest.files == two.manifest.files
    assert write_snapshot(versions[:-1], tmp_path / "c", as_of=NOW).digest != one.digest
    assert write_snapshot(versions, tmp_path / "c", as_of=NOW + 1).digest != one.digest


@pytest.mark.parametrize("days", range(9))
def test_a_snapshot_of_then_is_what_was_known_then(tmp_path: Path, versions: list[Version], days: int) -> None:
    """As of a moment is what a store would hold that had stopped there: later versions and the ends they made are gone."""
    as_of = T0 + days * DAY + 1
    known = write_snapshot(versions, tmp_path / "s", as_of=as_of).versions()
    stopped = [v for v in versions if v.record.known_at < as_of]
    names = {}
    for version in stopped:
        names.setdefault(record_rows.name_of(version.record), []).append(version)
    ended = {v.seq: (following.record.known_at) for own in names.values() for v, following in pairwise(own)}
    assert known == [replace(v, ended_at=ended.get(v.seq, OPEN)) for v in stopped]


def test_a_range_is_of_what_happened(tmp_path: Path, versions: list[Version]) -> None:
    taken = write_snapshot(versions, tmp_path / "s", as_of=NOW, since=T0 + DAY, until=T0 + 5 * DAY)
    assert [v.record.kind for v in taken.versions()] == ["declaration", "match", "match"]
    assert list(as_known(versions, NOW, T0 + DAY, T0 + 5 * DAY)) == taken.versions()


def _edit(path: Path, name: str) -> None:
    said = json.loads(path.read_text())
    said[name] = said[name] + 1
    path.write_text(json.dumps(said))


_CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a byte": (lambda f: (p := next(f.rglob("*.parquet"))).write_bytes(p.read_bytes()[:-1] + b"x"), "was changed"),
    "a file gone": (lambda f: next(f.rglob("*.parquet")).unlink(), "is missing"),
    "another moment": (lambda f: _edit(f / "manifest.json", "as_of"), "was changed"),
    "no manifest": (lambda f: (f / "manifest.json").unlink(), "is no snapshot"),
    "no JSON": (lambda f: (f / "manifest.json").write_text("{"), "cannot be read"),
    "another form": (lambda f: _edit(f / "manifest.json", "format"), "format 2"),
}


@pytest.mark.parametrize("name", _CHANGES)
def test_every_change_is_noticed(tmp_path: Path, versions: list[Version], name: str) -> None:
    taken = write_snapshot(versions, tmp_path / "s", as_of=NOW)
    change, words = _CHANGES[name]
    change(taken.folder)
    with pytest.raises(SnapshotError, match=words):
        open_snapshot(taken.folder)


def test_nothing_is_a_snapshot_too(tmp_path: Path) -> None:
    assert write_snapshot([], tmp_path / "s", as_of=NOW).versions() == []
