"""Metrics in the text format of Prometheus: a registry an application, so that several in one process do not mix."""

from collections import Counter as Counted
from collections.abc import Iterator, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from data.times import SECOND
from models.monitoring.reference import SCORE
from serving.answers import LANES
from serving.monitoring import Monitored
from serving.skew import Finding

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5)
_MONITORED = (
    ("monitor_last_look_timestamp_seconds", "When the model in use was last monitored"),
    ("monitor_decisions", "Decisions of the window that the last look covers"),
    ("alerts", "Alerts of the last look", "code", "severity"),
    ("input_alerts", "Features that moved beyond chance and enough to matter"),
    ("input_psi_max", "The greatest stability index of a feature, less what chance shows on average"),
    ("missing_rate_change_max", "The greatest difference of a feature's missing rate from the reference"),
    ("unseen_rate_max", "The greatest share of codes of a feature that the model does not know"),
    ("score_psi", "Stability index of the stated probabilities, less what chance shows on average"),
    (
        "calibration_error",
        "Expected calibration error on matured outcomes, weighted by inverse probability of inspection",
    ),
    ("calibration_error_by_chance", "What a right model would show of it on average"),
    ("observed_rate", "Rate of violations on matured outcomes, weighted likewise"),
    ("stated_rate", "What the model stated for the same shipments"),
    ("random_lane_hit_rate", "Rate of violations that the random lane shows", "lane"),
    ("random_lane_estimate", "What the model states for all shipments of the lane", "lane"),
    ("outcomes_reported", "Share of the inspections due that have reported"),
)
"""Gauges of the monitor: name, text, labels beside `model`."""


class Metrics:
    """What one application counts."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._checked = self._counter("skew_checked", "Decisions whose vectors were computed again as known then")
        self._mismatches = self._counter("skew_mismatches", "Values of vectors that were not confirmed: always zero")
        self._unverifiable = self._counter(
            "skew_unverifiable", "Decisions that this version cannot compute again, in whole or in part"
        )
        self._last_check = Gauge(
            "greenlane_skew_last_check_timestamp_seconds", "When decisions were last computed again (0: never)",
            registry=self._registry,
        )  # fmt: skip
        self._decisions = Counter(
            "greenlane_decisions", "New decisions by their lane", ["lane"], registry=self._registry
        )
        self._seconds = Histogram(
            "greenlane_decision_seconds", "How long new decisions took, until they were durable",
            buckets=_BUCKETS, registry=self._registry,
        )  # fmt: skip
        for lane in LANES:
            self._decisions.labels(lane)
        self._monitored = {
            name: Gauge(f"greenlane_{name}", text, ["model", *labels], registry=self._registry)
            for name, text, *labels in _MONITORED
        }
        self._shown: dict[str, set[tuple[str, ...]]] = {}

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(f"greenlane_{name}", text, registry=self._registry)

    def decided(self, lane: str, seconds: float) -> None:
        """Count a new decision."""
        self._decisions.labels(lane).inc()
        self._seconds.observe(seconds)

    def looked(self, findings: Sequence[Finding], at: int) -> None:
        """Count decisions that were computed again.

        Arguments:
            at: the instant.
        """
        unverifiable = sum(finding.unverifiable is not None for finding in findings)
        self._checked.inc(len(findings) - unverifiable)
        self._unverifiable.inc(unverifiable)
        self._mismatches.inc(sum(len(finding.mismatches) for finding in findings))
        self._last_check.set(at / SECOND)

    def monitored(self, found: Monitored, at: int) -> None:
        """Show what the last look at a model found; what it could not say is not shown.

        Arguments:
            at: the instant.
        """
        shown = set()
        for name, value, *labels in _figures(found):
            self._monitored[name].labels(found.model, *labels).set(value)
            shown.add((name, *labels))
        for name, *labels in self._shown.get(found.model, set()) - shown:
            self._monitored[name].remove(found.model, *labels)
        self._shown[found.model] = shown
        self._monitored["monitor_last_look_timestamp_seconds"].labels(found.model).set(at / SECOND)

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self._registry)


def _figures(found: Monitored) -> Iterator[tuple[Any, ...]]:
    """The figures of a look that it could make: name, value, labels beside `model`."""
    yield "monitor_decisions", found.decisions
    for (code, severity), count in sorted(Counted((one.code, one.severity) for one in found.alerts).items()):
        yield "alerts", count, code, severity
    yield "input_alerts", len({name for one in found.alerts for name in one.features if name != SCORE})
    changes = [one for one in found.inputs.changes if one.feature != SCORE]
    for name, kind in (
        ("input_psi_max", "shift"),
        ("missing_rate_change_max", "missing"),
        ("unseen_rate_max", "unseen"),
    ):
        if values := [
            one.value if kind == "unseen" else one.value - one.before if kind == "shift" else one.excess
            for one in changes
            if one.kind == kind
        ]:
            yield name, max(values)
    for one in found.inputs.changes:
        if one.feature == SCORE and one.kind == "shift":
            yield "score_psi", one.value - one.before
    if found.outcomes is not None:
        yield "calibration_error", found.outcomes.error
        yield "calibration_error_by_chance", found.outcomes.error_by_chance
        yield "observed_rate", found.outcomes.overall.observed.value
        yield "stated_rate", found.outcomes.overall.stated
    for truth in found.truths:
        if truth.rate is not None:
            yield "random_lane_hit_rate", truth.rate.value, truth.lane
        if truth.estimate is not None:
            yield "random_lane_estimate", truth.estimate, truth.lane
    if found.reported.directed:
        yield "outcomes_reported", found.reported.share
