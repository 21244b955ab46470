"""Laws of importing files: every row is accepted, known already, or kept in quarantine with its bytes; none is lost."""

import csv
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from data.errors import MappingError, SourceUnreadableError
from data.importing import import_file, rows_of_file
from data.intake import Tally
from data.mapping import Mapping, apply_mapping, load_mapping, mapping_names
from data.records import Version, as_envelope, read_record
from data.store import Store
from data.store import quarantine as quarantine_rows
from data.store import records as record_rows
from data.store.quarantine import Filter
from data.store.schema import metadata
from data.times import DAY, OPEN, from_instant, midnight, to_instant
from tests.data_layer.files import (
    KOREA_COLUMNS,
    SCMS_COLUMNS,
    Cells,
    csv_line,
    json_line,
    korea_row,
    scms_row,
    write_csv,
    write_rows,
)  # fmt: skip
from tests.reading import reading

NOW = midnight(20_600)
KOREA, SCMS = load_mapping("korea"), load_mapping("scms")
ENDINGS = (".csv", ".jsonl", ".parquet")


def take_in(store: Store, path: Path, mapping: Mapping | None = KOREA, **options: Any) -> Tally:
    """Import a file and hold it to the law of accounting."""
    before = _kept(store)
    tally = import_file(store, path, mapping, reading=reading(NOW), **options)
    after = _kept(store)
    assert tally.accepted + tally.duplicate + tally.rejected == tally.received
    assert after[0] - before[0] == tally.records
    assert after[1] - before[1] == tally.rejected
    return tally


def _kept(store: Store) -> tuple[int, int]:
    with store.read() as connection:
        return sum(record_rows.count(connection).values()), quarantine_rows.count(connection)


def counts(tally: Tally) -> tuple[int, int, int]:
    return tally.accepted, tally.duplicate, tally.rejected


def stored(store: Store, kind: str = "declaration") -> list[Version]:
    with store.read() as connection:
        return list(record_rows.versions(connection, kinds=[kind]))


def quarantined(store: Store) -> list[quarantine_rows.Refused]:
    """What is in quarantine, oldest first."""
    with store.read() as connection:
        return [kept.refused for kept in quarantine_rows.newest(connection, Filter(), 1_000)][::-1]


def clear(store: Store) -> None:
    with store.write() as connection:
        for table in metadata.tables.values():
            connection.execute(delete(table))


# --- the law of accounting -------------------------------------------------------------------------------------------

_DAMAGE: dict[str, Cells] = {
    "bad_number": {"Item_Price": "cheap"}, "negative": {"Net_Mass": "-1"}, "no_date": {"Date": ""},
    "wrong_date": {"Date": "2020-02-30"}, "future": {"Date": "2097-01-01"}, "wrong_code": {"Fraud": "2"},
    "bad_hs": {"HS6_Code": "ABC"}, "no_enterprise": {"Importer_ID": ""}, "nul": {"Importer_ID": "a\x00b"},
    "huge_number": {"Item_Price": "1e999999"}, "last_day": {"Date": "9999-12-31"}, "not_finite": {"Tax_Rate": "NaN"},
}  # fmt: skip
_TEXT_DAMAGE: dict[str, Cells] = {
    "not_utf8": {"Declarant_ID": "b\udcff\udcfe"},
    "megabyte": {"Courier_ID": "y" * 1_000_000},
}
_SORTS = ["good", "good", "good", "copy", "conflict", *_DAMAGE, *_TEXT_DAMAGE]


def _row_of(sort: str, number: int) -> Cells:
    if sort in ("good", "copy", "conflict"):
        first = korea_row(0)
        return {"good": korea_row(number), "copy": first, "conflict": first | {"Item Price": f"{number}.5"}}[sort]
    return korea_row(number, **(_DAMAGE | _TEXT_DAMAGE)[sort])


