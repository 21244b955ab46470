"""Peers: firms of one role, size band and district, and where a value stands among theirs.

Groups keep every value with how often it occurs, so that a percentile is exact, in a wider group that joins several too.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data.errors import FeatureError
from features.forms import Value

Width = Literal["role_band_district", "role_band", "role"]
Counts = dict[float, int]
"""How often each value occurs."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Band(_Frozen):
    """A size band: below a declared value of 365 days; the last one has no bound."""

    code: Annotated[str, Field(min_length=1, max_length=20)]
    below_yuan: int | None = None
    zh: str
    en: str


class PeerRules(_Frozen):
    """Who is compared with whom."""

    least_firms: Annotated[int, Field(ge=2)]
    bands: Annotated[tuple[Band, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ordered(self) -> "PeerRules":
        bounds = [band.below_yuan for band in self.bands[:-1] if band.below_yuan is not None]
        given = len(bounds) == len(self.bands) - 1 and self.bands[-1].below_yuan is None
        if not given or bounds != sorted(set(bounds)):
            raise ValueError("bands: bounds must rise, and only the last band has none")
        if len({band.code for band in self.bands}) < len(self.bands):
            raise ValueError("bands: a code is given twice")
        return self

    def band(self, declared_fen: int) -> Band:
        """The band of a declared value of 365 days, in fen."""
        return next(b for b in self.bands if b.below_yuan is None or declared_fen < b.below_yuan * 100)


def read_rules(text: str) -> PeerRules:
    """Rules from YAML.

    Raises:
        FeatureError: naming each field that is wrong.
    """
    try:
        return PeerRules.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise FeatureError(f"the rules of peers (features/peers.yaml) do not validate: {error}") from None


@cache
def shipped_rules() -> PeerRules:
    """The rules that ship with the package."""
    return read_rules((files("features") / "peers.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Place:
    """What makes firms peers; `district` is empty where none is registered."""

    role: str
    band: str
    district: str


@dataclass(frozen=True, slots=True)
class Group:
    """The firms of a place: how many they are, and of each feature the values that they have."""

    firms: int
    values: Mapping[str, Counts]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a value stands: percentile by mid-rank (0 to 100), among how many values, and how many firms have none."""

    percentile: float
    among: int
    missing: int


def grouped(names: Sequence[str], firms: Iterable[tuple[Place, Sequence[Value]]]) -> dict[Place, Group]:
    """Firms by their place.

    Arguments:
        names: the features; values of codes are left out.
        firms: of each its place and its values in the order of the names.
    """
    sizes: Counter[Place] = Counter()
    values: dict[Place, dict[str, Counts]] = {}
    for place, row in firms:
        sizes[place] += 1
        held = values.setdefault(place, {})
        for name, value in zip(names, row, strict=True):
            if isinstance(value, float):
                counts = held.setdefault(name, {})
                counts[value] = counts.get(value, 0) + 1
    return {place: Group(size, values[place]) for place, size in sizes.items()}


def peers_of(groups: Mapping[Place, Group], place: Place, least: int) -> tuple[Width, Group]:
    """The peers of a firm: of its role, band and district; where they are too few, of its role and band; then of its role.

    Arguments:
        groups: all groups that have its role.
        least: how many firms are enough.
    """
    widths: tuple[tuple[Width, tuple[str, ...]], ...] = (
        ("role_band_district", ("role", "band", "district")), ("role_band", ("role", "band")), ("role", ("role",)),
    )  # fmt: skip
    for width, fields in widths:
        like = [g for p, g in groups.items() if all(getattr(p, f) == getattr(place, f) for f in fields)]
        if sum(group.firms for group in like) >= least or width == "role":
            return width, _joined(like)
    raise AssertionError("the last width always serves")


def _joined(groups: Sequence[Group]) -> Group:
    values: dict[str, Counts] = {}
    for group in groups:
        for name, counts in group.values.items():
            held = values.setdefault(name, {})
            for value, count in counts.items():
                held[value] = held.get(value, 0) + count
    return Group(sum(group.firms for group in groups), values)


def standing(group: Group, name: str, value: Value) -> Standing | None:
    """Where a value stands among the peers' values of a feature: the share below it, those equal to it counted half.

    Returns:
        None where there is no value to place, or no peer has one.
    """
    counts = group.values.get(name)
    if not isinstance(value, float) or not counts:
        return None
    among = sum(counts.values())
    below = sum(count for other, count in counts.items() if other < value)
    return Standing(100 * (2 * below + counts.get(value, 0)) / (2 * among), among, group.firms - among)
