"""Laws of bulk import: what columns let pass is what reading row by row gives, and the order of files does not matter."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.columns import certainly_valid, in_layout, pseudonymised_columns, with_defaults
from data.errors import MappingError, SourceUnreadableError
from data.importing import import_file, import_paths
from data.layout import schema_of
from data.payloads import KINDS
from data.records import InvalidRecordError, as_envelope
from data.staging import rows_of, rows_of_day, sent_envelope, stage_file
from data.store import Store, open_store, staging
from data.store import quarantine as quarantine_rows
from data.store import records as record_rows
from data.store.quarantine import Filter
from data.times import DAY, OPEN, midnight
from tests.reading import PSEUDONYMS, reading

T0 = midnight(20_600)
NOW = T0 + 40 * DAY
FIRM, PLATFORM, CARRIER = "91510500MA6200001K", "P1", "L1"
LINE = {"number": 1, "name": "护肤霜", "hs_code": "3304990099", "origin": "133", "quantity_e5": 200_000, "price_millifen": 6_000_000, "total_fen": 12_000}  # fmt: skip
GOOD: dict[str, dict[str, Any]] = {
    "identity": {"enterprise": FIRM, "name": "某公司", "role": "ecommerce", "registered_on": "2020-01-01T00:00:00+08:00", "legal_person": "SIM1"},
    "order": {"order_no": "o1", "enterprise": FIRM, "platform": PLATFORM, "total_fen": 12_000, "goods_value_fen": 12_000, "buyer": "SIM2", "lines": [LINE]},
    "payment": {"payment_no": "y1", "order_no": "o1", "payment_firm": "F1", "platform": PLATFORM, "paid_fen": 12_000, "payer": "SIM2"},
    "waybill": {"waybill_no": "w1", "order_no": "o1", "logistics_firm": CARRIER, "gross_mass_g": 500, "consignee_address": "某路1号"},
    "tracking": {"waybill_no": "w1", "logistics_firm": CARRIER, "event": "signed"},
    "declaration": {"declaration_no": "d1", "enterprise": FIRM, "trade_mode": "9610", "platform": PLATFORM, "logistics_firm": CARRIER, "order_no": "o1", "waybill_no": "w1", "declared_value_fen": 12_000, "hs_code": "3304990099", "buyer": "SIM2", "gross_mass_g": 500, "net_mass_g": 400, "lines": [LINE], "traits": [("a", "b")]},
    "list_status": {"declaration_no": "d1", "status": "800"},
    "cancellation": {"declaration_no": "d1", "enterprise": FIRM, "buyer": "SIM2"},
    "return": {"declaration_no": "d1", "enterprise": FIRM, "lines": [LINE]},
    "tax_bill": {"tax_no": "t1", "declaration_no": "d1", "duty_fen": 0, "vat_fen": 900, "consumption_tax_fen": 0, "status": "1"},
    "settlement": {"enterprise": FIRM, "subject": "fx_settlement", "amount_fen": 5},
    "supervision": {"event": "inspection", "enterprise": FIRM, "declaration_no": "d1", "finding": "clean"},
    "public_credit": {"enterprise": FIRM, "event": "award", "authority": "市监局"},
}  # fmt: skip
assert GOOD.keys() == set(KINDS)
TEXTS = ["", " ", "x", " x", "x ", "x" * 100, "x" * 101, "x" * 250, "x" * 251, "x" * 501, "\0", "a\nb", "\u3000", "91510500MA6200001X", "~t1~" + "a" * 22, "new"]  # fmt: skip
INTEGERS = [-1, 0, 1, 10**15, 10**15 + 1, 2**63 - 1]
INSTANTS = [T0, NOW, NOW + DAY, NOW + 300_000_000, NOW + 300_000_001, -(2**61), 0]


def row(kind: str, **changes: Any) -> dict[str, Any]:
    """A row of the layout; its guid is the kind's name."""
    return {"guid": kind, "source": "s", "action": "new", "event_at": T0, "known_at": T0, **GOOD[kind], **changes}


def table(kind: str, rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows as a table of a kind's layout."""
    schema = pa.schema([pa.field(field.name, field.type) for field in schema_of(kind)])
    return pa.Table.from_pylist(list(rows), schema=schema)


def write(folder: Path, kind: str, rows: Sequence[dict[str, Any]], name: str = "part-0") -> Path:
    """Rows as a file of our layout."""
    path = folder / f"kind={kind}" / "month=2026-05" / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table(kind, rows), path)
    return path


