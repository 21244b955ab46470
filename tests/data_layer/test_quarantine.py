"""Laws of quarantine: nothing is lost or taken twice, a fix is known from now on, persons stay pseudonyms, states add up."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from data import resubmission
from data.ceb.table import messages
from data.ceb.writer import write_body, write_message
from data.codes.rates import Rate
from data.errors import InvalidRecordError, NotFoundError, RecordConflictError
from data.importing import import_file
from data.intake import QUESTIONS, Form, question_row, take
from data.mapping import Mapping, load_mapping
from data.records import Record
from data.resubmission import Resubmitted, as_edited, dismiss, form_to_edit
from data.store import Store
from data.store import quarantine as quarantine_rows
from data.store import records as record_rows
from data.store.quarantine import STATES, Filter, Kept, Refused, Step
from data.store.reference import load_rates, rate_book
from data.store.schema import metadata, quarantine_steps
from data.times import DAY, SECOND, midnight
from tests.data_layer.files import KOREA_COLUMNS, csv_line, korea_row, write_csv, write_rows
from tests.reading import PSEUDONYMS, reading

NOW = midnight(20_600)
LATER = NOW + 3 * DAY
FIRM = "91510500MA6200001K"
PERSON, NAME, TELEPHONE = "510502199001011234", "张三", "13800138000"


def declared(guid: str = "d1", **payload: Any) -> dict[str, Any]:
    facts = {"declaration_no": f"no-{guid}", "enterprise": "e1", "declared_value_fen": 5}
    return {
        "kind": "declaration", "guid": guid, "source": "a", "event_at": "2026-01-05T00:00:00Z",
        "known_at": "2026-01-05T00:00:00Z", "payload": facts | payload,
    }  # fmt: skip


def inspected(number: str) -> dict[str, Any]:
    found = {"event": "inspection", "enterprise": "e1", "declaration_no": number, "finding": "hit"}
    return declared(f"i-{number}") | {"kind": "supervision", "payload": found}


def payment(guid: str = "5c9b3a34-95a4-4a6c-9a0c-2f6f6d1f3c55", **changes: str) -> bytes:
    """A message of one payment, as its sender writes it."""
    head = {
        "guid": guid, "appType": "1", "appTime": "20260401101500", "appStatus": "2", "payCode": FIRM, "payName": "付",
        "payTransactionId": "P1", "orderNo": "O1", "ebpCode": FIRM, "ebpName": "台", "payerIdType": "1",
        "payerIdNumber": PERSON, "payerName": NAME, "telephone": TELEPHONE, "amountPaid": "12.5", "currency": "142",
        "payTime": "20260401101400",
    }  # fmt: skip
    spec = messages()["411"]
    return write_message(spec, [write_body(spec, head | changes)], guid=guid).encode()


def import_rows(store: Store, folder: Path, *values: object, mapping: Mapping | None = None) -> list[Kept]:
    """Import JSON lines; gives what quarantine has then."""
    path = folder / "rows.jsonl"
    path.write_text("".join((v if isinstance(v, str) else json.dumps(v)) + "\n" for v in values), encoding="utf-8")
    import_file(store, path, mapping, reading=reading(NOW))
    return rows(store)


def import_message(store: Store, folder: Path, message: bytes) -> list[Kept]:
    (folder / "message.xml").write_bytes(message)
    import_file(store, folder / "message.xml", None, reading=reading(NOW))
    return rows(store)


def rows(store: Store, wanted: Filter | None = None) -> list[Kept]:
    """What is in quarantine, oldest first."""
    with store.read() as connection:
        return list(quarantine_rows.each(connection, wanted or Filter()))


def records(store: Store, kind: str) -> list[Record]:
    with store.read() as connection:
        return [v.record for v in record_rows.versions(connection, kinds=[kind])]


def resubmit(
    store: Store, row: int, raw: bytes | None = None, *, form: Form | None = None, at: int = LATER, **options: Any
) -> Resubmitted:  # fmt: skip
    with store.write() as connection:
        kept = quarantine_rows.by_id(connection, row)
        how = replace(reading(at, historical=False), trusted=True, rates=rate_book(connection))
        given_: dict[str, Any] = {"actor": "officer", "note": "", "reading": how, "form": form} | options
        return resubmission.resubmit(connection, kept, kept.raw if raw is None else raw, **given_)


def clear(store: Store) -> None:
    with store.write() as connection:
        for table in metadata.tables.values():
            connection.execute(delete(table))


def fixed(kept: Kept, **payload: Any) -> bytes:
    """The kept envelope with another payload."""
    raw = json.loads(kept.raw)
    return json.dumps(raw | {"payload": raw["payload"] | payload}).encode()


# --- steps and states ------------------------------------------------------------------------------------------------


def test_a_row_resubmitted_as_it_is_stays_refused_and_gains_a_step_only(store: Store, tmp_path: Path) -> None:
    (kept,) = import_rows(store, tmp_path, declared(declared_value_fen=-1))
    for n in range(1, 4):
        done = resubmit(store, kept.id, note="once more")
        assert (done.status, done.faults) == ("refused", kept.refused.faults)
        (again,) = rows(store)
        assert (again.state, len(again.steps), again.refused) == ("refused", n, kept.refused)
        assert again.raw == kept.raw
        assert again.steps[-1].raw is None
        assert "once more" in again.steps[-1].note
        assert kept.refused.faults[0][1] in again.steps[-1].note


def test_a_fix_is_accepted_exactly_once(store: Store, tmp_path: Path) -> None:
    (kept,) = import_rows(store, tmp_path, declared(declared_value_fen=-1))
    assert resubmit(store, kept.id, fixed(kept, declared_value_fen=7)).status == "accepted"
    assert [r.payload["declared_value_fen"] for r in records(store, "declaration")] == [7]
    for raw in (None, fixed(kept, declared_value_fen=8)):
        with pytest.raises(RecordConflictError, match=f"row {kept.id} of quarantine is settled: accepted by officer"):
            resubmit(store, kept.id, raw)
    assert len(records(store, "declaration")) == 1
    (after,) = rows(store)
    assert (after.state, len(after.steps)) == ("accepted", 1)
    assert after.refused == kept.refused  # as it came, for ever
    assert json.loads(after.raw)["payload"]["declared_value_fen"] == 7


def test_a_fix_that_is_stored_already_is_a_duplicate(store: Store, tmp_path: Path) -> None:
    (kept,) = import_rows(store, tmp_path, declared("d1"), declared("d1", declared_value_fen=-1))
    assert resubmit(store, kept.id, fixed(kept, declared_value_fen=5)) == Resubmitted("duplicate")
    assert rows(store)[0].is_settled
    assert len(records(store, "declaration")) == 1


def test_a_fix_that_contradicts_what_is_stored_is_refused(store: Store, tmp_path: Path) -> None:
    (kept,) = import_rows(store, tmp_path, declared("d1"), declared("d1", declared_value_fen=-1))
    done = resubmit(store, kept.id, fixed(kept, declared_value_fen=6))
    assert (done.status, done.faults[0][0]) == ("refused", "guid")


def test_a_fix_that_is_refused_is_the_start_of_the_next_one(store: Store, tmp_path: Path) -> None:
    (kept,) = import_rows(store, tmp_path, declared(declared_value_fen=-1, net_mass_g=-1))
    assert resubmit(store, kept.id, fixed(kept, declared_value_fen=5)).faults[0][0] == "payload.net_mass_g"
    (half,) = rows(store)
    assert json.loads(half.raw)["payload"]["declared_value_fen"] == 5
    assert resubmit(store, kept.id, fixed(half, net_mass_g=5)).status == "accepted"


@pytest.mark.parametrize("typo", [b"{", b"", b"[1", b"\xff", b"[" * 100_000, b"<a/>", b"5"])
def test_a_typo_does_not_replace_the_bytes_that_stand(store: Store, tmp_path: Path, typo: bytes) -> None:
    (kept,) = import_rows(store, tmp_path, declared(declared_value_fen=-1))
    assert resubmit(store, kept.id, typo).status == "refused"
    if typo != b"5":  # that is JSON
        assert rows(store)[0].raw == kept.raw
    assert resubmit(store, kept.id, fixed(kept, declared_value_fen=5)).status == "accepted"


def test_a_dismissed_row_stays_and_is_settled(store: Store, tmp_path: Path) -> None:
    (kept,) = import_rows(store, tmp_path, declared(declared_value_fen=-1))
    with store.write() as connection:
        dismiss(connection, kept, actor=" officer ", note="a test", at=LATER)
    (after,) = rows(store)
    assert (after.state, after.refused) == ("dismissed", kept.refused)
    assert after.steps == (Step(LATER, "officer", "dismissed", "a test"),)
    with pytest.raises(RecordConflictError):
        resubmit(store, kept.id, fixed(kept, declared_value_fen=5))
    with store.write() as connection, pytest.raises(RecordConflictError):
        dismiss(connection, after, actor="other", note="", at=LATER)


@pytest.mark.parametrize("actor", ["", " ", "x" * 101])
def test_nobody_does_anything_without_a_name(store: Store, tmp_path: Path, actor: str) -> None:
    (kept,) = import_rows(store, tmp_path, declared(declared_value_fen=-1))
    with pytest.raises(InvalidRecordError, match="actor"):
        resubmit(store, kept.id, fixed(kept, declared_value_fen=5), actor=actor)
    with store.write() as connection, pytest.raises(InvalidRecordError, match="actor"):
        dismiss(connection, kept, actor=actor, note="", at=LATER)
    assert rows(store) == [kept]
    assert records(store, "declaration") == []


def test_a_row_that_is_not_there_is_not_found(store: Store) -> None:
    for row in (1, 0, -1, 2**63 - 1, 2**70):
        with store.read() as connection, pytest.raises(NotFoundError, match=str(row)):
            quarantine_rows.by_id(connection, row)


_deeds = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["as it is", "fix", "half", "dismiss"])), max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=_deeds)
def test_whatever_is_done_nothing_is_lost_and_states_count_up_to_the_total(
    store: Store, tmp_path: Path, deeds: Sequence[tuple[int, str]]
) -> None:
    clear(store)
    bad = [declared(f"d{n}", declared_value_fen=-1, net_mass_g=-1) for n in range(4)]
    before = import_rows(store, tmp_path, *bad)
    done = 0
    for number, deed in deeds:
        kept = rows(store)[number]
        try:
            if deed == "dismiss":
                with store.write() as connection:
                    dismiss(connection, kept, actor="a", note="", at=LATER)
            else:
                changes = {"as it is": {}, "half": {"net_mass_g": 1}, "fix": {"net_mass_g": 1, "declared_value_fen": 1}}
                resubmit(store, kept.id, fixed(kept, **changes[deed]))
            done += 1
            assert not kept.is_settled
        except RecordConflictError:
            assert kept.is_settled
    after = rows(store)
    assert [(k.id, k.refused, k.received_at) for k in after] == [(k.id, k.refused, k.received_at) for k in before]
    assert len(records(store, "declaration")) == sum(k.state == "accepted" for k in after)
    with store.read() as connection:
        by_state = [quarantine_rows.count(connection, Filter(states=(state,))) for state in STATES]
        assert sum(by_state) == quarantine_rows.count(connection) == 4
        assert connection.execute(select(func.count()).select_from(quarantine_steps)).scalar_one() == done


# --- when it becomes known -------------------------------------------------------------------------------------------


def test_a_resubmitted_record_is_known_now_whatever_its_envelope_says(store: Store, tmp_path: Path) -> None:
    (kept,) = import_rows(store, tmp_path, declared(declared_value_fen=-1))
    assert b"known_at" in kept.raw
    resubmit(store, kept.id, fixed(kept, declared_value_fen=5))
    (record,) = records(store, "declaration")
    assert record.known_at == LATER
    assert record.event_at < record.known_at


def test_an_archive_and_a_replay_have_their_own_time(store: Store, tmp_path: Path) -> None:
    bad = [declared(f"d{n}", declared_value_fen=-1) for n in range(3)]
    first, second, third = import_rows(store, tmp_path, *bad)
    archive = replace(reading(LATER), trusted=True)
    resubmit(store, first.id, fixed(first, declared_value_fen=5), reading=archive)
    known = {r.guid: r.known_at for r in records(store, "declaration")}
    event_at = records(store, "declaration")[0].event_at
    assert known["d0"] == event_at
    resubmit(store, second.id, fixed(second, declared_value_fen=5), replayed_to=event_at + SECOND)
    resubmit(store, third.id, fixed(third, declared_value_fen=5), replayed_to=event_at - DAY)
    known = {r.guid: r.known_at for r in records(store, "declaration")}
    assert (known["d1"], known["d2"]) == (event_at + SECOND, event_at)


def test_an_inspection_is_accepted_once_its_declaration_has_arrived(store: Store, tmp_path: Path) -> None:
    (kept,) = import_rows(store, tmp_path, inspected("no-d1"))
    assert resubmit(store, kept.id).faults[0][0] == "payload.declaration_no"
    import_rows(store, tmp_path, declared("d1"))
    assert resubmit(store, kept.id) == Resubmitted("accepted")
    (found,) = records(store, "supervision")
    assert found.payload["facts"]["declared_value_fen"] == 5
    assert found.known_at == LATER


def test_a_question_that_was_refused_is_not_taken_for_a_record(store: Store) -> None:
    raw = declared() | {"action": "delete", "payload": {}}
    with store.write() as connection:
        take(connection, [question_row(raw, reading=reading(NOW))], received_at=NOW)
    (kept,) = rows(store)
    assert kept.refused.origin == QUESTIONS
    assert resubmit(store, kept.id).faults == kept.refused.faults


# --- forms -----------------------------------------------------------------------------------------------------------


def test_a_message_is_fixed_and_its_person_is_the_one_of_other_records(store: Store, tmp_path: Path) -> None:
    (kept,) = import_message(store, tmp_path, payment(amountPaid="-12.5"))
    assert (kept.form, form_to_edit(kept), as_edited(kept)) == ("xml", "xml", kept.raw)
    for secret in (PERSON, NAME, TELEPHONE):
        assert secret.encode() not in kept.raw
    assert resubmit(store, kept.id).faults == kept.refused.faults
    assert rows(store)[0].raw == kept.raw
    assert resubmit(store, kept.id, kept.raw.replace(b"-12.5", b"12.5")).status == "accepted"
    other = "6c9b3a34-95a4-4a6c-9a0c-2f6f6d1f3c55"
    import_message(store, tmp_path, payment(other, payTransactionId="P2"))
    one, two = records(store, "payment")
    for name, domain, person in (
        ("payer", "identity", PERSON), ("payer_name", "name", NAME), ("payer_telephone", "telephone", TELEPHONE)
    ):  # fmt: skip
        assert one.payload[name] == two.payload[name] == PSEUDONYMS.of(domain, person)  # type: ignore[arg-type]
    assert (one.known_at, one.payload["paid_fen"]) == (LATER, 1_250)


def test_a_message_waits_for_rates(store: Store, tmp_path: Path) -> None:
    (kept,) = import_message(store, tmp_path, payment(currency="502"))
    assert kept.refused.faults[0][0] == "PaymentHead.currency"
    assert resubmit(store, kept.id).status == "refused"
    with store.write() as connection:
        load_rates(connection, [Rate("502", date(2026, 4, 1), 7_000_000)], at=NOW)
    assert resubmit(store, kept.id) == Resubmitted("accepted")
    assert records(store, "payment")[0].payload["paid_fen"] == 8_750


def test_a_message_of_several_bodies_or_none_is_no_row(store: Store, tmp_path: Path) -> None:
    (kept,) = import_message(store, tmp_path, payment(amountPaid="-12.5"))
    body = kept.raw.partition(b"<ceb:Payment>")[2].partition(b"</ceb:Payment>")[0].replace(b"-12.5", b"12.5")
    one = b"<ceb:Payment>" + body + b"</ceb:Payment>"
    head, _, _ = kept.raw.partition(b"<ceb:Payment>")
    for bodies in (b"", one + one):
        done = resubmit(store, kept.id, head + bodies + b"</ceb:CEB411Message>")
        assert (done.status, done.faults[0][0]) == ("refused", "message")
    assert records(store, "payment") == []
    assert rows(store)[0].raw == kept.raw


def test_a_row_of_korea_is_fixed_with_or_without_its_header(store: Store, tmp_path: Path) -> None:
    bad = [korea_row(n, Item_Price="free", Office_ID='two\nlines, "quoted"') for n in range(2)]
    path = write_csv(tmp_path / "a.csv", KOREA_COLUMNS, [csv_line(list(row.values())) for row in bad])
    import_file(store, path, load_mapping("korea"), reading=reading(NOW))
    first, second = rows(store)
    assert (first.form, form_to_edit(first)) == ("csv", "csv")
    assert as_edited(first) == csv_line(KOREA_COLUMNS) + b"\n" + csv_line(list(bad[0].values())) + b"\n"
    for raw in (first.raw, as_edited(first)):
        assert resubmit(store, first.id, raw).faults == first.refused.faults
        assert rows(store)[0].raw == first.raw
    good = [csv_line(list((row | {"Item Price": "5", "Office ID": "AA"}).values())) for row in bad]
    half = as_edited(first).replace(b"free", b"still free")
    assert resubmit(store, first.id, half).status == "refused"
    assert rows(store)[0].raw == first.raw.replace(b"free", b"still free")  # without the header
    assert resubmit(store, first.id, good[0] + b"\r\n").status == "accepted"
    assert (
        resubmit(store, second.id, b"\xef\xbb\xbf" + csv_line(KOREA_COLUMNS) + b"\r\n" + good[1]).status == "accepted"
    )
    assert {r.known_at for kind in ("declaration", "supervision") for r in records(store, kind)} == {LATER}
    assert len(records(store, "declaration")) == len(records(store, "supervision")) == 2


@pytest.mark.parametrize("raw", [b"", b"\n", b"a,b\n", b"a\nb\n"])
def test_cells_that_are_no_row_are_refused(store: Store, tmp_path: Path, raw: bytes) -> None:
    import_file(
        store, write_rows(tmp_path / "a.csv", [korea_row(1, Fraud="?")]), load_mapping("korea"), reading=reading(NOW)
    )
    (kept,) = rows(store)
    assert resubmit(store, kept.id, raw).faults[0][0] == "row"
    assert rows(store)[0].raw == kept.raw


def test_a_mapped_row_may_be_written_as_json_and_stays_so(store: Store, tmp_path: Path) -> None:
    import_file(
        store, write_rows(tmp_path / "a.csv", [korea_row(1, Fraud="?")]), load_mapping("korea"), reading=reading(NOW)
    )
    (kept,) = rows(store)
    assert resubmit(store, kept.id, json.dumps(korea_row(1, Fraud="??")).encode(), form="json").status == "refused"
    (half,) = rows(store)
    assert (half.form, json.loads(half.raw)["Fraud"]) == ("json", "??")
    assert resubmit(store, kept.id, half.raw.replace(b"??", b"1")).status == "accepted"
    assert records(store, "supervision")[0].payload["finding"] == "hit"


def test_a_ragged_row_is_mended_as_csv(store: Store, tmp_path: Path) -> None:
    cells = csv_line(list(korea_row(1).values()))
    path = write_csv(tmp_path / "a.csv", KOREA_COLUMNS, [cells + b",more"])
    import_file(store, path, load_mapping("korea"), reading=reading(NOW))
    (kept,) = rows(store)
    assert (kept.form, form_to_edit(kept)) == ("text", "csv")
    assert resubmit(store, kept.id).faults[0][0] == "row"
    assert resubmit(store, kept.id, cells, form="csv").status == "accepted"


@pytest.mark.parametrize("ending", [".parquet", ".jsonl"])
def test_rows_of_typed_files_are_read_again_as_they_were(store: Store, tmp_path: Path, ending: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = {"number": 1, "at": "2026-01-01", "person": PERSON, "value": -5.0}
    mapping = own_mapping(tmp_path)
    if ending == ".parquet":
        moment = datetime(2026, 1, 1, 9, tzinfo=UTC)
        pq.write_table(
            pa.table({name: [moment if name == "at" else value] for name, value in row.items()}), tmp_path / "a.parquet"
        )
    else:
        (tmp_path / "a.jsonl").write_text(json.dumps(row))
    import_file(store, tmp_path / f"a{ending}", mapping, reading=reading(NOW))
    (kept,) = rows(store)
    assert kept.form == "json"
    assert PERSON.encode() not in kept.raw
    assert resubmit(store, kept.id, mappings=lambda _name: mapping).faults == kept.refused.faults
    assert (
        resubmit(store, kept.id, kept.raw.replace(b"-5.0", b"5"), mappings=lambda _name: mapping).status == "accepted"
    )
    (record,) = records(store, "declaration")
    assert record.payload["buyer"] == PSEUDONYMS.of("identity", PERSON)


OWN = """
name: own
title: t
source: s
columns: [number, at, person, value]
records:
  - kind: declaration
    guid: "g-{number}"
    event_at: {column: at, format: "%Y-%m-%d", zone: Asia/Seoul}
    fields:
      declaration_no: number
      enterprise: {const: e1}
      buyer: person
      declared_value_fen: {column: value, scale: 1}
