"""Questions: a moment, and the facts of the shipment or the enterprise that is asked about."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from data.records import Record, Version
from features.views import view_of


@dataclass(frozen=True, slots=True)
class Question:
    """What to compute features for. `at` is an instant; nothing known at it or later counts."""

    at: int
    facts: Mapping[str, Any]


def about_shipment(declaration: Record) -> Question:
    """The question that a declaration asks at the moment at which it became known."""
    return Question(max(declaration.event_at, declaration.known_at), view_of("declaration", declaration.payload))


def about_enterprise(enterprise: str, at: int, identity: Mapping[str, Any] | None = None) -> Question:
    """The question about an enterprise's credit at a moment.

    Arguments:
        identity: its identity's payload as known then, which names its legal person, parent, role and capital.
    """
    return Question(at, view_of("identity", {**(identity or {}), "enterprise": enterprise}))


def identity_at(identities: Iterable[Version], at: int) -> Mapping[str, Any] | None:
    """The identity of an enterprise as known at a moment: the one taken in last of those that hold then.

    Arguments:
        identities: versions of its identity records, in the order of intake.
    """
    payload = None
    for version in identities:
        record = version.record
        holds = max(record.event_at, record.known_at) < at < min(record.usable_until, version.ended_at)
        if holds and record.action in ("new", "change"):
            payload = record.payload
    return payload
