"""The integer logarithm against exact decimal arithmetic."""

from decimal import Decimal, localcontext

from hypothesis import given
from hypothesis import strategies as st

from features.logarithm import milli_log


@given(st.one_of(st.integers(1, 5_000), st.integers(1, 10**15)))
def test_it_is_the_whole_thousandths_of_the_logarithm(value: int) -> None:
    with localcontext() as context:
        context.prec = 40
        assert milli_log(value) == int(Decimal(value).ln() * 1000)


@given(st.integers(-5, 10**15), st.integers(-5, 10**15))
def test_it_never_falls(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert milli_log(low) <= milli_log(high)
    assert (milli_log(low) == 0) or low > 1
