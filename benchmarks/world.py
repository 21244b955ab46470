"""The benchmarks' world: simulated, imported and trained once, kept in `var/bench/world`, and copied for each run."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.registry import own_registry
from data.importing import import_paths
from data.records import utc_now
from data.simulator import load_parameters, simulate, write_world
from data.store import open_store
from data.store import records as record_rows
from data.times import from_instant
from features.catalogue import digest, feature_set
from features.forms import Value
from models.champions import champion
from models.explain import Scorer
from models.policy import shipped_policies
from serving.clearance import Clearance
from serving.cli.replay import steps_of
from serving.cli.snapshots import take_snapshot
from serving.cli.training import train_and_log
from serving.reading import open_reading
from serving.settings import Settings

FOLDER = Path("var/bench/world")
_MARK = "ready.json"
_SETS = ("credit", "shipment")
_SECOND = timedelta(seconds=1)


def prepared(folder: Path = FOLDER, *, fresh: bool = False, trials: int = 3) -> Settings:
    """The settings of a world that is ready; it is made where there is none for the present feature catalogue.

    Runs and models go to a registry of their own in the folder, so that the project's champions stay as they are.

    Arguments:
        fresh: whether to make it anew.
        trials: parameter settings to try for each model.
    """
    settings = Settings(
        var=folder, database=f"sqlite:///{folder / 'world.db'}", clock="records", mlflow_config=folder / "mlflow.yaml"
    )
    if is_ready(folder) and not fresh:
        return settings
    if folder.exists() and any(folder.iterdir()) and not (folder / "records").exists():
        raise SystemExit(f"{folder} holds something other than an earlier benchmark; choose another --folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    own_registry(folder)
    write_world(simulate(load_parameters()), folder)
    store = open_store(settings.database_url)
    import_paths(store, [folder / "records"], None, reading=open_reading(store, settings, now=utc_now()))
    snapshot = take_snapshot(store, settings)
    for model in _SETS:
        train_and_log(store, settings, snapshot, model, model, trials=trials, promote=True)
    clearance_over(settings, store)  # builds the live features once
    store.close()
    (folder / _MARK).write_bytes(msgspec.json.encode(_catalogue()))
    return settings


def is_ready(folder: Path = FOLDER) -> bool:
    """Whether a world is there whose models fit the present feature catalogue."""
    mark = folder / _MARK
    return mark.exists() and msgspec.json.decode(mark.read_bytes()) == _catalogue()


def _catalogue() -> dict[str, str]:
    return {name: digest(feature_set(name)) for name in _SETS}


def clearance_over(settings: Settings, store: Any) -> Clearance:
    """The use case in this process, as the service builds it."""
    return Clearance(
        store, shipped_policies(), settings.draw_secret(), settings.pseudonyms(), utc_now, follow_records=True
    )


def copied(settings: Settings) -> Settings:
    """The settings of a fresh copy of the world's database, so that every run begins with the same state."""
    source, target = settings.var / "world.db", settings.var / "run.db"
    for ending in ("", "-wal", "-shm"):
        target.with_name(target.name + ending).unlink(missing_ok=True)
    shutil.copyfile(source, target)
    return settings.model_copy(update={"database": f"sqlite:///{target}"})


def seen_vectors(settings: Settings, model: str, number: int = 100) -> tuple[Scorer, list[list[Value]]]:
    """A model's champion, and the vectors that it saw on some decisions, made in this process for that."""
    store = open_store(settings.database_url)
    clearance = clearance_over(settings, store)
    for raw in islice(Declarations(settings), number):
        clearance.decide(raw | {"source": "vectors"})
    with store.read() as connection:
        scorer = Scorer(champion(connection, model))
        bodies = connection.exec_driver_sql("SELECT evidence FROM decisions").scalars().all()
    store.close()
    found = (msgspec.json.decode(body)["vectors"] for body in bodies)
    return scorer, [vectors[model] for vectors in found if model in vectors]


class Declarations:
    """Endless declarations later than everything stored: the world's pending ones again and again under new numbers.

    A record may not come before what the service has seen, so each is a second later than the one before; those that
    are sent at the same time over several connections share one instant (`hold`).
    """

    def __init__(self, settings: Settings) -> None:
        store = open_store(settings.database_url)
        with store.read() as connection:
            self._at = from_instant(record_rows.latest_known(connection))
        store.close()
        steps = steps_of(settings.var / "pending", asks=True)
        self._templates = [step.envelope for step in steps if step.asks]
        self._made = 0
        self.hold = False

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self

    def __next__(self) -> dict[str, Any]:
        template = self._templates[self._made % len(self._templates)]
        self._made += 1
        if not self.hold:
            self._at += _SECOND
        number = f"{template['payload']['declaration_no'][:9]}{self._made:09d}"
        moment = self._at.isoformat()
        return template | {
            "guid": f"bench-{self._made:09d}", "event_at": moment, "known_at": moment,
            "payload": template["payload"] | {"declaration_no": number},
        }  # fmt: skip
