"""The champions of the store: which bundle decides now, loaded and checked."""

from dataclasses import dataclass

from sqlalchemy import Connection

from data.errors import BundleError, NoChampionError
from data.store import Store
from data.store import bundles as rows
from models.bundle import Bundle, from_bytes, to_bytes
from models.explain import Scorer


@dataclass(frozen=True, slots=True)
class Signature:
    """Who promotes, when and why."""

    by: str
    at: int
    reason: str


def install(store: Store, bundle: Bundle, signature: Signature) -> None:
    """Make a bundle the champion of its model, in one transaction with the record of who did it and why."""
    Scorer(bundle)  # what cannot score must not become champion
    with store.write() as connection:
        rows.keep(connection, bundle.manifest.model, bundle.digest, to_bytes(bundle), stored_at=signature.at)
        promotion = rows.Promotion(bundle.manifest.model, bundle.digest, signature.at, signature.by, signature.reason)
        rows.promote(connection, promotion)


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
    content = rows.content_of(connection, digest)
    if content is None:
        raise BundleError(f"the bundle {digest[:12]} of the {model} champion is missing from the store")
    return from_bytes(content, digest)
