"""Features and feature sets: a form with its public explanation, and what a model asks for."""

from dataclasses import dataclass
from typing import Literal

from features.errors import check
from features.forms import Category, Expression
from features.measures import Measure

Theme = Literal[
    "identity", "transaction", "logistics", "funds", "settlement", "supervision", "public_credit", "related", "shipment", "match",
    "price",
]  # fmt: skip
Unit = Literal[
    "number", "share", "yuan", "days", "deviations", "kg", "milli_log", "percent", "permille", "check", "flag", "code", "level",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature with its public explanation in both languages.

    `direction` is +1 where law or sense demands that a greater value never lowers the risk, -1 for the reverse, 0 for no demand.
    `unit` says how people read the value. `group` gathers features that speak of one thing, so that reasons are not repeated.
    `actionable`: the enterprise itself can lawfully change it (pay, settle, file, have a record repaired), so that the way to a
    better score may name it. `sensitive`: it could stand for a place, a size or an age, so that fairness is watched by it.
    `source` is the article, typology or paper that it comes from.
    """

    name: str
    theme: Theme
    expression: Expression
    zh: str
    en: str
    unit: Unit = "number"
    direction: Literal[-1, 0, 1] = 0
    group: str = ""
    actionable: bool = False
    sensitive: bool = False
    source: str = ""

    @property
    def is_category(self) -> bool:
        """Whether its values are codes."""
        return isinstance(self.expression, Category)


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """The features of one model in their order, and what its questions are about."""

    name: str
    about: Literal["shipment", "enterprise"]
    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        names = [feature.name for feature in self.features]
        check(len(set(names)) == len(names), f"feature set {self.name}: a name is given twice")

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures that the features need, each once, in the order of their first use."""
        return tuple(dict.fromkeys(m for feature in self.features for m in feature.expression.measures))

    @property
    def fields(self) -> tuple[str, ...]:
        """The facts of a question that the features look at: their own, and those of their keys."""
        own = [field for feature in self.features for field in feature.expression.facts]
        of_keys = [field for measure in self.measures for field in measure.key.fields]
        return tuple(dict.fromkeys([*own, *of_keys]))
