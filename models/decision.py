"""The pure decision: a case and a policy in, a lane and the path to it out. No clock, no store, no randomness of its own.

Order of selection: mandatory rules, the random lane, risk, the green channel, standard release.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from models.policy import Lane, Policy, Rule

INSPECTED: Lane = "heightened_inspection"
Step = Literal["rule", "random", "risk", "green", "standard", "safe"]


@dataclass(frozen=True, slots=True)
class Case:
    """What a lane is decided from.

    `draws` holds a number in [0, 1) for "random" and for each rule's code. `risk` and `credit_score` are None where there
    is no such score (no champion, or nothing known of the enterprise); `failed` names a part that broke.
    """

    facts: Mapping[str, Any]
    statutory_level: str
    risk: float | None
    credit_score: int | None
    declarations_365d: int
    draws: Mapping[str, float]
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """The lane, at which step it was found, the rule if one did, and how likely an inspection was before the draws."""

    lane: Lane
    step: Step
    rule: Rule | None
    inclusion_permille: int
    zh: str
    en: str


def draw(key: bytes, label: str, declaration_no: str) -> float:
    """A keyed number in [0, 1) that nobody without the key can foresee and everybody with it can recompute.

    Arguments:
        key: the draw's secret.
        label: what is drawn for: "random" or a rule's code.
        declaration_no: the declaration's number.
    """
    mac = hmac.new(key, f"{label}\x1f{declaration_no}".encode(), hashlib.sha256).digest()
    return int.from_bytes(mac[:7], "big") / 2.0**56


def draw_labels(policy: Policy) -> tuple[str, ...]:
    """For what a policy draws."""
    return ("random", *(rule.code for rule in policy.rules if rule.permille < 1000))


def decide(policy: Policy, case: Case) -> Ruling:
    """The lane of a case under a policy. A case whose parts failed goes to the safe lane, never to green."""
    by_score = _by_score(policy, case)
    likely = round(inclusion(policy, case, by_score.lane) * 1000)
    for rule in policy.rules:
        if holds(rule, case.facts, case.statutory_level) and (
            rule.permille == 1000 or case.draws[rule.code] * 1000 < rule.permille
        ):
            return Ruling(rule.lane, "rule", rule, likely, rule.zh, rule.en)
    if case.draws["random"] * 1000 < policy.random.permille:
        zh, en = "按法定比例随机抽中", "Selected at random at the stated rate"
        return Ruling(policy.random.lane, "random", None, likely, zh, en)
    return replace(by_score, inclusion_permille=likely)


def inclusion(policy: Policy, case: Case, otherwise: Lane) -> float:
    """The probability that a case is inspected, over all draws: what inverse-probability estimates divide by.

    Arguments:
        otherwise: the lane of the case where no draw selects it.
    """
    reached, inspected = 1.0, 0.0
    steps = [(rule.permille, rule.lane) for rule in policy.rules if holds(rule, case.facts, case.statutory_level)]
    for permille, lane in [*steps, (policy.random.permille, policy.random.lane), (1000, otherwise)]:
        share = reached * permille / 1000
        reached -= share
        if lane == INSPECTED:
            inspected += share
    return inspected


def _by_score(policy: Policy, case: Case) -> Ruling:
    if case.failed is not None or case.risk is None:
        zh, en = _SAFE if case.failed is None else _FAILED
        return Ruling(policy.safe_lane, "safe", None, 0, zh, en)
    if case.risk >= policy.risk.inspect_at_least:
        return Ruling(INSPECTED, "risk", None, 0, *_risk_text(case.risk, policy.risk.inspect_at_least))
    if case.risk >= policy.risk.review_at_least:
        return Ruling("document_review", "risk", None, 0, *_risk_text(case.risk, policy.risk.review_at_least))
    if _earned_green(policy, case):
        return Ruling("green_channel", "green", None, 0, *_GREEN)
    return Ruling("standard_release", "standard", None, 0, *_STANDARD)


_GREEN = ("信用良好且风险低，适用绿色通道", "Good credit and low risk earn the green channel")
_STANDARD = ("无需加强监管，按常规放行", "Nothing calls for more supervision: standard release")
_SAFE = ("尚无可用的风险模型，转入安全通道", "No risk model is in use: the safe lane")
_FAILED = ("系统部分功能失效，转入安全通道", "A part of the system failed: the safe lane")


def _risk_text(risk: float, threshold: float) -> tuple[str, str]:
    return (
        f"违规概率{risk * 100:.1f}%，达到{threshold * 100:g}%的界限",
        f"Probability of a violation {risk * 100:.1f} %, at or above the threshold of {threshold * 100:g} %",
    )


def _earned_green(policy: Policy, case: Case) -> bool:
    green = policy.green
    if green.grades and (case.credit_score is None or policy.grade(case.credit_score) not in green.grades):
        return False
    return (
        case.risk is not None
        and case.risk < green.risk_below
        and case.declarations_365d >= green.declarations_365d_at_least
        and case.statutory_level not in green.not_levels
    )


def holds(rule: Rule, facts: Mapping[str, Any], statutory_level: str) -> bool:
    """Whether all conditions of a rule hold on a shipment's facts and its enterprise's statutory level."""
    when = rule.when
    return (
        (not when.statutory_level or statutory_level in when.statutory_level)
        and (not when.trade_mode or facts.get("trade_mode") in when.trade_mode)
        and (when.direction is None or facts.get("direction") == when.direction)
        and (
            when.declared_value_above_fen is None or facts.get("declared_value_fen", 0) > when.declared_value_above_fen
        )
        and (not when.differs or any(facts.get(name, 0) > 0 for name in when.differing))
    )
