"""The versions that may bear on measures at the moment of a decision: read key by key, by index, never a table without bound.

- A key with the enterprise, the buyer or the waybill in it has a column with an index.
- The legal person and the group are read as an archive reads related parties.
- Other keys (platform, goods, route, address ...) have no index. For decisions among the first places of a store, all versions up
  to then are looked through; else these measures are left out, and said to be.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from data.records import Version
from data.store import sources
from features.measures import Key, Measure
from features.questions import Question
from features.themes.common import ENTERPRISE
from serving.known import RELATED, related

MOST_LOOKED_THROUGH = 150_000
"""Up to which place in the order of intake versions are looked through while somebody waits.

By the place of the decision and not by what is stored now: so what comes later changes no answer.
"""
_RESTATING = ("supervision",)
"""Kinds whose records state fields of another record, which the columns of their own do not hold."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """All versions that may bear on the measures that were read, in the order of intake, and the measures that were not."""

    versions: tuple[Version, ...]
    unread: frozenset[Measure]


def gathered(
    connection: Connection, question: Question, measures: Iterable[Measure], upto: int, most: int | None = MOST_LOOKED_THROUGH
) -> Gathered:  # fmt: skip
    """Read what may bear on some measures of a question.

    Arguments:
        upto: the last place in the order of intake that counts.
        most: up to which place versions may be looked through; any where None.
    """
    asked = [measure for measure in measures if measure.key.of(question.facts) is not None]
    kinds: dict[str, set[str]] = {}
    looked: dict[str, dict[Key, None]] = {}
    for measure in asked:
        kind, field = measure.stream.kind, _field_of(measure)
        if field is not None:
            kinds.setdefault(field, set()).add(kind)
        else:
            looked.setdefault(kind, {})[measure.key] = None
    is_too_many = most is not None and upto > most
    found: dict[int, Version] = {}

    def add(versions: Iterator[Version]) -> None:
        found.update((version.seq, version) for version in versions)

    for field, wanted in kinds.items():
        add(sources.by_field(connection, field, str(question.facts[field]), sorted(wanted), upto))
    of_related = [measure for measure in asked if measure.key in RELATED]
    if of_related:
        add(related(connection, [question], of_related, upto))
    if looked and not is_too_many:
        values = {
            kind: [{name: question.facts[name] for name in key.fields} for key in keys] for kind, keys in looked.items()
        }
        add(sources.looked_through(connection, values, upto))
    unread = frozenset(measure for measure in asked if is_too_many and _field_of(measure) is None)
    return Gathered(tuple(found[seq] for seq in sorted(found)), unread)


def _field_of(measure: Measure) -> str | None:
    """The indexed field under which a measure's records are found; None where there is none.

    Of related parties' measures it is the enterprise: its own records count under these keys too.
    """
    if measure.key in RELATED:
        return ENTERPRISE.fields[0]
    for field in sources.INDEXED:
        if field in measure.key.fields and (field in ENTERPRISE.fields or measure.stream.kind not in _RESTATING):
            return field
    return None
