"""What is known of an enterprise at a moment: now from the live state, in the past from its records as known then."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from data.errors import NotFoundError, PolicyError
from data.records import Version
from data.store import records as record_rows
from data.times import CHINA, OPEN, from_instant, show, to_instant
from features.catalogue import CREDIT
from features.definitions import FeatureSet
from features.measures import Key, Measure
from features.questions import Question, about_enterprise, identity_at
from features.reference import measure_values
from features.themes.common import DECLARATIONS, ENTERPRISE, LEVELS, total
from models.policy import Level, Policy
from serving.clearance import Clearance, level_of
from serving.scores import ModelsInUse, Scored

DECLARED_365D = total(DECLARATIONS, ENTERPRISE, "declared_value_fen", 365)
"""By which firms have a size: the declared value of 365 days, in fen."""
_LEVEL = Measure("latest", LEVELS, ENTERPRISE, "level_rank")
_MONTHS = 12


def related_keys(measures: Iterable[Measure]) -> tuple[Key, ...]:
    """The keys of measures of an archive beside the enterprise itself: those of its related parties."""
    keys = dict.fromkeys(measure.key for measure in measures)
    return tuple(key for key in keys if key.fields != ENTERPRISE.fields)


RELATED = related_keys(CREDIT.measures)
"""The keys of related parties that archives know."""


@dataclass(frozen=True, slots=True)
class Known:
    """An enterprise at a moment.

    `versions` are all that may bear on it, those known later included; `own` are its own records known by then. `identity` is
    the registration in force; `policy` is None where none was in force.
    """

    enterprise: str
    question: Question
    versions: tuple[Version, ...]
    own: tuple[Version, ...]
    identity: Mapping[str, Any] | None
    measured: dict[Measure, int | None]
    scored: Scored
    models: ModelsInUse
    policy: Policy | None

    @property
    def level(self) -> Level:
        """The statutory level; routine where none was ever set."""
        return level_of(self.measured)

    @property
    def months(self) -> list[Question]:
        """The question about it at each of the last ends of months, oldest first."""
        return [question_at(self.own, self.enterprise, at) for at in month_ends(self.question.at)]


def known(clearance: Clearance, connection: Connection, enterprise: str, as_of: int | None = None) -> Known:
    """What is known of an enterprise.

    Arguments:
        connection: a steady transaction.
        as_of: an instant of the past; now where None.
    Raises:
        NotFoundError: where no record names it, or none was known by then.
    """
    own = list(record_rows.versions(connection, enterprise=enterprise))
    if not own:
        raise NotFoundError(f"no record names enterprise {enterprise}; check the code")
    if as_of is None:
        question, measured = clearance.enterprise_now(connection, enterprise)
    else:
        question, measured = question_at(own, enterprise, as_of), {}
    by_then = tuple(version for version in own if version.record.known_at < question.at)
    if not by_then:
        raise NotFoundError(
            f"no record of enterprise {enterprise} was known as of {show(question.at)}; ask for a later moment"
        )
    asked = [question, *(question_at(own, enterprise, at) for at in month_ends(question.at))]
    versions = tuple(with_related(connection, own, asked) if RELATED else own)
    models = clearance.models
    if as_of is not None:
        if not clearance.follow_records:  # a replay of the past has the models of now
            models = ModelsInUse.as_of(connection, as_of, ("credit",))
        measures = tuple(dict.fromkeys((*CREDIT.measures, _LEVEL, DECLARED_365D, *models.measures_of("credit"))))
        measured = dict(zip(measures, measure_values(measures, versions, question), strict=True))
    try:
        policy: Policy | None = clearance.policies.at(question.at)
    except PolicyError:
        policy = None
    return Known(
        enterprise=enterprise, question=question, versions=versions, own=by_then,
        identity=registration_at(own, question.at), measured=measured, models=models, policy=policy,
        scored=models.score(question, measured, models=("credit",)),
    )  # fmt: skip


def question_at(versions: Iterable[Version], enterprise: str, at: int) -> Question:
    """The question about an enterprise at a moment, with the registration as known then."""
    return about_enterprise(enterprise, at, registration_at(versions, at))


def registration_at(versions: Iterable[Version], at: int) -> Mapping[str, Any] | None:
    """The registration in force at a moment, from versions of any kind in the order of intake."""
    return identity_at((version for version in versions if version.record.kind == "identity"), at)


def month_ends(at: int, months: int = _MONTHS) -> list[int]:
    """The last instants not after a moment at which a month began in China, and so another had ended; oldest first."""
    day = from_instant(at).astimezone(CHINA)
    year, month = day.year, day.month
    found = []
    for _ in range(months):
        found.append(to_instant(datetime(year, month, 1, tzinfo=CHINA)))
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return found[::-1]


def with_related(
    connection: Connection, own: Sequence[Version], questions: Sequence[Question], features: FeatureSet = CREDIT
) -> list[Version]:
    """The versions of an enterprise's own records and those of its related parties, in the order of intake.

    Related are the enterprises whose registration names what a related key of a question asks for, and one that is called so
    itself: the head of a group stands in its own records under its own code. Others' inspections of their declarations restate
    these, and count too. There may be more records than bear on it: the keys of the measures choose among them.

    Arguments:
        own: the versions of its own records.
        questions: all questions that will be asked about it.
    """
    found = {version.seq: version for version in own}
    found.update((version.seq, version) for version in related(connection, questions, features.measures))
    return [found[seq] for seq in sorted(found)]


def related(
    connection: Connection, questions: Sequence[Question], measures: Sequence[Measure], upto: int = OPEN
) -> Iterator[Version]:
    """The versions of the related parties of an enterprise, as `with_related` tells them; some may come twice.

    Arguments:
        questions: all questions that will be asked about it.
        measures: what will be asked; every key beside the enterprise itself is one of related parties.
        upto: the last place in the order of intake that counts.
    """
    keys = related_keys(measures)
    names = {name for key in keys for name in key.fields if name not in ENTERPRISE.fields}
    values = {str(question.facts[name]) for question in questions for name in names if name in question.facts}
    named = values.union(*(record_rows.enterprises_naming(connection, value) for value in values))
    kinds = sorted({measure.stream.kind for measure in measures if measure.key in keys})
    itself = {question.facts.get("enterprise") for question in questions}
    for enterprise in sorted(named):
        if enterprise not in itself:
            yield from record_rows.versions(connection, kinds=kinds, enterprise=enterprise, upto=upto)
        if "supervision" in kinds:
            yield from record_rows.inspected_elsewhere(connection, enterprise, upto)
