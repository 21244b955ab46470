"""Training on a Dask cluster of real processes: one study for all workers, one model from all of them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import optuna
import pytest
from distributed import Client, LocalCluster
from sklearn.metrics import roc_auc_score

from data.errors import ModelError
from models.explain import Scorer
from models.training.dataset import Dataset
from models.training.train import train
from models.training.tuning import Budget

pytestmark = [
    pytest.mark.xdist_group("cluster"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0, silence_logs=50) as cluster,
        Client(cluster, timeout=60) as client,
    ):  # fmt: skip
        client.wait_for_workers(2, timeout=60)
        yield client


def test_workers_share_a_study_and_fit_one_model(client: Client, shipments: Dataset, tmp_path: Path) -> None:
    budget = Budget(6, None, f"sqlite:///{tmp_path / 'studies.db'}", "shared")
    trained = train("shipment", shipments, budget=budget, folds=2, cluster=client)
    study = optuna.load_study(study_name="shared", storage=budget.storage)
    assert len(trained.tuned.trials) >= 6
    # each took trials of its own: what they tried differs, and both were at work
    assert len({tuple(sorted(trial.params.items())) for trial in study.get_trials()}) >= 5
    alone = train("shipment", shipments, budget=budget, folds=2)
    assert alone.tuned.best == trained.tuned.best
    margins = [
        np.asarray(Scorer(one.bundle).booster.predict(one.bundle.encoder.rows(shipments.columns), raw_score=True))
        for one in (trained, alone)
    ]
    aucs = [float(roc_auc_score(shipments.outcomes, one)) for one in margins]
    assert aucs[0] == pytest.approx(aucs[1], abs=0.05)
    assert np.corrcoef(margins)[0, 1] > 0.8


def test_a_study_in_memory_cannot_be_shared(client: Client, shipments: Dataset) -> None:
    with pytest.raises(ModelError, match="--study"):
        train("shipment", shipments, budget=Budget(1), cluster=client)
