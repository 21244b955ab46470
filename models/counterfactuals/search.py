"""The search for the way to a better credit score: parts are taken by their gain, and left out where they are not needed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from data.records import Version
from data.times import OPEN
from features.definitions import FeatureSet
from features.forms import Value
from features.questions import Question
from models.counterfactuals.archive import Archive
from models.counterfactuals.steps import Step, is_adverse, lapsed, repaired, settling, spoken_of
from models.counterfactuals.wording import id_of
from models.repairs import RepairRules, leaves_at

MOST_STEPS = 4


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
        self.scorer, self.question = scorer, question
        self.archive = Archive(scorer.features, versions, question)
        own = [v for v in versions if is_adverse(v.record, str(question.facts["enterprise"]))]
        self._spoken = {v.seq: named for v in own if (named := spoken_of(scorer.features, v, question))}
        standing = [v for v in own if v.seq in self._spoken]
        ends = {v.seq: leaves_at(scorer.features.measures, v, question) for v in standing}
        self._lapsing = sorted(
            ((at, v) for v in standing if (at := ends[v.seq]) is not None), key=lambda one: (one[0], one[1].seq)
        )
        self.acts = [
            repaired(v, *repair, ends[v.seq], self._spoken[v.seq], question)
            for v in standing if (repair := repairs.of(v.record, question.at)) is not None
            and repair[1] < (ends[v.seq] or OPEN)
        ]  # fmt: skip
        self.acts += settling(scorer.features, versions, question)

    @property
    def dates(self) -> list[int]:
        """When something lapses."""
        return sorted({at for at, _ in self._lapsing})

    def steps(self, plan: _Plan) -> list[Step]:
        """The steps of a plan in the order of time. What an act ends does not lapse; what lapsed once does not lapse again."""
        ended = {name for act in plan.acts for name in act.evidence}
        steps = list(plan.acts)
        for date in plan.dates:
            until = [v for at, v in self._lapsing if at <= date and id_of(v.record) not in ended]
            ended |= {id_of(v.record) for v in until}
            if until:
                named = tuple(sorted({name for v in until for name in self._spoken[v.seq]}))
                steps.append(lapsed(date, until, named, self.question))
        return sorted(steps, key=_preference, reverse=True)

    def score(self, steps: Sequence[Step]) -> int:
        """The score with the records of some steps."""
        return self.scorer.explain(self.archive.row([record for step in steps for record in step.records])).score

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
    whole = search.archive.whole([record for step in walked for record in step.records])
    after = search.scorer.explain(whole).score
    assert after == scores[-1], "what is stated must be what rescoring gives"
    return Path(walked, before, after)


def _preference(step: Step) -> tuple[int, int]:
    """Greater is preferred: the earlier, then the cheaper."""
    return -(step.at or 0), -step.cost_fen
