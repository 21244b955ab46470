"""Boosters of all shapes from a few drawn settings, odd rows, and what Shapley's formula itself says of them."""

from fractions import Fraction
from itertools import combinations
from math import factorial
from typing import Any

import lightgbm
import numpy as np
from hypothesis import strategies as st

ODD = (
    np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-36, -1e-40, 1e-35, 2e-35, 1e300, 0.5, -0.5, -1.0, -3.0, 1.5, 2.999, 31.0, 32.0, 99.0,
    2.0**31 - 1, 2.0**31, 3e9, -3e9, 2.0**32 + 1, 2.0**40 + 3,
)  # fmt: skip
CATEGORIES = 2


@st.composite
def settings_of_boosters(draw: st.DrawFn) -> dict[str, Any]:
    """What `booster_of` takes."""
    features = draw(st.integers(1, 7))
    return {
        "seed": draw(st.integers(0, 2**31)),
        "features": features,
        "missing": draw(st.sampled_from([0.0, 0.2, 0.6])),
        "rounds": draw(st.integers(1, 8)),
        "parameters": {
            "objective": draw(st.sampled_from(["binary", "regression"])),
            "num_leaves": draw(st.sampled_from([2, 3, 7, 31, 100])),
            "min_data_in_leaf": draw(st.sampled_from([1, 5, 40])),
            "learning_rate": draw(st.sampled_from([0.05, 1.0])),
            "boost_from_average": draw(st.booleans()),
            "zero_as_missing": draw(st.booleans()),
            "use_missing": draw(st.booleans()),
            "max_cat_to_onehot": draw(st.sampled_from([1, 4, 64])),
            "extra_trees": draw(st.booleans()),
            "bagging_freq": 1,
            "bagging_fraction": draw(st.sampled_from([0.7, 1.0])),
            "monotone_constraints": [0] * min(features, CATEGORIES)
            + [draw(st.sampled_from([-1, 0, 1])) for _ in range(features - CATEGORIES)],
        },
    }


def booster_of(settings: dict[str, Any]) -> tuple[lightgbm.Booster, np.ndarray]:
    """A booster on random data, and odd rows of its features: some of the data, some with values of `ODD` in them."""
    random = np.random.default_rng(settings["seed"])
    matrix = np.round(random.normal(size=(300, settings["features"])) * 2, 1)
    matrix[:, :CATEGORIES] = random.integers(0, 70, size=matrix[:, :CATEGORIES].shape)
    matrix[random.random(matrix.shape) < 0.2] = 0.0
    matrix[random.random(matrix.shape) < settings["missing"]] = np.nan
    wanted = np.nansum(np.sin(matrix), axis=1) + random.normal(size=len(matrix)) * 0.3 + 1
    if settings["parameters"]["objective"] == "binary":
        wanted = wanted > 1
    fixed = {"verbosity": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True, "seed": 1}
    fixed |= {"min_data_per_group": 1, "cat_smooth": 1.0, "min_data_in_bin": 1}
    parameters = fixed | settings["parameters"]
    categorical = list(range(min(settings["features"], CATEGORIES)))
    data = lightgbm.Dataset(matrix, wanted, categorical_feature=categorical, params=parameters)
    booster = lightgbm.train(parameters, data, num_boost_round=settings["rounds"])
    rows = matrix[random.integers(0, len(matrix), 24)]
    is_odd = random.random(rows.shape) < np.linspace(0, 1, 24)[:, None]
    return booster, np.where(is_odd, random.choice(ODD, rows.shape), rows)


def staircase(features: int, *, seed: int = 1) -> tuple[lightgbm.Booster, np.ndarray]:
    """A tree whose longest path tests so many features once each, written by hand, and rows of all depths in it."""
    random = np.random.default_rng(seed)
    counts = random.integers(1, 50, features + 1)
    inner = counts[::-1].cumsum()[:0:-1]
    lines = {
        "num_leaves": [features + 1], "num_cat": [0], "split_feature": range(features), "split_gain": [1] * features,
        "threshold": [0.5] * features, "decision_type": [2] * features, "left_child": range(-1, -features - 1, -1),
        "right_child": [*range(1, features), -features - 1], "leaf_value": random.normal(size=features + 1).tolist(),
        "leaf_weight": counts, "leaf_count": counts, "internal_value": [0] * features, "internal_weight": inner,
        "internal_count": inner, "is_linear": [0], "shrinkage": [1],
    }  # fmt: skip
    names, infos = (" ".join(text.format(n) for n in range(features)) for text in ("f{}", "[0:1]"))
    head = f"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx={features - 1}\n"
    tree = "Tree=0\n" + "".join(f"{name}={' '.join(map(str, numbers))}\n" for name, numbers in lines.items()) + "\n\n"
    head += f"objective=regression\nfeature_names={names}\nfeature_infos={infos}\ntree_sizes={len(tree)}\n\n"
    booster = lightgbm.Booster(model_str=head + tree + "end of trees\n\nparameters:\nend of parameters\n")
    steps = np.tril(np.ones((features + 1, features)), -1)
    return booster, np.vstack([steps, (random.random((20, features)) < 0.8).astype(float)])


