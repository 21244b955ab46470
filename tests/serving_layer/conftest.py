"""A small world with trained champions, made once a session, and services over copies of it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from data.importing import import_paths
from data.layout import VersionTables
from data.simulator import load_parameters, simulate, write_world
from data.store import open_store
from data.store import records as record_rows
from data.times import DAY
from features.catalogue import feature_set
from models.policy import shipped_policies
from models.training.dataset import credit_dataset, shipment_dataset
from models.training.train import train
from models.training.tuning import Budget
from serving.clearance import Clearance
from serving.cli.replay import steps_of
from serving.cli.root import app
from tests.reading import PSEUDONYMS, reading
from tests.serving_layer.service import Run, Service, World, install_all, serving


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    parameters = load_parameters(firms=80, days=300, seed=2)
    write_world(simulate(parameters), folder)
    database = folder / "greenlane.db"
    with closing(open_store(f"sqlite:///{database}")) as store:
        import_paths(store, [folder / "records"], None, reading=reading(parameters.end + DAY))
        with store.read() as connection:
            versions = list(record_rows.versions(connection))
        until = max(v.record.known_at for v in versions)
        datasets = {
            "credit": credit_dataset(feature_set("credit"), VersionTables(versions), "snapshot", until=until),
            "shipment": shipment_dataset(feature_set("shipment"), VersionTables(versions), "snapshot"),
        }
        bundles = {model: train(model, dataset, budget=Budget(1)).bundle for model, dataset in datasets.items()}
        install_all(store, bundles, parameters.end)
        Clearance(
            store, shipped_policies(), b"key", PSEUDONYMS, lambda: parameters.end
        )  # brings the live features up to date
    asked = [step.envelope for step in steps_of(folder / "pending", asks=True) if step.asks]
    pending = tuple({k: v for k, v in raw.items() if k != "known_at"} for raw in asked)
    return World(database, pending, bundles, parameters.end)


@pytest.fixture
def now(world: World) -> int:
    """About when the services of the tests are asked."""
    return world.end + DAY


@pytest.fixture(scope="session")
def shared(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service for tests that look only at answers: what they store is seen by the others."""
    folder = tmp_path_factory.mktemp("shared")
    with serving(world.copy_to(folder), folder, world.end + DAY) as service:
        yield service


@pytest.fixture
def service(world: World, tmp_path: Path) -> Iterator[Service]:
    """A service over a copy of the world of the test's own."""
    with serving(world.copy_to(tmp_path), tmp_path, world.end + DAY) as running:
        yield running


@pytest.fixture
def bare(world: World, store_url: str, tmp_path: Path) -> Iterator[Service]:
    """A service with champions and no records, on each kind of database."""
    with closing(open_store(store_url)) as store:
        install_all(store, world.bundles, world.end)
    with serving(store_url, tmp_path, world.end + DAY) as running:
        yield running


@pytest.fixture
def untrained(store_url: str, world: World, tmp_path: Path) -> Iterator[Service]:
    """A service with neither champions nor records, on each kind of database."""
    with serving(store_url, tmp_path, world.end + DAY) as running:
        yield running


@pytest.fixture
def run(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command over a copy of the world whose clock follows its records."""
    environment = {"VAR": str(tmp_path), "DATABASE": world.copy_to(tmp_path), "CLOCK": "records"}
    for name, value in environment.items():
        monkeypatch.setenv(f"GREENLANE_{name}", value)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, catch_exceptions=False)

    return invoke
