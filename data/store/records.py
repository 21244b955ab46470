"""Versions of records: judged against what is stored, appended, and read back with the moment at which each ended."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    exists,
    func,
    insert,
    select,
)

from data.matching.comparisons import dutiable_fen
from data.records import Record, Version, canonical
from data.store.schema import records as table
from data.times import OPEN

_CHUNK = 400
_STREAMED = 5_000
# asked with every decision, so built once
_LAST_SEQ = select(func.max(table.c.seq))
_SINCE = (
    select(table).where(table.c.seq > bindparam("after")).order_by(table.c.seq).execution_options(yield_per=_STREAMED)
)


def _is_last() -> ColumnElement[bool]:
    """Whether no later version of the same record is stored."""
    later = table.alias("later")
    return ~exists().where(
        later.c.kind == table.c.kind, later.c.source == table.c.source, later.c.guid == table.c.guid,
        later.c.seq > table.c.seq,
    )  # fmt: skip


def _known_next() -> ScalarSelect[Any]:
    """When the next version of the same record, up to a place, became known: by its name in the index, for a few of many."""
    later = table.alias("later")
    return (
        select(later.c.known_at)
        .where(
            later.c.kind == table.c.kind, later.c.source == table.c.source, later.c.guid == table.c.guid,
            later.c.seq > table.c.seq, later.c.seq <= bindparam("upto"),
        )
        .order_by(later.c.seq)
        .limit(1)
        .scalar_subquery()
    )  # fmt: skip


_ENDED_AT = _known_next()
_NEXT_KNOWN = func.lead(table.c.known_at).over(
    partition_by=(table.c.kind, table.c.source, table.c.guid), order_by=table.c.seq
)
"""The same for all records, in one run through the table."""


def _documents_by(column: Column[Any]) -> Select[Any]:
    return select(table).where(
        column.in_(bindparam("numbers", expanding=True)),
        # so that SQLite does not go through all of a kind
        func.coalesce(table.c.kind, "").in_(bindparam("kinds", expanding=True)),
        table.c.action.in_(("new", "change")),
        _is_last(),
    )


_BY_ORDER, _BY_WAYBILL = _documents_by(table.c.order_no), _documents_by(table.c.waybill_no)
_BY_REFERENCE = (
    select(table)
    .where(table.c.kind == bindparam("kind"), table.c.reference.in_(bindparam("numbers", expanding=True)))
    .order_by(table.c.seq)
)
_CURRENT_BY_REFERENCE = _BY_REFERENCE.where(_is_last())
_IDENTITIES = (
    select(table)
    .where(
        table.c.kind == "identity", table.c.reference.in_(bindparam("enterprises", expanding=True)),
        table.c.action.in_(("new", "change")), _is_last(),
    )
    .order_by(table.c.seq)
)  # fmt: skip
_HISTORY = (
    select(table)
    .where(
        table.c.kind == bindparam("kind"),
        table.c.source == bindparam("source"),
        table.c.guid == bindparam("guid"),
        table.c.seq <= bindparam("upto"),
    )
    .order_by(table.c.seq)
)
_BETWEEN = (
    select(table)
    .where(
        table.c.seq > bindparam("begin"),
        table.c.seq <= bindparam("end"),
        # so that SQLite goes by place and not through all of a kind
        func.coalesce(table.c.kind, "").in_(bindparam("kinds", expanding=True)),
    )
    .order_by(table.c.seq.desc())
)
_BOUGHT = (
    select(table.c.buyer, func.sum(table.c.dutiable_fen))
    .where(
        table.c.buyer.in_(bindparam("buyers", expanding=True)), table.c.event_at >= bindparam("begin"),
        table.c.event_at < bindparam("end"), table.c.dutiable_fen.is_not(None), table.c.action.in_(("new", "change")),
        _is_last(),
    )
    .group_by(table.c.buyer)
)  # fmt: skip
_OWNED = ("enterprise", "reference", "order_no", "waybill_no", "buyer", "dutiable_fen")
"""Columns that a deletion or repair has from the version that it ends."""

Name = tuple[str, str, str]
"""Kind, source and guid: what identifies a record over its versions."""


@dataclass(slots=True)
class _Known:
    digests: set[str]
    is_open: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What intake does with a record, and why where it refuses."""

    status: Literal["accepted", "duplicate", "rejected"]
    reason: str = ""


