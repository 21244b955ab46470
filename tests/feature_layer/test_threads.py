"""Threads change when work is done, never what comes of it."""

from hypothesis import given
from hypothesis import strategies as st

from features.threads import together


@given(parts=st.lists(st.integers(), max_size=30), threads=st.sampled_from([1, 2, 5]))
def test_what_is_worked_on_together_comes_in_order(parts: list[int], threads: int) -> None:
    assert together(lambda part: part * 2, parts, threads) == [part * 2 for part in parts]
