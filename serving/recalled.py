"""A stored decision put together again: the declaration as known then, its question, and what its models were asked."""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from data.errors import BundleError, FeatureError
from data.linking import match_name
from data.records import Record
from data.store import bundles as bundle_rows
from data.store import records as record_rows
from data.store.decisions import Decided
from data.store.records import Name
from features.definitions import FeatureSet
from features.questions import Question, about_shipment
from features.reference import Asked
from models.bundle import from_bytes


@dataclass(frozen=True, slots=True)
class AsKnown:
    """The declaration of a decision with its match as known then, and the record of the match where it came later."""

    declaration: Record
    match: Record | None = None


@dataclass(frozen=True, slots=True)
class Recalled:
    """A decision with the questions that its models were asked, by model.

    Attributes:
        upto: the last place in the order of intake that was stored then.
        known: what was decided on; None where it is not stored.
        unverifiable: why some or all of it cannot be asked again; None where all can.
    """

    decided: Decided
    upto: int
    known: AsKnown | None
    asked: dict[str, Asked]
    unverifiable: str | None = None

    @property
    def question(self) -> Question | None:
        """What was asked at the decision's instant; None where its declaration is not stored."""
        if self.known is None:
            return None
        return Question(self.decided.evidence["question_at"], about_shipment(self.known.declaration).facts)

    @property
    def without(self) -> frozenset[Name]:
        """The records that counted for nothing: those of the declaration itself, where it had been asked about before."""
        return frozenset((kind, source, guid) for kind, source, guid in self.decided.evidence.get("without", ()))


def recalled(connection: Connection, decided: Decided) -> Recalled:
    """A decision put together again from what is stored. What cannot be is said in it, never raised."""
    evidence = decided.evidence
    upto = evidence.get("seq") or record_rows.last_seq(connection)  # decisions of older versions do not say it
    known = _as_known(connection, decided, upto)
    bare = Recalled(decided, upto, known, {})
    question = bare.question
    if question is None:
        return replace(bare, unverifiable="its declaration is not stored as the evidence names it")
    asked, reasons = {}, []
    for model in evidence["vectors"]:
        try:
            features = _features(connection, str(evidence["models"].get(model)))
            asked[model] = Asked(features, question, upto, bare.without)
        except (BundleError, FeatureError) as error:
            reasons.append(str(error))
    return replace(bare, asked=asked, unverifiable="; ".join(reasons) or None)


def _features(connection: Connection, digest: str) -> FeatureSet:
    """The feature set that a bundle asks for.

    Raises:
        BundleError: where the store has no such bundle, or this version another set of its name.
        FeatureError: where this version has no set of its name.
    """
    content = bundle_rows.content_of(connection, digest)
    if content is None:
        raise BundleError(f"the bundle {digest[:12]} that decided is missing from the store")
    return from_bytes(content, digest).features


def _as_known(connection: Connection, decided: Decided, upto: int) -> AsKnown | None:
    """The declaration that a decision was about, with its match as known then.

    A late document may have matched the declaration anew; one that was deleted before was decided on as it was sent.
    """
    named = record_rows.by_digest(connection, "declaration", decided.declaration_no, str(decided.evidence["record"]))
    if named is None:
        return None
    place, declaration = named
    at = decided.evidence["question_at"]

    def known(name: Name) -> tuple[int, Record] | None:
        """The newest version under a name."""
        versions = [(seq, one) for seq, one in record_rows.history(connection, name, upto) if one.known_at <= at]
        return versions[-1] if versions else None

    newest = known(record_rows.name_of(declaration))
    if newest is None:
        return None
    if newest[1].action not in ("new", "change"):
        bare = {name: value for name, value in declaration.payload.items() if name != "match"}
        return AsKnown(replace(declaration, payload=bare))
    match = known(match_name(declaration))
    if match is not None and match[0] > place:
        payload = {**declaration.payload, "match": match[1].payload.get("match", {})}
        return AsKnown(replace(declaration, payload=payload), match[1])
    return AsKnown(declaration)
