"""MLflow: runs with parameters, figures, plots and the data-only bundle; the model registry and its champion alias."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import lightgbm
import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from data.errors import ModelError
from models.bundle import Bundle, from_bytes, to_bytes
from models.training.train import Trained

for _name, _value in (
    ("MLFLOW_DISABLE_TELEMETRY", "true"), ("MLFLOW_LOGGING_LEVEL", "ERROR"), ("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false"),
):  # fmt: skip
    os.environ.setdefault(_name, _value)


class _Named(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment: str
    registered_name: str


class RegistryConfig(BaseModel):
    """`mlflow.yaml`: where runs and models are kept, and what they are called."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tracking_uri: str
    studies_uri: str = "sqlite:///var/studies.db"
    artifact_root: Path
    champion_alias: str
    models: dict[str, _Named]


@dataclass(frozen=True, slots=True)
class Logged:
    """A run in MLflow and the version that it registered."""

    run_id: str
    name: str
    version: str


def load_config(path: Path) -> RegistryConfig:
    """Read `mlflow.yaml`.

    Raises:
        ModelError: where it is missing or does not validate.
    """
    if not path.is_file():
        raise ModelError(f"{path} does not exist; run from the project's folder or set GREENLANE_MLFLOW_CONFIG")
    try:
        return RegistryConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise ModelError(f"{path} does not validate: {error}") from None


def log_run(config: RegistryConfig, trained: Trained) -> Logged:
    """Log a training run and register its model; returns the run and the version.

    The registered model is LightGBM's own flavour with signature and example, so that `mlflow models serve` works; the
    bundle beside it is what Greenlane itself loads.
    """
    import mlflow
    from mlflow import MlflowClient
    from mlflow.models import infer_signature

    from models.reports.plots import write_plots

    bundle, manifest = trained.bundle, trained.bundle.manifest
    named = config.models[manifest.model]
    _prepare(config.tracking_uri)
    mlflow.set_tracking_uri(config.tracking_uri)
    client = MlflowClient()
    experiment = client.get_experiment_by_name(named.experiment)
    experiment_id = experiment.experiment_id if experiment else client.create_experiment(
        named.experiment, artifact_location=config.artifact_root.resolve().as_uri()
    )  # fmt: skip
    example = pd.DataFrame(bundle.encoder.rows(trained.dataset.columns)[:5], columns=list(manifest.order))
    booster = lightgbm.Booster(model_str=bundle.trees)
    with _quiet(), TemporaryDirectory() as folder, mlflow.start_run(experiment_id=experiment_id) as run:
        mlflow.log_params({name: str(value)[:500] for name, value in manifest.parameters.items()})
        mlflow.log_params({"feature_set": manifest.feature_set, "rows": manifest.rows, "snapshot": manifest.snapshot})
        mlflow.log_metrics(trained.metrics.flat())
        mlflow.set_tags({"bundle_digest": bundle.digest, "catalogue": manifest.catalogue})
        for file in write_plots(trained, Path(folder) / "plots"):
            mlflow.log_artifact(str(file), "plots")
        path = Path(folder) / "bundle.json"
        path.write_bytes(to_bytes(bundle))
        mlflow.log_artifact(str(path), "bundle")
        info = mlflow.lightgbm.log_model(
            booster, name="model", input_example=example, signature=infer_signature(example, booster.predict(example)),
            pip_requirements=[f"lightgbm=={lightgbm.__version__}"],
        )  # fmt: skip
        version = mlflow.register_model(info.model_uri, named.registered_name, tags={"bundle_digest": bundle.digest})
    return Logged(run.info.run_id, named.registered_name, str(version.version))


def set_champion(config: RegistryConfig, logged: Logged) -> None:
    """Point the registry's champion alias to a version."""
    from mlflow import MlflowClient

    client = MlflowClient(config.tracking_uri)
    client.set_registered_model_alias(logged.name, config.champion_alias, logged.version)


def bundle_of_version(config: RegistryConfig, model: str, version: str) -> tuple[Bundle, Logged]:
    """The bundle of a registered version (or "champion" for the alias), checked against its digest.

    Raises:
        ModelError: where the registry has no such version.
        BundleError: where the bundle was changed.
    """
    from mlflow import MlflowClient
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    client, name = MlflowClient(config.tracking_uri), config.models[model].registered_name
    try:
        if version == config.champion_alias:
            found = client.get_model_version_by_alias(name, version)
        else:
            found = client.get_model_version(name, version)
        with TemporaryDirectory() as folder:
            path = download_artifacts(
                run_id=found.run_id,
                artifact_path="bundle/bundle.json",
                dst_path=folder,
                tracking_uri=config.tracking_uri,
            )
            content = Path(path).read_bytes()
    except (MlflowException, OSError) as error:
        raise ModelError(f"the registry has no usable version {version} of {name}: {error}") from None
    return from_bytes(content, found.tags["bundle_digest"]), Logged(found.run_id, name, str(found.version))


def _prepare(tracking_uri: str) -> None:
    if tracking_uri.startswith("sqlite:///"):
        Path(tracking_uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """MLflow's chatter on standard error, off for the length of a run; errors still come through as exceptions."""
    with warnings.catch_warnings(), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        yield
