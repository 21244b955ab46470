"""The models in use: champions of the book, what they say of a question, and their scores as answered."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from data.errors import CreditRiskError
from data.store import bundles as bundle_rows
from features.catalogue import CREDIT
from features.definitions import FeatureSet
from features.forms import Value
from features.live import vector
from features.measures import Measure
from features.questions import Question
from models.champions import champion
from models.explain import Explained, Scorer
from models.policy import Policy
from serving.answers import Interval, Kind, ScoreAnswer, Share

log = logging.getLogger("greenlane.scores")

MODELS = ("credit", "shipment")
_KINDS = 3


@dataclass(frozen=True, slots=True)
class Scored:
    """What the models say of a case, with the vectors that they saw; None where a model is not in use."""

    credit: Explained | None
    risk: Explained | None
    vectors: dict[str, list[Value]]
    notes: list[str]
    failed: str | None


class ModelsInUse:
    """The champions, loaded once for as long as the book names them."""

    def __init__(self) -> None:
        self._scorers: dict[str, Scorer] = {}
        self._digests: dict[str, str] = {}

    def is_current(self, connection: Connection) -> bool:
        """Whether the book of champions still names those that are loaded."""
        return bundle_rows.champions(connection) == self._digests

    def reload(self, connection: Connection) -> bool:
        """Load the champions where the book changed. Returns whether it did."""
        digests = bundle_rows.champions(connection)
        if digests == self._digests:
            return False
        self._scorers = _scorers(connection, digests)
        self._digests = digests
        return True

    @classmethod
    def as_of(cls, connection: Connection, at: int, models: tuple[str, ...]) -> "ModelsInUse":
        """Some models as they were in use at an instant."""
        found = cls()
        digests = bundle_rows.champions(connection, at)
        found._digests = {model: digest for model, digest in digests.items() if model in models}
        found._scorers = _scorers(connection, found._digests, at)
        return found

    def feature_sets(self) -> Iterable[FeatureSet]:
        """The feature sets that the models ask for, and the archive's."""
        scorers = self._scorers.values()
        return ({CREDIT.name: CREDIT} | {scorer.features.name: scorer.features for scorer in scorers}).values()

    def measures_of(self, model: str) -> tuple[Measure, ...]:
        """The measures that a model asks for; none where it is not in use."""
        scorer = self._scorers.get(model)
        return scorer.features.measures if scorer else ()

    def digests(self) -> dict[str, str | None]:
        """The digest of each model in use."""
        return {m: self._scorers[m].bundle.digest if m in self._scorers else None for m in MODELS}

    def score(
        self, question: Question, measured: dict[Measure, int | None], models: tuple[str, ...] = MODELS
    ) -> Scored:
        """What the models in use say; a model that fails is named, not hidden."""
        explained: dict[str, Explained | None] = dict.fromkeys(MODELS)
        vectors: dict[str, list[Value]] = {}
        notes, failed = [], None
        for model in models:
            scorer = self._scorers.get(model)
            if scorer is None:
                notes.append(f"no {model} model is in use")
                continue
            try:
                vectors[model] = vector(scorer.features, measured, question)
                explained[model] = scorer.explain(vectors[model])
            except Exception as error:  # whatever breaks in a model, the shipment still gets a safe lane
                log.exception("the %s model failed: %s", model, type(error).__name__)
                failed = model
                notes.append(f"the {model} model failed; the safe lane applies")
        return Scored(explained["credit"], explained["shipment"], vectors, notes, failed)

    def answer(self, model: str, explained: Explained | None, policy: Policy | None) -> ScoreAnswer | None:
        """A score as answered; with a policy, its grade."""
        if explained is None:
            return None
        return ScoreAnswer(
            score=explained.score, probability=explained.probability,
            interval=Interval(low=explained.interval[0], high=explained.interval[1], history=explained.history),
            expected_recovery_fen=explained.recovery_fen,
            kinds=[Kind(code=code, probability=probability) for code, probability in explained.kinds[:_KINDS]],
            base_points=explained.base_points,
            grade=policy.grade(explained.score) if policy else None,
            shares=[Share(code=c.group, points=c.points) for c in explained.contributions],
            model=self._scorers[model].bundle.digest,
        )  # fmt: skip


def _scorers(connection: Connection, models: Iterable[str], at: int | None = None) -> dict[str, Scorer]:
    """The champions of some models, those aside that cannot be used."""
    scorers = {}
    for model in models:
        try:
            scorers[model] = Scorer(champion(connection, model, at))
        except CreditRiskError as error:
            log.error(  # noqa: TRY400 - the text says it all
                "the %s champion cannot be used: %s", model, error
            )
    return scorers
