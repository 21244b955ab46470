"""Laws of reading messages: what was written is read, by whichever way; what breaks the table is named by its field."""

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import data.ceb.reader
from data.ceb.bodies import Body, read_plainly
from data.ceb.reader import Damage, Extra, Opening, read_message
from data.ceb.table import NAMESPACE, FieldSpec, Part, messages
from tests.ceb import (
    MESSAGE_GUID,
    NUMBERS,
    PREFIXES,
    Sent,
    around,
    bodies_of,
    built,
    made,
    message_of,
    only,
    pieces_of,
    sent,
)  # fmt: skip


def law(examples: int) -> settings:
    """How often a law is tried."""
    return settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])


WITH_LINES = tuple(number for number in NUMBERS if messages()[number].lines)


@contextmanager
def carefully() -> Iterator[None]:
    """Nothing is read by the fast path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data.ceb.reader, "read_plainly", lambda *_: None)
        yield


def _said(body: Body) -> tuple[object, ...]:
    return body.spec.number, body.number, dict(body.head), tuple(map(dict, body.lines)), body.faults


def demand_same(body: Body, wanted: Sent) -> None:
    assert body.faults == ()
    assert dict(body.head) == wanted.head
    assert list(body.head) == list(wanted.head)
    assert tuple(map(dict, body.lines)) == wanted.lines


# --- what was written is read ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", NUMBERS)
@law(6)
@given(data=st.data(), prefix=st.sampled_from(PREFIXES))
def test_written_and_read(number: str, data: st.DataObject, prefix: str) -> None:
    wanted = data.draw(st.lists(sent([number]), min_size=1, max_size=3))
    raw = message_of(wanted, prefix)
    opening, *bodies = pieces_of(raw)
    assert opening == Opening(messages()[number], MESSAGE_GUID)
    assert len(bodies) == len(wanted)
    for place, (body, one) in enumerate(zip(bodies, wanted, strict=True), start=1):
        assert isinstance(body, Body)
        demand_same(body, one)
        assert body.number == place
        assert body.raw == one.written(prefix)


@pytest.mark.parametrize("number", NUMBERS)
def test_all_fields_and_only_what_is_required(number: str) -> None:
    for share in (0.0, 1.0):
        for seed in range(4):
            wanted = built(number, random.Random(seed), share=share)
            demand_same(only(wanted.message()), wanted)


@law(150)
@given(wanted=sent(), prefix=st.sampled_from(PREFIXES))
def test_both_ways_read_the_same(wanted: Sent, prefix: str) -> None:
    raw = wanted.message(prefix)
    by_table = only(raw)
    with carefully():
        by_parser = only(raw)
    assert _said(by_table) == _said(by_parser)
    assert by_table.raw == by_parser.raw


@pytest.mark.parametrize("number", NUMBERS)
def test_plain_text_is_read_by_the_fast_path(number: str) -> None:
    for seed, prefix in enumerate(PREFIXES):
        wanted = made(number, seed, share=0.7)
        text = wanted.written(prefix)
        assert read_plainly(wanted.spec, prefix, text, 0, 1) == (only(wanted.message(prefix)), len(text))


def _fields(text: str) -> list[tuple[int, int]]:
    """Where each field without elements of its own stands in a body."""
    return [m.span() for m in re.finditer(r"<([\w.:\-]+)>[^<]*</\1>", text)]


def _entities(text: str, chooser: random.Random) -> str:
    def one(match: re.Match[str]) -> str:
        character = match[0]
        return chooser.choice((character, f"&#{ord(character)};", f"&#x{ord(character):X};"))

    return re.sub(r"(?<=>)[^<&]+(?=<)", lambda value: re.sub(".", one, value[0]), text)


def _cdata(text: str, chooser: random.Random) -> str:
    return re.sub(r"(?<=>)[^<&>]+(?=<)", lambda m: f"<![CDATA[{m[0]}]]>" if chooser.random() < 0.4 else m[0], text)


def _comments(text: str, chooser: random.Random) -> str:
    marks = ("<!-- </ceb:Order> -->", "<?pi <a> ?>", "<!---->", "")
    return re.sub(r"(?<=>)(?=<)", lambda _: chooser.choice(marks), text)


def _blanks(text: str, chooser: random.Random) -> str:
    spaced = re.sub(r"(?<=>)(?=<)", lambda _: chooser.choice(("\n\t", " ", "\r\n    ", "")), text)
    return re.sub(r"(?<=[^<>/])(?=>)", lambda _: chooser.choice(("", "", " ", "\n")), spaced)


def _reordered(text: str, chooser: random.Random) -> str:
    spans = [span for span in _fields(text) if not text[span[0] : span[1]].startswith(("<gnum", "<ceb:gnum"))]
    spans = [s for s in spans if "List" not in text[: s[0]]]  # fields of the head
    parts = [text[a:b] for a, b in spans]
    chooser.shuffle(parts)
    for (begin, end), part in sorted(zip(spans, parts, strict=True), reverse=True):
        text = text[:begin] + part + text[end:]
    return text


def _padded(text: str, chooser: random.Random) -> str:
    return re.sub(
        r"(?<=>)([^<]+)(?=<)", lambda m: chooser.choice(("", " ", "\n\t")) + m[1] + chooser.choice(("", "\r\n")), text
    )


def _with_empties(text: str, chooser: random.Random) -> str:
    spec_name = re.match(r"<ceb:(\w+)>", text)
    assert spec_name is not None
    absent = [n for n in ("note", "billNo", "preNo", "loctNo", "payCode", "batchNumbers") if f"<ceb:{n}>" not in text]
    empty = "".join(chooser.choice((f"<ceb:{n}/>", f"<ceb:{n}></ceb:{n}>", f"<ceb:{n}> \n</ceb:{n}>")) for n in absent)
    return re.sub(r"(?=<ceb:appStatus>)", empty, text, count=1)


def _attributes(text: str, chooser: random.Random) -> str:
    return re.sub(r"<([\w:]+)>", lambda m: f"<{m[1]} a='>' xml:lang=\"zh\">" if chooser.random() < 0.2 else m[0], text)


WRITINGS: list[Callable[[str, random.Random], str]] = [
    _entities, _blanks, _cdata, _comments, _reordered, _padded, _attributes,
]  # fmt: skip


@law(200)
@given(wanted=sent(), ways=st.lists(st.sampled_from(WRITINGS), min_size=1, max_size=3), seed=st.integers(0, 2**30))
def test_other_writings_of_the_same_are_read_the_same(
    wanted: Sent, ways: list[Callable[[str, random.Random], str]], seed: int
) -> None:
    text = wanted.written()
    for way in sorted(set(ways), key=WRITINGS.index):
        text = way(text, random.Random(seed))
    body = only(around(text, wanted.spec.number))
    demand_same(body, wanted)
    assert body.raw == text


@pytest.mark.parametrize("number", ["311", "411", "511", "603", "621"])
def test_empty_optional_fields_are_not_given(number: str) -> None:
    wanted = made(number, share=0)
    for seed in range(5):
        text = _with_empties(wanted.written(), random.Random(seed))
        known = wanted.spec.head.by_name
        for name in set(re.findall(r"<ceb:(\w+)/>|<ceb:(\w+)>\s*</ceb:", text)):
            inner = name[0] or name[1]
            if inner not in known:
                text = re.sub(rf"<ceb:{inner}/>|<ceb:{inner}>\s*</ceb:{inner}>", "", text)
        demand_same(only(around(text, number)), wanted)


def test_an_older_spelling_of_a_name_is_read() -> None:
    wanted = made("311", consigneeDistrict="510502")
    text = wanted.written().replace("consigneeDistrict", "consigneeDitrict")
    demand_same(only(around(text)), wanted)


def test_a_body_under_a_prefix_of_its_own_is_read() -> None:
    wanted = made("311")
    text = wanted.written("x:").replace("<x:Order>", f'<x:Order xmlns:x="{NAMESPACE}">')
    assert dict(only(around(text)).head) == wanted.head
    default = wanted.written("").replace("<Order>", f'<Order xmlns="{NAMESPACE}">')
    demand_same(only(around(default)), wanted)


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 16, 19, 64, 1000])
def test_however_bytes_arrive(chunk: int) -> None:
    class Slow(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(chunk, size if size is not None and size >= 0 else chunk))

    wanted = [made("311", seed) for seed in range(3)]
    raw = message_of(wanted, transfer={"copCode": "1234567890", "note": "x"})
    whole = pieces_of(raw)
    assert list(read_message(Slow(raw))) == whole
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data.ceb.reader, "_CHUNK", chunk)
        assert pieces_of(raw) == whole


def test_a_message_in_gb18030_is_read() -> None:
    wanted = made("621", buyerName="张三𠀀", consigneeAddress="泸州市江阳区")
    text = wanted.message().decode()
    for name in ("GB18030", "gbk", "GB2312"):
        raw = text.replace('encoding="UTF-8"', f'encoding="{name}"').encode("gb18030")
        demand_same(only(raw), wanted)
    demand_same(only(b"\xef\xbb\xbf" + wanted.message()), wanted)


def test_what_follows_the_bodies_is_read_apart() -> None:
    wanted = made("311")
    signature = '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignatureValue>x</ds:SignatureValue></ds:Signature>'
    raw = wanted.message(transfer={"copCode": "5105910001", "copName": "某公司", "dxpMode": "DXP"})
    raw = raw.replace(b"</ceb:BaseTransfer>", b"</ceb:BaseTransfer>" + signature.encode())
    _, body, transfer, signed = pieces_of(raw)
    assert isinstance(body, Body)
    demand_same(body, wanted)
    assert isinstance(transfer, Extra)
    assert (transfer.name, transfer.values["copCode"]) == ("BaseTransfer", "5105910001")
    assert signed == Extra("Signature", signature, {"SignatureValue": "x"})


# --- obligations and formats -----------------------------------------------------------------------------------------


def _paths(body: Body) -> dict[str, str]:
    return dict(body.faults)


def _both(raw: bytes) -> Body:
    """The one body; the fast path may not take it, nor may both ways differ."""
    body = only(raw)
    with carefully():
        assert _said(only(raw)) == _said(body)
    return body


def _parts() -> Iterator[tuple[str, Part, FieldSpec]]:
    for number in NUMBERS:
        spec = messages()[number]
        for part in (spec.head, spec.lines):
            for field in part.fields if part else ():
                yield number, part, field  # type: ignore[misc]


def _path(part: Part, name: str, place: int = 2) -> str:
    return f"{part.name}[{place}].{name}" if part.is_repeated else f"{part.name}.{name}".removeprefix(".")


def _changed(number: str, part: Part, name: str, value: str | None) -> Sent:
    body = made(number, share=1, lines=2) if messages()[number].lines else made(number, share=1)
    drop = () if value is not None else (name,)
    values = {} if value is None else {name: value}
    if part.is_repeated:
        return body.but_line(2, *drop, **values)
    return body.but(*drop, **values)


@pytest.mark.parametrize("number", NUMBERS)
def test_each_required_field_is_missed_by_its_name(number: str) -> None:
    for of, part, field in _parts():
        if of != number:
            continue
        body = _both(_changed(number, part, field.name, None).message())
        path = _path(part, field.name)
        if field.required == "Y":
            assert _paths(body) == {path: "is missing"}
        elif "=" not in field.required:
            assert not body.faults


_WRONG = {
    "T14": ["20260230", "20261301000000", "20260101240000", "2026010110101", "202601011010100", "1026-01-01", "２0260101101010"],
    "T17": ["20260230", "20261301000000", "202601011010101234", "2026-01-01 10:10:1"],
    "D8": ["2026010", "20261301", "20260132", "202601011", "2026-1-1"],
    "H10": ["330499009", "33049900990", "33O4990099", "٣٣٠٤٩٩٠٠٩٩", "３３０４９９００９９"],
    "N19,5": ["-1", "1.123456", "1,5", "1.", ".5", "1e3", "1234567890123", "NaN", "+1", "１２", "0x1", "1 2", "٣"],
    "E18": ["91510500MA6200001A", "1234", "91510500ma6200001k", "0105910001", "x" * 19],
}  # fmt: skip


def _wrong(field: FieldSpec) -> list[str]:
    kind, size = field.format[0], field.format[1:]
    if field.format in _WRONG:
        return _WRONG[field.format]
    if kind == "=":
        return ["9", "x", size]
    if kind == "N":
        return ["1" * (int(size) + 1), "-1", "1.0", "x", "１"]
    if size.startswith(".."):
        return ["x" * (int(size[2:]) + 1), "字" * (int(size[2:]) + 1), "a\x7fb", "a\tb"]
    return ["x" * (int(size) + 1), *(["x" * (int(size) - 1)] if int(size) > 1 else []), "\x86" * int(size)]


@pytest.mark.parametrize("number", NUMBERS)
def test_each_malformed_value_is_refused_by_its_field(number: str) -> None:
    for of, part, field in _parts():
        if of != number:
            continue
        for value in _wrong(field):
            if field.name == "tradeMode" and len(value) == 4:
                continue
            body = _both(_changed(number, part, field.name, value).message())
            assert list(_paths(body)) == [_path(part, field.name)], (field.name, value)
            reason = _paths(body)[_path(part, field.name)]
            assert reason.startswith(("should ", "wrong ", "has ", "a customs ", "the ")), reason
            assert value not in reason or field.format[0] == "=" or len(value) < 5


@pytest.mark.parametrize("number", NUMBERS)
def test_the_longest_and_the_shortest_value_are_taken(number: str) -> None:
    for of, part, field in _parts():
        if of != number or field.format[0] != "C":
            continue
        size = field.format[1:]
        lengths = {1, int(size[2:])} if size.startswith("..") else {int(size)}
        for length in lengths:
            for letter in "x字𠀀":
                if field.name == "tradeMode":
                    continue
                body = _both(_changed(number, part, field.name, letter * length).message())
                assert not body.faults, (field.name, length)


def test_blanks_of_the_world_at_the_ends_are_no_part_of_a_value() -> None:
    for blank in ("\u3000", "\u00a0", "\u2003", "\u2028"):
        for written in (f"{blank}张三", f"张三{blank}", f"{blank}张三{blank}"):
            text = made("311", buyerName="张三").written().replace("<ceb:buyerName>张三<", f"<ceb:buyerName>{written}<")
            assert _both(around(text)).head["buyerName"] == "张三"
        empty = made("311").but(note="x").written().replace("<ceb:note>x<", f"<ceb:note>{blank}<")
        assert "note" not in _both(around(empty)).head


@pytest.mark.parametrize(
    ("number", "mode", "needed"),
    [
        ("621", "1210", ["InventoryHead.emsNo", "InventoryHead.areaCode", "InventoryHead.areaName", "InventoryList[1].itemRecordNo",
                         "InventoryList[2].itemRecordNo"]),
        ("621", "9610", ["InventoryHead.trafNo", "InventoryHead.voyageNo", "InventoryHead.billNo"]),
        ("621", "1239", []),
        ("603", "1210", ["InventoryHead.iacCode", "InventoryHead.iacName", "InventoryHead.emsNo"]),
        ("603", "9610", []),
    ],
)  # fmt: skip
def test_obligations_of_a_supervision_mode(number: str, mode: str, needed: list[str]) -> None:
    whole = built(number, random.Random(1), share=0, lines=2, markup=False, tradeMode=mode)
    assert not _both(whole.message()).faults
    bare = whole
    for part in (whole.spec.head, whole.spec.lines):
        assert part is not None
        for field, _, value in part.conditions:
            if value == mode:
                bare = (
                    bare.but_line(1, field.name).but_line(2, field.name) if part.is_repeated else bare.but(field.name)
                )
    body = _both(bare.message())
    assert _paths(body) == dict.fromkeys(needed, f"is missing: required where tradeMode is {mode}")


@pytest.mark.parametrize("number", NUMBERS)
def test_unknown_and_repeated_fields_are_named(number: str) -> None:
    body = made(number)
    first = f"<ceb:guid>{body.head['guid']}</ceb:guid>"
    once = only(around(body.written().replace(first, first + "<ceb:guids>x</ceb:guids>"), number))
    assert _paths(once) == {_path(body.spec.head, "guids"): "is not a field of this message"}
    twice = only(around(body.written().replace(first, first * 2), number))
    assert _paths(twice) == {_path(body.spec.head, "guid"): "stands twice"}
    nested = only(around(body.written().replace(first, first[:-11] + "<ceb:b>1</ceb:b></ceb:guid>"), number))
    assert _path(body.spec.head, "guid") in _paths(nested)
    loose = only(around(body.written().replace(first, first + "loose"), number))
    assert list(_paths(loose).values()) == ["has text between its elements"]
    foreign = only(around(body.written().replace(first, first + '<o:a xmlns:o="urn:o">x</o:a>'), number))
    assert list(_paths(foreign).values()) == [f"should be in the namespace {NAMESPACE}"]


@pytest.mark.parametrize("number", WITH_LINES)
def test_a_body_needs_its_parts_once(number: str) -> None:
    body = made(number, lines=1)
    text, lines = body.written(), body.spec.lines
    assert lines is not None
    begin = text.index(f"<ceb:{lines.name}>")
    end = text.index(f"</ceb:{lines.name}>") + len(f"</ceb:{lines.name}>")
    assert lines.name in _paths(only(around(text[:begin] + text[end:], number)))
    head = text[text.index(f"<ceb:{body.spec.head.name}>") : begin]
    for more in (head, f"<ceb:{body.spec.head.name}/>"):
        for doubled in (text[:begin] + more + text[begin:], text.replace(head, more + head, 1)):
            assert body.spec.head.name in _paths(only(around(doubled, number)))
    assert _paths(only(around(text.replace(head, ""), number)))[body.spec.head.name] == "is missing"


@pytest.mark.parametrize("number", NUMBERS)
def test_a_body_counts_by_its_namespace_not_by_its_prefix(number: str) -> None:
    body = made(number)
    foreign = body.written().replace(f"<ceb:{body.spec.body}>", f'<o:{body.spec.body} xmlns:o="urn:o">')
    foreign = foreign.replace(f"</ceb:{body.spec.body}>", f"</o:{body.spec.body}>")
    rebound = body.written().replace(f"<ceb:{body.spec.body}>", f'<ceb:{body.spec.body} xmlns:ceb="urn:o">')
    plain = re.sub(r"<(/?)ceb:", r"<\1", body.written())
    for text in (foreign, rebound, plain):
        found = [p for p in pieces_of(around(text, number)) if not isinstance(p, Opening)]
        assert found
        assert all(isinstance(p, Damage) or (isinstance(p, Body) and p.faults) for p in found), found
    other = body.message().replace(NAMESPACE.encode(), b"http://www.chinaport.gov.cn/other")
    (damage,) = pieces_of(other)
    assert isinstance(damage, Damage)
    assert "is not a CEB message" in damage.reason


def test_bodies_of_another_message_and_unknown_elements_are_not_passed_over() -> None:
    order, payment = made("311"), made("411")
    for stranger in (payment.written(), order.written().replace("ceb:Order>", "ceb:Oder>"), "<ceb:Nothing/>"):
        _, first, damage, last = pieces_of(around(order.written() + stranger + order.written()))
        assert isinstance(damage, Damage)
        assert (damage.raw, damage.number) == (stranger, 2)
        assert damage.reason == "is not an element of message 311"
        for body in (first, last):
            assert isinstance(body, Body)
            demand_same(body, order)


def test_one_faulty_body_costs_one_body() -> None:
    wanted = [made("311", seed) for seed in range(3)]
    for spoil in (
        lambda text: text.replace("<ceb:orderNo>", "<ceb:orderNr>").replace("</ceb:orderNo>", "</ceb:orderNr>"),
        lambda text: text.replace("</ceb:orderNo>", ""),
        lambda text: text.replace("</ceb:Order>", ""),
        lambda text: text.replace("<ceb:OrderHead>", "<ceb:OrderHead a=>"),
        lambda text: text.replace("</ceb:itemName>", " & </ceb:itemName>"),
        lambda text: text + "stray text",
        lambda text: text + "</ceb:OrderHead>",
        lambda text: "&amp;" + text,
    ):
        raw = around(wanted[0].written() + spoil(wanted[1].written()) + wanted[2].written())
        found = [body for body in bodies_of(raw) if not body.faults]
        assert [dict(found[0].head), dict(found[-1].head)] == [wanted[0].head, wanted[2].head]


def test_names_and_values_are_never_shown_in_a_reason() -> None:
    text = made("311").written().replace("<ceb:note>", "<ceb:note>")
    for name in ("张三", "n510502199001011234", "a" * 200):
        body = only(around(text.replace("<ceb:appType>", f"<ceb:{name}>{escape(name)}</ceb:{name}><ceb:appType>")))
        assert name not in str(body.faults)
