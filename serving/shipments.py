"""A declared shipment as known now, and what intake would make of documents that came in for it: nothing is stored."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from data.errors import InvalidRecordError, NotFoundError
from data.intake import Row, judged
from data.linking import current_papers, latest_match, match_name
from data.records import Record, Version
from data.store import records as record_rows
from data.store.records import name_of
from features.definitions import FeatureSet
from features.questions import Question, about_shipment
from features.reference import bearing
from models.counterfactuals import Filed, Trade
from serving.clearance import Clearance

ENDED = {
    "100": ("退单", "rejected"), "700": ("退运", "sent back"), "800": ("放行", "released"), "899": ("结关", "closed"),
}  # fmt: skip
"""Statuses of a list after which nothing is done before release any more."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A declared shipment.

    Attributes:
        at: the instant at which it is asked about, after all that is known.
        ended: why nothing can be done before release any more, in Chinese and English; None while it can.
    """

    trade: Trade
    at: int
    ended: tuple[str, str] | None


def declared(clearance: Clearance, connection: Connection, declaration_no: str) -> Declared:
    """The declaration of a number that was taken in last, with the documents of its trade and their match.

    Raises:
        NotFoundError: where no declaration that stands has the number.
    """
    found = record_rows.current_by_reference(connection, "declaration", [declaration_no])
    standing = [record for record in found if record.action in ("new", "change")]
    if not standing:
        raise NotFoundError(f"no declaration {declaration_no} stands; check the number")
    declaration = standing[-1]
    summary = latest_match(connection, declaration)
    if summary is not None:
        declaration = replace(declaration, payload={**declaration.payload, "match": summary})
    papers = current_papers(connection, declaration)
    at = max(clearance.asked_at(connection), declaration.event_at + 1, declaration.known_at + 1)
    trade = Trade(declaration, papers.order, papers.payments, papers.waybill)
    return Declared(trade, at, _ended(connection, declaration_no))


def versions_about(connection: Connection, features: FeatureSet, declaration: Record, at: int) -> list[Version]:
    """The versions that bear on a shipment, itself and its match left out.

    Every version of the kinds that feed the features is read once; few are kept.
    """
    kinds = sorted({measure.stream.kind for measure in features.measures})
    question = Question(at, about_shipment(declaration).facts)
    own = (name_of(declaration), match_name(declaration))
    found = bearing(features.measures, record_rows.versions(connection, kinds=kinds), question)
    return [version for version in found if name_of(version.record) not in own]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Intake of documents for a declaration, up to where they would be stored."""

    connection: Connection
    declaration: Record

    def __call__(self, documents: Sequence[Record]) -> Filed:
        """What intake would append, and the match of the declaration after it.

        Raises:
            InvalidRecordError: where intake would refuse a document.
        """
        rows = [Row("improve", number, bytes, (document,)) for number, document in enumerate(documents, start=1)]
        taken = judged(self.connection, rows)
        if taken.refused:
            raise InvalidRecordError(taken.refused[0].faults)
        named = match_name(self.declaration)
        matches = [record.payload.get("match", {}) for record in taken.fresh if name_of(record) == named]
        others = tuple(record for record in taken.fresh if name_of(record) != named)
        return Filed(others, matches[-1] if matches else self.declaration.payload.get("match", {}))


def _ended(connection: Connection, declaration_no: str) -> tuple[str, str] | None:
    def standing(kind: str) -> list[Record]:
        found = record_rows.current_by_reference(connection, kind, [declaration_no])
        return [record for record in found if record.action in ("new", "change")]

    statuses = [ENDED[status] for record in standing("list_status") if (status := record.payload["status"]) in ENDED]
    if statuses:
        return statuses[-1]
    if standing("cancellation"):
        return "申请撤单", "about to be cancelled"
    if any(record.payload["event"] == "inspection" for record in standing("supervision")):
        return "查验", "inspected"
    return None
