"""What the reasons of a decision claim, and what their records say to it: the value computed again from these alone. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from data.records import Version
from features.catalogue import CREDIT
from features.definitions import Feature, FeatureSet
from features.evidence import NOTHING, Evidence, evidence, value_of
from features.forms import Value
from features.measures import Measure
from features.questions import Question
from features.views import LEVELS
from models.decision import holds
from models.policy import PolicyBook, Rule
from models.reasons import Reason
from serving.clearance import level_of
from serving.evidence_answers import Why
from serving.recalled import Recalled
from serving.skew import is_same

_MODELS = {"credit": "credit", "risk": "shipment"}
"""By the first part of a reason's code."""
_LEVEL = next(feature for feature in CREDIT.features if feature.name == "statutory_level")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a reason claims: a value of a feature, or that a rule holds.

    Attributes:
        feature: whose value; None where the reason speaks of none.
        stored: the value with which it was decided.
        is_whole: whether the stored vector is as long as its feature set.
        rule: the rule that is said to hold.
        why: why there is nothing to check.
    """

    reason: Reason
    feature: Feature | None = None
    stored: Value = None
    is_whole: bool = True
    rule: Rule | None = None
    why: Why | None = None

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures that its value needs."""
        return () if self.feature is None else self.feature.expression.measures

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts of the shipment itself that it rests on."""
        return (*(self.feature.expression.facts if self.feature else ()), *(self.rule.when.facts if self.rule else ()))


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim with its evidence, the value that follows from it, and whether that confirms the claim; None: not checked."""

    claim: Claim
    behind: Evidence | None = None
    recomputed: Value = None
    verified: bool | None = None
    why: Why | None = None


def claims_of(again: Recalled, policies: PolicyBook) -> list[Claim]:
    """What the reasons of a decision claim, in their order."""
    return [_claim(Reason.model_validate(raw), again, policies) for raw in again.decided.body["reasons"]]


def _claim(reason: Reason, again: Recalled, policies: PolicyBook) -> Claim:
    speaker, _, name = reason.code.partition(".")
    if speaker == "selection":
        return _selected(reason, again, policies)
    model = _MODELS.get(speaker, speaker)
    features = again.asked[model].features.features if model in again.asked else ()
    place = next((n for n, feature in enumerate(features) if feature.name == name), None)
    if place is None:
        return Claim(reason, why="not_again")
    vector = again.decided.evidence["vectors"][model]
    is_whole = len(vector) == len(features)
    return Claim(reason, features[place], vector[place] if is_whole else None, is_whole)


def _selected(reason: Reason, again: Recalled, policies: PolicyBook) -> Claim:
    """The claim of the step that chose the lane: a rule's, for the other steps speak of scores or of a draw."""
    selection = again.decided.body["selection"]
    if selection["step"] != "rule":
        return Claim(reason, why="drawn" if selection["step"] == "random" else "of_scores")
    policy = policies.by_digest(again.decided.evidence["policy"])
    rule = next((rule for rule in policy.rules if rule.code == selection["rule"]), None) if policy else None
    if rule is None or again.known is None:
        return Claim(reason, why="not_again")
    if not rule.when.statutory_level:
        return Claim(reason, rule=rule)
    return Claim(reason, _LEVEL, float(LEVELS.index(again.decided.body["statutory_level"])), rule=rule)


def judged(
    claims: Sequence[Claim], question: Question, versions: Iterable[Version], unread: frozenset[Measure], level: str
) -> list[Judged]:
    """What records say to claims.

    Arguments:
        versions: all that may bear on the claims, as stored at the decision's instant.
        unread: measures whose records were not read.
        level: the statutory level with which it was decided.
    """
    readable = [c.feature for c in claims if c.feature and unread.isdisjoint(c.measures)]
    found = _evidence(readable, list(versions), question)
    result = []
    for claim in claims:
        if claim.why is not None:
            result.append(Judged(claim, why=claim.why))
        elif claim.feature is not None and claim.feature not in found:
            result.append(Judged(claim, why="too_many"))
        else:
            result.append(_compared(claim, found[claim.feature] if claim.feature else NOTHING, question, level))
    return result


def _compared(claim: Claim, behind: Evidence, question: Question, level: str) -> Judged:
    value = value_of(claim.feature, behind, question) if claim.feature else None
    if claim.rule is None:
        return Judged(claim, behind, value, claim.is_whole and is_same(claim.stored, value))
    rank = None if value is None else int(value)
    ranks: dict[Measure, int | None] = dict.fromkeys(claim.measures, rank)
    now = level_of(ranks) if claim.feature else level
    return Judged(claim, behind, value, now == level and holds(claim.rule, question.facts, now))


def _evidence(features: Iterable[Feature], versions: list[Version], question: Question) -> dict[Feature, Evidence]:
    """The evidence of features; sets of two models may call different ones by one name."""
    sets: list[dict[str, Feature]] = []
    for feature in features:
        if not any(one.setdefault(feature.name, feature) == feature for one in sets):
            sets.append({feature.name: feature})
    found: dict[Feature, Evidence] = {}
    for one in sets:
        behind = evidence(FeatureSet("reasons", "shipment", tuple(one.values())), versions, question)
        found.update((feature, behind[name]) for name, feature in one.items())
    return found
