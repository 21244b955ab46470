"""The records behind the reasons of a stored decision, as known at its instant, read by index and put into an answer.

Of records that are neither the enterprise's own nor a related party's there are only the ids.
"""

from typing import Any

from data.errors import NotFoundError
from data.records import Record, digest_of
from data.store import Store
from data.store import decisions as decision_rows
from data.store.records import name_of
from data.times import OPEN, show
from features.evidence import Item
from models.policy import PolicyBook
from serving.behind import MOST_LOOKED_THROUGH, gathered
from serving.claims import Judged, claims_of, judged
from serving.evidence_answers import BehindRecord, DecisionEvidence, NamedRecord, ReasonEvidence, Whose, WhyAnswer
from serving.known import RELATED
from serving.recalled import Recalled, recalled
from serving.words import WHY_UNREAD

MOST_RECORDS = 20
"""How many records are listed behind a reason where nobody asks for more."""
_NOT_DIGESTED: Any = {"digest": True, "reasons": {"__all__": {"records", "more"}}}
"""How many records are listed changes nothing: the digest of all of them is in."""


def decision_evidence(
    store: Store, policies: PolicyBook, decision_id: str, *, most: int, looked_through: int | None = MOST_LOOKED_THROUGH
) -> DecisionEvidence:  # fmt: skip
    """The records behind each reason of a decision.

    Arguments:
        most: how many records to list behind a reason. All are counted.
        looked_through: up to which place in the order of intake versions may be looked through; any where None.
    Raises:
        NotFoundError: where no decision has the id.
    """
    with store.read() as connection:
        decided = decision_rows.by_id(connection, decision_id)
        if decided is None:
            raise NotFoundError(f"no decision is called {decision_id}")
        again = recalled(connection, decided)
        claims = claims_of(again, policies)
        question = again.question
        if question is None:
            return _answer(again, [Judged(claim, why=claim.why or "not_again") for claim in claims], most)
        measures = dict.fromkeys(measure for claim in claims for measure in claim.measures)
        read = gathered(connection, question, measures, again.upto, looked_through)
    level = decided.body["statutory_level"]
    versions = tuple(one for one in read.versions if name_of(one.record) not in again.without)
    return _answer(again, judged(claims, question, versions, read.unread, level), most)


def _answer(again: Recalled, found: list[Judged], most: int) -> DecisionEvidence:
    """The answer.

    Arguments:
        most: how many records to list behind a reason.
    """
    decided, known = again.decided, again.known
    answer = DecisionEvidence(
        decision_id=decided.id, declaration_no=decided.declaration_no, enterprise=decided.enterprise,
        decided_at=show(decided.evidence["question_at"]),
        declaration=_named(known.declaration) if known else None,
        match=_named(known.match) if known and known.match else None,
        verified=_verified(found), reasons=[_reason(one, decided.enterprise, most) for one in found],
        notes=_notes(again), digest="",
    )  # fmt: skip
    return answer.model_copy(update={"digest": digest_of(answer.model_dump(mode="json", exclude=_NOT_DIGESTED))})


def _verified(found: list[Judged]) -> bool | None:
    checked = [one.verified for one in found if one.why not in ("of_scores", "drawn")]
    return False if False in checked else None if None in checked else True


def _notes(again: Recalled) -> list[str]:
    placed = (
        []
        if again.decided.evidence.get("seq")
        else ["the decision does not say which records were stored then: what was known is told by `known_at` alone"]
    )
    return [*placed, *([again.unverifiable] if again.unverifiable else [])]


def _reason(one: Judged, enterprise: str, most: int) -> ReasonEvidence:
    claim, behind = one.claim, one.behind
    return ReasonEvidence(
        code=claim.reason.code, points=claim.reason.points, zh=claim.reason.zh, en=claim.reason.en,
        feature=claim.feature.name if claim.feature else None,
        keys=list(dict.fromkeys(measure.key.name for measure in claim.measures)), facts=list(claim.facts),
        value=claim.stored, recomputed=one.recomputed,
        verified=one.verified,
        count=behind.count if behind else None, more=max(behind.count - most, 0) if behind else None,
        digest=behind.digest if behind else None,
        records=[_record(item, enterprise) for item in behind.items[:most]] if behind else None,
        why=WhyAnswer(code=one.why, zh=WHY_UNREAD[one.why][0], en=WHY_UNREAD[one.why][1]) if one.why else None,
    )  # fmt: skip


def _record(item: Item, enterprise: str) -> BehindRecord:
    record, whose = item.version.record, _whose(item, enterprise)
    named = _named(record).model_dump()
    if whose == "other":
        return BehindRecord(**named, whose=whose, reference=None, enterprise=None, usable_until=None, gave=None)
    return BehindRecord(
        **named, whose=whose, reference=record.reference, enterprise=record.payload.get("enterprise"),
        usable_until=None if record.usable_until == OPEN else show(record.usable_until),
        gave={measure.name: value for measure, value in item.gave},
    )  # fmt: skip


def _whose(item: Item, enterprise: str) -> Whose:
    if item.version.record.payload.get("enterprise") == enterprise:
        return "own"
    return "related" if any(measure.key in RELATED for measure, _ in item.gave) else "other"


def _named(record: Record) -> NamedRecord:
    return NamedRecord(
        kind=record.kind, source=record.source, guid=record.guid, digest=record.digest, event_at=show(record.event_at),
        known_at=show(record.known_at),
    )  # fmt: skip
