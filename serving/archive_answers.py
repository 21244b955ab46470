"""The credit archive as the service answers it: the types of its JSON."""

from typing import Any, Literal

from pydantic import Field

from features.definitions import Theme, Unit
from features.missing import Gap
from features.peers import Width
from models.policy import Lane, Level
from models.reasons import Reason
from serving.answers import Answer, ScoreAnswer
from serving.peers import NoPeers


class EvidenceRecord(Answer):
    """A record behind a value, by the ids under which its sender knows it, and what it gave."""

    kind: str
    source: str
    guid: str
    reference: str | None = Field(description="The number under which other records speak of it")
    enterprise: str | None = Field(description="Whose record it is: of a related party's value, another enterprise's")
    event_at: str = Field(description="When it happened, China time", examples=["2026-06-30T10:15:00+08:00"])
    known_at: str = Field(description="When it reached us, China time", examples=["2026-06-30T10:15:02+08:00"])
    usable_until: str | None = Field(description="When law or repair ends its use, as the record says; null for open")
    gave: dict[str, int | str] = Field(description="What it gave to each measure of the feature")


class EvidenceAnswer(Answer):
    """The records behind a value, newest first."""

    count: int = Field(description="How many there are")
    more: int = Field(description="How many of them are not listed")
    digest: str = Field(description="SHA-256 over all of them, listed or not")
    records: list[EvidenceRecord]


class StandingAnswer(Answer):
    """Where a value stands among the peers: percentile by mid-rank, among how many values, how many peers have none."""

    percentile: float = Field(ge=0, le=100)
    among: int
    missing: int


class MissingAnswer(Answer):
    """Why there is no value."""

    code: Gap
    zh: str
    en: str


class FactAnswer(Answer):
    """A value of the archive with all that explains it."""

    code: str
    zh: str
    en: str
    unit: Unit
    direction: Literal[-1, 0, 1] = Field(description="1: more means more risk; -1: less; 0: neither by law or sense")
    source: str
    value: float | str | None
    shown_zh: str
    shown_en: str
    missing: MissingAnswer | None
    standing: StandingAnswer | None = Field(description="Among the peers; null where there are none or no value")
    trend: list[float | None] | None = Field(description="At each of `months`, as known then; null for codes")
    evidence: EvidenceAnswer


class ThemeAnswer(Answer):
    """A theme of the archive."""

    code: Theme
    zh: str
    en: str
    facts: list[FactAnswer]


class PeersAnswer(Answer):
    """Who the enterprise is compared with."""

    as_of: str = Field(description="China time", examples=["2026-07-01T00:00:00+08:00"])
    width: Width = Field(description="What the peers share; the widest where narrower groups have too few firms")
    role: str
    band: str
    band_zh: str
    band_en: str
    district: str = Field(
        description="Of the enterprise, whether or not the peers share it; empty where not registered"
    )
    firms: int


class NoPeersAnswer(Answer):
    """Why there is nobody to compare with."""

    code: NoPeers
    zh: str
    en: str


class GivenLane(Answer):
    """A lane that a shipment was given."""

    decision_id: str
    declaration_no: str
    decided_at: str = Field(description="China time", examples=["2026-07-01T00:00:00+08:00"])
    lane: Lane


class CreditArchive(Answer):
    """An enterprise's credit archive as known at a moment.

    `digest` is over all the rest, with all evidence whether it is listed or not: the same input gives the same digest.
    """

    enterprise: str
    as_of: str = Field(description="China time", examples=["2026-07-01T00:00:00+08:00"])
    identity: dict[str, Any] | None = Field(description="Its registration in force; persons are pseudonyms")
    statutory_level: Level = Field(description="From law and officers, never from a score")
    credit: ScoreAnswer | None = Field(description="From the model, never from law; null where none was in use")
    reasons: list[Reason]
    policy: str | None = Field(description="The policy whose grades apply")
    notes: list[str] = Field(description="What was missing or failed, if anything")
    peers: PeersAnswer | None
    no_peers: NoPeersAnswer | None
    months: list[str] = Field(description="The moments of the trends: ends of months in China, oldest first")
    themes: list[ThemeAnswer]
    records: dict[str, int] = Field(description="How many versions of its records were known, by kind")
    lanes: dict[Lane, int] = Field(description="How often each lane was given")
    decisions: list[GivenLane] = Field(description="The last of them, newest first")
    digest: str = Field(description="SHA-256 of the archive")
