"""What a model costs to use: how long an explained score takes, and how large its bundle is."""

import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice

import numpy as np

from features.forms import Value
from models.bundle import Bundle, to_bytes
from models.explain import Scorer

_WARM_UP = 20


def latency_p99_ms(
    scorer: Scorer, vectors: Sequence[Sequence[Value]], *, calls: int = 300,
    clock: Callable[[], float] = time.perf_counter,
) -> float:  # fmt: skip
    """The 99th percentile of the time that scoring and explaining one vector takes, in one thread, in milliseconds.

    Arguments:
        vectors: feature values in the order of the feature set, at least one; taken in turn.
        calls: how many are timed, after a few that are not.
        clock: gives seconds.
    """
    turns = cycle(vectors)
    for vector in islice(turns, _WARM_UP):
        scorer.explain(vector)
    spent = []
    for vector in islice(turns, calls):
        begin = clock()
        scorer.explain(vector)
        spent.append(clock() - begin)
    return float(np.percentile(spent, 99)) * 1_000


def bundle_mb(bundle: Bundle) -> float:
    """The size of a bundle as stored, in megabytes (millions of bytes)."""
    return len(to_bytes(bundle)) / 1e6
