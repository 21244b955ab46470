"""Funds 资金 and settlement 结汇: whether what is paid, received, settled and refunded agrees with what is declared."""

from features.definitions import Feature
from features.forms import DaysSince, Ratio
from features.measures import Measure
from features.themes.common import (
    DECLARATIONS,
    ENTERPRISE,
    EXPORTS,
    ORDERS,
    PAYMENTS,
    PERSONAL_RECEIPTS,
    REBATES,
    RECEIPTS,
    SETTLEMENTS,
    count,
    distinct,
    part_of,
    per_declaration,
    total,
)  # fmt: skip
from features.themes.sources import (
    BACKFLOW,
    IDENTITY_THEFT,
    OVER_VALUATION,
    SETTLEMENT_GAP,
    VIRTUAL_PAYMENT,
)
from features.themes.sources import REBATES as REBATES_SOURCE

FUNDS = (
    Feature("paid_over_ordered_90d", "funds", Ratio(total(PAYMENTS, ENTERPRISE, "paid_fen", 90), total(ORDERS, ENTERPRISE, "total_fen", 90)), "企业近90日支付额与订单额之比", "Paid over ordered amount of the enterprise in 90 days", "share", 0, "payment_match", actionable=True, source=VIRTUAL_PAYMENT),
    Feature("paid_mismatch_share_90d", "funds", per_declaration(DECLARATIONS, ENTERPRISE, 90, "match_paid_equals_order"), "企业近90日支付金额与订单不符的清单占比", "Share of the enterprise's declarations of 90 days whose payment differs from the order", "share", 0, "payment_match", actionable=True, source=VIRTUAL_PAYMENT),
    Feature("payments_per_payer_30d", "funds", Ratio(count(PAYMENTS, ENTERPRISE, 30), distinct(PAYMENTS, ENTERPRISE, "payer", 30)), "企业近30日每位支付人支付笔数", "Payments to the enterprise per payer in 30 days", "number", 0, "payers", source=VIRTUAL_PAYMENT),
    Feature("payers_over_buyers_30d", "funds", Ratio(distinct(PAYMENTS, ENTERPRISE, "payer", 30), distinct(DECLARATIONS, ENTERPRISE, "buyer", 30)), "企业近30日支付人与订购人之比", "Payers per buyer of the enterprise in 30 days", "number", 0, "payers", source=VIRTUAL_PAYMENT),
    Feature("other_payer_share_90d", "funds", per_declaration(DECLARATIONS, ENTERPRISE, 90, "match_payer_is_buyer"), "企业近90日支付人非订购人的清单占比", "Share of the enterprise's declarations of 90 days paid by somebody else than the buyer", "share", 0, "payers", source=IDENTITY_THEFT),
    Feature("personal_receipt_share_90d", "funds", Ratio(count(PERSONAL_RECEIPTS, ENTERPRISE, 90), count(RECEIPTS, ENTERPRISE, 90)), "企业近90日个人账户收款占比", "Share of the enterprise's receipts of 90 days that came from personal accounts", "share", 0, "receipts", actionable=True, source=BACKFLOW),
    Feature("receipts_over_exports_90d", "funds", Ratio(total(RECEIPTS, ENTERPRISE, "paid_fen", 90), total(EXPORTS, ENTERPRISE, "declared_value_fen", 90)), "企业近90日收款额与出口申报值之比", "Funds received by the enterprise over its exports declared in 90 days", "share", 0, "receipts", actionable=True, source=SETTLEMENT_GAP),
)  # fmt: skip

_REBATES_365 = total(REBATES, ENTERPRISE, "amount_fen", 365)
SETTLEMENT = (
    Feature("settled_over_declared_365d", "settlement", Ratio(total(SETTLEMENTS, ENTERPRISE, "amount_fen", 365), total(DECLARATIONS, ENTERPRISE, "declared_value_fen", 365)), "企业近365日结汇额与申报值之比", "The enterprise's settled over declared value in 365 days", "share", 0, "settlement_gap", actionable=True, source=SETTLEMENT_GAP),
    Feature("settled_over_received_365d", "settlement", Ratio(total(SETTLEMENTS, ENTERPRISE, "amount_fen", 365), total(PAYMENTS, ENTERPRISE, "paid_fen", 365)), "企业近365日结汇额与收付款额之比", "The enterprise's settled amount over what it was paid in 365 days", "share", 0, "settlement_gap", actionable=True, source=BACKFLOW),
    Feature("days_since_settlement", "settlement", DaysSince(Measure("since", SETTLEMENTS, ENTERPRISE)), "企业距上次结汇天数", "Days since the enterprise's last FX settlement", "days", 0, "settlement_rhythm", actionable=True, source=SETTLEMENT_GAP),
    Feature("rebate_over_exports_365d", "settlement", Ratio(_REBATES_365, total(EXPORTS, ENTERPRISE, "declared_value_fen", 365)), "企业近365日退税额与出口申报值之比", "The enterprise's tax rebates over its exports declared in 365 days", "share", 0, "rebates", source=OVER_VALUATION),
    Feature("rebate_share_90d", "settlement", part_of(REBATES, ENTERPRISE, 90, 365, "amount_fen"), "企业近90日退税额占近365日比重", "Share of the enterprise's tax rebates of 365 days paid in the last 90", "share", 0, "rebates", source=REBATES_SOURCE),
)  # fmt: skip
