"""Whatever bytes come in: every row is accepted, known already, or in quarantine with field and reason; nothing raises or hangs.

`make test` runs a few hundred cases, `make test-fuzz` more than 20,000 (GREENLANE_FUZZ_CASES says how many).
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from data.ceb.intake import Message
from data.importing import rows_of_file
from data.intake import Row, take
from data.reading import Reading
from data.store import Store, open_store
from data.store import quarantine as quarantine_rows
from data.store import records as record_rows
from data.store.quarantine import Filter
from data.store.schema import quarantine
from data.times import DAY, from_instant, midnight
from tests.ceb import NUMBERS, all_rates, built, message_of
from tests.data_layer.files import KOREA_COLUMNS, csv_line, korea_row
from tests.data_layer.test_import import KOREA
from tests.data_layer.test_persons import COLUMNS as SHOP_COLUMNS
from tests.data_layer.test_persons import RECORDS, shop_mapping, shop_rows
from tests.reading import reading
from tests.serving_layer.service import declaration, inspection

CASES = int(os.environ.get("GREENLANE_FUZZ_CASES", "400"))
SHARES = {"messages": 0.5, "splices": 0.15, "bytes": 0.1, "lines": 0.15, "columns": 0.1}
_SLOWEST = 2.0
NOW = midnight(20_600)
READING: Reading = replace(reading(NOW), rates=all_rates())
_BITS = [b"<", b">", b"&", b"/", b'"', b"'", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\n", b"ceb:",
         b"</ceb:", b"{", b"}", b"[", b",", b":", b"\\", b"\\ud800", b"1e999", b"NaN", b"null", b"9" * 400, b"<?", b"?>", b"&#0;", b"--",
         b"<!DOCTYPE a>", "\u3000".encode(), "张三".encode(), b"\r"]  # fmt: skip
counted = dict.fromkeys(SHARES, 0)
"""Cases so far, for the line at the end."""


def fuzzed(sort: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """As many cases as a sort has its share of."""
    profile = settings(
        max_examples=max(10, round(CASES * SHARES[sort])), deadline=None, database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    return lambda test: pytest.mark.timeout(3_600)(profile(test))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[Store]:
    """One real database for all cases: what came before is there when the next comes."""
    with closing(open_store(f"sqlite:///{folder / 'fuzz.db'}")) as opened:
        yield opened


def take_in(store: Store, sort: str, rows: Callable[[], list[Row]]) -> None:
    """Take rows in, and hold what became of them to the law."""
    counted[sort] += 1
    begin = time.monotonic()
    found = rows()
    with store.write() as connection:
        before = _places(connection)
        taken = take(connection, found, received_at=NOW)
        after = _places(connection)
        newest = quarantine_rows.newest(connection, Filter(), max(1, taken.tally.rejected))
    assert time.monotonic() - begin < _SLOWEST
    tally = taken.tally
    assert tally.received == len(found) == tally.accepted + tally.duplicate + tally.rejected
    assert after[0] - before[0] == tally.rejected == len(tally.refusals)
    assert after[1] - before[1] == len(taken.fresh)
    for kept in newest[: tally.rejected]:
        assert kept.refused.faults
        for field, reason in kept.refused.faults:
            assert field
            assert reason
        assert kept.refused.raw or kept.refused.form == "text"


def _places(connection: Connection) -> tuple[int, int]:
    """The places of the newest row in quarantine and of the newest record: no row ever leaves either."""
    return connection.execute(select(func.max(quarantine.c.id))).scalar() or 0, record_rows.last_seq(connection)


def mutated(raw: bytes, chooser: random.Random) -> bytes:
    """Bytes with some of them flipped, deleted, inserted, doubled or moved."""
    for _ in range(chooser.choice((1, 1, 1, 2, 3, 8))):
        at = chooser.randrange(len(raw) + 1)
        end = min(len(raw), at + chooser.choice((1, 2, 5, 20, 200)))
        match chooser.randrange(6):
            case 0:
                raw = raw[:at] + bytes(byte ^ (1 << chooser.randrange(8)) for byte in raw[at : at + 1]) + raw[at + 1 :]
            case 1:
                raw = raw[:at] + raw[end:]
            case 2:
                raw = raw[:at] + chooser.choice(_BITS) + raw[at:]
            case 3:
                raw = raw[:end] + raw[at:end] + raw[end:]
            case 4:
                raw = raw[:at] + bytes(chooser.randrange(256) for _ in range(chooser.randint(1, 4))) + raw[at:]
            case _:
                to = chooser.randrange(len(raw) + 1)
                raw = raw[:to] + raw[at:end] + raw[to:]
    return raw


def message(chooser: random.Random) -> bytes:
    """A message of one to three bodies, of which many were sent before."""
    number = chooser.choice((*NUMBERS, "311", "621", "411", "511"))
    few = random.Random(chooser.randrange(40))
    bodies = [
        built(number, few if chooser.random() < 0.5 else chooser, share=0.3) for _ in range(chooser.randint(1, 3))
    ]
    return message_of(bodies, chooser.choice(("ceb:", "", "x:")), transfer={"copCode": "5105910001"})


def rows_of_message(raw: bytes) -> list[Row]:
    read = Message(BytesIO(raw), origin="fuzz", reading=READING)
    found = list(read.rows())
    assert read.guid == "" or len(read.guid) == 36
    return found


@fuzzed("messages")
@given(seed=st.integers(0, 2**60))
def test_messages(store: Store, seed: int) -> None:
    chooser = random.Random(seed)
    raw = message(chooser)
    if chooser.random() < 0.95:
        raw = mutated(raw, chooser)
    take_in(store, "messages", lambda: rows_of_message(raw))


@fuzzed("splices")
@given(seed=st.integers(0, 2**60))
def test_two_messages_cut_and_joined(store: Store, seed: int) -> None:
    chooser = random.Random(seed)
    first, second = message(chooser), message(chooser)
    raw = first[: chooser.randrange(len(first))] + second[chooser.randrange(len(second)) :]
    take_in(store, "splices", lambda: rows_of_message(raw))


@fuzzed("bytes")
@given(
    raw=st.binary(max_size=300) | st.lists(st.sampled_from(_BITS), max_size=40).map(b"".join),
    form=st.sampled_from([".xml", ".jsonl"]),
)
def test_any_bytes(store: Store, folder: Path, raw: bytes, form: str) -> None:
    if form == ".xml":
        take_in(store, "bytes", lambda: rows_of_message(raw))
        return
    path = folder / f"any{form}"
    path.write_bytes(raw or b"\n")
    take_in(store, "bytes", lambda: [row for row, _, _ in rows_of_file(path, None, reading=READING)])


def _lines(chooser: random.Random) -> bytes:
    at = NOW - chooser.randrange(1, 50) * DAY
    guid = f"f{chooser.randrange(30)}"
    choices = [declaration(guid, at), inspection(f"i{guid}", f"no-{guid}", at), chooser.choice(list(RECORDS.values()))]
    kinds = [
        {"kind": "order", "guid": guid, "source": "x", "event_at": from_instant(at).isoformat(), "payload": {
            "order_no": "1", "enterprise": "91510500MA6200001K", "platform": "91510500MA6200001K", "total_fen": 1, "goods_value_fen": 1,
            "lines": [{"number": 1, "quantity_e5": 1, "name": "x"}]}},
        declaration(guid, at) | {"action": chooser.choice(["change", "delete", "repair"])},
    ]  # fmt: skip
    rows = [
        json.dumps(row, ensure_ascii=chooser.random() < 0.5)
        for row in chooser.choices(choices + kinds, k=chooser.randint(1, 3))
    ]
    return "\n".join(rows).encode()


@fuzzed("lines")
@given(seed=st.integers(0, 2**60))
def test_json_lines(store: Store, folder: Path, seed: int) -> None:
    chooser = random.Random(seed)
    path = folder / "lines.jsonl"
    path.write_bytes(mutated(_lines(chooser), chooser) or b" ")
    take_in(store, "lines", lambda: [row for row, _, _ in rows_of_file(path, None, reading=READING)])


@fuzzed("columns")
@given(seed=st.integers(0, 2**60))
def test_columns(store: Store, folder: Path, seed: int) -> None:
    chooser = random.Random(seed)
    path = folder / "columns.csv"
    if chooser.random() < 0.5:
        mapping, head = KOREA, csv_line(KOREA_COLUMNS)
        body = b"\n".join(
            csv_line(list(korea_row(chooser.randrange(50)).values())) for _ in range(chooser.randint(1, 4))
        )
    else:
        mapping, head = shop_mapping(folder), csv_line(SHOP_COLUMNS)
        body = "\n".join(chooser.choices(shop_rows(), k=chooser.randint(1, 4))).encode("utf-8", "surrogateescape")
    path.write_bytes(head + b"\n" + mutated(body, chooser))
    take_in(store, "columns", lambda: [row for row, _, _ in rows_of_file(path, mapping, reading=READING)])
