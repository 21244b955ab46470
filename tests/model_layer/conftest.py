"""A small simulated world in a store, and models trained on it, made once a session."""

from collections.abc import Iterator

import pytest

from data.importing import import_paths
from data.layout import VersionTables
from data.records import Version, utc_now
from data.simulator import load_parameters, simulate, write_world
from data.store import Store, open_store
from data.store import records as record_rows
from features.catalogue import feature_set
from models.training.dataset import Dataset, shipment_dataset
from models.training.train import Trained, train
from models.training.tuning import Budget
from tests.reading import reading


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("world")
    write_world(simulate(load_parameters(firms=90, days=330)), folder)
    store = open_store(f"sqlite:///{folder / 'world.db'}")
    import_paths(store, [folder / "records"], None, reading=reading(utc_now()))
    yield store
    store.close()


@pytest.fixture(scope="session")
def versions(world: Store) -> list[Version]:
    with world.read() as connection:
        return list(record_rows.versions(connection))


@pytest.fixture(scope="session")
def shipments(versions: list[Version]) -> Dataset:
    return shipment_dataset(feature_set("shipment"), VersionTables(versions), "snapshot")


@pytest.fixture(scope="session")
def trained(shipments: Dataset) -> Trained:
    return train("shipment", shipments, budget=Budget(2), folds=3, refits=2)
