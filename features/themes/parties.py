"""The histories of the shipment's other keys: declarant, platform, goods, route, port, buyer, payer, address, telephone, waybill."""

from features.definitions import Feature
from features.forms import FactAnd, Number, Ratio
from features.themes.common import (
    ADDRESS,
    ARRIVALS,
    BUYER,
    DECLARANT,
    DECLARATIONS,
    ENTERPRISE,
    FIRM_GOODS,
    FIRM_PORT,
    HS_ORIGIN,
    IMPORTS,
    JOURNEYS_ENDED,
    PAYER,
    PAYMENTS,
    PLATFORM,
    PRODUCER,
    RETURNS,
    ROUTE,
    TELEPHONE,
    WAYBILL,
    WAYBILLS,
    count,
    distinct,
    history,
    part_of,
    per_declaration,
    total,
)  # fmt: skip
from features.themes.sources import (
    BACKFLOW,
    BOUGHT_DECLARATIONS,
    BOUGHT_WAYBILLS,
    CLOSED_PLATFORM,
    EMPTY_CONTAINER,
    IDENTITY_THEFT,
    OFF_SITE,
    PUSHING,
    REPEATED_WAYBILL,
    RESALE,
    RETAIL_LIMITS,
    SHELL_FACTORY,
    SPLITTING,
    SWITCHING,
    VIRTUAL_PAYMENT,
)  # fmt: skip

HISTORIES = (
    *history(DECLARANT, "申报企业", "the declarant", (90, 365), hits_only=True),
    *history(PLATFORM, "平台", "the platform", (365,), hits_only=True, source=CLOSED_PLATFORM),
    *history(HS_ORIGIN, "同商品同产地", "these goods from this origin", (365,), hits_only=True, sensitive=True),
    *history(ROUTE, "该路线", "this route", (365,), hits_only=True, sensitive=True),
    *history(FIRM_GOODS, "企业该商品", "the enterprise with these goods", (365,), hits_only=True, source=SWITCHING),
    *history(BUYER, "订购人", "the buyer", (365,), hits_only=True, source=IDENTITY_THEFT),
    *history(PAYER, "支付人", "the payer", (365,), hits_only=True, source=VIRTUAL_PAYMENT),
    *history(ADDRESS, "收货地址", "the delivery address", (365,), hits_only=True, sensitive=True, source=SPLITTING),
    *history(TELEPHONE, "收货电话", "the delivery telephone", (365,), hits_only=True, source=SPLITTING),
)

PERSONS = (
    Feature("address_declarations_30d", "logistics", Number(count(DECLARATIONS, ADDRESS, 30)), "收货地址近30日清单数", "Declarations to the delivery address in 30 days", group="address", source=RESALE),
    Feature("address_buyers_30d", "logistics", Number(distinct(DECLARATIONS, ADDRESS, "buyer", 30)), "收货地址近30日订购人数", "Buyers at the delivery address in 30 days", group="address", source=SPLITTING),
    Feature("address_value_30d", "logistics", Number(total(DECLARATIONS, ADDRESS, "declared_value_fen", 30)), "收货地址近30日申报值", "Declared value to the delivery address in 30 days", "yuan", 0, "address", source=SPLITTING),
    Feature("address_near_limit_30d", "logistics", Number(total(IMPORTS, ADDRESS, "near_limit", 30)), "收货地址近30日贴近单次交易限值的清单数", "Imports just under the transaction limit to the delivery address in 30 days", group="near_limit", source=SPLITTING),
    Feature("telephone_declarations_30d", "logistics", Number(count(DECLARATIONS, TELEPHONE, 30)), "收货电话近30日清单数", "Declarations with the delivery telephone in 30 days", group="telephone", source=SPLITTING),
    Feature("telephone_buyers_30d", "logistics", Number(distinct(DECLARATIONS, TELEPHONE, "buyer", 30)), "收货电话近30日订购人数", "Buyers with the delivery telephone in 30 days", group="telephone", source=IDENTITY_THEFT),
    Feature("buyer_declarations_365d", "transaction", Number(count(DECLARATIONS, BUYER, 365)), "订购人近365日清单数", "Declarations of the buyer in 365 days", group="buyer", source=IDENTITY_THEFT),
    Feature("buyer_value_with_this_365d", "transaction", FactAnd(total(IMPORTS, BUYER, "declared_value_fen", 365), "declared_value_fen"), "订购人近365日交易额（含本单）", "Value that the buyer ordered in 365 days, this shipment included", "yuan", 0, "buyer_quota", source=RETAIL_LIMITS),
    Feature("buyer_declarations_per_hs_90d", "transaction", Ratio(count(DECLARATIONS, BUYER, 90), distinct(DECLARATIONS, BUYER, "hs6", 90)), "订购人近90日每种商品清单数", "Declarations of the buyer per HS code in 90 days", "number", 0, "buyer", source=RESALE),
    Feature("buyer_names_365d", "transaction", Number(distinct(DECLARATIONS, BUYER, "buyer_name", 365)), "订购人证件近365日对应姓名数", "Names under the buyer's identity number in 365 days", "number", 1, "buyer_identity", source=IDENTITY_THEFT),
    Feature("buyer_addresses_90d", "logistics", Number(distinct(DECLARATIONS, BUYER, "consignee_address", 90)), "订购人近90日收货地址数", "Delivery addresses of the buyer in 90 days", group="buyer_identity", source=IDENTITY_THEFT),
    Feature("buyer_telephones_90d", "logistics", Number(distinct(DECLARATIONS, BUYER, "telephone", 90)), "订购人近90日收货电话数", "Delivery telephones of the buyer in 90 days", group="buyer_identity", source=IDENTITY_THEFT),
    Feature("buyer_platforms_90d", "transaction", Number(distinct(DECLARATIONS, BUYER, "platform", 90)), "订购人近90日使用的电商平台数", "Platforms of the buyer in 90 days", group="buyer_identity", source=PUSHING),
    Feature("buyer_enterprises_90d", "transaction", Number(distinct(DECLARATIONS, BUYER, "enterprise", 90)), "订购人近90日涉及的电商企业数", "Enterprises that the buyer ordered from in 90 days", group="buyer_identity", source=IDENTITY_THEFT),
    Feature("payer_buyers_30d", "funds", Number(distinct(DECLARATIONS, PAYER, "buyer", 30)), "支付人近30日代付的订购人数", "Buyers that the payer paid for in 30 days", group="payer", source=VIRTUAL_PAYMENT),
    Feature("payer_payments_30d", "funds", Number(count(PAYMENTS, PAYER, 30)), "支付人近30日支付笔数", "Payments of the payer in 30 days", group="payer", source=VIRTUAL_PAYMENT),
    Feature("payer_enterprises_90d", "funds", Number(distinct(PAYMENTS, PAYER, "enterprise", 90)), "支付人近90日付款涉及的电商企业数", "Enterprises that the payer paid in 90 days", group="payer", source=BACKFLOW),
)  # fmt: skip

