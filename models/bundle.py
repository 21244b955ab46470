"""A model as data only: LightGBM's text and a JSON manifest, named by its digest. Nothing in it can run."""

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from data.errors import BundleError
from data.records import canonical
from features.catalogue import digest, feature_set
from features.definitions import FeatureSet
from models.calibration import Calibration
from models.encoding import Encoder
from models.scale import Scale

FORMAT = 1


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything beside the trees that a score needs, and where the model comes from."""

    format: int
    model: str
    feature_set: str
    catalogue: str
    order: tuple[str, ...]
    codes: dict[str, tuple[str, ...]]
    slope: float
    intercept: float
    offset: float
    factor: float
    base_rate: float
    trained_until: int
    snapshot: str
    rows: int
    parameters: dict[str, Any]
    metrics: dict[str, float]


class _Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    manifest: Manifest
    trees: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """A manifest, the trees as LightGBM writes them, and the SHA-256 of both."""

    manifest: Manifest
    trees: str
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
        """How margins become log-odds."""
        return Calibration(self.manifest.slope, self.manifest.intercept)

    @property
    def scale(self) -> Scale:
        """How log-odds become points."""
        return Scale(self.manifest.offset, self.manifest.factor)


def make_bundle(manifest: Manifest, trees: str) -> Bundle:
    """A bundle with its digest."""
    content = canonical(_Content(manifest, trees))
    return Bundle(manifest, trees, hashlib.sha256(content).hexdigest())


def to_bytes(bundle: Bundle) -> bytes:
    """The bundle as stored: canonical JSON."""
    return canonical(_Content(bundle.manifest, bundle.trees))


def from_bytes(content: bytes, expected: str) -> Bundle:
    """A stored bundle, refused where a byte differs from what its digest names.

    Raises:
        BundleError: where it is damaged, tampered with or of another format.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise BundleError(f"a model bundle has digest {found[:12]} where {expected[:12]} is expected; it was changed")
    try:
        read = msgspec.json.decode(content, type=_Content)
    except msgspec.DecodeError as error:
        raise BundleError(f"a model bundle cannot be read: {error}") from None
    if read.manifest.format != FORMAT:
        raise BundleError(f"a model bundle has format {read.manifest.format}, this version reads {FORMAT}; retrain it")
    return Bundle(read.manifest, read.trees, found)
