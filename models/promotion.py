"""How a model becomes champion: a proposal past the gates, another person's approval, and the way back in one step.

On *trial* one person is enough and gates only inform. In *production* every gate must hold and two different people must act;
a store that was once used for production is never on trial again, whatever the settings say. All is appended, nothing rewritten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection

from data.errors import BundleError, GateError, NoChampionError, PromotionError
from data.records import canonical
from data.store import Store
from data.store import bundles as rows
from data.store.bundles import Promotion, Proposal
from models.bundle import Bundle
from models.champions import Signature, person, stored, write_down
from models.explain import Scorer
from models.gates import Gate, Verdict, failed, judge

Environment = Literal["trial", "production"]
_OF_PAIRS = frozenset({"reason_churn"})
"""Figures that compare a run with the champion of its day: beside another champion they say nothing."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version of the registry that somebody wants to be the champion.

    Attributes:
        figures: of its training run, by name.
        gates: those of its model.
        beside: digest of the champion whose reasons its own were compared with; None where there was none.
    """

    bundle: Bundle
    version: str
    figures: Mapping[str, float]
    gates: tuple[Gate, ...]
    beside: str | None = None

    @property
    def model(self) -> str:
        """`credit` or `shipment`."""
        return self.bundle.manifest.model

    def figures_beside(self, champion: str | None) -> Mapping[str, float]:
        """Its figures, without those that compare it with another champion than the present one."""
        if self.beside == champion:
            return self.figures
        return {name: value for name, value in self.figures.items() if name not in _OF_PAIRS}


class Judged(msgspec.Struct, frozen=True):
    """What an approval is bound to: all that the gates saw, and what they said.

    Attributes:
        digest: of the bundle.
        figures: None where one is not a number.
        gates: as configured.
        champion: digest of the champion that it was compared with.
    """

    digest: str
    figures: dict[str, float | None]
    gates: tuple[dict[str, Any], ...]
    champion: str | None
    champion_figures: dict[str, float | None] | None
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the book of champions with what led to it; None where it came without a proposal."""

    promotion: Promotion
    proposal: Proposal | None
    judged: Judged | None


def environment_of(connection: Connection, asked: Environment) -> Environment:
    """Where promotions take place: as the settings ask, but never back from production to trial."""
    return "production" if rows.is_in_production(connection) else asked


def judged(connection: Connection, candidate: Candidate) -> Judged:
    """What the gates say of a candidate beside the present champion."""
    digest = rows.champions(connection).get(candidate.model)
    theirs = None if digest is None else _figures_of(connection, candidate.model, digest)
    figures = candidate.figures_beside(digest)
    return Judged(
        digest=candidate.bundle.digest, figures=_finite(figures),
        gates=tuple(gate.model_dump() for gate in candidate.gates),
        champion=digest, champion_figures=None if theirs is None else _finite(theirs),
        verdicts=judge(candidate.gates, figures, theirs),
    )  # fmt: skip


def seen(proposal: Proposal) -> Judged:
    """What the gates saw and said when it was proposed."""
    return msgspec.json.decode(proposal.judged, type=Judged)


def propose(
    store: Store, candidate: Candidate, signature: Signature, asked: Environment
) -> tuple[Proposal, Promotion | None]:
    """Propose a version as champion; on trial it is the champion at once.

    Arguments:
        asked: the environment of the settings.
    Returns:
        the proposal, and on trial the promotion.
    Raises:
        BundleError: where the bundle cannot score.
        GateError: in production, where a gate fails or none is configured.
        PromotionError: in production, where it is the champion already.
    """
    Scorer(candidate.bundle)  # what cannot score must not become champion
    with store.write() as connection:
        environment, found = environment_of(connection, asked), judged(connection, candidate)
        if environment == "production":
            _demand_news(connection, candidate)
            _demand_gates(candidate, found.verdicts)
        proposal = Proposal(
            candidate.model, candidate.version, found.digest, environment, signature.at, signature.by,
            signature.login or signature.by, signature.reason, canonical(found).decode(),
        )  # fmt: skip
        proposal = replace(proposal, id=rows.propose(connection, proposal))
        if environment == "production":
            return proposal, None
        return proposal, _write_down(connection, candidate.bundle, proposal, signature)


def approve(store: Store, candidate: Candidate, signature: Signature, asked: Environment) -> tuple[Proposal, Promotion]:
    """Make a proposed version the champion, by another person than who proposed it.

    Arguments:
        candidate: as it is now; anything that differs from what was proposed voids the proposal.
        asked: the environment of the settings.
    Raises:
        BundleError: where the bundle cannot score.
        PromotionError: where nothing waits for approval, the person is the same, or the proposal is void.
    """
    Scorer(candidate.bundle)
    with store.write() as connection:
        name = f"version {candidate.version} of {candidate.model}"
        if environment_of(connection, asked) == "trial":
            raise PromotionError("nothing waits for approval on trial: promote without --approve")
        proposals = rows.proposed(connection, candidate.model, candidate.version)
        if not proposals:
            raise PromotionError(f"nobody proposed {name}: propose it first, without --approve")
        proposal = proposals[-1]
        if any(line.proposal == proposal.id for line in rows.book(connection, candidate.model)):
            raise PromotionError(f"the last proposal of {name} was approved already: propose it again")
        if person(proposal.proposed_by) == person(signature.by):
            raise PromotionError(
                f"{proposal.proposed_by} proposed {name} and cannot approve it: production needs another person (--as)"
            )
        if changed := _changes(seen(proposal), judged(connection, candidate)):
            raise PromotionError(
                f"the proposal of {name} is void, since its {' and '.join(changed)} changed: propose it again"
            )
        return proposal, _write_down(connection, candidate.bundle, proposal, signature)