@pytest.mark.parametrize("ending", ENDINGS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(sorts=st.lists(st.sampled_from(_SORTS), max_size=9))
def test_every_row_is_accounted_for(store: Store, tmp_path: Path, ending: str, sorts: list[str]) -> None:
    clear(store)
    sorts = [s for s in sorts if ending != ".parquet" or s != "not_utf8"]
    path = write_rows(tmp_path / f"rows{ending}", [korea_row(0), *(_row_of(s, n) for n, s in enumerate(sorts, 1))])
    accepted, copies = 1 + sorts.count("good"), sorts.count("copy")
    refused = len(sorts) - sorts.count("good") - copies
    tally = take_in(store, path)
    assert counts(tally) == (accepted, copies, refused)
    assert tally.records == 2 * accepted  # a declaration and what its inspection found
    first_line = 2 if ending == ".csv" else 1
    places = [n for n, s in enumerate(sorts, first_line + 1) if s not in ("good", "copy")]
    assert [refusal.line for refusal in tally.refusals] == places
    assert [refused.line for refused in quarantined(store)] == places
    again = take_in(store, path)
    assert counts(again) == (0, accepted + copies, refused)
    for version in stored(store):  # what intake let in can be read again
        assert read_record(as_envelope(version.record), received_at=NOW, historical=True) == version.record


@pytest.mark.parametrize(
    ("ending", "sort"),
    # text in Parquet is UTF-8 by construction
    [(e, s) for e in ENDINGS for s in (*_DAMAGE, *_TEXT_DAMAGE) if (e, s) != (".parquet", "not_utf8")],
)
def test_a_bad_row_costs_one_row_and_names_its_column(store: Store, tmp_path: Path, ending: str, sort: str) -> None:
    path = write_rows(tmp_path / f"rows{ending}", [korea_row(0), _row_of(sort, 1), korea_row(2)])
    tally = take_in(store, path)
    assert counts(tally) == (2, 0, 1)
    assert [v.record.guid for v in stored(store)] == ["kr-90000000", "kr-90000002"]
    (refused,) = quarantined(store)
    assert refused.origin == path.name
    assert refused.faults == tally.refusals[0].faults
    assert all(field and reason for field, reason in refused.faults)


def test_batches_do_not_show(store: Store, tmp_path: Path) -> None:
    rows = [korea_row(n) for n in range(2_500)]
    seen: list[tuple[int, int]] = []
    path = write_rows(tmp_path / "many.jsonl", [*rows, rows[0], korea_row(1, Item_Price="-1"), *rows[2_300:2_400]])
    tally = take_in(store, path, progress=lambda done, size: seen.append((done, size)))
    assert counts(tally) == (2_500, 101, 1)
    assert tally.refusals[0].line == 2_502
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)


def test_of_many_refusals_the_first_hundred_are_named_and_all_are_kept(store: Store, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "bad.csv", [korea_row(n, Fraud="9") for n in range(2_150)])
    tally = take_in(store, path)
    assert counts(tally) == (0, 0, 2_150)
    assert [refusal.line for refusal in tally.refusals] == list(range(2, 102))


# --- bytes -----------------------------------------------------------------------------------------------------------


def test_a_broken_row_is_kept_byte_for_byte_and_the_others_are_imported(store: Store, tmp_path: Path) -> None:
    bad = korea_row(1, Declarant_ID="caf\udce9 \udcff")  # Latin-1 and worse
    cells = csv_line(list(bad.values()))
    assert b"caf\xe9 \xff" in cells
    lines = [csv_line(list(korea_row(0).values())), cells, csv_line(list(korea_row(2).values()))]
    assert counts(take_in(store, write_csv(tmp_path / "a.csv", KOREA_COLUMNS, lines))) == (2, 0, 1)
    (tmp_path / "a.jsonl").write_bytes(b"\n".join([json_line(korea_row(3)), json_line(bad), json_line(korea_row(4))]))
    assert counts(take_in(store, tmp_path / "a.jsonl")) == (2, 0, 1)
    assert [refused.raw for refused in quarantined(store)] == [cells, json_line(bad)]
    assert quarantined(store)[0].faults[0][0] == "Declarant ID"


