"""The parts of the world's parameters: what each number of `world.yaml` may be."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
    """How many enterprises there are of each role but e-commerce. Shell platforms and complicit agents are hidden."""

    platforms: Count
    shell_platforms: Count
    agents: Count
    complicit_agents: Annotated[int, Field(ge=0)]
    logistics: Count
    payments: Count
    warehouses: Count

    @model_validator(mode="after")
    def _few_complicit(self) -> "Services":
        if self.complicit_agents > self.agents or self.shell_platforms >= self.platforms:
            raise ValueError("`complicit_agents` cannot exceed `agents`, and some `platforms` must be no shells")
        return self


class Population(Part):
    """Laws of firms and of their buyers."""

    size_exponent: Rate
    new_share: Share
    age_years: Pair
    growth_drift: Rate
    growth_noise: Rate
    exits_a_year: Pair
    exporter_share: Share
    export_goods_share: Share
    dishonest_share: Share
    honest_beta: Pair
    dishonest_beta: Pair
    careless_beta: Pair
    shared_legal_person: Share
    shareholders: Count
    shared_shareholder: Share
    subsidiary_share: Share
    buyers_per_trade: Rate
    addresses_per_buyer: Rate
    pickup_points: Count
    pickup_share: Share
    gift_share: Share


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
    """Goods under one HS code. `origins`: share of trade and price factor by country code."""

    hs_code: str
    names: Annotated[tuple[str, ...], Field(min_length=1)]
    price: Rate
    sigma: Rate
    mass_g: Rate
    retail_bp: int
    general_bp: int
    export: bool = False
    origins: dict[str, Pair]


class Trade(Part):
    """Laws of single trades."""

    bonded_firms: Share
    bonded_share: Pair
    business_share: Share
    overseas_share: Share
    hub_share: Share
    hub: str
    promotion_share: Share
    promotion_price: Pair
    favourite_share: Share
    more_lines: tuple[Share, Share, Share]
    launch_share: Share
    launch_parcels: Count
    launch_days: tuple[int, int]
    group_rate: Rate
    group_parcels: Count
    group_days: tuple[int, int]


class Violations(Part):
    """How many violations there are in all, and who commits them.

    `share` is the aim: where schemes are stopped, others step in. `ceiling` is the highest share of a firm's trades.
    """

    share: Share
    ceiling: Share
    occasional: Share
    outside_campaign: Share
    prone_below: Share
    first_idle: Share
    adoption_a_week: Share
    subtle_effect: Share
    ring_size: Count
    ring_days: Count
    burst_rate: Rate
    burst_parcels: Count
    burst_days: tuple[int, int]


class SchemeLaw(Part):
    """A scheme of violation.

    Arguments:
        share: weight among the schemes of its direction that have begun.
        starts: part of the world's length before which nobody has the idea.
        spread: how much likelier a firm takes it up for each firm with the same agent, platform or legal person that
            already does.
        prone_above, prone_below: honesty of the firms that may take it up; `violations.prone_below` where not given.
        detection: an inspection finds so many of the violations that are there.
        value, mass: declared over true value and gross mass of goods, bounds of a uniform draw, where the trace is left.
        settled: settled over true value of its months, bounds.
        traces: probability of each trace in the papers.
    """

    share: Rate
    starts: Share = 0.0
    spread: Rate = 1.0
    prone_above: Share = 0.0
    prone_below: Share | None = None
    detection: Share
    value: Pair = (1.0, 1.0)
    mass: Pair = (1.0, 1.0)
    settled: Pair = (1.0, 1.0)
    traces: dict[str, Share]


class Adaptation(Part):
    """What a firm does once a hit becomes known, and once it is listed. What is left of 1 is: it goes on as before."""

    pause: Share
    pause_days: tuple[int, int]
    move: Share
    other_agent: Share
    subtler: Share
    stop: Share
    stop_when_listed: Share
    phoenix_when_listed: Share
    phoenix_days: tuple[int, int]
    listed_trade: Share


class Papers(Part):
    """Honest noise in documents, and how documents arrive."""

    mass_sigma: Rate
    slip_mass_sigma: Rate
    slip_value: Pair
    slip_amount: Pair
    freight_share: Share
    discount_share: Share
    other_writing: Share
    group_collects: Share
    group_pays: Share
    late_share: Share
    late_days: Pair
    correction_share: Share
    duplicate_share: Share
    rejected_share: Share
    cancelled_share: Share
    signed_share: Share
    tracking_share: Share


class Inspection(Part):
    """Who is inspected. What an inspection finds is the scheme's `detection`."""

    random_share: Share
    rule_share: Share
    price_gap: Rate
    weight_gap: Rate
    new_firm_days: int
    new_firm_points: Pair
    paper_points: Pair
    recent_hits: Count
    recent_weeks: Count
    history_points: Pair
    certified_points: Rate
    dishonest_permille: Permille
    seriously_dishonest_permille: Permille
    delay_hours: Pair
    report_hours: Pair
    penalty_share: Share
    penalty_days: Pair
    serious_duty_fen: int


class Credit(Part):
    """Events of the public credit platform; rates a firm and year of an honest and of a dishonest firm."""

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


class Standing(Part):
    """Statutory levels: when a listing case is opened, its due process, repair, and certification.

    Repair periods follow Order 251 (1 year after smuggling or obstruction, 6 months for number or amount, 3 months else).
    """

    penalties: Count
    penalised_permille: Permille
    fines_fen: int
    smuggling_duty_fen: int
    serious_penalties: Count
    unpaid_a_year: Rate
    statement_share: Share
    statement_days: tuple[int, int]
    decision_days: tuple[int, int]
    upheld: Share
    upheld_after_statement: Share
    listed_days: int
    repair_days: dict[Literal["smuggling", "penalised_documents", "fines_unpaid"], int]
    repair_a_week: Share
    certified_at_start: Share
    advanced_at_start: Share
    certified_a_year: Share
    certified_days: int
    audits_a_year: Rate


class SettlementLaw(Part):
    """FX settlement and tax rebate."""

    gap: Pair
    rebate_bp: int
    rebate_days: Pair
