"""The way to a better credit score: what the enterprise can lawfully do, and what ends by itself, each verified by rescoring.

A step is never a feature value but a change of records: one lapses, one is repaired after the firm has paid, one is added. It is
put into the archive as if known just before the question, all else as today, and the whole vector is computed and scored again:
the stated gain is what the model says of that archive. Other windows that close until a step's date are left aside, for a firm
that goes on trading fills them again.

Source: Wachter, Mittelstadt, Russell 2018, "Counterfactual explanations without opening the black box"; Ustun, Spangher, Liu
2019, "Actionable recourse in linear classification": only what the person concerned can act on is named.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from data.records import Record, Version, make_record
from data.times import CHINA, OPEN, from_instant
from features.definitions import Feature, FeatureSet
from features.forms import Value
from features.observations import observe, plan_of
from features.questions import Question
from features.reference import measure_values, vector
from features.themes.common import ENTERPRISE, EXPORTS, RECEIPTS, SETTLEMENTS, total
from models.repairs import Repair, RepairRules, leaves_at

MOST_STEPS = 4
SUGGESTED_BY = "greenlane"
"""The source of suggested records."""
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
class _Plan:
    """What is chosen: some acts, and dates until which all that lapses by itself has lapsed."""

    acts: tuple[Step, ...] = ()
    dates: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.acts) + len(self.dates)

    def without(self, step: Step) -> "_Plan":
        """The plan without a step; what lapsed in it lapses with a later date, if there is one."""
        acts = tuple(act for act in self.acts if act is not step)
        dates = self.dates if len(acts) < len(self.acts) else tuple(date for date in self.dates if date != step.at)
        return _Plan(acts, dates)


class _Search:
    """The archive of one enterprise, scored again and again with the records of some steps."""

    def __init__(self, scorer: Scores, versions: Sequence[Version], question: Question, repairs: RepairRules) -> None:
        self.scorer, self.versions, self.question = scorer, tuple(versions), question
        measures = scorer.features.measures
        self._measured = dict(zip(measures, measure_values(measures, versions, question), strict=True))
        own = [v for v in versions if _is_adverse(v.record, str(question.facts["enterprise"]))]
        self._spoken = {v.seq: named for v in own if (named := _spoken_of(scorer.features, v, question))}
        standing = [v for v in own if v.seq in self._spoken]
        ends = {v.seq: leaves_at(measures, v, question) for v in standing}
        self._lapsing = sorted(
            ((at, v) for v in standing if (at := ends[v.seq]) is not None), key=lambda one: (one[0], one[1].seq)
        )
        self.acts = [
            _repaired(v, *repair, ends[v.seq], self._spoken[v.seq], question)
            for v in standing if (repair := repairs.of(v.record, question.at)) is not None
            and repair[1] < (ends[v.seq] or OPEN)
        ]  # fmt: skip
        self.acts += _settling(scorer.features, versions, question)

    @property
    def dates(self) -> list[int]:
        """When something lapses."""
        return sorted({at for at, _ in self._lapsing})

    def steps(self, plan: _Plan) -> list[Step]:
        """The steps of a plan in the order of time. What an act ends does not lapse; what lapsed once does not lapse again."""
        ended = {name for act in plan.acts for name in act.evidence}
        steps = list(plan.acts)
        for date in plan.dates:
            until = [v for at, v in self._lapsing if at <= date and _id(v.record) not in ended]
            ended |= {_id(v.record) for v in until}
            if until:
                named = tuple(sorted({name for v in until for name in self._spoken[v.seq]}))
                steps.append(_lapsed(date, until, named, self.question))
        return sorted(steps, key=_preference, reverse=True)

    def score(self, steps: Sequence[Step]) -> int:
        """The score with the records of some steps."""
        records = [record for step in steps for record in step.records]
        kinds = {record.kind for record in records}
        changed = [measure for measure in self._measured if measure.stream.kind in kinds]
        # a measure takes records of its stream's kind alone
        concerned = appended([v for v in self.versions if v.record.kind in kinds], records)
        anew = dict(zip(changed, measure_values(changed, concerned, self.question), strict=True))
        measured = {**self._measured, **anew}
        row = [feature.expression.scalar(measured, self.question) for feature in self.scorer.features.features]
        return self.scorer.explain(row).score

    def of(self, plan: _Plan) -> int:
        """The score of a plan."""
        return self.score(self.steps(plan))

    def further(self, plan: _Plan) -> tuple[int, _Plan] | None:
        """The plan with one part more that scores best; None where no part raises the score.

        Of what lapses only the next date that raises it is looked at, so that time passes in its order.
        """
        now = self.of(plan)
        found = [(self.of(more), _preference(act), more) for act, more in self._with_act(plan)]
        for date in self.dates:
            if not plan.dates or date > plan.dates[-1]:
                more = _Plan(plan.acts, (*plan.dates, date))
                if (score := self.of(more)) > now:
                    found.append((score, (-date, 0), more))
                    break
        best = max(found, key=lambda one: one[:2], default=None)
        return None if best is None or best[0] <= now else (best[0], best[2])

    def _with_act(self, plan: _Plan) -> list[tuple[Step, _Plan]]:
        return [(act, _Plan((*plan.acts, act), plan.dates)) for act in self.acts if act not in plan.acts]


def improve(
    scorer: Scores, versions: Sequence[Version], question: Question, repairs: RepairRules, *,
    wanted: int | None = None, most: int = MOST_STEPS,
) -> Path:  # fmt: skip
    """The way to a better credit score, or to a wanted one.

    Parts are taken by their gain; of equal gains the earlier, then the cheaper one. What the wanted score does not need is left
    out, the latest and dearest first.

    Arguments:
        scorer: the credit model.
        versions: every version of every record that may bear on the enterprise, those known later included.
        question: about the enterprise, now.
        repairs: when records may be repaired.
        wanted: the score to reach; as much as possible where None.
        most: how many steps at most.
    """
    search, plan = _Search(scorer, versions, question, repairs), _Plan()
    before = score = search.of(plan)
    while len(plan) < most and (wanted is None or score < wanted):
        further = search.further(plan)
        if further is None:
            break
        score, plan = further
    if wanted is not None and score >= wanted:
        for step in reversed(search.steps(plan)):
            plan = fewer if search.of(fewer := plan.without(step)) >= wanted else plan
    return _path(search, before, plan)


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


def _path(search: _Search, before: int, plan: _Plan) -> Path:
    """Steps with what each adds after those before it; one that adds nothing there is left out."""
    while True:
        steps = search.steps(plan)
        scores = [before, *(search.score(steps[: n + 1]) for n in range(len(steps)))]
        idle = next((step for n, step in enumerate(steps) if scores[n + 1] <= scores[n]), None)
        if idle is None:
            break
        plan = plan.without(idle)
    walked = tuple(replace(step, gain=scores[n + 1] - scores[n]) for n, step in enumerate(steps))
    # the last word has the whole archive, computed from the beginning
    whole = appended(search.versions, [record for step in walked for record in step.records])
    after = search.scorer.explain(vector(search.scorer.features, whole, search.question)).score
    assert after == scores[-1], "what is stated must be what rescoring gives"
    return Path(walked, before, after)


def _preference(step: Step) -> tuple[int, int]:
    """Greater is preferred: the earlier, then the cheaper."""
    return -(step.at or 0), -step.cost_fen


def _is_adverse(record: Record, enterprise: str) -> bool:
    event = (record.kind, str(record.payload.get("event")))
    own = record.action in ("new", "change") and record.payload.get("enterprise") == enterprise
    if not own or event not in _ADVERSE:
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
    zh_when, en_when = ("即可", "") if begun else (f"自{_day(begins)}起", f", possible from {_day(begins)}")
    zh = f"{repair.zh.format(amount=_yuan_zh(amount))}，{zh_when}申请修复{_named(record)[0]}"
    en = f"{repair.en.format(amount=_yuan_en(amount))} and have the {_named(record)[1]} repaired{en_when}"
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
    named = tuple(
        feature.name
        for feature in features.features
        if _may_be_named(feature)
        and any((m.stream, m.key) == (SETTLEMENTS, ENTERPRISE) for m in feature.expression.measures)
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
