"""Laws of what messages become: valid records with exact amounts, kept by guid over new, change and delete, matched when late."""

import hashlib
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.ceb.amounts import Money, TooLargeError, e5, fen, grams, instant
from data.ceb.intake import Message
from data.ceb.markdown import page
from data.ceb.payloads import KINDS, TAKEN
from data.ceb.records import records_of
from data.codes import Rate, Rates
from data.intake import Row, Taken, take
from data.payloads import MOST_LINES
from data.records import Record, Version, as_envelope, read_record
from data.store import Store
from data.store import messages as message_rows
from data.store import quarantine as quarantine_rows
from data.store import records as record_rows
from data.store.quarantine import Filter
from data.times import CHINA, DAY, HOUR, from_instant, midnight
from data.values import LARGEST_INTEGER
from tests.ceb import MESSAGE_GUID, Sent, all_rates, around, made, message_of, only, sent, uscc
from tests.reading import PSEUDONYMS, reading

NOW = midnight(20_600)  # in May 2026
READING = replace(reading(NOW), rates=all_rates())


def rows_of(raw: bytes, at: int = NOW) -> list[Row]:
    return list(Message(BytesIO(raw), origin="test.xml", reading=replace(READING, received_at=at)).rows())


def records_from(wanted: Sent) -> tuple[Record, ...]:
    (row,) = rows_of(wanted.message())
    assert not row.faults, row.faults
    return row.records


def record_from(wanted: Sent) -> Record:
    (record,) = records_from(wanted)
    return record


def faults_of(wanted: Sent) -> dict[str, str]:
    (row,) = rows_of(wanted.message())
    assert bool(row.faults) != bool(row.records)
    return dict(row.faults)


def send(store: Store, at: int, *wanted: Sent) -> Taken:
    """Take messages in at an instant, one after the other in one transaction."""
    rows = [row for one in wanted for row in rows_of(one.message(), at)]
    with store.write() as connection:
        taken = take(connection, rows, received_at=at)
    tally = taken.tally
    assert tally.accepted + tally.duplicate + tally.rejected == tally.received == len(rows)
    return taken


def stored(store: Store, *kinds: str) -> list[Version]:
    with store.read() as connection:
        return list(record_rows.versions(connection, kinds=kinds))


def quarantined(store: Store) -> list[quarantine_rows.Refused]:
    with store.read() as connection:
        return [kept.refused for kept in quarantine_rows.newest(connection, Filter(), 1_000)][::-1]


# --- every taken message becomes valid records -----------------------------------------------------------------------


def test_what_is_taken_is_what_was_asked_for() -> None:
    asked = ["303", "311", "403", "411", "505", "511", "513", "603", "621", "623", "625", "507", "509", "816"]
    assert set(asked) <= set(TAKEN)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(wanted=sent(TAKEN))
def test_a_good_body_becomes_records_that_their_types_accept(wanted: Sent) -> None:
    (row,) = rows_of(wanted.message())
    if row.faults:  # chance gives a code that was not valid yet; nothing else may be wrong
        assert all("is not in the code table" in reason for _, reason in row.faults), row.faults
        return
    assert row.records
    for record in row.records:
        assert (record.kind, record.source, record.known_at) == (KINDS[wanted.spec.number], "ceb", NOW)
        again = (
            read_record(as_envelope(record), received_at=NOW, historical=True) if record.action != "delete" else None
        )
        if again is None:
            assert record.payload == {}
            continue
        # pseudonyms are not read twice, and the digest is over what the message says
        typed = replace(READING, trusted=True).record(as_envelope(record))
        assert typed.payload == record.payload
        assert replace(again, digest="") == replace(record, digest="")


@pytest.mark.parametrize("number", TAKEN)
def test_nothing_of_a_person_is_in_a_record(number: str) -> None:
    for seed in range(20):
        wanted = made(number, seed, share=1)
        for record in records_from(wanted):
            text = str(as_envelope(record))
            for part, values in (
                (wanted.spec.head, wanted.head),
                *((wanted.spec.lines, line) for line in wanted.lines),
            ):
                assert part is not None
                for field in part.fields:
                    if field.personal and len(values[field.name]) > 3:
                        assert values[field.name] not in text, field.name


