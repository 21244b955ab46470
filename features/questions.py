"""Questions: a moment, and the facts of the shipment or the enterprise that is asked about."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data.records import Record
from features.views import view_of


@dataclass(frozen=True, slots=True)
class Question:
    """What to compute features for. `at` is an instant; nothing known at it or later counts."""

    at: int
    facts: Mapping[str, Any]


def about_shipment(declaration: Record) -> Question:
    """The question that a declaration asks at the moment at which it became known."""
    return Question(max(declaration.event_at, declaration.known_at), view_of("declaration", declaration.payload))


def about_enterprise(enterprise: str, at: int) -> Question:
    """The question about an enterprise's credit at a moment."""
    return Question(at, {"enterprise": enterprise})
