"""Laws of reading what is broken or hostile: nothing raises, nothing hangs, nothing is fetched or expanded, nothing is lost."""

import re
import time
import tracemalloc
from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import data.ceb.reader
from data.ceb.bodies import Body
from data.ceb.intake import Message
from data.ceb.reader import _START_TAG, Damage, Opening, Piece
from data.ceb.table import NAMESPACE
from data.times import midnight
from tests.ceb import around, made, message_of, pieces_of
from tests.reading import reading

NOW = midnight(20_600)
ORDER = made("311", share=0)
SMALL = ORDER.message()
ROOT = f'<ceb:CEB311Message guid="{"G" * 36}" version="1.0" xmlns:ceb="{NAMESPACE}">'
_GAP = r"(?:<!--.*?-->|<\?.*?\?>|[ \t\r\n]++)*+"
_BETWEEN, _END = re.compile(_GAP, re.DOTALL), re.compile(rf"{_GAP}(?:</[^<>]*>)?{_GAP}", re.DOTALL)


def accounted(raw: bytes, encoding: str = "utf-8") -> list[Piece]:
    """The pieces of any bytes, held to the law: they hold all that was sent but the envelope, blanks and comments."""
    pieces = pieces_of(raw)
    text = raw.decode(encoding, errors="surrogateescape")
    at = len(text) - len(text.removeprefix("\ufeff"))
    for piece in pieces:
        between = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]
        if isinstance(piece, Opening):
            at = _START_TAG.match(text, between).end()  # type: ignore[union-attr]
            continue
        behind = _END.match(text, at).end()  # type: ignore[union-attr]
        place = next((place for place in (behind, between, at) if text.startswith(piece.raw, place)), None)
        assert place is not None, (text[at : at + 100], piece.raw[:100])
        at = place + len(piece.raw)
    assert _END.fullmatch(text, at), text[at : at + 200]
    numbers = [piece.number for piece in pieces if isinstance(piece, (Body, Damage))]
    assert numbers == list(range(1, len(numbers) + 1))
    return pieces


def reasons(raw: bytes) -> list[str]:
    return [piece.reason for piece in accounted(raw) if isinstance(piece, Damage)]


def all_refused(raw: bytes) -> None:
    """Nothing of a message becomes a record, and what it says stays out of the reasons."""
    rows = list(Message(BytesIO(raw), origin="x", reading=reading(NOW)).rows())
    assert rows
    assert all(row.faults and not row.records for row in rows)


# --- document types --------------------------------------------------------------------------------------------------

BOMBS: dict[str, str] = {
    "bare": "<!DOCTYPE x>",
    "file": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    "http": '<!DOCTYPE x [<!ENTITY a SYSTEM "http://127.0.0.1:1/a">]>',
    "external subset": '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/a.dtd">',
    "parameter": '<!DOCTYPE x [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]>',
    "laughs": "<!DOCTYPE x [<!ENTITY a0 'ha'>" + "".join(
        f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10)) + "<!ENTITY a '&a9;'>]>",
    "quadratic": f"<!DOCTYPE x [<!ENTITY a '{'A' * 100_000}'>]>",
    "attribute default": "<!DOCTYPE x [<!ATTLIST x a CDATA 'b'><!ENTITY a 'b'>]>",
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("used", ["&a;", "&a;" * 1000, "x"])
def test_document_types_are_refused(bomb: str, used: str) -> None:
    text = SMALL.decode().replace("<ceb:orderNo>", f"<ceb:orderNo>{used}")
    for place in ("<ceb:CEB311Message", "<ceb:Order>", "<ceb:OrderHead>", "</ceb:CEB311Message>"):
        raw = text.replace(place, BOMBS[bomb] + place, 1).encode()
        begin = time.monotonic()
        assert any("document type" in reason or "well-formed" in reason for reason in reasons(raw)), place
        assert time.monotonic() - begin < 2
        if place != "</ceb:CEB311Message>" or "&a;" in used:
            all_refused(raw)


def test_entities_that_nobody_declared_are_not_looked_up() -> None:
    for entity in ("&a;", "&nbsp;", "&#0;", "&#xD800;", "&#x110000;", "&;", "&", "&amp"):
        all_refused(SMALL.replace(b"<ceb:orderNo>", b"<ceb:orderNo>" + entity.encode()))
    inside = SMALL.replace(b"<ceb:Order>", b"<ceb:Order a='&a;'>")
    all_refused(inside)
    all_refused(SMALL.replace(b'version="1.0" xmlns', b'version="&a;" xmlns'))


