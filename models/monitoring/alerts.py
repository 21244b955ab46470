"""What people are told: one alert a cause, with what it is, since when, how much, and what to do. No person and no firm is named.

A figure must pass what chance explains and also be large enough to matter: with many shipments every trifle is beyond chance.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from models.monitoring.inputs import LEVEL, Change, Inputs, Kind
from models.monitoring.lane import GREEN, LaneTruth
from models.monitoring.outcomes import Calibration, Outcomes
from models.monitoring.reference import SCORE
from models.monitoring.texts import TEXTS, Code

Severity = Literal["warning", "alarm"]
WORTH: Mapping[Kind, tuple[float, float]] = {"missing": (0.02, 0.10), "unseen": (0.01, 0.05), "shift": (0.10, 0.25)}
"""From which difference on a change warns, and alarms: shares, and Siddiqi's steps of the index above its mean by chance."""
_RATIO, _ALARMING_RATIO = 1.1, 1.5
_LEAST_DIRECTED, _REPORTED, _HARDLY_REPORTED = 30, 0.8, 0.5


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a person should look at.

    Attributes:
        subject: the theme of the features, the segment or the lane.
        features: those concerned, the one that moved most first.
        since: the instant from which on it shows, where that can be told.
        value, limit: the figure, and what it passed.
        zh, en: what it is. remedy_zh, remedy_en: what to do.
    """

    code: Code
    severity: Severity
    subject: str
    features: tuple[str, ...]
    since: int | None
    value: float
    limit: float
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str


@dataclass(frozen=True, slots=True)
class Reported:
    """How many inspections were directed long enough ago to have reported, and how many have."""

    directed: int
    reported: int

    @property
    def share(self) -> float:
        """The share that has reported; 1 where none was directed."""
        return self.reported / self.directed if self.directed else 1.0


def alerts_of(
    inputs: Inputs, outcomes: Outcomes | None, truths: Iterable[LaneTruth], reported: Reported, theme: Callable[[str], str]
) -> tuple[Alert, ...]:  # fmt: skip
    """The alerts of a look, alarms first.

    Arguments:
        theme: the theme of a feature: features of one theme that change alike have one cause, mostly one source.
    """
    found = [*_of_inputs(inputs, theme)]
    calibration = _of_outcomes(outcomes) if outcomes else []
    found += calibration
    is_off = any(alert.subject == "all" for alert in calibration)
    for truth in truths:
        found += _of_lane(truth, is_told=is_off)
    if reported.directed >= _LEAST_DIRECTED and reported.share < _REPORTED:
        is_hardly = reported.share < _HARDLY_REPORTED
        found.append(
            _alert(
                "outcomes_late", "inspections", reported.share, _REPORTED, is_alarm=is_hardly, rows=reported.directed
            )
        )
    return tuple(sorted(found, key=lambda alert: (alert.severity, alert.code, alert.subject)))


def _of_inputs(inputs: Inputs, theme: Callable[[str], str]) -> Iterable[Alert]:
    def cause(change: Change) -> tuple[str, str]:
        return (change.kind, SCORE if change.feature == SCORE else theme(change.feature))

    telling = [one for one in inputs.changes if one.is_beyond and one.excess >= WORTH[one.kind][0]]
    for (_, subject), group in groupby(sorted(telling, key=cause), key=cause):
        changes = sorted(group, key=lambda change: (-change.excess, change.feature))
        first = changes[0]
        codes: Mapping[Kind, Code] = {"missing": "input_missing", "unseen": "input_unseen", "shift": "input_shift"}
        yield _alert(
            "score_shift" if subject == SCORE else codes[first.kind], subject, first.value, first.limit or 0.0,
            is_alarm=first.excess >= WORTH[first.kind][1], features=tuple(change.feature for change in changes),
            since=min(change.since for change in changes if change.since is not None), before=first.before,
            count=len(changes), first=first.feature,
        )  # fmt: skip


def _of_outcomes(outcomes: Outcomes) -> list[Alert]:
    """Where all is off, segments and line add nothing: it is one cause."""
    level = LEVEL / max(outcomes.tests, 1)
    overall = _off("calibration", outcomes.overall, level)
    if overall:
        return overall
    segments = [alert for segment in outcomes.segments for alert in _off("calibration", segment, level)]
    line = outcomes.line
    if segments or line is None or line.p >= level or 1 / _RATIO < line.slope < _RATIO:
        return segments
    is_alarm = not 1 / _ALARMING_RATIO < line.slope < _ALARMING_RATIO
    return [_alert("calibration_slope", "all", line.slope, _RATIO, is_alarm=is_alarm)]


def _off(code: Code, one: Calibration, level: float) -> list[Alert]:
    rate, stated = one.observed.value, one.stated
    if one.p is None or one.p >= level or stated / _RATIO < rate < stated * _RATIO:
        return []
    is_alarm = not stated / _ALARMING_RATIO < rate < stated * _ALARMING_RATIO
    return [_alert(code, one.part, rate, _RATIO, is_alarm=is_alarm, before=stated, rows=one.rows)]


def _of_lane(truth: LaneTruth, *, is_told: bool) -> list[Alert]:
    drawn = truth.drawn
    if drawn is None:
        return []
    if truth.lane == "all":
        return [] if is_told else _off("random_lane", drawn, LEVEL)
    if truth.lane != GREEN or truth.allowed is None or truth.floor is None or truth.floor <= truth.allowed:
        return []
    return [
        _alert(
            "false_green", GREEN, drawn.observed.value, truth.allowed, is_alarm=True, rows=drawn.rows, floor=truth.floor
        )
    ]


def _alert(
    code: Code, subject: str, value: float, limit: float, *, is_alarm: bool, features: tuple[str, ...] = (),
    since: int | None = None, **said: float | str,
) -> Alert:  # fmt: skip
    texts = TEXTS[code]
    zh, en = (text.format(subject=subject, value=value, limit=limit, **said) for text in texts[:2])
    return Alert(
        code, "alarm" if is_alarm else "warning", subject, features, since, value, limit, zh, en, texts[2], texts[3]
    )