def test_messages_that_are_no_records_are_refused_with_those_that_are() -> None:
    for number in ("607", "701", "711", "792", "312", "626"):
        (reason,) = faults_of(made(number)).values()
        assert reason.startswith(f"CEB{number} is not taken as a record; taken are 303, 311, ")


def test_times_and_what_they_mean() -> None:
    day = {"appTime": "20260430235959"}
    for number, name in (("411", "payTime"), ("403", "accountingDate"), ("509", "leaveTime"), ("513", "logisticsTime")):
        record = records_from(made(number, **day, **{name: "20260401080000"}))[0]
        assert from_instant(record.event_at).astimezone(CHINA).isoformat() == "2026-04-01T08:00:00+08:00"
    assert records_from(made("311", **day))[0].event_at == instant("20260430235959")
    status = record_from(made("622", returnTime="20260430101500123", returnStatus="800", guid="G" * 36))
    assert status.guid == "G" * 36 + "#800@20260430101500123"
    assert status.event_at == instant("20260430101500")


@pytest.mark.parametrize("number", TAKEN)
def test_days_that_no_calendar_has_and_days_to_come(number: str) -> None:
    spec = made(number).spec
    for field in spec.head.fields:
        if field.format not in ("T14", "T17") or field.name in ("startTime", "endTime"):
            continue
        path = f"{spec.head.name}.{field.name}".removeprefix(".")
        assert faults_of(made(number, **{field.name: "20230229120000"})) == {path: "is not a day of the calendar"}
        assert "lies in the future" in faults_of(made(number, **{field.name: "20970101000000"}))[path]


def test_unknown_codes_are_named_with_their_table() -> None:
    declaration = made("621", lines=2, currency="142", tradeMode="9610")
    assert "InventoryHead.tradeMode" in faults_of(declaration.but(tradeMode="9999"))
    assert "code table country" in faults_of(declaration.but(country="000"))["InventoryHead.country"]
    assert list(faults_of(declaration.but_line(2, currency="000"))) == ["InventoryList[2].currency"]
    assert list(faults_of(made("603").but(fCurrency="999"))) == ["InventoryHead.fCurrency"]
    early = made("603", tradeMode="9710", appTime="20200630120000")
    assert list(faults_of(early)) == ["InventoryHead.tradeMode"]


# --- amounts ---------------------------------------------------------------------------------------------------------

decimals = st.builds(
    lambda whole, part: f"{whole}.{part}" if part else str(whole),
    st.integers(0, 10**12 - 1) | st.integers(0, 10), st.text("0123456789", max_size=5),
)  # fmt: skip


def _in(text: str, unit: int) -> int:
    return int((Decimal(text) * unit).to_integral_value(ROUND_HALF_EVEN))


@settings(max_examples=500)
@given(text=decimals)
def test_amounts_are_exact(text: str) -> None:
    assert fen(text) == _in(text, 100)
    for read, unit in ((grams, 1_000), (e5, 100_000), (Money(Rates(()), "142", date(2026, 5, 1)).millifen, 100_000)):
        if _in(text, unit) <= LARGEST_INTEGER:
            assert read(text) == _in(text, unit)
        else:
            with pytest.raises(TooLargeError):
                read(text)


@settings(max_examples=500)
@given(text=decimals, micro=st.integers(1, 40_000_000))
def test_foreign_amounts_are_rounded_once_half_to_even(text: str, micro: int) -> None:
    day = date(2026, 5, 1)
    money = Money(Rates((Rate("502", day, micro),)), "502", day)
    for read, unit in ((money.fen, 100), (money.millifen, 100_000)):
        exact = Decimal(text) * Decimal(micro) / 1_000_000 * unit
        wanted = int(exact.to_integral_value(ROUND_HALF_EVEN))
        if wanted <= LARGEST_INTEGER:
            assert read(text) == wanted