# --- encodings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-7", "latin-1", "big5", "cp037"])
def test_other_encodings_are_refused(encoding: str) -> None:
    text = made("311", buyerName="Zhang San", share=0).message().decode().encode("ascii", "ignore").decode()
    for declared in (encoding, "UTF-8", "GBK"):
        raw = text.replace('encoding="UTF-8"', f'encoding="{declared}"').encode(encoding)
        if declared != encoding and encoding in ("latin-1", "big5", "utf-7"):
            continue  # ASCII is UTF-8 as well
        if declared == encoding or encoding.startswith(("utf-16", "utf-32", "cp")):
            all_refused(raw)


def test_bytes_that_are_not_what_the_document_declares_cost_their_body() -> None:
    bodies = [made("311", seed, share=0, consignee="x") for seed in range(3)]
    bodies = [body if seed == 2 else body.but(buyerName="龘龘") for seed, body in enumerate(bodies)]
    text = message_of(bodies).decode()
    for broken in (b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", "张".encode("gbk"), b"\xe5\xbc"):
        first, second, third = text.encode().split("龘龘".encode())
        raw = first + "龘龘".encode() + second + broken + third
        pieces = accounted(raw)
        assert [isinstance(piece, Body) and not piece.faults for piece in pieces[1:]] == [True, False, True]
    raw = text.replace("UTF-8", "GBK").encode("gb18030").replace("龘龘".encode("gb18030"), b"\xff\xff", 1)
    assert [isinstance(p, Body) and not p.faults for p in pieces_of(raw)[1:]] == [False, True, True]


# --- broken structure ------------------------------------------------------------------------------------------------


def test_truncated_at_every_place() -> None:
    bodies = [made("311", seed, share=0.1) for seed in range(2)]
    raw = message_of(bodies, transfer={"copCode": "5105910001"})
    text = raw.decode()
    ends = [m.end() for m in re.finditer("</ceb:Order>", text)]
    for cut in range(len(raw)):
        pieces = accounted(raw[:cut])
        whole = sum(1 for end in ends if len(text[:end].encode()) <= cut)
        found = [piece for piece in pieces if isinstance(piece, Body)]
        assert [dict(body.head) for body in found] == [body.head for body in bodies[:whole]]
        if text.index("?>") + 2 < len(text[:cut].strip()) < len(text) - 1:
            assert any(isinstance(piece, Damage) for piece in pieces), cut


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t.replace("</ceb:Order>", ""),
        lambda t: t.replace("</ceb:OrderHead>", ""),
        lambda t: t.replace("</ceb:CEB311Message>", ""),
        lambda t: t.replace("<ceb:CEB311Message", "<CEB311Message"),
        lambda t: t.replace("xmlns:ceb", "xmlns:cab"),
        lambda t: t.replace("CEB311Message", "CEB999Message"),
        lambda t: t.replace("CEB311Message", "KJ881101Message"),
        lambda t: t.replace("<ceb:Order>", "<ceb:Order"),
        lambda t: t.replace("<ceb:Order>", "<<ceb:Order>"),
        lambda t: t.replace("<ceb:Order>", '<ceb:Order a="1" a="2">'),
        lambda t: t.replace("<ceb:Order>", "<ceb:Order><ceb:Order>"),
        lambda t: t.replace("<ceb:Order>", "<!-- <ceb:Order>"),
        lambda t: t.replace("<ceb:Order>", "<![CDATA[<ceb:Order>"),
        lambda t: t.replace("<ceb:Order>", "<?x <ceb:Order>"),
        lambda t: t.replace("<ceb:OrderHead>", "\x00<ceb:OrderHead>"),
        lambda t: t.replace("<ceb:OrderHead>", "\uffff<ceb:OrderHead>"),
        lambda t: t.replace("</ceb:CEB311Message>", "</ceb:CEB311Messages>"),
        lambda t: t.replace(">", "", 5),
        lambda t: t[::-1],
        lambda t: "PK\x03\x04" + t,
        lambda t: "{" + t,
    ],
)
def test_broken_structure_is_kept_with_a_reason(spoil: Callable[[str], str]) -> None:
    raw = spoil(SMALL.decode()).encode()
    pieces = accounted(raw)
    assert any(isinstance(p, Damage) or (isinstance(p, Body) and p.faults) for p in pieces)


