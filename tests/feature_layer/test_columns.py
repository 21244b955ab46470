"""The views of many records as columns are, field by field, the views of each: whatever the records say and lack."""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.layout import ENVELOPE, VERSION, VersionTables, schema_of_versions
from data.matching import BY_CODE
from data.payloads import DERIVED as DERIVED_KINDS
from data.payloads import KINDS
from data.records import Record, Version, make_record
from data.times import OPEN
from features.catalogue import SETS
from features.columns import Views, columns_behind
from features.feeds import feeds_of, key_texts
from features.measures import Key
from features.views import DERIVED, View, view_of
from tests.feature_layer.busy import Draw, busy_history
from tests.feature_layer.histories import OPERATORS, payloads

ALL_KINDS = (*KINDS, *DERIVED_KINDS)
_MEASURES = tuple(dict.fromkeys(m for features in (*SETS.values(), OPERATORS) for m in features.measures))
_KEYS = tuple(dict.fromkeys(measure.key for measure in _MEASURES))
_NESTED = {"lines", "facts", "match", "traits"}
"""What a payload holds and a view does not."""
_ENVELOPE = {field.name for field in (*ENVELOPE, *VERSION)}
_TEXTS = ("enterprise", "platform", "hs_code", "origin", "producer", "buyer", "legal_person", "parent", "departure")
_INTEGERS = st.sampled_from([0, 1, 4_999, 5_000, 450_000, 500_000, 500_001, 2**31, 10**12, 10**15])
_LAWS = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def spiced(draw: st.DrawFn, number: int) -> tuple[str, dict[str, Any]]:
    """A payload with a text or integer that nobody expects in some places, also beneath an inspection."""
    kind, payload = draw(payloads(number))
    changed = {}
    for name, value in payload.items():
        if draw(st.integers(0, 4)) == 0:
            if isinstance(value, int):
                changed[name] = draw(_INTEGERS)
            elif name in _TEXTS:
                changed[name] = draw(st.text(max_size=7))
            elif name == "facts":
                changed[name] = value | {"hs_code": draw(st.text(max_size=7)), "quantity": draw(_INTEGERS)}
    return kind, payload | changed


@st.composite
def records(draw: st.DrawFn) -> list[Record]:
    """Records of any kinds, some of them deleted or with nothing in them."""
    found = [draw(spiced(number)) for number in range(draw(st.integers(1, 12)))]
    return [
        _record(kind, number, draw(st.sampled_from([payload] * 9 + [{}])))
        for number, (kind, payload) in enumerate(found)
    ]


def _record(kind: str, number: int, payload: dict[str, Any]) -> Record:
    return make_record(
        kind=kind, guid=f"g{number}", source="s", action="new" if payload else "delete", event_at=number, known_at=number,
        payload=payload,
    )  # fmt: skip


def _as_table(kind: str, of_kind: Sequence[Record]) -> pa.Table:
    versions = [Version(number, record, OPEN) for number, record in enumerate(of_kind)]
    (table,) = VersionTables(versions).tables(kind, schema_of_versions(kind).names)
    return table


def _narrowed(table: pa.Table, names: Iterable[str]) -> pa.Table:
    """Some columns of a table, of nested ones only the parts that are named `facts.NAME`: what a reader of Parquet gets."""
    columns = {name: table[name] for name in table.column_names if name in names}
    if "facts" in table.column_names:
        facts = table["facts"].combine_chunks()
        parts = [field.name for field in facts.type if f"facts.{field.name}" in names]
        if parts:
            values = [facts.field(part) for part in parts]
            columns["facts"] = pa.StructArray.from_arrays(values, parts, mask=facts.is_null())
    return pa.table(columns) if columns else table.select([]).append_column("seq", table["seq"])


def _fields(kind: str, views: Iterable[View]) -> list[str]:
    """Every field that a view of a kind has or could have, and one that none has."""
    beneath = ("declaration",) if kind == "supervision" else ()
    names = {name for view in views for name in view} | {
        "no_such_field",
        "trait_none",
        "match_none",
        *(f"match_{code}" for code in BY_CODE),
    }
    for one in (kind, *beneath):
        names |= {*schema_of_versions(one).names, *(derived.name for derived in DERIVED.get(one, ()))}
    return sorted(names - _NESTED - _ENVELOPE)


def _demand_equal(kind: str, of_kind: Sequence[Record]) -> None:
    views, table = [view_of(kind, record.payload) for record in of_kind], _as_table(kind, of_kind)
    whole = Views(kind, table)
    for field in _fields(kind, views):
        expected = [view.get(field) for view in views]
        assert _values(whole.get(field), len(of_kind)) == expected, field
        alone = Views(kind, _narrowed(table, columns_behind(kind, [field])))
        assert _values(alone.get(field), len(of_kind)) == expected, f"{field} from its columns alone"
    for key in _KEYS:
        texts = key_texts(key, {field: whole.get(field) for field in key.fields}, len(of_kind))
        assert texts.to_pylist() == [key.of(view) for view in views], key.name


def _values(column: Any, rows: int) -> list[Any]:
    return [None] * rows if column is None else column.to_pylist()


def _by_kind(found: Iterable[Record]) -> dict[str, list[Record]]:
    by_kind: dict[str, list[Record]] = {}
    for record in found:
        by_kind.setdefault(record.kind, []).append(record)
    return by_kind


@_LAWS
@given(found=records())
def test_columns_are_the_views_field_by_field(found: list[Record]) -> None:
    for kind, of_kind in _by_kind(found).items():
        _demand_equal(kind, of_kind)


@pytest.mark.parametrize("seed", range(4))
def test_so_they_are_for_busy_records(seed: int) -> None:
    of_steps = [step for step in busy_history(seed).steps if isinstance(step, Record)]
    for kind, of_kind in _by_kind(of_steps).items():
        _demand_equal(kind, of_kind)


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_so_they_are_for_every_kind(kind: str) -> None:
    """Each kind full, each alone, and one of which nothing is known."""
    draw = Draw(7)
    full = [_record(kind, number, draw.payload(kind)) for number in range(8)]
    _demand_equal(kind, [*full, _record(kind, 9, {})])
    _demand_equal(kind, full[:1])
    _demand_equal(kind, [_record(kind, 9, {})])


@pytest.mark.parametrize("feed", feeds_of(_MEASURES), ids=lambda feed: feed.name)
def test_the_columns_behind_a_feed_give_all_its_fields_together(feed: Any) -> None:
    draw, kind = Draw(11), feed.stream.kind
    found = [_record(kind, number, draw.payload(kind)) for number in range(40)]
    table = _as_table(kind, found)
    views = [view_of(kind, record.payload) for record in found]
    narrow = Views(kind, _narrowed(table, columns_behind(kind, feed.fields)))
    for field in feed.fields:
        assert _values(narrow.get(field), len(found)) == [view.get(field) for view in views], field


def test_a_key_of_fields_that_no_record_has_is_none() -> None:
    key = Key("k", ("enterprise", "nowhere"))
    table = _as_table("order", [_record("order", 1, {"enterprise": "f", "order_no": "o"})])
    views = Views("order", table)
    assert key_texts(key, {field: views.get(field) for field in key.fields}, 1).to_pylist() == [None]
