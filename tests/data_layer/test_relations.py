"""Legal persons, parents and papers of a trade on stored records: what was known then, however records are cut into batches."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.intake import Row, take
from data.records import Record, as_envelope, make_record
from data.snapshots import open_snapshot, write_snapshot
from data.store import Store, open_store
from data.store import records as record_rows
from data.times import DAY, OPEN, midnight

T0 = midnight(20_700)
P, Q = "~t1~" + "p" * 22, "~t1~" + "q" * 22


def record(kind: str, guid: str, payload: dict[str, Any], at: int = 0, action: str = "new", **more: Any) -> Record:
    instant = T0 + at * DAY
    return make_record(
        kind=kind, guid=guid, source=more.pop("source", "s"), action=action, event_at=instant, known_at=instant,  # type: ignore[arg-type]
        payload=payload if action in ("new", "change") else {}, **more,
    )  # fmt: skip


def identity(guid: str, enterprise: str, at: int = 0, action: str = "new", **more: Any) -> Record:
    times = {name: more.pop(name) for name in ("usable_until", "source") if name in more}
    payload = {"enterprise": enterprise, "name": "n", "role": "ecommerce", "registered_on": "2026-01-01T00:00:00+08:00"}
    return record("identity", guid, payload | more, at, action, **times)


def declared(number: str, enterprise: str, at: int, action: str = "new", **more: Any) -> Record:
    return record(
        "declaration",
        number,
        {"declaration_no": number, "enterprise": enterprise, "declared_value_fen": 5} | more,
        at,
        action,
    )


def inspected(number: str, enterprise: str, at: int) -> Record:
    payload = {"event": "inspection", "enterprise": enterprise, "declaration_no": number, "finding": "hit"}
    return record("supervision", f"i{number}", payload, at)


def intake(store: Store, batches: list[list[Record]]) -> dict[str, Record]:
    """What a store holds of each guid after some batches: the newest version."""
    for batch in batches:
        rows = [Row("test", number, lambda: b"", (one,)) for number, one in enumerate(batch)]
        with store.write() as connection:
            taken = take(connection, rows, received_at=T0 + 999 * DAY)
            assert taken.tally.rejected == 0, taken.tally.refusals
    with store.read() as connection:
        return {version.record.guid: version.record for version in record_rows.versions(connection)}


@pytest.mark.parametrize("cut", [1, 9])
def test_records_name_the_legal_person_and_parent_known_then(store: Store, cut: int) -> None:
    sent = [
        declared("d0", "F", 0),
        identity("a", "F", 1, legal_person=P, parent_enterprises=["G", "H"]),
        declared("d1", "F", 2), inspected("d1", "F", 2),
        record("public_credit", "c1", {"enterprise": "F", "event": "award", "authority": "a"}, 2),
        record("settlement", "s1", {"enterprise": "F", "subject": "tax_rebate", "amount_fen": 1}, 2),
        identity("a", "F", 3, "change", legal_person=Q),
        declared("d2", "F", 4), inspected("d2", "F", 4), declared("d3", "other", 4),
        identity("a", "F", 5, "delete"),
        declared("d4", "F", 6),
    ]  # fmt: skip
    found = intake(store, [sent[start : start + cut] for start in range(0, len(sent), cut)])
    named = {
        guid: (one.payload.get("legal_person"), one.payload.get("parent")) for guid, one in found.items() if guid != "a"
    }
    then, later, nobody = (P, "G"), (Q, None), (None, None)
    assert named == {
        "d0": nobody, "d1": then, "id1": then, "c1": then, "s1": nobody, "d2": later, "id2": later, "d3": nobody, "d4": nobody,
    }  # fmt: skip
    assert found["id1"].payload["facts"]["legal_person"] == P
    by_guid = {one.guid: one for one in sent}
    for guid in ("d1", "d2", "c1"):
        assert found[guid].digest == by_guid[guid].digest
        assert as_envelope(found[guid])["payload"] == by_guid[guid].payload
    assert "legal_person" not in as_envelope(found["id1"])["payload"]["facts"]


def test_the_identity_taken_in_last_counts_and_one_that_may_not_be_used_does_not(store: Store) -> None:
    found = intake(
        store,
        [
            [identity("a", "F", legal_person=P), identity("b", "F", legal_person=Q, usable_until=T0 + 2 * DAY)],
            [declared("d1", "F", 1)],
            [declared("d2", "F", 2)],
            [identity("a", "F", 3, "change", legal_person=P, capital_fen=1)],
            [declared("d3", "F", 3), identity("a", "E", 4, "change", legal_person=P), declared("d4", "F", 5)],
            [declared("d5", "E", 5)],
        ],
    )
    assert [found[f"d{n}"].payload.get("legal_person") for n in range(1, 6)] == [Q, P, P, None, P]


def test_the_same_record_sent_again_is_a_duplicate_also_after_its_owner_changed(store: Store) -> None:
    once = declared("d1", "F", 1)
    intake(store, [[identity("a", "F", legal_person=P), once], [identity("a", "F", 2, "change", legal_person=Q), once]])
    with store.read() as connection:
        stored = [v.record for v in record_rows.versions(connection, kinds=["declaration"])]
    assert [one.payload["legal_person"] for one in stored] == [P]


def test_a_declaration_names_who_paid_and_the_telephone_for_the_delivery(store: Store) -> None:
    order = {
        "order_no": "o", "enterprise": "F", "platform": "P", "total_fen": 5, "goods_value_fen": 5, "consignee_telephone": Q,
    }  # fmt: skip
    payment = {"payment_no": "y", "order_no": "o", "payment_firm": "Y", "platform": "P", "paid_fen": 5, "payer": P}
    papers = {"trade_mode": "9610", "direction": "import", "order_no": "o", "platform": "P"}
    found = intake(
        store,
        [
            [declared("early", "F", 0, **papers)],
            [record("order", "o", order, 1), record("payment", "p", payment, 1), declared("d", "F", 1, **papers)],
        ],
    )
    assert [found["d"].payload.get(name) for name in ("payer", "consignee_telephone")] == [P, Q]
    assert "payer" not in found["early"].payload
    assert as_envelope(found["d"])["payload"] == declared("d", "F", 1, **papers).payload


def test_snapshots_keep_what_intake_added(store: Store, tmp_path) -> None:
    intake(store, [[identity("a", "F", legal_person=P, parent_enterprises=["G"]), declared("d1", "F", 1)]])
    intake(store, [[inspected("d1", "F", 2)]])
    with store.read() as connection:
        stored = list(record_rows.versions(connection))
    written = write_snapshot(stored, tmp_path, as_of=OPEN)
    assert open_snapshot(written.folder).versions() == stored


steps = st.lists(
    st.tuples(
        st.sampled_from(["identity", "identity", "declaration", "delete"]), st.sampled_from("FG"), st.sampled_from([P, Q]),
        st.integers(0, 1), st.sampled_from("xy"),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps, st.integers(1, 4))
def test_batches_do_not_matter(events: list[tuple[str, str, str, int, str]], cut: int) -> None:
    sent: list[Record] = []
    standing: set[str] = set()
    gone: set[str] = set()
    for at, (what, enterprise, person, has_parent, guid) in enumerate(events):
        if what == "declaration":
            sent.append(declared(f"d{at}", enterprise, at))
        elif guid not in gone and (what == "identity" or guid in standing):
            more = {"legal_person": person} | ({"parent_enterprises": ["G"]} if has_parent else {})
            action = "delete" if what == "delete" else "change" if guid in standing else "new"
            (gone if what == "delete" else standing).add(guid)
            sent.append(identity(guid, enterprise, at, action, **more))
    whole = intake(open_store("sqlite://"), [sent])
    parts = intake(open_store("sqlite://"), [sent[start : start + cut] for start in range(0, len(sent), cut)])
    assert {guid: one.payload for guid, one in whole.items()} == {guid: one.payload for guid, one in parts.items()}
