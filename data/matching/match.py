"""Matching the documents of one trade: pure, fast enough for every declaration at intake, and compact to store."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from data.errors import PolicyError
from data.matching.checks import ALL, BY_CODE, Check, applicable
from data.matching.comparisons import Found, Outcome, Payload, Trade
from data.matching.limits import Limits

Summary = dict[str, dict[str, Any]]
"""What is stored of a match: `{"outcomes": {code: outcome}, "differences": {code: int}}`, without empty parts."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found.

    Arguments:
        check: the check.
        outcome: see `data.matching.comparisons.Outcome`.
        left, right: the two values compared; None where one is not there.
        difference: in the check's unit, 0 where equal; None where there is none.
    """

    check: Check
    outcome: Outcome
    left: Any
    right: Any
    difference: int | None


@dataclass(frozen=True, slots=True)
class _Plan:
    checks: tuple[Check, ...]
    rules: tuple[Callable[[Trade], Found], ...]
    by_code: tuple[tuple[str, int], ...]
    """Codes in sorted order, with their places."""


def _plan(direction: str, mode: str) -> _Plan:
    checks = applicable(direction, mode)
    places = sorted((check.code, place) for place, check in enumerate(checks))
    return _Plan(checks, tuple(check.rule for check in checks), tuple(places))


_NOTHING: Payload = {}
_PLANS = {scope: _plan(*scope) for scope in ALL}
_NO_PLAN = _Plan((), (), ())


@dataclass(frozen=True, slots=True)
class Match:
    """What the checks found on a trade. Checks that do not apply to its direction and mode are left out."""

    plan: _Plan
    found: tuple[Found, ...]

    @property
    def results(self) -> tuple[Result, ...]:
        """The result of each check, in the order of the table."""
        return tuple(Result(check, *found) for check, found in zip(self.plan.checks, self.found, strict=True))

    @property
    def failed(self) -> tuple[Result, ...]:
        """The mandatory checks that differ."""
        return tuple(r for r in self.results if r.outcome == "differ" and r.check.severity == "mandatory")

    @property
    def missing(self) -> tuple[Result, ...]:
        """The checks for which a document or a value is not there."""
        return tuple(result for result in self.results if result.outcome == "missing")

    def summary(self) -> Summary:
        """What to store: outcomes, and the differences that are not 0, by code in sorted order; no empty parts."""
        found, places = self.found, self.plan.by_code
        stored: Summary = {}
        if differences := {code: found[place][3] for code, place in places if found[place][3]}:
            stored["differences"] = differences
        if outcomes := {code: found[place][0] for code, place in places}:
            stored["outcomes"] = outcomes
        return stored

    def as_rows(self) -> list[dict[str, Any]]:
        """For people: a row a check with its texts, outcome, both values and source."""
        return [
            {
                "code": result.check.code, "zh": result.check.zh, "en": result.check.en, "outcome": result.outcome,
                "left": result.left, "right": result.right, "source": result.check.source,
            }
            for result in self.results
        ]  # fmt: skip


def match(
    declaration: Payload, order: Payload | None, payments: Sequence[Payload], waybill: Payload | None, *,
    on: date, limits: Limits, buyer_year_fen: int | None = None, earlier_waybill_uses: int | None = None,
) -> Match:  # fmt: skip
    """Match the documents of one trade. A document that is not there yet gives `missing`, never `differ`.

    Arguments:
        declaration: the list (清单), a stored payload.
        order: its order; None where it is not known.
        payments: its payments, in any order; those of one order add up.
        waybill: its waybill; None where it is not known.
        on: the day of the declaration, China time.
        limits: those in force on that day (`limits_at(on)`).
        buyer_year_fen: dutiable value of the buyer's retail imports of the calendar year before this one; None: not asked.
        earlier_waybill_uses: how often the logistics firm used the waybill number on other exports within the months of the
            limit; None: not asked.
    Raises:
        PolicyError: where `limits` are not those of the day.
    """
    if on < limits.first_day or (limits.last_day is not None and on > limits.last_day):
        raise PolicyError(
            f"the limits given begin on {limits.first_day} and are not in force on {on}; ask limits_at({on})"
        )
    plan = _PLANS.get((declaration.get("direction", "import"), declaration.get("trade_mode", "")), _NO_PLAN)
    trade = Trade(
        declaration, order or _NOTHING, payments, waybill or _NOTHING, limits, buyer_year_fen, earlier_waybill_uses
    )
    return Match(plan, tuple([rule(trade) for rule in plan.rules]))


_FLAGS = {code: f"match_{code}" for code in BY_CODE}
_GAPS = {check.code: f"match_{check.gap}_gap_permille" for check in BY_CODE.values() if check.gap}
_MANDATORY = frozenset(check.code for check in BY_CODE.values() if check.severity == "mandatory")


def features_of(summary: Mapping[str, Mapping[str, Any]]) -> dict[str, int | str]:
    """The flat view of a stored summary for features; empty where no check applied.

    Arguments:
        summary: what `Match.summary` gave. Codes that no check has any more are passed over.
    Returns:
        `match_failed` (mandatory checks that differ) and `match_missing`; for each check that could compare `match_<code>` (0
        agrees, 1 differs), and `match_<gap>_gap_permille` where it has a gap (positive: the right value is the larger).
    """
    outcomes, differences = summary.get("outcomes"), summary.get("differences", {})
    if not outcomes:
        return {}
    failed = missing = 0
    features: dict[str, int | str] = {}
    for code, outcome in outcomes.items():
        flag = _FLAGS.get(code)
        if flag is None:
            continue
        if outcome == "agree":
            features[flag] = 0
        elif outcome == "differ":
            features[flag] = 1
            failed += code in _MANDATORY
        else:
            missing += outcome == "missing"
            continue
        if code in _GAPS:
            features[_GAPS[code]] = differences.get(code, 0)
    features["match_failed"], features["match_missing"] = failed, missing
    return features
