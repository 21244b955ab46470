"""Columns as envelopes: the one place where arrays become Python dictionaries."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.simulator.draws import Bools, Ints, Texts
from data.times import OPEN, midnight

Column = NDArray[Any] | str | int
"""Values by row (object arrays may hold None for "not given"), or one value for all rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Records of one kind, column by column.

    `guid`, `event_at`, `known_at`, `usable_until` (`OPEN` where nothing ends use): shape (rows,).
    """

    kind: str
    source: str
    guid: Texts
    event_at: Ints
    known_at: Ints
    columns: dict[str, Column]
    action: str = "new"
    usable_until: Ints | None = None

    def take(self, keep: Bools) -> "Table":
        """The rows for which `keep` holds."""
        return Table(
            kind=self.kind, source=self.source, action=self.action, guid=self.guid[keep],
            event_at=self.event_at[keep], known_at=self.known_at[keep],
            usable_until=None if self.usable_until is None else self.usable_until[keep],
            columns={n: c[keep] if isinstance(c, np.ndarray) else c for n, c in self.columns.items()},
        )  # fmt: skip


def local_time(instants: Ints) -> NDArray[np.datetime64]:
    """Instants on the clock of China."""
    return (instants - midnight(0)).astype("datetime64[us]")


def written(instants: Ints) -> list[str]:
    """Instants as ISO 8601 in China time, to the second."""
    return [f"{text}+08:00" for text in np.datetime_as_string(local_time(instants), unit="s").tolist()]


def optional(values: NDArray[Any], given: Bools) -> Texts:
    """Values, with None where they are not given."""
    result = values.astype(object)
    result[~given] = None
    return result


def rows_of(table: Table) -> list[dict[str, Any]]:
    """A table as raw envelopes, in its order. What is not given (None) is left out of the payload."""
    size = len(table.guid)
    names = tuple(table.columns)
    columns = [c.tolist() if isinstance(c, np.ndarray) else [c] * size for c in table.columns.values()]
    payloads: list[dict[str, Any]] = [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for row in (zip(*columns, strict=True) if columns else ((),) * size)
    ]
    kind, source, action = table.kind, table.source, table.action
    heads = zip(table.guid.tolist(), written(table.event_at), written(table.known_at), payloads, strict=True)
    rows = [
        {
            "kind": kind, "guid": guid, "source": source, "action": action,
            "event_at": event, "known_at": known, "payload": payload,
        }
        for guid, event, known, payload in heads
    ]  # fmt: skip
    if table.usable_until is not None:
        limited = np.flatnonzero(table.usable_until < OPEN)
        for index, text in zip(limited.tolist(), written(table.usable_until[limited]), strict=True):
            rows[index]["usable_until"] = text
    return rows
