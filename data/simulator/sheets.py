"""Records as sheets: times in memory as integers, contents as functions that write Arrow columns of some rows when asked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.layout import ENVELOPE, schema_of
from data.payloads import KINDS, compact
from data.simulator.columns import chosen, local_time, moments, months, same
from data.simulator.draws import Bools, Ints

ACTIONS = pa.array(["new", "change", "delete", "repair"])
NEW, CHANGE, DELETE, REPAIR = range(4)
Columns = dict[str, pa.Array]
Content = Callable[[Ints, Ints], Columns]
"""Writes `guid` and the payload's columns of some records: what a sheet knows them by, and their version in `ACTIONS`. What is
left out is null."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Records of one kind and source. Arrays: shape (records,); `of` holds what `content` knows each record by.

    `version`: number in `ACTIONS`, of all or of each. `until`: where use ends, none for never.
    """

    kind: str
    source: str
    of: Ints
    event_at: Ints
    known_at: Ints
    content: Content
    version: Any = NEW
    until: Ints | None = None

    def __len__(self) -> int:
        return len(self.of)

    def take(self, which: Ints | Bools) -> "Sheet":
        """Some of the records, in the order asked for."""
        return replace(
            self, of=self.of[which], event_at=self.event_at[which], known_at=self.known_at[which],
            version=self.version[which] if isinstance(self.version, np.ndarray) else self.version,
            until=None if self.until is None else self.until[which],
        )  # fmt: skip

    def table(self) -> pa.Table:
        """All records as a table with the columns of their kind; texts may be dictionaries."""
        schema, rows = schema_of(self.kind), len(self)
        version = np.broadcast_to(np.asarray(self.version), rows)
        columns = self.content(self.of, version) | {
            "source": same(self.source, rows), "event_at": moments(self.event_at),
            "action": chosen(ACTIONS, version), "known_at": moments(self.known_at),
        }  # fmt: skip
        if self.until is not None:
            columns["usable_until"] = moments(self.until)
        unknown = columns.keys() - set(schema.names)
        if unknown:
            raise ValueError(f"{self.kind} has no fields {sorted(unknown)}")
        arrays = [columns.get(field.name) for field in schema]
        filled = [
            pa.nulls(rows, field.type) if array is None else array for field, array in zip(schema, arrays, strict=True)
        ]
        return pa.Table.from_arrays(filled, schema=_typed(schema, filled))


def joined(tables: list[pa.Table], kind: str) -> pa.Table:
    """Tables of one kind under each other, with plain texts."""
    schema = schema_of(kind)
    return pa.concat_tables([table.cast(schema) for table in tables]).combine_chunks()


def _typed(schema: pa.Schema, arrays: list[pa.Array]) -> pa.Schema:
    """The schema with the types of arrays, which may be dictionaries."""
    return pa.schema([field.with_type(array.type) for field, array in zip(schema, arrays, strict=True)])


class Book:
    """Records of all kinds, each kind in the order in which its records became known.

    Arguments:
        sheets: any number of each kind; empty ones are left out.
    """

    def __init__(self, sheets: list[Sheet]) -> None:
        self._sheets: dict[str, list[Sheet]] = {}
        for kind in KINDS:
            of_kind = [sheet for sheet in sheets if sheet.kind == kind and len(sheet)]
            if of_kind:
                # Stable: a copy stays behind its original.
                sort = [s if _ascends(s.known_at) else s.take(np.argsort(s.known_at, kind="stable")) for s in of_kind]
                self._sheets[kind] = sort

    def __len__(self) -> int:
        return sum(len(sheet) for sheets in self._sheets.values() for sheet in sheets)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of which there are records."""
        return tuple(self._sheets)

    def tables(self, kind: str) -> Iterator[tuple[str, pa.Table]]:
        """Month by month (YYYY-MM, of `known_at` in China) the records of a kind, by `known_at`."""
        sheets = self._sheets.get(kind, [])
        bounds = [(months(sheet.known_at[[0, -1]])) for sheet in sheets]
        first, last = min((b[0] for b in bounds), default=0), max((b[1] for b in bounds), default=-1)
        for month in range(int(first), int(last) + 1):
            parts = []
            for sheet in sheets:
                ends = np.searchsorted(local_time(sheet.known_at), np.array([month, month + 1]).astype("datetime64[M]"))
                if ends[1] > ends[0]:
                    parts.append(sheet.take(np.arange(ends[0], ends[1])))
            if len(parts) == 1:
                yield _name(month), parts[0].table()
            elif parts:
                known = np.concatenate([part.known_at for part in parts])
                order = pa.array(np.argsort(known, kind="stable"))
                yield _name(month), joined([part.table() for part in parts], kind).take(order)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Raw envelopes of all kinds in the order in which they became known: for small worlds."""
        everything = [(kind, table) for kind in self.kinds for _, table in self.tables(kind)]
        rows = [envelope for kind, table in everything for envelope in envelopes(kind, table)]
        yield from sorted(rows, key=lambda row: row["known_at"])


def envelopes(kind: str, table: pa.Table) -> Iterator[dict[str, Any]]:
    """Raw envelopes of a table's rows; what is not given is left out, and times read in China time."""
    stamps = {}
    for name in ("event_at", "known_at", "usable_until"):
        local = pc.add(table[name].cast(pa.int64()).combine_chunks(), 8 * 3_600_000_000).cast(pa.timestamp("us"))
        stamps[name] = pc.strftime(local, "%Y-%m-%dT%H:%M:%S").to_pylist()
    heads = {field.name for field in ENVELOPE}
    for number, row in enumerate(table.to_pylist()):
        payload = compact({name: value for name, value in row.items() if name not in heads})
        envelope = {
            "kind": kind, "guid": row["guid"], "source": row["source"], "action": row["action"],
            "event_at": _zoned(stamps["event_at"][number]), "known_at": _zoned(stamps["known_at"][number]),
            "payload": payload,
        }  # fmt: skip
        if row["usable_until"] is not None:
            envelope["usable_until"] = _zoned(stamps["usable_until"][number])
        yield envelope


def _zoned(text: str) -> str:
    return f"{text[:19]}+08:00"


def _ascends(instants: Ints) -> bool:
    return bool((instants[1:] >= instants[:-1]).all())


def _name(month: int) -> str:
    return f"{1970 + month // 12:04d}-{month % 12 + 1:02d}"
