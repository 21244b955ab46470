"""Exact path-dependent TreeSHAP by quadrature, compiled.

Let each feature of a row be known with probability t, independently. A tree then answers in expectation F(t): at a node whose
feature is known it follows the row, else it goes either way as the training rows did. The Shapley value of a feature is the
derivative of F by the probability of that feature, integrated over t from 0 to 1 (Owen 1972): for trees, the integral of
Wettenstein, Mitchell and Yu (2026, arXiv 2605.04497). On a path with m distinct features the integrand is a polynomial of
degree m - 1, so Gauss and Legendre's rule of n points gives it exactly where m <= 2 n.

What is known of a feature is known at all its nodes. Below earlier tests of it, through which a share z of the training rows
came and the row itself too, it is known with the probability h = t / (z (1 - t) + t) that Bayes' rule gives; where the row
would not have come, it is certainly unknown: h = 0. A node therefore sends the share q = s + (b - s) h to its left, where s of
the training rows went and b = 1 if the row does; and the derivative by its feature is (b - s) h' times the difference of its
children, with h' = z / (z (1 - t) + t)^2. Nothing is divided that could be zero, not even where no training row went.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.contributions.lanes import WIDTH, every, load, store

Floats = NDArray[np.float64]
Categories = NDArray[np.uint32]
Records = NDArray[np.void]
EXACT_TO = 4 * WIDTH
"""The most distinct features on a path that the rules here are exact for."""
_ZERO = float(np.float32(1e-35))
_NO_CATEGORY = np.uint32(2**32 - 1)
_compiled = njit(nogil=True, cache=True, error_model="numpy")
_inlined = njit(nogil=True, error_model="numpy", inline="always")


def rules() -> tuple[Floats, Floats]:
    """Points and weights on [0, 1], each of shape (3, WIDTH): the rule of WIDTH points, and that of twice as many in two rows."""
    found = [np.polynomial.legendre.leggauss(count) for count in (WIDTH, 2 * WIDTH)]
    points, weights = (np.concatenate(parts).reshape(3, WIDTH) for parts in zip(*found, strict=True))
    return (points + 1) / 2, weights / 2


@_compiled
def _read(row: Floats, numbers: Floats, categories: Categories) -> None:
    """A row as LightGBM reads it: nearly zero as zero; the same with NaN for zero after that; whole parts as categories."""
    for f in range(len(row)):
        is_zero = abs(row[f]) <= _ZERO
        numbers[f] = 0.0 if is_zero else row[f]
        numbers[len(row) + f] = np.nan if is_zero else row[f]
        categories[f] = np.uint32(row[f]) if -1.0 < row[f] < 2147483648.0 else _NO_CATEGORY


@_inlined
def _word(node: Any, category: int) -> int:
    """Which word has the bit of a category: the empty one at the end where the node knows no such category."""
    return node.word + min(category >> 5, node.words)


@_inlined
def _goes_left(node: Any, number: float, category: int, word: int) -> bool:
    """LightGBM's `Tree::Decision` without a jump: nothing is below a categorical node's threshold, a numeric one has no bits."""
    by_number = (number <= node.threshold) | ((number != number) & node.nan_goes_left)
    return by_number | ((word >> (category & 31)) & 1 != 0)


@_compiled
def margin_of(trees: Records, nodes: Records, leaves: Floats, words: Categories, row: Floats) -> float:
    """The raw score of a row of shape (features,), added up in the order of the trees as LightGBM does: the same bits."""
    numbers, categories = np.empty(2 * len(row)), np.empty(len(row), dtype=np.uint32)
    _read(row, numbers, categories)
    total = 0.0
    for tree in trees:
        slot = 0
        while slot < tree.nodes:
            node = nodes[np.uint64(tree.node + slot)]
            category = categories[node.feature]
            left = _goes_left(node, numbers[node.column], category, words[_word(node, category)])
            slot = node.left if left else node.right
        total += leaves[tree.leaf + slot - tree.nodes]
    return total


@_compiled
def _room(count: int) -> Floats:
    """Room for lanes, each in a cache line of its own, shape (count, WIDTH)."""
    room = np.empty((count + 1) * WIDTH)
    begin = -(room.ctypes.data // 8) % WIDTH
    return room[begin : begin + count * WIDTH].reshape(count, WIDTH)


@_compiled
def contributions_of(
    trees: Records, nodes: Records, leaves: Floats, words: Categories, base: float,
    points: Floats, weights: Floats, rows: Floats, result: Floats,
) -> None:  # fmt: skip
    """What each feature adds to the raw score of each row, and the base value.

    One function for all, and indices without a sign: arrays that are handed on have their references counted, and a sign is
    looked at each time; both together would take as long as all the rest.

    Arguments:
        points, weights: see `rules`.
        rows: shape (n, features).
        result: shape (n, features + 1), written; the base value comes last.
    """
    most, features = 0, rows.shape[1]
    for tree in trees:
        most = max(most, tree.nodes)
    paths, values, sums = _room(2 * most + 1), _room(2 * most + 1), _room(features)
    numbers, categories = np.empty(2 * features), np.empty(features, dtype=np.uint32)
    steps, lefts, opens = np.empty(most), np.empty(most, dtype=np.bool_), np.empty(most, dtype=np.bool_)
    one, none = every(1.0), every(0.0)
    for r in range(len(rows)):
        _read(rows[r], numbers, categories)
        sums[:] = 0
        for tree in trees:
            # the row's way: b, b - s, and whether it may be known at all
            for slot in range(tree.nodes):
                node = nodes[np.uint64(tree.node + slot)]
                category = categories[node.feature]
                left = _goes_left(node, numbers[node.column], category, words[_word(node, category)])
                lefts[slot] = left
                steps[slot] = left - node.share
                opens[slot] = True
                if node.earlier >= 0:
                    opens[slot] = opens[node.earlier] and lefts[node.earlier] == node.side
            for slot in range(tree.nodes + 1):
                store(values, tree.nodes + slot, every(leaves[tree.leaf + slot]))
            rule, end = (0, 1) if tree.distinct <= 2 * WIDTH else (1, 3)
            for k in range(rule, end):
                # down: with what weight and probability each node is reached
                point = load(points, k)
                unknown = one - point
                store(paths, 0, load(weights, k))
                for slot in range(tree.nodes):
                    node = nodes[np.uint64(tree.node + slot)]
                    path, known = load(paths, slot), point
                    if node.earlier >= 0:
                        known = point / (every(node.kept) * unknown + point) if opens[slot] else none
                    left_path = path * (every(node.share) + every(steps[slot]) * known)
                    store(paths, node.left, left_path)
                    store(paths, node.right, path - left_path)
                # up: what each node answers, and how its feature changes that
                for slot in range(tree.nodes - 1, -1, -1):
                    node = nodes[np.uint64(tree.node + slot)]
                    step, right = every(steps[slot]), load(values, node.right)
                    difference = load(values, node.left) - right
                    gain, known = step * load(paths, slot) * difference, point
                    if node.earlier >= 0:
                        if opens[slot]:
                            kept = every(node.kept)
                            inverse = one / (kept * unknown + point)
                            known = point * inverse
                            gain = gain * kept * inverse * inverse
                        else:
                            gain, known = none, none
                    store(values, slot, right + (every(node.share) + step * known) * difference)
                    store(sums, node.feature, load(sums, node.feature) + gain)
        for f in range(features):
            total = 0.0
            for lane in range(WIDTH):
                total += sums[f, lane]
            result[r, f] = total
        result[r, features] = base