def reach(booster: lightgbm.Booster) -> float:
    """How far from zero a margin can be: the greatest absolute leaf of each tree, added up. Differences are held against it."""
    trees = booster.trees_to_dataframe()
    leaves = trees[trees["left_child"].isna()]
    return float(leaves.groupby("tree_index")["value"].agg(lambda values: values.abs().max()).sum())


def shapley(booster: lightgbm.Booster, row: np.ndarray) -> np.ndarray:
    """Shapley values of path-dependent expectations by their definition: all subsets of features, one at a time."""
    roots = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    found = np.zeros(len(row) + 1)
    for root in roots:
        used = sorted(_features(root))
        worth = {
            subset: _expected(root, row, set(subset)) for n in range(len(used) + 1) for subset in combinations(used, n)
        }
        found[-1] += worth[()]
        for feature in used:
            for subset in worth:
                if feature not in subset:
                    share = factorial(len(subset)) * factorial(len(used) - len(subset) - 1) / factorial(len(used))
                    found[feature] += share * (worth[tuple(sorted((*subset, feature)))] - worth[subset])
    return found


def shapley_of_staircase(booster: lightgbm.Booster, row: np.ndarray) -> np.ndarray:
    """Shapley values of a `staircase` in fractions, leaf by leaf: v (o_j - z_j) times the integral of the other factors."""
    node, path, found = booster.dump_model()["tree_info"][0]["tree_structure"], [], [Fraction(0)] * len(row)
    while "split_feature" in node:
        left, right = node["left_child"], node["right_child"]
        is_left = bool(row[node["split_feature"]] <= node["threshold"])
        covers = [child.get("internal_count", child.get("leaf_count")) for child in (left, right)]
        share = Fraction(covers[0], sum(covers))
        _add_leaf(found, [*path, (node["split_feature"], int(is_left), share)], left["leaf_value"])
        path.append((node["split_feature"], int(not is_left), 1 - share))
        node = right
    _add_leaf(found, path, node["leaf_value"])
    return np.array([float(value) for value in found])


def _add_leaf(found: list[Fraction], path: list[tuple[int, int, Fraction]], value: float) -> None:
    for feature, follows, share in path:
        product = [Fraction(1)]
        for other, o, z in path:
            if other != feature:  # times z + (o - z) t
                product = [z * a + (o - z) * b for a, b in zip([*product, 0], [0, *product], strict=True)]
        integral = sum(part / (degree + 1) for degree, part in enumerate(product))
        found[feature] += Fraction(value) * (follows - share) * integral


def _features(node: dict[str, Any]) -> set[int]:
    if "leaf_value" in node:
        return set()
    return {node["split_feature"]} | _features(node["left_child"]) | _features(node["right_child"])


def _expected(node: dict[str, Any], row: np.ndarray, known: set[int]) -> float:
    if "leaf_value" in node:
        return float(node["leaf_value"])
    left, right = node["left_child"], node["right_child"]
    if node["split_feature"] in known:
        return _expected(left if _is_left(node, row[node["split_feature"]]) else right, row, known)
    cover = [child.get("internal_count", child.get("leaf_count")) for child in (left, right)]
    return (cover[0] * _expected(left, row, known) + cover[1] * _expected(right, row, known)) / sum(cover)


def _is_left(node: dict[str, Any], value: float) -> bool:
    if abs(value) <= np.float32(1e-35):
        value = 0.0
    if node["decision_type"] == "==":
        return -1 < value < 2**31 and str(int(value)) in node["threshold"].split("||")
    if np.isnan(value) and node["missing_type"] != "NaN":
        value = 0.0
    if np.isnan(value) or (value == 0 and node["missing_type"] == "Zero"):
        return bool(node["default_left"])
    return bool(value <= node["threshold"])
