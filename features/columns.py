"""The views of many records at once, as Arrow columns: the twin of `features.views`, equal to it in every field.

A column is an int64 or a text array, null where a record's view lacks the field. Only what is asked for is computed.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, singledispatch
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.layout import MATCHED
from data.matching import features_of
from features.logarithm import thresholds
from features.views import (
    DERIVED,
    ChinaDay,
    Derived,
    Differs,
    Equals,
    First,
    FirstOf,
    FirstPositive,
    IsMultiple,
    Length,
    Less,
    MilliLog,
    Only,
    Prefix,
    Rank,
    Share,
    Sum,
    Unless,
    WhereGiven,
    Within,
    china_day,
)  # fmt: skip

Column: TypeAlias = Any
"""An Arrow array: pyarrow has no types."""
Get = Callable[[str], Column | None]
"""A column by its field's name; None where no record has it."""
_TRAIT = "trait_"
_DERIVED = {
    kind: {derived.name: (derived, place) for place, derived in enumerate(fields)} for kind, fields in DERIVED.items()
}


class Views:
    """The views of the records of one kind.

    Arguments:
        kind: the records' kind.
        table: their fields as columns (see `data.layout`), nested ones included; n rows.
        present: which rows there are at all; None for all.
    """

    def __init__(self, kind: str, table: pa.Table, present: Column | None = None) -> None:
        self.kind, self._table, self._present = kind, table, present
        self._made: dict[str, Column | None] = {}
        self._followed: dict[str, Column | None] = {}
        self._summaries: tuple[list[dict[str, Any]], np.ndarray] | None = None
        self._facts: Views | None = None
        if "facts" in table.column_names:
            facts = _one(table["facts"])
            names = [field.name for field in facts.type]
            self._facts = Views("declaration", pa.Table.from_arrays(facts.flatten(), names), facts.is_valid())

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def get(self, field: str) -> Column | None:
        """A field of all views, n values; None where no view can have it."""
        if field not in self._made:
            own = self._own(field, len(_DERIVED.get(self.kind, ())))
            beneath = self._facts.get(field) if self._facts is not None else None
            self._made[field] = own if beneath is None else beneath if own is None else pc.coalesce(own, beneath)
        return self._made[field]

    def encoded(self, field: str) -> Column | None:
        """A field of all views as dictionary: the table's own where it has one."""
        is_own = self._facts is None and self._present is None and field not in _DERIVED.get(self.kind, {})
        if is_own and field in self._table.column_names and pa.types.is_dictionary(self._table[field].type):
            return _one(self._table[field].unify_dictionaries())
        column = self.get(field)
        return None if column is None else column.dictionary_encode()

    def _own(self, field: str, before: int) -> Column | None:
        """A field without what lies beneath it; of those that follow from others, one of the first `before`."""
        derived, place = _DERIVED.get(self.kind, {}).get(field, (None, 0))
        if derived is not None and place < before:
            if field not in self._followed:  # several may follow from one
                column = _column(derived, lambda name: self._own(name, place), len(self))
                is_whole = column is None or self._present is None
                self._followed[field] = column if is_whole else pc.if_else(self._present, column, None)
            return self._followed[field]
        if field.startswith("match_") and MATCHED in self._table.column_names:
            return self._matched(field)
        if field.startswith(_TRAIT) and "traits" in self._table.column_names:
            return pc.map_lookup(_one(self._table["traits"]), field.removeprefix(_TRAIT), "first")
        if field not in self._table.column_names or field in (MATCHED, "traits", "facts"):
            return None
        return _plain(_one(self._table[field]))

    def _matched(self, field: str) -> Column:
        """A fact of the match of documents; each different match is read once."""
        if self._summaries is None:
            encoded = _one(self._table[MATCHED]).dictionary_encode()
            read = [features_of(msgspec.json.decode(text)) for text in encoded.dictionary.to_pylist()]
            self._summaries = ([*read, {}], encoded.indices.fill_null(len(read)).to_numpy())
        read, places = self._summaries
        values = pa.array([facts.get(field) for facts in read], pa.int64())
        return values.take(pa.array(places))


def columns_behind(kind: str, fields: Iterable[str]) -> set[str]:
    """The columns of a kind's layout that some fields of its views are made from, `facts.NAME` for nested ones."""
    fields = list(fields)
    found: set[str] = set()
    waiting = fields.copy()
    while waiting:
        field = waiting.pop()
        derived, _ = _DERIVED.get(kind, {}).get(field, (None, 0))
        if derived is not None:
            waiting += [name for name in derived.inputs if name != field]
            found.update({field} & set(derived.inputs))
        else:
            found.add(MATCHED if field.startswith("match_") else "traits" if field.startswith(_TRAIT) else field)
    if kind == "supervision":  # what it inspected lies beneath
        found.update(f"facts.{name}" for name in columns_behind("declaration", fields))
    return found


def column_of(values: Sequence[Any]) -> Column:
    """Values that are at hand one by one, as a column: texts where any of them is one."""
    if any(value is not None and not isinstance(value, int) for value in values):
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    return pa.array(values, pa.int64())


def _one(column: pa.ChunkedArray) -> Column:
    array = column.combine_chunks()
    return array if isinstance(array, pa.Array) else pa.concat_arrays(array.chunks)


def _plain(array: Column) -> Column:
    return array.cast(array.type.value_type) if pa.types.is_dictionary(array.type) else array


