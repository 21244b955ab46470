"""Laws of prepared features: the same values as in memory, in bounded memory, and nothing unfinished is taken for whole."""

import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from data.errors import FeatureError
from data.layout import VersionTables
from data.records import Record, Version
from features import fragments, kernels, prepared
from features.batch import FeedsInMemory, Values, matrix, on_threads
from features.catalogue import SETS
from features.definitions import FeatureSet
from features.feeds import buckets_of, feeds_of
from features.measures import Key, Measure, Stream
from features.prepared import bucket_bytes_of, open_prepared, prepare
from features.questions import Question, Questions
from tests.feature_layer.busy import busy_history
from tests.feature_layer.generated import Generated

ALL = tuple(dict.fromkeys(measure for features in SETS.values() for measure in features.measures))


def versions_of(seed: int) -> tuple[list[Version], list[Question]]:
    """The versions and questions of a busy history."""
    ends: dict[str, int] = {}
    versions: list[Version] = []
    steps = busy_history(seed).steps
    for number, record in reversed([(n, step) for n, step in enumerate(steps) if isinstance(step, Record)]):
        versions.append(Version(number, record, ends.get(record.guid, 2**62)))
        ends[record.guid] = record.known_at
    return versions[::-1], [step for step in steps if isinstance(step, Question)]


def same(one: dict[str, Values], two: dict[str, Values]) -> None:
    """Bit for bit."""
    assert list(one) == list(two)
    for name, column in one.items():
        if column.dtype == object:
            assert list(column) == list(two[name]), name
        else:
            assert column.tobytes() == two[name].tobytes(), name


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many buckets, many fragments and small pieces even of little data."""
    monkeypatch.setattr(prepared, "_LEAST_SLICE", 7)
    monkeypatch.setattr(prepared, "_HELD", 0.01)
    monkeypatch.setattr(prepared, "_SLICE", 1e-9)
    monkeypatch.setattr(prepared, "_WORKING_SET", 400)


@pytest.fixture
def appended(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many fragments each gathered bucket had."""
    found: list[int] = []
    tables = fragments._tables

    def counted(path: Path) -> Iterator[pa.Table]:
        read = list(tables(path))
        found.append(len(read))
        return iter(read)

    monkeypatch.setattr(fragments, "_tables", counted)
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_prepared_features_are_those_in_memory(tmp_path: Path, tiny: None, appended: list[int], seed: int) -> None:
    versions, questions = versions_of(seed)
    source, asked = VersionTables(versions), Questions.of(questions)
    progress: list[tuple[int, int]] = []
    made = prepare(ALL, source, tmp_path / "f", memory_mb=1, digest="d", progress=lambda *at: progress.append(at))
    assert max(len(feed.rows) for feed in made.manifest.feeds) >= 4
    assert max(appended) >= 4
    assert progress == sorted(progress)
    assert progress[-1][0] == progress[-1][1]
    opened, in_memory = open_prepared(tmp_path / "f"), FeedsInMemory(ALL, source)
    assert opened == made
    for features in SETS.values():
        expected = matrix(features, in_memory, asked)
        same(matrix(features, opened, asked), expected)
        same(matrix(features, opened, asked, run=on_threads(1)), expected)


def test_questions_may_come_in_any_order() -> None:
    versions, questions = versions_of(9)
    order = np.random.default_rng(9).permutation(len(questions))
    in_memory = FeedsInMemory(ALL, VersionTables(versions))
    for features in SETS.values():
        expected = matrix(features, in_memory, Questions.of(questions))
        shuffled = matrix(features, in_memory, Questions.of([questions[place] for place in order]))
        same(shuffled, {name: column[order] for name, column in expected.items()})


def test_buckets_in_memory_change_nothing() -> None:
    versions, questions = versions_of(10)
    whole, split = (FeedsInMemory(ALL, VersionTables(versions), rows=rows) for rows in (500_000, 5))
    assert max(split.buckets(feed) for feed in feeds_of(ALL)) >= 4
    for features in SETS.values():
        same(*(matrix(features, feeds, Questions.of(questions)) for feeds in (split, whole)))


