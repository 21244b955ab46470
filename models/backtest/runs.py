"""Results of replays as files, one a run, so that a study goes on where it was stopped."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from data.errors import BacktestError
from data.records import digest_of
from data.times import DAY, OPEN
from models.backtest.learner import Settings
from models.backtest.material import WEEK, Material, Outcomes
from models.backtest.policies import policy_of
from models.backtest.replay import Replayed, replay

FORMAT = 1


class Job(msgspec.Struct, frozen=True):
    """A run: what is replayed, of which policy, with which budget and draws."""

    seed: int
    budget: float
    policy: str

    def path(self, folder: Path) -> Path:
        """Where its result lies."""
        return (
            folder
            / "runs"
            / f"seed={self.seed}"
            / f"budget={self.budget * 100:g}"
            / f"{self.policy.replace('%', '')}.json"
        )


class Run(msgspec.Struct, frozen=True):
    """The result of a replay over w weeks: plain numbers.

    Attributes:
        key: digest of everything that it follows from.
        late: the first week that figures "after" some day count, `weeks` for none.
        declarations, violations, inspected, hits, duty_fen: each week; violations are those that inspections would find.
        best_hits, best_duty_fen: of the oracle with the same budget, each week.
        share, drift: explored part of the budget, and the drift that it followed.
        drawn: week, inclusion probability and finding (0 or 1) of each drawn inspection.
        sure, sure_hits: inspections that were not drawn, and their hits, each week.
    """

    format: int
    key: str
    job: Job
    late: int
    declarations: list[int]
    violations: list[int]
    inspected: list[int]
    hits: list[int]
    duty_fen: list[int]
    best_hits: list[int]
    best_duty_fen: list[int]
    share: list[float]
    drift: list[float]
    drawn: list[tuple[int, float, int]]
    sure: list[int]
    sure_hits: list[int]

    @property
    def weeks(self) -> int:
        """How many weeks were replayed."""
        return len(self.declarations)


def key_of(
    job: Job, snapshot: str, outcomes: str, start_share: float, delay_days: float, settings: Settings, late: int
) -> str:  # fmt: skip
    """The digest of everything that a run follows from.

    Arguments:
        snapshot, outcomes: digests of the records and of the file of outcomes.
        start_share, delay_days, settings, late: as for the replay.
    """
    said = {
        "format": FORMAT, "seed": job.seed, "budget": repr(job.budget), "policy": repr(policy_of(job.policy)),
        "snapshot": snapshot, "outcomes": outcomes, "start": repr(start_share), "delay": repr(delay_days),
        "settings": repr(settings), "late": late,
    }  # fmt: skip
    return digest_of(said)


def stored(folder: Path, job: Job, key: str) -> Run | None:
    """The result of a run where it is there and follows from the same; else None.

    Raises:
        BacktestError: where a file is there that is none.
    """
    path = job.path(folder)
    if not path.is_file():
        return None
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Run)
    except msgspec.MsgspecError as error:
        raise BacktestError(f"{path} is no result of a backtest ({error}); remove it or choose another --out") from None
    return found if found.key == key else None


def stored_or_run(
    folder: Path, job: Job, key: str, material: Callable[[], tuple[Material, Outcomes]], *, late: int,
    delay_days: float, settings: Settings, progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Run:  # fmt: skip
    """The result of a run; it is made and stored where it is not there.

    Arguments:
        material: gives what is replayed; called only where that is needed.
        late: the instant from which figures "after" count, `OPEN` for none.
    """
    found = stored(folder, job, key)
    if found is None:
        given, outcomes = material()
        replayed = replay(
            given, outcomes, policy_of(job.policy), budget=job.budget, seed=job.seed, settings=settings,
            delay_days=delay_days, progress=progress,
        )  # fmt: skip
        found = run_of(given, outcomes, replayed, job, key, late)
        path = job.path(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        making = path.with_suffix(".making")
        making.write_bytes(msgspec.json.encode(found) + b"\n")
        making.rename(path)
    progress(1, 1)
    return found


def run_of(material: Material, outcomes: Outcomes, replayed: Replayed, job: Job, key: str, late: int) -> Run:
    """The numbers of a replay beside those of the oracle."""
    weeks, reports = material.weeks, replayed.reports
    week = material.week[reports.places]
    found = reports.found

    def by_week(values: NDArray[np.int64] | NDArray[np.bool_]) -> list[int]:
        sums = np.zeros(weeks, dtype=np.int64)
        np.add.at(sums, week, values.astype(np.int64))
        return sums.tolist()

    inspected = by_week(np.ones(len(week), dtype=np.int64))
    best = [best_of(outcomes, material.places(w), inspected[w]) for w in range(weeks)]
    drawn = [
        (int(week[n]), float(reports.inclusion[n]), int(found[n])) for n in np.flatnonzero(reports.explored).tolist()
    ]
    return Run(
        format=FORMAT, key=key, job=job,
        late=weeks if late == OPEN else int(np.clip(-(-(late - material.start) // (WEEK * DAY)), 0, weeks)),
        declarations=[len(material.places(w)) for w in range(weeks)],
        violations=[int(outcomes.found[material.places(w)].sum()) for w in range(weeks)],
        inspected=inspected, hits=by_week(found), duty_fen=by_week(reports.duty_fen),
        best_hits=[hits for hits, _ in best], best_duty_fen=[duty for _, duty in best],
        share=replayed.explored_share.tolist(), drift=replayed.drift.tolist(), drawn=drawn,
        sure=by_week(~reports.explored), sure_hits=by_week(~reports.explored & found),
    )  # fmt: skip


def best_of(outcomes: Outcomes, places: NDArray[np.int64], budget: int) -> tuple[int, int]:
    """What the oracle gets from a budget: the most hits, and the most duty, of some declarations."""
    duty = np.sort(outcomes.duty_fen[places])[::-1][:budget]
    return min(budget, int(outcomes.found[places].sum())), int(duty.sum())
