"""The enterprise's archive: identity, transaction, logistics, funds, settlement, supervision, public credit."""

from features.definitions import Feature
from features.forms import DaysSince, Number, Ratio
from features.measures import Measure, Stream
from features.themes.common import (
    DECLARATIONS,
    ENTERPRISE,
    HITS,
    INSPECTIONS,
    LEVELS,
    ORDERS,
    PAYMENTS,
    REBATES,
    REGISTRATION,
    SETTLEMENTS,
    WAYBILLS,
    count,
    deviation,
    distinct,
    history,
    total,
)  # fmt: skip
from features.themes.match import ENTERPRISE_MATCH


def _public(name: str, *events: str) -> Stream:
    return Stream(name, "public_credit", "event", events)


IDENTITY = (
    Feature("firm_age_days", "identity", DaysSince(Measure("since", REGISTRATION, ENTERPRISE)), "备案时长", "Time since registration", "days", -1, "age"),
    Feature("registered_capital_fen", "identity", Number(Measure("latest", REGISTRATION, ENTERPRISE, "capital_fen")), "注册资本", "Registered capital", "yuan", 0, "capital"),
)  # fmt: skip

TRANSACTION = (
    Feature("declarations_30d", "transaction", Number(count(DECLARATIONS, ENTERPRISE, 30)), "近30日申报清单数", "Declarations in 30 days", group="volume"),
    Feature("declarations_365d", "transaction", Number(count(DECLARATIONS, ENTERPRISE, 365)), "近365日申报清单数", "Declarations in 365 days", group="volume"),
    Feature("declared_value_90d", "transaction", Number(total(DECLARATIONS, ENTERPRISE, "declared_value_fen", 90)), "近90日申报总值", "Declared value in 90 days", "yuan", 0, "volume"),
    Feature("burst_7d_over_90d", "transaction", Ratio(count(DECLARATIONS, ENTERPRISE, 7), count(DECLARATIONS, ENTERPRISE, 90)), "近7日申报占近90日比重", "Share of the last 90 days' declarations made in 7 days", "share", 0, "burst"),
    Feature("declared_over_ordered_90d", "transaction", Ratio(total(DECLARATIONS, ENTERPRISE, "declared_value_fen", 90), total(ORDERS, ENTERPRISE, "goods_value_fen", 90)), "近90日申报值与订单值之比", "Declared over ordered value in 90 days", "share", 0, "value_match"),
    Feature("buyers_30d", "transaction", Number(distinct(DECLARATIONS, ENTERPRISE, "buyer", 30)), "近30日订购人数", "Buyers in 30 days", group="buyers"),
    Feature("declarations_per_buyer_30d", "transaction", Ratio(count(DECLARATIONS, ENTERPRISE, 30), distinct(DECLARATIONS, ENTERPRISE, "buyer", 30)), "近30日每位订购人清单数", "Declarations per buyer in 30 days", "number", 0, "buyers"),
    Feature("hs_codes_90d", "transaction", Number(distinct(DECLARATIONS, ENTERPRISE, "hs6", 90)), "近90日商品编码数", "HS codes in 90 days", group="assortment"),
)  # fmt: skip

LOGISTICS = (
    Feature("waybills_over_declarations_90d", "logistics", Ratio(count(WAYBILLS, ENTERPRISE, 90), count(DECLARATIONS, ENTERPRISE, 90)), "近90日运单与清单之比", "Waybills per declaration in 90 days", "number", 0, "waybill_match"),
    Feature("declarations_per_waybill_90d", "logistics", Ratio(count(DECLARATIONS, ENTERPRISE, 90), distinct(DECLARATIONS, ENTERPRISE, "waybill_no", 90)), "近90日每张运单清单数", "Declarations per waybill in 90 days", "number", 0, "waybill_match"),
    Feature("addresses_per_declaration_30d", "logistics", Ratio(distinct(DECLARATIONS, ENTERPRISE, "consignee_address", 30), count(DECLARATIONS, ENTERPRISE, 30)), "近30日收货地址与清单之比", "Delivery addresses per declaration in 30 days", "share", 0, "addresses"),
    Feature("waybill_mass_over_declared_90d", "logistics", Ratio(total(WAYBILLS, ENTERPRISE, "gross_mass_g", 90), total(DECLARATIONS, ENTERPRISE, "gross_mass_g", 90)), "近90日运单毛重与申报毛重之比", "Waybill over declared gross mass in 90 days", "share", 0, "mass_match"),
)  # fmt: skip