def test_a_key_has_one_bucket_however_it_is_held() -> None:
    names = pa.array([f"firm\x1ff{number}" for number in range(40)])
    expected = buckets_of(names, 5)
    assert len(set(expected)) == 5
    part = pa.DictionaryArray.from_arrays(pa.array(range(30), pa.int32()), names.slice(10))
    assert np.array_equal(buckets_of(part, 5), expected[10:])
    assert np.array_equal(buckets_of(names[::-1], 5), expected[::-1])


def test_buckets_are_taken_as_they_are(tmp_path: Path, tiny: None) -> None:
    versions, _ = versions_of(4)
    made, in_memory = (
        prepare(ALL, VersionTables(versions), tmp_path / "f", memory_mb=1),
        FeedsInMemory(ALL, VersionTables(versions)),
    )
    for feed in feeds_of(ALL):
        rows, keys = 0, set()
        for bucket in range(made.buckets(feed)):
            table = made.table(feed, bucket)
            own = table["key"].combine_chunks()
            assert kernels.is_arranged(own.indices.to_numpy(), table["start"].to_numpy())
            assert keys.isdisjoint(own.dictionary.to_pylist())
            assert np.array_equal(own.indices.unique(), np.arange(len(own.dictionary)))
            keys.update(own.dictionary.to_pylist())
            rows += len(table)
        if in_memory.buckets(feed):
            whole = in_memory.table(feed, 0)
            assert rows <= len(whole)  # what never counts may be there
            assert keys == set(whole["key"].unique().to_pylist())
            assert made.table(feed, 0).schema.names != []
            assert set(made.table(feed, 0).column_names) == set(whole.column_names)
        else:
            assert made.buckets(feed) == 0


def test_a_smaller_set_is_asked_of_what_was_prepared_for_more(tmp_path: Path) -> None:
    versions, questions = versions_of(5)
    made = prepare(SETS["shipment"].measures, VersionTables(versions), tmp_path / "f", memory_mb=100, digest="d")
    credit = SETS["credit"]
    expected = matrix(credit, FeedsInMemory(credit.measures, VersionTables(versions)), Questions.of(questions))
    same(matrix(credit, made, Questions.of(questions)), expected)
    room = bucket_bytes_of(100, 2)
    assert made.fits(credit.measures, "d", room)
    assert not made.fits(credit.measures, "another", room)
    assert not made.fits(credit.measures, "d", room - 1)
    assert not made.fits(SETS["korea"].measures, "d", room)
    with pytest.raises(FeatureError, match=r"prepared for other features: it lacks .*prepare it again"):
        matrix(SETS["korea"], made, Questions.of(questions))


def test_nothing_gives_nothing(tmp_path: Path) -> None:
    _, questions = versions_of(6)
    made = prepare(ALL, VersionTables([]), tmp_path / "f", memory_mb=1)
    assert made.rows == 0
    expected = matrix(SETS["shipment"], FeedsInMemory(ALL, VersionTables([])), Questions.of(questions))
    same(matrix(SETS["shipment"], open_prepared(tmp_path / "f"), Questions.of(questions)), expected)


