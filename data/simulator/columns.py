"""Numbers as Arrow columns: fixed-width texts built digit by digit, choices from pools, lines of goods. No loop over rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.simulator.draws import Bools, Ints, Texts
from data.times import OPEN, midnight

Part = bytes | tuple[Ints, int] | NDArray[np.uint64] | NDArray[np.uint8]
"""A part of a text: the same bytes in all rows; numbers and their width in decimal digits; 64 bits as 16 hexadecimal
digits; or bytes by row, shape (rows, width)."""


def _decimal_table() -> NDArray[np.uint32]:
    digits = np.arange(10_000)[:, None] // np.array([1000, 100, 10, 1]) % 10 + ord("0")
    return np.ascontiguousarray(digits.astype(np.uint8)).view(np.uint32).ravel()


def _hexadecimal_table() -> NDArray[np.uint32]:
    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    nibbles = np.arange(65_536)[:, None] >> np.array([12, 8, 4, 0]) & 15
    return np.ascontiguousarray(digits[nibbles]).view(np.uint32).ravel()


_DECIMAL, _HEXADECIMAL = _decimal_table(), _hexadecimal_table()


def text(rows: int, *parts: Part) -> pa.Array:
    """Texts of one width, put together from parts.

    Arguments:
        rows: how many.
        parts: in their order; see `Part`.
    """
    columns = [_bytes(part) for part in parts]
    width = sum(column.shape[-1] for column in columns)
    matrix = np.empty((rows, width), dtype=np.uint8)
    at = 0
    for column in columns:
        matrix[:, at : at + column.shape[-1]] = column
        at += column.shape[-1]
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(matrix))


def _bytes(part: Part) -> NDArray[np.uint8]:
    if isinstance(part, bytes):
        return np.frombuffer(part, dtype=np.uint8)[None, :]
    if isinstance(part, tuple):
        return digits(*part)
    if part.dtype == np.uint64:
        groups = [_HEXADECIMAL[(part >> np.uint64(shift)) & np.uint64(65_535)] for shift in (48, 32, 16, 0)]
        return np.stack(groups, axis=1).view(np.uint8)
    return part.astype(np.uint8, copy=False)


def digits(numbers: Ints, width: int) -> NDArray[np.uint8]:
    """Numbers as decimal digits with leading zeros, shape (rows, width)."""
    groups = -(-width // 4)
    table = np.empty((len(numbers), groups), dtype=np.uint32)
    rest = numbers.astype(np.int64, copy=False)
    for group in range(groups - 1, -1, -1):
        over = rest // 10_000
        table[:, group] = _DECIMAL[rest - over * 10_000]
        rest = over
    return table.view(np.uint8).reshape(len(numbers), groups * 4)[:, groups * 4 - width :]


def pool(values: Texts | Sequence[str]) -> pa.Array:
    """Texts to choose from."""
    return pa.array(list(values), pa.string())


def chosen(options: pa.Array, index: NDArray[Any], given: Bools | None = None) -> pa.Array:
    """Texts by their number in a pool, null where not given. Kept as a dictionary: no text is copied."""
    numbers = index.astype(np.int32, copy=False)
    indices = pa.array(numbers) if given is None else pa.array(numbers, mask=~given)
    return pa.DictionaryArray.from_arrays(indices, options)


def looked_up(values: Texts | Sequence[str], index: NDArray[Any], given: Bools | None = None) -> pa.Array:
    """Texts by their number in a list that may name a text twice: a dictionary may not."""
    unique, place = np.unique(np.asarray(values, dtype=str), return_inverse=True)
    return chosen(pool(unique.tolist()), place[index.astype(np.int64, copy=False)], given)


def one_of(first: str, second: str, is_second: Bools) -> pa.Array:
    """One of two texts in each row."""
    return chosen(pa.array([first, second]), is_second.astype(np.int32))


def same(value: str, rows: int) -> pa.Array:
    """One text in all rows."""
    return chosen(pa.array([value]), np.zeros(rows, dtype=np.int32))


def numbers(values: NDArray[Any], given: Bools | None = None) -> pa.Array:
    """Integers, null where not given."""
    whole = values.astype(np.int64, copy=False)
    return pa.array(whole) if given is None else pa.array(whole, mask=~given)


def only(values: pa.Array, given: Bools) -> pa.Array:
    """Values, null where not given."""
    return pc.if_else(pa.array(given), values, pa.scalar(None, values.type))


def either(values: pa.Array, others: pa.Array, is_other: Bools) -> pa.Array:
    """Values, replaced in some rows. `others` holds only those rows' values."""
    return pc.replace_with_mask(values, pa.array(is_other), others) if is_other.any() else values


def local_time(instants: Ints) -> NDArray[np.datetime64]:
    """Instants on the clock of China."""
    return (instants - midnight(0)).astype("datetime64[us]")


def months(instants: Ints) -> Ints:
    """Months since January 1970 in China."""
    result: Ints = local_time(instants).astype("datetime64[M]").astype(np.int64)
    return result


def years(instants: Ints) -> Ints:
    """Calendar years in China."""
    result: Ints = local_time(instants).astype("datetime64[Y]").astype(np.int64) + 1970
    return result


def dates(instants: Ints) -> list[str]:
    """The China days of instants as payloads write a date: its midnight in ISO 8601."""
    return [f"{day}T00:00:00+08:00" for day in local_time(instants).astype("datetime64[D]").astype(str).tolist()]


def moments(instants: Ints) -> pa.Array:
    """Instants as timestamps in UTC; null where open."""
    stamps = pa.array(instants.astype("datetime64[us]"), mask=instants >= OPEN)
    return stamps.cast(pa.timestamp("us", tz="UTC"))


def lists(counts: Ints, fields: dict[str, pa.Array], kind: pa.DataType) -> pa.Array:
    """Lists of structures, one list a row.

    Arguments:
        counts: entries of each row, shape (rows,).
        fields: values of all entries in the order of the rows, by field; what is left out is null.
        kind: type of the list.
    """
    entries = int(counts.sum())
    children, names = [], []
    for field in kind.value_type:
        children.append(fields.get(field.name))
        names.append(field.name)
        if children[-1] is None:
            children[-1] = pa.nulls(entries, field.type)
    offsets = np.zeros(len(counts) + 1, dtype=np.int32)
    np.cumsum(counts, out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), pa.StructArray.from_arrays(children, names=names))
