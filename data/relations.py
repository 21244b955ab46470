"""Who stands behind an enterprise: its legal person and its parent, as known when a record of it is taken in."""

from collections.abc import Sequence

from sqlalchemy import Connection

from data.records import Record
from data.store import records as record_rows
from data.store.records import Name, name_of

RESTATED = ("declaration", "supervision", "public_credit")
"""The kinds that restate them."""


class Owners:
    """The identities of the enterprises of a batch, in the store and in the batch, kept in step as they are taken in.

    An enterprise may have identities of several sources: the one taken in last counts.

    Arguments:
        coming: the records of the batch.
    """

    def __init__(self, connection: Connection, coming: Sequence[Record]) -> None:
        self._standing: dict[str, dict[Name, Record]] = {}
        self._owner: dict[Name, str] = {}
        asked = {r.payload["enterprise"] for r in coming if r.kind in RESTATED and r.action in ("new", "change")}
        for record in record_rows.identities(connection, asked) if asked else ():
            self._hold(record)

    def of(self, record: Record) -> dict[str, str]:
        """What a record restates: `legal_person` and `parent` (the first of several), as far as they are known."""
        if record.kind not in RESTATED:
            return {}
        standing = [
            identity
            for identity in self._standing.get(record.payload["enterprise"], {}).values()
            if identity.usable_until > record.known_at
        ]
        if not standing:
            return {}
        identity = standing[-1].payload
        parents = identity.get("parent_enterprises", ())
        found = {"legal_person": identity.get("legal_person"), "parent": parents[0] if parents else None}
        return {name: value for name, value in found.items() if value is not None}

    def note(self, record: Record) -> None:
        """Follow an accepted record where it is an identity."""
        if record.kind != "identity":
            return
        before = self._owner.pop(name_of(record), None)
        if before is not None:
            del self._standing[before][name_of(record)]
        if record.action in ("new", "change"):
            self._hold(record)

    def _hold(self, record: Record) -> None:
        enterprise = record.payload["enterprise"]
        self._owner[name_of(record)] = enterprise
        self._standing.setdefault(enterprise, {})[name_of(record)] = record