def test_end_tags_in_cdata_and_bodies_in_comments_are_text() -> None:
    note = "<ceb:note><![CDATA[</ceb:note></ceb:OrderHead></ceb:Order>]]></ceb:note></ceb:OrderHead>"
    hidden = ORDER.written().replace("</ceb:OrderHead>", note)
    comment = f"<!-- {ORDER.written()} --><?x {ORDER.written()} ?>"
    inner = ORDER.written().replace("<ceb:OrderHead>", f"{comment}<ceb:OrderHead>")
    pieces = accounted(around(comment + hidden + comment + inner + comment))
    first, second = pieces[1:]
    assert isinstance(first, Body)
    assert isinstance(second, Body)
    assert dict(first.head) == ORDER.head | {"note": "</ceb:note></ceb:OrderHead></ceb:Order>"}
    assert (dict(second.head), second.faults) == (ORDER.head, ())
    # a body in CDATA between bodies is text, not a body
    pieces = accounted(around(f"{ORDER.written()}<![CDATA[{ORDER.written()}]]>{ORDER.written()}"))
    assert [type(piece).__name__ for piece in pieces] == ["Opening", "Body", "Damage", "Body"]


def test_after_damage_nothing_hidden_becomes_a_body() -> None:
    broken = ORDER.written().replace("</ceb:OrderHead>", "")
    for opening, closing in (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?x", "?>")):
        pieces = accounted(around(f"{broken}{opening}{ORDER.written()}{closing}{ORDER.written()}"))
        assert [type(piece).__name__ for piece in pieces] == ["Opening", "Damage", "Body"]
        unclosed = accounted(around(f"{broken}{opening}{ORDER.written()}{ORDER.written()}"))
        assert not any(isinstance(piece, Body) for piece in unclosed)


def test_two_documents_in_one_file() -> None:
    pieces = accounted(SMALL + SMALL)
    assert [type(piece).__name__ for piece in pieces] == ["Opening", "Body", "Damage"]
    assert reasons(SMALL + b"x") == ["has text after its end"]
    assert reasons(SMALL + b"\n<!-- end -->\n") == []


def test_nothing_at_all() -> None:
    for raw in (b"", b" \n\t", b"\xef\xbb\xbf"):
        assert pieces_of(raw) == []
    for raw in (b"<", b"x", b"\x00", b"<!--", b"<?xml", b"\xef\xbb\xbfx", b"<a/>", b"<a></a>"):
        all_refused(raw)
    for raw in (b'<?xml version="1.0"?>', b"<!-- a -->", b"\n<?a?>\n"):
        assert reasons(raw) == ["is not an XML message"]
    empty = around("")
    assert [type(piece).__name__ for piece in accounted(empty)] == ["Opening"]


# --- size ------------------------------------------------------------------------------------------------------------


def _within(raw: bytes, seconds: float = 5.0, megabytes: int = 120) -> list[Piece]:
    tracemalloc.start()
    begin = time.monotonic()
    try:
        pieces = accounted(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.monotonic() - begin < seconds
    assert peak < megabytes * 1_000_000
    return pieces


@pytest.mark.parametrize(
    "inner",
    [
        "<ceb:a>" * 200_000,
        "<ceb:Order>" * 20_000,
        "<ceb:Order><ceb:OrderHead>" * 20_000,
        "<ceb:Order>" + "<a>" * 200_000 + "</a>" * 200_000 + "</ceb:Order>",
        f'<ceb:Order a="{"x" * 1_000_000}"/>',
        f"<ceb:Order {'a ' * 300_000}>",
        "<ceb:Order " + " ".join(f'a{n}="{n}"' for n in range(30_000)) + "></ceb:Order>",
        "<ceb:Order>" + "<!-- </ceb:Order> -->" * 50_000 + "</ceb:Order>",
        "<ceb:Order>" + "<![CDATA[</ceb:Order>]]>" * 50_000,
        "<!--" * 250_000,
        "<" * 1_000_000,
        "&" * 1_000_000,
        "<ceb:Order>" + " " * 1_000_000 + "</ceb:Order>",
        ORDER.written().replace("><", ">" + " " * 20_000 + "<"),
        ORDER.written().replace("<ceb:orderNo>", "<ceb:orderNo>" + "x" * 1_000_000),
        "<ceb:BaseTransfer>" + "<ceb:copCode>x</ceb:copCode>" * 50_000 + "</ceb:BaseTransfer>",
        "</ceb:Order>" * 100_000,
    ],
)
def test_deep_wide_and_long(inner: str) -> None:
    _within(around(inner + ORDER.written()))


def test_a_body_of_ten_megabytes() -> None:
    body = ORDER.written()
    huge = body.replace("<ceb:OrderList>", "<ceb:note>" + "x" * 10_000_000 + "</ceb:note><ceb:OrderList>", 1)
    pieces = _within(around(body + huge + body), megabytes=150)
    assert isinstance(pieces[1], Body)
    assert all(isinstance(piece, Damage) and len(piece.raw) <= 2_000_000 for piece in pieces[2:])
    assert "over 4,000,000 characters" in reasons(around(huge))[0]


def test_many_broken_bodies_cost_time_in_proportion() -> None:
    broken = ORDER.written().replace("</ceb:Order>", "")
    spent = []
    for count in (500, 2_000):
        raw = around(broken * count + ORDER.written())
        begin = time.monotonic()
        pieces = pieces_of(raw)
        spent.append(time.monotonic() - begin)
        assert len([piece for piece in pieces if isinstance(piece, Damage)]) >= count - 1
    assert spent[1] < 4 * spent[0] * 2.5 + 0.5


def test_a_file_of_many_bodies_is_held_one_at_a_time() -> None:
    block = "".join(made("311", seed).written() for seed in range(200)).encode()
    begin, _, end = around("").rpartition(b"</")

    class Endless(BytesIO):
        """A message of many blocks that is never whole in memory."""

        def __init__(self, blocks: int) -> None:
            super().__init__()
            self._parts = iter([begin, *([block] * blocks), b"</" + end])

        def read(self, _size: int | None = -1, /) -> bytes:
            return next(self._parts, b"")

    count = 0
    list(data.ceb.reader.read_message(Endless(1)))  # patterns are compiled once
    tracemalloc.start()
    for piece in data.ceb.reader.read_message(Endless(60)):
        count += isinstance(piece, Body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 12_000
    assert peak < 25_000_000


# --- anything --------------------------------------------------------------------------------------------------------

_BITS = [
    "<ceb:Order>", "</ceb:Order>", "<ceb:OrderHead>", "</ceb:OrderHead>", "<!--", "-->", "<![CDATA[", "]]>", "<?x", "?>", "<x:Order>",
    "<ceb:Order/>", "<ceb:Order a='>'>", "text", "&amp;", "&", "<", ">", '"', "'", "/", " ", "\n", "</ceb:CEB311Message>", ROOT,
    "<ceb:BaseTransfer><ceb:copCode>5105910001</ceb:copCode></ceb:BaseTransfer>", "<!DOCTYPE a>", "<Order>", "\ufeff", "张三",
    ORDER.written(), ORDER.written("x:"), "<ceb:Orders>", "<ceb:Signature/>",
]  # fmt: skip
# a hang is to be found, not a busy machine: twenty thousand bytes one by one take two seconds of a processor
ANYTHING = settings(max_examples=400, deadline=20_000, suppress_health_check=[HealthCheck.too_slow])


@ANYTHING
@given(
    bits=st.lists(st.sampled_from(_BITS), max_size=12),
    is_wrapped=st.booleans(),
    chunk=st.sampled_from([1, 5, 64, 2**20]),
)
def test_nothing_is_lost_of_any_text(bits: list[str], is_wrapped: bool, chunk: int) -> None:
    raw = around("".join(bits)) if is_wrapped else "".join(bits).encode()
    whole = accounted(raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data.ceb.reader, "_CHUNK", chunk)
        found = pieces_of(raw)
    if chunk < 100:  # what remains of a message comes in chunks
        whole, found = ([p for p in pieces if isinstance(p, Body)] for pieces in (whole, found))
    assert found == whole


@ANYTHING
@given(raw=st.binary(max_size=200), is_wrapped=st.booleans())
def test_nothing_is_lost_of_any_bytes(raw: bytes, is_wrapped: bool) -> None:
    begin, _, end = SMALL.rpartition(b"</")
    accounted(begin + raw + b"</" + end if is_wrapped else raw)
