"""What snapshots ask, as columns and piece by piece: every declaration as it became known, every enterprise each month."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.layout import schema_of_versions
from data.payloads import DERIVED, PAYLOADS
from data.records import Version
from data.times import DAY, day_of, midnight
from features.batch import Source
from features.columns import Views, columns_behind
from features.feeds import instants
from features.questions import Questions, about_enterprise, identity_at

Integers = NDArray[np.int64]
OBSERVATION_DAYS = 30
"""How often the credit of an enterprise is asked about."""
PERFORMANCE_DAYS = 90
"""In how many days after the question a violation counts as the enterprise's outcome."""
_GIVEN = pa.array(["new", "change"])
_WHEN = ("action", "event_at", "known_at")


class SourceOfVersions(Source, Protocol):
    """A source that also gives versions one by one, of kinds that have few."""

    def versions(self, kinds: Iterable[str] = ()) -> list[Version]:
        """The versions of some kinds in the order of intake."""
        ...


@dataclass(frozen=True, slots=True)
class Asking:
    """Some questions and what they are about: the numbers of declarations, or enterprises, n texts."""

    names: pa.Array
    questions: Questions


def shipments(source: Source, most: int, fields: Iterable[str] | None = None) -> Iterator[Asking]:
    """The questions of all declarations and their corrections, each at the moment at which it became known, in their order.

    Arguments:
        most: how many at once.
        fields: the facts that are looked at; by default all.
    """
    columns = schema_of_versions("declaration").names
    if fields is not None:
        columns = list(dict.fromkeys([*_WHEN, "declaration_no", *columns_behind("declaration", fields)]))
    held: list[pa.Table] = []
    for table in source.tables("declaration", columns):
        for begin in range(0, table.num_rows, most):
            piece = table.slice(begin, most)
            piece = piece.filter(pc.is_in(piece["action"], _GIVEN))
            if held and sum(map(len, held)) + len(piece) > most:
                yield _shipments(held)
                held = []
            held.append(piece)
    if sum(map(len, held)):
        yield _shipments(held)


def _shipments(tables: list[pa.Table]) -> Asking:
    table = pa.concat_tables(tables).combine_chunks()
    return Asking(table["declaration_no"].chunk(0), Questions(_known(table), Views("declaration", table).get))


def enterprises(
    source: SourceOfVersions, most: int, _fields: Iterable[str] | None = None, *, until: int | None = None
) -> Iterator[Asking]:
    """Questions about the credit of enterprises that declare, every month, in the order of time and name.

    Arguments:
        most: how many at once.
        until: only performance windows that have passed by then; by default the last moment at which anything became known.
    """
    declared = _declared(source)
    if not declared:
        return
    end = last_known(source) if until is None else until
    identities: dict[str, list[Version]] = {}
    for version in source.versions(["identity"]):
        if version.record.action in ("new", "change"):
            identities.setdefault(version.record.payload.get("enterprise", ""), []).append(version)
    days = days_asked(min(int(t[0]) for t in declared.values()), max(int(t[-1]) for t in declared.values()), end)
    asked: list[tuple[str, int]] = []
    for day in days:
        at = midnight(day)
        bounds = (at - PERFORMANCE_DAYS * DAY, at, midnight(day + PERFORMANCE_DAYS))
        for name in sorted(declared):
            before, now, after = np.searchsorted(declared[name], bounds)
            if before < now < after:
                asked.append((name, at))
    for begin in range(0, len(asked), most):
        some = asked[begin : begin + most]
        made = [about_enterprise(name, at, identity_at(identities.get(name, ()), at)) for name, at in some]
        yield Asking(pa.array([name for name, _ in some], pa.string()), Questions.of(made))


def days_asked(earliest: int, latest: int, until: int) -> range:
    """The China days on which the credit of enterprises is asked about.

    Arguments:
        earliest, latest: instants of the first and last declaration of all.
        until: performance windows have passed by then.
    """
    first, last = day_of(earliest) + OBSERVATION_DAYS, day_of(min(until, latest)) - PERFORMANCE_DAYS
    return range(first, last + 1, OBSERVATION_DAYS)


def _declared(source: Source) -> dict[str, Integers]:
    """When each enterprise declared something, in the order of time."""
    names, times = [], []
    for table in source.tables("declaration", ["enterprise", *_WHEN]):
        kept = table.filter(pc.is_in(table["action"], _GIVEN))
        names.append(kept["enterprise"].cast(pa.string()).fill_null(""))
        times.append(_known(kept))
    if not sum(map(len, names)):
        return {}
    encoded = pa.chunked_array([chunk for name in names for chunk in name.chunks]).combine_chunks().dictionary_encode()
    moments = np.concatenate(times)
    code = encoded.indices.to_numpy()
    order = np.lexsort((moments, code))
    bounds = np.searchsorted(code[order], np.arange(len(encoded.dictionary) + 1))
    return {
        name: moments[order[bounds[place] : bounds[place + 1]]]
        for place, name in enumerate(encoded.dictionary.to_pylist())
    }


def last_known(source: Source) -> int:
    """The last moment at which anything became known; 0 where nothing did."""
    moments = (
        int(instants(table["known_at"]).max())
        for kind in (PAYLOADS | DERIVED)
        for table in source.tables(kind, ["known_at"])
        if table.num_rows
    )
    return max(moments, default=0)


def _known(table: pa.Table) -> Integers:
    return np.maximum(instants(table["event_at"]), instants(table["known_at"]))


Ask = Callable[[int, Iterable[str] | None], Iterator[Asking]]
"""Asks the same questions in the same order each time, at most so many at once, with only some facts or with all."""


def asked_of(snapshot: SourceOfVersions, about: str) -> Ask:
    """The questions of a snapshot, by what a feature set is about."""
    return partial(shipments if about == "shipment" else enterprises, snapshot)
