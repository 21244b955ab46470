"""What a model costs to use: the 99th percentile of what a clock says, and the bytes of its bundle."""

from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.forms import Value
from models.bundle import to_bytes
from models.costs import bundle_mb, latency_p99_ms
from models.explain import Explained, Scorer
from tests.model_layer.bundles import small_bundle

SCORER = Scorer(small_bundle(1))
EMPTY: list[Value] = [None] * len(SCORER.features.features)


@given(milliseconds=st.lists(st.integers(1, 1_000), min_size=1, max_size=30))
def test_latency_is_the_99th_percentile_of_the_calls_that_are_timed(milliseconds: list[int]) -> None:
    def ticks() -> Iterator[float]:
        now = 0.0
        for spent in milliseconds:
            yield now
            now += spent / 1_000
            yield now

    clock = ticks()
    found = latency_p99_ms(SCORER, [EMPTY], calls=len(milliseconds), clock=lambda: next(clock))
    assert found == pytest.approx(float(np.percentile(milliseconds, 99)))
    assert next(clock, None) is None  # what warms up is not timed


def test_vectors_are_taken_in_turn_and_really_explained() -> None:
    seen: list[int] = []

    class Watched(Scorer):
        def explain(self, vector: list[Value]) -> Explained:  # type: ignore[override]
            seen.append(vectors.index(vector))
            return super().explain(vector)

    vectors = [EMPTY, [*EMPTY[:-1], 1.0]]
    numbers = count()
    latency_p99_ms(Watched(small_bundle(1)), vectors, calls=10, clock=lambda: float(next(numbers)))
    assert seen[-10:] == [0, 1] * 5


def test_the_size_is_that_of_the_bytes_as_stored() -> None:
    assert bundle_mb(small_bundle(1)) == len(to_bytes(small_bundle(1))) / 1e6
