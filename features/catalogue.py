"""The catalogue: every feature set by name. What is not here is computed nowhere.

`python -m features.catalogue` prints docs/features.md.
"""

import sys

from data.errors import FeatureError
from data.records import digest_of
from features.definitions import FeatureSet
from features.themes.enterprise import ARCHIVE
from features.themes.identity import PARTIES_IDENTITY
from features.themes.match import MATCH
from features.themes.parties import PARTIES
from features.themes.price import PRICES
from features.themes.public import KOREA, SCMS
from features.themes.shipment import FACTS

CREDIT = FeatureSet("credit", "enterprise", ARCHIVE)
SHIPMENT = FeatureSet("shipment", "shipment", (*FACTS, *MATCH, *PRICES, *PARTIES, *PARTIES_IDENTITY, *ARCHIVE))

SETS: dict[str, FeatureSet] = {
    features.name: features
    for features in (
        CREDIT,
        SHIPMENT,
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


if __name__ == "__main__":
    from features.markdown import document

    sys.stdout.buffer.write(document(CREDIT, SHIPMENT).encode())
