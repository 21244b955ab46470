"""Checks of whole columns: which rows of a table of our layout are certainly valid.

The bounds come from the payload types themselves. A row that passes here would pass `data.records.read_record` with the same
result; a row that does not is read on its own, which either lets it pass or says why not.
"""

import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from data import values
from data.layout import schema_of
from data.masking import person, personal_fields
from data.payloads import PAYLOADS, Line, Payload
from data.pseudonyms import Pseudonyms
from data.records import CLOCK_TOLERANCE

_CONTROL = "[\x00-\x1f]"
_WHITE = r"[\s\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]"
_BLANK_ENDS = f"^{_WHITE}|{_WHITE}$"
_ENTERPRISE = TypeAdapter(values.EnterpriseId)


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a column's values must be, as far as columns are checked."""

    type: type
    required: bool
    default: Any
    low: int | None = None
    high: int | None = None
    pattern: str | None = None
    options: tuple[str, ...] = ()
    is_enterprise: bool = False
    is_plain: bool = True
    """Whether the bounds here say all; a column of another type is checked row by row where it has a value."""


def certainly_valid(table: pa.Table, kind: str, received_at: int) -> pa.ChunkedArray:
    """Which rows certainly are valid records of a kind. Personal columns must be pseudonyms already.

    Arguments:
        table: of the layout `schema_of(kind)`, n rows.
        received_at: the instant of intake.
    Returns:
        Booleans, shape (n,).
    """
    valid = pc.equal(table["action"], "new")
    for name, most in (("guid", 100), ("source", 100)):
        valid = pc.and_(valid, _text(table[name], _Rule(str, True, None, 1, most)))
    instants = {name: table[name].cast(pa.int64()) for name in ("event_at", "known_at", "usable_until")}
    for name, latest in (
        ("event_at", received_at + CLOCK_TOLERANCE),
        ("known_at", received_at),
        ("usable_until", _LAST),
    ):
        within = pc.and_(pc.greater_equal(instants[name], _FIRST), pc.less_equal(instants[name], latest))
        valid = pc.and_(valid, within.fill_null(name == "usable_until"))
    for name, rule in _rules(PAYLOADS[kind]).items():
        valid = pc.and_(valid, _column(table[name], rule))
    return pc.fill_null(valid, False)


def with_defaults(table: pa.Table, kind: str) -> pa.Table:
    """The table with the payload type's defaults where nothing is given, as reading a row gives them."""
    for name, rule in _rules(PAYLOADS[kind]).items():
        index, column = table.schema.get_field_index(name), table[name]
        if rule.default is not None:
            table = table.set_column(index, name, column.fill_null(rule.default))
        elif _is_lines(column.type):
            table = table.set_column(index, name, _lines_with_defaults(column.combine_chunks()))
    return table


def _is_lines(type_: pa.DataType) -> bool:
    return bool(pa.types.is_list(type_) and pa.types.is_struct(type_.value_type))


def _lines_with_defaults(lists: pa.ListArray) -> pa.ListArray:
    flat = lists.flatten()
    rules = _rules(Line)
    fields = [
        pc.struct_field(flat, name).fill_null(rules[name].default)
        if rules[name].default is not None
        else pc.struct_field(flat, name)
        for name in rules
    ]
    lines = pa.StructArray.from_arrays(fields, fields=list(lists.type.value_type))
    ends = pc.cumulative_sum(pc.list_value_length(lists).fill_null(0)).cast(pa.int32())
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    return pa.ListArray.from_arrays(offsets, lines, type=lists.type, mask=pc.is_null(lists))


def pseudonymised_columns(table: pa.Table, kind: str, pseudonyms: Pseudonyms, *, trusted: bool) -> pa.Table:
    """The table with pseudonyms in its personal columns. Each different value is made into one once."""
    for name, domain in personal_fields(PAYLOADS[kind]).items():
        column = table[name]
        if not pa.types.is_string(column.type):
            continue  # lists are read row by row
        encoded = column.combine_chunks().dictionary_encode()
        made = [person(domain, value, pseudonyms, trusted=trusted) for value in encoded.dictionary.to_pylist()]
        replaced = pa.array(made, pa.string()).take(encoded.indices)
        table = table.set_column(table.schema.get_field_index(name), name, replaced)
    return table


def in_layout(table: pa.Table, kind: str) -> pa.Table:
    """A table with the layout's columns in its types; columns that it does not have are null.

    Raises:
        pa.ArrowInvalid: where a column's values do not fit the layout's type.
    """
    schema = schema_of(kind)
    columns = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=pa.schema([pa.field(f.name, f.type) for f in schema]))


_FIRST, _LAST = values.FIRST_MOMENT, values.LAST_MOMENT - 1