class _Interrupted:
    """A source that breaks off in the middle."""

    def __init__(self, versions: list[Version], after: int) -> None:
        self._source, self._left = VersionTables(versions), after

    def rows(self, kind: str) -> int:
        return self._source.rows(kind)

    def tables(self, kind: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        self._left -= 1
        if not self._left:
            raise KeyboardInterrupt
        return self._source.tables(kind, columns)


@pytest.mark.parametrize("whole_before", [False, True])
@pytest.mark.parametrize("moment", ["scatter", "gather", "end"])
def test_a_preparation_that_was_cut_off_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: None, moment: str, whole_before: bool
) -> None:
    versions, questions = versions_of(7)
    folder = tmp_path / "f"
    if whole_before:
        prepare(ALL, VersionTables(versions), folder, memory_mb=1)

    def interrupt(*_given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if moment != "scatter":
            patched.setattr(prepared, "_written" if moment == "gather" else "_finish", interrupt)
        source = _Interrupted(versions, 4 if moment == "scatter" else 1_000)
        with pytest.raises(KeyboardInterrupt):
            prepare(ALL, source, folder, memory_mb=1)
    with pytest.raises(FeatureError, match=r"was not prepared to its end: .*prepare it"):
        open_prepared(folder)
    prepare(ALL, VersionTables(versions), folder, memory_mb=1)
    assert {path.name for path in folder.iterdir() if path.is_file()} == {"manifest.json"}
    assert not list(folder.rglob("*.arrow"))
    expected = matrix(SETS["credit"], FeedsInMemory(ALL, VersionTables(versions)), Questions.of(questions))
    same(matrix(SETS["credit"], open_prepared(folder), Questions.of(questions)), expected)


def _edit(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


_CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (lambda f: (f / "manifest.json").unlink(), "holds no prepared features"),
    "no JSON": (lambda f: (f / "manifest.json").write_text("{"), "cannot be read as a manifest"),
    "a list": (lambda f: (f / "manifest.json").write_text("[]"), "cannot be read as a manifest"),
    "another form": (lambda f: _edit(f, format=2), "format 2, this version reads 1: prepare it again"),
    "another source": (lambda f: _edit(f, source="x"), "was changed"),
    "a file gone": (lambda f: max(f.rglob("*.parquet")).unlink(), "is missing or was changed; prepare"),
    "a file cut": (lambda f: max(f.rglob("*.parquet")).write_bytes(b"PAR1"), "is missing or was changed; prepare"),
}


@pytest.mark.parametrize("name", _CHANGES)
def test_every_change_is_noticed(tmp_path: Path, name: str) -> None:
    prepare(SETS["credit"].measures, VersionTables(versions_of(8)[0]), tmp_path / "f", memory_mb=1)
    change, words = _CHANGES[name]
    change(tmp_path / "f")
    with pytest.raises(FeatureError, match=words):
        open_prepared(tmp_path / "f")


def test_a_file_that_goes_later_is_named(tmp_path: Path) -> None:
    made = prepare(SETS["credit"].measures, VersionTables(versions_of(8)[0]), tmp_path / "f", memory_mb=1)
    feed = feeds_of(SETS["credit"].measures)[1]
    (tmp_path / "f" / feed.name / "0.parquet").unlink()
    with pytest.raises(FeatureError, match=r"cannot be read.*prepare the features again"):
        made.table(feed, 0)


def test_other_things_are_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(FeatureError, match="holds other things than features"):
        prepare(ALL, VersionTables([]), tmp_path, memory_mb=1)
    assert (tmp_path / "mine.txt").read_text() == "kept"


def test_feeds_have_names_of_their_own(tmp_path: Path) -> None:
    prepared.check_names(feeds_of(ALL))
    firm = Key("firm", ("enterprise",))
    one = Measure("count", Stream("declared", "declaration"), firm)
    two = Measure("count", Stream("declared", "order"), firm)
    for measures, words in (
        ([one, two], "two feeds are called firm.declared"),
        ([Measure("count", Stream("../declared", "declaration"), firm)], "cannot name a folder"),
    ):
        with pytest.raises(FeatureError, match=words):
            prepare(measures, VersionTables([]), tmp_path / "f", memory_mb=1)
    assert not (tmp_path / "f").exists()


_MEMORY_MB, _ROWS = 150, 1_500_000


def _peak() -> float:
    """The largest memory of this process so far, in megabytes."""
    said = Path("/proc/self/status").read_text()
    return int(next(line for line in said.splitlines() if line.startswith("VmHWM")).split()[1]) / 1_000


def _measured(folder: Path, results: "multiprocessing.Queue[tuple[float, float, int]]") -> None:
    before = pa.total_allocated_bytes()
    small = Generated(20_000)
    features = FeatureSet("credit", "enterprise", SETS["credit"].features)
    warm = prepare(features.measures, small, folder / "warm", memory_mb=_MEMORY_MB)
    matrix(features, warm, small.questions(100))
    start = _peak()
    source = Generated(_ROWS)
    made = prepare(features.measures, source, folder / "f", memory_mb=_MEMORY_MB)
    matrix(features, made, source.questions(1_000))
    assert pa.total_allocated_bytes() - before < 1e8
    results.put((start, _peak(), made.rows))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_memory_is_bounded_by_its_setting(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    child = context.Process(target=_measured, args=(tmp_path, results))
    child.start()
    try:
        start, peak, rows = results.get(timeout=240)
    finally:
        child.join(30)
        child.kill()
    assert child.exitcode == 0
    assert rows > _ROWS
    assert peak - start < 2 * _MEMORY_MB
