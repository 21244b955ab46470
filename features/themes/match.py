"""The match of list, order, payment and waybill (三单对碰): what the shipment's documents say, and how often the firm's differ."""

from typing import Literal

from data.matching import BY_CODE
from features.definitions import Feature
from features.forms import Fact, Number
from features.measures import Stream
from features.themes.common import DECLARATIONS, ENTERPRISE, PLATFORM, per_declaration, total
from features.themes.sources import (
    BOUGHT_WAYBILLS,
    MATCHING_RULE,
    SWITCHING,
    UNDER_VALUATION,
    VIRTUAL_PAYMENT,
)

MATCHES = Stream("late_matches", "match")
_FILED = frozenset(("order", "payment", "waybill"))
_CHECKED = (
    "payer_is_buyer", "consignee", "consignee_telephone", "consignee_address", "buyer_list_order", "waybill_joins",
    "lines_map", "line_names", "retail_transaction_limit", "annual_limit", "export_waybill_repeat",
)  # fmt: skip


def _flag(code: str) -> Feature:
    """Whether one check differs. What the law demands may only raise the risk; a lawful difference may mean anything."""
    check, name = BY_CODE[code], f"match_{code}"
    direction: Literal[0, 1] = 1 if check.severity == "mandatory" else 0
    # a document can be filed; what the list states alone, or a history says, could only be declared anew
    is_filed = not _FILED.isdisjoint(check.needs)
    return Feature(
        name,
        "match",
        Fact(name),
        check.zh,
        check.en,
        "check",
        direction,
        name,
        actionable=is_filed,
        source=check.source,
    )


MATCH = (
    Feature("match_failed", "match", Fact("match_failed"), "三单对碰不符项数", "Mandatory document checks that differ", "number", 1, "match_failed", actionable=True, source=MATCHING_RULE),
    Feature("match_missing", "match", Fact("match_missing"), "三单对碰缺失项数", "Document checks without a document or value", "number", 0, "match_missing", actionable=True, source=MATCHING_RULE),
    Feature("match_paid_gap", "match", Fact("match_paid_gap_permille"), "支付额与订单额之差", "Paid against ordered amount", "permille", 0, "match_paid", actionable=True, source=VIRTUAL_PAYMENT),
    Feature("match_value_gap", "match", Fact("match_value_gap_permille"), "订单商品价格与申报价值之差", "Goods value of the order against declared value", "permille", 0, "match_value", actionable=True, source=UNDER_VALUATION),
    Feature("match_mass_gap", "match", Fact("match_mass_gap_permille"), "运单毛重与申报毛重之差", "Waybill against declared gross mass", "permille", 0, "match_mass", actionable=True, source=BOUGHT_WAYBILLS),
    *(_flag(code) for code in _CHECKED),
    Feature("platform_match_failed_90d", "match", per_declaration(DECLARATIONS, PLATFORM, 90, "match_failed"), "平台近90日每单三单对碰不符项数", "Document checks that differ per declaration on the platform in 90 days", "number", 0, "platform_match", source=MATCHING_RULE),
)  # fmt: skip

ENTERPRISE_MATCH = (
    Feature("match_failed_90d", "match", per_declaration(DECLARATIONS, ENTERPRISE, 90, "match_failed"), "企业近90日每单三单对碰不符项数", "Document checks that differ per declaration of the enterprise in 90 days", "number", 1, "enterprise_match", actionable=True, source=MATCHING_RULE),
    Feature("match_missing_90d", "match", per_declaration(DECLARATIONS, ENTERPRISE, 90, "match_missing"), "企业近90日每单三单对碰缺失项数", "Document checks without their document per declaration of the enterprise in 90 days", "number", 0, "enterprise_match", actionable=True, source=MATCHING_RULE),
    Feature("value_mismatch_share_90d", "match", per_declaration(DECLARATIONS, ENTERPRISE, 90, "match_goods_value"), "企业近90日申报价值与订单不符的清单占比", "Share of the enterprise's declarations of 90 days whose value is not that of the order", "share", 0, "enterprise_value_match", actionable=True, source=UNDER_VALUATION),
    Feature("line_name_mismatch_share_90d", "match", per_declaration(DECLARATIONS, ENTERPRISE, 90, "match_line_names"), "企业近90日商品名称与订单不一致的清单占比", "Share of the enterprise's declarations of 90 days that name other goods than the order", "share", 0, "enterprise_lines_match", actionable=True, source=SWITCHING),
    Feature("late_match_failed_90d", "match", Number(total(MATCHES, ENTERPRISE, "match_failed", 90)), "企业近90日补到单证后仍不符项数", "Document checks of the enterprise that differ after late documents in 90 days", "number", 1, "enterprise_late_match", actionable=True, source=MATCHING_RULE),
)  # fmt: skip
