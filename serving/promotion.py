"""Promotion as a use case: the store decides, and MLflow's aliases and tags follow, so that people see it there as well."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data.errors import ModelError
from data.store import Store
from data.store.bundles import Promotion, Proposal
from data.times import show
from models import promotion as rules
from models.champions import Signature
from models.gates import Verdict, failed
from models.promotion import Candidate, Environment

if TYPE_CHECKING:  # MLflow is imported only where the registry is touched
    from models.registry import Logged, RegistryConfig


@dataclass(frozen=True, slots=True)
class Step:
    """What a step did.

    Attributes:
        promotion: the new champion; None where the proposal waits for a second person.
        notes: what the registry could not follow in; the store's record holds all the same.
    """

    proposal: Proposal
    promotion: Promotion | None
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]


def promote(
    store: Store, config: "RegistryConfig", candidate: Candidate, logged: "Logged", signature: Signature,
    asked: Environment, *, approving: bool = False,
) -> Step:  # fmt: skip
    """Propose a version, or approve its proposal; the registry's aliases and tags follow.

    Arguments:
        asked: the environment of the settings.
    Raises:
        PromotionError: where it is not allowed (see `models.promotion`).
    """
    from models import registry

    promotion: Promotion | None
    if approving:
        proposal, promotion = rules.approve(store, candidate, signature, asked)
    else:
        proposal, promotion = rules.propose(store, candidate, signature, asked)
    verdicts = rules.seen(proposal).verdicts
    stopping = ", ".join(one.gate for one in failed(verdicts))
    tags = {
        "gates": f"failed: {stopping}" if stopping else "passed",
        "proposal": f"{proposal.id}, by {proposal.proposed_by} at {show(proposal.proposed_at)}",
    }
    if promotion is not None:
        tags["promotion"] = f"{promotion.environment}, by {promotion.promoted_by} at {show(promotion.promoted_at)}"
    point = registry.set_challenger if promotion is None else registry.set_champion
    notes = _notes(lambda: registry.tag(config, logged, tags), lambda: point(config, logged))
    return Step(proposal, promotion, verdicts, notes)


def follow(config: "RegistryConfig", model: str, version: str | None) -> tuple[str, ...]:
    """Point the registry's champion alias to a version after a rollback; returns what could not be done."""
    from models import registry

    if version is None:
        return (f"the {model} champion came without a version of the registry: its alias was left as it is",)
    return _notes(lambda: registry.set_champion(config, registry.logged_of(config, model, version)))


def _notes(*actions: Callable[[], None]) -> tuple[str, ...]:
    """Do what follows; what fails is told and does not undo the record."""
    notes = []
    for action in actions:
        try:
            action()
        except ModelError as error:
            notes.append(f"the registry does not follow, the record stands: {error}")
    return tuple(notes)
