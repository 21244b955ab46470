"""Metrics in the text format of Prometheus: a registry an application, so that several in one process do not mix."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from data.times import SECOND
from serving.answers import LANES
from serving.skew import Finding

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5)


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

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self._registry)
