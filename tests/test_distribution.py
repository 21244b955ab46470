"""The wheel holds what the product needs, and the service imports nothing of training."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_wheel_holds_the_packages_and_their_data(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("greenlane-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        "data/mappings/korea.yaml", "data/mappings/scms.yaml", "data/migrations/env.py", "data/simulator/world.yaml",
        "data/migrations/versions/v0001_first_schema.py", "features/catalogue.py", "models/policies/2026-04-01-order-282.yaml",
        "serving/app.py", "serving/examples/decision.json", "serving/examples/evidence.json", "serving/templates/archive.html", "serving/templates/archive.css",
        "models/reports/templates/report.html", "models/reports/templates/report.css", "features/peers.yaml",
        "data/migrations/versions/v0007_decisions_by_time.py",
    }  # fmt: skip
    assert wanted <= names
    assert {name.split("/")[0] for name in names} == {
        "data",
        "features",
        "models",
        "serving",
        "greenlane-0.1.0.dist-info",
    }


def test_the_service_imports_nothing_of_training() -> None:
    code = "import serving.app, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    ).stdout.split()
    assert "models.explain" in loaded
    assert not {
        "mlflow",
        "optuna",
        "shap",
        "models.training",
        "models.registry",
        "data.simulator",
        "data.readers",
    } & set(loaded)
