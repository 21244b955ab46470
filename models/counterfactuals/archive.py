"""An archive under one question, measured once and measured again with further records."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from data.records import Record, Version
from data.times import OPEN
from features.definitions import FeatureSet
from features.forms import Value
from features.questions import Question
from features.reference import measure_values, vector


class Archive:
    """The versions that bear on a question.

    Arguments:
        versions: in the order of intake, those known later included.
    """

    def __init__(self, features: FeatureSet, versions: Sequence[Version], question: Question) -> None:
        self.features, self.versions, self.question = features, tuple(versions), question
        measures = features.measures
        self._measured = dict(zip(measures, measure_values(measures, self.versions, question), strict=True))

    def row(self, records: Sequence[Record], question: Question | None = None) -> list[Value]:
        """The vector with further records: what they cannot touch is not measured again.

        Arguments:
            question: where its facts change; it must have the keys and the moment of the archive's own.
        """
        kinds = {record.kind for record in records}
        changed = [measure for measure in self._measured if measure.stream.kind in kinds]
        # a measure takes records of its stream's kind alone
        concerned = appended([v for v in self.versions if v.record.kind in kinds], records)
        anew = dict(zip(changed, measure_values(changed, concerned, self.question), strict=True))
        measured = {**self._measured, **anew}
        return [feature.expression.scalar(measured, question or self.question) for feature in self.features.features]

    def whole(self, records: Sequence[Record], question: Question | None = None) -> list[Value]:
        """The vector with further records, computed from the beginning: the last word on what `row` says."""
        return vector(self.features, appended(self.versions, records), question or self.question)


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