def test_half_a_fen_goes_to_the_even_one() -> None:
    assert [fen(text) for text in ("0.005", "0.015", "0.025", "0.02501", "0.02499", "1.999999"[:7])] == [
        0,
        2,
        2,
        3,
        2,
        200,
    ]


def test_values_beyond_what_records_hold_are_refused_by_name() -> None:
    order = made("311", lines=2, currency="142").but_line(1, currency="142").but_line(2, currency="142")
    assert list(faults_of(order.but_line(2, qty="10000000000.00001"))) == ["OrderList[2].qty"]
    assert not faults_of_or_none(order.but_line(2, qty="10000000000"))
    assert list(faults_of(order.but_line(1, price="99999999999"))) == ["OrderList[1].price"]
    many = made("621", lines=20, currency="142", tradeMode="1239")
    for place in range(1, 21):
        many = many.but_line(place, totalPrice="999999999999", currency="142", price="1")
    assert list(faults_of(many)) == ["InventoryList"]


def faults_of_or_none(wanted: Sent) -> tuple[tuple[str, str], ...]:
    return rows_of(wanted.message())[0].faults


def test_more_lines_than_a_record_holds() -> None:
    line = made("303", lines=1, currency="142", share=0).but_line(1, currency="142")
    most = replace(line, lines=line.lines * MOST_LINES)
    assert not faults_of_or_none(most)
    assert list(faults_of(replace(line, lines=line.lines * (MOST_LINES + 1)))) == ["OrderList"]
    arrived = made("507", lines=1, share=0)
    lines = tuple({"logisticsNo": f"W{n}"} for n in range(MOST_LINES + 1))
    assert len(rows_of(replace(arrived, lines=lines).message())[0].records) == MOST_LINES + 1


def test_an_order_in_yuan_and_in_another_currency() -> None:
    goods = {"goodsValue": "100.5", "freight": "1.005", "discount": "0", "taxTotal": "9.1", "acturalPaid": "110.60500"}
    line = {"qty": "1.5", "price": "67.00001", "totalPrice": "100.5", "currency": "142", "country": "502"}
    order = made("311", lines=1, share=0, currency="142", **goods).but_line(1, **line)
    payload = record_from(order).payload
    assert [payload[name] for name in ("goods_value_fen", "freight_fen", "discount_fen", "tax_fen", "total_fen")] == [
        10050, 100, 0, 910, 11060
    ]  # fmt: skip
    assert payload["lines"][0] | {"name": "", "specification": "", "unit": ""} == {
        "number": 1, "name": "", "specification": "", "unit": "", "currency": "142", "origin": "502",
        "quantity_e5": 150_000, "price_millifen": 6_700_001, "total_fen": 10_050,
    }  # fmt: skip
    dollars = order.but(currency="502", appTime="20260415120000").but_line(1, currency="502")
    rate = all_rates().of("502", date(2026, 4, 15))
    assert rate is not None
    abroad = record_from(dollars).payload
    assert abroad["goods_value_fen"] == _in(str(Decimal("100.5") * rate.micro_cny / 1_000_000), 100)
    assert abroad["currency"] == abroad["lines"][0]["currency"] == "502"
    bare = replace(READING, rates=Rates(()))
    records, faults = records_of(only(dollars.message()), bare)
    assert not records
    assert [field for field, _ in faults] == ["OrderHead.currency", "OrderList[1].currency"]
    assert all("greenlane rates load" in reason for _, reason in faults)
    stale = replace(READING, rates=Rates((Rate("502", date(2026, 1, 1), 7_000_000),)))
    assert records_of(only(dollars.message()), stale)[1]


def test_freight_that_is_a_rate_is_no_amount() -> None:
    export = made(
        "603", currency="142", freight="3", insuredFee="4", fCurrency="142", iCurrency="142", fFlag="1", iFlag="3"
    )
    payload = record_from(export).payload
    assert "freight_fen" not in payload
    assert payload["insurance_fen"] == 400


