"""Training on more than one machine: workers of a Dask cluster share a tuning study, and fit the final model together.

The study lies in a database that all workers reach; each takes trials from it until the budget is spent. The final model is
LightGBM's own Dask estimator, whose workers exchange histograms of their rows.
"""

import warnings
from collections.abc import Callable
from typing import Any

import dask.array as da
import lightgbm
import numpy as np
from distributed import Client, as_completed
from lightgbm.dask import DaskLGBMClassifier

from data.errors import ModelError
from models.training.dataset import Dataset
from models.training.fitting import OWN, Cases, weights_of
from models.training.tuning import Budget, study_of


def search_on(
    client: Client, dataset: Dataset, budget: Budget, *, folds: int, seed: int, threads: int,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:  # fmt: skip
    """Let every worker take trials of a study until its budget is spent; the study then has them all.

    Arguments:
        client: of a running scheduler whose workers run this version and reach the study's database.
        dataset: sent to every worker once.
        progress: called with workers that are done and how many there are.
    Raises:
        ModelError: where the study has no database.
    """
    if budget.storage is None:
        raise ModelError("workers share a study through its database: give it a name with --study")
    study_of(budget, seed)
    workers = list(client.scheduler_info(n_workers=-1)["workers"])
    shared = client.scatter(dataset, broadcast=True)
    searching = [
        client.submit(_search, shared, budget, folds, seed, threads, number, workers=[worker], pure=False)
        for number, worker in enumerate(workers, start=1)
    ]
    for done, future in enumerate(as_completed(searching), start=1):
        future.result()
        progress(done, len(searching))


def _search(dataset: Dataset, budget: Budget, folds: int, seed: int, threads: int, number: int) -> None:
    """Take trials in a worker; each worker's sampler has a seed of its own, or all would try the same."""
    from models.training.train import plan_of, search

    search(plan_of(dataset, folds=folds, seed=seed, threads=threads), budget, seed=seed + 1_000 * number)


def fit_on(client: Client, cases: Cases, parameters: dict[str, Any]) -> lightgbm.Booster:
    """A booster of all cases, their rows shared out among the workers.

    Trees come close to those of one machine, not to the last bit: bins are found on parts of the rows.
    """
    own = {name: value for name, value in parameters.items() if name not in (*OWN, "num_threads")}
    if "monotone_constraints" in own:
        own["monotone_constraints_method"] = "basic"  # the only one that works across machines
    rows = np.arange(len(cases.dataset))
    size = -(-len(rows) // max(1, len(client.scheduler_info(n_workers=-1)["workers"])))
    shared = [
        da.from_array(
            values,  # type: ignore[no-untyped-call]
            chunks=(size, *values.shape[1:]),
        )
        for values in (cases.matrix, cases.dataset.outcomes, weights_of(cases.dataset, rows, parameters))
    ]
    estimator = DaskLGBMClassifier(client=client, n_estimators=parameters["rounds"], tree_learner="data", **own)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(shared[0], shared[1], sample_weight=shared[2], categorical_feature=cases.encoder.categories)
    booster: lightgbm.Booster = estimator.booster_
    return booster
