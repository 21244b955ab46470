"""Laws of the code tables: one meaning a code and day; rates exact, latest and never stale; enterprise codes checked."""

import re
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.isin import _country_codes

from data.codes import MAX_AGE_DAYS, TABLES, Entry, Rate, Rates, Table, enterprise_fault, read_rates, table
from data.codes.tables import parse_table
from data.errors import InvalidRecordError, NotFoundError, SourceUnreadableError
from data.values import uscc_check_character

TODAY = date(2026, 6, 1)
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
HEADER = "code\tiso\tiso3\tzh\ten\tvalid_from\tvalid_until\n"
_LAWS = settings(max_examples=300, deadline=None)

days = st.dates(date(2010, 1, 1), date(2040, 12, 31))
amounts = st.integers(-(10**15), 10**15)


@pytest.fixture(params=TABLES)
def any_table(request: pytest.FixtureRequest) -> Table:
    return table(request.param)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rates.csv"
    path.write_text(text, encoding="utf-8")
    return path


# tables


def test_every_table_states_its_source_and_names_every_code_in_two_languages(any_table: Table) -> None:
    assert "Source: " in any_table.source
    assert len(any_table) > 0
    for entry in any_table:
        assert re.search("[\u4e00-\u9fff]", entry.zh)
        assert entry.en.strip() == entry.en
        assert entry.en


def test_every_code_means_one_thing_a_day_and_is_found_by_its_code(any_table: Table) -> None:
    rows = list(any_table)
    for entry in rows:
        assert sum(other.code == entry.code and other.valid(TODAY) for other in rows) <= 1
        if not entry.code.endswith("*"):
            assert any_table.get(entry.code, TODAY) == entry
            assert any_table.is_valid(entry.code, TODAY)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("country", "[0-9]{3}"), ("currency", "[0-9]{3}"), ("customs_office", r"[0-9]{4}|[0-9]{2}\*\*"), ("return_status", r"[0-9]{1,3}|-\*"),
        ("supervision_mode", "[0-9]{4}"), ("transport_mode", "[0-9A-Z]"), ("unit", "[0-9]{3}"),
    ],
)  # fmt: skip
def test_codes_have_the_form_that_messages_give_them(name: str, form: str) -> None:
    assert all(re.fullmatch(form, entry.code) for entry in table(name))


@pytest.mark.parametrize(
    ("name", "code", "en"),
    [
        ("country", "142", "China"), ("country", "116", "Japan"), ("country", "502", "United States"), ("country", "110", "Hong Kong, China"),
        ("currency", "142", "Renminbi yuan"), ("unit", "007", "piece"), ("unit", "011", "item"), ("unit", "035", "kilogram"),
        ("transport_mode", "5", "Air"), ("return_status", "800", "Released"), ("supervision_mode", "0110", "General trade"),
    ],
)  # fmt: skip
def test_known_codes(name: str, code: str, en: str) -> None:
    entry = table(name).get(code, TODAY)
    assert entry is not None
    assert entry.en == en


@pytest.mark.parametrize("name", ["country", "currency"])
def test_iso_codes_are_unique_and_round_trip(name: str) -> None:
    rows = [entry for entry in table(name) if entry.iso]
    for entry in rows:
        assert entry.iso is not None
        assert table(name).by_iso(entry.iso, TODAY) == entry
        if entry.iso3:
            assert table(name).by_iso(entry.iso3, TODAY) == entry
    assert len({entry.iso for entry in rows}) == len(rows)
    assert table(name).by_iso("QQ", TODAY) is None


def test_iso_codes_of_countries_exist_and_come_in_pairs() -> None:
    for entry in table("country"):
        assert (entry.iso is None) == (entry.iso3 is None)
        assert entry.iso is None or entry.iso in _country_codes
        assert entry.iso3 is None or re.fullmatch("[A-Z]{3}", entry.iso3)


