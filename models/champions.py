"""The champions of the store: which bundle decides now, loaded and checked. How one becomes champion: `models.promotion`."""

import unicodedata
from dataclasses import dataclass

from sqlalchemy import Connection

from data.errors import BundleError, NoChampionError, PromotionError
from data.store import Store
from data.store import bundles as rows
from models.bundle import Bundle, from_bytes, to_bytes
from models.explain import Scorer

_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Signature:
    """Who does it, when and why.

    Attributes:
        login: of the computer's user who enters it, beside the name that they give; None where that is not known.

    Raises:
        PromotionError: where the name or the reason is empty, or the name too long.
    """

    by: str
    at: int
    reason: str
    login: str | None = None

    def __post_init__(self) -> None:
        if not person(self.by):
            raise PromotionError("a promotion needs the name of who does it: give one with --as")
        if len(self.by) > _LONGEST_NAME:
            raise PromotionError(f"the name of who does it (--as) has more than {_LONGEST_NAME} characters: shorten it")
        if not self.reason.strip():
            raise PromotionError("a promotion needs its reason in words: give one with --reason")


def person(name: str) -> str:
    """What tells people apart by their names: letter case, spaces, invisible characters and forms of one letter do not."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join("".join(c for c in folded if c.isprintable() or c.isspace()).split())


def install(store: Store, bundle: Bundle, signature: Signature) -> None:
    """Make a bundle the champion of its model on trial, in one transaction with the record of who did it and why.

    Raises:
        BundleError: where the bundle cannot score.
        PromotionError: where the store is in production.
    """
    Scorer(bundle)  # what cannot score must not become champion
    with store.write() as connection:
        if rows.is_in_production(connection):
            raise PromotionError("this store is in production, where two people promote: use `greenlane promote`")
        write_down(
            connection, bundle,
            rows.Promotion(
                bundle.manifest.model, bundle.digest, signature.at, signature.by, signature.reason, login=signature.login
            ),
        )  # fmt: skip


def write_down(connection: Connection, bundle: Bundle, promotion: rows.Promotion) -> None:
    """Keep a bundle and write its promotion into the book of champions."""
    rows.keep(connection, bundle.manifest.model, bundle.digest, to_bytes(bundle), stored_at=promotion.promoted_at)
    rows.promote(connection, promotion)


def stored(connection: Connection, model: str, digest: str) -> Bundle:
    """A bundle of the store.

    Raises:
        BundleError: where its bytes are missing or changed.
    """
    content = rows.content_of(connection, digest)
    if content is None:
        raise BundleError(f"the bundle {digest[:12]} of the {model} champion is missing from the store")
    return from_bytes(content, digest)


def champion(connection: Connection, model: str, at: int | None = None) -> Bundle:
    """The champion of a model.

    Arguments:
        at: an instant for the one of then; now where None.
    Raises:
        NoChampionError: where none was promoted.
        BundleError: where its bytes are missing or changed.
    """
    digest = rows.champions(connection, at).get(model)
    if digest is None:
        raise NoChampionError(f"no {model} model is in use yet: run `greenlane train {model} --promote`")
    return stored(connection, model, digest)
