"""MLflow: runs with parameters, figures, plots and the data-only bundle; the model registry and its champion alias."""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from data.errors import BundleError, ModelError
from features.forms import Value
from models.bundle import Bundle, from_bytes, to_bytes
from models.costs import bundle_mb, latency_p99_ms
from models.explain import Scorer
from models.gates import Gate
from models.promotion import Candidate
from models.training.train import Trained

for _name, _value in (
    ("MLFLOW_DISABLE_TELEMETRY", "true"), ("MLFLOW_LOGGING_LEVEL", "ERROR"), ("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false"),
):  # fmt: skip
    os.environ.setdefault(_name, _value)

_EXAMPLE = 5
"""How many rows the input example has."""
_BESIDE = "reasons_compared_with"
"""The tag of a run that names the champion whose reasons its own were compared with, by digest."""


class _Named(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment: str
    registered_name: str
    gates: tuple[Gate, ...] = ()

    @field_validator("gates")
    @classmethod
    def _each_once(cls, gates: tuple[Gate, ...]) -> tuple[Gate, ...]:
        names = [gate.name for gate in gates]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"names gates twice: {', '.join(twice)}")
        return gates


class RegistryConfig(BaseModel):
    """`mlflow.yaml`: where runs and models are kept, what they are called, and the gates that stand before production."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tracking_uri: str
    studies_uri: str = "sqlite:///var/studies.db"
    registry_uri: str | None = None
    """Where versions and aliases are kept; without it, where the runs are."""
    artifact_root: Path
    champion_alias: str
    challenger_alias: str = "challenger"
    models: dict[str, _Named]

    @property
    def registry(self) -> str:
        """Where versions and aliases are kept."""
        return self.registry_uri or self.tracking_uri


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


def log_run(
    config: RegistryConfig,
    trained: Trained,
    *,
    figures: Mapping[str, float] | None = None,
    reports: Sequence[Path] = (),
    beside: str | None = None,
) -> Logged:
    """Log a training run and register its model; returns the run and the version.

    Arguments:
        figures: by name, beside those of the forward folds and what answering costs.
        reports: files for people.
        beside: digest of the champion that reasons were compared with.

    The registered model is LightGBM's own flavour with signature and example, so that `mlflow models serve` works; the
    bundle beside it is what Greenlane itself loads.
    """
    import mlflow
    from mlflow.models import infer_signature

    from models.reports.plots import write_plots

    bundle, manifest = trained.bundle, trained.bundle.manifest
    named = config.models[manifest.model]
    for uri in (config.tracking_uri, config.registry):
        _prepare(uri)
    mlflow.set_tracking_uri(config.tracking_uri)
    mlflow.set_registry_uri(config.registry)
    client = _client(config)
    experiment = client.get_experiment_by_name(named.experiment)
    experiment_id = experiment.experiment_id if experiment else client.create_experiment(
        named.experiment, artifact_location=config.artifact_root.resolve().as_uri()
    )  # fmt: skip
    first = {name: column[:_EXAMPLE] for name, column in trained.dataset.columns.items()}
    example = pd.DataFrame(bundle.encoder.rows(first), columns=list(manifest.order))
    booster = lightgbm.Booster(model_str=bundle.trees)
    with _quiet(), TemporaryDirectory() as folder, mlflow.start_run(experiment_id=experiment_id) as run:
        mlflow.log_params({name: str(value)[:500] for name, value in manifest.parameters.items()})
        mlflow.log_params({"feature_set": manifest.feature_set, "rows": manifest.rows, "snapshot": manifest.snapshot})
        mlflow.log_metrics({**trained.metrics.flat(), **(figures or {}), **_costs(trained)})
        compared = {} if beside is None else {_BESIDE: beside}
        mlflow.set_tags({"bundle_digest": bundle.digest, "catalogue": manifest.catalogue, **compared})
        for file in write_plots(trained, Path(folder) / "plots"):
            mlflow.log_artifact(str(file), "plots")
        for file in reports:
            mlflow.log_artifact(str(file), "report")
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
    """Point the registry's champion alias to a version; where that version was the challenger, it is so no longer.

    Raises:
        ModelError: where the registry does not answer or has no such version.
    """
    with _registry_errors():
        client = _client(config)
        client.set_registered_model_alias(logged.name, config.champion_alias, logged.version)
        aliases = client.get_registered_model(logged.name).aliases
        if str(aliases.get(config.challenger_alias)) == logged.version:
            client.delete_registered_model_alias(logged.name, config.challenger_alias)


def set_challenger(config: RegistryConfig, logged: Logged) -> None:
    """Point the registry's challenger alias to a version that was proposed.

    Raises:
        ModelError: where the registry does not answer or has no such version.
    """
    with _registry_errors():
        _client(config).set_registered_model_alias(logged.name, config.challenger_alias, logged.version)


def tag(config: RegistryConfig, logged: Logged, tags: Mapping[str, str]) -> None:
    """Write tags on a version, for those who look at the registry: the record itself is in the store.

    Raises:
        ModelError: where the registry does not answer or has no such version.
    """
    with _registry_errors():
        for name, value in tags.items():
            _client(config).set_model_version_tag(logged.name, logged.version, name, value)


def candidate_of(config: RegistryConfig, model: str, version: str) -> tuple[Candidate, Logged]:
    """A registered version as its gates see it. Figures that the bundle holds or that follow from it are taken from there.

    Arguments:
        version: its number or an alias.
    Raises:
        ModelError: where the configuration or the registry has no such model or version.
        BundleError: where the bundle was changed.
    """
    bundle, logged = bundle_of_version(config, model, version)
    with _registry_errors():
        run = _client(config).get_run(logged.run_id)
    figures = run.data.metrics | bundle.manifest.metrics | {"bundle_mb": bundle_mb(bundle)}
    return Candidate(bundle, logged.version, figures, config.models[model].gates, run.data.tags.get(_BESIDE)), logged


def bundle_of_version(config: RegistryConfig, model: str, version: str) -> tuple[Bundle, Logged]:
    """The bundle of a registered version (or of an alias, `champion` or `challenger`), checked against its digest.

    Raises:
        ModelError: where the configuration or the registry has no such model or version.
        BundleError: where the bundle was changed, or is one of another model.
    """
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    found = _version(config, model, version)
    try:
        with TemporaryDirectory() as folder:
            path = download_artifacts(
                run_id=found.run_id,
                artifact_path="bundle/bundle.json",
                dst_path=folder,
                tracking_uri=config.tracking_uri,
            )
            content = Path(path).read_bytes()
    except (MlflowException, OSError) as error:
        raise ModelError(f"version {version} of {found.name} has no bundle that can be read: {error}") from None
    bundle = from_bytes(content, found.tags.get("bundle_digest", ""))
    if bundle.manifest.model != model:
        raise BundleError(f"version {version} of {found.name} is a {bundle.manifest.model} model, not a {model} model")
    return bundle, Logged(found.run_id, found.name, str(found.version))


def logged_of(config: RegistryConfig, model: str, version: str) -> Logged:
    """A registered version by its number or alias.

    Raises:
        ModelError: where the configuration or the registry has no such model or version.
    """
    found = _version(config, model, version)
    return Logged(found.run_id, found.name, str(found.version))


def _version(config: RegistryConfig, model: str, version: str) -> Any:
    from mlflow.exceptions import MlflowException

    if model not in config.models:
        raise ModelError(f"mlflow.yaml names no model {model!r}: add it under models")
    _prepare(config.registry)
    client, name = _client(config), config.models[model].registered_name
    try:
        if version in (config.champion_alias, config.challenger_alias):
            return client.get_model_version_by_alias(name, version)
        return client.get_model_version(name, version)
    except MlflowException as error:
        raise ModelError(f"the registry has no usable version {version} of {name}: {error}") from None


def _costs(trained: Trained) -> dict[str, float]:
    """What the bundle costs to use, measured on the rows of the input example."""
    columns, scorer = trained.dataset.columns, Scorer(trained.bundle)
    names = [feature.name for feature in scorer.features.features]
    rows = range(min(_EXAMPLE, len(trained.dataset)))
    vectors = [[_plain(columns[name][row]) for name in names] for row in rows]
    return {"latency_p99_ms": latency_p99_ms(scorer, vectors), "bundle_mb": bundle_mb(trained.bundle)}


def _plain(value: Any) -> Value:
    """A value of a column as the service holds it: Python's own, None for what is missing."""
    own = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(own, float) and np.isnan(own) else own


def _client(config: RegistryConfig) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(config.tracking_uri, config.registry)


@contextmanager
def _registry_errors() -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        raise ModelError(f"the registry failed: {error}") from None


def _prepare(tracking_uri: str) -> None:
    if tracking_uri.startswith("sqlite:///"):
        Path(tracking_uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """MLflow's chatter on standard error, off for the length of a run; errors still come through as exceptions."""
    with warnings.catch_warnings(), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        yield
