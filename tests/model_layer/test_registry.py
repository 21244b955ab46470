"""The registry on a real MLflow over SQLite, and the book of champions beside it."""

from pathlib import Path

import lightgbm
import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from data.errors import BundleError, ModelError, NoChampionError
from data.store import Store, open_store
from models.champions import Signature, champion, install
from models.registry import (
    Logged,
    RegistryConfig,
    bundle_of_version,
    candidate_of,
    load_config,
    log_run,
    logged_of,
    set_challenger,
    set_champion,
    tag,
)
from models.reports.evidence import figures_of
from models.training.train import Trained


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RegistryConfig:
    """The configuration that is shipped, in a folder of its own, with versions apart from runs."""
    folder = tmp_path_factory.mktemp("mlflow")
    shipped = load_config(Path(__file__).parents[2] / "mlflow.yaml")
    return shipped.model_copy(
        update={
            "tracking_uri": f"sqlite:///{folder / 'runs.db'}",
            "registry_uri": f"sqlite:///{folder / 'versions.db'}",
            "artifact_root": folder / "artifacts",
        }
    )


@pytest.fixture(scope="module")
def logged(config: RegistryConfig, trained: Trained) -> Logged:
    return log_run(config, trained, figures=figures_of(trained), beside="a-champion")


def client_of(config: RegistryConfig) -> MlflowClient:
    return MlflowClient(config.tracking_uri, config.registry_uri)


def test_a_run_has_everything_and_versions_are_kept_apart(
    config: RegistryConfig, logged: Logged, trained: Trained
) -> None:
    client = client_of(config)
    run = client.get_run(logged.run_id)
    assert run.data.metrics["auc"] == pytest.approx(trained.metrics.auc)
    assert 0 < run.data.metrics["latency_p99_ms"] < 1_000
    assert run.data.params["feature_set"] == "shipment"
    assert run.data.tags["bundle_digest"] == trained.bundle.digest
    assert {file.path for file in client.list_artifacts(logged.run_id, "plots")} == {
        f"plots/{name}.png" for name in ("calibration", "precision_recall", "gains", "importance", "tuning")
    }
    assert client.get_model_version(logged.name, logged.version).tags["bundle_digest"] == trained.bundle.digest
    assert MlflowClient(config.tracking_uri, config.tracking_uri).search_registered_models() == []


def test_a_champion_and_a_challenger_are_found_by_alias(
    config: RegistryConfig, logged: Logged, trained: Trained
) -> None:
    for alias in ("champion", "challenger"):
        with pytest.raises(ModelError, match=f"no usable version {alias}"):
            bundle_of_version(config, "shipment", alias)
    set_challenger(config, logged)
    assert logged_of(config, "shipment", "challenger") == logged
    set_champion(config, logged)
    assert bundle_of_version(config, "shipment", "champion") == (trained.bundle, logged)
    with pytest.raises(ModelError, match="no usable version challenger"):  # it is the champion now
        bundle_of_version(config, "shipment", "challenger")
    with pytest.raises(ModelError, match="no usable version 99"):
        bundle_of_version(config, "shipment", "99")
    with pytest.raises(ModelError, match="names no model 'weather'"):
        bundle_of_version(config, "weather", "1")


def test_a_candidate_has_its_gates_and_figures_that_the_bundle_vouches_for(
    config: RegistryConfig, logged: Logged, trained: Trained
) -> None:
    client = client_of(config)
    client.log_metric(logged.run_id, "auc", 0.999)  # whoever may write to MLflow
    client.log_metric(logged.run_id, "bundle_mb", 0.0)
    client.log_metric(logged.run_id, "reason_churn", 0.25)
    candidate, found = candidate_of(config, "shipment", logged.version)
    assert found == logged
    assert candidate.bundle == trained.bundle
    assert candidate.figures["auc"] == trained.metrics.auc
    assert candidate.figures["bundle_mb"] > 0.001
    assert candidate.figures["reason_churn"] == 0.25
    assert candidate.beside == "a-champion"
    assert candidate.gates == config.models["shipment"].gates
    assert {"auc", "calibration_error", "latency_p99_ms", "bundle_mb"} <= {
        gate.figure for gate in candidate.gates if gate.required
    }
    assert all(gate.figure in candidate.figures for gate in candidate.gates if gate.required)


def test_mlflow_loads_the_version_by_itself_and_predicts_as_the_booster(
    config: RegistryConfig, logged: Logged, trained: Trained
) -> None:
    """What `mlflow models serve` does: the version by its name, with its signature and input example."""
    mlflow.set_tracking_uri(config.tracking_uri)
    mlflow.set_registry_uri(config.registry_uri)
    served = mlflow.pyfunc.load_model(f"models:/{logged.name}/{logged.version}")
    order = list(trained.bundle.manifest.order)
    assert served.metadata.get_input_schema().input_names() == order
    assert served.metadata.saved_input_example_info is not None
    rows = trained.bundle.encoder.rows(trained.dataset.columns)
    expected = np.asarray(lightgbm.Booster(model_str=trained.bundle.trees).predict(rows))
    assert expected.std() > 0
    assert np.abs(np.asarray(served.predict(pd.DataFrame(rows, columns=order))) - expected).max() <= 1e-12


def test_a_registry_that_fails_is_our_own_error(config: RegistryConfig, logged: Logged) -> None:
    nowhere = Logged(logged.run_id, "no-such-model", "1")
    for action in (set_champion, set_challenger):
        with pytest.raises(ModelError, match="the registry failed"):
            action(config, nowhere)
    with pytest.raises(ModelError, match="the registry failed"):
        tag(config, nowhere, {"a": "b"})


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


_COMPLETE = "tracking_uri: x\nartifact_root: y\nchampion_alias: champion\n"
_GATE = "{name: g, figure: auc, at_least: 1, zh: a, en: b}"
_GATES = f"{_COMPLETE}models: {{credit: {{experiment: e, registered_name: r, gates: [{_GATE}, GATE]}}}}"


@pytest.mark.parametrize(
    "text",
    [
        "", "tracking_uri: [", "models: {}", "tracking_uri: x\nunknown: 1", _GATES.replace("GATE", _GATE),
        _GATES.replace("GATE", _GATE.replace("name: g", "name: h").replace("at_least: 1, ", "")),
    ],
)  # fmt: skip
def test_a_wrong_configuration_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mlflow.yaml"
    path.write_text(text)
    with pytest.raises(ModelError, match="does not validate"):
        load_config(path)
    with pytest.raises(ModelError, match="does not exist"):
        load_config(tmp_path / "none.yaml")