def rollback(
    store: Store, model: str, signature: Signature, asked: Environment, *, undone: str | None = None
) -> Promotion:
    """Return to the champion before the present one, in one step and by one person: it is meant for emergencies.

    A promotion goes onto a pile, a rollback takes the top one off. So a second rollback goes further back, and what was
    rolled back is never returned to. In production only champions that two people promoted there are on the pile.

    Arguments:
        asked: the environment of the settings.
        undone: digest of the champion to undo; refused where another one is champion by then. Any where None.
    Returns:
        the new line in the book.
    Raises:
        NoChampionError: where the model has no champion.
        PromotionError: where there is no earlier champion, or the present one is not `undone`.
        BundleError: where the earlier bundle cannot score any more.
    """
    with store.write() as connection:
        environment, book = environment_of(connection, asked), rows.book(connection, model)
        if not book:
            raise NoChampionError(f"no {model} model is in use yet, so there is nothing to roll back")
        if undone is not None and book[-1].digest != undone:
            raise PromotionError(
                f"the {model} champion is {book[-1].digest[:12]} by now, not {undone[:12]}: look at "
                f"`greenlane champions {model}` before another rollback"
            )
        pile = _pile([line for line in book if line.environment == environment])
        if len(pile) < 2 or book[-1].environment != environment:
            raise PromotionError(
                f"there is no earlier {model} champion of {environment} to return to: promote another version"
            )
        target = pile[-2]
        Scorer(stored(connection, model, target.digest))
        line = Promotion(
            model, target.digest, signature.at, signature.by, signature.reason, kind="rollback",
            environment=environment, login=signature.login, version=target.version,
        )  # fmt: skip
        rows.promote(connection, line)
        return line


def history(connection: Connection, model: str | None = None) -> list[Entry]:
    """The book of champions with its proposals, oldest first."""
    proposals = {proposal.id: proposal for proposal in rows.proposed(connection, model)}
    entries = []
    for line in rows.book(connection, model):
        proposal = None if line.proposal is None else proposals[line.proposal]
        entries.append(Entry(line, proposal, None if proposal is None else seen(proposal)))
    return entries


def waiting(connection: Connection, model: str | None = None) -> list[tuple[Proposal, Judged]]:
    """The proposals that a second person may still approve: of each version the last one, where nobody did.

    One whose champion has changed since is left out, since that voids it.
    """
    installed = {line.proposal for line in rows.book(connection, model)}
    last = {(proposal.model, proposal.version): proposal for proposal in rows.proposed(connection, model)}
    open_ones = [(proposal, seen(proposal)) for proposal in last.values() if proposal.id not in installed]
    champions = rows.champions(connection)
    return [(proposal, found) for proposal, found in open_ones if found.champion == champions.get(proposal.model)]


def _write_down(connection: Connection, bundle: Bundle, proposal: Proposal, signature: Signature) -> Promotion:
    promotion = Promotion(
        proposal.model, proposal.digest, signature.at, signature.by, signature.reason, environment=proposal.environment,
        login=signature.login, version=proposal.version, proposal=proposal.id,
    )  # fmt: skip
    write_down(connection, bundle, promotion)
    return promotion


def _pile(book: Sequence[Promotion]) -> list[Promotion]:
    """The promotions that were not undone, the present champion last; the same bundle twice in a row counts once."""
    pile: list[Promotion] = []
    for line in book:
        if line.kind == "rollback":
            pile.pop()
        elif not pile or pile[-1].digest != line.digest:
            pile.append(line)
    return pile


def _demand_news(connection: Connection, candidate: Candidate) -> None:
    book = rows.book(connection, candidate.model)
    if book and (book[-1].digest, book[-1].environment) == (candidate.bundle.digest, "production"):
        raise PromotionError(f"version {candidate.version} of {candidate.model} is the champion already")


def _demand_gates(candidate: Candidate, verdicts: Sequence[Verdict]) -> None:
    name = f"version {candidate.version} of {candidate.model}"
    if not any(gate.required for gate in candidate.gates):
        raise GateError(
            f"no gate is required of {candidate.model}: production needs some under models.{candidate.model}.gates of "
            "mlflow.yaml"
        )
    if stopping := failed(verdicts):
        raise GateError(f"{name} does not pass: " + "; ".join(f"{one.gate}: {one.why}" for one in stopping))


def _figures_of(connection: Connection, model: str, digest: str) -> dict[str, float]:
    """The figures of a champion: as its gates saw them, else those of its bundle, else none."""
    proposals = {proposal.id: proposal for proposal in rows.proposed(connection, model)}
    for line in reversed(rows.book(connection, model)):
        if line.digest == digest and line.proposal is not None:
            figures = seen(proposals[line.proposal]).figures
            return {name: value for name, value in figures.items() if value is not None}
    try:
        return dict(stored(connection, model, digest).manifest.metrics)
    except BundleError:  # a champion that cannot be read must not keep a better one out
        return {}


def _finite(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Figures as JSON can hold them."""
    return {name: float(value) if isfinite(value) else None for name, value in figures.items()}


_WORDS = {
    "digest": "bundle", "figures": "figures", "gates": "gates", "champion": "champion", "champion_figures": "champion's figures",
    "verdicts": "verdicts",
}  # fmt: skip


def _changes(before: Judged, now: Judged) -> list[str]:
    """What differs, in words."""
    return [
        word for field, word in _WORDS.items() if canonical(getattr(before, field)) != canonical(getattr(now, field))
    ]
