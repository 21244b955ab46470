"""What decided is what training would compute: stored vectors against the batch engine, over a replay of the last days."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import select

from data.importing import import_paths
from data.layout import VersionTables
from data.records import utc_now
from data.simulator import load_parameters, simulate, write_world
from data.store import Store, open_store
from data.store import decisions as decision_rows
from data.store import records as record_rows
from data.store.schema import decisions
from data.times import DAY, from_instant, show
from features.batch import matrix_of
from features.catalogue import CREDIT, feature_set
from features.live import vector
from features.questions import Question, about_enterprise, identity_at
from features.views import view_of
from models.champions import Signature, install
from models.policy import shipped_policies
from models.training.dataset import credit_dataset, shipment_dataset
from models.training.train import train
from models.training.tuning import Budget
from serving import skew
from serving.clearance import Clearance
from serving.cli.replay import in_order, steps_of
from tests.reading import PSEUDONYMS, reading

KEY = b"a key for tests only"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def replayed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Store, Clearance]]:
    """A store whose last days went through the service's use case: records as they came, decisions as they were asked."""
    folder = tmp_path_factory.mktemp("replay")
    write_world(simulate(load_parameters(firms=80, days=300, pending_days=6)), folder)
    pending = steps_of(folder / "pending", asks=True)
    begin = min(step.record.known_at for step in pending)
    rooms = ExitStack()
    url = f"sqlite:///{folder / 'a.db'}"
    if request.param == "postgresql":
        url = rooms.enter_context(request.getfixturevalue("postgres").database())
    store = open_store(url)
    import_paths(store, [folder / "records"], None, reading=reading(utc_now()), until=begin)
    with store.read() as connection:
        versions = list(record_rows.versions(connection))
    credit = credit_dataset(feature_set("credit"), VersionTables(versions), "snapshot", until=begin)
    for model, dataset in (
        ("credit", credit),
        ("shipment", shipment_dataset(feature_set("shipment"), VersionTables(versions), "snapshot")),
    ):
        install(store, train(model, dataset, budget=Budget(1), folds=2).bundle, Signature("test", begin, "test"))
    clearance = Clearance(store, shipped_policies(), KEY, PSEUDONYMS, utc_now, follow_records=True)
    later = steps_of(folder / "records", begin)
    for step in in_order([*pending, *later]):
        if step.asks:
            clearance.decide(step.envelope)
        else:
            assert clearance.take([step.envelope]).rejected == 0
    with rooms:
        yield store, clearance
        store.close()


def test_every_stored_vector_is_what_the_batch_engine_computes_as_known_then(replayed: tuple[Store, Clearance]) -> None:
    store, _ = replayed
    with store.read() as connection:
        versions = list(record_rows.versions(connection))
        decided = [decision_rows.by_id(connection, row.id) for row in connection.execute(select(decisions.c.id))]
    assert len(decided) >= 50
    declared = {v.record.digest: v.record for v in versions if v.record.kind == "declaration"}
    questions = [
        Question(d.evidence["question_at"], view_of("declaration", declared[d.evidence["record"]].payload))
        for d in decided
    ]
    for model, features in (("credit", CREDIT), ("shipment", feature_set("shipment"))):
        columns = matrix_of(features, versions, questions)
        for number, one in enumerate(decided):
            for feature, stored in zip(features.features, one.evidence["vectors"][model], strict=True):
                computed = columns[feature.name][number]
                missing = computed is None or computed != computed
                assert stored is None if missing else stored == computed, feature.name


def test_credit_asked_now_is_what_training_would_ask(replayed: tuple[Store, Clearance]) -> None:
    store, clearance = replayed
    with store.read() as connection:
        versions = list(record_rows.versions(connection))
        enterprises = sorted({v.record.payload["enterprise"] for v in versions if v.record.kind == "identity"})[::4]
        asked = [clearance.enterprise_now(connection, enterprise) for enterprise in enterprises]
    for enterprise, (question, _) in zip(enterprises, asked, strict=True):
        identities = [
            v for v in versions if v.record.kind == "identity" and v.record.payload.get("enterprise") == enterprise
        ]
        assert question == about_enterprise(enterprise, question.at, identity_at(identities, question.at))
        assert "legal_person" in question.facts
    columns = matrix_of(CREDIT, versions, [question for question, _ in asked])
    for number, (question, measured) in enumerate(asked):
        for feature, value in zip(CREDIT.features, vector(CREDIT, measured, question), strict=True):
            computed = columns[feature.name][number]
            assert value is None if computed != computed else value == computed, feature.name


def test_every_decision_is_confirmed_by_the_reference_engine(replayed: tuple[Store, Clearance]) -> None:
    store, _ = replayed
    with store.read() as connection:
        made = decision_rows.newest_ids(connection, 10_000)
    findings = skew.verify(store, made)
    assert len(findings) >= 50
    assert all(finding.values and not finding.mismatches and not finding.unverifiable for finding in findings)


def test_rebuilding_the_live_state_changes_no_answer(replayed: tuple[Store, Clearance]) -> None:
    store, clearance = replayed
    with store.write() as connection:
        enterprises = sorted(
            {v.record.payload["enterprise"] for v in record_rows.versions(connection, kinds=["declaration"])}
        )[:25]
        before = [clearance.enterprise_now(connection, enterprise)[1] for enterprise in enterprises]
        clearance.live.rebuild(connection)
        assert [clearance.enterprise_now(connection, enterprise)[1] for enterprise in enterprises] == before


def test_points_add_up_in_every_answer(replayed: tuple[Store, Clearance]) -> None:
    store, _ = replayed
    with store.read() as connection:
        bodies = decision_rows.latest_bodies(connection).values()
    for body in bodies:
        for score in (body["credit"], body["risk"]):
            assert score["base_points"] + sum(share["points"] for share in score["shares"]) == score["score"]


def test_in_a_replay_a_record_is_known_when_it_happened_unless_it_says_otherwise(
    replayed: tuple[Store, Clearance],
) -> None:
    _, clearance = replayed
    with clearance.store.read() as connection:
        after = clearance.live.advanced_to(connection) + DAY
    payload = {"declaration_no": "later", "enterprise": "some firm", "declared_value_fen": 1}
    raw = {"guid": "later", "source": "test", "event_at": from_instant(after).isoformat(), "payload": payload}
    body, is_new = clearance.decide(raw)
    assert (body["decided_at"], is_new) == (show(after), True)
    assert clearance.decide(raw) == (body, False)
