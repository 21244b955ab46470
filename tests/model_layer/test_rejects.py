"""Reject inference: what nobody inspected is learned from only where asked for, and only as far as its time knew it."""

from dataclasses import replace

import numpy as np
import pytest

from data.errors import ModelError
from data.layout import VersionTables
from data.records import Version
from data.times import DAY
from features.catalogue import feature_set
from models.encoding import fit_encoder
from models.training.dataset import Dataset
from models.training.fitting import Cases, cases_of, fixed_parameters, portable
from models.training.rejects import Inferable, Rejects, rejects_of
from models.training.train import Trained, train
from models.training.tuning import Budget

SETTING = {
    "rounds": 30, "learning_rate": 0.1, "num_leaves": 7, "min_data_in_leaf": 20, "feature_fraction": 1.0,
    "bagging_fraction": 1.0, "lambda_l2": 1.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def rejects(versions: list[Version]) -> Rejects:
    return rejects_of(feature_set("shipment"), VersionTables(versions), 500)


@pytest.fixture(scope="module")
def cases(shipments: Dataset, rejects: Rejects) -> Cases:
    encoder = fit_encoder(shipments.features, shipments.columns)
    return cases_of(shipments, encoder, fixed_parameters(shipments.features, seed=7, threads=1), rejects)


def parameters(cases: Cases) -> dict[str, object]:
    return fixed_parameters(cases.dataset.features, seed=7, threads=1) | SETTING


def test_rejects_are_declared_once_and_never_inspected(
    shipments: Dataset, versions: list[Version], rejects: Rejects
) -> None:
    records = [version.record for version in versions if version.record.action == "new"]
    inspected = {r.payload["declaration_no"] for r in records if r.payload.get("event") == "inspection"}
    first = {r.payload["declaration_no"]: max(r.event_at, r.known_at) for r in records if r.kind == "declaration"}
    never = sorted(at for number, at in first.items() if number not in inspected)
    every = rejects_of(feature_set("shipment"), VersionTables(versions), 1_000_000)
    assert list(every.asked_at) == never
    assert inspected
    assert len(rejects) == 500
    assert (np.diff(rejects.asked_at) >= 0).all()
    assert set(rejects.asked_at) < set(never)
    again = rejects_of(feature_set("shipment"), VersionTables(versions), 500)
    assert list(again.asked_at) == list(rejects.asked_at)
    other = rejects_of(feature_set("shipment"), VersionTables(versions), 500, seed=8)
    assert list(other.asked_at) != list(rejects.asked_at)


def test_what_became_known_later_does_not_count(versions: list[Version], shipments: Dataset) -> None:
    """A shipment whose inspection reports later is uninspected so far; one that is declared later is not there."""
    source, split = VersionTables(versions), int(np.median(shipments.asked_at))
    early = rejects_of(feature_set("shipment"), source, 1_000_000, until=split)
    assert (early.asked_at < split).all()
    waiting = (shipments.asked_at < split) & (shipments.known_at >= split)
    late = rejects_of(feature_set("shipment"), source, 1_000_000)
    assert set(early.asked_at) - set(late.asked_at) == set(shipments.asked_at[waiting])
    assert waiting.any()


def test_a_fit_learns_nothing_from_what_was_asked_after_it(cases: Cases, rejects: Rejects, shipments: Dataset) -> None:
    rows = np.arange(len(shipments) // 2)
    last = int(shipments.asked_at[rows].max())
    assert isinstance(cases.rejects, Inferable)
    later = cases.rejects.asked_at > last
    assert later.any()
    assert not later.all()
    fitted = portable(cases.fit(rows, parameters(cases)))

    def fitted_without(dropped: np.ndarray) -> str:
        kept = replace(
            rejects, asked_at=rejects.asked_at[~dropped], columns={n: c[~dropped] for n, c in rejects.columns.items()}
        )
        # the bins stay those of all rejects: a threshold is no outcome
        assert isinstance(cases.rejects, Inferable)
        moved = np.where(dropped, last + 1_000 * DAY, cases.rejects.asked_at)
        assert len(kept) + dropped.sum() == len(rejects)
        return portable(replace(cases, rejects=replace(cases.rejects, asked_at=moved)).fit(rows, parameters(cases)))

    assert fitted_without(later) == fitted
    assert fitted_without(~later) != fitted


def test_rejects_weigh_as_much_as_the_inspected_and_keep_their_stated_rate(cases: Cases, shipments: Dataset) -> None:
    """The mean probability over both halves is that of outcomes and of what the first model said (a fit with log loss keeps it)."""
    rows = np.arange(len(shipments))
    setting = parameters(cases)
    first = replace(cases, rejects=None).fit(rows, setting)
    both = cases.fit(rows, setting | {"rounds": 1, "learning_rate": 1e-9})  # what it starts from
    assert isinstance(cases.rejects, Inferable)
    stated = np.asarray(first.predict(cases.rejects.matrix, num_threads=1))
    start = replace(cases, rejects=None).fit(rows, setting | {"rounds": 1, "learning_rate": 1e-9})
    begun = float(np.asarray(start.predict(cases.matrix[:1]))[0])
    assert begun == pytest.approx(shipments.outcomes.mean(), rel=1e-3)
    # the first model of this setting states its start for everything
    expected = (shipments.outcomes.mean() + begun) / 2
    assert float(np.asarray(both.predict(cases.matrix[:1]))[0]) == pytest.approx(expected, rel=1e-3)
    full = np.asarray(
        cases.fit(rows, setting).predict(np.concatenate([cases.matrix, cases.rejects.matrix]), num_threads=1)
    )
    weights = np.repeat([1 / len(rows), 1 / len(stated)], [len(rows), len(stated)])
    assert np.average(full, weights=weights) == pytest.approx((shipments.outcomes.mean() + stated.mean()) / 2, rel=0.03)


def test_it_is_off_unless_asked_for_and_says_so_in_the_bundle(
    shipments: Dataset, trained: Trained, rejects: Rejects
) -> None:
    assert "reject_inference" not in trained.bundle.manifest.parameters
    inferred = train("shipment", shipments, budget=Budget(1), folds=3, rejects=rejects)
    again = train("shipment", shipments, budget=Budget(1), folds=3, rejects=rejects)
    plain = train("shipment", shipments, budget=Budget(1), folds=3)
    assert inferred.bundle.manifest.parameters["reject_inference"] == len(rejects)
    assert inferred.bundle.digest == again.bundle.digest != plain.bundle.digest
    assert len(inferred.folded.rows) == len(plain.folded.rows)  # figures are of inspected cases alone
    assert inferred.metrics.auc > 0.6


def test_what_has_no_rejects_is_refused(versions: list[Version], shipments: Dataset, rejects: Rejects) -> None:
    with pytest.raises(ModelError, match="only shipments are selected"):
        rejects_of(feature_set("credit"), VersionTables(versions), 10)
    inspections = [v for v in versions if v.record.kind != "declaration"]
    with pytest.raises(ModelError, match="leave out --reject-inference"):
        rejects_of(feature_set("shipment"), VersionTables(inspections), 10)
    with pytest.raises(ModelError, match="one machine"):
        train("shipment", shipments, rejects=rejects, cluster=object())  # type: ignore[arg-type]
