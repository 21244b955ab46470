"""Identity 身份: who the enterprise is, how long it has been there, and what stands behind it."""

from features.definitions import Feature
from features.forms import DaysSinceDay, Number, Ratio
from features.themes.common import (
    DECLARATIONS,
    ENTERPRISE,
    OPEN_FIRMS,
    PLATFORM,
    REGISTRATION,
    latest,
    total,
)
from features.themes.sources import CLOSED_PLATFORM, NEW_FIRM, STANDARD

_CAPITAL = latest(REGISTRATION, ENTERPRISE, "capital_fen")

IDENTITY = (
    Feature("firm_age_days", "identity", DaysSinceDay(latest(REGISTRATION, ENTERPRISE, "registered_day")), "企业注册备案时长", "Time since the enterprise was registered", "days", -1, "age", sensitive=True, source=NEW_FIRM),
    Feature("registered_capital_fen", "identity", Number(_CAPITAL), "企业注册资本", "Registered capital of the enterprise", "yuan", 0, "capital", sensitive=True, source=STANDARD),
    Feature("value_over_capital_365d", "identity", Ratio(total(DECLARATIONS, ENTERPRISE, "declared_value_fen", 365), _CAPITAL), "企业近365日申报总值与注册资本之比", "The enterprise's declared value in 365 days against its registered capital", "share", 0, "capital", sensitive=True, source=NEW_FIRM),
)  # fmt: skip

PARTIES_IDENTITY = (
    Feature("platform_age_days", "identity", DaysSinceDay(latest(OPEN_FIRMS, PLATFORM, "registered_day")), "电商平台注册备案时长", "Time since the platform was registered", "days", 0, "platform", sensitive=True, source=CLOSED_PLATFORM),
)  # fmt: skip
"""Of the shipment's other firms."""
