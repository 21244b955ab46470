"""Laws of the store, on both databases: nothing is rewritten, nothing is lost, and what went in comes out."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, inspect, text

from data.errors import StoreError
from data.records import Record, Version, make_record
from data.store import Store, engine, open_store
from data.store import bundles as bundle_rows
from data.store import decisions as decision_rows
from data.store import quarantine as quarantine_rows
from data.store import records as record_rows
from data.store.schema import metadata
from data.times import DAY, OPEN, midnight
from tests.postgres import Postgres

T0 = midnight(20_000)
FIRM, OTHER = "firm-1", "firm-2"
_LAWS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def penalty(guid: str = "g", action: str = "new", known_at: int = T0, **changes: object) -> Record:
    payload = {"enterprise": FIRM, "event": "penalty", "authority": "a"} | changes
    return make_record(
        kind="public_credit", guid=guid, source="s", action=action, event_at=T0, known_at=known_at,
        payload=payload if action in ("new", "change") else {},
    )  # fmt: skip


def send(store: Store, *batch: Record) -> list[str]:
    """What happens to each record of a batch, in one transaction: the way of intake."""
    statuses, accepted = [], []
    with store.write() as connection:
        judge = record_rows.Judge(connection, batch)
        for record in batch:
            verdict = judge.verdict(record)
            statuses.append(verdict.status)
            assert bool(verdict.reason) == (verdict.status == "rejected")
            if verdict.status == "accepted":
                judge.note(record)
                accepted.append(record)
        record_rows.append(connection, accepted)
    return statuses


def versions(store: Store, **wanted: object) -> list[Version]:
    with store.read() as connection:
        return list(record_rows.versions(connection, **wanted))


def clear(store: Store) -> None:
    with store.write() as connection:
        for table in metadata.tables.values():
            connection.execute(delete(table))


# --- records ---------------------------------------------------------------------------------------------------------

_steps = st.tuples(
    st.sampled_from(["g1", "g2"]), st.sampled_from(["new", "new", "change", "delete", "repair"]),
    st.sampled_from([1, 2]), st.booleans(),
)  # fmt: skip


@st.composite
def sendings(draw: st.DrawFn) -> list[list[Record]]:
    """Batches of records of two guids of two enterprises: new ones, changes, ends, copies and contradictions."""
    batches: list[list[Record]] = [[]]
    for number, (guid, action, amount, begins_batch) in enumerate(draw(st.lists(_steps, min_size=1, max_size=12))):
        if begins_batch:
            batches.append([])
        enterprise = FIRM if guid == "g1" else OTHER
        batches[-1].append(penalty(guid, action, T0 + number * DAY, amount_fen=amount, enterprise=enterprise))
    return batches


def expected_status(record: Record, kept: list[Record]) -> str:
    """The rule in words: a copy is a duplicate, `new` needs an unused guid, all else needs an open record."""
    own = [r for r in kept if r.guid == record.guid]
    if any(r.digest == record.digest for r in own):
        return "duplicate"
    if record.action == "new":
        return "rejected" if own else "accepted"
    return "accepted" if own and own[-1].action in ("new", "change") else "rejected"


@_LAWS
@given(batches=sendings())
def test_records_are_judged_one_by_one_however_they_are_batched(store: Store, batches: list[list[Record]]) -> None:
    clear(store)
    kept: list[Record] = []
    for batch in batches:
        expected = []
        for record in batch:
            expected.append(expected_status(record, kept))
            if expected[-1] == "accepted":
                kept.append(record)
        assert send(store, *batch) == expected
    assert [v.record for v in versions(store)] == kept


@_LAWS
@given(batches=sendings())
def test_a_version_ends_when_the_next_of_its_name_becomes_known(store: Store, batches: list[list[Record]]) -> None:
    clear(store)
    for batch in batches:
        send(store, *batch)
    found = versions(store)
    assert [v.seq for v in found] == sorted({v.seq for v in found})
    for guid, enterprise in (("g1", FIRM), ("g2", OTHER)):
        own = [v for v in found if v.record.guid == guid]
        for earlier, later in pairwise(own):
            assert earlier.ended_at == later.record.known_at
        if own:
            assert own[-1].ended_at == OPEN
        # ends without a payload stay with the enterprise whose record they end
        assert versions(store, enterprise=enterprise) == own
        with store.read() as connection:
            still_open = own[-1].record if own and own[-1].record.action in ("new", "change") else None
            assert (record_rows.open_versions(connection, [("public_credit", "s", guid)]) or [None])[0] == still_open


@_LAWS
@given(batches=sendings(), place=st.integers(0, 12))
def test_since_gives_what_came_after_with_the_version_that_it_ended(
    store: Store, batches: list[list[Record]], place: int
) -> None:
    clear(store)
    for batch in batches:
        send(store, *batch)
    found = versions(store)
    begin = 0 if place == 0 or not found else found[min(place, len(found)) - 1].seq
    expected = []
    for at, version in enumerate(found):
        before = [v.record for v in found[:at] if v.record.guid == version.record.guid]
        if version.seq > begin:
            expected.append((version.seq, version.record, before[-1] if version.record.action != "new" else None))
    with store.read() as connection:
        assert list(record_rows.since(connection, begin)) == expected
        assert record_rows.last_seq(connection) == (found[-1].seq if found else 0)
        assert record_rows.latest_known(connection) == max((v.record.known_at for v in found), default=0)
        assert record_rows.count(connection) == ({"public_credit": len(found)} if found else {})


@pytest.mark.parametrize("action", ["change", "delete", "repair"])
def test_what_is_not_stored_or_was_ended_cannot_be_changed_deleted_or_repaired(store: Store, action: str) -> None:
    with store.read() as connection:
        verdict = record_rows.Judge(connection, [penalty()]).verdict(penalty(action=action))
    assert (verdict.status, verdict.reason) == ("rejected", f"is not stored, so there is nothing to {action}")
    for end in ("delete", "repair"):
        assert send(store, penalty(end), penalty(end, end)) == ["accepted", "accepted"]
        with store.read() as connection:
            judge = record_rows.Judge(connection, [penalty(end)])
            later = replace(penalty(end, action, amount_fen=9), digest="0" * 64)
            verdict = judge.verdict(later)
        assert verdict.status == "rejected"
        assert f"nothing to {action}" in verdict.reason


def test_the_same_guid_with_other_content_is_a_conflict_and_changes_nothing(store: Store) -> None:
    assert send(store, penalty(amount_fen=1)) == ["accepted"]
    assert send(store, penalty(amount_fen=2), penalty(amount_fen=1, known_at=T0 + DAY)) == ["rejected", "duplicate"]
    assert [v.record.payload["amount_fen"] for v in versions(store)] == [1]


def test_names_differ_by_kind_and_by_source(store: Store) -> None:
    first = penalty()
    others = [replace(first, source="other", digest="1" * 64), replace(first, kind="settlement", digest="2" * 64)]
    assert send(store, first, *others) == ["accepted"] * 3
    assert [v.ended_at for v in versions(store)] == [OPEN] * 3
    assert [v.record.kind for v in versions(store, kinds=["settlement"])] == ["settlement"]


def test_a_repair_is_seen_by_its_enterprise_and_ends_what_it_repairs(store: Store) -> None:
    send(store, penalty(amount_fen=5), penalty("h", enterprise=OTHER))
    assert send(store, penalty(action="repair", known_at=T0 + 9 * DAY)) == ["accepted"]
    own = versions(store, enterprise=FIRM)
    assert [(v.record.action, v.ended_at) for v in own] == [("new", T0 + 9 * DAY), ("repair", OPEN)]


def test_a_correction_of_the_enterprise_ends_the_version_of_the_wrong_one(store: Store) -> None:
    send(store, penalty())
    send(store, penalty(action="change", known_at=T0 + DAY, enterprise=OTHER))
    all_versions = {v.seq: v for v in versions(store)}
    assert [v.ended_at for v in all_versions.values()] == [T0 + DAY, OPEN]
    for enterprise in (FIRM, OTHER):
        for version in versions(store, enterprise=enterprise):
            assert version == all_versions[version.seq]


def test_more_records_than_one_query_can_name(store: Store) -> None:
    many = [penalty(f"g{n}") for n in range(1_000)]
    assert send(store, *many) == ["accepted"] * 1_000
    ends = [penalty(f"g{n}", "delete", T0 + DAY) for n in range(1_000)]
    assert send(store, *many, *ends) == ["duplicate"] * 1_000 + ["accepted"] * 1_000
    assert len(versions(store, enterprise=FIRM)) == 2_000


def test_declarations_are_found_by_number_newest_content_first(store: Store) -> None:
    def declared(source: str, action: str, value: int) -> Record:
        payload = {"declaration_no": "n1", "enterprise": FIRM, "declared_value_fen": value}
        return make_record(
            kind="declaration", guid=f"d-{source}", source=source, action=action, event_at=T0, known_at=T0 + value,
            payload=payload if action in ("new", "change") else {},
        )  # fmt: skip

    send(store, declared("a", "new", 1), declared("b", "new", 2), declared("a", "change", 3), penalty("n1"))
    send(store, declared("b", "delete", 4))
    with store.read() as connection:
        found = record_rows.declarations_by_number(connection, ["n1", "n2"])
    assert set(found) == {"n1"}
    assert [(source, payload["declared_value_fen"]) for source, payload in found["n1"].items()] == [("b", 2), ("a", 3)]


# --- transactions ----------------------------------------------------------------------------------------------------


class RefusalError(Exception):
    pass


def test_a_write_is_undone_when_its_block_raises(store: Store) -> None:
    def write_and_fail() -> None:
        with store.write() as connection:
            record_rows.append(connection, [penalty()])
            quarantine_rows.put(connection, [quarantine_rows.Refused("o", 1, (("f", "r"),), b"raw")], received_at=T0)
            raise RefusalError

    with pytest.raises(RefusalError):
        write_and_fail()
    with store.read() as connection:
        assert (record_rows.last_seq(connection), quarantine_rows.count(connection)) == (0, 0)
    assert send(store, penalty()) == ["accepted"]


def test_a_failure_of_the_database_is_our_error_without_statement_or_values(store: Store) -> None:
    send(store, penalty(authority="secret-authority"))

    def write_twice() -> None:
        with store.write() as connection:
            record_rows.append(connection, [penalty("h"), penalty(authority="secret-authority")])

    with pytest.raises(StoreError) as caught:
        write_twice()
    assert "secret-authority" not in str(caught.value)
    assert "INSERT" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert [v.record.guid for v in versions(store)] == ["g"]


def test_readers_see_the_last_finished_write_and_do_not_wait(store: Store) -> None:
    with store.write() as writing:
        record_rows.append(writing, [penalty()])
        with store.read() as reading:
            assert record_rows.last_seq(reading) == 0
    with store.read() as reading:
        assert record_rows.last_seq(reading) > 0


def test_a_transaction_may_write_after_it_has_read_versions(store: Store) -> None:
    send(store, penalty("g"), penalty("h"))
    with store.write() as connection:
        assert len(list(record_rows.versions(connection))) == 2
        assert len(list(record_rows.since(connection, 0))) == 2
        connection.execute(delete(metadata.tables["feature_state"]))
        record_rows.append(connection, [penalty("i")])
    assert [v.record.guid for v in versions(store)] == ["g", "h", "i"]


def test_what_is_written_is_there_when_the_store_is_opened_again(store_url: str) -> None:
    with closing(open_store(store_url)) as store:
        send(store, penalty())
    with closing(open_store(store_url, migrate=False)) as store:
        assert [v.record for v in versions(store)] == [penalty()]


def test_concurrent_writers_lose_nothing_and_do_not_mix(store: Store) -> None:
    rounds, size = 20, 5
    start, failures = threading.Barrier(2), []

    def write(name: str) -> None:
        start.wait(timeout=10)
        try:
            for number in range(rounds):
                batch = [penalty(f"{name}-{number}-{n}") for n in range(size)]
                shared = penalty(f"shared-{number}")  # both send it: exactly one may store it
                send(store, *batch, shared)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
    names = [v.record.guid for v in versions(store)]
    assert len(names) == len(set(names)) == 2 * rounds * size + rounds
    for writer in ("a", "b"):
        for number in range(rounds):
            first = names.index(f"{writer}-{number}-0")
            assert names[first : first + size] == [f"{writer}-{number}-{n}" for n in range(size)]


# --- bundles, decisions, quarantine ----------------------------------------------------------------------------------


def test_a_bundle_is_kept_once_byte_for_byte(store: Store) -> None:
    content = bytes(range(256)) * 10
    for _ in range(2):
        with store.write() as connection:
            bundle_rows.keep(connection, "credit", "d1", content, stored_at=T0)
    with store.read() as connection:
        assert bundle_rows.content_of(connection, "d1") == content
        assert bundle_rows.content_of(connection, "d2") is None


@_LAWS
@given(promoted=st.lists(st.tuples(st.sampled_from(["credit", "shipment"]), st.sampled_from(["d1", "d2", "d3"]))))
def test_the_champion_is_what_was_promoted_last(store: Store, promoted: list[tuple[str, str]]) -> None:
    clear(store)
    for model, digest in promoted:
        with store.write() as connection:
            bundle_rows.promote(connection, bundle_rows.Promotion(model, digest, T0, "someone", "a reason"))
    with store.read() as connection:
        assert bundle_rows.champions(connection) == dict(promoted)


def decided(number: int, *, key: str | None = None, lane: str = "green_channel", at: int = T0) -> decision_rows.Decided:
    return decision_rows.Decided(
        id=f"dec_{number}", declaration_no="n1", enterprise=FIRM, decided_at=at, lane=lane, idempotency_key=key,
        request_digest="r" * 64, body={"z": number, "a": [0.1, 1e-300, None, "绿色通道 \u0000 🚢"]},
        evidence={"vectors": {"credit": [1.5, None, "x"]}},
    )  # fmt: skip


def test_a_decision_reads_as_it_was_written(store: Store) -> None:
    given_decisions = [decided(1, key="k" * 255), decided(2), decided(3, lane="document_review", at=T0 + DAY)]
    with store.write() as connection:
        for one in given_decisions:
            decision_rows.put(connection, one)
    with store.read() as connection:
        for one in given_decisions:
            read = decision_rows.by_id(connection, one.id)
            assert read == one
            assert list(read.body) == ["z", "a"]  # the order of the answer's fields is kept
        assert decision_rows.by_key(connection, "k" * 255) == given_decisions[0]
        assert decision_rows.by_id(connection, "dec_4") is None
        assert decision_rows.by_key(connection, "unused") is None
        assert decision_rows.lanes(connection, FIRM) == {"green_channel": 2, "document_review": 1}
        assert decision_rows.lanes(connection, OTHER) == {}
        assert decision_rows.latest_bodies(connection) == {"n1": given_decisions[2].body}
        assert decision_rows.latest_vectors(connection, "credit") == {"n1": [1.5, None, "x"]}
        assert decision_rows.latest_vectors(connection, "shipment") == {}


def test_an_idempotency_key_names_one_decision(store: Store) -> None:
    def put(one: decision_rows.Decided) -> None:
        with store.write() as connection:
            decision_rows.put(connection, one)

    put(decided(1, key="k"))
    with pytest.raises(StoreError):
        put(decided(2, key="k"))
    with store.read() as connection:
        assert decision_rows.by_key(connection, "k") == decided(1, key="k")
        assert decision_rows.by_id(connection, "dec_2") is None


@_LAWS
@given(rows=st.lists(st.tuples(st.binary(max_size=50), st.integers(1, 2**40)), max_size=6), limit=st.integers(1, 6))
def test_quarantine_keeps_the_bytes_and_shows_the_newest_first(
    store: Store, rows: list[tuple[bytes, int]], limit: int
) -> None:
    clear(store)
    refused = [
        quarantine_rows.Refused("文件.csv", line, (("HS6 Code", "不是 [a] number"), ("x", "y")), raw)
        for raw, line in rows
    ]
    with store.write() as connection:
        quarantine_rows.put(connection, refused, received_at=T0)
    with store.read() as connection:
        newest = [
            (kept.id, kept.refused) for kept in quarantine_rows.newest(connection, quarantine_rows.Filter(), limit)
        ]
        assert quarantine_rows.count(connection) == len(refused)
    assert [one for _, one in newest] == refused[::-1][:limit]
    assert [number for number, _ in newest] == sorted((number for number, _ in newest), reverse=True)


# --- opening ---------------------------------------------------------------------------------------------------------


def test_migrations_make_exactly_the_declared_schema(empty_url: str) -> None:
    with closing(open_store(empty_url)) as store, store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}


def migrate(store: Store, move: Callable[[Config, str], None], revision: str) -> None:
    with store.write() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(engine.__file__).parent.parent / "migrations"))
        config.attributes["connection"] = connection
        move(config, revision)


def test_promotions_of_an_older_database_were_made_on_trial_and_survive_the_way_back(empty_url: str) -> None:
    with closing(open_store(empty_url)) as store:
        migrate(store, command.downgrade, "0007")
        with store.write() as connection:
            connection.execute(
                text(
                    "INSERT INTO promotions (model, digest, promoted_at, promoted_by, reason) "
                    "VALUES ('credit', 'd1', 5, 'me', 'why')"
                )
            )
        migrate(store, command.upgrade, "head")
        first = bundle_rows.Promotion("credit", "d1", 5, "me", "why", seq=1)
        again = bundle_rows.Promotion("credit", "d2", 6, "you", "so", "rollback", "production", "u1", "7", 3, seq=2)
        with store.write() as connection:
            assert bundle_rows.book(connection) == [first]
            assert not bundle_rows.is_in_production(connection)
            bundle_rows.promote(connection, again)
            assert bundle_rows.book(connection, "credit") == [first, again]
            assert bundle_rows.is_in_production(connection)
        migrate(store, command.downgrade, "0007")
        migrate(store, command.upgrade, "head")
        with store.read() as connection:
            assert [(one.digest, one.promoted_by) for one in bundle_rows.book(connection)] == [
                ("d1", "me"),
                ("d2", "you"),
            ]
            assert bundle_rows.champions(connection) == {"credit": "d2"}


def test_a_proposal_is_kept_as_it_was_made_and_installed_once(store: Store) -> None:
    made = bundle_rows.Proposal("credit", "7", "d1", "production", T0, "Li Na 李娜", "lina", "why", '{"a":1}')
    with store.write() as connection:
        ids = [bundle_rows.propose(connection, one) for one in (made, replace(made, model="shipment", version="8"))]
    with store.read() as connection:
        assert bundle_rows.proposed(connection) == [
            replace(made, id=ids[0]), replace(made, id=ids[1], model="shipment", version="8")
        ]  # fmt: skip
        assert bundle_rows.proposed(connection, "credit", "7") == [replace(made, id=ids[0])]
        assert bundle_rows.proposed(connection, "credit", "8") == []
        assert bundle_rows.is_in_production(connection)
    line = bundle_rows.Promotion("credit", "d1", T0, "me", "why", proposal=ids[0])
    with store.write() as connection:
        bundle_rows.promote(connection, line)
    with pytest.raises(StoreError), store.write() as connection:
        bundle_rows.promote(connection, line)


def test_an_older_database_is_brought_up_with_its_records(empty_url: str) -> None:
    """What the first schema stored is found by the columns of later ones, and the way back works."""
    with closing(open_store(empty_url)) as store:
        payload = {
            "declaration_no": "d",
            "enterprise": "E",
            "direction": "import",
            "declared_value_fen": 5,
            "order_no": "o",
            "buyer": "b",
        }
        record = make_record(
            kind="declaration", guid="g", source="s", action="new", event_at=T0, known_at=T0, payload=payload
        )
        firm = {"enterprise": "E", "name": "n", "role": "ecommerce", "registered_on": "2026-01-01T00:00:00+08:00"}
        identity = make_record(
            kind="identity", guid="i", source="s", action="new", event_at=T0, known_at=T0, payload=firm
        )
        assert send(store, record, identity) == ["accepted", "accepted"]
        migrate(store, command.downgrade, "0001")
        migrate(store, command.upgrade, "head")
        with store.read() as connection:
            found = record_rows.current_documents(connection, ("declaration",), order_nos=["o"])
            assert list(found.values()) == [record]
            assert record_rows.dutiable_of_buyers(connection, ["b"], T0, T0 + 1) == {"b": 5}
            assert record_rows.identities(connection, ["E"]) == [identity]


def test_an_empty_database_is_refused_where_it_may_not_be_migrated(empty_url: str) -> None:
    with pytest.raises(StoreError, match=r"has schema none.*greenlane db upgrade"):
        open_store(empty_url, migrate=False)
    with closing(open_store(empty_url)):  # and the refusal changed nothing that would hinder the migration
        pass
    with closing(open_store(empty_url, migrate=False)) as store:
        assert send(store, penalty()) == ["accepted"]


@pytest.mark.parametrize("migrate", [True, False])
def test_a_schema_of_a_later_version_is_refused(store_url: str, migrate: bool) -> None:
    with closing(open_store(store_url)) as store, store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="9999"):
        open_store(store_url, migrate=migrate)


def test_a_refused_opening_leaves_no_connection_behind(postgres: Postgres) -> None:
    with postgres.database(template="template1") as url:
        with pytest.raises(StoreError) as caught:
            open_store(url, migrate=False)
        name = url.partition("?")[0].rpartition("/")[2]
        deadline = time.monotonic() + 5  # the server notices a closed connection a little later
        while postgres.connections_to(name) and time.monotonic() < deadline:
            time.sleep(0.01)
        deadline = time.monotonic() + 5  # a closed connection's server process takes a moment to end
        while postgres.connections_to(name) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert postgres.connections_to(name) == 0
        assert caught.value is not None  # the error and what its frames hold lived until here


@dataclass(frozen=True)
class Opening:
    process: "subprocess.Popen[str]"

    def outcome(self) -> str:
        out, err = self.process.communicate(timeout=60)
        return (out + err).strip().splitlines()[-1]


def test_replicas_may_open_an_empty_database_at_the_same_time(empty_url: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    program = (
        "import sys, time, pathlib; from data.store import open_store; print('ready', flush=True)\n"
        "while not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.0005)\n"
        "open_store(sys.argv[2]).close(); print('open')"
    )
    command = [sys.executable, "-c", program, str(gate), empty_url]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    gate.touch()
    assert [Opening(process).outcome() for process in processes] == ["open"] * 4


def _unusable() -> Iterator[str]:
    yield "postgresql://nobody:hunter2@127.0.0.1:1/none"  # nobody listens
    yield "postgresql://nobody:hunter2@host:port/none"
    yield "postgresql:///none?no_such_option=hunter2"
    yield "sqlite:///dev/null/below/a.db"
    yield "sqlite:////dev/null/below/a.db"
    yield "sqlite:///{tmp}"  # a folder
    yield "mysql://user:hunter2@host/name"
    yield "nonsense"
    yield "nonsense://hunter2@x"
    yield ""


@pytest.mark.parametrize("url", list(dict.fromkeys(_unusable())))
def test_a_database_that_cannot_be_used_is_a_clear_error(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "null").touch()
    with pytest.raises(StoreError) as caught:
        open_store(url.replace("{tmp}", str(tmp_path)))
    message = str(caught.value)
    assert message.startswith("the database")
    assert "hunter2" not in message
    assert "SELECT" not in message
    assert len(message.splitlines()) == 1


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"this was never a database\n" * 100)
    with pytest.raises(StoreError, match="not a database"):
        open_store(f"sqlite:///{tmp_path / 'a.db'}")
