"""Vectorised draws: one generator a part of the world, weighted choices, scrambled numbers."""

from zlib import crc32

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from data.simulator.laws import Pair
from data.times import SECOND

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Texts = NDArray[np.object_]
MINUTE = 60 * SECOND


def generator(seed: int, part: str) -> Generator:
    """The generator of one part of the world.

    Each part has its own, so that a change in one leaves the draws of the others as they were.
    """
    return np.random.default_rng([seed, crc32(part.encode())])


def texts(values: list[str] | tuple[str, ...]) -> Texts:
    """Python strings as an array that can be indexed."""
    return np.array(values, dtype=object)


def uniform(rng: Generator, bounds: Pair, size: int) -> Floats:
    """Uniform draws between two bounds."""
    return rng.uniform(bounds[0], bounds[1], size)


def choose(rng: Generator, weights: Floats, rows: Ints) -> Ints:
    """One weighted choice for each entry of `rows`.

    Arguments:
        weights: not negative, shape (kinds, options); a row that is drawn from sums to anything above 0.
        rows: row of `weights` of each draw, shape (draws,).
    Returns:
        The chosen option of each draw, shape (draws,).
    """
    ends = np.cumsum(weights, axis=1)
    ends /= np.where(ends[:, -1:] > 0, ends[:, -1:], 1.0)
    # Row k lives in [k, k + 1), so that one sorted search serves all rows.
    flat = (ends + np.arange(len(ends))[:, None]).ravel()
    found = np.searchsorted(flat, rows + rng.random(len(rows)), side="right")
    options = weights.shape[1]
    chosen: Ints = np.clip(found - rows * options, 0, options - 1)
    return chosen


def choose_one(rng: Generator, weights: Floats, size: int) -> Ints:
    """Weighted choices from one law, shape (size,)."""
    return choose(rng, weights[None, :], np.zeros(size, dtype=np.int64))


def minutes_between(rng: Generator, hours: Pair, size: int) -> Ints:
    """Durations of whole minutes, uniform between two numbers of hours, in microseconds."""
    durations: Ints = (uniform(rng, hours, size) * 60).astype(np.int64) * MINUTE
    return durations


def scramble(seed: int, space: str, index: Ints) -> NDArray[np.uint64]:
    """Different indices as different numbers of 64 bits without visible order (splitmix64, a bijection).

    Arguments:
        space: name space; the same index has another number in another space.
    """
    with np.errstate(over="ignore"):
        x = index.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(
            (seed << 32 | crc32(space.encode())) % 2**64
        )
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def fraction(seed: int, space: str, index: Ints) -> Floats:
    """A draw between 0 and 1 that belongs to an index: the same for any part of the world that asks for it."""
    return (scramble(seed, space, index) >> np.uint64(11)).astype(np.float64) * 2.0**-53
