"""What the service answers: the types of its JSON, with the examples of its documentation."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.policy import Lane, Level
from models.reasons import Reason

LANES: dict[Lane, tuple[str, str]] = {
    "green_channel": ("绿色通道", "Green channel"),
    "standard_release": ("常规放行", "Standard release"),
    "document_review": ("单证审核", "Document review"),
    "heightened_inspection": ("加强查验", "Heightened inspection"),
}


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True)


class LaneAnswer(Answer):
    """A lane in code and in words."""

    code: Lane
    zh: str
    en: str


class Selection(Answer):
    """Why this lane: the step of the order of selection, its rule and source, and how likely inspection was."""

    step: str
    rule: str | None = None
    zh: str
    en: str
    source: str | None = None
    inclusion_permille: int = Field(description="Probability of an inspection before the draw, in thousandths")


class Share(Answer):
    """What one group of facts adds to a score."""

    code: str
    points: int


class Interval(Answer):
    """How sure a probability is: where it would lie on 95 of 100 other samples of enterprises, never narrower than what one case
    more would change.
    """

    low: float
    high: float
    history: Literal["established", "thin"] = Field(
        description="By cases of firms with a history like this one's: thin where there are few declarations"
    )


class Kind(Answer):
    """A kind of violation, and how probable it is."""

    code: str
    probability: float


class ScoreAnswer(Answer):
    """A score: `base_points` and the points of `shares` add up to it."""

    score: int
    probability: float
    interval: Interval | None = Field(
        None,
        description="Venn-Abers, widened to 95 % by resampling enterprises: how far the probability can be relied on",
    )
    expected_recovery_fen: int | None = Field(
        None, description="Duty that an inspection can expect to recover; null where the model does not say"
    )
    kinds: list[Kind] = Field(
        default=[], description="The likeliest kinds of violation, where the model tells them apart"
    )
    grade: str | None = None
    base_points: int
    shares: list[Share]
    model: str = Field(description="SHA-256 of the model's bundle")


class PolicyAnswer(Answer):
    """Which policy decided."""

    id: str
    digest: str


class DecisionAnswer(Answer):
    """A decision on a shipment."""

    decision_id: str = Field(examples=["dec_5f0c6f0b7a7d4a0f9a51c3a2"])
    declaration_no: str
    enterprise: str
    decided_at: str = Field(description="China time", examples=["2026-07-01T10:15:00+08:00"])
    lane: LaneAnswer
    selection: Selection
    statutory_level: Level = Field(description="From law and officers, never from a score")
    credit: ScoreAnswer | None = Field(description="Enterprise credit; null where no model is in use")
    risk: ScoreAnswer | None = Field(description="Shipment risk; null where no model is in use or it failed")
    reasons: list[Reason] = Field(
        description="The records behind each, as known then: GET /v1/decisions/{decision_id}/evidence"
    )
    policy: PolicyAnswer
    notes: list[str] = Field(description="What was missing or failed, if anything")


class RefusalAnswer(Answer):
    """A refused row: its place in the body, from 1, and its faults."""

    line: int
    faults: list[dict[str, str]]


class IntakeAnswer(Answer):
    """The count of an intake: accepted + duplicate + rejected = received."""

    received: int
    accepted: int
    duplicate: int
    rejected: int
    refusals: list[RefusalAnswer]


class FaultAnswer(Answer):
    """A field and what is wrong with it."""

    field: str
    reason: str


class KeptAnswer(Answer):
    """A row that intake refused, with the faults that it came with."""

    id: int
    received_at: str = Field(description="China time", examples=["2026-07-01T10:15:00+08:00"])
    state: str = Field(description="open, refused (again), accepted, duplicate, dismissed", examples=["open"])
    origin: str = Field(description="The file or route where it came in", examples=["api"])
    line: int
    form: str = Field(
        description="How its text is read: json, xml, csv, or text that nothing can read", examples=["json"]
    )
    faults: list[FaultAnswer]


class QuarantineAnswer(Answer):
    """A page of quarantine, newest first."""

    rows: list[KeptAnswer]
    total: int = Field(description="How many rows fulfil the conditions on all pages")
    next_before: int | None = Field(description="`before` of the next page; null on the last")


class StepAnswer(Answer):
    """What somebody did about a refused row."""

    at: str = Field(description="China time", examples=["2026-07-01T10:15:00+08:00"])
    actor: str
    step: str = Field(description="accepted, duplicate, refused, dismissed")
    note: str


class WholeKeptAnswer(KeptAnswer):
    """A row of quarantine with its text as last fixed (persons are pseudonyms), and all that was done about it."""

    raw: str
    steps: list[StepAnswer]


class ResubmissionAnswer(Answer):
    """What became of a row that was read again."""

    id: int
    status: Literal["accepted", "duplicate", "refused"]
    faults: list[FaultAnswer] = Field(description="Why it was refused again")


class DismissalAnswer(Answer):
    """A row that was dismissed."""

    id: int
    status: Literal["dismissed"] = "dismissed"


class CheckAnswer(Answer):
    """One check of the documents: what it demands, what it found, the two values compared, and the rule's source."""

    code: str = Field(examples=["paid_equals_order"])
    outcome: Literal["agree", "differ", "missing", "unknown"]
    severity: Literal["mandatory", "indicative"]
    left: Any = Field(examples=[45_900])
    right: Any = Field(examples=[45_000])
    zh: str
    en: str
    source: str


class MatchAnswer(Answer):
    """The match of a declaration with its order, payments and waybill as known now."""

    declaration_no: str
    enterprise: str
    failed: list[str] = Field(description="Mandatory checks that differ", examples=[["paid_equals_order"]])
    missing: list[str] = Field(description="Checks without a document or a value")
    checks: list[CheckAnswer]


class ArchiveFact(Answer):
    """A feature of an archive with its value, in words."""

    code: str
    zh: str
    en: str
    value: float | str | None
    shown_zh: str
    shown_en: str


class ArchiveAnswer(Answer):
    """An enterprise's credit archive as known now."""

    enterprise: str
    as_of: str
    identity: dict[str, Any] | None
    statutory_level: Level
    credit: ScoreAnswer | None
    reasons: list[Reason]
    themes: dict[str, list[ArchiveFact]]
    records: dict[str, int] = Field(description="How many records are kept, by kind")
    lanes: dict[str, int] = Field(description="How often each lane was given")


class Health(Answer):
    """Whether the process lives."""

    status: str = "ok"


class Readiness(Answer):
    """Whether the service can decide."""

    ready: bool
    database: bool
    models: dict[str, str | None] = Field(description="Digest of each champion, null where none is in use")
    records_behind: int = Field(description="Records that the live feature state has yet to take in")
    policy: str | None
