"""What inspections found of decided shipments, as known at a moment."""

from collections.abc import Sequence

from sqlalchemy import Connection

from data.records import Record
from data.store import records as record_rows
from data.store.decisions import Given
from data.store.records import Name


def outcomes_known(connection: Connection, given: Sequence[tuple[str, Given]], until: int) -> dict[str, int]:
    """The outcomes of decided shipments: 1 for a violation found, 0 for none, by the id of the decision.

    Corrections and withdrawals known by then count. Of several decisions on a shipment, the last one before its outcome became
    known has it: a later one knew the answer. Of several inspections one that found something decides.

    Arguments:
        given: enterprises with what was decided on their declarations, in the order of time.
        until: an instant; what became known then or later plays no part.
    """
    standing: dict[Name, Record] = {}
    for record in record_rows.by_references(connection, "supervision", {one.declaration_no for _, one in given}):
        if record.known_at < until:
            standing[record_rows.name_of(record)] = record
    found: dict[tuple[str, str], list[Record]] = {}
    for record in standing.values():
        if record.action in ("new", "change") and record.payload["event"] == "inspection":
            shipment = (record.payload["enterprise"], record.payload["declaration_no"])
            found.setdefault(shipment, []).append(record)
    last: dict[tuple[str, str], str] = {}
    for enterprise, one in given:
        reports = found.get((enterprise, one.declaration_no), ())
        if reports and one.decided_at < min(report.known_at for report in reports):
            last[enterprise, one.declaration_no] = one.id
    return {
        decision: int(any(report.payload["finding"] == "hit" for report in found[shipment]))
        for shipment, decision in last.items()
    }