def test_quarantine_keeps_quotes_so_that_a_row_can_be_mended_and_sent_again(store: Store, tmp_path: Path) -> None:
    rows = [
        korea_row(1, Declarant_ID="Kim, Lee & Co", Item_Price="free"),
        korea_row(2, Declarant_ID='the "best"', Item_Price="free"),
        korea_row(3, Declarant_ID="two\nlines", Item_Price="free"),
    ]
    lines = [csv_line(list(row.values())) for row in rows]
    take_in(store, write_csv(tmp_path / "a.csv", KOREA_COLUMNS, lines))
    assert [refused.raw.rstrip(b"\r\n") for refused in quarantined(store)] == lines


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("bom", [False, True])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_line_endings_byte_order_marks_and_quotes_make_no_difference(
    store: Store, tmp_path: Path, ending: bytes, bom: bool, quoting: int
) -> None:
    rows = [korea_row(0), korea_row(1, Importer_ID="Kim, Lee"), korea_row(2)]
    lines = [csv_line(list(row.values()), quoting) for row in rows]
    path = write_csv(tmp_path / "a.csv", KOREA_COLUMNS, [lines[0], b"", *lines[1:]], ending=ending, bom=bom)
    assert counts(take_in(store, path)) == (3, 0, 0)
    assert [v.record.payload["enterprise"] for v in stored(store)] == ["IMP0", "Kim, Lee", "IMP2"]


def test_json_lines_may_begin_with_a_byte_order_mark_and_end_in_any_way(store: Store, tmp_path: Path) -> None:
    lines = [json_line(korea_row(n)) for n in range(3)]
    (tmp_path / "a.ndjson").write_bytes(b"\xef\xbb\xbf" + b"\r\n".join([lines[0], b"", *lines[1:]]))
    assert counts(take_in(store, tmp_path / "a.ndjson")) == (3, 0, 0)


def test_a_quoted_line_break_belongs_to_its_cell_and_lines_are_still_counted(store: Store, tmp_path: Path) -> None:
    rows = [korea_row(0, Office_ID="two\nlines"), korea_row(1), korea_row(2, Fraud="?")]
    path = write_csv(tmp_path / "a.csv", KOREA_COLUMNS, [csv_line(list(row.values())) for row in rows])
    tally = take_in(store, path)
    assert counts(tally) == (1, 0, 2)  # a line break is no part of a code
    assert [refusal.line for refusal in tally.refusals] == [2, 5]


def test_a_cell_over_the_reader_limit_costs_one_row_even_over_many_lines(store: Store, tmp_path: Path) -> None:
    long = korea_row(1, Office_ID="\n".join(["z" * 70_000] * 4))
    rows = [korea_row(0), long, korea_row(2)]
    path = write_csv(tmp_path / "a.csv", KOREA_COLUMNS, [csv_line(list(row.values())) for row in rows])
    assert counts(take_in(store, path)) == (2, 0, 1)


@pytest.mark.parametrize("cut", [-1, 1])
def test_a_ragged_row_is_refused_whole(store: Store, tmp_path: Path, cut: int) -> None:
    cells = list(korea_row(1).values())
    ragged = cells[:-1] if cut < 0 else [*cells, "more"]
    lines = [csv_line(list(korea_row(0).values())), csv_line(ragged), csv_line(list(korea_row(2).values()))]
    tally = take_in(store, write_csv(tmp_path / "a.csv", KOREA_COLUMNS, lines))
    assert counts(tally) == (2, 0, 1)
    assert f"{len(KOREA_COLUMNS) + cut} cells" in tally.refusals[0].faults[0][1]
    assert quarantined(store)[0].raw == csv_line(ragged)


