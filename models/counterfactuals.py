"""The way to a better credit score: what the enterprise can lawfully do, and what ends by itself, each verified by rescoring.

A step is never a feature value but a change of records: one lapses, one is repaired after the firm has paid, one is added. It is
put into the archive as if known just before the question, all else as today, and the whole vector is computed and scored again:
the stated gain is what the model says of that archive. Other windows that close until a step's date are left aside, for a firm
that goes on trading fills them again.

Source: Wachter, Mittelstadt, Russell 2018, "Counterfactual explanations without opening the black box"; Ustun, Spangher, Liu 2019,
"Actionable recourse in linear classification": only what the person concerned can act on is named.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from data.records import Record, Version, make_record
from data.times import CHINA, OPEN, from_instant
from features.definitions import Feature, FeatureSet
from features.forms import Value
from features.measures import Measure
from features.observations import observe, plan_of
from features.questions import Question
from features.reference import measure_values, vector
from features.themes.common import ENTERPRISE, EXPORTS, RECEIPTS, SETTLEMENTS, total
from models.repairs import Repair, RepairRules, leaves_at

MOST_STEPS = 4
SUGGESTED_BY = "greenlane"
"""The source of suggested records."""
_OF_AUTHORITIES = ("supervision", "public_credit")
_ADVERSE = {
    ("supervision", "penalty"): ("海关处罚", "customs penalty"),
    ("supervision", "statutory_level"): ("失信等级认定", "dishonest level"),
    ("public_credit", "penalty"): ("行政处罚", "administrative penalty"),
    ("public_credit", "tax_arrears"): ("欠税记录", "record of tax arrears"),
    ("public_credit", "court_judgment"): ("司法判决", "court judgment"),
    ("public_credit", "abnormal_operation"): ("经营异常名录记录", "entry of abnormal operation"),
    ("public_credit", "listing"): ("严重失信主体名单记录", "serious-dishonesty listing"),
}
_DISHONEST = ("dishonest", "seriously_dishonest")
_SETTLED, _RECEIVED, _EXPORTED = (
    total(SETTLEMENTS, ENTERPRISE, "amount_fen", 365),
    total(RECEIPTS, ENTERPRISE, "paid_fen", 365),
    total(EXPORTS, ENTERPRISE, "declared_value_fen", 365),
)


class _Scored(Protocol):
    @property
    def score(self) -> int: ...


class Scores(Protocol):
    """What a vector is scored by; greater is better."""

    features: FeatureSet

    def explain(self, vector: Sequence[Value]) -> _Scored:
        """Score a vector in the order of the feature set."""
        ...


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


@dataclass(frozen=True, slots=True)
class Path:
    """Steps in the order of time; without steps where nothing that the enterprise may do raises the score."""

    steps: tuple[Step, ...]
    score_before: int
    score_after: int


@dataclass(frozen=True, slots=True)
class _Archive:
    """What scoring needs again and again: measures once, and of changed kinds anew."""

    scorer: Scores
    versions: tuple[Version, ...]
    question: Question
    measured: Mapping[Measure, int | None]

    def score(self, steps: Iterable[Step]) -> int:
        """The score with the records of some steps."""
        records = _ordered(steps)
        kinds = {record.kind for record in records}
        changed = [measure for measure in self.measured if measure.stream.kind in kinds]
        # a measure takes records of its stream's kind alone
        concerned = appended([v for v in self.versions if v.record.kind in kinds], records)
        anew = dict(zip(changed, measure_values(changed, concerned, self.question), strict=True))
        measured = {**self.measured, **anew}
        row = [feature.expression.scalar(measured, self.question) for feature in self.scorer.features.features]
        return self.scorer.explain(row).score


def improve(
    scorer: Scores, versions: Sequence[Version], question: Question, repairs: RepairRules, *,
    wanted: int | None = None, most: int = MOST_STEPS,
) -> Path:  # fmt: skip
    """The way to a better credit score, or to a wanted one.

    Steps are taken by their gain; of equal gains the earlier, then the cheaper one. What the wanted score does not need is left out.

    Arguments:
        scorer: the credit model.
        versions: every version of every record that may bear on the enterprise, those known later included.
        question: about the enterprise, now.
        repairs: when records may be repaired.
        wanted: the score to reach; as much as possible where None.
        most: how many steps at most.
    """
    features = scorer.features
    measured = dict(zip(features.measures, measure_values(features.measures, versions, question), strict=True))
    archive = _Archive(scorer, tuple(versions), question, measured)
    before = archive.score(())
    chosen: list[Step] = []
    options = _options(scorer.features, versions, question, repairs)
    while len(chosen) < most and (wanted is None or _score(archive, before, chosen) < wanted):
        now = _score(archive, before, chosen)
        taken = {record.guid for step in chosen for record in step.records}
        gains = [
            (archive.score([*chosen, one]) - now, one)
            for one in options
            if any(record.guid not in taken for record in one.records)
        ]
        best = max(gains, key=lambda found: (found[0], *_preferred(found[1])), default=None)
        if best is None or best[0] <= 0:
            break
        chosen.append(best[1])
    return _path(archive, before, _needed(archive, before, chosen, wanted))


def appended(versions: Sequence[Version], records: Iterable[Record]) -> list[Version]:
    """Versions with further records taken in: one of a name that is known ends the version that stands."""
    held = list(versions)
    last = max((version.seq for version in versions), default=0)
    for record in records:
        name = (record.kind, record.source, record.guid)
        last += 1
        for place, version in enumerate(held):
            stands = version.ended_at == OPEN or version.ended_at > record.known_at
            if (version.record.kind, version.record.source, version.record.guid) == name and stands:
                held[place] = replace(version, ended_at=record.known_at, ended_by=last)
        held.append(Version(last, record, OPEN))
    return held


def _ordered(steps: Iterable[Step]) -> tuple[Record, ...]:
    """The records of steps, each once."""
    by_name = {(r.kind, r.source, r.guid): r for step in steps for r in step.records}
    return tuple(by_name.values())


def _preferred(step: Step) -> tuple[int, int, str]:
    """Greater is preferred: the earlier, then the cheaper."""
    return (-(step.at or 0), -step.cost_fen, step.en)


def _score(archive: _Archive, before: int, steps: Sequence[Step]) -> int:
    return archive.score(steps) if steps else before


def _needed(archive: _Archive, before: int, steps: list[Step], wanted: int | None) -> list[Step]:
    """The steps without those that a wanted score can do without, the later and dearer ones first; in the order of time."""
    kept = sorted(steps, key=_preferred, reverse=True)
    if wanted is not None and _score(archive, before, kept) >= wanted:
        for step in list(reversed(kept)):
            without = [one for one in kept if one is not step]
            if _score(archive, before, without) >= wanted:
                kept = without
    return kept


def _path(archive: _Archive, before: int, steps: list[Step]) -> Path:
    """Steps with what each adds after those before it; one that adds nothing there is left out."""
    while True:
        scores = [before, *(archive.score(steps[: n + 1]) for n in range(len(steps)))]
        idle = next((n for n in range(len(steps)) if scores[n + 1] <= scores[n]), None)
        if idle is None:
            break
        steps = [step for n, step in enumerate(steps) if n != idle]
    walked = tuple(replace(step, gain=scores[n + 1] - scores[n]) for n, step in enumerate(steps))
    # the last word has the whole archive, computed from the beginning
    whole = appended(archive.versions, _ordered(walked))
    after = archive.scorer.explain(vector(archive.scorer.features, whole, archive.question)).score
    assert after == scores[-1], "what is stated must be what rescoring gives"
    return Path(walked, before, after)


def _options(
    features: FeatureSet, versions: Sequence[Version], question: Question, repairs: RepairRules
) -> list[Step]:
    """All that may be suggested, whether or not it helps."""
    return [*_of_records(features, versions, question, repairs), *_settling(features, versions, question)]


def _of_records(
    features: FeatureSet, versions: Sequence[Version], question: Question, repairs: RepairRules
) -> list[Step]:
    """Adverse records of the enterprise: each repaired from a day on, and all that lapse until a day."""
    own = [v for v in versions if _is_adverse(v.record) and v.record.payload.get("enterprise") == question.facts["enterprise"]]
    behind = {version.seq: found for version in own if (found := _spoken_of(features, version, question))}
    found: list[Step] = []
    lapsing: list[tuple[int, Version]] = []
    for version in (v for v in own if v.seq in behind):
        ends = leaves_at(features.measures, version, question)
        if ends is not None:
            lapsing.append((ends, version))
        repair = repairs.of(version.record, question.at)
        if repair is not None and (ends is None or repair[1] < ends):
            found.append(_repaired(version, *repair, ends, behind[version.seq], question))
    lapsing.sort(key=lambda one: (one[0], one[1].seq))
    for number, (at, _) in enumerate(lapsing):
        if number + 1 == len(lapsing) or lapsing[number + 1][0] > at:
            until = [version for _, version in lapsing[: number + 1]]
            found.append(_lapsed(at, until, tuple(sorted({n for v in until for n in behind[v.seq]})), question))
    return found


def _is_adverse(record: Record) -> bool:
    event = (record.kind, str(record.payload.get("event")))
    if record.action not in ("new", "change") or event not in _ADVERSE:
        return False
    return event[1] != "statutory_level" or record.payload.get("level") in _DISHONEST


def _may_be_named(feature: Feature) -> bool:
    return feature.actionable and not feature.sensitive


def _spoken_of(features: FeatureSet, version: Version, question: Question) -> tuple[str, ...]:
    """The features that a version is behind and that may be named."""
    named = [feature for feature in features.features if _may_be_named(feature)]
    plan = plan_of(tuple(dict.fromkeys(m for feature in named for m in feature.expression.measures)))
    keys = {key.of(question.facts) for key in plan.keys}
    held = {
        plan.measures[seen.measure]
        for seen in observe(plan, version.record, version.ended_at)
        if seen.key in keys and seen.start < question.at < seen.end
    }
    return tuple(feature.name for feature in named if held & set(feature.expression.measures))


def _ending(version: Version, question: Question) -> Record:
    """A repair of a record that is known just before the question."""
    record, at = version.record, question.at - 1
    return make_record(
        kind=record.kind, guid=record.guid, source=record.source, action="repair", event_at=at, known_at=at, payload={}
    )


def _repaired(
    version: Version, repair: Repair, begins: int, ends: int | None, features: tuple[str, ...], question: Question
) -> Step:
    record = version.record
    amount = record.payload.get("amount_fen") or record.payload.get("fine_fen") or 0
    begun = begins <= question.at
    zh = f"{repair.zh.format(amount=_yuan_zh(amount))}，{'即可' if begun else f'自{_day(begins)}起'}申请修复{_named(record)[0]}"
    en = f"{repair.en.format(amount=_yuan_en(amount))} and have the {_named(record)[1]} repaired{'' if begun else f', possible from {_day(begins)}'}"
    if ends is not None:
        zh, en = f"{zh}（否则于{_day(ends)}到期失效）", f"{en} (it lapses by itself on {_day(ends)})"
    return Step(
        zh=zh, en=en, at=None if begun else begins, evidence=(_id(record),), features=features, gain=0,
        cost_fen=amount if "{amount}" in repair.en else 0, records=(_ending(version, question),),
    )  # fmt: skip


def _lapsed(at: int, versions: Sequence[Version], features: tuple[str, ...], question: Question) -> Step:
    newest = _named(versions[-1].record)
    if len(versions) == 1:
        zh, en = f"{newest[0]}于{_day(at)}到期失效", f"The {newest[1]} lapses on {_day(at)}"
    else:
        zh = f"至{_day(at)}共{len(versions)}条失信记录先后到期失效，最后一条为{newest[0]}"
        en = f"Until {_day(at)} {len(versions)} adverse records lapse, the last of them the {newest[1]}"
    return Step(
        zh=zh, en=en, at=at, evidence=tuple(_id(version.record) for version in versions), features=features, gain=0,
        cost_fen=0, records=tuple(_ending(version, question) for version in versions),
    )  # fmt: skip


def _settling(features: FeatureSet, versions: Sequence[Version], question: Question) -> list[Step]:
    """Settle what was received for exports but not settled: never more than was received, nor than was declared."""
    about = (_SETTLED.stream, total(SETTLEMENTS, ENTERPRISE, "amount_fen").key)
    named = tuple(
        feature.name
        for feature in features.features
        if _may_be_named(feature) and any((m.stream, m.key) == about for m in feature.expression.measures)
    )
    measures = (_SETTLED, _RECEIVED, _EXPORTED)
    settled, received, exported = (value or 0 for value in measure_values(measures, versions, question))
    amount = min(received, exported) - settled
    if not named or amount <= 0:
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
            zh=f"将近365日出口已收未结的货款{_yuan_zh(amount)}办理结汇",
            en=f"Settle the export proceeds received in 365 days and not settled yet{_yuan_en(amount)}",
            at=None, evidence=(), features=named, gain=0, cost_fen=0, records=(record,),
        )
    ]  # fmt: skip


def _named(record: Record) -> tuple[str, str]:
    zh, en = _ADVERSE[record.kind, str(record.payload["event"])]
    number = record.payload.get("document_no") or record.payload.get("case_no") or record.guid
    day = _day(record.event_at)
    return f"{day}的{zh}（{number}）", f"{en} of {day} ({number})"


def _id(record: Record) -> str:
    return f"{record.kind}/{record.source}/{record.guid}"


def _day(instant: int) -> str:
    """The day in China from which it holds; one that begins during the day is named with its time."""
    moment = from_instant(instant).astimezone(CHINA)
    midnight = (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)
    return moment.date().isoformat() if midnight else moment.isoformat(sep=" ", timespec="minutes")[:16]


def _yuan_zh(fen: int) -> str:
    return f"{fen / 100:,.2f}元" if fen else ""


def _yuan_en(fen: int) -> str:
    return f" of CNY {fen / 100:,.2f}" if fen else ""
