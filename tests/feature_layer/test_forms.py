"""Laws of the forms of features that engines share."""

from fractions import Fraction
from math import sqrt
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.times import DAY
from features.forms import DaysSince, Deviation
from features.measures import Key, Measure, Stream
from features.questions import Question

_SALES, _FIRM = Stream("sales", "declaration"), Key("enterprise", ("enterprise",))
_MEASURES = tuple(
    Measure(operator, _SALES, _FIRM, value)
    for operator, value in (("count", None), ("sum", "price_log"), ("sum_of_squares", "price_log"))
)
_FORM = Deviation(*_MEASURES, least=1)


@given(
    common=st.integers(-(10**9), 10**9), beside=st.lists(st.integers(0, 3) | st.integers(0, 10**6), min_size=1, max_size=9)
)  # fmt: skip
def test_a_deviation_keeps_its_digits_however_much_values_have_in_common(common: int, beside: list[int]) -> None:
    values = [common + one for one in beside]
    sums = dict(zip(_MEASURES, (len(values), sum(values), sum(value * value for value in values)), strict=True))
    mean = Fraction(sum(values), len(values))
    wanted = sqrt(sum((value - mean) ** 2 for value in values) / len(values))
    found = _FORM.scalar(sums, Question(0, {}))
    columns: Any = SimpleNamespace(measure=lambda measure: np.array([sums[measure]], dtype=np.int64))
    assert found == pytest.approx(wanted, rel=1e-12, abs=0)
    assert found == _FORM.column(columns)[0]


@given(days=st.integers(0, 400), shift=st.sampled_from([-1, 0, 1]))
def test_a_day_has_passed_when_it_is_over_and_not_an_instant_before(days: int, shift: int) -> None:
    since = Measure("since", _SALES, _FIRM)
    form, begun, now = DaysSince(since), 5 * DAY + 7, 5 * DAY + 7 + days * DAY + shift
    columns: Any = SimpleNamespace(measure=lambda _measure: np.array([begun], dtype=np.int64), at=np.array([now]))
    wanted = days - 1 if shift < 0 else days
    assert form.scalar({since: begun}, Question(now, {})) == form.column(columns)[0] == wanted