def test_nul_bytes_are_refused_in_values_and_in_names(store: Store, tmp_path: Path) -> None:
    more = declared()["payload"] | {"a\x00b": 1}
    lines = [declared() | {"\x00": 1}, declared(payload=more), declared(kind="\x00"), declared(guid="\x00")]
    path = write_lines(tmp_path / "a.jsonl", *lines)
    assert counts(take_in(store, path, None)) == (0, 0, 4)
    kept = [json.loads(refused.raw) for refused in quarantined(store)]
    assert kept == [declared() | {"\x00": "9"}, declared(payload=declared()["payload"] | {"x\x00x": "9"}), *lines[2:]]


def test_a_file_may_have_any_name(store: Store, tmp_path: Path) -> None:
    name = "清单".encode("gbk").decode("utf-8", errors="surrogateescape") + ".csv"  # a name from an older system
    path = write_csv(tmp_path / name, KOREA_COLUMNS, [csv_line(list(korea_row(0, Fraud="?").values()))])
    assert counts(take_in(store, path)) == (0, 0, 1)


# --- files that cannot be read ---------------------------------------------------------------------------------------


def _damaged_parquet(path: Path) -> None:
    rows = [korea_row(n) for n in range(500)]
    table = pa.table({column: [row[column] for row in rows] for column in KOREA_COLUMNS})
    pq.write_table(table, path, compression="snappy", use_dictionary=False)
    content = bytearray(path.read_bytes())
    for place in range(100, 2_000):
        content[place] ^= 0xFF
    path.write_bytes(bytes(content))


_UNREADABLE: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "missing": ("a.csv", lambda path: None, "does not exist"),
    "folder": ("a.csv", lambda path: path.mkdir(), "not a file"),
    "empty": ("a.csv", lambda path: path.touch(), "is empty"),
    "empty_json": ("a.jsonl", lambda path: path.touch(), "is empty"),
    "only_a_mark": ("a.csv", lambda path: path.write_bytes(b"\xef\xbb\xbf"), "no header"),
    "ending": ("a.xlsx", lambda path: path.write_bytes(b"PK"), "unknown ending"),
    "no_ending": ("rows", lambda path: path.write_bytes(b"a,b\n"), "unknown ending"),
    "twice": ("a.csv", lambda path: path.write_bytes(b"a,a\n1,2\n"), "twice"),
    "no_parquet": ("a.parquet", lambda path: path.write_bytes(b"PAR1 not really PAR1"), "not a Parquet file"),
    "damaged_parquet": ("a.parquet", _damaged_parquet, "a.parquet"),
}


@pytest.mark.parametrize("name", _UNREADABLE)
def test_a_file_that_cannot_be_read_is_named_and_nothing_is_stored(store: Store, tmp_path: Path, name: str) -> None:
    file, make, word = _UNREADABLE[name]
    make(tmp_path / file)
    with pytest.raises(SourceUnreadableError, match=word) as caught:
        import_file(store, tmp_path / file, KOREA, reading=reading(NOW))
    assert file in str(caught.value)
    assert _kept(store) == (0, 0)


def test_a_header_alone_is_a_file_of_no_rows(store: Store, tmp_path: Path) -> None:
    tally = take_in(store, write_csv(tmp_path / "a.csv", KOREA_COLUMNS, []))
    assert tally.received == 0
    pq.write_table(pa.table({column: pa.array([], pa.string()) for column in KOREA_COLUMNS}), tmp_path / "a.parquet")
    assert take_in(store, tmp_path / "a.parquet").received == 0


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_unknown_and_missing_columns_are_named_before_anything_is_stored(
    store: Store, tmp_path: Path, ending: str
) -> None:
    row = korea_row(0)
    other = {("Item Prise" if name == "Item Price" else name): value for name, value in row.items()}
    with pytest.raises(MappingError, match="missing column 'Item Price'; unknown column 'Item Prise'"):
        import_file(store, write_rows(tmp_path / f"a{ending}", [other]), KOREA, reading=reading(NOW))
    more = row | {"Note": "x"}
    with pytest.raises(MappingError, match="unknown column 'Note'"):
        import_file(store, write_rows(tmp_path / f"b{ending}", [more]), KOREA, reading=reading(NOW))
    assert _kept(store) == (0, 0)
    lenient = KOREA.model_copy(update={"ignore": ("Note",)})
    assert counts(take_in(store, write_rows(tmp_path / f"c{ending}", [more]), lenient)) == (1, 0, 0)


