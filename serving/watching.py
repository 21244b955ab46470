"""The watch on skew: beside the service, a few decisions at a time are computed again; see `skew`."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from random import Random

from data.errors import CreditRiskError
from data.store import Store
from serving import skew
from serving.skew import Finding

log = logging.getLogger("greenlane.skew")

_RECENT = 1_000
"""How many decisions of its own a process remembers until it looks."""
_REST = 0.1
"""Seconds between two short readings of the store: the interpreter is shared with those who wait for decisions."""


class _StoppedError(Exception):
    """The process ends: what was begun is left."""


class SkewWatch:
    """Looks every so often at decisions that this process did not check yet, in a thread of its own.

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
        self._store, self._metrics, self._sample, self._random, self._clock = store, metrics, sample, random, clock
        self._recent: deque[str] = deque(maxlen=_RECENT)
        self._checked: set[str] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, decision: str) -> None:
        """A decision was just made: it is among the first to be checked."""
        self._recent.append(decision)

    def start(self, every: float) -> None:
        """Look every so many seconds, until `stop`."""
        self._thread = threading.Thread(target=self._run, args=(every,), name="skew-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more, and leave what was begun. Returns when the thread has ended."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def look(self) -> list[Finding]:
        """Check decisions not checked yet, where there are any."""
        chosen = self._chosen()
        if not chosen:
            return []
        # `verify` only reads, in transactions of some milliseconds: no decision waits for a lock that is held here
        findings = skew.verify(self._store, chosen, rest=self._rest)
        self._checked.update(chosen)
        for finding in findings:
            _report(finding)
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

    def _rest(self) -> None:
        if self._stop.wait(_REST):
            raise _StoppedError

    def _run(self, every: float) -> None:
        while not self._stop.wait(every):
            try:
                self.look()
            except _StoppedError:
                return
            except CreditRiskError as error:
                log.warning("decisions were not checked for skew: %s", error)
            except Exception as error:  # a check that breaks must not end the checks: the next look may succeed
                log.exception("decisions were not checked for skew: %s", type(error).__name__)


def _report(finding: Finding) -> None:
    for one in finding.mismatches:
        log.warning(
            "decision %s: feature %s of set %s was %r, and is %r as known then",
            one.decision, one.feature, one.feature_set, one.stored, one.recomputed,
        )  # fmt: skip
    if finding.unverifiable is not None:
        log.info("decision %s cannot be computed again: %s", finding.decision, finding.unverifiable)
