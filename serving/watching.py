"""Watches beside the service, each in its own thread: some decisions computed again (`skew`), models in use (`monitoring`)."""

import logging
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from random import Random

from data.errors import CreditRiskError, NoChampionError
from data.store import Store
from data.times import DAY
from models.monitoring.alerts import Alert
from models.policy import PolicyBook
from serving import skew
from serving.monitoring import Monitored, Window, monitor
from serving.scores import MODELS
from serving.settings import Settings
from serving.skew import Finding

_RECENT = 1_000
"""How many decisions of its own a process remembers until it looks."""
_REST = 0.1
"""Seconds between two short readings of the store: the interpreter is shared with those who wait for decisions."""


class _StoppedError(Exception):
    """The process ends: what was begun is left."""


class Watch(ABC):
    """Looks every so often, in a thread of its own, at what it only reads: no decision waits for it.

    Arguments:
        name: of the thread and the log.
        failed: what the log says where a look failed.
    """

    def __init__(self, name: str, failed: str) -> None:
        self.log = logging.getLogger(f"greenlane.{name}")
        self._name, self._failed = name, failed
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @abstractmethod
    def look(self) -> object:
        """Look once."""

    def start(self, every: float) -> None:
        """Look every so many seconds, until `stop`."""
        self._thread = threading.Thread(target=self._run, args=(every,), name=f"{self._name}-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more, and leave what was begun. Returns when the thread has ended."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def rest(self) -> None:
        """Pause between two readings.

        Raises:
            _StoppedError: where the process ends.
        """
        if self._stop.wait(_REST):
            raise _StoppedError

    def _run(self, every: float) -> None:
        while not self._stop.wait(every):
            try:
                self.look()
            except _StoppedError:
                return
            except CreditRiskError as error:
                self.log.warning("%s: %s", self._failed, error)
            except Exception as error:  # a look that breaks must not end the looks: the next one may succeed
                self.log.exception("%s: %s", self._failed, type(error).__name__)


class SkewWatch(Watch):
    """Looks at decisions that this process did not check yet.

    A look takes the newest decisions of this process and others of the store at random, as many again.

    Arguments:
        metrics: take the findings of a look, and its instant.
        sample: how many decisions a look takes.
        random: draws them.
        clock: gives now as an instant.
    """

    def __init__(
        self, store: Store, metrics: Callable[[Sequence[Finding], int], None], *, sample: int, random: Random,
        clock: Callable[[], int],
    ) -> None:  # fmt: skip
        super().__init__("skew", "decisions were not checked for skew")
        self._store, self._metrics, self._sample, self._random, self._clock = store, metrics, sample, random, clock
        self._recent: deque[str] = deque(maxlen=_RECENT)
        self._checked: set[str] = set()

    def note(self, decision: str) -> None:
        """A decision was just made: it is among the first to be checked."""
        self._recent.append(decision)

    def look(self) -> list[Finding]:
        """Check decisions not checked yet, where there are any."""
        chosen = self._chosen()
        if not chosen:
            return []
        # `verify` only reads, in transactions of some milliseconds: no decision waits for a lock that is held here
        findings = skew.verify(self._store, chosen, rest=self.rest)
        self._checked.update(chosen)
        for finding in findings:
            self._report(finding)
        self._metrics(findings, self._clock())
        return findings

    def _chosen(self) -> list[str]:
        newest: dict[str, None] = {}
        while self._recent and len(newest) < self._sample - self._sample // 2:
            newest.setdefault(self._recent.pop())
        chosen = [one for one in newest if one not in self._checked]
        with self._store.read() as connection:
            others = skew.drawn(connection, self._sample, self._random, without=self._checked)
        return (chosen + [one for one in others if one not in newest])[: self._sample]

    def _report(self, finding: Finding) -> None:
        for one in finding.mismatches:
            self.log.warning(
                "decision %s: feature %s of set %s was %r, and is %r as known then",
                one.decision, one.feature, one.feature_set, one.stored, one.recomputed,
            )  # fmt: skip
        if finding.unverifiable is not None:
            self.log.info("decision %s cannot be computed again: %s", finding.decision, finding.unverifiable)


class MonitorWatch(Watch):
    """Holds the models in use against their reference and the outcomes; warns once of each alert for as long as it lasts.

    Arguments:
        metrics: take what a look at a model found, and its instant.
        clock: gives now as an instant.
    """

    def __init__(
        self, store: Store, policies: PolicyBook, metrics: Callable[[Monitored, int], None], settings: Settings,
        clock: Callable[[], int],
    ) -> None:  # fmt: skip
        super().__init__("monitoring", "models in use were not monitored")
        self._store, self._policies, self._metrics, self._clock = store, policies, metrics, clock
        self._settings = settings
        self._told: dict[str, set[tuple[str, str, str]]] = {}

    def look(self) -> list[Monitored]:
        """Look at each model in use, where there is one."""
        found = []
        for model in MODELS:
            try:
                seen = monitor(
                    self._store, self._policies, model, window_of(self._settings, self._clock()),
                    is_replay=self._settings.clock == "records", rest=self.rest,
                )  # fmt: skip
            except NoChampionError:
                continue
            self._metrics(seen, self._clock())
            self._tell(model, seen.alerts)
            found.append(seen)
        return found

    def _tell(self, model: str, alerts: Sequence[Alert]) -> None:
        before = self._told.get(model, set())
        for alert in alerts:
            if (alert.code, alert.subject, alert.severity) not in before:
                self.log.warning(
                    "%s model, %s (%s): %s; %s", model, alert.code, alert.severity, alert.en, alert.remedy_en
                )
        self._told[model] = {(alert.code, alert.subject, alert.severity) for alert in alerts}


def window_of(settings: Settings, until: int, since: int | None = None) -> Window:
    """The window that an installation's settings ask for, which ends at an instant."""
    return Window(
        until - settings.monitor_days * DAY if since is None else since, until, sample=settings.monitor_sample,
        mature_days=settings.monitor_mature_days, reference=settings.monitor_reference,
    )  # fmt: skip