@pytest.mark.parametrize(
    ("iso", "iso3"),
    [("AT", "AUT"), ("AU", "AUS"), ("CH", "CHE"), ("DE", "DEU"), ("NE", "NER"), ("NG", "NGA"), ("KP", "PRK"), ("KR", "KOR"), ("SK", "SVK")],
)  # fmt: skip
def test_both_iso_codes_of_a_country_name_the_same_entry(iso: str, iso3: str) -> None:
    countries = table("country")
    assert countries.by_iso(iso, TODAY) == countries.by_iso(iso3, TODAY) is not None


def test_a_currency_has_the_iso_code_of_a_country_of_its_own() -> None:
    """ISO 4217 begins with the country's ISO 3166-1 code, but for the euro; customs mostly uses the country's own number."""
    for entry in table("currency"):
        assert entry.iso
        if entry.iso != "EUR":
            country = table("country").get(entry.code, TODAY)
            assert country is not None
            assert country.iso == entry.iso[:2]


@pytest.mark.parametrize(
    ("mode", "first"),
    [("9610", date(2014, 2, 10)), ("1210", date(2014, 8, 1)), ("1239", date(2016, 12, 1)), ("9710", date(2020, 7, 1)), ("9810", date(2020, 7, 1))],
)  # fmt: skip
def test_e_commerce_modes_begin_on_their_day(mode: str, first: date) -> None:
    modes = table("supervision_mode")
    assert modes.is_valid(mode, first)
    assert not modes.is_valid(mode, first - timedelta(days=1))


@pytest.mark.parametrize("code", ["7900", "7909", "7999", "2201"])
def test_an_unlisted_office_of_a_known_district_is_valid(code: str) -> None:
    assert table("customs_office").is_valid(code, TODAY)


def test_a_listed_office_goes_before_its_district() -> None:
    offices = table("customs_office")
    listed, other = offices.get("2201", TODAY), offices.get("2202", TODAY)
    assert listed is not None
    assert other is not None
    assert (listed.code, other.code) == ("2201", "22**")


@pytest.mark.parametrize("code", ["79", "79**", "790", "79000", "3000", "79A1", "", "７９００"])
def test_what_is_no_office_is_not_valid(code: str) -> None:
    assert not table("customs_office").is_valid(code, TODAY)


@pytest.mark.parametrize(
    ("code", "valid"), [("-1", True), ("-301021", True), ("-", False), ("-*", False), ("0", False), ("--1", False)]
)
def test_negative_statuses_are_exceptions(code: str, valid: bool) -> None:
    assert table("return_status").is_valid(code, TODAY) is valid


def test_an_unknown_table_names_the_known_ones() -> None:
    with pytest.raises(NotFoundError, match="supervision_mode"):
        table("../country")


@_LAWS
@given(days)
def test_a_code_with_periods_has_on_each_day_the_entry_of_that_day(day: date) -> None:
    periods = parse_table("t", HEADER + "A\t\t\t新\tnew\t2020-01-01\t\nA\t\t\t旧\told\t\t2015-12-31\n")
    found = periods.get("A", day)
    expected = "old" if day <= date(2015, 12, 31) else "new" if day >= date(2020, 1, 1) else None
    assert (found.en if found else None) == expected


@pytest.mark.parametrize(
    "rows",
    [
        "A\t\t\t一\tone\t\t\nA\t\t\t二\ttwo\t\t\n",
        "A\t\t\t一\tone\t\t2020-01-01\nA\t\t\t二\ttwo\t2020-01-01\t\n",
        "A\tCN\t\t一\tone\t\t\nB\tCN\t\t二\ttwo\t\t\n",
        "A*\t\t\t一\tone\t\t\nA*\t\t\t二\ttwo\t\t\n",
        "A\t\t\t一\tone\t\n",
        "A\t\t\t\tone\t\t\n",
        "A\t\t\t一\tone\t2020-13-01\t\n",
    ],
)
def test_a_damaged_table_is_refused(rows: str) -> None:
    with pytest.raises(SourceUnreadableError):
        parse_table("t", HEADER + rows)


