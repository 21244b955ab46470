"""Peers' values in the store: built from the live state of all enterprises, and read for an archive."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection

from data.errors import FeatureError
from data.records import Version, digest_of
from data.store import peers as peer_rows
from data.store import records as record_rows
from data.times import show, to_instant
from features import catalogue
from features.catalogue import CREDIT
from features.forms import Value
from features.live import vector
from features.measures import Measure
from features.peers import Group, Place, Width, grouped, peers_of, shipped_rules
from serving.clearance import Clearance
from serving.known import DECLARED_365D, Known, registration_at

_NAMES = [feature.name for feature in CREDIT.features]
NoPeers = Literal["no_table", "other_catalogue", "no_role"]
"""Why there are none: no table is as old, it was built for other definitions or bands, or the firm's role is not known."""


@dataclass(frozen=True, slots=True)
class Built:
    """A table that was built: as of when, of how many firms in how many groups; registrations that ended are left out."""

    as_of: str
    firms: int
    groups: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Peers:
    """The peers of an enterprise: as of when, how wide the group is, its place, and the values in it."""

    as_of: int
    width: Width
    place: Place
    group: Group


def definitions() -> str:
    """The digest of what a table holds for: the features and the bands."""
    return digest_of([catalogue.digest(CREDIT), shipped_rules().model_dump(mode="json")])


def build_peers(clearance: Clearance, progress: Callable[[int, int], None] = lambda _d, _t: None) -> Built:
    """Build the peers' values anew from the live state of all enterprises that are registered now, and keep them.

    Arguments:
        clearance: one whose clock stands, so that all are asked at one instant.
        progress: called with firms done and their number.
    """
    firms: list[tuple[Place, list[Value]]] = []
    at = 0
    with clearance.store.read(steady=True) as connection:
        registered = _registered(connection)
        for done, (enterprise, versions) in enumerate(sorted(registered.items()), start=1):
            question, measured = clearance.enterprise_now(connection, enterprise)
            at = max(at, question.at)
            identity = registration_at(versions, question.at)
            if identity is not None and not _is_closed(identity, question.at):
                firms.append((place_of(identity, measured), vector(CREDIT, measured, question)))
            if done % 50 == 0 or done == len(registered):
                progress(done, len(registered))
        at = at or clearance.clock()
    groups = grouped(_NAMES, firms)
    rows = [
        peer_rows.PeerRow(place.role, place.band, place.district, group.firms, dict(group.values))
        for place, group in groups.items()
    ]
    left_out = len(registered) - len(firms)
    with clearance.store.write() as connection:
        peer_rows.put(connection, rows, as_of=at, catalogue=definitions(), firms=len(firms), left_out=left_out)
    return Built(show(at), len(firms), len(groups), left_out)


def peers_at(connection: Connection, firm: Known) -> Peers | NoPeers:
    """The peers of an enterprise as of the newest table not later than its moment, or why there are none."""
    table = peer_rows.newest(connection, firm.question.at)
    if table is None:
        return "no_table"
    if table.catalogue != definitions():
        return "other_catalogue"
    if firm.identity is None:
        return "no_role"
    place = place_of(firm.identity, firm.measured)
    groups = {
        Place(row.role, row.band, row.district): Group(row.firms, row.values)
        for row in peer_rows.of_role(connection, table, place.role)
    }
    width, group = peers_of(groups, place, shipped_rules().least_firms)
    return Peers(table.as_of, width, place, group)


def place_of(identity: Mapping[str, Any], measured: dict[Measure, int | None]) -> Place:
    """What makes an enterprise a peer of others.

    Raises:
        FeatureError: where the live state does not keep the declared value by which firms have a size.
    """
    if DECLARED_365D not in measured:
        raise FeatureError(
            f"no feature set keeps {DECLARED_365D.name}, by which peers have a size: declare a feature of it"
        )
    band = shipped_rules().band(measured[DECLARED_365D] or 0)
    return Place(str(identity["role"]), band.code, str(identity.get("district") or ""))


def _registered(connection: Connection) -> dict[str, list[Version]]:
    """The versions of each enterprise's registration."""
    found: dict[str, list[Version]] = {}
    for version in record_rows.versions(connection, kinds=["identity"]):
        if "enterprise" in version.record.payload:
            found.setdefault(version.record.payload["enterprise"], []).append(version)
    return found


def _is_closed(identity: Mapping[str, Any], at: int) -> bool:
    closed_on = identity.get("closed_on")
    return closed_on is not None and to_instant(datetime.fromisoformat(closed_on)) <= at
