"""LightGBM's model text as flat arrays, checked once, so that compiled loops can walk the trees without looking back.

A tree with n nodes and n + 1 leaves has 2 n + 1 *slots*: its nodes in LightGBM's order, parents before children, then its leaves.
The format is LightGBM's `Tree::ToString`; what a node does with a value is its `Tree::Decision`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.errors import BundleError

_CATEGORICAL, _DEFAULT_LEFT, _ZERO_IS_MISSING, _NAN_IS_MISSING = 1, 2, 4, 8
"""Bits of `decision_type`. Where neither is missing, NaN is read as zero."""
NODE = np.dtype(
    [
        ("threshold", np.float64),  # a number goes left where it is at most this
        ("share", np.float64),  # of the training rows at the node, those that went left
        ("kept", np.float64),  # the shares of the tests of the same feature above, multiplied; 1 where there are none
        ("feature", np.uint32),
        ("column", np.uint32),  # where the value is read: the feature, after all features where a zero is missing
        ("left", np.uint32),  # slots of the children
        ("right", np.uint32),
        ("earlier", np.int32),  # slot of the nearest node above that tests the same feature, else -1
        ("word", np.uint32),  # a category goes left where its bit is set in the words from this one on
        ("words", np.uint32),
        ("nan_goes_left", np.bool_),
        ("side", np.bool_),  # whether the node lies left of the earlier one
    ],
    align=True,
)
TREE = np.dtype([("node", np.int64), ("leaf", np.int64), ("nodes", np.int64), ("distinct", np.int64)], align=True)
"""Where the nodes and the leaves of a tree begin, how many nodes it has, and the most distinct features on a path of it."""
_ROOT = -1


@dataclass(frozen=True, slots=True)
class Forest:
    """All trees of a model.

    Arguments:
        features: how many numbers a row has.
        trees: of type TREE.
        nodes: of type NODE, tree after tree.
        leaves: values in log-odds (or the unit of a regression), tree after tree.
        words: the categories of all categorical nodes as bits, 32 a word.
        base: the expected value over the training rows, as LightGBM's `pred_contrib` gives it.
    """

    features: int
    trees: NDArray[np.void]
    nodes: NDArray[np.void]
    leaves: NDArray[np.float64]
    words: NDArray[np.uint32]
    base: float

    @property
    def distinct(self) -> int:
        """The most distinct features on a path."""
        return int(self.trees["distinct"].max(initial=0))


def read_forest(text: str) -> Forest:
    """The trees of a LightGBM model text with one output: binary or regression.

    Raises:
        BundleError: where the text is damaged, or says what is not supported: several classes, linear trees, or the averaged
            trees of a random forest.
    """
    until_end, end, _ = text.partition("\nend of trees")
    head, *blocks = until_end.split("\nTree=")
    lines = head.splitlines()
    if not end or lines[:1] != ["tree"]:
        raise BundleError("the trees of a model are not a LightGBM model text; train it again")
    fields = _fields(lines)
    if fields.get("num_class") != "1" or fields.get("num_tree_per_iteration") != "1":
        raise BundleError("a model has trees for several classes; only binary and regression models are supported")
    if "average_output" in lines:
        raise BundleError("a model averages its trees (boosting 'rf'); train it with boosting 'gbdt'")
    try:
        features = int(_numbers(fields, "max_feature_idx", np.int64, 1)[0]) + 1
        _numbers(fields, "tree_sizes", np.int64, len(blocks))
    except BundleError as error:
        raise BundleError(f"the trees of a model are damaged: {error}; train it again") from None
    found = [_read_tree(number, _fields(block.splitlines()), features) for number, block in enumerate(blocks)]
    trees = np.zeros(len(found), dtype=TREE)
    trees["nodes"] = [len(tree.nodes) for tree in found]
    trees["distinct"] = [tree.distinct for tree in found]
    trees["node"][1:] = np.cumsum(trees["nodes"])[:-1]
    trees["leaf"][1:] = np.cumsum(trees["nodes"] + 1)[:-1]
    words_before = 0
    for tree in found:
        tree.nodes["word"] += words_before
        words_before += len(tree.words)
    return Forest(
        features,
        trees,
        np.concatenate([np.zeros(0, NODE), *(tree.nodes for tree in found)]),
        np.concatenate([np.zeros(0), *(tree.leaves for tree in found)]),
        np.concatenate([np.zeros(0, np.uint32), *(tree.words for tree in found)]),
        sum((tree.expected for tree in found), 0.0),
    )


@dataclass(frozen=True, slots=True)
class _Tree:
    nodes: NDArray[np.void]
    leaves: NDArray[np.float64]
    words: NDArray[np.uint32]
    expected: float
    distinct: int


def _read_tree(number: int, fields: dict[str, str], features: int) -> _Tree:
    if fields.get("is_linear", "0") != "0":
        raise BundleError(f"tree {number} of a model is linear; train it with linear_tree=false")
    try:
        return _tree(fields, features)
    except BundleError as error:
        raise BundleError(f"tree {number} of a model is damaged: {error}; train it again") from None


def _tree(fields: dict[str, str], features: int) -> _Tree:
    count = int(_numbers(fields, "num_leaves", np.int64, 1)[0])
    _demand(np.array(count > 0), "num_leaves")
    leaves = _numbers(fields, "leaf_value", np.float64, count)
    _demand(np.isfinite(leaves), "leaf_value")
    if count == 1:
        return _Tree(np.zeros(0, NODE), leaves, np.zeros(0, np.uint32), float(leaves[0]), 0)
    nodes = np.zeros(count - 1, dtype=NODE)
    feature = _numbers(fields, "split_feature", np.int64, count - 1)
    _demand((feature >= 0) & (feature < features), "split_feature")
    kind = _numbers(fields, "decision_type", np.uint8, count - 1)
    _demand(kind < _ZERO_IS_MISSING + _NAN_IS_MISSING, "decision_type")
    is_categorical, zero_is_missing = kind & _CATEGORICAL != 0, kind & _ZERO_IS_MISSING != 0
    nodes["threshold"] = _numbers(fields, "threshold", np.float64, count - 1)
    by_default = np.where(
        zero_is_missing | (kind & _NAN_IS_MISSING != 0), kind & _DEFAULT_LEFT, nodes["threshold"] >= 0
    )
    nodes["nan_goes_left"] = ~is_categorical & (by_default != 0)
    nodes["feature"] = feature
    nodes["column"] = feature + features * zero_is_missing
    for side, name in (("left", "left_child"), ("right", "right_child")):
        child = _numbers(fields, name, np.int32, count - 1)
        nodes[side] = np.where(child >= 0, child, count - 2 - child)  # leaf n is written as -n - 1
        _demand(nodes[side] > np.arange(count - 1), name)  # or a walk might never end
    slots = np.sort(np.concatenate([nodes["left"], nodes["right"]]))
    _demand(slots == np.arange(1, 2 * count - 1), "left_child and right_child")
    words = _set_categories(nodes, is_categorical, fields)
    cover = np.concatenate(
        [_numbers(fields, "internal_count", np.int64, count - 1), _numbers(fields, "leaf_count", np.int64, count)]
    )
    left, right = cover[nodes["left"]], cover[nodes["right"]]
    _demand(np.minimum(left, right) >= 0, "leaf_count")
    _demand(left + right > 0, "internal_count")
    # rather than by the node's own count: shares then add up to one even where counts are estimates (distributed training)
    nodes["share"] = left / (left + right)
    distinct = _set_paths(nodes)
    return _Tree(nodes, leaves, words, _expected(nodes, leaves), distinct)


def _set_categories(
    nodes: NDArray[np.void], is_categorical: NDArray[np.bool_], fields: dict[str, str]
) -> NDArray[np.uint32]:
    """Tell nodes where the words of their categories are; each set is followed by an empty word. The first set is empty.

    The threshold of a categorical node is the number of its set in the text; here it becomes NaN, which nothing is below.
    """
    count = int(_numbers(fields, "num_cat", np.int64, 1)[0])
    _demand(~is_categorical | (count > 0), "num_cat")
    if not count:
        return np.zeros(1, np.uint32)
    begins = _numbers(fields, "cat_boundaries", np.int64, count + 1)
    _demand(np.append(np.diff(begins) >= 0, begins[0] == 0), "cat_boundaries")
    words = _numbers(fields, "cat_threshold", np.uint32, int(begins[-1]))
    sets = np.where(is_categorical, nodes["threshold"], 0)
    _demand((sets >= 0) & (sets < count), "threshold")
    chosen = sets.astype(np.int64)
    nodes["word"] = np.where(is_categorical, begins[chosen] + chosen + 1, 0)
    nodes["words"] = np.where(is_categorical, np.diff(begins)[chosen], 0)
    nodes["threshold"][is_categorical] = np.nan
    return np.insert(words, np.concatenate([[0], begins[1:]]), 0)


def _set_paths(nodes: NDArray[np.void]) -> int:
    """Tell nodes about the tests of their feature above them; gives the most distinct features on a path."""
    feature, share = nodes["feature"].tolist(), nodes["share"].tolist()
    parent, is_left = [_ROOT] * (2 * len(nodes) + 1), [False] * (2 * len(nodes) + 1)
    for slot, (left, right) in enumerate(zip(nodes["left"].tolist(), nodes["right"].tolist(), strict=True)):
        parent[left] = parent[right] = slot
        is_left[left] = True
    kept, distinct = [1.0] * len(nodes), [1] * len(nodes)
    for slot in range(len(nodes)):
        below, above = slot, parent[slot]
        while above != _ROOT and feature[above] != feature[slot]:
            below, above = above, parent[above]
        if above != _ROOT:
            kept[slot] = kept[above] * (share[above] if is_left[below] else 1 - share[above])
        nodes["earlier"][slot], nodes["side"][slot] = above, is_left[below]
        if slot:
            distinct[slot] = distinct[parent[slot]] + (above == _ROOT)
    nodes["kept"] = kept
    return max(distinct)


def _expected(nodes: NDArray[np.void], leaves: NDArray[np.float64]) -> float:
    """The mean of the leaves over the training rows."""
    values = np.concatenate([np.zeros(len(nodes)), leaves])
    for slot in range(len(nodes) - 1, -1, -1):
        node = nodes[slot]
        values[slot] = node["share"] * values[node["left"]] + (1 - node["share"]) * values[node["right"]]
    return float(values[0])


def _fields(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines)
    return {name: value for name, equals, value in pairs if equals}


def _numbers(fields: dict[str, str], name: str, kind: type[np.generic], count: int) -> NDArray[Any]:
    try:
        numbers = np.array(fields[name].split(), dtype=kind)
    except (KeyError, ValueError, OverflowError):
        raise BundleError(f"{name} is missing or no list of numbers") from None
    if len(numbers) != count:
        raise BundleError(f"{name} has {len(numbers)} numbers where {count} are due")
    return numbers


def _demand(holds: NDArray[np.bool_], name: str) -> None:
    if not holds.all():
        raise BundleError(f"{name} is out of range")
