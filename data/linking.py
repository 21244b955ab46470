"""Linking: what records say of each other, settled once at intake, in the order in which they become known.

- An inspection restates the declaration that it speaks of (`facts`).
- A payment or waybill that does not name its enterprise has it from its order.
- A declaration carries the match of its documents as known then (`match`), and of these who paid (`payer`) and the consignee's
  telephone; a document that comes later gives a new match, kept as a derived record of kind `match`.
- A declaration and a record of supervision or public credit name the enterprise's legal person and parent (`data.relations`).

So every later question finds in a record what was known with it, and replays find the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from data.errors import PolicyError
from data.matching import Limits, Match, limits_at, match
from data.matching.comparisons import dutiable_fen
from data.payloads import compact
from data.records import Record, make_record
from data.relations import Owners
from data.store import records as record_rows
from data.store.records import Name, name_of
from data.times import CHINA, DAY, day_of, from_instant, midnight, to_instant

Payload = dict[str, Any]
DOCUMENTS = ("order", "payment", "waybill", "declaration")
_NUMBERS = ("order_no", "waybill_no")
_MONTH = 30 * DAY
_AFTER_STORED = 2**62
"""Beyond every place in the order of intake."""
MATCHED_BY = "greenlane"
"""The source of derived records."""


@dataclass(frozen=True, slots=True)
class Papers:
    """The documents of a declaration's trade; `carried` is all that has its waybill number, in the order of intake."""

    order: Payload | None
    payments: Sequence[Payload]
    waybill: Payload | None
    carried: Sequence[Record]

    def persons(self) -> Payload:
        """Who paid (of several payments the one taken in last that says so), and the telephone for the delivery."""
        payers = [payment["payer"] for payment in self.payments if "payer" in payment]
        found = {"payer": payers[-1] if payers else None, "consignee_telephone": None}
        for document in (self.waybill, self.order):
            found["consignee_telephone"] = (document or {}).get("consignee_telephone", found["consignee_telephone"])
        return {name: value for name, value in found.items() if value is not None}


