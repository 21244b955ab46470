"""Enterprise codes as customs messages carry them: whether a code can be one, and the reason when it cannot.

Two registers: the unified social credit code (18 characters, GB 32100-2015) and the customs registration code (10 characters).
Nothing here says whether the firm exists.
"""

import re
from functools import lru_cache

from data.values import uscc_check_character

_CACHED = 2**17
"""Codes remembered at once: more than the firms of one office, and a bound for what strangers send."""
_DIVISION = re.compile("(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5])[0-9]{2}")
"""An administrative division of the mainland, beginning with the two digits of its province (GB/T 2260)."""
_ZONE = re.compile("[0-9A-Z]")
_KIND = re.compile("[1-9]")
_SERIAL = re.compile("[0-9A-Z]{4}")


def enterprise_fault(code: str) -> str | None:
    """The reason why a code is no enterprise code, in words and without the code itself; None where it is good.

    18 characters: a unified social credit code with its check character right; letters of its alphabet are accepted everywhere.
    10 characters: a customs registration code of 4 digits of the administrative division, a character for the economic zone, a
    digit 1 to 9 for the kind of enterprise, and 4 serial characters.

    Arguments:
        code: as a message carries it: capital letters, no blanks.
    """
    if len(code) not in (10, 18):  # before the cache, so that it never holds long texts
        return (
            "should have 18 characters (unified social credit code) or 10 (customs registration code), "
            f"but has {len(code)}"
        )
    return _fault(code)


@lru_cache(maxsize=_CACHED)
def _fault(code: str) -> str | None:
    return _uscc_fault(code) if len(code) == 18 else _registration_fault(code)


def _uscc_fault(code: str) -> str | None:
    try:
        expected = uscc_check_character(code[:17])
    except ValueError:
        return "has a character that a unified social credit code (GB 32100) cannot have"
    if code[17] != expected:
        return "wrong check character of a unified social credit code (GB 32100)"
    return None


def _registration_fault(code: str) -> str | None:
    if not _DIVISION.fullmatch(code, 0, 4):
        return "a customs registration code should begin with the 4 digits of an administrative division"
    if not _ZONE.fullmatch(code, 4, 5):
        return "the 5th character of a customs registration code should be a digit or a capital letter (economic zone)"
    if not _KIND.fullmatch(code, 5, 6):
        return "the 6th character of a customs registration code should be a digit 1 to 9 (kind of enterprise)"
    if not _SERIAL.fullmatch(code, 6, 10):
        return "the last 4 characters of a customs registration code should be digits or capital letters"
    return None
