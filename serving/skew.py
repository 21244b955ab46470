"""Skew: whether what a decision was computed from is, bit for bit, what the reference engine computes as known then.

Each decision keeps its vectors. Here its question is asked again: of the records that were stored when it was asked (`seq` of
the evidence), at its own moment, of the slow engine that is obviously right. Any difference is a fault of the live features.
"""

import struct
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from sqlalchemy import Connection

from data.records import Record
from data.store import Store
from data.store import decisions as decision_rows
from data.store import records as record_rows
from features import reference
from features.forms import Value
from features.reference import Asked
from serving.recalled import Recalled, recalled

_CHUNK = 500
"""How many places in the order of intake one read transaction covers."""
_LOOKED_AT = 1_000
"""How many ids a draw looks at to find those that were not drawn before."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A value of a stored vector that the reference engine does not confirm."""

    decision: str
    feature_set: str
    feature: str
    stored: Any
    recomputed: Value


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of checking one decision.

    Attributes:
        values: how many values were compared.
        unverifiable: why some or all of it could not be computed again; None where all was.
    """

    decision: str
    values: int
    mismatches: tuple[Mismatch, ...] = ()
    unverifiable: str | None = None


def sampled(connection: Connection, size: int, random: Random, *, since: int = 0) -> list[str]:
    """Ids of decisions to check: half of them the newest, the others drawn at random.

    Arguments:
        since: only decisions made at this instant or later.
    """
    newest = decision_rows.newest_ids(connection, size - size // 2, since)
    return newest + drawn(connection, size - len(newest), random, without=set(newest), since=since)


def drawn(
    connection: Connection, size: int, random: Random, *, without: Container[str] = (), since: int = 0
) -> list[str]:
    """Ids of decisions from a random place on in their own order, around its end: by the primary key, however many there are.

    Arguments:
        without: ids that do not count.
        since: only decisions made at this instant or later.
    """
    begin = f"dec_{random.getrandbits(96):024x}"
    found = decision_rows.ids_from(connection, begin, _LOOKED_AT, since)
    found += decision_rows.ids_from(connection, "", _LOOKED_AT - len(found), since)
    return [one for one in dict.fromkeys(found) if one not in without][:size]


def verify(
    store: Store, decisions: Sequence[str], *,
    rest: Callable[[], object] = lambda: None, progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Finding]:  # fmt: skip
    """Compute the vectors of decisions again, in one pass over the records for all of them, and compare.

    Records are read in short transactions that only read: a decision never waits for a reader, and none is open so long that it
    keeps the database from tidying up behind the writers (the WAL of SQLite, dead rows of PostgreSQL). Versions are appended
    and never rewritten, so the versions up to a place are the same in every transaction.

    Cost: every version of the kinds that feed the sets is read once, however few the decisions; memory grows with the decisions,
    not with the records.

    Arguments:
        decisions: their ids; one that is not stored is passed over.
        rest: called between the transactions; may sleep, or raise to stop.
        progress: takes how many places were read, and of how many.
    """
    found = []
    for decision in decisions:
        with store.read() as connection:
            decided = decision_rows.by_id(connection, decision)
            if decided is not None:
                found.append(recalled(connection, decided))
    asked = [question for one in found for question in one.asked.values()]
    computed = iter(reference.vectors(asked, record_rows.read_back(_chunks(store, asked, rest, progress))))
    return [_compared(one, {model: next(computed) for model in one.asked}) for one in found]


def _chunks(
    store: Store, asked: Sequence[Asked], rest: Callable[[], object], progress: Callable[[int, int], None]
) -> Iterator[list[tuple[int, Record]]]:
    kinds = sorted({measure.stream.kind for one in asked for measure in one.features.measures})
    last = max((one.upto for one in asked), default=0)
    for end in range(last, 0, -_CHUNK):
        with store.read() as connection:
            chunk = record_rows.between(connection, end - _CHUNK, end, kinds)
        yield chunk
        progress(last - end + _CHUNK, last)
        rest()


def _compared(again: Recalled, computed: dict[str, list[Value]]) -> Finding:
    decision, values, mismatches = again.decided.id, 0, []
    for model, vector in computed.items():
        features = again.asked[model].features
        stored = again.decided.evidence["vectors"][model]
        values += len(vector)
        if len(stored) != len(vector):
            mismatches.append(
                Mismatch(decision, features.name, "number of values", float(len(stored)), float(len(vector)))
            )
            continue
        for feature, before, now in zip(features.features, stored, vector, strict=True):
            if not is_same(before, now):
                mismatches.append(Mismatch(decision, features.name, feature.name, before, now))
    return Finding(decision, values, tuple(mismatches), again.unverifiable)


def is_same(stored: Any, computed: Value) -> bool:
    """Whether two values are the same bit for bit: 0.0 is not -0.0, and 1 is not 1.0."""
    if isinstance(stored, float) and isinstance(computed, float):
        return struct.pack("<d", stored) == struct.pack("<d", computed)
    return type(stored) is type(computed) and bool(stored == computed)