@lru_cache
def _rules(payload: type[Payload]) -> Mapping[str, _Rule]:
    """The rule of each column of a payload type; types with rules over several fields have none that says all."""
    is_joint = bool(payload.__pydantic_decorators__.model_validators)
    rules = {name: _rule(info) for name, info in payload.model_fields.items()}
    if is_joint:
        first = next(iter(rules))
        rules[first] = _Rule(str, True, None, is_plain=False)
    return types.MappingProxyType(rules)


def _rule(info: FieldInfo) -> _Rule:
    default = None if info.is_required() else info.get_default(call_default_factory=True, validated_data={})
    base, metadata = _unwrapped(info.annotation, list(info.metadata))
    found: dict[str, Any] = {}
    plain = True
    if get_origin(base) is Literal:
        return _Rule(str, info.is_required(), default, options=get_args(base))
    for mark in metadata:
        if isinstance(mark, (annotated_types.Ge, annotated_types.MinLen)):
            found["low"] = mark.ge if isinstance(mark, annotated_types.Ge) else mark.min_length
        elif isinstance(mark, (annotated_types.Le, annotated_types.MaxLen)):
            found["high"] = mark.le if isinstance(mark, annotated_types.Le) else mark.max_length
        elif getattr(mark, "pattern", None) is not None:
            found["pattern"] = mark.pattern
        elif isinstance(mark, AfterValidator) and mark.func is values.enterprise_id:
            found["is_enterprise"] = True
    if base not in (str, int) or (base is str and "high" not in found and "pattern" not in found):
        plain = False
    is_scalar = isinstance(default, (str, int))
    return _Rule(base if plain else object, info.is_required(), default if is_scalar else None, is_plain=plain, **found)


def _unwrapped(annotation: Any, metadata: list[Any]) -> tuple[Any, list[Any]]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        marks = [m for mark in arguments[1:] for m in (mark.metadata if isinstance(mark, FieldInfo) else [mark])]
        return _unwrapped(arguments[0], metadata + marks)
    if origin in (Union, types.UnionType):
        inner = [argument for argument in arguments if argument is not type(None)]
        return _unwrapped(inner[0], metadata)
    return annotation, metadata


def _column(column: pa.ChunkedArray, rule: _Rule) -> pa.ChunkedArray:
    if column.null_count == len(column):
        return pa.repeat(not rule.required, len(column))
    if rule.type is str and rule.is_plain:
        return _text(column, rule)
    if rule.type is int:
        within = pc.and_(pc.greater_equal(column, rule.low), pc.less_equal(column, rule.high))
        return within.fill_null(not rule.required)
    if _is_lines(column.type):
        return _lines(column)
    return pa.repeat(False, len(column)) if rule.required else pc.is_null(column)


def _text(column: pa.ChunkedArray | pa.Array, rule: _Rule) -> pa.Array:
    """Text is checked by its different values: columns repeat themselves."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
    texts = encoded.dictionary
    if rule.options:
        good = pc.is_in(texts, pa.array(rule.options))
    else:
        length = pc.utf8_length(texts)
        good = pc.and_(pc.greater_equal(length, rule.low or 1), pc.less_equal(length, rule.high or 10_000))
        for bad in (_CONTROL, _BLANK_ENDS):
            good = pc.and_(good, pc.invert(pc.match_substring_regex(texts, bad)))
        if rule.pattern is not None:
            good = pc.and_(good, pc.match_substring_regex(texts, rule.pattern))
        if rule.is_enterprise:
            good = pc.and_(good, pa.array([_is_enterprise(text) for text in texts.to_pylist()], pa.bool_()))
    return good.take(encoded.indices).fill_null(not rule.required)


@lru_cache(100_000)
def _is_enterprise(text: str) -> bool:
    try:
        return _ENTERPRISE.validate_python(text) == text
    except ValidationError:
        return False


def _lines(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether all lines of each row are good, and not too many."""
    lists = column.combine_chunks()
    flat = lists.flatten()
    good = pa.repeat(True, len(flat))
    for name, rule in _rules(Line).items():
        field = pc.struct_field(flat, name)
        good = pc.and_(good, _column(field, rule))
        if rule.default is not None:
            good = pc.and_(good, pc.is_valid(field))
    parents = pc.list_parent_indices(lists)
    bad_rows = pc.unique(parents.filter(pc.invert(good)))
    row = pa.array(range(len(lists)))
    is_bad = pc.is_in(row, bad_rows.cast(row.type))
    too_many = pc.greater(pc.list_value_length(lists), values.MOST_LINES).fill_null(False)
    return pc.invert(pc.or_(is_bad, too_many))
