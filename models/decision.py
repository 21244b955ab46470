"""The pure decision: a case and a policy in, a lane and the path to it out. No clock, no store, no randomness of its own.

Order of selection: mandatory rules, the random lane, risk, the green channel, standard release.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
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
    """The lane, at which step it was found, the rule if one did, and how likely an inspection was before the draw."""

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
    missed = 1.0  # the probability that no draw selects the case
    for rule in policy.rules:
        if not _holds(rule, case):
            continue
        if rule.permille == 1000 or case.draws[rule.code] * 1000 < rule.permille:
            certain = 1.0 if rule.permille == 1000 else rule.permille / 1000
            sure = 1 - missed * (1 - certain) if rule.lane == INSPECTED else 1 - missed
            return Ruling(rule.lane, "rule", rule, round(sure * 1000), rule.zh, rule.en)
        if rule.lane == INSPECTED:
            missed *= 1 - rule.permille / 1000
    ruling = _by_score(policy, case)
    share = policy.random.permille / 1000 if policy.random.lane == INSPECTED else 0.0
    inclusion = 1000 if ruling.lane == INSPECTED else round((1 - missed * (1 - share)) * 1000)
    if case.draws["random"] * 1000 < policy.random.permille:
        zh, en = "按法定比例随机抽中", "Selected at random at the stated rate"
        return Ruling(policy.random.lane, "random", None, inclusion, zh, en)
    return Ruling(ruling.lane, ruling.step, None, inclusion, ruling.zh, ruling.en)


def _by_score(policy: Policy, case: Case) -> Ruling:
    if case.failed is not None or case.risk is None:
        zh, en = _SAFE if case.failed is None else _FAILED
        return Ruling(policy.safe_lane, "safe", None, 0, zh, en)
    if case.risk >= policy.risk.inspect_at_least:
        return Ruling(INSPECTED, "risk", None, 0, *_risk_text(case.risk, "≥", policy.risk.inspect_at_least))
    if case.risk >= policy.risk.review_at_least:
        return Ruling("document_review", "risk", None, 0, *_risk_text(case.risk, "≥", policy.risk.review_at_least))
    if _earned_green(policy, case):
        return Ruling("green_channel", "green", None, 0, "信用良好且风险低，适用绿色通道", "Good credit and low risk earn the green channel")
    return Ruling("standard_release", "standard", None, 0, "无需加强监管，按常规放行", "Nothing calls for more supervision: standard release")


_SAFE = ("尚无可用的风险模型，转入安全通道", "No risk model is in use: the safe lane")
_FAILED = ("系统部分功能失效，转入安全通道", "A part of the system failed: the safe lane")


def _risk_text(risk: float, sign: str, threshold: float) -> tuple[str, str]:
    return (
        f"违规概率{risk * 100:.1f}%{sign}{threshold * 100:g}%",
        f"Probability of a violation {risk * 100:.1f} % {sign} {threshold * 100:g} %",
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


def _holds(rule: Rule, case: Case) -> bool:
    when, facts = rule.when, case.facts
    return (
        (not when.statutory_level or case.statutory_level in when.statutory_level)
        and (not when.trade_mode or facts.get("trade_mode") in when.trade_mode)
        and (when.direction is None or facts.get("direction") == when.direction)
        and (when.declared_value_above_fen is None or facts.get("declared_value_fen", 0) > when.declared_value_above_fen)
    )
