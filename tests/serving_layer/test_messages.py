"""CEB messages over HTTP: each body is answered in the receipt, other formats are counted, and no answer or log names a person."""

import json
import logging
import random
from typing import Any

import httpx
import pytest

from data.ceb.payloads import TAKEN
from data.ceb.receipts import receipt_of
from data.ceb.table import messages
from tests.ceb import MESSAGE_GUID, Sent, around, made, message_of, pieces_of
from tests.data_layer.test_persons import MESSAGES, RECORDS, broken_lines, demand_clean, demand_nothing_of
from tests.serving_layer.service import Service, declaration, demand_nothing_inside, demand_problem

XML, LINES = "application/xml", "application/x-ndjson"
ANSWERED = tuple(number for number in TAKEN if receipt_of(messages()[number]))


def post(service: Service, raw: bytes, kind: str = XML) -> httpx.Response:
    return service.client.post("/v1/records", content=raw, headers={"Content-Type": kind})


def answered(response: httpx.Response, request: str) -> list[dict[str, str]]:
    """The heads of a receipt, which our own reader finds valid."""
    assert response.status_code == 200, response.text[:500]
    assert response.headers["content-type"].split(";")[0] == XML
    opening, *bodies = pieces_of(response.content)
    assert opening.spec.number == str(int(request) + 1)  # type: ignore[union-attr]
    assert all(not body.faults for body in bodies), bodies  # type: ignore[union-attr]
    return [dict(body.head) for body in bodies]  # type: ignore[union-attr]


def fresh(number: str, seed: int, **head: str) -> Sent:
    """A good body under a guid of its own, in yuan (the service knows no rates)."""
    given = {"currency": "142", "fCurrency": "142", "iCurrency": "142", "appTime": "20260101080000"} | head
    known = messages()[number].head.by_name
    body = made(number, seed, **{name: value for name, value in given.items() if name in known})
    for place, line in enumerate(body.lines, start=1):
        if "currency" in line:
            body = body.but_line(place, currency="142")
    return body


@pytest.mark.parametrize("number", ANSWERED)
def test_each_body_is_answered(shared: Service, number: str) -> None:
    good, bad = fresh(number, 1), fresh(number, 2)
    wrong = bad.but(appStatus="7")
    spoilt = fresh(number, 3).written().replace("</ceb:appTime>", "", 1)
    raw = around(good.written() + wrong.written() + spoilt + good.written(), number)
    first, second, third, fourth = answered(post(shared, raw), number)
    assert (first["guid"], first["returnStatus"]) == (good.head["guid"], "120")
    assert first["returnInfo"].startswith("入库")
    assert (second["guid"], second["returnStatus"]) == (bad.head["guid"], "100")
    assert "appStatus should be 1 or 2" in second["returnInfo"]
    assert (third["guid"], third["returnStatus"]) == ("00000000-0000-0000-0000-000000000000", "100")
    assert "is not well-formed" in third["returnInfo"]
    assert (fourth["returnStatus"], fourth["returnInfo"]) == ("120", "重复 known already")
    spec = messages()[str(int(number) + 1)]
    for name in spec.head.names:
        if name in good.head:
            assert first[name] == good.head[name]
    (again,) = answered(post(shared, good.message()), number)
    assert again["returnInfo"] == "重复 known already"
    kept = [row for row in shared.quarantined() if row.origin == "api" and bad.head["guid"].encode() in row.raw]
    assert kept[-1].faults[0][0].endswith("appStatus")


def test_a_conflict_is_answered_with_its_reason(shared: Service) -> None:
    body = fresh("311", 20)
    answered(post(shared, body.message()), "311")
    (head,) = answered(post(shared, body.but(orderNo="another").message()), "311")
    assert (head["returnStatus"], head["orderNo"]) == ("100", "another")
    assert "guid is stored with other content" in head["returnInfo"]
    changed = body.but(appType="2", orderNo="another")
    assert answered(post(shared, changed.message()), "311")[0]["returnStatus"] == "120"
    assert answered(post(shared, body.but(appType="3").message()), "311")[0]["returnStatus"] == "120"


def test_what_is_wrong_is_not_repeated_in_the_receipt(shared: Service) -> None:
    body = fresh("311", 21).but(orderNo="x" * 61, ebpCode="91510500MA6200001A", guid="short")
    (head,) = answered(post(shared, body.message()), "311")
    assert "orderNo" not in head
    assert "ebpCode" not in head
    for field in ("OrderHead.orderNo", "OrderHead.ebpCode", "OrderHead.guid"):
        assert field in head["returnInfo"]