"""


def own_mapping(folder: Path) -> Mapping:
    (folder / "own.yaml").write_text(OWN, encoding="utf-8")
    return load_mapping(str(folder / "own.yaml"))


def test_a_mapping_of_one_s_own_has_to_be_named(store: Store, tmp_path: Path) -> None:
    mapping = own_mapping(tmp_path)
    path = write_csv(tmp_path / "a.csv", mapping.columns, [b"1,2026-01-01," + PERSON.encode() + b",-5"])
    import_file(store, path, mapping, reading=reading(NOW))
    (kept,) = rows(store)
    assert PSEUDONYMS.of("identity", PERSON).encode() in kept.raw
    done = resubmit(store, kept.id)
    assert done.faults[0][0] == "mapping"
    assert "--mapping" in done.faults[0][1]
    assert resubmit(store, kept.id, kept.raw.replace(b"-5", b"-6"), mappings=lambda _name: mapping).status == "refused"
    assert rows(store)[0].raw == kept.raw.replace(b"-5", b"-6")
    assert resubmit(store, kept.id, kept.raw.replace(b"-5", b"5"), mappings=lambda _name: mapping) == Resubmitted(
        "accepted"
    )
    assert records(store, "declaration")[0].payload["buyer"] == PSEUDONYMS.of("identity", PERSON)


@pytest.mark.parametrize("form", ["json", "xml"])
def test_text_that_nothing_could_read_is_written_anew(store: Store, tmp_path: Path, form: Form) -> None:
    (kept,) = import_rows(store, tmp_path, '{"kind": "declaration", ' + PERSON)
    assert kept.form == form_to_edit(kept) == "text"
    assert PERSON.encode() not in kept.raw
    assert "form" in resubmit(store, kept.id).faults[0][1]
    assert resubmit(store, kept.id, b"a,b", form="csv").faults[0][0] == "row"
    good = json.dumps(declared()).encode() if form == "json" else payment()
    bad = good.replace(b'"declared_value_fen": 5', b'"declared_value_fen": -5').replace(b">12.5<", b">-12.5<")
    assert resubmit(store, kept.id, bad, form=form).status == "refused"
    (half,) = rows(store)
    assert half.form == form_to_edit(half) == form  # and it need not be said again
    assert (
        resubmit(
            store, kept.id, half.raw.replace(b"-12.5", b"12.5").replace(b"-5", b"5", 1) if form == "xml" else good
        ).status
        == "accepted"
    )


# --- persons ---------------------------------------------------------------------------------------------------------


def test_what_is_typed_into_a_fix_is_kept_without_persons(store: Store, tmp_path: Path) -> None:
    (kept,) = import_rows(store, tmp_path, declared(declared_value_fen=-1, buyer=PERSON))
    pseudonym = PSEUDONYMS.of("identity", PERSON)
    assert json.loads(kept.raw)["payload"]["buyer"] == pseudonym
    other = "510502198002023456"
    resubmit(store, kept.id, fixed(kept, buyer=other, remark=other, buyer_name=NAME))
    (half,) = rows(store)
    text = repr([(k.refused, k.steps) for k in rows(store)]) + half.raw.decode()
    assert other not in text
    assert NAME not in text
    assert json.loads(half.raw)["payload"]["buyer"] == PSEUDONYMS.of("identity", other)
    good = fixed(kept, declared_value_fen=5)  # with the pseudonym that quarantine gave out
    assert resubmit(store, kept.id, good).status == "accepted"
    import_rows(store, tmp_path, declared("d2", buyer=PERSON))
    assert [r.payload["buyer"] for r in records(store, "declaration")] == [pseudonym, pseudonym]


# --- filters ---------------------------------------------------------------------------------------------------------

_words = st.sampled_from(["a", "A", "b", "ab", "%", "_", "\\", '"', '","', "中", "\x00", "[[", "é", "E", "\n", " "])
_texts = st.lists(_words, min_size=1, max_size=3).map("".join)
_faults = st.lists(st.tuples(_texts, _texts), min_size=1, max_size=3).map(tuple)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    kept=st.lists(st.tuples(_texts, _faults, st.sampled_from(["json", "csv"])), max_size=6),
    origin=st.none() | _texts, field=st.none() | _texts, reason=st.none() | _texts, form=st.none() | st.just("csv"),
)  # fmt: skip
def test_filters_are_exact(
    store: Store, kept: list[tuple[str, tuple[tuple[str, str], ...], str]], origin: str | None, field: str | None,
    reason: str | None, form: str | None,
) -> None:  # fmt: skip
    clear(store)
    origin = origin and origin.replace("\x00", "\ufffd")
    with store.write() as connection:
        refused = [Refused(name.replace("\x00", "\ufffd"), 1, faults, b"", form=how) for name, faults, how in kept]
        quarantine_rows.put(connection, refused, received_at=NOW)
    wanted = Filter(origin=origin, field=field, reason=reason, form=form)
    expected = [
        r for r in refused
        if (origin is None or origin in r.origin) and (form is None or r.form == form)
        and (field is None or any(field in f for f, _ in r.faults))
        and (reason is None or any(reason in why for _, why in r.faults))
    ]  # fmt: skip
    assert [k.refused for k in rows(store, wanted)] == expected
    with store.read() as connection:
        assert quarantine_rows.count(connection, wanted) == len(expected)
        paged: list[Kept] = []
        while page := quarantine_rows.newest(connection, wanted, 2, paged[-1].id if paged else None):
            paged += page
    assert [k.refused for k in paged] == expected[::-1]


def test_many_rows_are_paged_and_none_is_passed_over(store: Store) -> None:
    with store.write() as connection:
        for n in range(450):
            fault = ("f", "r") if n % 300 == 0 else ("g", "f")  # the text that is looked for, but not in a field
            refused = Refused("o", n, (fault,), b"")
            quarantine_rows.put(connection, [refused], received_at=NOW + n)
    with store.read() as connection:
        assert len(list(quarantine_rows.each(connection, Filter()))) == 450
        assert [k.refused.line for k in quarantine_rows.newest(connection, Filter(field="f"), 5)] == [300, 0]
        days = Filter(since=NOW + 10, until=NOW + 20)
        assert [k.refused.line for k in quarantine_rows.each(connection, days)] == list(range(10, 20))
        some = tuple(k.id for k in quarantine_rows.newest(connection, Filter(), 3))
        assert {k.id for k in quarantine_rows.each(connection, Filter(ids=some))} == set(some)


@pytest.mark.parametrize("text", ["a", "A", "É", "é"])
def test_capitals_count_in_filters_on_each_database(store: Store, text: str) -> None:
    refused = [Refused(name, 1, ((name, name),), b"") for name in ("a", "A", "É", "é")]
    with store.write() as connection:
        quarantine_rows.put(connection, refused, received_at=NOW)
    for wanted in (Filter(origin=text), Filter(field=text), Filter(reason=text)):
        assert [k.refused.origin for k in rows(store, wanted)] == [text]