class Judge:
    """Judges records against the store and against those judged before in the same batch."""

    def __init__(self, connection: Connection, coming: Iterable[Record]) -> None:
        self._known: dict[Name, _Known] = {}
        columns = (table.c.kind, table.c.source, table.c.guid, table.c.digest, table.c.action)
        for is_named in _named(name_of(record) for record in coming):
            for kind, source, guid, digest, action in connection.execute(
                select(*columns).where(is_named).order_by(table.c.seq)
            ):
                self._note((kind, source, guid), digest, action)

    def _note(self, name: Name, digest: str, action: str) -> None:
        known = self._known.setdefault(name, _Known(set(), is_open=False))
        known.digests.add(digest)
        known.is_open = action in ("new", "change")

    def verdict(self, record: Record) -> Verdict:
        """What to do with a record, without noting it."""
        known = self._known.get(name_of(record))
        if known is not None and record.digest in known.digests:
            return Verdict("duplicate")
        if record.action == "new" and known is not None:
            return Verdict("rejected", "is stored with other content; send the correction with action `change`")
        if record.action != "new" and known is None:
            return Verdict("rejected", f"is not stored, so there is nothing to {record.action}")
        if record.action != "new" and known is not None and not known.is_open:
            return Verdict("rejected", f"was deleted or repaired before, so there is nothing to {record.action}")
        return Verdict("accepted")

    def note(self, record: Record) -> None:
        """Count an accepted record for those that follow."""
        self._note(name_of(record), record.digest, record.action)


def _named(names: Iterable[Name]) -> Iterator[ColumnElement[bool]]:
    """Conditions that together hold for the records of some names.

    By kind and source: a list of triples would make SQLite read the whole table.
    """
    guids: dict[tuple[str, str], set[str]] = {}
    for kind, source, guid in names:
        guids.setdefault((kind, source), set()).add(guid)
    for (kind, source), wanted in sorted(guids.items()):
        ordered = sorted(wanted)
        for start in range(0, len(ordered), _CHUNK):
            chunk = ordered[start : start + _CHUNK]
            yield and_(table.c.kind == kind, table.c.source == source, table.c.guid.in_(chunk))


def name_of(record: Record) -> Name:
    """Kind, source and guid of a record."""
    return (record.kind, record.source, record.guid)


def append(connection: Connection, accepted: Sequence[Record]) -> None:
    """Append versions that were judged as accepted."""
    if not accepted:
        return
    rows = [_as_row(record) for record in accepted]
    _carry_over(connection, accepted, rows)
    connection.execute(insert(table), rows)


def _carry_over(connection: Connection, accepted: Sequence[Record], rows: list[dict[str, Any]]) -> None:
    """Deletions and repairs have no payload: they belong to the enterprise and reference of the version that they end."""
    owners: dict[Name, tuple[str | None, ...]] = {}
    bare = [name_of(record) for record in accepted if record.action in ("delete", "repair")]
    columns = (table.c.kind, table.c.source, table.c.guid, *(table.c[column] for column in _OWNED))
    for is_named in _named(bare):
        found = connection.execute(select(*columns).where(is_named).order_by(table.c.seq))
        owners.update({(kind, source, guid): tuple(owned) for kind, source, guid, *owned in found})
    for record, row in zip(accepted, rows, strict=True):
        if record.action in ("delete", "repair"):
            row.update(zip(_OWNED, owners.get(name_of(record), (None,) * len(_OWNED)), strict=True))
        else:
            owners[name_of(record)] = tuple(row[column] for column in _OWNED)