def test_prefixes_and_other_names_of_the_type(shared: Service) -> None:
    for seed, (prefix, kind) in enumerate(
        [("", "text/xml"), ("x:", "application/xml; charset=utf-8"), ("ceb:", "APPLICATION/XML")]
    ):
        assert answered(post(shared, fresh("411", 40 + seed).message(prefix), kind), "411")[0]["returnStatus"] == "120"


def test_a_tax_bill_has_no_receipt_here_and_is_counted(shared: Service) -> None:
    good = fresh("816", 1)
    found = post(shared, message_of([good, good])).json()
    assert (found["received"], found["accepted"], found["duplicate"]) == (2, 1, 1)
    problem = demand_problem(post(shared, good.but(taxNo="x" * 31).message()), 422, "invalid-record")
    assert problem["faults"][0]["field"] == "1.TaxHeadRd.taxNo"


@pytest.mark.parametrize("raw", [b"", b"  ", b"<a/>", b"{}", b"<!DOCTYPE a><a/>", "<a/>".encode("utf-16"), b"\x00\xff"])
def test_what_is_no_message_is_a_problem(shared: Service, raw: bytes) -> None:
    demand_problem(post(shared, raw), 400, "malformed-body")


def test_other_types_are_refused(shared: Service) -> None:
    for kind in (
        "text/plain",
        "application/octet-stream",
        "multipart/form-data",
        "application/xhtml+xml",
        "xml",
        "text/csv",
    ):
        demand_problem(post(shared, fresh("311", 1).message(), kind), 415, "unsupported-body")


def test_lines_are_counted_and_a_broken_one_costs_itself(shared: Service, now: int) -> None:
    at = now - 10**10
    rows = [json.dumps(declaration(f"line-{n}", at)).encode() for n in range(3)]
    raw = b"\n".join([rows[0], b"", b'{"kind": ', rows[1], rows[1], b"[]", b"1", b"\xff\xfe", rows[2], b"  "])
    found = post(shared, raw, LINES).json()
    counted = {name: found[name] for name in ("received", "accepted", "duplicate", "rejected")}
    assert counted == {"received": 8, "accepted": 3, "duplicate": 1, "rejected": 4}
    assert [refusal["line"] for refusal in found["refusals"]] == [3, 6, 7, 8]
    demand_problem(post(shared, b"{\n", LINES), 422, "invalid-record")
    demand_problem(post(shared, b"\n\n", LINES), 400, "malformed-body")


def test_too_many_at_once_are_refused_before_they_are_kept(shared: Service) -> None:
    before = len(shared.quarantined())
    demand_problem(post(shared, b"{}\n" * 10_001, LINES), 400, "malformed-body")
    demand_problem(post(shared, b"x\n" * 10_001, LINES), 400, "malformed-body")
    demand_problem(post(shared, around("<ceb:Order/>" * 10_001)), 400, "malformed-body")
    assert len(shared.quarantined()) == before


def test_bytes_turned_about_are_always_answered(shared: Service) -> None:
    chooser = random.Random(9)
    source = message_of([fresh("311", 60), fresh("311", 61)])
    for _ in range(150):
        raw = bytearray(source)
        for _ in range(chooser.randint(1, 4)):
            raw[chooser.randrange(len(raw))] = chooser.randrange(256)
        response = post(shared, bytes(raw))
        assert response.status_code in (200, 400, 422), response.text[:300]
        demand_nothing_inside(response)


# --- persons ---------------------------------------------------------------------------------------------------------


def test_no_answer_log_or_table_names_a_person(bare: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    lines = [json.dumps(raw, ensure_ascii=False).encode() for raw in RECORDS.values()] + broken_lines()
    sent: list[tuple[Any, str]] = [(raw, XML) for raw in MESSAGES.values()]
    sent += [(json.dumps(raw).encode(), "application/json") for raw in (*RECORDS.values(), list(RECORDS.values()))]
    sent += [(line, "application/json") for line in broken_lines()] + [(b"\n".join(lines), LINES)]
    for raw, kind in sent:
        response = post(bare, raw, kind)
        assert response.status_code in (200, 400, 422), response.text[:300]
        demand_nothing_of(response.content, kind)
        demand_nothing_of(str(response.headers), kind)
    for raw in RECORDS.values():
        demand_nothing_of(bare.decide(raw).content, "decision")
    demand_nothing_of(caplog.text, "log")
    with bare.store() as store:
        assert demand_clean(store) > 500
    assert MESSAGE_GUID