def test_a_table_with_other_columns_is_refused() -> None:
    with pytest.raises(SourceUnreadableError, match="line 2"):
        parse_table("t", "# Source: none\ncode\tname\n")


def test_entries_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Entry("A", "一", "one").code = "B"  # type: ignore[misc]


# rates


@_LAWS
@given(amounts, days)
def test_converting_yuan_changes_nothing(amount: int, day: date) -> None:
    assert Rates().to_fen(amount, "142", day) == amount


@_LAWS
@given(amounts, amounts, st.integers(1, 10**9))
def test_conversion_is_monotone_and_within_half_a_fen(one: int, other: int, micro: int) -> None:
    book = Rates((Rate("502", TODAY, micro),))
    low, high = (book.to_fen(amount, "502", TODAY) for amount in sorted((one, other)))
    assert low is not None
    assert high is not None
    assert low <= high
    exact = Fraction(min(one, other) * micro, 1_000_000)
    assert low == round(exact)  # Python rounds a fraction half to even


@pytest.mark.parametrize(("hundredths", "fen"), [(1, 0), (3, 2), (5, 2), (7, 4), (-1, 0), (-3, -2)])
def test_halves_round_to_even(hundredths: int, fen: int) -> None:
    assert Rates((Rate("502", TODAY, 500_000),)).to_fen(hundredths, "502", TODAY) == fen


@_LAWS
@given(st.sets(st.integers(0, 400), min_size=1, max_size=12), st.integers(-10, 600))
def test_the_latest_rate_before_the_day_is_used_unless_it_is_stale(starts: set[int], asked: int) -> None:
    first = date(2025, 1, 1)
    book = Rates(tuple(Rate("502", first + timedelta(days=start), 1 + start) for start in starts))
    found = book.of("502", first + timedelta(days=asked))
    fitting = [start for start in starts if 0 <= asked - start <= MAX_AGE_DAYS]
    assert (found.micro_cny if found else None) == (1 + max(fitting) if fitting else None)
    assert (book.to_fen(100, "502", first + timedelta(days=asked)) is None) == (not fitting)


def test_a_rate_serves_on_its_last_day_and_not_on_the_next() -> None:
    book = Rates((Rate("502", TODAY, 7_000_000),))
    assert book.of("502", TODAY + timedelta(days=MAX_AGE_DAYS)) is not None
    assert book.of("502", TODAY + timedelta(days=MAX_AGE_DAYS + 1)) is None
    assert book.of("502", TODAY - timedelta(days=1)) is None
    assert book.of("300", TODAY) is None


def test_contradictory_rates_are_refused_and_repeated_ones_are_not() -> None:
    rate = Rate("502", TODAY, 7_000_000)
    assert Rates((rate, rate)).of("502", TODAY) == rate
    with pytest.raises(InvalidRecordError, match="502"):
        Rates((rate, Rate("502", TODAY, 7_000_001)))


def test_reading_rates_by_customs_code_and_by_iso(tmp_path: Path) -> None:
    path = write(
        tmp_path, "\ufeffvalid_from,currency,cny_per_100\r\n2026-05-01,USD,718.84\r\n\r\n2026-05-01,116,4.9235\r\n"
    )
    assert read_rates(path) == (Rate("502", date(2026, 5, 1), 7_188_400), Rate("116", date(2026, 5, 1), 49_235))
    assert Rates(read_rates(path)).to_fen(10_000, "502", TODAY) == 71_884


