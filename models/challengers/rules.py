"""Rules as an office writes them: points of what fires add up. Greater is riskier; nothing is learned from data."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import msgspec
import numpy as np
import yaml
from numpy.typing import NDArray

from data.errors import ModelError
from features.batch import Values
from features.catalogue import feature_set
from features.definitions import FeatureSet

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"equals": "is"}):
    """What a feature must be: a code, at least a number, or at most one. A missing value is none of them."""

    feature: str
    equals: str | None = None
    at_least: float | None = None
    at_most: float | None = None

    def holds(self, values: Values) -> Bools:
        """Where it holds, shape (n,)."""
        if self.equals is not None:
            return np.array([value == self.equals for value in values], dtype=np.bool_)
        least = -np.inf if self.at_least is None else self.at_least
        most = np.inf if self.at_most is None else self.at_most
        numbers = values.astype(np.float64)
        return (numbers >= least) & (numbers <= most)  # comparisons with NaN hold nowhere


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Points for a question of which all conditions hold, with the reason that people are told and where it comes from."""

    code: str
    points: int
    when: tuple[Condition, ...]
    zh: str
    en: str
    source: str


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one model."""

    rules: tuple[Rule, ...]

    def fired(self, columns: Mapping[str, Values]) -> Bools:
        """Which rules fire, shape (n, rules)."""
        return np.stack(
            [np.logical_and.reduce([c.holds(columns[c.feature]) for c in rule.when]) for rule in self.rules], axis=1
        )

    def scores(self, columns: Mapping[str, Values]) -> Integers:
        """The points of what fires, shape (n,).

        Arguments:
            columns: a column a feature, each of shape (n,).
        """
        points = np.array([rule.points for rule in self.rules], dtype=np.int64)
        scores: Integers = self.fired(columns).astype(np.int64) @ points
        return scores


def read_rules(text: str, features: FeatureSet, *, model: str) -> Rules:
    """Rules from YAML, checked against the features that they speak of.

    Arguments:
        model: which part of the text: `credit` or `shipment`.
    Raises:
        ModelError: naming the rule and what is wrong with it.
    """
    try:
        found = msgspec.convert(yaml.safe_load(text), dict[str, tuple[Rule, ...]])
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ModelError(f"the rules do not validate: {error}") from None
    if not found.get(model):
        raise ModelError(f"there are no rules for model {model!r}; give it a part of its own")
    if len({rule.code for rule in found[model]}) < len(found[model]):
        raise ModelError(f"rules of {model}: a code is given twice")
    coded = {feature.name: feature.is_category for feature in features.features}
    for rule in found[model]:
        for condition in rule.when:
            _check(rule, condition, coded, features.name)
    return Rules(found[model])


def _check(rule: Rule, condition: Condition, coded: Mapping[str, bool], features: str) -> None:
    about = f"rule {rule.code}, feature {condition.feature!r}"
    given = [condition.equals, condition.at_least, condition.at_most]
    if condition.feature not in coded:
        raise ModelError(f"{about}: feature set {features!r} has no such feature")
    if sum(one is not None for one in given) != 1:
        raise ModelError(f"{about}: needs one of `is`, `at_least` and `at_most`")
    if coded[condition.feature] != (condition.equals is not None):
        raise ModelError(f"{about}: `is` goes with codes, `at_least` and `at_most` with numbers")


def shipped_rules(features: FeatureSet) -> Rules:
    """The rules that ship with the package and that a feature set can answer; there may be none for a set of another trade."""
    text = (files("models.challengers") / "rules.yaml").read_text(encoding="utf-8")
    model = "credit" if features.about == "enterprise" else "shipment"
    rules = read_rules(text, feature_set(model), model=model).rules
    own = set(features.features)
    home = {feature.name: feature for feature in feature_set(model).features}
    return Rules(tuple(rule for rule in rules if all(home[c.feature] in own for c in rule.when)))