@st.composite
def odd_rows(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    """Rows of one kind, each with up to two columns of odd values."""
    kind = draw(st.sampled_from(KINDS))
    found = []
    for _ in range(draw(st.integers(1, 6))):
        one = row(kind)
        for field in draw(st.lists(st.sampled_from(list(schema_of(kind))), max_size=2)):
            if pa.types.is_string(field.type):
                one[field.name] = draw(st.one_of(st.none(), st.sampled_from(TEXTS), st.text(max_size=8)))
            elif pa.types.is_int64(field.type):
                one[field.name] = draw(st.one_of(st.none(), st.sampled_from(INTEGERS)))
            elif pa.types.is_timestamp(field.type):
                one[field.name] = draw(st.sampled_from(INSTANTS))
            elif field.name == "lines":
                name, value = draw(
                    st.one_of(
                        st.tuples(
                            st.sampled_from(["name", "unit", "hs_code", "currency"]), st.sampled_from([None, *TEXTS])
                        ),
                        st.tuples(
                            st.sampled_from(["number", "quantity_e5", "total_fen"]), st.sampled_from([None, *INTEGERS])
                        ),
                    )
                )
                one["lines"] = [LINE | {"currency": "142"}, LINE | {"currency": "142", name: value}]
        found.append(one)
    return kind, found


@settings(max_examples=400, deadline=None)
@given(odd_rows())
def test_what_columns_let_pass_is_what_reading_each_row_gives(given_: tuple[str, list[dict[str, Any]]]) -> None:
    kind, rows = given_
    try:
        sent = in_layout(table(kind, rows), kind)
    except (pa.ArrowInvalid, UnicodeEncodeError):
        return  # such a file cannot be written
    ready = with_defaults(pseudonymised_columns(sent, kind, PSEUDONYMS, trusted=False), kind)
    valid = certainly_valid(ready, kind, NOW).to_pylist()
    staged = staging.Staged(1, "l", kind, "f", len(rows), -OPEN, OPEN)
    passed = [r.records[0] for r in rows_of_day(staged, ready.filter(pa.array(valid)), -OPEN, OPEN)]
    each = [
        reading(NOW).record(sent_envelope(kind, raw)) for raw, good in zip(rows_of(sent), valid, strict=True) if good
    ]
    assert passed == each


def test_a_good_row_of_each_kind_needs_no_second_look_unless_its_type_asks_for_it() -> None:
    slow = {"identity", "supervision"}  # dates of their own, rules over several fields
    for kind in KINDS:
        ready = with_defaults(
            pseudonymised_columns(in_layout(table(kind, [row(kind)]), kind), kind, PSEUDONYMS, trusted=False), kind
        )
        expected = kind not in slow and "traits" not in GOOD[kind]
        assert certainly_valid(ready, kind, NOW).to_pylist() == [expected], kind


def test_the_order_of_files_and_kinds_does_not_matter(tmp_path: Path, store: Store) -> None:
    """A declaration finds its documents and an inspection its declaration, whatever comes first on disk."""
    late = {"event_at": T0 + 5 * DAY, "known_at": T0 + 5 * DAY}
    write(tmp_path, "supervision", [row("supervision", **late)])
    write(tmp_path, "declaration", [row("declaration", event_at=T0 + DAY, known_at=T0 + DAY)])
    write(tmp_path, "order", [row("order")])
    write(tmp_path, "payment", [row("payment", event_at=T0, known_at=T0 + 2 * DAY)])  # late: a new match
    write(tmp_path, "waybill", [row("waybill")])
    tally = import_paths(store, [tmp_path], None, reading=reading(NOW))
    assert (tally.accepted, tally.rejected, tally.records) == (5, 0, 5)
    with store.read() as connection:
        versions = list(record_rows.versions(connection))
        assert staging.count(connection) == 0
    assert [v.record.kind for v in versions] == ["order", "waybill", "declaration", "payment", "match", "supervision"]
    declared, inspected = versions[2].record, versions[5].record
    assert declared.payload["match"]["outcomes"]["order_known"] == "agree"
    assert declared.payload["match"]["outcomes"]["payment_known"] == "missing"
    assert versions[4].record.payload["match"]["outcomes"]["payment_known"] == "agree"
    assert versions[3].record.payload["enterprise"] == FIRM
    assert inspected.payload["facts"] == declared.payload


@pytest.mark.parametrize("seed", range(3))
def test_staging_gives_the_records_that_lines_give(tmp_path: Path, store: Store, seed: int) -> None:
    """The same rows as JSON lines in the order of time, and as files by kind: the same versions."""
    chance = random.Random(seed)
    rows = []
    for number in range(60):
        at = T0 + chance.randrange(30) * DAY + number
        for kind in ("order", "payment", "waybill", "declaration"):
            own = {"guid": f"{kind}{number}", "event_at": at, "known_at": at + chance.choice([0, 0, 0, 3 * DAY])}
            numbers = {
                "order_no": f"o{number}",
                "waybill_no": f"w{number}",
                "payment_no": f"y{number}",
                "declaration_no": f"d{number}",
            }
            rows.append((kind, row(kind, **own, **{k: v for k, v in numbers.items() if k in GOOD[kind]})))
    for kind in GOOD:
        if own_rows := [r for k, r in rows if k == kind]:
            chance.shuffle(own_rows)
            write(tmp_path / "files", kind, own_rows)
    import_paths(store, [tmp_path / "files"], None, reading=reading(NOW))
    other = open_store(f"sqlite:///{tmp_path / 'other.db'}")
    ordered = sorted(rows, key=lambda kr: (kr[1]["known_at"], KINDS.index(kr[0])))
    lines = tmp_path / "lines.jsonl"
    raws = [sent_envelope(kind, r) for kind, r in ordered]
    lines.write_text("".join(json.dumps(raw, default=str) + "\n" for raw in raws), encoding="utf-8")
    assert import_file(other, lines, None, reading=reading(NOW)).rejected == 0
    with store.read() as one, other.read() as two:
        left, right = ([as_envelope(v.record) for v in record_rows.versions(c)] for c in (one, two))
    assert sorted(left, key=str) == sorted(right, key=str)


def test_a_file_of_which_all_is_known_later_than_asked_for_is_left_out(tmp_path: Path, store: Store) -> None:
    write(tmp_path, "order", [row("order")])
    write(tmp_path, "waybill", [row("waybill", known_at=T0 + DAY), row("waybill", guid="w2", known_at=T0 + 2 * DAY)])
    tally = import_paths(store, [tmp_path], None, reading=reading(NOW), until=T0 + DAY)
    assert (tally.received, tally.accepted) == (1, 1)


def test_rows_that_are_wrong_go_to_quarantine_with_their_place(tmp_path: Path, store: Store) -> None:
    rows = [row("order", guid=f"g{n}", order_no=f"o{n}") for n in range(5)]
    rows[3]["total_fen"] = -1
    rows[4]["buyer"] = " "
    write(tmp_path, "order", rows)
    tally = import_paths(store, [tmp_path], None, reading=reading(NOW))
    assert (tally.received, tally.accepted, tally.rejected) == (5, 3, 2)
    with store.read() as connection:
        kept = quarantine_rows.newest(connection, Filter())[::-1]
    assert [(k.refused.line, k.refused.faults[0][0]) for k in kept] == [(4, "payload.total_fen"), (5, "payload.buyer")]


def test_a_file_of_another_shape_is_refused_as_a_whole(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "kind=order" / "a.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table({"guid": ["a"], "colour": ["red"]}), path)
    with pytest.raises(MappingError, match=r"missing column 'source'.*unknown column 'colour'"):
        stage_file(store, path, "order", load="l", reading=reading(NOW))
    path.write_bytes(b"PAR1 no more PAR1")
    with pytest.raises(SourceUnreadableError, match="cannot be read"):
        stage_file(store, path, "order", load="l", reading=reading(NOW))


def test_what_was_staged_before_a_stop_is_taken_in_by_the_next_import(tmp_path: Path, store: Store) -> None:
    stage_file(store, write(tmp_path / "a", "order", [row("order")]), "order", load="stopped", reading=reading(NOW))
    write(tmp_path / "b", "waybill", [row("waybill")])
    assert import_paths(store, [tmp_path / "b"], None, reading=reading(NOW)).records == 2
    with store.read() as connection:
        assert staging.count(connection) == 0


def test_reading_refuses_what_the_test_thinks_it_refuses() -> None:
    with pytest.raises(InvalidRecordError):
        reading(NOW).record(sent_envelope("order", row("order", total_fen=-1)))