class Links:
    """What the records of a batch refer to, in the store and among themselves, kept in step as they are taken in.

    Arguments:
        coming: the records of the batch.
    """

    def __init__(self, connection: Connection, coming: Sequence[Record]) -> None:
        wanted = [r.payload["declaration_no"] for r in coming if needs_facts(r)]
        self._declared = record_rows.declarations_by_number(connection, wanted) if wanted else {}
        self._is_asked = bool(wanted)
        self._owners = Owners(connection, coming)
        self._load_documents(connection, coming)

    def faults(self, records: Sequence[Record]) -> tuple[tuple[str, str], ...]:
        """What records refer to and nobody knows. A record may refer to one before it in the same sequence."""
        own: set[str] = set()
        for record in records:
            if record.kind == "declaration" and record.action in ("new", "change"):
                own.add(record.payload["declaration_no"])
            elif needs_facts(record) and record.payload["declaration_no"] not in own | self._declared.keys():
                return (("payload.declaration_no", "is not the number of a known declaration; send that first"),)
        return ()

    def _load_documents(self, connection: Connection, coming: Sequence[Record]) -> None:
        self._documents: dict[Name, Record] = {}
        self._by_number: dict[tuple[str, str], dict[Name, None]] = {}
        self._matches: dict[Name, tuple[int, Record]] = {}
        self._touched: dict[Name, None] = {}
        self._bought: dict[tuple[str, int], int] = {}
        self._asked: dict[str, set[str]] = {field: set() for field in _NUMBERS}
        self._places: dict[Name, int] = {}
        self._newest = _AFTER_STORED
        self._instant = 0
        touched = [r for r in coming if r.kind in DOCUMENTS]
        if not touched:
            return
        bare = [name_of(r) for r in touched if r.action != "new"]
        before = record_rows.open_versions(connection, bare)
        known = [*touched, *before]
        self._hold_current(connection, known)
        # a declaration reached by one number may have other documents under its other number
        self._hold_current(connection, [r for r in self._documents.values() if r.kind == "declaration"])
        for record in before:  # those that carry no number
            if name_of(record) not in self._documents:
                self._hold(record)
        declared = [*known, *(r for r in self._documents.values() if r.kind == "declaration")]
        for year in {_year(r.event_at) for r in declared if _counts_for_buyer(r)}:
            buyers = {r.payload["buyer"] for r in declared if _counts_for_buyer(r) and _year(r.event_at) == year}
            of_year = record_rows.dutiable_of_buyers(connection, buyers, _begins(year), _begins(year + 1))
            self._bought.update({(buyer, year): total for buyer, total in of_year.items()})
        # by name: a declaration whose number was corrected keeps its match
        names = [match_name(r) for r in self._documents.values() if r.kind == "declaration"]
        self._matches.update(record_rows.open_places(connection, names))

    def _hold_current(self, connection: Connection, named: Sequence[Record]) -> None:
        """Hold the open documents under the numbers that some records carry, as far as they were not asked for yet."""
        asked: dict[str, set[str]] = {}
        for field in _NUMBERS:
            numbers = {number for record in named if (number := record.payload.get(field))}
            asked[field] = numbers - self._asked[field]
            self._asked[field] |= numbers
        if not any(asked.values()):
            return
        found = record_rows.current_documents(
            connection, DOCUMENTS, order_nos=asked["order_no"], waybill_nos=asked["waybill_no"]
        )
        for place, record in found.items():
            if name_of(record) not in self._documents:
                self._hold(record, place)

    def restated(self, record: Record) -> Record:
        """A record with what others add to it. Its digest stays that of what was sent: the same sent again is a duplicate."""
        if record.action not in ("new", "change"):
            return record
        added = self._said_by_others(record) | self._owners.of(record)
        return replace(record, payload={**record.payload, **added}) if added else record

    def _said_by_others(self, record: Record) -> Payload:
        if needs_facts(record):
            by_source = self._declared.get(record.payload["declaration_no"], {})
            # an inspector's system may be another source than the declarant's: then the newest declaration counts
            return {"facts": by_source.get(record.source) or next(reversed(by_source.values()))}
        if record.kind in ("payment", "waybill") and "enterprise" not in record.payload:
            enterprise = self._enterprise_of(record.payload)
            return {"enterprise": enterprise} if enterprise else {}
        if record.kind == "declaration" and self.is_matched(record.payload):
            papers = self.papers_of(record.payload)
            summary = _summary(self._match_with(record, papers))
            return ({"match": summary} if summary else {}) | papers.persons()
        return {}

    def noted(self, record: Record) -> list[Record]:
        """Take an accepted record in. Returns the matches that earlier instants changed, as derived records."""
        changed = self.settled() if record.known_at != self._instant else []
        self._instant = record.known_at
        self._owners.note(record)
        if record.kind not in DOCUMENTS:
            return changed
        before = self._release(name_of(record))
        self._count(before, -1)
        if record.action in ("new", "change"):
            self._hold(record)
            self._count(record, 1)
            if self._is_asked and record.kind == "declaration":
                by_source = self._declared.setdefault(record.payload["declaration_no"], {})
                by_source.pop(record.source, None)
                by_source[record.source] = record.payload
        if record.kind != "declaration":
            for document in (before, record):
                for field in ("order_no", "waybill_no"):
                    number = document.payload.get(field, "") if document is not None else ""
                    touched = self._by_number.get((field, number), {})
                    self._touched.update({name: None for name in touched if name[0] == "declaration"})
        return changed

    def settled(self) -> list[Record]:
        """The matches that the last instant changed, as derived records. An instant gives a declaration one at most."""
        touched = [self._documents[name] for name in sorted(self._touched) if name in self._documents]
        self._touched = {}
        return [changed for one in touched if (changed := self._rematched(one, self._instant)) is not None]

    def _rematched(self, declaration: Record, known_at: int) -> Record | None:
        if not self.is_matched(declaration.payload):
            return None
        summary = _summary(self.match_of(declaration))
        name = match_name(declaration)
        place, last = self._matches.get(name, (0, None))
        is_newer = last is not None and place > self._places[name_of(declaration)]
        stands = last.payload.get("match") if last is not None and is_newer else declaration.payload.get("match")
        if summary == (stands or {}):
            return None
        payload = {
            "declaration_no": declaration.payload["declaration_no"], "enterprise": declaration.payload["enterprise"],
            "order_no": declaration.payload.get("order_no"), "match": summary,
        }  # fmt: skip
        derived = make_record(
            kind="match", guid=name[2], source=MATCHED_BY, action="new" if last is None else "change",
            event_at=max(declaration.event_at, declaration.known_at), known_at=known_at, payload=compact(payload),
            sent=[known_at, payload, None if last is None else last.digest],  # a match that comes back is a version of its own
        )  # fmt: skip
        self._newest += 1
        self._matches[name] = (self._newest, derived)
        return derived

    @staticmethod
    def is_matched(payload: Payload) -> bool:
        """Whether a declaration is matched at all."""
        return "trade_mode" in payload  # a register that states no mode speaks of no such trade

    def match_of(self, record: Record) -> Match | None:
        """The match of a declaration with the documents held; None on a day without rules."""
        return self._match_with(record, self.papers_of(record.payload))

    def _match_with(self, record: Record, papers: "Papers") -> Match | None:
        day = from_instant(record.event_at).astimezone(CHINA).date()
        try:
            limits = limits_at(day)
        except PolicyError:  # older than the rules
            return None
        return match(
            record.payload, papers.order, papers.payments, papers.waybill, on=day, limits=limits,
            buyer_year_fen=self._buyer_year_fen(record),
            earlier_waybill_uses=self._earlier_uses(record, papers.carried, limits),
        )  # fmt: skip

    def papers_of(self, declaration: Payload) -> "Papers":
        """The documents held of a declaration's trade."""
        platform, firm = declaration.get("platform"), declaration.get("logistics_firm")
        traded = self._with("order_no", declaration.get("order_no"))
        carried = self._with("waybill_no", declaration.get("waybill_no"))
        orders = [r.payload for r in traded if r.kind == "order"]
        orders = [order for order in orders if order.get("platform") == platform] or orders
        payments = [
            r.payload for r in traded if r.kind == "payment" and r.payload.get("platform", platform) == platform
        ]
        waybills = [r.payload for r in carried if r.kind == "waybill"]
        waybills = [waybill for waybill in waybills if waybill.get("logistics_firm") == firm] or waybills
        return Papers(orders[-1] if orders else None, payments, waybills[-1] if waybills else None, carried)

    def _buyer_year_fen(self, record: Record) -> int | None:
        """Dutiable value of the buyer's other imports of the same calendar year, as far as they are known."""
        if not _counts_for_buyer(record):
            return None
        year = _year(record.event_at)
        total = self._bought.get((record.payload["buyer"], year), 0)
        held = self._documents.get(name_of(record))
        is_counted = held is not None and _counts_for_buyer(held) and _year(held.event_at) == year
        if held is not None and is_counted and held.payload["buyer"] == record.payload["buyer"]:
            total -= dutiable_fen(held.payload)
        return total

    def _count(self, record: Record | None, sign: int) -> None:
        if record is not None and _counts_for_buyer(record):
            key = record.payload["buyer"], _year(record.event_at)
            self._bought[key] = self._bought.get(key, 0) + sign * dutiable_fen(record.payload)

    @staticmethod
    def _earlier_uses(record: Record, carried: Sequence[Record], limits: Limits) -> int | None:
        """How often other exports declared the waybill within the months of the limit before this one."""
        if record.payload.get("direction") != "export":
            return None
        begin = record.event_at - limits.export_waybill_months * _MONTH
        return sum(
            begin < other.event_at <= record.event_at
            for other in carried
            if other.kind == "declaration" and name_of(other) != name_of(record)
            and other.payload.get("logistics_firm") == record.payload.get("logistics_firm")
        )  # fmt: skip

    def _enterprise_of(self, payload: Payload) -> str | None:
        orders = [r.payload for r in self._with("order_no", payload.get("order_no")) if r.kind == "order"]
        platform = payload.get("platform")
        named = {order["enterprise"] for order in orders if platform is None or order.get("platform") == platform}
        return named.pop() if len(named) == 1 else None

    def _with(self, field: str, number: str | None) -> list[Record]:
        """The documents held under a number, in the order of intake."""
        names = self._by_number.get((field, number or ""))
        return [] if not names else [self._documents[name] for name in sorted(names, key=self._places.__getitem__)]

    def _hold(self, record: Record, place: int | None = None) -> None:
        """Hold a document.

        Arguments:
            place: where it stands in the order of intake; without it, behind all others.
        """
        name = name_of(record)
        self._documents[name] = record
        self._newest += 1
        self._places[name] = self._newest if place is None else place
        for field in _NUMBERS:
            if number := record.payload.get(field):
                self._by_number.setdefault((field, number), {})[name] = None

    def _release(self, name: Name) -> Record | None:
        before = self._documents.pop(name, None)
        if before is not None:
            for field in _NUMBERS:
                if number := before.payload.get(field):
                    self._by_number[field, number].pop(name, None)
        return before


