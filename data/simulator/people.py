"""Persons as documents write them: invented identity numbers, names, telephones and addresses, made from a number.

All of them are plainly invented: identity numbers begin with SIM, every family name is 虚, no telephone network begins with
100, and the street does not exist. The same number gives the same values everywhere.
"""

import numpy as np
import pyarrow as pa

from data.simulator.columns import digits, either, text
from data.simulator.draws import Bools, Ints, scramble

_DISTRICTS = np.array([510502, 510503, 510504, 510521, 510522, 510524, 510525])
_SYLLABLES = "明远安宁清和子轩思齐嘉禾云舟景行若水知微文博雅言星野"
_TABLE = np.stack([np.frombuffer(one.encode(), dtype=np.uint8) for one in _SYLLABLES])


def identity_numbers(person: Ints) -> pa.Array:
    """Identity numbers: district, year of birth and a number, each marked as simulated."""
    year = 1950 + person * 37 % 55
    return text(len(person), b"SIM", (_DISTRICTS[person % 7], 6), (year, 4), (person, 9))


def names(person: Ints) -> pa.Array:
    """Names; as in life some persons share one."""
    mixed = scramble(0, "name", person)
    first, second, third = ((mixed >> np.uint64(8 * k)) % np.uint64(len(_SYLLABLES)) for k in range(3))
    return text(len(person), "虚".encode(), _TABLE[first], _TABLE[second], _TABLE[third])


def telephones(person: Ints, otherwise: Bools) -> pa.Array:
    """Mobile numbers; `otherwise` writes the same number with prefix and spaces."""
    plain = text(len(person), b"100", (person % 100_000_000, 8))
    other = digits(person[otherwise] % 100_000_000, 8)
    return either(plain, text(len(other), b"+86 100 ", other[:, :4], b" ", other[:, 4:]), otherwise)


def addresses(place: Ints, otherwise: Bools) -> pa.Array:
    """Delivery addresses; `otherwise` writes the same address with spaces."""
    street, house = place // 1000, place % 1000
    plain = text(len(place), "泸州市虚构路".encode(), (street, 6), "段".encode(), (house, 3), "号".encode())
    s, h = street[otherwise], house[otherwise]
    other = text(len(s), "泸州市 虚构路".encode(), (s, 6), "段 ".encode(), (h, 3), "号".encode())
    return either(plain, other, otherwise)
