"""Exchange rates by date, in exact integers: micro-yuan (1/1,000,000 yuan) per one unit of a currency.

Customs converts with the rate in force in the month of acceptance, so a rate serves from its first day until the next one of the
same currency, and never longer than `MAX_AGE_DAYS`.
"""

import csv
import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from data.codes.tables import table
from data.errors import InvalidRecordError, SourceUnreadableError

CNY = "142"
"""The customs code of the yuan, whose rate is 1 by definition."""
MAX_AGE_DAYS = 62
"""A rate older than two months at the day asked about is not used: a missing month must not pass unseen."""

_ONE = 1_000_000
_PLACES = 4
"""Decimal places of yuan per 100 units that are whole micro-yuan per unit."""
_DECIMAL = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,30}))?")
_COLUMNS = ("currency", "valid_from", "cny_per_100")

Fault = tuple[str, str]
"""A field path and the reason why its value cannot be used."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of a currency is worth from a day on.

    Arguments:
        currency: the three-digit customs code.
        valid_from: the first day in China on which the rate is in force.
        micro_cny: micro-yuan per one unit of the currency, positive.
    """

    currency: str
    valid_from: date
    micro_cny: int


class Rates:
    """A book of rates. Immutable.

    Arguments:
        rates: in any order; the same rate twice does no harm.
    Raises:
        InvalidRecordError: where two rates of a currency differ for the same first day.
    """

    __slots__ = ("_days", "_rates")

    def __init__(self, rates: tuple[Rate, ...] = ()) -> None:
        by_currency: dict[str, dict[date, Rate]] = {}
        faults: list[Fault] = []
        for rate in rates:
            known = by_currency.setdefault(rate.currency, {}).setdefault(rate.valid_from, rate)
            if known != rate:
                faults.append(
                    ("cny_per_100", f"two rates of currency {rate.currency} from {rate.valid_from}; keep one")
                )
        if faults:
            raise InvalidRecordError(tuple(faults))
        self._days = {currency: tuple(sorted(days)) for currency, days in by_currency.items()}
        self._rates = {currency: tuple(days[day] for day in sorted(days)) for currency, days in by_currency.items()}

    def of(self, currency: str, on: date, max_age_days: int = MAX_AGE_DAYS) -> Rate | None:
        """The latest rate in force on a day in China; None where there is none or it is too old. The yuan is always 1.

        Arguments:
            currency: the three-digit customs code.
            on: the day in China.
            max_age_days: how many days after its first day a rate is still used.
        """
        if currency == CNY:
            return Rate(CNY, on, _ONE)
        days = self._days.get(currency, ())
        index = bisect_right(days, on) - 1
        if index < 0 or (on - days[index]).days > max_age_days:
            return None
        return self._rates[currency][index]

    def to_fen(self, amount_hundredths: int, currency: str, on: date) -> int | None:
        """An amount in fen (1/100 yuan), exact but for one rounding half to even; None where no rate is in force.

        Arguments:
            amount_hundredths: the amount in 1/100 of the currency's unit (for the yen too).
            currency: the three-digit customs code.
            on: the day in China whose rate is used.
        """
        rate = self.of(currency, on)
        if rate is None:
            return None
        fen, rest = divmod(amount_hundredths * rate.micro_cny, _ONE)
        return fen + (2 * rest > _ONE or (2 * rest == _ONE and fen % 2 == 1))


def read_rates(path: Path) -> tuple[Rate, ...]:
    """Rates from a CSV file (UTF-8) with the columns currency, valid_from and cny_per_100, in any order.

    `currency` is a customs code or ISO 4217, `valid_from` a date YYYY-MM-DD, `cny_per_100` the yuan for 100 units of the
    currency as a decimal number with at most 4 places, which is exact in micro-yuan per unit.

    Returns:
        the rates in the order of the file.
    Raises:
        SourceUnreadableError: where the file is missing, empty, not UTF-8 or CSV, or has other columns.
        InvalidRecordError: naming line, field and reason of every row that cannot be used.
    """
    rates: list[Rate] = []
    faults: list[Fault] = []
    seen: dict[tuple[str, date], int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            header = next(lines, None)
            if header is None:
                raise SourceUnreadableError(f"{path} is empty; it should have the columns {', '.join(_COLUMNS)}")
            if sorted(header) != sorted(_COLUMNS):
                raise SourceUnreadableError(f"{path} should have the columns {', '.join(_COLUMNS)} and no other")
            for cells in lines:
                if not cells:
                    continue
                number = lines.line_num
                found = _rate(dict(zip(header, cells, strict=False)), len(cells))
                if isinstance(found, Rate):
                    first = seen.setdefault((found.currency, found.valid_from), number)
                    if first == number:
                        rates.append(found)
                        continue
                    found = [("valid_from", f"line {first} already has a rate of this currency from this day")]
                faults.extend((f"line {number}: {field}", reason) for field, reason in found)
    except OSError as error:
        raise SourceUnreadableError(f"{path} cannot be read: {error.strerror}; check the path") from None
    except UnicodeDecodeError:
        raise SourceUnreadableError(f"{path} has bytes that are not UTF-8; save the file as UTF-8") from None
    except csv.Error as error:
        raise SourceUnreadableError(f"{path}, line {lines.line_num}: is not CSV: {error}") from None
    if faults:
        raise InvalidRecordError(tuple(faults))
    return tuple(rates)


def _rate(row: dict[str, str], cells: int) -> Rate | list[Fault]:
    """The rate of one row, or its faults by field."""
    if cells != len(_COLUMNS):
        return [(field, "is missing") for field in _COLUMNS if field not in row] or [
            ("row", f"has {cells} cells, not 3")
        ]
    faults: list[Fault] = []
    day: date | None = None
    try:
        if len(row["valid_from"]) != 10:
            raise ValueError
        day = date.fromisoformat(row["valid_from"])
    except ValueError:
        faults.append(("valid_from", "should be a date YYYY-MM-DD"))
    currency = _currency(row["currency"], day)
    if currency is None:
        faults.append(("currency", "should be a customs code or ISO 4217 code of the table of currencies"))
    elif currency == CNY:
        faults.append(("currency", "the yuan needs no rate; remove the line"))
    micro = _micro_cny(row["cny_per_100"])
    if isinstance(micro, str):
        faults.append(("cny_per_100", micro))
    if faults or day is None or currency is None or isinstance(micro, str):
        return faults
    return Rate(currency, day, micro)


def _currency(text: str, on: date | None) -> str | None:
    """The customs code of a currency given by customs code or ISO 4217; its validity is judged on the rate's day."""
    day = on or date.max
    currencies = table("currency")
    entry = currencies.get(text, day) or currencies.by_iso(text, day)
    return None if entry is None else entry.code


def _micro_cny(text: str) -> int | str:
    """Micro-yuan per unit from yuan per 100 units, or the reason why not."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        return "should be a decimal number above 0 and below 1000000000, for instance 718.84"
    places = (match[2] or "").rstrip("0")
    if len(places) > _PLACES:
        return f"should have at most {_PLACES} decimal places"
    return int(match[1] + places.ljust(_PLACES, "0")) or "should be above 0"