def _counts_for_buyer(record: Record) -> bool:
    """Whether a record is an import that counts towards its buyer's annual limit."""
    payload = record.payload
    return record.kind == "declaration" and payload.get("direction") == "import" and "buyer" in payload


@lru_cache(4_096)
def _year_of_day(day: int) -> int:
    return from_instant(midnight(day)).astimezone(CHINA).year


def _year(instant: int) -> int:
    """The calendar year in China."""
    return _year_of_day(day_of(instant))


def _begins(year: int) -> int:
    """The instant at which a calendar year begins in China."""
    return to_instant(datetime(year, 1, 1, tzinfo=CHINA))


def _summary(found: Match | None) -> Payload:
    return {} if found is None else found.summary()


def current_match(connection: Connection, declaration_no: str) -> tuple[Record, Match] | None:
    """The declaration of a number that was taken in last, and its match with the documents known now.

    Returns:
        None where no declaration that stands has the number, or its register or day has no such rules.
    """
    declared = record_rows.current_by_reference(connection, "declaration", [declaration_no])
    standing = [record for record in declared if record.action in ("new", "change")]
    if not standing or not Links.is_matched(standing[-1].payload):
        return None
    found = Links(connection, standing[-1:]).match_of(standing[-1])
    return None if found is None else (standing[-1], found)


def current_papers(connection: Connection, declaration: Record) -> Papers:
    """The documents of a stored declaration's trade as known now."""
    return Links(connection, [declaration]).papers_of(declaration.payload)


def latest_match(connection: Connection, declaration: Record) -> Payload | None:
    """The match that a later document gave a stored declaration; None where its own still stands.

    Later is what was taken in later: a document and a correction may have become known at one instant.
    """
    name, matched = name_of(declaration), match_name(declaration)
    places = record_rows.open_places(connection, [name, matched])
    if matched not in places or places[matched][0] < places[name][0]:
        return None
    match: Payload = places[matched][1].payload.get("match", {})
    return match


def match_name(declaration: Record) -> Name:
    """Under which name the later matches of a declaration are stored."""
    return ("match", MATCHED_BY, f"{declaration.source}/{declaration.guid}"[:100])


def needs_facts(record: Record) -> bool:
    """Whether a record is an inspection that does not restate its declaration yet."""
    return (
        record.kind == "supervision" and record.payload.get("event") == "inspection" and "facts" not in record.payload
    )
