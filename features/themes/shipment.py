"""The shipment itself: what its declaration states."""

from features.definitions import Feature
from features.forms import Category, Fact
from features.themes.sources import (
    BOUGHT_DECLARATIONS,
    EMPTY_CONTAINER,
    FABRICATED,
    PLAN_13,
    SELECTIVITY,
    SHELL_FACTORY,
    SPLITTING,
)  # fmt: skip

FACTS = (
    Feature("direction", "shipment", Category("direction"), "进出口", "Import or export", "code", 0, "mode", source=PLAN_13),
    Feature("trade_mode", "shipment", Category("trade_mode"), "监管方式", "Supervision mode", "code", 0, "mode", source=PLAN_13),
    Feature("transport_mode", "shipment", Category("transport_mode"), "运输方式", "Transport mode", "code", 0, "mode", source=PLAN_13),
    Feature("hs_chapter", "shipment", Category("hs2"), "商品章", "HS chapter", "code", 0, "goods", source=SELECTIVITY),
    Feature("origin", "shipment", Category("origin"), "原产国", "Country of origin", "code", 0, "goods", sensitive=True, source=SELECTIVITY),
    Feature("departure", "shipment", Category("departure"), "启运国（出口为运抵国）", "Country of departure, for exports of destination", "code", 0, "goods", sensitive=True, source=SELECTIVITY),
    Feature("value_log", "shipment", Fact("value_log"), "申报价值", "Declared value", "milli_log", 0, "value", sensitive=True, source=SELECTIVITY),
    Feature("near_limit", "shipment", Fact("near_limit"), "申报值贴近单次交易限值", "Value just under the transaction limit", "flag", 0, "near_limit", source=SPLITTING),
    Feature("round_value", "shipment", Fact("round_value"), "申报值为整数", "Declared value is round", "flag", 0, "round_value", source=FABRICATED),
    Feature("mass_log", "shipment", Fact("mass_log"), "重量", "Mass", "milli_log", 0, "mass", source=SELECTIVITY),
    Feature("gross_over_net_log", "shipment", Fact("gross_over_net_log"), "毛重与净重之比", "Gross over net mass", "milli_log", 0, "gross_over_net", source=EMPTY_CONTAINER),
    Feature("producer_unknown", "shipment", Fact("producer_unknown"), "生产企业未备案", "The producer is not registered", "flag", 0, "producer", actionable=True, source=SHELL_FACTORY),
    Feature("producer_is_other", "shipment", Fact("producer_is_other"), "非自产货物", "The goods are of another producer", "flag", 0, "producer", source=BOUGHT_DECLARATIONS),
)  # fmt: skip
