"""Moments as integers: microseconds since 1970 UTC inside, aware datetimes at the edges, China time for people.

A day is a day in China (UTC+8, no daylight saving since 1991), so days are plain integer arithmetic.
"""

from datetime import UTC, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8), "CST")
SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
OPEN = 2**62
"""The end of an interval that nothing has closed yet."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHINA_SHIFT = 8 * HOUR


def to_instant(moment: datetime) -> int:
    """Microseconds since 1970 UTC of an aware datetime, exactly (no float on the way).

    Raises:
        ValueError: for a datetime without a zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone, for instance 2026-04-01T09:00:00+08:00")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_instant(instant: int) -> datetime:
    """The aware UTC datetime of an instant in microseconds."""
    return _EPOCH + timedelta(microseconds=instant)


def show(instant: int) -> str:
    """An instant as people in the zone read it: ISO 8601 in China time with its offset."""
    return from_instant(instant).astimezone(CHINA).isoformat()


def day_of(instant: int) -> int:
    """Number of the China day that holds the instant (0 is 1 January 1970)."""
    return (instant + _CHINA_SHIFT) // DAY


def midnight(day: int) -> int:
    """The instant at which a China day begins."""
    return day * DAY - _CHINA_SHIFT