# --- new, change, delete ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [n for n in TAKEN if n not in ("604", "622", "816")])
def test_change_and_delete_end_the_version_before(store: Store, number: str) -> None:
    first = made(number)
    changed = first.but(appType="2", appStatus="2")
    gone = first.but(appType="3", appStatus="2")
    for place, one in enumerate((first, changed, gone)):
        assert send(store, NOW + place * HOUR, one).statuses == ("accepted",)
    found = [v for v in stored(store, KINDS[number]) if v.record.guid.startswith(first.head["guid"])]
    size = len(found) // 3
    assert [v.record.action for v in found] == ["new"] * size + ["change"] * size + ["delete"] * size
    assert [v.ended_at for v in found[: 2 * size]] == [NOW + HOUR] * size + [NOW + 2 * HOUR] * size
    assert all(v.record.payload == {} for v in found[2 * size :])
    assert send(store, NOW + 3 * HOUR, first, changed, gone).statuses == ("duplicate",) * 3
    late = send(store, NOW + 4 * HOUR, first.but(appType="2", appTime="20250101000000"))
    assert late.tally.rejected == 1
    assert "deleted" in late.tally.refusals[0].faults[0][1]


@pytest.mark.parametrize("number", TAKEN)
def test_the_same_is_a_duplicate_and_another_content_a_conflict(store: Store, number: str) -> None:
    first = made(number)
    time = "appTime" if "appTime" in first.head else "returnTime"
    other = first.but(**{time: "20210303030303"})
    assert send(store, NOW, first, first).statuses == ("accepted", "duplicate")
    if number in ("604", "622"):  # each status of a list is a record of its own
        assert send(store, NOW + HOUR, other).statuses == ("accepted",)
        return
    conflict = send(store, NOW + HOUR, other)
    assert conflict.statuses == ("rejected",)
    (refused,) = quarantined(store)
    assert refused.form == "xml"
    assert refused.faults[0] == ("guid", "is stored with other content; send the correction with action `change`")
    assert first.head["guid"].encode() in refused.raw


def test_nothing_to_change_or_delete(store: Store) -> None:
    for action in ("2", "3"):
        taken = send(store, NOW, made("311", appType=action))
        assert taken.tally.refusals[0].faults[0][0] == "guid"
    assert len(quarantined(store)) == 2
    assert not stored(store)


def test_one_body_of_several_waybills_is_taken_whole_or_not(store: Store) -> None:
    arrived = made("507", lines=3)
    arrived = replace(arrived, lines=tuple({"logisticsNo": number} for number in ("W1", "W2", "W1")))
    records = records_from(arrived)
    assert [r.payload["waybill_no"] for r in records] == ["W1", "W2"]
    assert all(r.payload["event"] == "arrived" for r in records)
    assert send(store, NOW, arrived).tally.records == 2
    more = replace(arrived, lines=({"logisticsNo": "W2"}, {"logisticsNo": "W9"}))
    taken = send(store, NOW + HOUR, more)
    assert taken.statuses == ("rejected",)
    assert len(stored(store)) == 2
    departed = made("509", lines=2)
    assert {r.payload["event"] for r in records_from(departed)} == {"departed"}
    assert record_from(made("513", logisticsStatus="S")).payload["event"] == "signed"
    assert record_from(made("513", logisticsStatus="X")).payload["event"] == "other"


# --- what documents say of each other --------------------------------------------------------------------------------


