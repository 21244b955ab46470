"""Work on threads whose results are those of one thread."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Part = TypeVar("Part")
Done = TypeVar("Done")


def together(work: Callable[[Part], Done], parts: Sequence[Part], threads: int) -> list[Done]:
    """What comes of some parts of work, in their order, so many worked on at once.

    Fits that each take one thread end sooner beside each other than one after the other with all threads each.
    """
    if threads == 1:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, parts))
