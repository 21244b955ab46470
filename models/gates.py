"""Gates: limits on the figures of a trained model that stand between it and production. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

State = Literal["passed", "failed", "not_measured", "no_champion"]


class Gate(BaseModel):
    """A limit on one figure of a training run, as `mlflow.yaml` declares it.

    Attributes:
        name: what the gate is called in records; unique within a model.
        figure: name of the figure in the run.
        at_least, at_most: the limit, itself allowed; exactly one of the two.
        against: `absolute` limits the figure; `champion` limits its difference to the same figure of the present champion.
        required: whether a run without the figure fails; else the gate is shown and recorded as not measured.
        zh, en: what the gate demands, in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    figure: str = Field(min_length=1)
    at_least: float | None = Field(default=None, allow_inf_nan=False)
    at_most: float | None = Field(default=None, allow_inf_nan=False)
    against: Literal["absolute", "champion"] = "absolute"
    required: bool = True
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)

    @model_validator(mode="after")
    def _one_limit(self) -> "Gate":
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError(f"gate {self.name!r} needs either at_least or at_most")
        return self


class Verdict(msgspec.Struct, frozen=True):
    """What a gate says of a model.

    Attributes:
        value: the figure, None where it was not measured.
        bound: on which side of the limit the figure may be.
        limit: of the figure itself: for a gate against the champion, the champion's figure plus the difference allowed; None
            where that is not known.
        state: `passed`, `failed`, `not_measured` (and not required), `no_champion` (nothing to compare with yet).
        why: the state in a sentence, with the remedy where it failed.
    """

    gate: str
    figure: str
    value: float | None
    bound: Literal["at_least", "at_most"]
    limit: float | None
    state: State
    why: str
    zh: str
    en: str


def judge(
    gates: Sequence[Gate], figures: Mapping[str, float], champion: Mapping[str, float] | None
) -> tuple[Verdict, ...]:
    """What each gate says, in the order of the gates.

    Arguments:
        figures: of the candidate, by name.
        champion: of the present champion, by name; None where there is none.
    """
    return tuple(_verdict(gate, figures.get(gate.figure), champion) for gate in gates)


def failed(verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """The verdicts that stand in the way of a promotion."""
    return tuple(verdict for verdict in verdicts if verdict.state == "failed")


def _verdict(gate: Gate, value: float | None, champion: Mapping[str, float] | None) -> Verdict:
    limit, state, why = _judged(gate, value, champion)
    measured = value if value is not None and math.isfinite(value) else None
    return Verdict(
        gate=gate.name, figure=gate.figure, value=measured, bound="at_most" if gate.at_least is None else "at_least",
        limit=limit, state=state, why=why, zh=gate.zh, en=gate.en,
    )  # fmt: skip


def _judged(gate: Gate, value: float | None, champion: Mapping[str, float] | None) -> tuple[float | None, State, str]:
    limit = _limit(gate, champion)
    if value is None:
        if gate.required:
            return limit, "failed", f"the run has no figure {gate.figure!r}: train the model anew with this version"
        return limit, "not_measured", f"the run has no figure {gate.figure!r}, and the gate does not require it"
    if not math.isfinite(value):
        return limit, "failed", f"{gate.figure} is not a number: look at the run's outcomes and train anew"
    if limit is None:
        if champion is None:
            return None, "no_champion", "there is no champion to compare with yet"
        return None, *_without_comparison(gate)
    holds, sign = (value <= limit, "<=") if gate.at_least is None else (value >= limit, ">=")
    than = " (by the champion's)" if gate.against == "champion" else ""
    if holds:
        return limit, "passed", f"{value:.6g} {sign} {limit:.6g}{than}"
    return limit, "failed", f"{value:.6g} is not {sign} {limit:.6g}{than}: improve the model"


def _without_comparison(gate: Gate) -> tuple[State, str]:
    why = f"the champion has no figure {gate.figure!r} to compare with"
    if gate.required:
        return "failed", f"{why}: limit it absolutely in mlflow.yaml, or mark the gate as not required"
    return "not_measured", f"{why}, and the gate does not require it"


def _limit(gate: Gate, champion: Mapping[str, float] | None) -> float | None:
    """The limit of the figure itself; None where the champion's is needed and not known."""
    own = gate.at_most if gate.at_least is None else gate.at_least
    assert own is not None, "a gate has one limit"
    if gate.against == "absolute":
        return own
    theirs = (champion or {}).get(gate.figure)
    return None if theirs is None or not math.isfinite(theirs) else theirs + own
