"""What archives read of the store, on both databases: an enterprise's versions, who names whom, champions of then, peers."""

from itertools import count as numbers

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from data.errors import StoreError
from data.records import Record, Version, make_record
from data.store import Store
from data.store import bundles as bundle_rows
from data.store import decisions as decision_rows
from data.store import peers as peer_rows
from data.store import records as record_rows
from data.store.schema import peer_values
from data.times import DAY, OPEN
from tests.data_layer.test_store import FIRM, OTHER, T0, clear, decided, penalty, send, versions

_LAWS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["g1", "g2", "g3"]), st.sampled_from(["new", "new", "change", "delete", "repair"]),
        st.sampled_from([FIRM, OTHER]),
    ),
    min_size=1, max_size=16,
)  # fmt: skip


@_LAWS
@given(steps=_STEPS)
def test_an_enterprise_has_its_part_of_all_versions_with_the_same_ends(
    store: Store, steps: list[tuple[str, str, str]]
) -> None:
    """Corrections may move a record from one enterprise to another: it ends for the first all the same."""
    clear(store)
    for number, (guid, action, enterprise) in zip(numbers(), steps):
        send(store, penalty(guid, action, T0 + number * DAY, amount_fen=number, enterprise=enterprise))
    owners: dict[str, str] = {}
    parts: dict[str, list[Version]] = {FIRM: [], OTHER: []}
    for version in versions(store):
        owner = version.record.payload.get("enterprise") or owners[version.record.guid]
        owners[version.record.guid] = owner
        parts[owner].append(version)
    for enterprise, part in parts.items():
        assert versions(store, enterprise=enterprise) == part
        assert versions(store, enterprise=enterprise, kinds=["public_credit"]) == part
        assert versions(store, enterprise=enterprise, kinds=["order"]) == []


def test_the_versions_of_an_enterprise_are_found_by_index(store: Store) -> None:
    """A list of names made SQLite read all records of an archive's kinds: every table must be searched, none scanned."""
    if store.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by what the table holds")
    asked: list[tuple[str, tuple[object, ...]]] = []
    with store.read() as connection:

        @event.listens_for(connection, "before_cursor_execute")
        def noted(_connection: object, _cursor: object, statement: str, values: tuple[object, ...], *_: object) -> None:
            asked.append((statement, values))

        list(record_rows.versions(connection, enterprise=FIRM))
        (statement, values), *_ = asked
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert plan
    assert not [step for step in plan if step.startswith("SCAN")]


def _registration(guid: str, enterprise: str, known_at: int = T0, **changes: object) -> Record:
    return make_record(
        kind="identity", guid=guid, source="s", action="new", event_at=T0, known_at=known_at,
        payload={"enterprise": enterprise, "name": "n", "role": "agent"} | changes,
    )  # fmt: skip


def test_enterprises_are_found_by_whom_their_registration_names(store: Store) -> None:
    send(
        store, _registration("i1", "a", legal_person="~p1~x_y"), _registration("i2", "b", parent_enterprises=["a", 'q"%']),
        _registration("i3", "c", legal_person="~p1~xzy"), penalty("g", enterprise="d", authority="~p1~x_y"),
    )  # fmt: skip
    with store.read() as connection:
        assert record_rows.enterprises_naming(connection, "~p1~x_y") == ["a"]  # _ and % stand for themselves
        assert record_rows.enterprises_naming(connection, 'q"%') == ["b"]
        assert record_rows.enterprises_naming(connection, "a") == ["a", "b"]
        assert record_rows.enterprises_naming(connection, "~p1~") == []


def test_the_champion_of_then_is_what_had_been_promoted_by_then(store: Store) -> None:
    with store.write() as connection:
        for at, digest in ((10, "old"), (20, "new")):
            bundle_rows.promote(connection, bundle_rows.Promotion("credit", digest, at, "me", "why"))
    with store.read() as connection:
        found = [bundle_rows.champions(connection, at).get("credit") for at in (9, 10, 19, 20)]
        assert found == [None, "old", "old", "new"]
        assert bundle_rows.champions(connection) == {"credit": "new"}


def test_decisions_are_counted_and_listed_as_of_a_moment(store: Store) -> None:
    with store.write() as connection:
        for number in range(4):
            decision_rows.put(
                connection, decided(number, lane="green_channel" if number else "standard_release", at=T0 + number)
            )
    with store.read() as connection:
        enterprise = decision_rows.by_id(connection, decided(0).id).enterprise  # type: ignore[union-attr]
        assert decision_rows.lanes(connection, enterprise, T0 + 2) == {"green_channel": 1, "standard_release": 1}
        assert sum(decision_rows.lanes(connection, enterprise).values()) == 4
        latest = decision_rows.latest(connection, enterprise, T0 + 3, 2)
        assert [given.decided_at for given in latest] == [T0 + 2, T0 + 1]


def test_a_peer_table_reads_as_it_was_written_and_the_newest_of_then_is_found(store: Store) -> None:
    values = {"x": {0.1 + 0.2: 3, -1e300: 1, 0.0: 2}, "y": {}}
    rows = [
        peer_rows.PeerRow("agent", "small", "", 6, values), peer_rows.PeerRow("agent", "large", "区", 1, {}),
        peer_rows.PeerRow("platform", "small", "", 2, {}),
    ]  # fmt: skip
    with store.write() as connection:
        for at in (10, 30):
            peer_rows.put(connection, rows, as_of=at, catalogue="c", firms=9, left_out=at)
        peer_rows.put(connection, [], as_of=50, catalogue="c", firms=0, left_out=0)
    with store.read() as connection:
        found = [peer_rows.newest(connection, at) for at in (9, 10, 29, 30, OPEN)]
        assert [table and table.as_of for table in found] == [None, 10, 10, 30, 50]
        table = found[1]
        assert table is not None
        assert (table.firms, table.left_out, table.catalogue) == (9, 10, "c")
        by_band = {row.band: row for row in peer_rows.of_role(connection, table, "agent")}
        assert by_band == {"small": rows[0], "large": rows[1]}
        assert peer_rows.of_role(connection, table, "unheard of") == []


def test_a_damaged_peer_table_is_an_error_that_names_the_remedy(store: Store) -> None:
    with store.write() as connection:
        peer_rows.put(
            connection, [peer_rows.PeerRow("agent", "small", "", 1, {})], as_of=1, catalogue="c", firms=1, left_out=0
        )
        connection.execute(peer_values.update().values(content=b"x"))
    with store.read() as connection:
        table = peer_rows.newest(connection, OPEN)
        assert table is not None
        with pytest.raises(StoreError, match="greenlane features peers"):
            peer_rows.of_role(connection, table, "agent")


def test_a_steady_reading_sees_one_state(store: Store) -> None:
    send(store, penalty("g1"))
    with store.read(steady=True) as connection:
        before = record_rows.count(connection)
        send(store, penalty("g2"))
        assert record_rows.count(connection) == before
    with store.read(steady=True) as connection:
        assert record_rows.count(connection) == {"public_credit": 2}
