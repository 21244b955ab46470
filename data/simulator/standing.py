"""Statutory levels: listing cases with due process, their repair, and certification of firms with a clean history."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from data.simulator.draws import MINUTE, Ints, generator
from data.simulator.firms import LEVELS, Firms
from data.simulator.parameters import Parameters
from data.times import CHINA, DAY, HOUR, OPEN, day_of, to_instant

_ROUTINE, _CERTIFIED, _ADVANCED, _DISHONEST, _SERIOUS = range(len(LEVELS))
_YEAR_WEEKS = 52
_BASIS = {
    "smuggling": "走私行为", "penalised_documents": "违规单证比例和罚款金额", "fines_unpaid": "逾期未缴纳罚款",
    "aeo_certification": "认证企业", "certification_revoked": "认证撤销",
}  # fmt: skip
_NEW_ORDER = to_instant(datetime(2026, 4, 1, tzinfo=CHINA))
"""From here on Order 282 applies, before it Order 251."""


@dataclass(frozen=True, slots=True)
class Step:
    """A record of a firm's standing: a level, a step of a listing case, an audit. Instants; `number` makes its guid."""

    event: str
    firm: int
    at: int
    known_at: int
    number: int
    until: int = OPEN
    action: str = "new"
    level: int | None = None
    case: int | None = None
    ground: str | None = None

    @property
    def basis(self) -> str | None:
        """The order in force and the ground in words; marked as simulated, since no article is quoted."""
        if self.ground is None:
            return None
        return f"海关总署令第{282 if self.at >= _NEW_ORDER else 251}号（模拟）：{_BASIS[self.ground]}"


@dataclass(slots=True)
class _Case:
    firm: int
    number: int
    ground: str
    level: int
    decision_day: int
    has_stated: bool


