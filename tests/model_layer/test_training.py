"""Laws of training, explanation and bundles, on a simulated world."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shap

from data.errors import BundleError, TooFewLabelsError
from data.importing import import_paths
from data.layout import VersionTables
from data.records import Version, make_record
from data.simulator import load_parameters, simulate, write_world
from data.snapshots import write_snapshot
from data.store import open_store
from data.store import records as record_rows
from data.times import DAY, OPEN
from features.batch import FeedsInMemory, measured
from features.catalogue import feature_set
from features.prepared import found_or_prepared
from models.bundle import Bundle, from_bytes, make_bundle, to_bytes
from models.contributions.explainer import Contributions
from models.explain import Scorer
from models.training.dataset import Dataset, credit_dataset, dataset_of, shipment_dataset
from models.training.splits import forward_folds
from models.training.train import Trained, train
from models.training.tuning import Budget
from tests.reading import reading


def _vector(dataset: Dataset, row: int) -> list[float | str | None]:
    values = [column[row] for column in dataset.columns.values()]
    return [
        None if v is None or (not isinstance(v, str) and np.isnan(v)) else v if isinstance(v, str) else float(v)
        for v in values
    ]


def test_a_fold_learns_only_from_what_was_known_before_its_validation(shipments: Dataset) -> None:
    for fold in forward_folds(shipments):
        begin = shipments.asked_at[fold.valid].min()
        assert (shipments.known_at[fold.train] <= begin).all()
        assert (shipments.asked_at[fold.train] < begin).all()
        assert not (fold.train & fold.valid).any()


def test_only_what_was_inspected_has_an_outcome(shipments: Dataset, versions: list[Version]) -> None:
    found = {
        v.record.payload["declaration_no"]: v.record.payload["finding"]
        for v in versions
        if v.record.payload.get("event") == "inspection"
    }
    assert set(shipments.names) <= set(found)
    assert all(
        (found[name] == "hit") == bool(outcome)
        for name, outcome in zip(shipments.names, shipments.outcomes, strict=True)
    )


def test_a_question_never_lies_after_its_own_outcome(shipments: Dataset) -> None:
    """Also where the declaration was corrected after its inspection: else a shipment would count its own outcome."""
    assert (shipments.asked_at <= shipments.known_at).all()


def test_an_inspection_of_another_source_finds_its_declaration_as_known_then() -> None:
    payload = {"declaration_no": "n", "enterprise": "f", "declared_value_fen": 1}
    inspection = {"event": "inspection", "enterprise": "f", "declaration_no": "n", "finding": "hit", "facts": payload}

    def version(seq: int, at: int, kind: str, source: str, action: str, content: dict) -> Version:
        record = make_record(
            kind=kind, guid=kind, source=source, action=action, event_at=at, known_at=at, payload=content
        )
        return Version(seq, record, 30 if seq == 1 else OPEN)

    versions = [
        version(1, 10, "declaration", "single-window", "new", payload),
        version(2, 20, "supervision", "customs", "new", inspection),
        version(3, 30, "declaration", "single-window", "change", payload | {"declared_value_fen": 9}),
    ]
    dataset = shipment_dataset(feature_set("shipment"), VersionTables(versions), "snapshot")
    assert (dataset.asked_at.tolist(), dataset.known_at.tolist(), dataset.outcomes.tolist()) == ([10], [20], [1])


@pytest.mark.parametrize("name", ["shipment", "credit"])
def test_features_from_files_make_the_same_dataset(versions: list[Version], tmp_path: Path, name: str) -> None:
    """A large snapshot is computed from files: neither the values nor the model may show it."""
    source, features = VersionTables(versions), feature_set(name)
    feeds, found = found_or_prepared(features.measures, source, tmp_path, "a", memory_mb=5, digest="d")
    again, found_again = found_or_prepared(features.measures, source, tmp_path, "b", memory_mb=5, digest="d")
    assert (found, found_again, again.folder) == (False, True, feeds.folder)
    in_memory, from_files = (dataset_of(features, source, "snapshot", feeds=one) for one in (None, again))
    assert len(in_memory) == len(from_files) > 100
    for name, column in in_memory.columns.items():
        np.testing.assert_array_equal(column, from_files.columns[name], err_msg=name)
    for name, column in in_memory.segments.items():
        np.testing.assert_array_equal(column, from_files.segments[name], err_msg=name)
    np.testing.assert_array_equal(in_memory.outcomes, from_files.outcomes)


def test_outcomes_known_later_do_not_count(shipments: Dataset, versions: list[Version]) -> None:
    until = int(np.median(shipments.known_at))
    earlier = shipment_dataset(feature_set("shipment"), VersionTables(versions), "snapshot", until=until)
    assert (earlier.known_at < until).all()
    assert len(earlier) == int((shipments.known_at < until).sum())
    kept = shipments.rows(shipments.known_at < until)
    for name, column in earlier.columns.items():  # and the features of what remains are the same
        same = column == kept.columns[name]
        missing = np.array([v is None or v != v for v in column]) & np.array(
            [v is None or v != v for v in kept.columns[name]]
        )
        assert (same | missing).all(), name


def test_credit_asks_only_about_windows_that_have_passed(versions: list[Version]) -> None:
    until = max(v.record.known_at for v in versions)
    credit = credit_dataset(feature_set("credit"), VersionTables(versions), "snapshot", until=until)
    assert (credit.known_at <= until).all()
    assert 0.02 < credit.outcomes.mean() < 0.6


def test_same_data_and_seed_give_the_same_digest(shipments: Dataset, trained: Trained) -> None:
    again = train("shipment", shipments, budget=Budget(2), folds=3)
    assert again.bundle.digest == trained.bundle.digest
    other = train("shipment", shipments, budget=Budget(2), folds=3, seed=8)
    assert other.bundle.digest != trained.bundle.digest


def test_threads_change_how_long_it_takes_and_nothing_else(shipments: Dataset, trained: Trained) -> None:
    other = train("shipment", shipments, budget=Budget(2), folds=3, refits=2, threads=3)
    assert other.bundle.digest == trained.bundle.digest
    assert other.tuned == trained.tuned
    assert other.stability == trained.stability


def test_the_model_ranks_better_than_chance_and_is_calibrated(trained: Trained) -> None:
    assert trained.metrics.auc > 0.7
    assert trained.metrics.ece is not None
    assert trained.metrics.ece < 0.12


def test_noise_scores_as_noise(shipments: Dataset) -> None:
    random = np.random.default_rng(5)
    noise = {
        name: np.array(random.choice(["a", "b", "c"], len(shipments)), dtype=object)
        if column.dtype == object
        else random.normal(size=len(shipments))
        for name, column in shipments.columns.items()
    }
    aucs = [
        train("shipment", replace(shipments, columns=noise), budget=Budget(1), folds=3, seed=seed).metrics.auc
        for seed in (1, 2)
    ]
    assert np.mean(aucs) == pytest.approx(0.5, abs=0.08)


def test_too_few_outcomes_are_refused(shipments: Dataset) -> None:
    clean = shipments.rows(shipments.outcomes == 0)
    with pytest.raises(TooFewLabelsError, match="0 hits"):
        train("shipment", clean, budget=Budget(1))


def test_contributions_equal_shap_and_points_add_up(shipments: Dataset, trained: Trained) -> None:
    scorer = Scorer(trained.bundle)
    matrix = trained.bundle.encoder.rows(shipments.columns)[::37]
    explainer = shap.TreeExplainer(scorer.booster)
    expected = np.asarray(explainer.shap_values(matrix))
    ours = Contributions(trained.bundle.trees).rows(matrix)
    assert np.abs(ours[:, :-1] - expected).max() < 1e-12
    for row in range(0, len(shipments), 41):
        said = scorer.explain(_vector(shipments, row))
        assert said.base_points + sum(c.points for c in said.contributions) == said.score
        assert scorer.probability(_vector(shipments, row)) == said.probability


def test_one_row_scores_as_in_the_matrix(shipments: Dataset, trained: Trained) -> None:
    scorer = Scorer(trained.bundle)
    margins = np.asarray(
        scorer.booster.predict(trained.bundle.encoder.rows(shipments.columns), raw_score=True, num_threads=1)
    )
    probabilities = trained.bundle.manifest.curve.probabilities(margins)
    for row in range(0, len(shipments), 29):
        assert scorer.probability(_vector(shipments, row)) == pytest.approx(probabilities[row], abs=1e-12)


def test_greater_risk_never_follows_from_less_of_what_must_not_lower_it(shipments: Dataset, trained: Trained) -> None:
    scorer = Scorer(trained.bundle)
    names = [feature.name for feature in scorer.features.features]
    for row in range(0, len(shipments), 53):
        vector = _vector(shipments, row)
        risks = []
        for hits in (0.0, 1.0, 3.0, 10.0):
            vector[names.index("hits_365d")] = hits
            risks.append(scorer.probability(vector))
        assert risks == sorted(risks)


def test_a_bundle_reads_back_and_a_changed_byte_is_refused(trained: Trained) -> None:
    content = to_bytes(trained.bundle)
    assert from_bytes(content, trained.bundle.digest) == trained.bundle
    changed = content.replace(b'"slope":', b'"slope": ', 1)
    with pytest.raises(BundleError, match="was changed"):
        from_bytes(changed, trained.bundle.digest)


def test_a_bundle_for_another_catalogue_is_refused(trained: Trained) -> None:
    manifest = trained.bundle.manifest
    other = make_bundle(
        type(manifest)(**{**{f: getattr(manifest, f) for f in manifest.__struct_fields__}, "catalogue": "0" * 64}),
        trained.bundle.trees,
    )
    with pytest.raises(BundleError, match="retrain"):
        Scorer(other)


def test_trees_that_cannot_be_read_are_refused(trained: Trained) -> None:
    broken = Bundle(trained.bundle.manifest, "not a model", {}, "x")
    with pytest.raises(BundleError):
        Scorer(broken)


def test_a_bundle_scores_in_a_fresh_process_without_training_code(
    shipments: Dataset, trained: Trained, tmp_path
) -> None:
    (tmp_path / "bundle.json").write_bytes(to_bytes(trained.bundle))
    code = (
        "import sys, json; from models.bundle import from_bytes; from models.explain import Scorer\n"
        "scorer = Scorer(from_bytes(open(sys.argv[1], 'rb').read(), sys.argv[2]))\n"
        "assert not {'mlflow', 'optuna', 'models.training.train', 'data.simulator'} & set(sys.modules)\n"
        "print(repr(scorer.probability(json.loads(sys.argv[3]))))"
    )
    import json

    vector = _vector(shipments, 3)
    command = [sys.executable, "-c", code, str(tmp_path / "bundle.json"), trained.bundle.digest, json.dumps(vector)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert float(said) == Scorer(trained.bundle).probability(vector)


def test_batch_refuses_sums_that_leave_64_bits() -> None:
    from data.errors import FeatureError
    from features.questions import Questions, about_enterprise
    from features.themes.common import DECLARATIONS, ENTERPRISE, total

    measure = total(DECLARATIONS, ENTERPRISE, "declared_value_fen")
    payload = {"declaration_no": "n", "enterprise": "f", "declared_value_fen": 2**61}
    records = [
        make_record(kind="declaration", guid=str(n), source="s", action="new", event_at=n, known_at=n, payload=payload)
        for n in range(3)
    ]
    feeds = FeedsInMemory([measure], VersionTables([Version(n, r, OPEN) for n, r in enumerate(records)]))
    with pytest.raises(FeatureError, match="64 bits"):
        measured([measure], feeds, Questions.of([about_enterprise("f", 10)]))


def test_the_truth_of_a_world_plays_no_part_in_training(tmp_path: Path) -> None:
    """A world without its truth, and one with a truth that lies, give the same snapshot and so the same model."""
    write_world(simulate(load_parameters(firms=60, days=200)), tmp_path / "world")
    digests = []
    for name in ("whole", "without", "lying"):
        folder = tmp_path / name
        shutil.copytree(tmp_path / "world", folder)
        if name == "without":
            shutil.rmtree(folder / "truth")
        if name == "lying":
            for file in (folder / "truth").iterdir():
                file.write_bytes(b"lies")
        store = open_store(f"sqlite:///{folder / 'a.db'}")
        import_paths(store, [folder / "records"], None, reading=reading(load_parameters().end + DAY))
        with store.read() as connection:
            snapshot = write_snapshot(
                record_rows.versions(connection), folder / "snapshots", as_of=load_parameters().end + DAY
            )
        dataset = shipment_dataset(feature_set("shipment"), snapshot, snapshot.digest)
        digests.append((snapshot.digest, train("shipment", dataset, budget=Budget(1), folds=2).bundle.digest))
    assert digests[0] == digests[1] == digests[2]