FIRMS = (
    Feature("declarant_enterprises_90d", "transaction", Number(distinct(DECLARATIONS, DECLARANT, "enterprise", 90)), "申报企业近90日服务企业数", "Enterprises served by the declarant in 90 days", group="declarant", sensitive=True, source=BOUGHT_DECLARATIONS),
    Feature("platform_declarations_30d", "transaction", Number(count(DECLARATIONS, PLATFORM, 30)), "平台近30日清单数", "Declarations on the platform in 30 days", group="platform", sensitive=True, source=CLOSED_PLATFORM),
    Feature("platform_enterprises_90d", "transaction", Number(distinct(DECLARATIONS, PLATFORM, "enterprise", 90)), "平台近90日电商企业数", "Enterprises on the platform in 90 days", group="platform", sensitive=True, source=CLOSED_PLATFORM),
    Feature("platform_burst_7d_over_90d", "transaction", part_of(DECLARATIONS, PLATFORM, 7, 90), "平台近7日清单占近90日比重", "Share of the platform's declarations of 90 days made in 7 days", "share", 0, "platform", source=PUSHING),
    Feature("platform_return_share_90d", "transaction", per_declaration(RETURNS, PLATFORM, 90), "平台近90日退货率", "Goods returned per declaration on the platform in 90 days", "share", 0, "platform", source=CLOSED_PLATFORM),
    Feature("producer_enterprises_365d", "transaction", Number(distinct(DECLARATIONS, PRODUCER, "enterprise", 365)), "生产企业近365日供货企业数", "Enterprises that declared goods of the producer in 365 days", group="producer", source=SHELL_FACTORY),
    Feature("producer_declarations_365d", "transaction", Number(count(DECLARATIONS, PRODUCER, 365)), "生产企业近365日出口清单数", "Exports of the producer's goods in 365 days", group="producer", sensitive=True, source=SHELL_FACTORY),
    Feature("firm_goods_declarations_365d", "transaction", Number(count(DECLARATIONS, FIRM_GOODS, 365)), "企业近365日申报该商品次数", "Earlier declarations of these goods by the enterprise in 365 days", group="firm_goods", source=SWITCHING),
    Feature("firm_goods_share_365d", "transaction", Ratio(count(DECLARATIONS, FIRM_GOODS, 365), count(DECLARATIONS, ENTERPRISE, 365)), "该商品占企业近365日清单比重", "Share of these goods in the enterprise's declarations of 365 days", "share", 0, "firm_goods", source=SWITCHING),
    Feature("firm_port_share_365d", "logistics", Ratio(count(DECLARATIONS, FIRM_PORT, 365), count(DECLARATIONS, ENTERPRISE, 365)), "该口岸占企业近365日清单比重", "Share of this port in the enterprise's declarations of 365 days", "share", 0, "firm_port", source=OFF_SITE),
)  # fmt: skip

WAYBILL_HISTORY = (
    Feature("waybill_declared_before_180d", "logistics", Number(count(DECLARATIONS, WAYBILL, 180)), "该运单近180日已申报次数", "Earlier declarations of the waybill in 180 days", "number", 1, "waybill", source=REPEATED_WAYBILL),
    Feature("waybill_finished_before_180d", "logistics", Number(count(JOURNEYS_ENDED, WAYBILL, 180)), "申报前该运单已离境或签收次数", "Departures and deliveries of the waybill before this declaration", "number", 1, "waybill", source=REPEATED_WAYBILL),
    Feature("waybill_arrivals_180d", "logistics", Number(count(ARRIVALS, WAYBILL, 180)), "该运单运抵记录数", "Arrivals reported of the waybill", group="waybill_arrival", actionable=True, source=EMPTY_CONTAINER),
    Feature("waybill_mass_180d", "logistics", Number(total(WAYBILLS, WAYBILL, "gross_mass_g", 180)), "运单毛重", "Gross mass on the waybill", "kg", 0, "mass", source=BOUGHT_WAYBILLS),
)  # fmt: skip

PARTIES = (*HISTORIES, *PERSONS, *FIRMS, *WAYBILL_HISTORY)