class Trade:
    """The documents of one import under 9610 that fit each other."""

    def __init__(self) -> None:
        chooser = random.Random(11)
        self.shop, self.platform, self.courier, self.bank = (uscc(chooser) for _ in range(4))
        on = {"appTime": "20260501100000"}
        buyer = {
            "buyerIdNumber": "510502199001011234",
            "buyerName": "张三",
            "buyerTelephone": "13800138000",
            "buyerIdType": "1",
        }
        trade = {"ebcCode": self.shop, "ebpCode": self.platform, "orderNo": "SO1", "currency": "142"}
        money = {"goodsValue": "100", "freight": "0", "discount": "0", "taxTotal": "0", "acturalPaid": "100"}
        line = {"qty": "1", "price": "100", "totalPrice": "100", "currency": "142", "country": "133", "unit": "007"}
        self.order = made("311", lines=1, **on, **trade, **buyer, **money, consignee="张三").but_line(1, **line)
        self.payment = made(
            "411", **on, payTime="20260501100100", orderNo="SO1", ebpCode=self.platform, payCode=self.bank, amountPaid="100",
            currency="142", payerIdNumber="510502199001011234", payerName="张三",
        )  # fmt: skip
        self.waybill = made(
            "511", **on, orderNo="SO1", logisticsNo="W1", logisticsCode=self.courier, currency="142", weight="1", freight="0",
            insuredFee="0", packNo="1", consignee="张三",
        )  # fmt: skip
        self.declaration = made(
            "621", lines=1, **on, **trade, **buyer, tradeMode="9610", logisticsNo="W1", logisticsCode=self.courier, freight="0",
            insuredFee="0", packNo="1", grossWeight="1", netWeight="0.9", country="133", invtNo="51052026I000000001",
        ).but_line(1, **line, gcode="3304990099", qty1="1", unit1="035")  # fmt: skip


def _matches(store: Store) -> list[dict[str, Any]]:
    return [v.record.payload["match"] for v in stored(store, "match")]


def test_late_documents_match_anew(store: Store) -> None:
    trade = Trade()
    send(store, NOW, trade.declaration)
    (alone,) = stored(store, "declaration")
    assert alone.record.payload["match"]
    for place, document in enumerate((trade.order, trade.payment, trade.waybill), start=1):
        send(store, NOW + place * HOUR, document)
        (_, *_), latest = stored(store, "match"), stored(store, "match")[-1].record
        assert len(stored(store, "match")) == place
        assert (latest.source, latest.known_at) == ("greenlane", NOW + place * HOUR)
        assert latest.action == ("new" if place == 1 else "change")
    whole = _matches(store)[-1]
    send(store, NOW + 5 * HOUR, trade.payment.but(appType="3"))
    assert _matches(store)[-1] != whole
    assert len(_matches(store)) == 4
    send(store, NOW + 6 * HOUR, trade.payment)  # known already: nothing changes
    assert len(_matches(store)) == 4


def test_whatever_the_order_of_arrival_the_last_match_is_the_same(store: Store) -> None:
    trade = Trade()
    before = [trade.order, trade.payment, trade.waybill]
    send(store, NOW, *before, trade.declaration)
    (declared,) = stored(store, "declaration")
    assert _matches(store) == []
    at_once = declared.record.payload["match"]
    later = Trade()
    others: Iterable[tuple[Sent, str]] = (
        (later.declaration, "orderNo logisticsNo invtNo"), (later.waybill, "orderNo logisticsNo"), (later.payment, "orderNo"),
        (later.order, "orderNo"),
    )  # fmt: skip
    for place, (document, names) in enumerate(others, start=1):
        changed = {name: document.head[name][:-1] + "9" for name in names.split()}
        send(store, NOW + place * HOUR, document.but(guid=f"{place:036d}", **changed))
    assert _matches(store)[-1] == at_once


def test_a_payment_and_a_waybill_belong_to_the_firm_of_their_order(store: Store) -> None:
    trade = Trade()
    early = trade.payment.but(guid="E" * 36, payTransactionId="early")
    send(store, NOW, early)
    send(store, NOW + HOUR, trade.order)
    send(store, NOW + 2 * HOUR, trade.payment, trade.waybill)
    first, payment, waybill = stored(store, "payment", "waybill")
    assert "enterprise" not in first.record.payload
    assert payment.record.payload["enterprise"] == waybill.record.payload["enterprise"] == trade.shop
    with store.read() as connection:
        assert len(list(record_rows.versions(connection, enterprise=trade.shop))) == 3
    elsewhere = trade.payment.but(guid="F" * 36, payTransactionId="other", ebpCode=trade.bank)
    send(store, NOW + 3 * HOUR, elsewhere)
    assert "enterprise" not in stored(store, "payment")[-1].record.payload


