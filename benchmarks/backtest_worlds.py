"""Simulated worlds for the backtest: what was known as a snapshot, and apart from it what inspecting each declaration finds."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.forward import versions_of
from data.simulator import Parameters, load_parameters, simulate
from data.simulator.draws import fraction
from data.simulator.schemes import NAMES
from data.simulator.stakes import recovered
from data.simulator.supervision import stakes
from data.simulator.world import scene_of
from data.snapshots import open_snapshot, write_snapshot
from data.times import DAY, day_of, midnight

_SNAPSHOT = "snapshot"
_OUTCOMES = "outcomes.parquet"


@dataclass(frozen=True, slots=True)
class PreparedWorld:
    """A world on disk.

    Attributes:
        snapshot: the folder of its records, pending ones included.
        outcomes: a file with what an inspection of each declaration finds and recovers.
        late: the instant from which the late scheme runs.
    """

    seed: int
    snapshot: Path
    outcomes: Path
    late: int


def prepared_world(seed: int, folder: Path) -> PreparedWorld:
    """A world by its seed; it is made where it is not there yet.

    Arguments:
        folder: where worlds lie, each in a folder of its seed.
    """
    parameters = load_parameters(seed=seed)
    own = folder / str(seed)
    if not (own / _OUTCOMES).is_file():
        shutil.rmtree(own, ignore_errors=True)
        own.mkdir(parents=True)
        write_snapshot(versions_of(simulate(parameters)), own / _SNAPSHOT, as_of=parameters.end + 365 * DAY)
        pq.write_table(outcomes_of(parameters), own / f".{_OUTCOMES}")
        (own / f".{_OUTCOMES}").rename(own / _OUTCOMES)
    (snapshot,) = (path for path in (own / _SNAPSHOT).iterdir() if not path.name.startswith("."))
    starts = max(law.starts for law in parameters.schemes.values())
    late = midnight(day_of(parameters.start + round(parameters.days * starts) * DAY))
    return PreparedWorld(seed, open_snapshot(snapshot).folder, own / _OUTCOMES, late)


def outcomes_of(parameters: Parameters) -> pa.Table:
    """What an inspection of each declaration finds and recovers.

    It misses as many violations as the law of each scheme says. What the office did inspect it found already: those outcomes are
    the recorded ones; the others are drawn once for each declaration, so that all policies find the same there.
    """
    scene = scene_of(parameters)
    of, life = scene.happened, scene.life
    scheme = life.scheme[of].astype(np.int64)
    late = [number for number, name in enumerate(NAMES) if parameters.schemes[name].starts > 0]
    detection = np.array([parameters.schemes[name].detection for name in NAMES])
    finds = np.zeros(len(life.scheme), dtype=bool)
    finds[of] = (scheme >= 0) & (fraction(parameters.seed, "backtest finds", of) < detection[np.maximum(scheme, 0)])
    finds[life.inspections.trade] = life.inspections.is_hit
    duty = recovered(parameters, stakes(scene, of), of)
    return pa.table(
        {
            "declaration_no": scene.declaration_no(of), "is_violation": pa.array(finds[of]),
            "duty_fen": pa.array(np.where(finds[of], duty, 0)),
            "is_late_scheme": pa.array(np.isin(scheme, late)),
        }
    )  # fmt: skip
