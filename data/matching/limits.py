"""Limits and tolerances as dated configuration: superseded values stay, and old days still compute."""

from bisect import bisect_right
from dataclasses import dataclass, fields
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data.errors import PolicyError

Unit = Literal["fen", "permille", "days", "months", "usd"]
_DAY = timedelta(days=1)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Value(_Frozen):
    """A value in force from a day until another (inclusive), China time, with the document that sets it."""

    first_day: Annotated[date, Field(alias="from")]
    last_day: Annotated[date | None, Field(alias="until")] = None
    value: Annotated[int, Field(ge=0, strict=True)]
    source: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _ordered(self) -> "Value":
        if self.last_day is not None and self.last_day < self.first_day:
            raise ValueError(f"ends on {self.last_day}, before it begins")
        return self


class Limit(_Frozen):
    """A limit with its texts, its unit, and its values in the order of time."""

    code: str
    unit: Unit
    zh: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]
    values: Annotated[tuple[Value, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _continuous(self) -> "Limit":
        for earlier, later in pairwise(self.values):
            if earlier.last_day is None or earlier.last_day >= later.first_day:
                raise ValueError(f"{self.code}: two values are in force on {later.first_day}")
            if earlier.last_day + _DAY != later.first_day:
                raise ValueError(f"{self.code}: no value is in force on {earlier.last_day + _DAY}")
        return self

    def at(self, day: date) -> int | None:
        """The value in force on a day, in `unit`; None where none is."""
        for value in self.values:
            if value.first_day <= day and (value.last_day is None or day <= value.last_day):
                return value.value
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits in force together from `first_day` to `last_day` (inclusive; None: until further notice).

    `retail_single_item_fen` bounds an order of one indivisible item; `retail_tax_permille` is the share of VAT and consumption
    tax that is levied within the limits; `small_firm_fx_usd` counts a calendar year. Sources: `limits.yaml`, value by value.
    """

    first_day: date
    last_day: date | None
    retail_transaction_fen: int
    retail_single_item_fen: int
    retail_annual_fen: int
    retail_tax_permille: int
    return_request_days: int
    return_arrival_days: int
    export_waybill_months: int
    small_firm_fx_usd: int
    amount_tolerance_fen: int
    rounding_tolerance_fen: int
    mass_tolerance_permille: int


CODES = tuple(field.name for field in fields(Limits) if field.name not in ("first_day", "last_day"))
"""The limits that a file has to give."""


@dataclass(frozen=True, slots=True)
class LimitBook:
    """All limits of a file, and the periods in which none of them changes."""

    limits: tuple[Limit, ...]
    periods: tuple[Limits, ...]

    def at(self, day: date) -> Limits:
        """The limits in force on a day (China time).

        Raises:
            PolicyError: where one of them has no value on that day.
        """
        index = bisect_right(self.periods, day, key=lambda period: period.first_day) - 1
        if index >= 0:
            period = self.periods[index]
            if period.last_day is None or day <= period.last_day:
                return period
        lacking = ", ".join(limit.code for limit in self.limits if limit.at(day) is None)
        raise PolicyError(f"no value is in force on {day} for {lacking}; add it to data/matching/limits.yaml")


class _File(_Frozen):
    limits: tuple[Limit, ...]

    @model_validator(mode="after")
    def _complete(self) -> "_File":
        given = [limit.code for limit in self.limits]
        if sorted(given) != sorted(CODES):
            wrong = sorted(set(given) ^ set(CODES)) or sorted({code for code in given if given.count(code) > 1})
            raise ValueError(f"each limit must be given once, and no other; look at {', '.join(wrong)}")
        return self


def _periods(limits: tuple[Limit, ...]) -> tuple[Limits, ...]:
    """The periods without a change, from the day on which every limit has a value until one has none any more."""
    begin = max(limit.values[0].first_day for limit in limits)
    ends = [last for limit in limits if (last := limit.values[-1].last_day) is not None]
    end = min(ends, default=None)
    days = sorted({begin} | {value.first_day for limit in limits for value in limit.values if value.first_day > begin})
    days = [day for day in days if end is None or day <= end]
    lasts = [*(day - _DAY for day in days[1:]), end] if days else []
    return tuple(
        Limits(first_day=day, last_day=last, **{limit.code: value for limit in limits if (value := limit.at(day)) is not None})
        for day, last in zip(days, lasts, strict=True)
    )  # fmt: skip


def read_limits(text: str, name: str) -> LimitBook:
    """Limits from YAML.

    Arguments:
        text: the YAML.
        name: what to call it in an error.
    Raises:
        PolicyError: where it does not validate, a limit is lacking, or its values overlap or leave a gap.
    """
    try:
        limits = _File.model_validate(yaml.safe_load(text)).limits
    except (yaml.YAMLError, ValidationError) as error:
        raise PolicyError(f"limits {name} do not validate: {error}") from None
    return LimitBook(limits, _periods(limits))


@cache
def shipped_limits() -> LimitBook:
    """The limits that ship with the package. They do not change while a process runs."""
    return read_limits((files("data.matching") / "limits.yaml").read_text(encoding="utf-8"), "limits.yaml")


def limits_at(day: date) -> Limits:
    """The shipped limits in force on a day (China time).

    Raises:
        PolicyError: where one of them has no value on that day.
    """
    return shipped_limits().at(day)
