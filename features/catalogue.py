"""The catalogue: every feature set by name. What is not here is computed nowhere."""

from data.errors import FeatureError
from data.records import digest_of
from features.definitions import FeatureSet
from features.themes.enterprise import ARCHIVE
from features.themes.public import KOREA, SCMS
from features.themes.shipment import SHIPMENT

CREDIT = FeatureSet("credit", "enterprise", ARCHIVE)

SETS: dict[str, FeatureSet] = {
    features.name: features
    for features in (
        CREDIT,
        FeatureSet("shipment", "shipment", (*SHIPMENT, *ARCHIVE)),
        FeatureSet("korea", "shipment", KOREA),
        FeatureSet("scms", "shipment", SCMS),
    )
}


def feature_set(name: str) -> FeatureSet:
    """A set by name; `NAME-facts` is the set without its histories, for measuring what they are worth.

    Raises:
        FeatureError: where the catalogue has no such set.
    """
    base = SETS.get(name.removesuffix("-facts"))
    if base is None:
        raise FeatureError(f"the catalogue has no feature set {name!r}; there are: {', '.join(SETS)}")
    return facts_only(base) if name.endswith("-facts") else base


def facts_only(features: FeatureSet) -> FeatureSet:
    """The features of a set that need no history."""
    kept = tuple(feature for feature in features.features if not feature.expression.measures)
    return FeatureSet(f"{features.name}-facts", features.about, kept)


def digest(features: FeatureSet) -> str:
    """SHA-256 of a set's definitions: a model made for one refuses another."""
    return digest_of([[feature.name, repr(feature.expression)] for feature in features.features])