class Standings:
    """Levels of all firms on the present day, and the records that led to them. Changed day by day.

    Attributes:
        level: number in `LEVELS`, shape (firms,).
        steps: all records so far.
    """

    def __init__(self, parameters: Parameters, firms: Firms) -> None:
        self._parameters, self._law = parameters, parameters.standing
        self._rng = generator(parameters.seed, "standing")
        count, weeks = len(firms.code), parameters.days // 7 + 2
        self.level = np.zeros(count, dtype=np.int64)
        self.steps: list[Step] = []
        self._ends = np.full(count, 2**31)
        self._record: dict[int, int] = {}
        self._cases: list[_Case] = []
        self._grounds: dict[int, tuple[str, int]] = {}
        self._known: dict[int, str] = {}
        self.declared = np.zeros((weeks, count), dtype=np.int64)
        self.hits = np.zeros((weeks, count), dtype=np.int64)
        self.penalties = np.zeros((weeks, count), dtype=np.int64)
        self.fines = np.zeros((weeks, count), dtype=np.int64)
        self._serious_hits: list[int] = []
        self._certify_at_start(firms)

    def serious(self, firms: Ints) -> None:
        """Hits over so much duty that they count as smuggling."""
        self._serious_hits.extend(firms.tolist())

    def daily(self, day: int) -> list[int]:
        """Decide what is due, and end levels whose time is over.

        Returns:
            Firms that are listed today.
        """
        listed = []
        for case in [case for case in self._cases if case.decision_day == day]:
            self._cases.remove(case)
            upheld = self._law.upheld_after_statement if case.has_stated else self._law.upheld
            at = self._moment(day)
            self._add("listing_decision", case.firm, at, case=case.number, ground=case.ground)
            if self._rng.random() < upheld:
                self._enter(case.firm, case.level, at, self._law.listed_days, case.ground)
                self._grounds[case.firm] = (case.ground, day)
                listed.append(case.firm)
        for firm in np.flatnonzero(self._ends <= day).tolist():
            self.level[firm], self._ends[firm] = _ROUTINE, 2**31
            self._grounds.pop(firm, None)
        return listed

    def weekly(self, day: int, open_firms: Ints, honesty: NDArray[np.float64]) -> None:
        """Open cases, repair, certify and audit.

        Arguments:
            open_firms: firms in business. honesty: of their owners, shape (open firms,).
        """
        week, rng, law = day // 7, self._rng, self._law
        window = slice(max(0, week - _YEAR_WEEKS), week + 1)
        penalties, fines = self.penalties[window].sum(axis=0), self.fines[window].sum(axis=0)
        declared = np.maximum(self.declared[window].sum(axis=0), 1)
        busy = {case.firm for case in self._cases}
        many = (penalties >= law.penalties) & (penalties * 1000 >= law.penalised_permille * declared)
        for firm in open_firms[(many & (fines >= law.fines_fen))[open_firms]].tolist():
            level = _SERIOUS if penalties[firm] >= law.serious_penalties else _DISHONEST
            self._open(firm, "penalised_documents", level, day, busy)
        for firm in sorted(set(self._serious_hits)):
            self._open(firm, "smuggling", _DISHONEST, day, busy)
        self._serious_hits.clear()
        unpaid = open_firms[rng.random(len(open_firms)) < law.unpaid_a_year / _YEAR_WEEKS * (honesty < 0.5)]
        for firm in unpaid.tolist():
            self._open(firm, "fines_unpaid", _DISHONEST, day, busy)
        self._repair(day)
        clean = self.hits[window].sum(axis=0) == 0
        fit = open_firms[clean[open_firms] & (self.level[open_firms] == _ROUTINE) & (declared[open_firms] > 10)]
        for firm in fit[rng.random(len(fit)) < law.certified_a_year / _YEAR_WEEKS].tolist():
            at = self._moment(day)
            self._add("audit", firm, at, ground="aeo_certification")
            self._enter(firm, _CERTIFIED, at + 3 * HOUR, law.certified_days, "aeo_certification")
        for firm in open_firms[rng.random(len(open_firms)) < law.audits_a_year / _YEAR_WEEKS].tolist():
            self._add("audit", firm, self._moment(day))

    def _open(self, firm: int, ground: str, level: int, day: int, busy: set[int]) -> None:
        if firm in busy or self.level[firm] >= level:
            return
        busy.add(firm)
        rng, law, number = self._rng, self._law, len(self.steps)
        decision = self._working_day(day, int(rng.integers(law.decision_days[0], law.decision_days[1] + 1)))
        states = bool(rng.random() < law.statement_share)
        self._add("listing_notice", firm, self._moment(day), case=number, ground=ground)
        if states:
            after = int(rng.integers(law.statement_days[0], law.statement_days[1] + 1))
            at = self._moment(self._working_day(day, after))
            self._add("listing_statement", firm, at, case=number, ground=ground)
        self._cases.append(_Case(firm, number, ground, level, decision, states))

    def _repair(self, day: int) -> None:
        """Repair ends the use of a level once its period has passed without new hits."""
        for firm, (ground, since) in list(self._grounds.items()):
            period = self._law.repair_days[ground]  # type: ignore[index]
            week = day // 7
            dirty = self.hits[max(0, week - period // 7) : week + 1, firm].sum()
            may = self.level[firm] == _DISHONEST and day >= since + period and not dirty
            if may and self._rng.random() < self._law.repair_a_week:
                self._add("statutory_level", firm, self._moment(day), action="repair", number=self._record[firm])
                self.level[firm], self._ends[firm] = _ROUTINE, 2**31
                del self._grounds[firm]

    def _enter(self, firm: int, level: int, at: int, days: int, ground: str) -> None:
        """A new level. A certification that it replaces is revoked by a change of its record."""
        if self._known.get(firm) == "aeo_certification" and ground != "aeo_certification":
            # A day before, so that the new level is the later record.
            self._add(
                "statutory_level", firm, at - 25 * HOUR, action="change", number=self._record[firm],
                level=_ROUTINE, ground="certification_revoked",
            )  # fmt: skip
        self._known[firm] = ground
        self._record[firm] = len(self.steps)
        self._add("statutory_level", firm, at, until=at + days * DAY, level=level, ground=ground)
        self.level[firm] = level
        self._ends[firm] = (at - self._parameters.start) // DAY + days

    def _certify_at_start(self, firms: Firms) -> None:
        """Firms that were certified before the world began: honest and large ones, in no perfect order."""
        rng, law = self._rng, self._law
        size = firms.size.mean(axis=1)
        merit = (
            firms.honesty + 0.05 * np.log(size / size.mean()) + rng.normal(0, 0.08, firms.owners) - 2.0 * firms.is_new
        )
        order = np.argsort(-merit, kind="stable")
        advanced, certified = (round(s * firms.owners) for s in (law.advanced_at_start, law.certified_at_start))
        for place, firm in enumerate(order[: advanced + certified].tolist()):
            before = int(rng.integers(30, max(31, law.certified_days - 60)))
            at = max(self._moment(-before), int(firms.registered_at[firm]) + 30 * DAY)
            if at < self._parameters.start:
                level = _ADVANCED if place < advanced else _CERTIFIED
                self._enter(firm, level, at, law.certified_days, "aeo_certification")

    def _add(
        self, event: str, firm: int, at: int, *, until: int = OPEN, action: str = "new", number: int = -1,
        level: int | None = None, case: int | None = None, ground: str | None = None,
    ) -> None:  # fmt: skip
        known_at = at + int(self._rng.integers(20, 1200)) * MINUTE
        number = len(self.steps) if number < 0 else number
        self.steps.append(Step(event, firm, at, known_at, number, until, action, level, case, ground))

    def _moment(self, day: int) -> int:
        """Office hours of a day."""
        return self._parameters.start + day * DAY + int(self._rng.integers(9 * 60, 17 * 60)) * MINUTE

    def _working_day(self, day: int, after: int) -> int:
        """The day that lies some working days after another; holidays are not counted apart."""
        first = day_of(self._parameters.start)
        while after > 0:
            day += 1
            after -= (first + day + 3) % 7 < 5
        return day