# --- the message itself ----------------------------------------------------------------------------------------------


def test_what_is_kept_of_a_message(store: Store) -> None:
    trade = Trade()
    signature = b'<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">abc</ds:Signature>'
    raw = trade.order.message(
        transfer={"copCode": trade.shop, "copName": "某店", "dxpMode": "DXP", "dxpId": "DXPENT0000000001"}
    )
    raw = raw.replace(b"</ceb:CEB311Message>", signature + b"</ceb:CEB311Message>")
    for place in range(2):
        message = Message(BytesIO(raw), origin="x.xml", reading=replace(READING, received_at=NOW + place))
        with store.write() as connection:
            tally = take(connection, list(message.rows()), received_at=NOW + place).tally
            message.store(connection, tally)
    with store.read() as connection:
        first, second = message_rows.by_guid(connection, MESSAGE_GUID)
    assert (first.message, first.sender, first.accepted, first.duplicate) == ("311", trade.shop, 1, 0)
    assert (second.accepted, second.duplicate, second.digest) == (0, 1, first.digest)
    assert first.digest == hashlib.sha256(raw).hexdigest()
    assert first.signature_digest == hashlib.sha256(signature).hexdigest()


def test_a_refused_body_can_be_read_again_from_quarantine(store: Store) -> None:
    body = made("311", note="<b>张三 & 李四</b>", buyerName="张三", buyerTelephone="13800138000")
    text = body.written().replace("<ceb:orderNo>", "<ceb:batchNumbers/><!-- 张三 --><ceb:orderNo a='1'>")
    text = text.replace(">张三<", "><![CDATA[张三]]><")
    for prefix, wrong in (("ceb:", "<ceb:appStatus>7<"), ("x:", "<x:appStatus>7<")):
        sent_text = text.replace("ceb:", prefix).replace(f"<{prefix}appStatus>{body.head['appStatus']}<", wrong)
        if prefix == "x:":
            sent_text = sent_text.replace("<x:Order>", '<x:Order xmlns:x="http://www.chinaport.gov.cn/ceb">', 1)
        (row,) = rows_of(around(sent_text))
        assert dict(row.faults) == {"OrderHead.appStatus": "should be 1 or 2"}
        kept = row.kept()
        assert "张三".encode() not in kept
        again = only(kept)
        assert again.faults == row.faults
        assert again.head["buyerName"] == PSEUDONYMS.of("name", "张三")
        fixed = kept.replace(b"appStatus>7<", b"appStatus>1<")
        trusted = replace(READING, trusted=True)
        (mended,) = Message(BytesIO(fixed), origin="quarantine", reading=trusted).rows()
        assert mended.records[0].payload == record_from(body).payload


def test_a_historical_import_states_when_messages_became_known() -> None:
    body = made("311", appTime="20260401080000")
    for delay, known in ((None, NOW), (DAY, instant("20260401080000") + DAY), (500 * DAY, NOW)):
        (record,), _ = records_of(only(body.message()), replace(READING, assumed_delay=delay))
        assert record.known_at == known


def test_one_message_of_many_bodies(store: Store) -> None:
    bodies = [made("311", seed) for seed in range(30)]
    with store.write() as connection:
        taken = take(connection, rows_of(message_of(bodies)), received_at=NOW)
    assert taken.statuses == ("accepted",) * 30
    assert [v.record.guid for v in stored(store, "order")] == [body.head["guid"] for body in bodies]


def test_the_page_of_messages_is_that_of_the_table() -> None:
    written = (Path(__file__).parents[2] / "docs" / "ceb.md").read_text(encoding="utf-8")
    assert written == page(), "write it anew: python -m data.ceb > docs/ceb.md"


def test_free_text_that_may_name_a_person_is_no_part_of_a_record() -> None:
    body = made("311", lines=2, note="first", buyerRegNo="a").but_line(1, note="x")
    other = body.but(note="second", buyerRegNo="b").but_line(1, note="y")
    assert record_from(body) == record_from(other)
    assert record_from(body).digest != record_from(body.but(batchNumbers="other")).digest
