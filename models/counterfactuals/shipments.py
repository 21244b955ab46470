"""What the declarant can still lawfully do for a declared shipment before its release: file the documents that are missing.

Nothing that was declared is corrected. The missing documents go into the archive as if known just before the question, with the
match that intake derives of them, and the whole vector is computed and scored again. The declaration itself is left aside: a
shipment never counts itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Protocol

from data.records import Record, Version
from features.definitions import FeatureSet
from features.forms import Value
from features.questions import Question, about_shipment
from models.counterfactuals.archive import Archive
from models.counterfactuals.documents import DOCUMENTS, Document, Trade, absent, suggested, words_of
from models.counterfactuals.steps import may_be_named

COMPLETE = ("没有可补报的单证", "no document of its trade is missing that could be filed")
NO_GAIN = ("补报所缺单证不会降低风险分", "filing the missing documents does not lower the risk score")


class _Risk(Protocol):
    @property
    def score(self) -> int: ...
    @property
    def probability(self) -> float: ...


class RiskScores(Protocol):
    """What a shipment is scored by; greater is riskier."""

    features: FeatureSet

    def explain(self, vector: Sequence[Value]) -> _Risk:
        """Score a vector in the order of the feature set."""
        ...


@dataclass(frozen=True, slots=True)
class Filed:
    """What intake makes of documents: the records that it would append, and the match of the declaration after them.

    The match is no record among them: a shipment counts neither itself nor its match.
    """

    records: tuple[Record, ...]
    match: Mapping[str, Any]


class Intake(Protocol):
    """Judges and links documents as if they came in now; nothing is stored."""

    def __call__(self, documents: Sequence[Record]) -> Filed:
        """Take documents in, for the sake of argument."""
        ...


@dataclass(frozen=True, slots=True)
class Filing:
    """One step: documents that are filed together, because one of them alone gains nothing.

    Attributes:
        documents: what is filed.
        features: those that change and may be named; each can be changed by the enterprise, none is sensitive.
        gain: points by which the risk score falls after the steps before it.
        probability: the risk after it.
        records: the documents as records.
    """

    zh: str
    en: str
    documents: tuple[Document, ...]
    features: tuple[str, ...]
    gain: int
    probability: float
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class ShipmentPath:
    """Steps, the greatest gain first; without steps `zh` and `en` say why there are none."""

    steps: tuple[Filing, ...]
    score_before: int
    score_after: int
    probability_before: float
    probability_after: float
    zh: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class _Case:
    """The shipment with some documents filed: they, what intake appends, and what the model then sees and says."""

    documents: tuple[Record, ...]
    appended: tuple[Record, ...]
    question: Question
    row: tuple[Value, ...]
    risk: _Risk


_Chosen = frozenset[Document]
_Cases = Mapping[_Chosen, _Case]


def clear(scorer: RiskScores, versions: Sequence[Version], trade: Trade, at: int, intake: Intake) -> ShipmentPath:
    """Which missing documents, once filed, lower the risk of a declared shipment most, and by how much.

    Of selections with equal risk the one with the fewest documents is taken.

    Arguments:
        scorer: the shipment model.
        versions: every version of every record that may bear on the shipment, those known later included, its own match left out.
        at: the instant of the question, after the declaration became known.
        intake: what intake would make of documents.
    Raises:
        InvalidRecordError: where the declaration states what no document may say.
    """
    own = _name(trade.declaration)
    question = Question(at, about_shipment(trade.declaration).facts)
    archive = Archive(scorer.features, [v for v in versions if _name(v.record) != own], question)
    missing = absent(trade)
    cases = {frozenset(chosen): _case(scorer, archive, trade, chosen, intake) for chosen in _selections(missing)}
    best = min(cases, key=lambda chosen: cases[chosen].risk.score)  # of equals the first: it has the fewest documents
    steps, done = _in_steps(scorer.features, trade, cases, best)
    before, reached = cases[frozenset()].risk, cases[done]
    # the last word has the whole archive, computed from the beginning
    after = scorer.explain(archive.whole(reached.appended, reached.question))
    assert after.score == reached.risk.score, "what is stated must be what rescoring gives"
    zh, en = ("", "") if steps else NO_GAIN if missing else COMPLETE
    return ShipmentPath(steps, before.score, after.score, before.probability, after.probability, zh, en)


def _name(record: Record) -> tuple[str, str, str]:
    return record.kind, record.source, record.guid


def _selections(documents: Iterable[Document]) -> list[tuple[Document, ...]]:
    """Every selection, those of fewer documents first."""
    held = sorted(documents, key=DOCUMENTS.index)
    return [chosen for size in range(len(held) + 1) for chosen in combinations(held, size)]


def _case(scorer: RiskScores, archive: Archive, trade: Trade, chosen: Sequence[Document], intake: Intake) -> _Case:
    question = archive.question
    appended: tuple[Record, ...] = ()
    documents = suggested(trade, chosen, question.at - 1)
    if documents:
        filed = intake(documents)
        declaration = replace(trade.declaration, payload={**trade.declaration.payload, "match": filed.match})
        question, appended = Question(question.at, about_shipment(declaration).facts), filed.records
    row = archive.row(appended, question)
    return _Case(documents, appended, question, tuple(row), scorer.explain(row))


def _in_steps(
    features: FeatureSet, trade: Trade, cases: _Cases, best: _Chosen
) -> tuple[tuple[Filing, ...], _Chosen]:  # fmt: skip
    """A selection as steps that each gain, and what they reach: next the fewest documents, of these what gains most."""
    steps: list[Filing] = []
    done: _Chosen = frozenset()
    while done != best:
        filings = [_filing(features, trade, cases, done, part) for part in _selections(best - done)[1:]]
        gaining = [filing for filing in filings if filing.gain > 0 and filing.features]
        if not gaining:
            break
        steps.append(min(gaining, key=lambda filing: (len(filing.documents), -filing.gain)))
        done |= set(steps[-1].documents)
    return tuple(steps), done


def _filing(
    features: FeatureSet, trade: Trade, cases: _Cases, done: _Chosen, part: tuple[Document, ...]
) -> Filing:  # fmt: skip
    before, after = cases[done], cases[done | set(part)]
    changed = tuple(
        feature.name
        for feature, old, new in zip(features.features, before.row, after.row, strict=True)
        if old != new and may_be_named(feature)
    )
    words = [words_of(document, trade) for document in part]
    return Filing(
        zh=f"如实补报{'、'.join(zh for zh, _ in words)}", en=f"File truthfully the {', the '.join(en for _, en in words)}",
        documents=part, features=changed, gain=before.risk.score - after.risk.score, probability=after.risk.probability,
        records=tuple(record for record in after.documents if record.kind in part),
    )  # fmt: skip
