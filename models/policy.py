"""Decision policies: dated YAML with its legal source. Superseded ones stay and still compute."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib.resources import files
from itertools import pairwise
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from data.errors import PolicyError
from data.matching import BY_CODE
from data.records import digest_of
from data.times import CHINA, from_instant

Lane = Literal["green_channel", "standard_release", "document_review", "heightened_inspection"]
Level = Literal["advanced_certified", "certified", "routine", "dishonest", "seriously_dishonest"]
Permille = Annotated[int, Field(ge=0, le=1000)]
Probability = Annotated[float, Field(ge=0, le=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))


class Grade(_Frozen):
    """A credit grade: from which score on."""

    grade: str
    at_least: int


class When(_Frozen):
    """The conditions of a rule, all of which must hold; a condition that is not given always holds."""

    statutory_level: tuple[Level, ...] = ()
    trade_mode: tuple[str, ...] = ()
    direction: Literal["import", "export"] | None = None
    declared_value_above_fen: int | None = None
    differs: tuple[str, ...] = ()
    """Codes of document checks of which one differs; `mandatory` for any mandatory one."""

    @field_validator("differs")
    @classmethod
    def _known_checks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := set(value) - BY_CODE.keys() - {"mandatory"}:
            raise ValueError(f"names unknown document checks: {', '.join(sorted(unknown))}")
        return value

    @property
    def differing(self) -> tuple[str, ...]:
        """The facts that say whether a document check differs."""
        return tuple("match_failed" if code == "mandatory" else f"match_{code}" for code in self.differs)

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts of the shipment itself that the conditions ask for."""
        asked = {
            "trade_mode": bool(self.trade_mode), "direction": self.direction is not None,
            "declared_value_fen": self.declared_value_above_fen is not None,
        }  # fmt: skip
        return (*(name for name, is_asked in asked.items() if is_asked), *self.differing)


class Rule(_Frozen):
    """A mandatory rule. With `permille` it selects that share of its cases by a keyed draw, else all."""

    code: str
    when: When
    lane: Lane
    permille: Permille = 1000
    zh: str
    en: str
    source: str


class Random(_Frozen):
    """The random lane: which share of all shipments it selects."""

    permille: Permille
    lane: Lane = "heightened_inspection"
    source: str


class Risk(_Frozen):
    """From which probability of a violation on a shipment is reviewed, and inspected."""

    review_at_least: Probability
    inspect_at_least: Probability

    @model_validator(mode="after")
    def _ordered(self) -> "Risk":
        if self.review_at_least > self.inspect_at_least:
            raise ValueError("review_at_least must not exceed inspect_at_least")
        return self


class Green(_Frozen):
    """Who earned the green channel. An empty list of grades asks for none (replays without a credit model)."""

    grades: tuple[str, ...]
    risk_below: Probability
    declarations_365d_at_least: int = 0
    not_levels: tuple[Level, ...] = ("dishonest", "seriously_dishonest")
    source: str


class Policy(_Frozen):
    """A policy in force from a date until another (inclusive), China time."""

    id: str
    title_zh: str
    title_en: str
    author: str
    in_force_from: date
    in_force_until: date | None = None
    sources: tuple[str, ...]
    grades: Annotated[tuple[Grade, ...], Field(min_length=1)]
    rules: tuple[Rule, ...] = ()
    random: Random
    risk: Risk
    green: Green
    safe_lane: Literal["document_review", "heightened_inspection"]

    @model_validator(mode="after")
    def _consistent(self) -> "Policy":
        scores = [grade.at_least for grade in self.grades]
        if scores != sorted(scores, reverse=True):
            raise ValueError("grades must be listed from the best down")
        if self.in_force_until is not None and self.in_force_until < self.in_force_from:
            raise ValueError("in_force_until lies before in_force_from")
        unknown = set(self.green.grades) - {grade.grade for grade in self.grades}
        if unknown:
            raise ValueError(f"green.grades names unknown grades: {', '.join(sorted(unknown))}")
        if len({rule.code for rule in self.rules}) < len(self.rules):
            raise ValueError("rules: a code is given twice")
        return self

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the policy's content."""
        return digest_of(self.model_dump(mode="json"))

    def grade(self, score: int) -> str:
        """The grade of a credit score; the lowest where no threshold is reached."""
        return next((g.grade for g in self.grades if score >= g.at_least), self.grades[-1].grade)


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """All policies, of which exactly one or none is in force on a day."""

    policies: tuple[Policy, ...]

    def at(self, instant: int) -> Policy:
        """The policy in force at an instant.

        Raises:
            PolicyError: where none is.
        """
        day = from_instant(instant).astimezone(CHINA).date()
        for policy in self.policies:
            if policy.in_force_from <= day and (policy.in_force_until is None or day <= policy.in_force_until):
                return policy
        raise PolicyError(f"no decision policy is in force on {day}; add one to models/policies/")

    def by_digest(self, digest: str) -> Policy | None:
        """The policy of a digest; None where this version has none."""
        return next((policy for policy in self.policies if policy.digest == digest), None)


def read_policy(text: str, name: str) -> Policy:
    """A policy from YAML.

    Raises:
        PolicyError: naming each field that is wrong.
    """
    try:
        return Policy.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise PolicyError(f"policy {name} does not validate: {error}") from None


def policy_book(policies: Iterable[Policy]) -> PolicyBook:
    """Policies in the order of time.

    Raises:
        PolicyError: where two are in force on one day.
    """
    ordered = tuple(sorted(policies, key=lambda policy: policy.in_force_from))
    for earlier, later in pairwise(ordered):
        if earlier.in_force_until is None or earlier.in_force_until >= later.in_force_from:
            raise PolicyError(f"policies {earlier.id} and {later.id} are both in force on {later.in_force_from}")
    return PolicyBook(ordered)


def shipped_policies() -> PolicyBook:
    """The policies that ship with the package."""
    folder = files("models.policies")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    return policy_book(read_policy((folder / name).read_text(encoding="utf-8"), name) for name in names)