def last_seq(connection: Connection) -> int:
    """The place of the newest version, 0 where nothing is stored."""
    return connection.execute(_LAST_SEQ).scalar() or 0


def count(connection: Connection) -> dict[str, int]:
    """How many versions are stored of each kind."""
    query = select(table.c.kind, func.count().label("versions")).group_by(table.c.kind)
    return {row.kind: row.versions for row in connection.execute(query)}


def latest_known(connection: Connection) -> int:
    """The latest moment at which anything became known, 0 where nothing is stored."""
    return connection.execute(select(func.max(table.c.known_at))).scalar() or 0


def versions(
    connection: Connection, *, kinds: Sequence[str] = (), enterprise: str | None = None, upto: int = OPEN
) -> Iterator[Version]:
    """All versions with the moment at which each ended, in the order of intake.

    Arguments:
        kinds: only these kinds, all where empty.
        enterprise: only the records of this enterprise.
        upto: the last place that counts: what came behind it ends nothing.
    """
    if enterprise is not None:
        # so that SQLite does not go through all of a kind
        of_kinds = [func.coalesce(table.c.kind, "").in_(kinds)] if kinds else []
        yield from versions_where(connection, table.c.enterprise == enterprise, *of_kinds, upto=upto)
        return
    query = select(table, _NEXT_KNOWN.label("ended_at")).where(table.c.seq <= upto)
    if kinds:
        query = query.where(table.c.kind.in_(kinds))
    for row in connection.execute(query.order_by(table.c.seq).execution_options(yield_per=_STREAMED)):
        yield Version(row.seq, _as_record(row), OPEN if row.ended_at is None else row.ended_at)


def versions_where(connection: Connection, *conditions: ColumnElement[bool], upto: int = OPEN) -> Iterator[Version]:
    """The versions for which conditions hold that an index answers, with their ends, in the order of intake.

    Arguments:
        upto: the last place that counts: what came behind it ends nothing.
    """
    query = select(table, _ENDED_AT.label("ended_at")).where(*conditions, table.c.seq <= bindparam("upto"))
    ordered = query.order_by(table.c.seq).execution_options(yield_per=_STREAMED)
    for row in connection.execute(ordered, {"upto": upto}):
        yield Version(row.seq, _as_record(row), OPEN if row.ended_at is None else row.ended_at)


def inspected_elsewhere(connection: Connection, enterprise: str, upto: int = OPEN) -> Iterator[Version]:
    """Versions that speak of a declaration of an enterprise under another one's name, with their ends, in the order of intake.

    They restate its declaration (`facts`), and with it who stood behind it.

    Arguments:
        upto: the last place that counts.
    """
    declared = select(table.c.reference).where(table.c.enterprise == enterprise, table.c.kind == "declaration")
    restating = (table.c.kind == "supervision", table.c.reference.in_(declared), table.c.enterprise != enterprise)
    yield from versions_where(connection, *restating, upto=upto)


def by_digest(connection: Connection, kind: str, reference: str, digest: str) -> tuple[int, Record] | None:
    """The version of a kind that has a number and a digest, with its place."""
    rows = connection.execute(_BY_REFERENCE, {"kind": kind, "numbers": [reference]})
    return next(((row.seq, _as_record(row)) for row in rows if row.digest == digest), None)


def history(connection: Connection, name: Name, upto: int = OPEN) -> list[tuple[int, Record]]:
    """The versions under a name with their places, in the order of intake.

    Arguments:
        upto: the last place that counts.
    """
    kind, source, guid = name
    rows = connection.execute(_HISTORY, {"kind": kind, "source": source, "guid": guid, "upto": upto})
    return [(row.seq, _as_record(row)) for row in rows]


