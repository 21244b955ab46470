"""Questions: moments, and the facts of the shipments or enterprises that are asked about."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data.records import Record, Version
from features.views import view_of

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Question:
    """What to compute features for. `at` is an instant; nothing known at it or later counts."""

    at: int
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Questions:
    """Many questions as columns.

    Attributes:
        at: instants, shape (n,).
        get: a fact of all of them by its field's name, n values as Arrow; None where none has it.
    """

    at: NDArray[np.int64]
    get: Callable[[str], "pa.Array | None"]

    def __len__(self) -> int:
        return len(self.at)

    @classmethod
    def of(cls, questions: Sequence[Question]) -> "Questions":
        """Questions that are at hand one by one."""
        from features.columns import column_of  # the service answers without Arrow

        made: dict[str, pa.Array] = {}

        def get(field: str) -> "pa.Array":
            if field not in made:
                made[field] = column_of([question.facts.get(field) for question in questions])
            return made[field]

        return cls(np.array([question.at for question in questions], dtype=np.int64), get)


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