@singledispatch
def _column(derived: Derived, get: Get, rows: int) -> Column | None:
    raise TypeError(f"{type(derived).__name__} has no columnar twin: add one to features/columns.py")


@_column.register
def _(derived: Prefix, get: Get, rows: int) -> Column | None:
    column = get(derived.field)
    return None if column is None else pc.utf8_slice_codeunits(column, 0, derived.length)


@_column.register
def _(derived: MilliLog, get: Get, rows: int) -> Column | None:
    column = get(derived.field)
    if column is None:
        return None
    logs = np.searchsorted(_thresholds(), column.fill_null(0).to_numpy(zero_copy_only=False), side="right")
    return pa.array(logs.astype(np.int64), mask=column.is_null().to_numpy(zero_copy_only=False))


@cache
def _thresholds() -> np.ndarray:
    return np.array(thresholds(), dtype=np.int64)


@_column.register
def _(derived: Less, get: Get, rows: int) -> Column | None:
    left, right = get(derived.left), get(derived.right)
    return None if left is None or right is None else pc.subtract_checked(left, right)


@_column.register
def _(derived: Share, get: Get, rows: int) -> Column | None:
    part, whole = get(derived.part), get(derived.whole)
    if part is None or whole is None:
        return None
    above = part.fill_null(0).to_numpy(zero_copy_only=False) * 1000
    below = whole.fill_null(0).to_numpy(zero_copy_only=False)
    known = part.is_valid().to_numpy(zero_copy_only=False) & (below > 0)
    return pa.array(above // np.where(known, below, 1), mask=~known)


@_column.register
def _(derived: FirstOf, get: Get, rows: int) -> Column | None:
    given = [column for field in derived.fields if (column := get(field)) is not None]
    return pc.coalesce(*given) if given else None


@_column.register
def _(derived: FirstPositive, get: Get, rows: int) -> Column | None:
    given = [column for field in derived.fields if (column := get(field)) is not None]
    return pc.coalesce(*(pc.if_else(pc.greater(column, 0), column, None) for column in given)) if given else None


@_column.register
def _(derived: Length, get: Get, rows: int) -> Column:
    column = get(derived.field)
    lengths = pa.nulls(rows, pa.int64()) if column is None else pc.list_value_length(column).cast(pa.int64())
    return pc.max_element_wise(lengths.fill_null(1), 1)


@_column.register
def _(derived: Rank, get: Get, rows: int) -> Column | None:
    column = get(derived.field)
    return None if column is None else pc.index_in(column, pa.array(derived.order)).cast(pa.int64())


@_column.register
def _(derived: Within, get: Get, rows: int) -> Column | None:
    column = get(derived.field)
    if column is None:
        return None
    return pc.and_(pc.greater_equal(column, derived.least), pc.less_equal(column, derived.most)).cast(pa.int64())


@_column.register
def _(derived: Differs, get: Get, rows: int) -> Column | None:
    left, right = get(derived.left), get(derived.right)
    return None if left is None or right is None else pc.not_equal(left, right).cast(pa.int64())


@_column.register
def _(derived: Equals, get: Get, rows: int) -> Column | None:
    column = get(derived.field)
    return None if column is None else pc.equal(column, derived.code).cast(pa.int64())


@_column.register
def _(derived: Unless, get: Get, rows: int) -> Column | None:
    column = get(derived.field)
    return None if column is None else pc.if_else(pc.equal(column, derived.code), None, column)


@_column.register
def _(derived: Only, get: Get, rows: int) -> Column | None:
    column, by = get(derived.field), get(derived.by)
    return None if column is None or by is None else pc.if_else(pc.equal(by, derived.code), column, None)


@_column.register
def _(derived: WhereGiven, get: Get, rows: int) -> Column:
    column = get(derived.field)
    is_given = pa.array(np.zeros(rows, dtype=bool)) if column is None else column.is_valid()
    return pc.if_else(is_given, derived.given, derived.lacking)


@_column.register
def _(derived: First, get: Get, rows: int) -> Column | None:
    column = get(derived.field)
    if column is None:
        return None
    filled = pc.if_else(pc.greater(pc.list_value_length(column), 0), column, None)
    return pc.list_element(pc.if_else(filled.is_valid(), filled, pa.scalar([None], column.type)), 0)


@_column.register
def _(derived: Sum, get: Get, rows: int) -> Column | None:
    given = [column for field in derived.fields if (column := get(field)) is not None]
    if not given:
        return None
    total, is_given = pa.array(np.zeros(rows, dtype=np.int64)), pa.array(np.zeros(rows, dtype=bool))
    for column in given:
        total = pc.add_checked(total, column.fill_null(0))
        is_given = pc.or_(is_given, column.is_valid())
    return pc.if_else(is_given, total, None)


@_column.register
def _(derived: IsMultiple, get: Get, rows: int) -> Column | None:
    column = get(derived.field)
    if column is None:
        return None
    whole = pc.equal(pc.multiply(pc.divide(column, derived.step), derived.step), column)
    return pc.and_(pc.greater(column, 0), whole).cast(pa.int64())


@_column.register
def _(derived: ChinaDay, get: Get, rows: int) -> Column | None:
    column = get(derived.field)
    if column is None:
        return None
    days = [None if text is None else china_day(text) for text in column.to_pylist()]  # only registrations have one
    return pa.array(days, pa.int64())