def read_back(chunks: Iterable[Sequence[tuple[int, Record]]]) -> Iterator[Version]:
    """Versions with what ended each, from chunks of versions in the reverse order of intake.

    Backwards, what ends a version is seen before it. So one pass needs to remember no more than the corrections, deletions and
    repairs whose version is still to come, and the derived matches.
    """
    ends: dict[Name, tuple[int, int]] = {}
    for chunk in chunks:
        for seq, record in chunk:
            ended_by, ended_at = ends.pop(name_of(record), (OPEN, OPEN))
            # `Judge` lets nothing new end anything; derived matches it does not judge
            if record.action != "new" or record.kind == "match":
                ends[name_of(record)] = (seq, record.known_at)
            yield Version(seq, record, ended_at, ended_by)


def between(connection: Connection, begin: int, end: int, kinds: Sequence[str]) -> list[tuple[int, Record]]:
    """The versions of some kinds in a range of places, the newest first.

    Arguments:
        begin, end: the range, the first place excluded.
    """
    rows = connection.execute(_BETWEEN, {"begin": begin, "end": end, "kinds": kinds})
    return [(row.seq, _as_record(row)) for row in rows]


def enterprises_naming(connection: Connection, value: str) -> list[str]:
    """The enterprises whose registration (any version of an `identity` record) holds a text in any field, and more rarely others.

    Arguments:
        value: the text as a field holds it, for instance a legal person's pseudonym or a parent's code.
    """
    query = (
        select(table.c.enterprise)
        .where(table.c.kind == "identity", table.c.payload.contains(canonical(value).decode(), autoescape=True))
        .distinct()
    )
    return sorted(found for (found,) in connection.execute(query) if found is not None)


def since(connection: Connection, seq: int) -> Iterator[tuple[int, Record, Record | None]]:
    """Versions appended after a place: each with its place and the version that it ended, in the order of intake."""
    for rows in connection.execute(_SINCE, {"after": seq}).partitions():
        ended = _ended_by(connection, [row.seq for row in rows if row.action != "new"])
        old = _by_seq(connection, sorted(set(ended.values())))
        for row in rows:
            yield row.seq, _as_record(row), old[ended[row.seq]] if row.seq in ended else None


def _ended_by(connection: Connection, changes: Sequence[int]) -> dict[int, int]:
    """For the place of each change, deletion or repair: the place of the version that it ended."""
    earlier = table.alias("earlier")
    previous = (
        select(func.max(earlier.c.seq))
        .where(
            earlier.c.kind == table.c.kind, earlier.c.source == table.c.source,
            earlier.c.guid == table.c.guid, earlier.c.seq < table.c.seq,
        )
        .scalar_subquery()
    )  # fmt: skip
    found = {}
    for start in range(0, len(changes), _CHUNK):
        query = select(table.c.seq, previous.label("previous")).where(table.c.seq.in_(changes[start : start + _CHUNK]))
        found.update({row.seq: row.previous for row in connection.execute(query)})
    return found


def open_versions(connection: Connection, names: Iterable[Name]) -> list[Record]:
    """The newest versions under some names, those aside that were deleted or repaired."""
    return [record for _, record in open_places(connection, names).values()]


def open_places(connection: Connection, names: Iterable[Name]) -> dict[Name, tuple[int, Record]]:
    """The newest versions under some names with their places, those aside that were deleted or repaired."""
    found: dict[Name, tuple[int, Record]] = {}
    for is_named in _named(names):
        for row in connection.execute(select(table).where(is_named).order_by(table.c.seq)):
            found[(row.kind, row.source, row.guid)] = (row.seq, _as_record(row))
    return {name: (seq, record) for name, (seq, record) in found.items() if record.action in ("new", "change")}


def current_by_reference(connection: Connection, kind: str, references: Sequence[str]) -> list[Record]:
    """The newest versions of a kind that have one of some numbers, in the order of intake.

    A record that a correction moved to another number is found under that one alone.
    """
    return [
        _as_record(row)
        for chunk in _chunks(references)
        for row in connection.execute(_CURRENT_BY_REFERENCE, {"kind": kind, "numbers": chunk})
    ]