def test_a_missing_name_in_one_json_line_costs_that_line(store: Store, tmp_path: Path) -> None:
    short = {name: value for name, value in korea_row(1).items() if name != "Item Price"}
    tally = take_in(store, write_lines(tmp_path / "a.jsonl", korea_row(0), short, [], 5, None, "x"))
    assert counts(tally) == (1, 0, 5)
    assert tally.refusals[0].faults == (("Item Price", "is missing"),)
    (tmp_path / "b.jsonl").write_bytes(b'{"a": \n' + b"[" * 100_000 + b"\n" + b"9" * 5_000 + b"\n")
    assert counts(take_in(store, tmp_path / "b.jsonl")) == (0, 0, 3)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="asks Linux which files are open")
def test_a_refused_file_is_closed(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", ["a", "b"], [b"1,2"])
    with pytest.raises(MappingError) as caught:
        list(rows_of_file(path, KOREA, reading=reading(NOW)))
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert str(path) not in [str(link.readlink()) for link in links if link.is_symlink()]
    assert caught.value is not None  # the error and what its frames hold lived until here


def test_a_header_in_another_encoding_is_a_clear_error(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("编号,日期\n1,2\n".encode("gbk"))
    with pytest.raises(MappingError) as caught:
        import_file(store, tmp_path / "a.csv", KOREA, reading=reading(NOW))
    str(caught.value).encode()  # a terminal can show it


# --- records as they are ---------------------------------------------------------------------------------------------


def write_lines(path: Path, *values: object) -> Path:
    path.write_bytes(b"".join(json.dumps(value).encode() + b"\n" for value in values))
    return path


def declared(value: int = 5, **changes: Any) -> dict[str, Any]:
    payload = {"declaration_no": "n1", "enterprise": "e1", "declared_value_fen": value}
    return {
        "kind": "declaration", "guid": "d1", "source": "a", "event_at": "2026-01-05T00:00:00Z",
        "known_at": "2026-01-05T00:00:00Z", "payload": payload,
    } | changes  # fmt: skip


def inspected(**changes: Any) -> dict[str, Any]:
    payload = {"event": "inspection", "enterprise": "e1", "declaration_no": "n1", "finding": "hit"}
    return (
        declared()
        | {"kind": "supervision", "guid": "i1", "known_at": "2026-01-09T00:00:00Z", "payload": payload}
        | changes
    )


def changed(value: int, day: int = 10) -> dict[str, Any]:
    return declared(value, action="change", known_at=f"2026-01-{day}T00:00:00Z")


def test_an_inspection_restates_the_declaration_as_known_then(store: Store, tmp_path: Path) -> None:
    lines = [inspected(guid="early"), declared(5), inspected(), changed(6), inspected(guid="late")]
    tally = take_in(store, write_lines(tmp_path / "a.jsonl", *lines), None)
    assert counts(tally) == (4, 0, 1)
    assert tally.refusals[0].faults[0][0] == "payload.declaration_no"
    facts = [v.record.payload["facts"]["declared_value_fen"] for v in stored(store, "supervision")]
    assert facts == [5, 6]
    assert counts(take_in(store, write_lines(tmp_path / "b.jsonl", inspected(guid="early")), None)) == (1, 0, 0)


def test_an_inspection_sent_again_is_a_duplicate_whatever_became_of_its_declaration(
    store: Store, tmp_path: Path
) -> None:
    take_in(store, write_lines(tmp_path / "a.jsonl", declared(5), inspected(), changed(6)), None)
    assert counts(take_in(store, write_lines(tmp_path / "b.jsonl", inspected()), None)) == (0, 1, 0)
    take_in(store, write_lines(tmp_path / "c.jsonl", declared(action="delete", payload={})), None)
    assert counts(take_in(store, write_lines(tmp_path / "d.jsonl", inspected()), None)) == (0, 1, 0)


def test_an_inspection_of_a_deleted_declaration_is_refused_or_keeps_whole_facts(store: Store, tmp_path: Path) -> None:
    take_in(store, write_lines(tmp_path / "a.jsonl", declared(5), declared(action="delete", payload={})), None)
    take_in(store, write_lines(tmp_path / "b.jsonl", inspected()), None)
    for version in stored(store, "supervision"):
        assert version.record.payload["facts"]["declared_value_fen"] == 5
        assert read_record(as_envelope(version.record), received_at=NOW).payload == version.record.payload


def test_the_own_facts_of_an_inspection_are_kept(store: Store, tmp_path: Path) -> None:
    own = inspected()["payload"] | {"facts": declared(77)["payload"]}
    take_in(store, write_lines(tmp_path / "a.jsonl", declared(5), inspected(payload=own)), None)
    assert [v.record.payload["facts"]["declared_value_fen"] for v in stored(store, "supervision")] == [77]


def test_facts_come_from_the_own_source_before_others(store: Store, tmp_path: Path) -> None:
    lines = [declared(5), declared(6, source="b"), inspected(), inspected(source="c")]
    take_in(store, write_lines(tmp_path / "a.jsonl", *lines), None)
    assert [v.record.payload["facts"]["declared_value_fen"] for v in stored(store, "supervision")] == [5, 6]


def test_what_becomes_known_later_than_asked_for_is_left_out_and_not_counted(store: Store, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", declared(5), inspected(), declared(-1, guid="d2"))
    until = to_instant(datetime(2026, 1, 9, tzinfo=UTC))
    assert counts(take_in(store, path, None, until=until)) == (1, 0, 1)
    assert counts(take_in(store, path, None, until=until + 1)) == (1, 1, 1)


# --- mappings --------------------------------------------------------------------------------------------------------


def test_the_columns_of_the_public_sets_are_those_of_their_mappings() -> None:
    assert KOREA.columns == KOREA_COLUMNS
    assert SCMS.columns == SCMS_COLUMNS
    assert mapping_names() == ("korea", "scms")


def test_korea_gives_a_declaration_and_its_outcome_one_day_later(store: Store, tmp_path: Path) -> None:
    row = korea_row(7, Fraud="1", Critical_Fraud="2", Tax_Rate="13.6", Item_Price="1234.565", Importer_ID="QLRUBN9")
    take_in(store, write_rows(tmp_path / "a.csv", [row]))
    (declaration,), (outcome,) = stored(store), stored(store, "supervision")
    asked = to_instant(datetime(2020, 3, 5, tzinfo=timezone(timedelta(hours=9))))
    assert (declaration.record.event_at, declaration.record.known_at) == (asked, asked)
    assert outcome.record.known_at == asked + DAY
    payload = declaration.record.payload
    expected = {
        "declaration_no": "90000007", "enterprise": "QLRUBN9", "hs_code": "030617", "origin": "VN", "tax_rate_bp": 1360,
        "net_mass_g": 12_346, "declared_value_fen": 123_456,
    }  # fmt: skip
    assert {name: payload[name] for name in expected} == expected
    assert "seller" not in payload  # an empty cell is nothing
    assert payload["traits"]["process_type"] == "AA"
    found = outcome.record.payload
    assert (found["finding"], found["violation"]) == ("hit", "critical_fraud")
    assert found["facts"] == payload


def test_the_question_of_a_declaration_never_holds_its_outcome(store: Store, tmp_path: Path) -> None:
    take_in(store, write_rows(tmp_path / "a.csv", [korea_row(n, Fraud=str(n % 2)) for n in range(4)]))
    for version in stored(store):
        assert not {"Fraud", "Critical Fraud", "finding", "violation"} & set(str(version.record.payload).split("'"))


_days = st.dates(date(2000, 1, 1), date(2019, 12, 31))


@settings(max_examples=200, deadline=None)
@given(scheduled=_days, delivered=_days, recorded=_days)
def test_scms_asks_only_of_what_is_not_recorded_yet(scheduled: date, delivered: date, recorded: date) -> None:
    def written(day: date) -> str:
        return day.strftime("%d-%b-%y")

    def instant(day: date) -> int:
        return to_instant(datetime(day.year, day.month, day.day, tzinfo=UTC))

    row = scms_row(
        1, Scheduled_Delivery_Date=written(scheduled), Delivered_to_Client_Date=written(delivered),
        Delivery_Recorded_Date=written(recorded),
    )  # fmt: skip
    mapped = apply_mapping(SCMS, row)
    assert mapped.faults == ()
    *questions, outcome = (read_record(raw, received_at=NOW, historical=True) for raw in mapped.raws)
    assert len(questions) == (recorded >= scheduled)
    assert outcome.known_at == max(instant(delivered), instant(recorded))
    assert outcome.payload["finding"] == ("hit" if delivered > scheduled else "clean")
    assert not any(name in key for key in outcome.payload["facts"] for name in ("Delivered", "Recorded"))
    for question in questions:
        assert question.event_at == question.known_at == instant(scheduled) <= outcome.known_at
        assert question.payload == outcome.payload["facts"]


def test_scms_mixes_notes_and_numbers(store: Store, tmp_path: Path) -> None:
    rows = [scms_row(1), scms_row(2) | {"Weight (Kilograms)": "12.5", "Shipment Mode": "Air"}]
    assert counts(take_in(store, write_rows(tmp_path / "a.csv", rows), SCMS)) == (2, 0, 0)
    first, second = (v.record.payload for v in stored(store))
    assert "gross_mass_g" not in first
    assert "transport_mode" not in first
    assert (second["gross_mass_g"], second["transport_mode"], second["declared_value_fen"]) == (12_500, "Air", 55_125)
    assert first["direction"] == "export"


def own_mapping(folder: Path, text: str) -> Mapping:
    (folder / "own.yaml").write_text(text, encoding="utf-8")
    return load_mapping(str(folder / "own.yaml"))


OWN = """
name: own
title: t
source: s
columns: [number, at, firm, value]
records:
  - kind: declaration
    guid: "g-{number}"
    event_at: {column: at, format: "%Y-%m-%d", zone: Asia/Seoul}
    fields:
      declaration_no: number
      enterprise: firm
      declared_value_fen: {column: value, scale: 1}
"""


@pytest.mark.parametrize("ending", ENDINGS)
def test_numbers_may_be_numbers(store: Store, tmp_path: Path, ending: str) -> None:
    rows = [
        {"number": 1, "at": "2026-01-01", "firm": "f1", "value": 5.0}, {"number": 2, "at": "2026-01-01", "firm": "f1", "value": -1.0},
        {"number": 3, "at": "2026-01-01", "firm": None, "value": 5.0},
    ]  # fmt: skip
    tally = take_in(store, write_rows(tmp_path / f"a{ending}", rows), own_mapping(tmp_path, OWN))
    assert counts(tally) == (1, 0, 2)
    assert stored(store)[0].record.payload["declared_value_fen"] == 5


def test_a_moment_of_parquet_keeps_its_own_zone_and_takes_the_mapping_s_where_it_has_none(
    store: Store, tmp_path: Path
) -> None:
    naive = datetime(2026, 1, 1, 9)  # noqa: DTZ001 - the mapping says where
    for number, (moment, expected) in enumerate(
        [
            (naive.replace(tzinfo=UTC), naive.replace(tzinfo=UTC)),
            (naive, naive.replace(tzinfo=timezone(timedelta(hours=9)))),
        ]
    ):
        rows = [{"number": number, "at": moment, "firm": "f1", "value": 5}]
        assert counts(take_in(store, write_rows(tmp_path / "a.parquet", rows), own_mapping(tmp_path, OWN))) == (1, 0, 0)
        assert from_instant(stored(store)[-1].record.event_at) == expected


def test_a_condition_that_cannot_be_read_is_a_fault_of_its_column(tmp_path: Path) -> None:
    when = '{column: %s, format: "%%Y-%%m-%%d"}'
    text = OWN.replace("value]", "value, until]").replace(
        "    fields:\n", f"    unless: {{first: {when % 'at'}, second: {when % 'until'}}}\n    fields:\n"
    )
    mapping, row = own_mapping(tmp_path, text), {"number": "1", "at": "2026-01-02", "firm": "f1", "value": "5"}
    assert len(apply_mapping(mapping, row | {"until": "2026-01-02"}).raws) == 1
    assert apply_mapping(mapping, row | {"until": "2026-01-01"}).raws == ()
    assert [column for column, _ in apply_mapping(mapping, row | {"until": "soon"}).faults] == ["until"]


_BROKEN_MAPPINGS = {
    "no yaml": "a: [",
    "a list": "- a",
    "empty": "",
    "unknown field": OWN + "colour: red\n",
    "no records": OWN.partition("records:")[0],
    "unknown column of a field": OWN.replace("enterprise: firm", "enterprise: company"),
    "unknown column of the guid": OWN.replace("g-{number}", "g-{no}"),
    "unknown column of a moment": OWN.replace("column: at", "column: when"),
    "unknown zone": OWN.replace("Asia/Seoul", "Asia/Nowhere"),
    "unknown kind": OWN.replace("kind: declaration", "kind: parcel"),
    "fields are a list": OWN.partition("fields:")[0] + "fields: [a, b]\n",
    "delay": OWN + "delay: none\n",
    "unknown column of a condition": OWN.replace(
        "    fields:\n", "    unless: {first: {column: at, format: d}, second: {column: when, format: d}}\n    fields:\n"
    ),
    "restates a list": OWN.replace("    fields:\n", "    restates: [a, b]\n    fields:\n"),
}


@pytest.mark.parametrize("name", _BROKEN_MAPPINGS)
def test_a_broken_mapping_is_refused_before_any_row(tmp_path: Path, name: str) -> None:
    with pytest.raises(MappingError, match=r"own\.yaml"):
        own_mapping(tmp_path, _BROKEN_MAPPINGS[name])


def test_a_mapping_that_is_not_there_or_not_text_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="korea, scms"):
        load_mapping("japan")
    with pytest.raises(MappingError, match="does not exist"):
        load_mapping(str(tmp_path / "none.yaml"))
    (tmp_path / "gbk.yaml").write_bytes(OWN.replace("title: t", "title: 清单").encode("gbk"))
    with pytest.raises(MappingError, match=r"gbk\.yaml"):
        load_mapping(str(tmp_path / "gbk.yaml"))


def test_rows_carry_how_far_reading_came(tmp_path: Path) -> None:
    for ending in ENDINGS:
        path = write_rows(tmp_path / f"a{ending}", [korea_row(n) for n in range(5)])
        places = [(at, size) for _, at, size in rows_of_file(path, KOREA, reading=reading(NOW))]
        assert len(places) == 5
        assert [at for at, _ in places] == sorted(at for at, _ in places)
        assert places[-1][0] <= places[-1][1] < OPEN


def test_columns_without_a_mapping_are_one_clear_error(store: Store, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", KOREA_COLUMNS, [csv_line(list(korea_row(0).values()))])
    with pytest.raises(MappingError, match="--mapping"):
        import_file(store, path, None, reading=reading(NOW))


def test_an_unknown_name_in_json_lines_is_a_fault(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json_line(korea_row(0) | {"Item Prise": "5"}).decode() + "\n")
    tally = take_in(store, tmp_path / "a.jsonl")
    assert counts(tally) == (0, 0, 1)
    assert [field for field, _ in tally.refusals[0].faults] == ["Item Prise"]
