"""Transaction 交易: how much the enterprise declares, of what, to whom, and how suddenly."""

from features.definitions import Feature
from features.forms import Number, Ratio
from features.themes.common import (
    CANCELLATIONS,
    DECLARATIONS,
    ENTERPRISE,
    EXPORTS,
    IMPORTS,
    ORDERS,
    RETURNS,
    count,
    distinct,
    part_of,
    per_declaration,
    total,
)
from features.themes.sources import (
    BOUGHT_DECLARATIONS,
    DORMANT,
    FABRICATED,
    FAKE_ORDERS,
    NEW_FIRM,
    PLAN_11,
    PUSHING,
    RESALE,
    SHELL_FACTORY,
    SPLITTING,
    STANDARD,
    SWITCHING,
    UNDER_VALUATION,
)  # fmt: skip

_COUNT_30 = count(DECLARATIONS, ENTERPRISE, 30)

TRANSACTION = (
    Feature("declarations_30d", "transaction", Number(_COUNT_30), "企业近30日申报清单数", "Declarations of the enterprise in 30 days", group="volume", sensitive=True, source=PLAN_11),
    Feature("declarations_365d", "transaction", Number(count(DECLARATIONS, ENTERPRISE, 365)), "企业近365日申报清单数", "Declarations of the enterprise in 365 days", group="volume", sensitive=True, source=PLAN_11),
    Feature("declared_value_90d", "transaction", Number(total(DECLARATIONS, ENTERPRISE, "declared_value_fen", 90)), "企业近90日申报总值", "Declared value of the enterprise in 90 days", "yuan", 0, "volume", sensitive=True, source=PLAN_11),
    Feature("export_share_90d", "transaction", per_declaration(EXPORTS, ENTERPRISE, 90), "企业近90日出口清单占比", "Share of exports in the enterprise's declarations of 90 days", "share", 0, "assortment", source=STANDARD),
    Feature("burst_7d_over_90d", "transaction", part_of(DECLARATIONS, ENTERPRISE, 7, 90), "企业近7日申报占近90日比重", "Share of the enterprise's declarations of 90 days made in the last 7", "share", 0, "burst", source=NEW_FIRM),
    Feature("burst_30d_over_365d", "transaction", part_of(DECLARATIONS, ENTERPRISE, 30, 365), "企业近30日申报占近365日比重", "Share of the enterprise's declarations of 365 days made in the last 30", "share", 0, "burst", source=DORMANT),
    Feature("declared_over_ordered_90d", "transaction", Ratio(total(DECLARATIONS, ENTERPRISE, "declared_value_fen", 90), total(ORDERS, ENTERPRISE, "goods_value_fen", 90)), "企业近90日申报值与订单值之比", "The enterprise's declared over ordered value in 90 days", "share", 0, "value_match", actionable=True, source=UNDER_VALUATION),
    Feature("orders_over_declarations_90d", "transaction", per_declaration(ORDERS, ENTERPRISE, 90), "企业近90日订单与清单之比", "Orders per declaration of the enterprise in 90 days", "number", 0, "value_match", actionable=True, source=PUSHING),
    Feature("discount_share_90d", "transaction", Ratio(total(ORDERS, ENTERPRISE, "discount_fen", 90), total(ORDERS, ENTERPRISE, "goods_value_fen", 90)), "企业近90日非现金抵扣占订单商品价格比重", "Discounts in the goods value of the enterprise's orders in 90 days", "share", 0, "value_match", source=UNDER_VALUATION),
    Feature("near_limit_share_30d", "transaction", Ratio(total(IMPORTS, ENTERPRISE, "near_limit", 30), count(IMPORTS, ENTERPRISE, 30)), "企业近30日贴近单次交易限值的进口清单占比", "Share of the enterprise's imports of 30 days just under the transaction limit", "share", 0, "near_limit", source=SPLITTING),
    Feature("round_value_share_90d", "transaction", per_declaration(DECLARATIONS, ENTERPRISE, 90, "round_value"), "企业近90日申报值为整数的清单占比", "Share of the enterprise's declarations of 90 days with a round value", "share", 0, "round_value", source=FABRICATED),
    Feature("buyers_30d", "transaction", Number(distinct(DECLARATIONS, ENTERPRISE, "buyer", 30)), "企业近30日订购人数", "Buyers of the enterprise in 30 days", group="buyers", sensitive=True, source=SPLITTING),
    Feature("declarations_per_buyer_30d", "transaction", Ratio(_COUNT_30, distinct(DECLARATIONS, ENTERPRISE, "buyer", 30)), "企业近30日每位订购人清单数", "The enterprise's declarations per buyer in 30 days", "number", 0, "buyers", source=RESALE),
    Feature("hs_codes_90d", "transaction", Number(distinct(DECLARATIONS, ENTERPRISE, "hs6", 90)), "企业近90日商品编码数", "HS codes that the enterprise declared in 90 days", group="assortment", sensitive=True, source=SWITCHING),
    Feature("platforms_90d", "transaction", Number(distinct(DECLARATIONS, ENTERPRISE, "platform", 90)), "近90日使用的电商平台数", "Platforms that the enterprise sold on in 90 days", group="partners", source=PUSHING),
    Feature("declarants_90d", "transaction", Number(distinct(DECLARATIONS, ENTERPRISE, "declarant", 90)), "近90日委托的申报企业数", "Declarants that the enterprise used in 90 days", group="partners", source=BOUGHT_DECLARATIONS),
    Feature("unknown_producer_share_90d", "transaction", Ratio(total(EXPORTS, ENTERPRISE, "producer_unknown", 90), count(EXPORTS, ENTERPRISE, 90)), "企业近90日生产厂家未备案的出口清单占比", "Share of the enterprise's exports of 90 days whose producer is not registered", "share", 0, "producer", actionable=True, source=SHELL_FACTORY),
    Feature("cancelled_share_90d", "transaction", per_declaration(CANCELLATIONS, ENTERPRISE, 90), "企业近90日撤单率", "Cancellations per declaration of the enterprise in 90 days", "share", 0, "corrections", actionable=True, source=STANDARD),
    Feature("return_share_90d", "transaction", per_declaration(RETURNS, ENTERPRISE, 90), "企业近90日退货率", "Goods returned per declaration of the enterprise in 90 days", "share", 0, "returns", source=FAKE_ORDERS),
)  # fmt: skip