def by_references(connection: Connection, kind: str, references: Iterable[str]) -> list[Record]:
    """All versions of a kind that have one of some numbers; those of one number in the order of intake."""
    return [
        _as_record(row)
        for chunk in _chunks(references)
        for row in connection.execute(_BY_REFERENCE, {"kind": kind, "numbers": chunk})
    ]


def identities(connection: Connection, enterprises: Iterable[str]) -> list[Record]:
    """The identity records that stand of some enterprises, in the order of intake."""
    return [
        _as_record(row)
        for chunk in _chunks(enterprises)
        for row in connection.execute(_IDENTITIES, {"enterprises": chunk})
    ]


def declarations_by_number(connection: Connection, numbers: Iterable[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Payloads of declarations by number and source: of each source the newest, the newest of all last."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    wanted = sorted(set(numbers))
    for start in range(0, len(wanted), _CHUNK):
        rows = connection.execute(
            select(table.c.source, table.c.reference, table.c.payload)
            .where(
                table.c.kind == "declaration", table.c.action.in_(("new", "change")),
                table.c.reference.in_(wanted[start : start + _CHUNK]),
            )
            .order_by(table.c.seq)
        )  # fmt: skip
        for source, number, payload in rows:
            by_source = found.setdefault(number, {})
            by_source.pop(source, None)
            by_source[source] = msgspec.json.decode(payload)
    return found


def current_documents(
    connection: Connection, kinds: Sequence[str], *, order_nos: Iterable[str] = (), waybill_nos: Iterable[str] = (),
) -> dict[int, Record]:  # fmt: skip
    """The open versions of some kinds that carry any of some order or waybill numbers, by their place in the order of intake."""
    found = {}
    for query, numbers in ((_BY_ORDER, order_nos), (_BY_WAYBILL, waybill_nos)):
        for chunk in _chunks(numbers):
            rows = connection.execute(query, {"numbers": chunk, "kinds": kinds})
            found.update({row.seq: _as_record(row) for row in rows})
    return found


def dutiable_of_buyers(connection: Connection, buyers: Iterable[str], begin: int, end: int) -> dict[str, int]:
    """Dutiable value in fen of the imports that stand of some buyers.

    Arguments:
        begin, end: instants between which they were declared, the second one excluded.
    """
    found: dict[str, int] = {}
    for chunk in _chunks(buyers):
        rows = connection.execute(_BOUGHT, {"buyers": chunk, "begin": begin, "end": end})
        found.update({buyer: int(total) for buyer, total in rows})
    return found


def _chunks(values: Iterable[str]) -> Iterator[list[str]]:
    wanted = sorted(set(values))
    return (wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK))


def _dutiable_fen(record: Record) -> int | None:
    is_import = record.kind == "declaration" and record.payload.get("direction") == "import"
    return dutiable_fen(record.payload) if is_import else None


def _by_seq(connection: Connection, wanted: Sequence[int]) -> dict[int, Record]:
    found = {}
    for start in range(0, len(wanted), _CHUNK):
        rows = connection.execute(select(table).where(table.c.seq.in_(wanted[start : start + _CHUNK])))
        found.update({row.seq: _as_record(row) for row in rows})
    return found


def _as_row(record: Record) -> dict[str, Any]:
    return {
        "kind": record.kind, "source": record.source, "guid": record.guid, "action": record.action,
        "event_at": record.event_at, "known_at": record.known_at, "usable_until": record.usable_until,
        "digest": record.digest, "enterprise": record.payload.get("enterprise"), "reference": record.reference,
        "order_no": record.payload.get("order_no"), "waybill_no": record.payload.get("waybill_no"),
        "buyer": record.payload.get("buyer"), "dutiable_fen": _dutiable_fen(record),
        "payload": canonical(record.payload).decode(),
    }  # fmt: skip


def _as_record(row: Row[Any]) -> Record:
    return Record(
        kind=row.kind, guid=row.guid, source=row.source, action=row.action, event_at=row.event_at,
        known_at=row.known_at, usable_until=row.usable_until, payload=msgspec.json.decode(row.payload), digest=row.digest,
    )  # fmt: skip