FUNDS = (
    Feature("paid_over_ordered_90d", "funds", Ratio(total(PAYMENTS, ENTERPRISE, "paid_fen", 90), total(ORDERS, ENTERPRISE, "total_fen", 90)), "近90日支付额与订单额之比", "Paid over ordered amount in 90 days", "share", 0, "payment_match"),
    Feature("payments_per_payer_30d", "funds", Ratio(count(PAYMENTS, ENTERPRISE, 30), distinct(PAYMENTS, ENTERPRISE, "payer", 30)), "近30日每位支付人支付笔数", "Payments per payer in 30 days", "number", 0, "payers"),
    Feature("payers_over_buyers_30d", "funds", Ratio(distinct(PAYMENTS, ENTERPRISE, "payer", 30), distinct(DECLARATIONS, ENTERPRISE, "buyer", 30)), "近30日支付人与订购人之比", "Payers per buyer in 30 days", "number", 0, "payers"),
)  # fmt: skip

SETTLEMENT = (
    Feature("settled_over_declared_365d", "settlement", Ratio(total(SETTLEMENTS, ENTERPRISE, "amount_fen", 365), total(DECLARATIONS, ENTERPRISE, "declared_value_fen", 365)), "近365日结汇额与申报值之比", "Settled over declared value in 365 days", "share", 0, "settlement_gap"),
    Feature("days_since_settlement", "settlement", DaysSince(Measure("since", SETTLEMENTS, ENTERPRISE)), "距上次结汇天数", "Days since the last settlement", "days", 0, "settlement_gap"),
    Feature("rebate_over_declared_365d", "settlement", Ratio(total(REBATES, ENTERPRISE, "amount_fen", 365), total(DECLARATIONS, ENTERPRISE, "declared_value_fen", 365)), "近365日退税额与申报值之比", "Rebates over declared value in 365 days", "share", 0, "rebates"),
)  # fmt: skip

SUPERVISION = (
    *history(ENTERPRISE, "企业", "the enterprise", (90, 365)),
    Feature("hits_365d", "supervision", Number(count(HITS, ENTERPRISE, 365)), "企业近365日查获次数", "Hits of the enterprise in 365 days", "number", 1, "enterprise_inspections"),
    Feature("inspected_share_365d", "supervision", Ratio(count(INSPECTIONS, ENTERPRISE, 365), count(DECLARATIONS, ENTERPRISE, 365)), "企业近365日查验率", "Share of declarations inspected in 365 days", "share", 0, "enterprise_inspections"),
    Feature("days_since_hit", "supervision", DaysSince(Measure("since", HITS, ENTERPRISE)), "距上次查获天数", "Days since the last hit", "days", 0, "enterprise_inspections"),
    Feature("duty_recovered_365d", "supervision", Number(total(HITS, ENTERPRISE, "duty_recovered_fen", 365)), "近365日追补税款", "Duty recovered in 365 days", "yuan", 1, "enterprise_inspections"),
    Feature("statutory_level", "supervision", Number(Measure("latest", LEVELS, ENTERPRISE, "level_rank")), "法定信用等级", "Statutory credit level", "level", 1, "statutory_level"),
)  # fmt: skip

_ALL_PENALTIES = _public("public_penalties", "penalty")
_ARREARS = _public("arrears", "tax_arrears")
PUBLIC_CREDIT = (
    Feature("public_penalties", "public_credit", Number(count(_ALL_PENALTIES, ENTERPRISE)), "有效行政处罚数", "Administrative penalties in force", "number", 1, "public_penalties"),
    Feature("public_penalty_amount", "public_credit", Number(total(_ALL_PENALTIES, ENTERPRISE, "amount_fen")), "有效处罚金额", "Amount of penalties in force", "yuan", 1, "public_penalties"),
    Feature("tax_arrears", "public_credit", Number(count(_ARREARS, ENTERPRISE)), "有效欠税记录数", "Tax arrears in force", "number", 1, "arrears"),
    Feature("court_judgments", "public_credit", Number(count(_public("judgments", "court_judgment", "abnormal_operation", "listing"), ENTERPRISE)), "有效司法与异常记录数", "Judgments and abnormal entries in force", "number", 1, "judgments"),
    Feature("awards_365d", "public_credit", Number(count(_public("awards", "award", "permit"), ENTERPRISE, 365)), "近365日荣誉与许可数", "Awards and permits in 365 days", "number", -1, "awards"),
)  # fmt: skip

PRICE_SPREAD = (
    Feature("price_spread_90d", "price", deviation(DECLARATIONS, ENTERPRISE, "price_log", 90), "企业近90日单价离散度", "Spread of the enterprise's prices in 90 days", "milli_log", 0, "price_spread"),
)  # fmt: skip

ARCHIVE = (
    *IDENTITY,
    *TRANSACTION,
    *LOGISTICS,
    *FUNDS,
    *SETTLEMENT,
    *SUPERVISION,
    *PUBLIC_CREDIT,
    *PRICE_SPREAD,
    *ENTERPRISE_MATCH,
)
