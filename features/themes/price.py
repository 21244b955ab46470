"""Price 价格: the shipment's prices and masses against the history of its goods, of the firm and of the platform."""

from features.definitions import Feature
from features.forms import Fact
from features.themes.common import (
    DECLARATIONS,
    ENTERPRISE,
    FIRM_GOODS,
    HS_ORIGIN,
    PLATFORM_GOODS,
    deviation,
    price_score,
)
from features.themes.sources import EMPTY_CONTAINER, OVER_VALUATION, SPLITTING, SWITCHING, UNDER_VALUATION

PRICES = (
    Feature("price_log", "price", Fact("price_log"), "每克单价", "Price per gram", "milli_log", 0, "price", source=UNDER_VALUATION),
    Feature("unit_mass_log", "price", Fact("unit_mass_log"), "每件重量", "Mass per piece", "milli_log", 0, "unit_mass", source=EMPTY_CONTAINER),
    price_score("price_score_hs_origin_365d", "price_log", HS_ORIGIN, "单价偏离同商品同产地历史", "Price against the history of these goods from this origin", source=UNDER_VALUATION),
    price_score("unit_price_score_hs_origin_365d", "unit_price_log", HS_ORIGIN, "每件单价偏离同商品同产地历史", "Price per piece against the history of these goods from this origin", source=OVER_VALUATION),
    price_score("unit_mass_score_hs_origin_365d", "unit_mass_log", HS_ORIGIN, "每件重量偏离同商品同产地历史", "Mass per piece against the history of these goods from this origin", source=SWITCHING, group="unit_mass"),
    price_score("gross_over_net_score_hs_origin_365d", "gross_over_net_log", HS_ORIGIN, "毛净重比偏离同商品同产地历史", "Gross over net mass against the history of these goods from this origin", source=EMPTY_CONTAINER, group="gross_over_net"),
    price_score("price_score_firm_goods_365d", "price_log", FIRM_GOODS, "单价偏离企业同商品历史", "Price against the enterprise's own history of these goods", source=UNDER_VALUATION),
    price_score("price_score_platform_goods_365d", "price_log", PLATFORM_GOODS, "单价偏离平台同商品历史", "Price against the platform's history of these goods", source=UNDER_VALUATION),
    price_score("value_score_enterprise_90d", "value_log", ENTERPRISE, "申报值偏离企业近期水平", "Declared value against the enterprise's declarations of 90 days", 90, source=SPLITTING, group="value_level"),
)  # fmt: skip

PRICE_SPREAD = (
    Feature("price_spread_90d", "price", deviation(DECLARATIONS, ENTERPRISE, "price_log", 90), "企业近90日单价离散度", "Spread of the enterprise's prices in 90 days", "milli_log", 0, "price_spread", source=UNDER_VALUATION),
)  # fmt: skip
