"""The registry on a real MLflow over SQLite, and the book of champions beside it."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from data.errors import BundleError, ModelError, NoChampionError
from data.store import Store, open_store
from models.champions import Signature, champion, install
from models.registry import RegistryConfig, bundle_of_version, load_config, log_run, set_champion
from models.training.dataset import Dataset
from models.training.train import Trained


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RegistryConfig:
    folder = tmp_path_factory.mktemp("mlflow")
    shipped = load_config(Path(__file__).parents[2] / "mlflow.yaml")
    return shipped.model_copy(
        update={"tracking_uri": f"sqlite:///{folder / 'mlflow.db'}", "artifact_root": folder / "artifacts"}
    )


def test_a_run_has_everything_and_the_champion_is_found_by_alias(
    config: RegistryConfig, trained: Trained, shipments: Dataset, tmp_path: Path
) -> None:
    logged = log_run(config, trained)
    client = MlflowClient(config.tracking_uri)
    run = client.get_run(logged.run_id)
    assert run.data.metrics["auc"] == pytest.approx(trained.metrics.auc)
    assert run.data.params["feature_set"] == "shipment"
    assert run.data.tags["bundle_digest"] == trained.bundle.digest
    assert {file.path for file in client.list_artifacts(logged.run_id, "plots")} == {
        f"plots/{name}.png" for name in ("calibration", "precision_recall", "gains", "importance", "tuning")
    }
    with pytest.raises(ModelError, match="no usable version champion"):
        bundle_of_version(config, "shipment", "champion")
    set_champion(config, logged)
    bundle, found = bundle_of_version(config, "shipment", "champion")
    assert bundle == trained.bundle
    assert found.version == logged.version
    with pytest.raises(ModelError, match="no usable version 99"):
        bundle_of_version(config, "shipment", "99")


def test_the_store_knows_its_champion(trained: Trained, tmp_path: Path) -> None:
    store: Store = open_store(f"sqlite:///{tmp_path / 'a.db'}")
    with store.read() as connection, pytest.raises(NoChampionError, match="greenlane train shipment"):
        champion(connection, "shipment")
    install(store, trained.bundle, Signature("an officer", 5, "better"))
    install(store, trained.bundle, Signature("an officer", 6, "again"))
    with store.read() as connection:
        assert champion(connection, "shipment") == trained.bundle
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE bundles SET content = X'7b7d'")
    with store.read() as connection, pytest.raises(BundleError, match="was changed"):
        champion(connection, "shipment")
    store.close()


@pytest.mark.parametrize("text", ["", "tracking_uri: [", "models: {}", "tracking_uri: x\nunknown: 1"])
def test_a_wrong_configuration_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mlflow.yaml"
    path.write_text(text)
    with pytest.raises(ModelError, match="does not validate"):
        load_config(path)
    with pytest.raises(ModelError, match="does not exist"):
        load_config(tmp_path / "none.yaml")
