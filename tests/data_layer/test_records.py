"""Laws of reading a record: a valid one gives the same `Record` however it is written, any other names its faults."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import InvalidRecordError
from data.payloads import KINDS, PAYLOADS
from data.records import (
    CLOCK_TOLERANCE,
    Envelope,
    Record,
    as_envelope,
    canonical,
    digest_of,
    make_record,
    read_record,
)  # fmt: skip
from data.times import DAY, OPEN, SECOND, from_instant, midnight, to_instant
from data.values import uscc_check_character

NOW = midnight(20_600)
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_LAWS = settings(max_examples=300, deadline=None)

text_values = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(str.strip)
amounts = st.integers(0, 10**15)
firms = st.sampled_from(["KR-0001", "91510500MA6200001K", "某公司"])
moments = st.builds(
    lambda second, zone: datetime.fromtimestamp(second, zone),
    st.integers(0, 1_777_500_000),
    st.sampled_from([UTC, timezone(timedelta(hours=8))]),
)


def declared(**changes: Any) -> dict[str, Any]:
    """A valid declaration as a sender writes it, with fields of its payload changed."""
    payload = {"declaration_no": "n1", "enterprise": "91510500MA6200001K", "declared_value_fen": 45_900, **changes}
    return {
        "kind": "declaration", "guid": "g1", "source": "single-window",
        "event_at": "2026-05-01T10:15:00+08:00", "payload": payload,
    }  # fmt: skip


def read(raw: object, *, historical: bool = False, received_at: int = NOW) -> Record:
    return read_record(raw, received_at=received_at, historical=historical)


def faults(raw: object, **options: Any) -> dict[str, str]:
    with pytest.raises(InvalidRecordError) as caught:
        read(raw, **options)
    return dict(caught.value.faults)


@st.composite
def envelopes(draw: st.DrawFn) -> dict[str, Any]:
    """Valid envelopes of several kinds and all actions, with what may be left out left out at times."""
    kind = draw(st.sampled_from(["declaration", "public_credit", "settlement", "supervision", "identity"]))
    options: dict[str, Any] = {
        "declaration": {"declaration_no": text_values, "enterprise": firms, "declared_value_fen": amounts},
        "public_credit": {"enterprise": firms, "event": st.sampled_from(["award", "listing"]), "authority": text_values},
        "settlement": {"enterprise": firms, "subject": st.just("tax_rebate"), "amount_fen": amounts},
        "supervision": {
            "event": st.just("inspection"), "enterprise": firms, "declaration_no": text_values,
            "finding": st.sampled_from(["hit", "clean"]),
        },
        "identity": {
            "enterprise": firms, "name": text_values, "role": st.just("agent"),
            "registered_on": moments.map(datetime.isoformat),
        },
    }[kind]  # fmt: skip
    extra: dict[str, Any] = {
        "declaration": {"hs_code": st.from_regex(r"[0-9]{2,10}", fullmatch=True), "origin": text_values,
                        "traits": st.dictionaries(text_values, text_values, max_size=3), "net_mass_g": amounts},
        "supervision": {"duty_recovered_fen": amounts, "inclusion_permille": st.integers(0, 1000)},
    }.get(kind, {})  # fmt: skip
    action = draw(st.sampled_from(["new", "new", "change", "delete", "repair"]))
    event_at = draw(moments)
    raw = {
        "kind": kind, "guid": draw(text_values), "source": draw(text_values), "action": action,
        "event_at": event_at.isoformat(), "known_at": (event_at + draw(st.timedeltas(timedelta(0), timedelta(9)))).isoformat(),
        "payload": draw(st.fixed_dictionaries(options, optional=extra)),
    }  # fmt: skip
    if draw(st.booleans()):
        raw["usable_until"] = draw(moments).isoformat()
    return raw


# --- valid records ---------------------------------------------------------------------------------------------------


@_LAWS
@given(raw=envelopes())
def test_a_record_reads_back_from_its_own_envelope(raw: dict[str, Any]) -> None:
    record = read(raw, historical=True)
    written = json.loads(json.dumps(as_envelope(record)))
    assert read(written, historical=True) == record
    assert read(written).digest == record.digest


@_LAWS
@given(raw=envelopes(), later=st.integers(0, 10**16), data=st.data())
def test_the_digest_knows_neither_the_order_of_keys_nor_when_the_record_arrived(
    raw: dict[str, Any], later: int, data: st.DataObject
) -> None:
    def shuffled(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: shuffled(value[key]) for key in data.draw(st.permutations(list(value)))}

    record = read(raw)
    assert record.known_at == NOW
    again = read(shuffled({k: v for k, v in raw.items() if k != "known_at"}), received_at=NOW + later)
    assert again.known_at == NOW + later
    assert again.digest == record.digest


@_LAWS
@given(raw=envelopes(), data=st.data())
def test_any_other_content_has_another_digest(raw: dict[str, Any], data: st.DataObject) -> None:
    record = read(raw)
    name = data.draw(st.sampled_from(["guid", "source", "event_at", "usable_until", "enterprise"]))
    if name == "enterprise":
        if record.payload:
            other = read(raw | {"payload": raw["payload"] | {"enterprise": "another"}})
            assert other.digest != record.digest
        return
    value = "2001-01-01T00:00:00+00:00" if name.endswith(("_at", "_until")) else raw[name] + "x"
    if raw.get(name) != value:
        assert read(raw | {name: value}).digest != record.digest


def test_one_moment_in_two_zones_is_one_record() -> None:
    there = read(declared() | {"event_at": "2026-05-01T10:15:00+08:00"})
    here = read(declared() | {"event_at": "2026-05-01T02:15:00Z"})
    assert there == here
    assert there.event_at == to_instant(datetime(2026, 5, 1, 2, 15, tzinfo=UTC))


def test_known_at_is_stamped_by_intake_and_carried_only_by_imports_of_the_past() -> None:
    raw = declared() | {"known_at": "2026-05-02T00:00:00+08:00"}
    assert read(raw).known_at == NOW
    assert read(raw, historical=True).known_at == to_instant(datetime.fromisoformat(raw["known_at"]))
    assert read(declared(), historical=True).known_at == NOW


@pytest.mark.parametrize("action", ["delete", "repair"])
def test_ends_carry_no_payload(action: str) -> None:
    record = read(declared() | {"action": action})
    assert record.payload == {}
    assert record.reference is None


def test_every_kind_has_a_payload_and_every_payload_is_closed() -> None:
    assert set(KINDS) == set(PAYLOADS)
    for kind in KINDS:
        found = faults({**declared(), "kind": kind, "payload": {"no_such_field": 1}})
        assert found["payload.no_such_field"] == "is not a declared field"


def test_a_moment_out_of_the_calendar_is_a_fault_and_never_breaks_what_writes_it() -> None:
    for moment in ("9999-12-31T23:59:59-08:00", "0001-01-01T00:00:00+08:00"):
        for name in ("usable_until", "event_at"):
            try:
                record = read(declared() | {name: moment})
            except InvalidRecordError:
                continue
            assert read(as_envelope(record), historical=True) == record


# --- anything else ---------------------------------------------------------------------------------------------------

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(2**62, 2**70), st.floats(), st.text(),
    st.text(st.characters(categories=["Cs", "Cc", "Ll"])), st.sampled_from(["declaration", "new", "2026-05-01T10:15:00+08:00"]),
)  # fmt: skip
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from([*Envelope.model_fields, *PAYLOADS["declaration"].model_fields, "x", "", "\ud800", "\x00"])


@st.composite
def damaged(draw: st.DrawFn) -> object:
    """A valid declaration of which some values were replaced by anything."""
    raw = declared(traits={"a": "b"})
    for name, value in draw(st.dictionaries(names, json_values, min_size=1, max_size=3)).items():
        target: dict[str, Any] = raw
        if isinstance(raw["payload"], dict) and draw(st.booleans()):
            target = raw["payload"]
        target[name] = value
    return raw


@settings(_LAWS, max_examples=800)
@given(raw=json_values | damaged(), historical=st.booleans())
def test_any_value_is_a_record_or_a_list_of_named_faults(raw: object, historical: bool) -> None:
    try:
        record = read(raw, historical=historical)
    except InvalidRecordError as error:
        named = error.faults
    else:
        named = None
        canonical(record.payload)
        assert read(as_envelope(record), historical=True) == record
    if named is not None:
        assert named
        for field, reason in named:
            assert field
            assert reason
            (field + reason).encode()  # faults go to the sender and into the database


@pytest.mark.parametrize("raw", [None, [], "x", 5, True, [declared()], {}, {"kind": "declaration"}])
def test_what_is_no_envelope_is_refused(raw: object) -> None:
    assert faults(raw)


def test_every_fault_is_named_at_once() -> None:
    found = faults(declared(enterprise="", declared_value_fen=-1, hs_code="85AB", colour="red"))
    assert set(found) == {
        "payload.enterprise", "payload.declared_value_fen", "payload.hs_code", "payload.colour",
    }  # fmt: skip
    assert set(faults({})) == {"kind", "guid", "source", "event_at"}


def test_a_fault_does_not_repeat_the_value() -> None:
    for changes in (
        {"buyer": ["secret-person"]},
        {"declared_value_fen": "secret-person"},
        {"direction": "secret-person"},
    ):
        assert "secret-person" not in str(faults(declared(**changes)))


# --- fields ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [-1, -0.5, 1.5, 459.0, math.nan, math.inf, 1e30, 10**30, 10**15 + 1, True, "459", None, [], {}]
)
@pytest.mark.parametrize("field", ["declared_value_fen", "net_mass_g"])
def test_money_and_mass_are_integers_within_bounds(field: str, value: object) -> None:
    raw = declared(**{field: value})
    if value is None and field == "net_mass_g":
        assert "net_mass_g" not in read(raw).payload
        return
    assert set(faults(raw)) == {f"payload.{field}"}


@pytest.mark.parametrize("value", [True, "5", 5.0, -1, 1001])
def test_a_share_in_thousandths_is_an_integer_within_bounds(value: object) -> None:
    payload = {"event": "inspection", "enterprise": "e1", "declaration_no": "n", "finding": "hit"}
    raw = {**declared(), "kind": "supervision", "payload": payload | {"inclusion_permille": value}}
    assert set(faults(raw)) == {"payload.inclusion_permille"}


@_LAWS
@given(value=amounts)
def test_every_amount_within_bounds_is_kept_exactly(value: int) -> None:
    record = read(declared(declared_value_fen=value))
    assert record.payload["declared_value_fen"] == value
    assert type(record.payload["declared_value_fen"]) is int


def test_a_date_in_the_future_is_refused_beyond_the_tolerance_of_clocks() -> None:
    def at(instant: int) -> dict[str, Any]:
        return declared() | {"event_at": from_instant(instant).isoformat()}

    assert read(at(NOW + CLOCK_TOLERANCE)).event_at == NOW + CLOCK_TOLERANCE
    found = faults(at(NOW + CLOCK_TOLERANCE + 1))
    assert set(found) == {"event_at"}
    assert "future" in found["event_at"]
    known = at(NOW - DAY) | {"known_at": from_instant(NOW + SECOND).isoformat()}
    assert set(faults(known, historical=True)) == {"known_at"}
    assert read(known).known_at == NOW


@pytest.mark.parametrize(
    "value",
    [
        "2026-05-01T10:15:00",
        "2026-05-01",
        "01.05.2026",
        "",
        "soon",
        "2026-13-01T00:00:00Z",
        20260501,
        1.5,
        True,
        None,
        [],
    ],
)
@pytest.mark.parametrize("field", ["event_at", "usable_until"])
def test_a_moment_is_text_with_its_zone(field: str, value: object) -> None:
    if value is None and field == "usable_until":
        assert read(declared() | {field: value}).usable_until == OPEN
        return
    assert set(faults(declared() | {field: value})) == {field}


@pytest.mark.parametrize("value", ["", " ", "a\x00b", "a\nb", "x" * 101, 5, None, ["a"], "\ud800"])
def test_codes_are_short_printable_text(value: object) -> None:
    if value != " ":  # spaces around a guid are the sender's; within payloads they are stripped
        assert set(faults(declared() | {"guid": value})) == {"guid"}
    assert set(faults(declared(declaration_no=value))) == {"payload.declaration_no"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("kind", "parcel"), ("action", "drop"), ("payload", []), ("payload", None), ("payload", "x"), ("colour", "red")],
)
def test_a_wrong_envelope_field_is_named(field: str, value: object) -> None:
    assert set(faults(declared() | {field: value})) == {field}


@pytest.mark.parametrize(
    ("payload", "word"),
    [
        ({"event": "inspection", "enterprise": "e1"}, "finding"),
        ({"event": "inspection", "enterprise": "e1", "finding": "hit"}, "declaration_no"),
        ({"event": "statutory_level", "enterprise": "e1"}, "level"),
    ],
)
def test_what_an_event_needs_is_named(payload: dict[str, str], word: str) -> None:
    found = faults({**declared(), "kind": "supervision", "payload": payload})
    assert word in "".join(found.values())


# --- unified social credit codes -------------------------------------------------------------------------------------

first_17 = st.text(st.sampled_from(ALPHABET), min_size=17, max_size=17)


@_LAWS
@given(body=first_17)
def test_exactly_one_check_character_is_right(body: str) -> None:
    right = [c for c in ALPHABET if not _refused(body + c)]
    assert right == [uscc_check_character(body)]


@_LAWS
@given(body=first_17, place=st.integers(0, 16), data=st.data())
def test_one_wrong_character_is_always_seen(body: str, place: int, data: st.DataObject) -> None:
    code = body + uscc_check_character(body)
    other = data.draw(st.sampled_from([c for c in ALPHABET if c != code[place]]))
    found = faults(declared(enterprise=code[:place] + other + code[place + 1 :]))
    assert "check character" in found["payload.enterprise"]


def _refused(code: str) -> bool:
    try:
        read(declared(enterprise=code))
    except InvalidRecordError:
        return True
    return False


# the example that circulates with GB 32100, a large listed company, and the example of python-stdnum
@pytest.mark.parametrize("code", ["91350100M000100Y43", "9144030071526726XG", "91110000600037341L"])
def test_known_codes_are_accepted_in_either_case(code: str) -> None:
    assert read(declared(enterprise=code)).payload["enterprise"] == code
    assert read(declared(enterprise=code.lower())).payload["enterprise"] == code


@pytest.mark.parametrize(
    "code",
    ["91350100M000100Y44", "9144030071526726GX", "91350100I000100Y43", "91350100M000100YO3", "000000000000000001"],
)
def test_known_wrong_codes_are_refused(code: str) -> None:
    assert set(faults(declared(enterprise=code))) == {"payload.enterprise"}


def test_letters_among_the_first_eight_are_accepted() -> None:
    body = "G1AB12CD000000000"
    code = body + uscc_check_character(body)
    assert read(declared(enterprise=code)).payload["enterprise"] == code


@pytest.mark.parametrize(
    "code", ["Importer-17", "U0000012345", "91350100M000100Y4", "企业一二三四五六七八九十一二三四五六"]
)
def test_codes_of_other_registers_are_kept_as_they_are(code: str) -> None:
    assert read(declared(enterprise=code)).payload["enterprise"] == code


# --- digests ---------------------------------------------------------------------------------------------------------


def test_digests_stay_what_they_are_between_versions_of_the_program() -> None:
    """A stored digest decides whether a record is a duplicate, so no refactoring may change it."""
    record = make_record(
        kind="declaration", guid="g", source="s", action="new", event_at=1, known_at=2,
        payload={"b": 1, "a": {"z": "绿", "y": None}},
    )  # fmt: skip
    assert record.digest == digest_of(["declaration", "g", "s", "new", 1, OPEN, {"a": {"y": None, "z": "绿"}, "b": 1}])
    assert record.digest == "dcbe58abead3cee3f5cdb5fb3894e603ed7c5625b35152f9e6ea014edf6bd008"
