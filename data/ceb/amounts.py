"""Decimal texts and times of messages as exact integers."""

from datetime import date
from functools import lru_cache

from data.codes.rates import CNY, Rates
from data.times import SECOND, midnight
from data.values import LARGEST_INTEGER

_NOTHING = ("000", "", "0", "00")
_FIRST = date(1970, 1, 1).toordinal()


class NoRateError(ValueError):
    """There is no exchange rate for a currency on a day."""

    def __init__(self, currency: str, on: date) -> None:
        self.currency = currency
        super().__init__(f"has no exchange rate for currency {currency} on {on}: load it with `greenlane rates load`")


class TooLargeError(ValueError):
    """A value, given as it was sent, is larger than records hold."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"is too large: at most {LARGEST_INTEGER:,} fen, grams or hundred-thousandths are taken")


def bounded(value: int, text: str) -> int:
    """A value that records can hold.

    Raises:
        TooLargeError: where it is larger.
    """
    if value > LARGEST_INTEGER:
        raise TooLargeError(text)
    return value


def _exact(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole + (part + "00000")[:5])


def e5(text: str) -> int:
    """A decimal of at most five places in hundred-thousandths, exactly."""
    return bounded(_exact(text), text)


def divided(value: int, by: int) -> int:
    """A quotient rounded half to even."""
    quotient, rest = divmod(value, by)
    twice = 2 * rest
    return quotient + (twice > by or (twice == by and quotient % 2))


def fen(text: str) -> int:
    """Yuan in fen. Messages allow five places; below a fen is rounded half to even."""
    whole, _, part = text.partition(".")
    if part[2:] in _NOTHING:
        return int(whole + (part + "00")[:2])
    return divided(_exact(text), 1_000)


def grams(text: str) -> int:
    """Kilograms in grams, rounded half to even."""
    return bounded(divided(_exact(text), 100), text)


@lru_cache(4_096)
def day(text: str) -> date:
    """A date YYYYMMDD.

    Raises:
        ValueError: where the calendar has no such day.
    """
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))


@lru_cache(4_096)
def _midnight(text: str) -> int:
    return midnight(day(text).toordinal() - _FIRST)


def instant(text: str) -> int:
    """A China time YYYYMMDDhhmmss (more digits are left out) as an instant.

    Raises:
        ValueError: where the calendar has no such day.
    """
    return _midnight(text[:8]) + ((int(text[8:10]) * 60 + int(text[10:12])) * 60 + int(text[12:14])) * SECOND


class Money:
    """Amounts of one currency on one day as yuan.

    Arguments:
        currency: three-digit customs code.
        on: the day in China whose rate counts.
    Raises:
        NoRateError: where there is none.
    """

    __slots__ = ("_micro",)

    def __init__(self, rates: Rates, currency: str, on: date) -> None:
        self._micro = 0
        if currency != CNY:
            rate = rates.of(currency, on)
            if rate is None:
                raise NoRateError(currency, on)
            self._micro = rate.micro_cny

    def fen(self, text: str) -> int:
        """An amount in fen."""
        if not self._micro:
            return fen(text)
        return bounded(divided(_exact(text) * self._micro, 1_000_000_000), text)

    def millifen(self, text: str) -> int:
        """A unit price in thousandths of a fen."""
        return bounded(divided(_exact(text) * self._micro, 1_000_000), text) if self._micro else e5(text)
