"""The evidence of a decision as the service answers it: the types of its JSON."""

from typing import Literal

from pydantic import Field

from serving.answers import Answer

Why = Literal["of_scores", "drawn", "too_many", "not_again"]
"""Why none are named: the lane follows from the scores; it was drawn; too many to look through; it cannot be asked again."""
Whose = Literal["own", "related", "other"]
"""The enterprise's own record, one of a related party, or one of somebody else under another key (a platform, an address)."""


class WhyAnswer(Answer):
    """Why no records are named."""

    code: Why
    zh: str
    en: str


class NamedRecord(Answer):
    """A record by the ids under which its sender knows it."""

    kind: str
    source: str
    guid: str
    digest: str = Field(description="SHA-256 of the version's content as it was sent")
    event_at: str = Field(description="When it happened, China time", examples=["2026-06-30T10:15:00+08:00"])
    known_at: str = Field(description="When it reached us, China time", examples=["2026-06-30T10:15:02+08:00"])


class BehindRecord(NamedRecord):
    """A record behind a reason. Of another's record there are only the ids: nothing of what it says."""

    whose: Whose
    reference: str | None = Field(description="The number under which other records speak of it")
    enterprise: str | None = Field(description="Of which enterprise it speaks")
    usable_until: str | None = Field(description="When law or repair ends its use, as the record says; null for open")
    gave: dict[str, int | str] | None = Field(description="What it gave to each measure of the feature")


class ReasonEvidence(Answer):
    """A reason of a decision with the records behind its value at the decision's instant, newest first.

    `count` and `digest` (SHA-256 over the lines `DIGEST KNOWN_AT` of all, in microseconds since 1970) are of all records, listed
    or not; all of `count`, `more`, `digest` and `records` are null where `why` says that none are named.
    """

    code: str
    points: int
    zh: str
    en: str
    feature: str | None = Field(description="Whose value it speaks of; null where it speaks of none")
    keys: list[str] = Field(
        description="What the value's history is about: the enterprise, the platform, the buyer ..."
    )
    facts: list[str] = Field(description="What the declaration itself states for it")
    value: float | str | None = Field(description="As stored with the decision")
    recomputed: float | str | None = Field(description="As it follows from the records and facts alone")
    verified: bool | None = Field(
        description="Whether both are the same, bit for bit; of a rule, whether its conditions hold; null: not checked"
    )
    count: int | None
    more: int | None = Field(description="How many of them are not listed")
    digest: str | None
    records: list[BehindRecord] | None
    why: WhyAnswer | None


class DecisionEvidence(Answer):
    """The records behind the reasons of a decision, as known at its instant.

    What becomes known, is corrected, repaired or deleted later changes nothing: a decision has the same `digest` ever after.
    """

    decision_id: str
    declaration_no: str
    enterprise: str
    decided_at: str = Field(description="China time", examples=["2026-07-01T10:15:00+08:00"])
    declaration: NamedRecord | None = Field(description="What was decided on; null where it is not stored any more")
    match: NamedRecord | None = Field(description="The later match of its documents, where one was known by then")
    verified: bool | None = Field(
        description="False where any reason is; null where any could not be checked that rests on records; else true"
    )
    reasons: list[ReasonEvidence]
    notes: list[str] = Field(description="What was missing, if anything")
    digest: str = Field(description="SHA-256 of the whole, however many records are listed")
