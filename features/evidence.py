"""The records behind a value: those whose observations hold at the moment of a question, for any measure of the feature.

Two laws make it evidence: a feature computed from its records alone has the same value, bit for bit, and no record beside them
changes it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from data.records import Version
from features.definitions import Feature, FeatureSet
from features.forms import Value
from features.measures import Measure
from features.observations import observe, plan_of
from features.questions import Question
from features.reference import aggregate


@dataclass(frozen=True, slots=True)
class Item:
    """A version behind a value, and what it gave to each measure of the feature: an integer, or the code that is counted once."""

    version: Version
    gave: tuple[tuple[Measure, int | str], ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The versions behind a value, newest first.

    `count` is how many there are and `digest` the SHA-256 over all of them, whether or not `items` holds them all.
    """

    count: int
    digest: str
    items: tuple[Item, ...]

    @property
    def more(self) -> int:
        """How many are left out of `items`."""
        return self.count - len(self.items)


NOTHING = Evidence(0, sha256().hexdigest(), ())
"""The evidence of what rests on no record."""


def evidence(
    features: FeatureSet, versions: Iterable[Version], question: Question, *, most: int | None = None
) -> dict[str, Evidence]:
    """What is behind each feature of a set at the moment of a question.

    Arguments:
        features: the set.
        versions: every version of every record that may bear on it, those known later included.
        question: the moment and the facts whose keys are asked for.
        most: how many versions to hold for a feature; all where None. They are counted all the same.
    Returns:
        Evidence by the feature's name: by what happened last, then by what became known last. A feature that is computed from
        the question's own facts has none.
    """
    plan = plan_of(features.measures)
    keys = {key: key.of(question.facts) for key in plan.keys}
    wanted = {name for name in keys.values() if name is not None}
    ordered = sorted(versions, key=_newest_first)
    holding: list[dict[int, int | str]] = [{} for _ in plan.measures]
    for place, version in enumerate(ordered):
        if version.record.known_at >= question.at or version.ended_at <= question.at:
            continue
        for seen in observe(plan, version.record, version.ended_at):
            if (
                seen.key in wanted
                and seen.start < question.at < seen.end
                and seen.key == keys[plan.measures[seen.measure].key]
            ):
                holding[seen.measure][place] = seen.value
    held = dict(zip(plan.measures, holding, strict=True))
    return {feature.name: _of(feature, held, ordered, most) for feature in features.features}


def value_of(feature: Feature, behind: Evidence, question: Question) -> Value:
    """A feature from what its evidence gave, and from nothing else but the question's own facts.

    Arguments:
        behind: all of it: nothing may be left out of `items`.
    """
    assert not behind.more, "a value follows from all its evidence"
    held: dict[Measure, list[tuple[int, int | str]]] = {measure: [] for measure in feature.expression.measures}
    for item in behind.items:
        start = max(item.version.record.event_at, item.version.record.known_at)
        for measure, value in item.gave:
            held[measure].append((start, value))
    measured = {
        measure: None if measure.key.of(question.facts) is None else aggregate(measure, observed)
        for measure, observed in held.items()
    }
    return feature.expression.scalar(measured, question)


def _newest_first(version: Version) -> tuple[int, int, int]:
    return -version.record.event_at, -version.record.known_at, -version.seq


def _of(
    feature: Feature, held: dict[Measure, dict[int, int | str]], ordered: list[Version], most: int | None
) -> Evidence:
    measures = tuple(dict.fromkeys(feature.expression.measures))
    columns = [held[measure] for measure in measures]
    places = sorted(set().union(*columns))
    items = tuple(
        Item(ordered[p], tuple((m, held[p]) for m, held in zip(measures, columns, strict=True) if p in held))
        for p in places[:most]
    )
    records = (ordered[place].record for place in places)
    named = "".join(f"{record.digest} {record.known_at}\n" for record in records)
    return Evidence(len(places), sha256(named.encode()).hexdigest(), items)
