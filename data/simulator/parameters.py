"""The parameters of the simulated world, read from `world.yaml`. Shares lie in [0, 1]; masses are in grams."""

from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.times import DAY, day_of, from_instant, midnight, to_instant

Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=0)]
Permille = Annotated[int, Field(ge=0, le=1000)]
Count = Annotated[int, Field(ge=1)]
Pair = tuple[float, float]
"""Two numbers: the bounds of a uniform draw, or the value of an honest and of a dishonest firm."""


class Part(BaseModel):
    """Base of all parameters: frozen, and a name that nobody declared is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Services(Part):
    """How many enterprises there are of each role but e-commerce."""

    platforms: Count
    agents: Count
    complicit_agents: Annotated[int, Field(ge=0)]
    logistics: Count
    payments: Count
    warehouses: Count

    @model_validator(mode="after")
    def _few_complicit(self) -> "Services":
        if self.complicit_agents > self.agents:
            raise ValueError("`complicit_agents` cannot exceed `agents`")
        return self


class Population(Part):
    """Laws of firms and of their buyers."""

    size_exponent: Rate
    new_share: Share
    age_years: Pair
    exporter_share: Share
    export_goods_share: Share
    dishonest_share: Share
    honest_beta: Pair
    dishonest_beta: Pair
    careless_beta: Pair
    shared_legal_person: Share
    buyers: Count
    addresses: Count
    pickup_points: Count
    pickup_share: Share


class Period(Part):
    """A part of every year with a factor on trade; days as MM-DD."""

    name: str
    first: str
    last: str
    factor: Rate


class Season(Part):
    """Factors on the number of trades of a day."""

    weekday: tuple[float, float, float, float, float, float, float]
    periods: tuple[Period, ...]
    spring_festival: tuple[date, ...]
    spring_festival_days: tuple[int, int]
    spring_festival_factor: Rate


class Goods(Part):
    """Goods under one HS code. `origins`: share of trade, price factor and log-odds of risk by country code."""

    hs_code: str
    name: str
    price: Rate
    sigma: Rate
    mass_g: Rate
    retail_bp: int
    general_bp: int
    risk: float
    export: bool = False
    origins: dict[str, tuple[float, float, float]]


class Trade(Part):
    """Laws of single trades."""

    bonded_share: Share
    business_share: Share
    hub_share: Share
    hub: str
    hub_risk: float
    promotion_share: Share
    promotion_price: Pair
    favourite_share: Share


class Splitting(Part):
    """Bursts of order splitting: their share of all trades, parcels a burst, days, and size of the set of buyers."""

    share: Share
    parcels: Count
    days: tuple[int, int]
    buyers: Count


class NewFirm(Part):
    """Bursts of new firms: their share of all trades, parcels a burst, days."""

    share: Share
    parcels: Count
    days: tuple[int, int]


class Mix(Part):
    """Mean shares of the opportunistic schemes."""

    under_valuation: Share
    weight_mismatch: Share
    waybill_reuse: Share
    misdeclared_goods: Share


class Schemes(Part):
    """Who violates, when and how."""

    violation_share: Share
    dishonesty: float
    complicity: float
    campaign: Pair
    campaign_share: Pair
    ceiling: Share
    mix: Mix
    taste: Rate
    cover_with_agent: Rate
    under_valuation_factor: Pair
    new_firm_factor: Pair
    hidden_mass: Pair
    splitting: Splitting
    new_firm: NewFirm
    honest_launch: Share
    honest_groups: Rate
    common_address: Share
    common_payer: Share
    burst_violation: Share


class Papers(Part):
    """Honest mistakes in documents, and how documents arrive."""

    careless_mass: Share
    careless_mass_sigma: Rate
    mass_sigma: Rate
    careless_amount: Share
    careless_waybill: Share
    coupon_share: Share
    true_order_share: Share
    missing_payment: Share
    missing_waybill: Share
    late_share: Share
    late_days: Pair
    correction_share: Share
    duplicate_share: Share
    other_payer: Share


class Inspection(Part):
    """Who is inspected, and what an inspection finds."""

    random_share: Share
    rule_share: Share
    detection: Share
    price_gap: Rate
    weight_gap: Rate
    new_firm_days: int
    dishonest_permille: Permille
    seriously_dishonest_permille: Permille
    delay_hours: Pair
    report_hours: Pair
    penalty_share: Share
    serious_duty_fen: int


class Credit(Part):
    """Events of the public credit platform and statutory levels; rates a firm and year."""

    history_days: int
    permit: Rate
    award: Rate
    penalty: Pair
    tax_arrears: Pair
    court_judgment: Pair
    abnormal_operation: Pair
    severity: tuple[Share, Share, Share]
    usable_days: tuple[int, int, int]
    repair_share: Share
    known_days: Pair
    advanced_certified: Share
    certified: Share
    dishonest: Share
    seriously_dishonest: Share
    certified_days: int
    listed_days: int


class SettlementLaw(Part):
    """FX settlement and tax rebate."""

    gap: Pair
    rebate_bp: int
    rebate_days: Pair


class Parameters(Part):
    """Everything that shapes a simulated world. The same parameters give the same world, byte for byte."""

    seed: Annotated[int, Field(ge=0)]
    end_date: date
    days: Annotated[int, Field(ge=30, le=4000)]
    pending_days: Annotated[int, Field(ge=0, le=29)]
    firms: Annotated[int, Field(ge=20)]
    declarations_per_firm_day: Annotated[float, Field(gt=0)]
    services: Services
    population: Population
    districts: Annotated[tuple[str, ...], Field(min_length=1)]
    customs_offices: Annotated[tuple[str, ...], Field(min_length=1)]
    season: Season
    goods: Annotated[tuple[Goods, ...], Field(min_length=2)]
    destinations: dict[str, float]
    trade: Trade
    schemes: Schemes
    papers: Papers
    inspection: Inspection
    credit: Credit
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
