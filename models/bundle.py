"""A model as data only: LightGBM's texts and a JSON manifest, named by its digest. Nothing in it can run."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from data.errors import BundleError
from data.records import canonical
from features.catalogue import digest, feature_set
from features.definitions import FeatureSet
from models.calibration import Calibration, Curve
from models.encoding import Encoder
from models.scale import Scale
from models.uncertainty import Band

FORMAT = 2


class Thin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which cases have a short history: those with a feature below a number, or without it."""

    feature: str
    below: float


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything beside the trees that a score needs, and where the model comes from.

    Attributes:
        order, codes: how values become numbers.
        groups: the group of each feature in explanations: one thing said by several features is said once.
        typical: the usual value of each feature in the reference population, which are the cases learned from, each weighing
            what it stands for.
        slope, intercept, offset, factor: from a margin to points.
        curve: from a margin to a probability.
        bands: how sure a probability is, for cases with a short history (`thin`) and for the others (`established`).
        kinds: the classes of the head `typology`. recovery_fen: the unit of what the head `recovery` predicts.
        base_rate: share of violations among the rows; `base_rate_population` in what they stand for.
    """

    format: int
    model: str
    feature_set: str
    catalogue: str
    order: tuple[str, ...]
    codes: dict[str, tuple[str, ...]]
    groups: tuple[str, ...]
    typical: dict[str, float | str | None]
    slope: float
    intercept: float
    offset: float
    factor: float
    curve: Curve
    bands: dict[str, Band]
    thin: Thin | None
    kinds: tuple[str, ...]
    recovery_fen: float
    base_rate: float
    base_rate_population: float
    trained_until: int
    snapshot: str
    rows: int
    parameters: dict[str, Any]
    metrics: dict[str, float]


class _Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    manifest: Manifest
    trees: str
    heads: dict[str, str]


class _Format(msgspec.Struct):
    format: int


class _Stated(msgspec.Struct):
    manifest: _Format


@dataclass(frozen=True, slots=True)
class Bundle:
    """A manifest, the trees as LightGBM writes them, those of other heads by name, and the SHA-256 of all.

    Heads: `recovery` (expected duty given a violation) and `typology` (which kind it would be).
    """

    manifest: Manifest
    trees: str
    heads: Mapping[str, str]
    digest: str

    @property
    def features(self) -> FeatureSet:
        """The feature set that the model was made for.

        Raises:
            BundleError: where the catalogue has changed since.
        """
        features = feature_set(self.manifest.feature_set)
        if digest(features) != self.manifest.catalogue:
            raise BundleError(
                f"model {self.manifest.model} was made for another version of feature set {features.name!r}; retrain it"
            )
        return features

    @property
    def encoder(self) -> Encoder:
        """How values become numbers."""
        return Encoder(self.manifest.order, self.manifest.codes)

    @property
    def calibration(self) -> Calibration:
        """How margins become the log-odds that points stand on."""
        return Calibration(self.manifest.slope, self.manifest.intercept)

    @property
    def scale(self) -> Scale:
        """How log-odds become points."""
        return Scale(self.manifest.offset, self.manifest.factor)


def make_bundle(manifest: Manifest, trees: str, heads: Mapping[str, str] | None = None) -> Bundle:
    """A bundle with its digest."""
    content = canonical(_Content(manifest, trees, dict(heads or {})))
    return Bundle(manifest, trees, dict(heads or {}), hashlib.sha256(content).hexdigest())


def to_bytes(bundle: Bundle) -> bytes:
    """The bundle as stored: canonical JSON."""
    return canonical(_Content(bundle.manifest, bundle.trees, dict(bundle.heads)))


def from_bytes(content: bytes, expected: str) -> Bundle:
    """A stored bundle, refused where a byte differs from what its digest names.

    Raises:
        BundleError: where it is damaged, tampered with or of another format.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise BundleError(f"a model bundle has digest {found[:12]} where {expected[:12]} is expected; it was changed")
    try:
        stated = msgspec.json.decode(content, type=_Stated).manifest.format
        if stated != FORMAT:
            raise BundleError(f"a model bundle has format {stated}, this version reads {FORMAT}; retrain it")
        read = msgspec.json.decode(content, type=_Content)
    except msgspec.DecodeError as error:
        raise BundleError(f"a model bundle cannot be read: {error}") from None
    return Bundle(read.manifest, read.trees, read.heads, found)
