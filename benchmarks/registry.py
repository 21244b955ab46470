"""A registry of a benchmark's own, so that the project's runs and champions stay as they are."""

from pathlib import Path

import yaml


def own_registry(folder: Path) -> Path:
    """Write the project's `mlflow.yaml` with runs, studies and artifacts in a folder; the file's path."""
    config = yaml.safe_load(Path("mlflow.yaml").read_text(encoding="utf-8"))
    config |= {
        "tracking_uri": f"sqlite:///{folder / 'mlflow.db'}",
        "studies_uri": f"sqlite:///{folder / 'studies.db'}",
        "artifact_root": str(folder / "mlflow-artifacts"),
    }
    path = folder / "mlflow.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path
