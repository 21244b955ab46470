"""When a firm may have a record repaired (信用修复), from dated configuration, and when a record counts nowhere any more."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files

import msgspec
import yaml

from data.errors import PolicyError
from data.records import Record, Version
from data.times import CHINA, OPEN, from_instant, to_instant
from features.measures import Measure
from features.observations import observe, plan_of
from features.questions import Question


class Repair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which records it is about, after how many months it may be asked for, and what the firm does first."""

    kind: str
    event: str
    months: int
    zh: str
    en: str
    source: str
    severity: str | None = None
    level: str | None = None
    ground: str | None = None

    def fits(self, record: Record) -> bool:
        """Whether it is about a record."""
        asked = {"event": self.event, "severity": self.severity, "level": self.level, "ground": self.ground}
        return record.kind == self.kind and all(
            record.payload.get(field) == value for field, value in asked.items() if value is not None
        )


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"begins": "from"}):
    begins: date
    repairs: tuple[Repair, ...]


@dataclass(frozen=True, slots=True)
class RepairRules:
    """Repairs and the first instant of their force."""

    begins: int
    repairs: tuple[Repair, ...]

    def of(self, record: Record, now: int) -> tuple[Repair, int] | None:
        """The repair of a record and the instant from which it may be asked for; None where the rules know none.

        Arguments:
            now: rules that are not in force yet repair nothing.
        """
        if now < self.begins:
            return None
        found = next((one for one in self.repairs if one.fits(record)), None)
        if found is None:
            return None
        return found, max(self.begins, after_months(max(record.event_at, record.known_at), found.months))


def read_repairs(text: str) -> RepairRules:
    """Repair rules from YAML.

    Raises:
        PolicyError: naming what is wrong.
    """
    try:
        read = msgspec.convert(yaml.safe_load(text), _File)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise PolicyError(f"the repair rules do not validate: {error}") from None
    begins = to_instant(datetime(read.begins.year, read.begins.month, read.begins.day, tzinfo=CHINA))
    return RepairRules(begins, read.repairs)


def shipped_repairs() -> RepairRules:
    """The rules that ship with the package."""
    return read_repairs((files("models") / "repairs.yaml").read_text(encoding="utf-8"))


def after_months(instant: int, months: int) -> int:
    """The same time of day so many calendar months later in China, on the month's last day where it has no such day."""
    day = from_instant(instant).astimezone(CHINA)
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first = day.replace(year=year, month=month + 1, day=1)
    last = (first.replace(year=year + (month == 11), month=(month + 1) % 12 + 1) - first).days
    return to_instant(first.replace(day=min(day.day, last)))


def leaves_at(measures: Iterable[Measure], version: Version, question: Question) -> int | None:
    """The instant from which a version counts in none of some measures any more: at it no longer, a microsecond before still.

    Its use has ended by law (`usable_until`) or every window that holds it has closed.

    Arguments:
        question: whose measures, and the moment at which it is to hold.
    Returns:
        None where it does not hold at the moment, or nothing known ends it.
    """
    plan = plan_of(tuple(measures))
    keys = {key.of(question.facts) for key in plan.keys}
    ends = [
        seen.end
        for seen in observe(plan, version.record, version.ended_at)
        if seen.key in keys and seen.start < question.at < seen.end
    ]
    return None if not ends or max(ends) == OPEN else max(ends)
