"""Promotion from the command line, on a real MLflow: two people, their gates, the way back, and what the registry shows of it."""

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from click.testing import Result
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from typer.testing import CliRunner

from data.errors import CreditRiskError
from data.store import open_store
from models.bundle import to_bytes
from models.champions import champion
from models.registry import load_config
from serving.cli.root import app
from serving.settings import Settings
from tests.model_layer.bundles import small_bundle

FIGURES = {"auc": 0.8, "calibration_error": 0.01, "latency_p99_ms": 3.0, "psi_score": 0.05, "reasons_kept": 0.8}


def client_of(path: Path) -> MlflowClient:
    """A client that takes no notice of what other tests told MLflow."""
    return MlflowClient(f"sqlite:///{path}", f"sqlite:///{path}")


@dataclass(frozen=True)
class Office:
    """A folder with a database and an MLflow of its own, and the people who promote there."""

    folder: Path
    environment: str

    @property
    def client(self) -> MlflowClient:
        return client_of(self.folder / "ml.db")

    def register(self, number: int, **figures: float) -> str:
        """Put a small bundle into the registry, as training does; returns its version."""
        client, bundle = self.client, small_bundle(number)
        experiment = client.get_experiment_by_name("shipment-risk")
        of = experiment.experiment_id if experiment else client.create_experiment(
            "shipment-risk", artifact_location=(self.folder / "artifacts").as_uri()
        )  # fmt: skip
        run = client.create_run(of).info.run_id
        for name, value in (FIGURES | figures).items():
            client.log_metric(run, name, value)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "bundle.json"
            path.write_bytes(to_bytes(bundle))
            client.log_artifact(run, str(path), "bundle")
        with suppress(MlflowException):  # it is there already
            client.create_registered_model("greenlane-shipment")
        version = client.create_model_version(
            "greenlane-shipment", self.folder.as_uri(), run, tags={"bundle_digest": bundle.digest}
        )
        return str(version.version)

    def run(self, *arguments: str) -> Result:
        variables = {
            "GREENLANE_VAR": str(self.folder / "var"), "GREENLANE_DATABASE": f"sqlite:///{self.folder / 'a.db'}",
            "GREENLANE_MLFLOW_CONFIG": str(self.folder / "mlflow.yaml"), "GREENLANE_ENVIRONMENT": self.environment,
        }  # fmt: skip
        return CliRunner().invoke(app, list(arguments), env=variables)

    def json(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.exception
        return json.loads(result.stdout)

    def refused(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert isinstance(result.exception, CreditRiskError), result.output
        return str(result.exception)

    def promote(self, version: str, name: str, *more: str) -> list[str]:
        return ["promote", "shipment", version, "--reason", "better [and] tried", "--as", name, *more]

    def aliases(self) -> dict[str, str]:
        return {alias: str(v) for alias, v in self.client.get_registered_model("greenlane-shipment").aliases.items()}

    def tags(self, version: str) -> dict[str, str]:
        return dict(self.client.get_model_version("greenlane-shipment", version).tags)

    def champion(self) -> object:
        store = open_store(f"sqlite:///{self.folder / 'a.db'}")
        with store.read() as connection:
            found = champion(connection, "shipment")
        store.close()
        return found


@pytest.fixture(scope="module")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of MLflow with nothing in it: making one costs seconds, copying one does not."""
    path = tmp_path_factory.mktemp("mlflow") / "ml.db"
    client_of(path).search_registered_models()
    return path


@pytest.fixture(params=["production"])
def office(
    request: pytest.FixtureRequest, tmp_path: Path, empty_mlflow: Path, monkeypatch: pytest.MonkeyPatch
) -> Office:
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_mlflow, tmp_path / "ml.db")
    config = yaml.safe_load((Path(__file__).parents[2] / "mlflow.yaml").read_text(encoding="utf-8"))
    config |= {"tracking_uri": f"sqlite:///{tmp_path / 'ml.db'}", "artifact_root": str(tmp_path / "artifacts")}
    (tmp_path / "mlflow.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    return Office(tmp_path, request.param)


def test_two_people_promote_one_rolls_back_and_the_registry_shows_it(office: Office) -> None:
    first, second = office.register(1), office.register(2, auc=0.85)
    assert office.json("champions") == {"champions": {}, "history": [], "waiting": []}
    proposed = office.json(*office.promote(first, "Ada"))
    assert (proposed["champion"], proposed["environment"], proposed["approved_by"]) == (False, "production", None)
    assert office.aliases() == {"challenger": first}
    waiting = office.json("champions", "shipment")["waiting"]
    assert [(one["proposed_by"], one["version"]) for one in waiting] == [("Ada", first)]
    assert "Ada proposed version 1" in office.refused(*office.promote(first, " ada", "--approve"))
    assert "is void" not in office.refused(*office.promote(second, "Li Na", "--approve"))
    approved = office.json(*office.promote("challenger", "Li Na", "--approve"))
    assert (approved["proposed_by"], approved["approved_by"], approved["notes"]) == ("Ada", "Li Na", [])
    assert office.aliases() == {"champion": first}
    assert office.champion() == small_bundle(1)
    assert office.tags(first)["gates"] == "passed"
    assert "by Ada at" in office.tags(first)["proposal"]
    assert "production, by Li Na at" in office.tags(first)["promotion"]

    assert office.run(*office.promote(second, "Li Na")).exit_code == 0
    said = office.run(*office.promote(second, "Ada", "--approve"))
    assert "version 2 is the champion of production" in said.stdout
    assert "AUC at most 0.01 below" in said.stderr
    assert office.champion() == small_bundle(2)
    back = office.json("rollback", "shipment", "--reason", "wrong lanes", "--as", "Ada")
    assert (back["version"], back["digest"], back["undone"]) == (first, small_bundle(1).digest, small_bundle(2).digest)
    assert office.champion() == small_bundle(1)
    assert office.aliases() == {"champion": first}

    told = office.json("champions")
    assert told["champions"] == {"shipment": small_bundle(1).digest}
    assert [(line["kind"], line["version"], line["promoted_by"]) for line in told["history"]] == [
        ("promotion", first, "Li Na"), ("promotion", second, "Ada"), ("rollback", first, "Ada")
    ]  # fmt: skip
    verdicts = told["history"][1]["proposal"]["judged"]["verdicts"]
    kept = next(one for one in verdicts if one["gate"] == "discrimination_kept")
    assert (kept["value"], kept["limit"], kept["state"]) == (0.85, pytest.approx(0.79), "passed")
    shown = office.run("champions", "shipment")
    assert shown.exit_code == 0
    for words in ("proposed by Ada", "approved by Li Na: better [and] tried", "rolled back by Ada", "not measured"):
        assert words in shown.stdout
    assert "credit" not in office.run("champions", "credit").stdout


def test_a_gate_that_fails_stops_a_proposal_and_is_shown(office: Office) -> None:
    version = office.register(1, calibration_error=0.2)
    result = office.run(*office.promote(version, "Ada"))
    assert "calibration: 0.2 is not <= 0.03" in str(result.exception)
    assert "校准" in result.stderr
    assert "failed" in result.stderr
    assert office.json("champions")["waiting"] == []
    assert office.aliases() == {}


def test_figures_that_change_in_the_registry_void_the_proposal(office: Office) -> None:
    version = office.register(1)
    office.json(*office.promote(version, "Ada"))
    run = office.client.get_model_version("greenlane-shipment", version).run_id
    office.client.log_metric(run, "latency_p99_ms", 1.0)
    said = office.refused(*office.promote(version, "Li Na", "--approve"))
    assert "void, since its figures and verdicts changed" in said
    artifact = next((office.folder / "artifacts").rglob("bundle.json"))
    artifact.write_bytes(to_bytes(small_bundle(2)))
    assert "was changed" in office.refused(*office.promote(version, "Li Na", "--approve"))
    office.client.set_model_version_tag("greenlane-shipment", version, "bundle_digest", small_bundle(2).digest)
    assert "void, since its bundle" in office.refused(*office.promote(version, "Li Na", "--approve"))


def test_a_rollback_needs_no_registry(office: Office) -> None:
    for number in (1, 2):
        version = office.register(number)
        office.json(*office.promote(version, "Ada"))
        office.json(*office.promote(version, "Li Na", "--approve"))
    (office.folder / "mlflow.yaml").unlink()
    result = office.run("rollback", "shipment", "--reason", "urgent", "--as", "Ada")
    assert result.exit_code == 0
    assert "the record stands" in result.stderr
    assert office.champion() == small_bundle(1)


@pytest.mark.parametrize("office", ["trial"], indirect=True)
def test_on_trial_one_person_is_enough_and_gates_inform(office: Office) -> None:
    version = office.register(1, calibration_error=0.2)
    result = office.run(*office.promote(version, "Ada"))
    assert result.exit_code == 0
    assert "on trial one person is enough" in result.stdout
    assert office.champion() == small_bundle(1)
    assert office.aliases() == {"champion": version}
    assert office.tags(version)["gates"] == "failed: calibration"
    told = office.json("champions")
    assert told["history"][0]["environment"] == "trial"
    assert "on trial" in office.refused(*office.promote(version, "Li Na", "--approve"))


@pytest.mark.parametrize(
    ("database", "given", "expected"),
    [
        (None, None, "trial"), ("sqlite:///x.db", None, "trial"), ("postgresql://h/x", None, "production"),
        ("sqlite:///x.db", "production", "production"), ("postgresql://h/x", "trial", "trial"),
    ],
)  # fmt: skip
def test_the_embedded_database_is_a_trial_unless_said_otherwise(
    database: str | None, given: Any, expected: str
) -> None:
    assert Settings(database=database, environment=given, _env_file=None).promotes_in == expected
    assert load_config(Path(__file__).parents[2] / "mlflow.yaml").models.keys() == {"credit", "shipment"}
