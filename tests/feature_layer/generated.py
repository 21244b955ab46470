"""Millions of declarations that need no memory: a source whose pieces are made as they are read, the same each time."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.layout import schema_of_versions
from data.times import DAY, midnight
from features.columns import Views
from features.questions import Questions

_PIECE, _DAYS = 50_000, 700
_START = midnight(20_000)


class Generated:
    """So many declarations of two years, most of few enterprises, with some late ones and some corrected ones."""

    def __init__(self, count: int, firms: int = 5_000) -> None:
        self._count, self._firms = count, firms

    def rows(self, kind: str) -> int:
        """So many declarations, nothing else."""
        return self._count if kind == "declaration" else 0

    def tables(self, kind: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Pieces of 50,000 rows."""
        for number in range(-(-self.rows(kind) // _PIECE)):
            table = self._piece(number)
            yield table.select([name for name in table.column_names if name in columns])

    def questions(self, count: int) -> Questions:
        """What the first declarations ask."""
        table = self._piece(0).slice(0, count)
        return Questions(np.full(table.num_rows, _START + _DAYS * DAY), Views("declaration", table).get)

    def _piece(self, number: int) -> pa.Table:
        rows, rng = min(_PIECE, self._count - number * _PIECE), np.random.default_rng([7, number])
        firm = (self._firms * rng.random(rows) ** 3).astype(np.int64)
        begin = _START + _DAYS * DAY * (number * _PIECE) // self._count
        known_at = np.sort(rng.integers(begin, begin + _DAYS * DAY * rows // self._count + 1, rows))
        late = np.where(rng.random(rows) < 0.1, rng.integers(0, 20 * DAY, rows), 0)
        ended_at, is_ended = known_at + rng.integers(0, 30 * DAY, rows), rng.random(rows) < 0.01
        value = rng.integers(1_000, 900_000, rows)
        given = {
            "seq": pa.array(np.arange(rows) + number * _PIECE), "guid": _names("g", rng.integers(0, 10**9, rows)),
            "action": pa.array(["new"] * rows), "event_at": _moments(known_at - late), "known_at": _moments(known_at),
            "ended_at": pa.array(ended_at, mask=~is_ended).cast(pa.timestamp("us", tz="UTC")),
            "usable_until": pa.nulls(rows, pa.timestamp("us", tz="UTC")), "enterprise": _names("91510500MA", firm),
            "buyer": _names("SIM", rng.integers(0, self._count // 4 + 1, rows)), "platform": _names("pf", firm % 7),
            "direction": pa.array(np.where(rng.random(rows) < 0.7, "import", "export")), "origin": _names("C", firm % 30),
            "hs_code": _names("8517", 100_000 + firm % 900), "declared_value_fen": pa.array(value),
            "net_mass_g": pa.array(rng.integers(10, 9_000, rows)), "gross_mass_g": pa.array(rng.integers(9_000, 9_900, rows)),
            "quantity": pa.array(rng.integers(1, 5, rows)), "consignee_address": _names("road ", rng.integers(0, 10**6, rows)),
            "buyer_telephone": _names("tel", rng.integers(0, 10**6, rows)), "customs_office": _names("79", firm % 40),
            "declarant": _names("d", firm % 300), "waybill_no": _names("w", rng.integers(0, 10**9, rows)),
            "legal_person": _names("p", firm // 2), "port": _names("22", firm % 9),
        }  # fmt: skip
        schema = schema_of_versions("declaration")
        return pa.table({field.name: given[field.name] for field in schema if field.name in given})


def _names(prefix: str, numbers: NDArray[np.int64]) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pa.array(numbers).cast(pa.string()), "")


def _moments(instants: NDArray[np.int64]) -> pa.Array:
    return pa.array(instants).cast(pa.timestamp("us", tz="UTC"))
