"""The credit archive of an enterprise at a moment: who it is, every theme with evidence and peers, its score with reasons."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from data.records import digest_of
from data.store import decisions as decision_rows
from data.times import OPEN, show
from features.catalogue import CREDIT
from features.definitions import Feature
from features.evidence import Evidence, Item, evidence
from features.forms import Value
from features.live import vector
from features.missing import gap_of
from features.peers import shipped_rules, standing
from features.reference import Asked, vectors
from models.reasons import Reason, reason_of, shown
from serving.answers import ArchiveAnswer, ArchiveFact, ScoreAnswer
from serving.archive_answers import (
    CreditArchive,
    EvidenceAnswer,
    EvidenceRecord,
    FactAnswer,
    GivenLane,
    MissingAnswer,
    NoPeersAnswer,
    PeersAnswer,
    StandingAnswer,
    ThemeAnswer,
)
from serving.clearance import Clearance
from serving.known import Known, known
from serving.peers import NoPeers, Peers, peers_at
from serving.words import GAPS, NO_PEERS, THEMES

MOST_RECORDS = 20
"""How many records are listed behind a value where nobody asks for more."""
_REASONS, _DECISIONS = 8, 10
_LISTED = {"evidence": {"records", "more"}}
_NOT_DIGESTED: Any = {"digest": True, "themes": {"__all__": {"facts": {"__all__": _LISTED}}}}
"""How many records are listed changes nothing: the digest of all of them is in."""


def archive_of(clearance: Clearance, enterprise: str) -> ArchiveAnswer:
    """The short archive of an enterprise as known now.

    Raises:
        NotFoundError: where no record names it.
    """
    with clearance.store.read(steady=True) as connection:
        firm = known(clearance, connection, enterprise)
        lanes = decision_rows.lanes(connection, enterprise, firm.question.at)
    themes: dict[str, list[ArchiveFact]] = {}
    for feature, value in zip(CREDIT.features, vector(CREDIT, firm.measured, firm.question), strict=True):
        zh, en = shown(feature, value)
        fact = ArchiveFact(code=feature.name, zh=feature.zh, en=feature.en, value=value, shown_zh=zh, shown_en=en)
        themes.setdefault(feature.theme, []).append(fact)
    return ArchiveAnswer(
        enterprise=enterprise, as_of=show(firm.question.at), identity=firm.identity, statutory_level=firm.level,
        credit=_credit(firm), reasons=_reasons(firm), themes=themes, records=_counts(firm), lanes=lanes,
    )  # fmt: skip


def credit_archive(
    clearance: Clearance, enterprise: str, as_of: int | None = None, *, most: int = MOST_RECORDS
) -> CreditArchive:
    """The whole archive of an enterprise.

    Arguments:
        as_of: an instant of the past, for what was known then; now where None.
        most: how many records to list behind a value. All are counted.
    Raises:
        NotFoundError: where no record names it, or none was known by then.
    """
    clearance.refresh()
    with clearance.store.read(steady=True) as connection:
        firm = known(clearance, connection, enterprise, as_of)
        lanes = decision_rows.lanes(connection, enterprise, firm.question.at)
        decisions = decision_rows.latest(connection, enterprise, firm.question.at, _DECISIONS)
        peers = peers_at(connection, firm)
    archive = CreditArchive(
        enterprise=enterprise, as_of=show(firm.question.at), identity=firm.identity, statutory_level=firm.level,
        credit=_credit(firm), reasons=_reasons(firm), policy=firm.policy.id if firm.policy else None, notes=_notes(firm),
        peers=_peers(peers) if isinstance(peers, Peers) else None,
        no_peers=None if isinstance(peers, Peers) else _no_peers(peers),
        months=[show(question.at) for question in firm.months],
        themes=_themes(firm, peers if isinstance(peers, Peers) else None, most), records=_counts(firm), lanes=lanes,
        decisions=[
            GivenLane(
                decision_id=given.id, declaration_no=given.declaration_no, decided_at=show(given.decided_at),
                lane=given.lane,
            )
            for given in decisions
        ],
        digest="",
    )  # fmt: skip
    content = archive.model_dump(mode="json", exclude=_NOT_DIGESTED)
    return archive.model_copy(update={"digest": digest_of(content)})


def _themes(firm: Known, peers: Peers | None, most: int) -> list[ThemeAnswer]:
    values = vector(CREDIT, firm.measured, firm.question)
    behind = evidence(CREDIT, firm.versions, firm.question, most=most)
    trends = _trends(firm)
    found: dict[str, list[FactAnswer]] = {}
    for place, (feature, value) in enumerate(zip(CREDIT.features, values, strict=True)):
        trend = None if feature.is_category else [_number(row[place]) if row else None for row in trends]
        fact = _fact(feature, value, firm, peers, trend, behind[feature.name])
        found.setdefault(feature.theme, []).append(fact)
    return [
        ThemeAnswer(code=code, zh=zh, en=en, facts=found[code]) for code, (zh, en) in THEMES.items() if code in found
    ]


def _trends(firm: Known) -> list[Sequence[Value]]:
    """The values at each end of a month; none at all for months before anything was known of the firm."""
    first = min(version.record.known_at for version in firm.own)
    asked = [question for question in firm.months if question.at > first]
    rows = vectors([Asked(CREDIT, question) for question in asked], firm.versions)
    return [*([()] * (len(firm.months) - len(asked))), *rows]


def _number(value: Value) -> float | None:
    return value if isinstance(value, float) else None


def _fact(
    feature: Feature, value: Value, firm: Known, peers: Peers | None, trend: list[float | None] | None, behind: Evidence
) -> FactAnswer:
    zh, en = shown(feature, value)
    gap = gap_of(feature, value, firm.measured, firm.question)
    place = standing(peers.group, feature.name, value) if peers else None
    return FactAnswer(
        code=feature.name, zh=feature.zh, en=feature.en, unit=feature.unit, direction=feature.direction,
        source=feature.source, value=value, shown_zh=zh, shown_en=en,
        missing=MissingAnswer(code=gap, zh=GAPS[gap][0], en=GAPS[gap][1]) if gap else None,
        standing=StandingAnswer(percentile=place.percentile, among=place.among, missing=place.missing) if place else None,
        trend=trend,
        evidence=EvidenceAnswer(
            count=behind.count, more=behind.more, digest=behind.digest, records=[_record(item) for item in behind.items]
        ),
    )  # fmt: skip


def _record(item: Item) -> EvidenceRecord:
    record = item.version.record
    return EvidenceRecord(
        kind=record.kind, source=record.source, guid=record.guid, reference=record.reference,
        enterprise=record.payload.get("enterprise"), event_at=show(record.event_at), known_at=show(record.known_at),
        usable_until=None if record.usable_until == OPEN else show(record.usable_until),
        gave={measure.name: value for measure, value in item.gave},
    )  # fmt: skip


def _credit(firm: Known) -> ScoreAnswer | None:
    return firm.models.answer("credit", firm.scored.credit, firm.policy)


def _reasons(firm: Known) -> list[Reason]:
    scored = firm.scored.credit
    return [reason_of(c, "credit") for c in scored.contributions[:_REASONS]] if scored else []


def _counts(firm: Known) -> dict[str, int]:
    return dict(sorted(Counter(version.record.kind for version in firm.own).items()))


def _notes(firm: Known) -> list[str]:
    no_policy = [] if firm.policy else ["no policy was in force, so that the score has no grade"]
    return [*firm.scored.notes, *no_policy]


def _peers(peers: Peers) -> PeersAnswer:
    band = next(band for band in shipped_rules().bands if band.code == peers.place.band)
    return PeersAnswer(
        as_of=show(peers.as_of), width=peers.width, role=peers.place.role, band=band.code, band_zh=band.zh,
        band_en=band.en, district=peers.place.district, firms=peers.group.firms,
    )  # fmt: skip


def _no_peers(code: NoPeers) -> NoPeersAnswer:
    zh, en = NO_PEERS[code]
    return NoPeersAnswer(code=code, zh=zh, en=en)
