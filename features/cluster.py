"""The tasks of the batch engine on a Dask cluster: the same tasks, the same integers.

Each task goes to a worker with its questions; the worker reads the bucket from the folder that all share, and only the answers
come back. Preparing (`features.prepared.prepare`) runs on the machine that submits: it is bound by reading, and one pass.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from distributed import CancelledError, Client, KilledWorker, as_completed

from data.errors import FeatureError
from features.batch import Feeds, Run, Task, answer
from features.forms import Integers
from features.measures import Measure
from features.prepared import Prepared, open_prepared

_AHEAD = 3
"""How many tasks wait at the cluster for each of its threads: enough to keep it busy, few enough to hold."""
_RETRIES = 3
_LEAST_ROOM = 4


def on_cluster(client: Client) -> Run:
    """Work tasks off on the workers of a Dask cluster. A task whose worker dies is given to another one by Dask.

    Arguments:
        client: of a running scheduler; its workers see the folder of the feeds under the same path and run this version.
    """

    def run(feeds: Feeds, tasks: Iterable[Task]) -> Iterator[tuple[Task, dict[Measure, Integers]]]:
        if not isinstance(feeds, Prepared):
            raise FeatureError(
                "a cluster answers from prepared features only: prepare them in a folder that workers share"
            )
        folder, digest = str(feeds.folder.resolve()), feeds.manifest.digest
        waiting, sent = iter(tasks), dict[str, Task]()
        running = as_completed(with_results=True)

        def send() -> None:
            room = max(_LEAST_ROOM, _AHEAD * sum(client.nthreads().values()))
            while len(sent) < room and (task := next(waiting, None)) is not None:
                future = client.submit(_answered, folder, digest, task, pure=False, retries=_RETRIES)
                sent[future.key] = task
                running.add(future)

        try:
            send()
            while sent:
                future, answers = _next(running)
                task = sent.pop(future.key)
                future.release()
                send()
                yield task, dict(zip(task.feed.measures, answers, strict=True))
        finally:
            running.clear()  # futures that nobody holds are cancelled

    return run


def _next(running: Any) -> tuple[Any, list[Integers]]:
    try:
        found: tuple[Any, list[Integers]] = next(running)
    except KilledWorker as error:
        raise FeatureError(
            "workers of the cluster died again and again over one task: give them more memory, or prepare with less"
        ) from error
    except CancelledError as error:
        raise FeatureError("the cluster went away, or forgot what it was asked: look at its scheduler") from error
    return found


def _answered(folder: str, digest: str, task: Task) -> list[Integers]:
    """What a worker does: the answers in the order of the feed's measures."""
    feeds = _opened(folder, digest)
    answers = answer(task, feeds.table(task.feed, task.bucket))
    return [answers[measure] for measure in task.feed.measures]


@lru_cache(maxsize=8)
def _opened(folder: str, digest: str) -> Prepared:
    found = open_prepared(Path(folder))
    if found.manifest.digest != digest:
        raise FeatureError(
            f"{folder} is another preparation on this worker than where it was submitted: share one folder"
        )
    return found