@_LAWS
@given(st.integers(1, 10**10))
def test_four_places_are_read_exactly(ten_thousandths: int) -> None:
    from data.codes.rates import _micro_cny

    assert _micro_cny(f"{ten_thousandths // 10_000}.{ten_thousandths % 10_000:04}") == ten_thousandths


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("XXX,2026-05-01,700", "currency"), ("USD,2026-05-32,700", "valid_from"), ("USD,20260501,700", "valid_from"), ("USD,,700", "valid_from"),
        ("USD,2026-05-01,many", "cny_per_100"), ("USD,2026-05-01,0", "cny_per_100"), ("USD,2026-05-01,-7", "cny_per_100"),
        ("USD,2026-05-01,NaN", "cny_per_100"), ("USD,2026-05-01,Infinity", "cny_per_100"), ("USD,2026-05-01,1e99", "cny_per_100"),
        ("USD,2026-05-01,1e999999999", "cny_per_100"), ("USD,2026-05-01,700.00001", "cny_per_100"), ("USD,2026-05-01,", "cny_per_100"),
        ("USD,2026-05-01", "cny_per_100"), ("USD,2026-05-01,700,1", "row"), ("CNY,2026-05-01,100", "currency"), (",2026-05-01,700", "currency"),
        ("EUR,2026-05-01,1", "valid_from"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_used_is_named_with_its_field(tmp_path: Path, row: str, field: str) -> None:
    path = write(tmp_path, f"currency,valid_from,cny_per_100\nEUR,2026-05-01,780\n{row}\n")
    with pytest.raises(InvalidRecordError) as caught:
        read_rates(path)
    assert [name for name, _ in caught.value.faults] == [f"line 3: {field}"]


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "currency,valid_from,cny_per_100\nXXX,never,none\nUSD,2026-05-01,-1\n")
    with pytest.raises(InvalidRecordError) as caught:
        read_rates(path)
    assert [name for name, _ in caught.value.faults] == [
        "line 2: valid_from", "line 2: currency", "line 2: cny_per_100", "line 3: cny_per_100",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "content", [b"", b"currency,valid_from\n", b"a,b,c\n", b"\xff\xfe", b'currency,valid_from,cny_per_100\n"USD" x,,\n']
)
def test_a_file_that_is_no_rate_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rates.csv"
    path.write_bytes(content)
    with pytest.raises(SourceUnreadableError, match=r"rates\.csv"):
        read_rates(path)


@pytest.mark.parametrize("name", ["absent.csv", "."])
def test_a_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceUnreadableError, match="cannot be read"):
        read_rates(tmp_path / name)


# enterprises

uscc = st.text(ALPHABET, min_size=17, max_size=17).map(lambda first: first + uscc_check_character(first))


@_LAWS
@given(uscc)
def test_a_code_with_its_check_character_is_good(code: str) -> None:
    assert enterprise_fault(code) is None


@_LAWS
@given(uscc, st.integers(0, 17), st.sampled_from(ALPHABET + "IOSVZ- "))
def test_any_single_changed_character_is_caught(code: str, place: int, character: str) -> None:
    changed = code[:place] + character + code[place + 1 :]
    fault = enterprise_fault(changed)
    assert (fault is None) == (changed == code)
    assert fault is None or changed not in fault


@_LAWS
@given(
    st.sampled_from(["11", "31", "33", "44", "50", "51", "65"]), st.text("0123456789", min_size=2, max_size=2),
    st.sampled_from("0123456789ABWZ"), st.sampled_from("123456789"), st.text("0123456789ABCXYZ", min_size=4, max_size=4),
)  # fmt: skip
def test_a_customs_registration_code_is_good(province: str, city: str, zone: str, kind: str, serial: str) -> None:
    assert enterprise_fault(province + city + zone + kind + serial) is None


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("0105960001", "division"), ("7105960001", "division"), ("A105960001", "division"), ("51059600０1", "last 4"), ("5105*60001", "5th"),
        ("5105900001", "6th"), ("51059A0001", "6th"), ("510596000-", "last 4"), ("510596000a", "last 4"), ("510596000", "18 characters"),
        ("", "18 characters"), ("91510500MA6200001", "18 characters"), ("x" * 1000, "18 characters"), ("91510500ma6200001k", "cannot have"),
        ("91510500MA620000IK", "cannot have"), ("915105００MA6200001K", "cannot have"),
    ],
)  # fmt: skip
def test_what_is_no_enterprise_code_is_told_in_words_without_the_code(code: str, reason: str) -> None:
    fault = enterprise_fault(code)
    assert fault is not None
    assert reason in fault
    assert not code or code not in fault
