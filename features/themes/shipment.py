"""The shipment itself, and the histories of its other keys: declarant, platform, goods, route, buyer, address."""

from features.definitions import Feature
from features.forms import Category, Fact, Number, Ratio
from features.themes.common import (
    ADDRESS,
    BUYER,
    DECLARANT,
    DECLARATIONS,
    HS6,
    HS_ORIGIN,
    PLATFORM,
    ROUTE,
    WAYBILL,
    WAYBILLS,
    count,
    distinct,
    history,
    price_score,
    total,
)  # fmt: skip
from features.themes.match import MATCH

FACTS = (
    Feature("trade_mode", "shipment", Category("trade_mode"), "监管方式", "Supervision mode", "code", 0, "mode"),
    Feature("transport_mode", "shipment", Category("transport_mode"), "运输方式", "Transport mode", "code", 0, "mode"),
    Feature("hs_chapter", "shipment", Category("hs2"), "商品章", "HS chapter", "code", 0, "goods"),
    Feature("origin", "shipment", Category("origin"), "原产国", "Country of origin", "code", 0, "goods"),
    Feature("value_log", "shipment", Fact("value_log"), "申报价值", "Declared value", "milli_log", 0, "value"),
    Feature("mass_log", "shipment", Fact("mass_log"), "重量", "Mass", "milli_log", 0, "mass"),
    Feature("price_log", "price", Fact("price_log"), "每克单价", "Price per gram", "milli_log", 0, "price"),
    Feature("gross_over_net_log", "shipment", Fact("gross_over_net_log"), "毛重与净重之比", "Gross over net mass", "milli_log", 0, "mass"),
)  # fmt: skip

HISTORIES = (
    *history(DECLARANT, "申报企业", "the declarant", (90, 365)),
    *history(PLATFORM, "平台", "the platform", (365,), hits_only=True),
    *history(HS_ORIGIN, "同商品同产地", "these goods from this origin", (365,)),
    *history(HS6, "同商品", "these goods", (365,), hits_only=True),
    *history(ROUTE, "该路线", "this route", (365,), hits_only=True),
    *history(ADDRESS, "收货地址", "the delivery address", (365,), hits_only=True),
)

PRICES = (
    price_score("price_score_hs_origin_365d", "price_log", HS_ORIGIN, "单价偏离同商品同产地历史", "Price against the history of these goods from this origin"),
    price_score("price_score_hs_365d", "price_log", HS6, "单价偏离同商品历史", "Price against the history of these goods"),
)  # fmt: skip

PARTIES = (
    Feature("address_declarations_30d", "logistics", Number(count(DECLARATIONS, ADDRESS, 30)), "收货地址近30日清单数", "Declarations to the delivery address in 30 days", group="address"),
    Feature("address_buyers_30d", "logistics", Number(distinct(DECLARATIONS, ADDRESS, "buyer", 30)), "收货地址近30日订购人数", "Buyers at the delivery address in 30 days", group="address"),
    Feature("buyer_declarations_365d", "transaction", Number(count(DECLARATIONS, BUYER, 365)), "订购人近365日清单数", "Declarations of the buyer in 365 days", group="buyer"),
    Feature("buyer_value_365d", "transaction", Number(total(DECLARATIONS, BUYER, "declared_value_fen", 365)), "订购人近365日申报值", "Declared value of the buyer in 365 days", "yuan", 0, "buyer"),
    Feature("waybill_declared_before_180d", "logistics", Number(count(DECLARATIONS, WAYBILL, 180)), "该运单近180日已申报次数", "Earlier declarations of the waybill in 180 days", group="waybill"),
    Feature("waybill_mass_g", "logistics", Number(total(WAYBILLS, WAYBILL, "gross_mass_g", 180)), "运单毛重", "Gross mass on the waybill", "kg", 0, "mass"),
    Feature("declarant_enterprises_90d", "transaction", Number(distinct(DECLARATIONS, DECLARANT, "enterprise", 90)), "申报企业近90日服务企业数", "Enterprises served by the declarant in 90 days", group="declarant"),
    Feature("platform_value_per_declaration_90d", "transaction", Ratio(total(DECLARATIONS, PLATFORM, "declared_value_fen", 90), count(DECLARATIONS, PLATFORM, 90)), "平台近90日每单申报值", "Mean declared value on the platform in 90 days", "yuan", 0, "platform"),
)  # fmt: skip

SHIPMENT = (*FACTS, *MATCH, *HISTORIES, *PRICES, *PARTIES)
