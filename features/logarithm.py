"""Logarithms as exact integers, so that sums of them are exact and equal on every machine.

A float logarithm may differ in its last bit between processors and between one value and a vector of them. Here the
thousandth of a natural logarithm is found by comparing integers with a table that integer arithmetic made.
"""

from bisect import bisect_right
from functools import cache

_STEPS = 34_539
"""Largest result: 1000 * ln(10**15), the largest value that a record may hold."""
_BITS = 192


@cache
def thresholds() -> tuple[int, ...]:
    """The smallest integers whose logarithm reaches 1, 2, 3 ... thousandths (repeated where several fall on one)."""
    one = 1 << _BITS
    step, term = one, one  # exp(1/1000) by its series, in fixed point
    for n in range(1, 20):
        term //= 1000 * n
        step += term
    power, table = one, []
    for _ in range(_STEPS):
        power = power * step >> _BITS
        table.append(-(-power >> _BITS))
    return tuple(table)


def milli_log(value: int) -> int:
    """Whole thousandths of the natural logarithm of an integer, 0 for values below 1."""
    return bisect_right(thresholds(), value)
