"""Laws of the gates: a limit holds on one side, a missing figure never passes, and every verdict says why."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.gates import Gate, failed, judge

_FIGURES = st.sampled_from(["auc", "ece", "size"])
_NUMBERS = st.floats(-100, 100)
_ANY = st.floats(allow_nan=True, allow_infinity=True)


@st.composite
def gates(draw: st.DrawFn) -> list[Gate]:
    made = []
    for number in range(draw(st.integers(0, 5))):
        side = draw(st.sampled_from(["at_least", "at_most"]))
        made.append(
            Gate(
                name=f"g{number}", figure=draw(_FIGURES), against=draw(st.sampled_from(["absolute", "champion"])),
                required=draw(st.booleans()), zh="门槛", en="a gate", **{side: draw(_NUMBERS)},
            )
        )  # fmt: skip
    return made


def expected(gate: Gate, figures: dict[str, float], champion: dict[str, float] | None) -> str:
    """The rule in words, one case after the other."""
    value = figures.get(gate.figure)
    if value is None:
        return "failed" if gate.required else "not_measured"
    if not math.isfinite(value):
        return "failed"
    own = gate.at_least if gate.at_least is not None else gate.at_most
    if gate.against == "champion":
        if champion is None:
            return "no_champion"
        theirs = champion.get(gate.figure)
        if theirs is None or not math.isfinite(theirs):
            return "failed" if gate.required else "not_measured"
        own += theirs
    holds = value >= own if gate.at_least is not None else value <= own
    return "passed" if holds else "failed"


@given(
    gates=gates(), figures=st.dictionaries(_FIGURES, _ANY),
    champion=st.none() | st.dictionaries(_FIGURES, _ANY),
)  # fmt: skip
def test_a_verdict_is_what_the_rule_says_and_why(
    gates: list[Gate], figures: dict[str, float], champion: dict[str, float] | None
) -> None:
    verdicts = judge(gates, figures, champion)
    assert [one.gate for one in verdicts] == [gate.name for gate in gates]
    assert [one.state for one in verdicts] == [expected(gate, figures, champion) for gate in gates]
    assert list(failed(verdicts)) == [one for one in verdicts if one.state == "failed"]
    for one in verdicts:
        assert len(one.why) > 5
        assert one.value is None or math.isfinite(one.value)
        assert (one.state == "passed") <= (one.value is not None and one.limit is not None)


@given(gate=gates().filter(bool), value=_NUMBERS, better=st.floats(0, 100), champion=st.none() | _NUMBERS)
def test_a_better_figure_never_fails_where_a_worse_one_passed(
    gate: list[Gate], value: float, better: float, champion: float | None
) -> None:
    one = gate[0]
    theirs = None if champion is None else {one.figure: champion}
    improved = value + better if one.at_least is not None else value - better
    (before,), (after,) = judge([one], {one.figure: value}, theirs), judge([one], {one.figure: improved}, theirs)
    assert (before.state == "passed") <= (after.state == "passed")


def test_the_limit_itself_is_allowed_and_a_missing_figure_names_its_remedy() -> None:
    gate = Gate(name="size", figure="bundle_mb", at_most=2.0, zh="大小", en="size")
    assert judge([gate], {"bundle_mb": 2.0}, None)[0].state == "passed"
    assert judge([gate], {"bundle_mb": math.nextafter(2.0, 3.0)}, None)[0].state == "failed"
    (missing,) = judge([gate], {}, None)
    assert missing.why == "the run has no figure 'bundle_mb': train the model anew with this version"


@pytest.mark.parametrize("limits", [{}, {"at_least": 1, "at_most": 2}, {"at_least": math.nan}, {"at_least": math.inf}])
def test_a_gate_has_one_limit_that_is_a_number(limits: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="at_least"):
        Gate(name="g", figure="auc", zh="门槛", en="a gate", **limits)
