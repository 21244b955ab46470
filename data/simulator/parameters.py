"""The parameters of the simulated world, read from `world.yaml`. Shares lie in [0, 1]; masses are in grams."""

from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from typing import Annotated, Any

import yaml
from pydantic import Field

from data.simulator.laws import (
    Adaptation,
    Credit,
    Goods,
    Inspection,
    Papers,
    Part,
    Population,
    SchemeLaw,
    Season,
    Services,
    SettlementLaw,
    Share,
    Standing,
    Trade,
    Violations,
)  # fmt: skip
from data.times import DAY, day_of, from_instant, midnight, to_instant


class Parameters(Part):
    """Everything that shapes a simulated world. The same parameters give the same world, byte for byte."""

    seed: Annotated[int, Field(ge=0)]
    end_date: date
    days: Annotated[int, Field(ge=30, le=4000)]
    pending_days: Annotated[int, Field(ge=0, le=29)]
    firms: Annotated[int, Field(ge=20, le=200_000)]
    declarations_per_firm_day: Annotated[float, Field(gt=0)]
    services: Services
    population: Population
    districts: Annotated[tuple[str, ...], Field(min_length=1)]
    customs_offices: Annotated[tuple[str, ...], Field(min_length=1)]
    distant_offices: Annotated[tuple[str, ...], Field(min_length=1)]
    season: Season
    goods: Annotated[tuple[Goods, ...], Field(min_length=2)]
    destinations: dict[str, float]
    trade: Trade
    violations: Violations
    slips: dict[str, tuple[Share, Share]]
    schemes: dict[str, SchemeLaw]
    adaptation: Adaptation
    papers: Papers
    inspection: Inspection
    credit: Credit
    standing: Standing
    settlement: SettlementLaw

    @property
    def last_day(self) -> int:
        """Number of the last China day."""
        moment = from_instant(0).replace(year=self.end_date.year, month=self.end_date.month, day=self.end_date.day)
        return day_of(to_instant(moment))

    @property
    def start(self) -> int:
        """Instant at which the world begins."""
        return self.end - self.days * DAY

    @property
    def end(self) -> int:
        """Instant at which the world ends: the midnight after its last day."""
        return midnight(self.last_day + 1)

    @property
    def pending_from(self) -> int:
        """Instant from which declarations are pending."""
        return self.end - self.pending_days * DAY


def load_parameters(**overrides: Any) -> Parameters:
    """The parameters of `world.yaml`, some of them replaced.

    Arguments:
        overrides: by name; a mapping replaces single names of a part, for instance `inspection={"random_share": 0.1}`.
    Raises:
        pydantic.ValidationError: naming each parameter that is unknown or out of its bounds.
    """
    text = (files("data.simulator") / "world.yaml").read_text(encoding="utf-8")
    return Parameters.model_validate(_merged(yaml.safe_load(text), overrides))


def _merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in overrides.items():
        old = merged.get(name)
        merged[name] = _merged(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return merged
