"""The steps that exist for an enterprise: an adverse record is repaired or lapses, and proceeds are settled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data.records import Record, Version, make_record
from features.definitions import Feature, FeatureSet
from features.observations import observe, plan_of
from features.questions import Question
from features.reference import measure_values
from features.themes.common import ENTERPRISE, EXPORTS, RECEIPTS, SETTLEMENTS, total
from models.counterfactuals.wording import ADVERSE, day, id_of, named, yuan_en, yuan_zh
from models.repairs import Repair

SUGGESTED_BY = "greenlane"
"""The source of suggested records."""
_DISHONEST = ("dishonest", "seriously_dishonest")
_SETTLED, _RECEIVED, _EXPORTED = (
    total(SETTLEMENTS, ENTERPRISE, "amount_fen", 365),
    total(RECEIPTS, ENTERPRISE, "paid_fen", 365),
    total(EXPORTS, ENTERPRISE, "declared_value_fen", 365),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way.

    Attributes:
        at: the instant from which it is possible or happens by itself; None for at once.
        evidence: the records that it is about, as kind/source/guid.
        features: the features that speak of them; each can be changed by the enterprise, none is sensitive.
        gain: points that it adds after the steps before it.
        cost_fen: what the enterprise has to pay; 0 where it pays nothing or the amount is not known.
        records: what it puts into the archive.
    """

    zh: str
    en: str
    at: int | None
    evidence: tuple[str, ...]
    features: tuple[str, ...]
    gain: int
    cost_fen: int
    records: tuple[Record, ...]


def is_adverse(record: Record, enterprise: str) -> bool:
    """Whether a record says something adverse of an enterprise that may lapse or be repaired."""
    event = (record.kind, str(record.payload.get("event")))
    own = record.action in ("new", "change") and record.payload.get("enterprise") == enterprise
    if not own or event not in ADVERSE:
        return False
    return event[1] != "statutory_level" or record.payload.get("level") in _DISHONEST


def may_be_named(feature: Feature) -> bool:
    """Whether a step may speak of a feature."""
    return feature.actionable and not feature.sensitive


def spoken_of(features: FeatureSet, version: Version, question: Question) -> tuple[str, ...]:
    """The features that a version is behind and that may be named."""
    allowed = [feature for feature in features.features if may_be_named(feature)]
    plan = plan_of(tuple(dict.fromkeys(m for feature in allowed for m in feature.expression.measures)))
    keys = {key.of(question.facts) for key in plan.keys}
    held = {
        plan.measures[seen.measure]
        for seen in observe(plan, version.record, version.ended_at)
        if seen.key in keys and seen.start < question.at < seen.end
    }
    return tuple(feature.name for feature in allowed if held & set(feature.expression.measures))


def _ending(version: Version, question: Question) -> Record:
    """A repair of a record that is known just before the question."""
    record, at = version.record, question.at - 1
    return make_record(
        kind=record.kind, guid=record.guid, source=record.source, action="repair", event_at=at, known_at=at, payload={}
    )


def repaired(
    version: Version, repair: Repair, begins: int, ends: int | None, features: tuple[str, ...], question: Question
) -> Step:
    """What the enterprise does to have a record repaired.

    Arguments:
        begins: the instant from which it may ask for the repair.
        ends: the instant from which the record counts nowhere even so; None where nothing known ends it.
        features: those that the record is behind.
    """
    record = version.record
    amount = record.payload.get("amount_fen") or record.payload.get("fine_fen") or 0
    begun = begins <= question.at
    zh_when, en_when = ("即可", "") if begun else (f"自{day(begins)}起", f", possible from {day(begins)}")
    zh = f"{repair.zh.format(amount=yuan_zh(amount))}，{zh_when}申请修复{named(record)[0]}"
    en = f"{repair.en.format(amount=yuan_en(amount))} and have the {named(record)[1]} repaired{en_when}"
    if ends is not None:
        zh, en = f"{zh}（否则于{day(ends)}到期失效）", f"{en} (it lapses by itself on {day(ends)})"
    return Step(
        zh=zh, en=en, at=None if begun else begins, evidence=(id_of(record),), features=features, gain=0,
        cost_fen=amount if "{amount}" in repair.en else 0, records=(_ending(version, question),),
    )  # fmt: skip


def lapsed(at: int, versions: Sequence[Version], features: tuple[str, ...], question: Question) -> Step:
    """What lapses by itself until an instant; the last of the versions lapses last."""
    newest = named(versions[-1].record)
    if len(versions) == 1:
        zh, en = f"{newest[0]}于{day(at)}到期失效", f"The {newest[1]} lapses on {day(at)}"
    else:
        zh = f"至{day(at)}共{len(versions)}条失信记录先后到期失效，最后一条为{newest[0]}"
        en = f"Until {day(at)} {len(versions)} adverse records lapse, the last of them the {newest[1]}"
    return Step(
        zh=zh, en=en, at=at, evidence=tuple(id_of(version.record) for version in versions), features=features, gain=0,
        cost_fen=0, records=tuple(_ending(version, question) for version in versions),
    )  # fmt: skip


def settling(features: FeatureSet, versions: Sequence[Version], question: Question) -> list[Step]:
    """Settle what was received for exports but not settled: never more than was received, nor than was declared."""
    speaking = tuple(
        feature.name
        for feature in features.features
        if may_be_named(feature)
        and any((m.stream, m.key) == (SETTLEMENTS, ENTERPRISE) for m in feature.expression.measures)
    )
    measures = (_SETTLED, _RECEIVED, _EXPORTED)
    settled, received, exported = (value or 0 for value in measure_values(measures, versions, question))
    amount = min(received, exported) - settled
    if not speaking or amount <= 0:
        return []
    at = question.at - 1
    payload: dict[str, Any] = {
        "enterprise": question.facts["enterprise"], "subject": "fx_settlement", "amount_fen": amount,
    }  # fmt: skip
    record = make_record(
        kind="settlement", guid="suggested-settlement", source=SUGGESTED_BY, action="new", event_at=at, known_at=at,
        payload=payload,
    )  # fmt: skip
    return [
        Step(
            zh=f"将近365日出口已收未结的货款{yuan_zh(amount)}办理结汇",
            en=f"Settle the export proceeds received in 365 days and not settled yet{yuan_en(amount)}",
            at=None, evidence=(), features=speaking, gain=0, cost_fen=0, records=(record,),
        )
    ]  # fmt: skip
