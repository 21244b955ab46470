"""Features on a Dask cluster of real processes: the bytes of threads, also where workers are killed."""

import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from distributed import CancelledError, Client, KilledWorker, LocalCluster

from data.errors import FeatureError
from data.layout import VersionTables
from features import cluster
from features.batch import Feeds, FeedsInMemory, Run, Task, matrix
from features.catalogue import SETS
from features.cluster import on_cluster
from features.forms import Integers
from features.measures import Measure
from features.prepared import Prepared, prepare
from features.questions import Questions
from tests.feature_layer.test_prepared import same, tiny, versions_of

__all__ = ["tiny"]
pytestmark = [
    pytest.mark.xdist_group("cluster"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:distributed"),
]
CREDIT = SETS["credit"]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Three worker processes with a thread each; those that die are replaced."""
    with (
        LocalCluster(
            n_workers=3, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0, silence_logs=50,
        ) as cluster,
        Client(cluster, timeout=60) as client,
    ):  # fmt: skip
        client.wait_for_workers(3, timeout=60)
        yield client


def _is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def killing(run: Run, client: Client, victim: str, lost: list[int]) -> Run:
    """A worker stops before it can answer anything, and is killed with its tasks as soon as another one has answered."""
    process = client.run(os.getpid, workers=[victim])[victim]

    def run_and_kill(feeds: Feeds, tasks: Iterable[Task]) -> Iterator[tuple[Task, dict[Measure, Integers]]]:
        os.kill(process, signal.SIGSTOP)
        try:
            for number, answered in enumerate(run(feeds, tasks)):
                if number == 0:
                    lost.append(len(client.processing()[victim]))
                    os.kill(process, signal.SIGKILL)
                yield answered
        finally:
            if not lost:
                os.kill(process, signal.SIGKILL)

    return run_and_kill


def test_a_cluster_gives_the_bytes_of_threads_though_a_worker_is_killed(
    client: Client, tmp_path: Path, tiny: None
) -> None:
    versions, questions = versions_of(11)
    feeds = prepare(CREDIT.measures, VersionTables(versions), tmp_path / "f", memory_mb=1)
    asked = Questions.of(questions)
    expected = matrix(CREDIT, feeds, asked)
    same(matrix(CREDIT, feeds, asked, run=on_cluster(client)), expected)
    (victim, process), *_ = client.run(os.getpid).items()
    lost: list[int] = []
    same(matrix(CREDIT, feeds, asked, run=killing(on_cluster(client), client, victim, lost)), expected)
    assert lost[0] >= 1
    client.wait_for_workers(3, timeout=60)
    assert process not in client.run(os.getpid).values()
    assert not _is_running(process)
    same(matrix(CREDIT, feeds, asked, run=on_cluster(client)), expected)


def test_what_is_wrong_on_a_worker_is_said_where_it_was_submitted(client: Client, tmp_path: Path) -> None:
    versions, questions = versions_of(12)
    source, asked = VersionTables(versions), Questions.of(questions)
    feeds = prepare(CREDIT.measures, source, tmp_path / "f", memory_mb=1)
    prepare(CREDIT.measures, VersionTables(versions[:-50]), tmp_path / "f", memory_mb=1)
    with pytest.raises(FeatureError, match="another preparation on this worker"):
        matrix(CREDIT, feeds, asked, run=on_cluster(client))
    for name in feeds.folder.rglob("*.parquet"):
        name.write_bytes(b"")
    again = Prepared(feeds.folder, feeds.manifest)
    with pytest.raises(FeatureError, match=r"cannot be read|missing or was changed"):
        matrix(CREDIT, again, asked, run=on_cluster(client))
    with pytest.raises(FeatureError, match="prepared features only"):
        matrix(CREDIT, FeedsInMemory(CREDIT.measures, source), asked, run=on_cluster(client))


@pytest.mark.parametrize(
    ("error", "words"),
    [(KilledWorker("task", SimpleNamespace(address="tcp://a"), 4), "more memory"), (CancelledError(), "went away")],
)
def test_a_cluster_that_gives_up_says_what_to_do(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    versions, questions = versions_of(12)
    feeds = prepare(CREDIT.measures, VersionTables(versions), tmp_path / "f", memory_mb=1)

    def fail(_running: object) -> None:
        raise error

    monkeypatch.setattr(cluster.as_completed, "__next__", fail)
    with pytest.raises(FeatureError, match=words):
        matrix(CREDIT, feeds, Questions.of(questions), run=on_cluster(client))
