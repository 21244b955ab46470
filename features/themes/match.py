"""The match of list, order, payment and waybill (三单对碰): what the shipment's documents say, and how often the firm's differ."""

from dataclasses import replace

from data.matching import BY_CODE
from features.definitions import Feature
from features.forms import Fact, Number, Ratio
from features.measures import Stream
from features.themes.common import DECLARATIONS, ENTERPRISE, PLATFORM, count, total

MATCHES = Stream("late_matches", "match")
_CHECKED = (
    "payer_is_buyer", "consignee", "consignee_telephone", "consignee_address", "buyer_list_order", "waybill_joins", "line_names",
    "retail_transaction_limit", "annual_limit", "export_waybill_repeat",
)  # fmt: skip


def _flag(code: str) -> Feature:
    """Whether one check differs."""
    check, name = BY_CODE[code], f"match_{code}"
    feature = Feature(name, "match", Fact(name), check.zh, check.en, "check", 1, name)
    return replace(feature, direction=0) if check.severity == "indicative" else feature


MATCH = (
    Feature("match_failed", "match", Fact("match_failed"), "三单对碰不符项数", "Mandatory document checks that differ", "number", 1, "match_failed"),
    Feature("match_missing", "match", Fact("match_missing"), "三单对碰缺失项数", "Document checks without a document or value", "number", 0, "match_missing"),
    Feature("match_paid_gap", "match", Fact("match_paid_gap_permille"), "支付额与订单额之差", "Paid against ordered amount", "permille", 0, "match_paid"),
    Feature("match_value_gap", "match", Fact("match_value_gap_permille"), "订单商品价格与申报价值之差", "Goods value of the order against declared value", "permille", 0, "match_value"),
    Feature("match_mass_gap", "match", Fact("match_mass_gap_permille"), "运单毛重与申报毛重之差", "Waybill against declared gross mass", "permille", 0, "match_mass"),
    *(_flag(code) for code in _CHECKED),
    Feature("platform_match_failed_90d", "match", Ratio(total(DECLARATIONS, PLATFORM, "match_failed", 90), count(DECLARATIONS, PLATFORM, 90)), "平台近90日每单三单对碰不符项数", "Document checks that differ per declaration on the platform in 90 days", "number", 0, "platform_match"),
)  # fmt: skip

ENTERPRISE_MATCH = (
    Feature("match_failed_90d", "match", Ratio(total(DECLARATIONS, ENTERPRISE, "match_failed", 90), count(DECLARATIONS, ENTERPRISE, 90)), "企业近90日每单三单对碰不符项数", "Document checks that differ per declaration in 90 days", "number", 1, "enterprise_match"),
    Feature("match_missing_90d", "match", Ratio(total(DECLARATIONS, ENTERPRISE, "match_missing", 90), count(DECLARATIONS, ENTERPRISE, 90)), "企业近90日每单三单对碰缺失项数", "Document checks without their document per declaration in 90 days", "number", 0, "enterprise_match"),
    Feature("late_match_failed_90d", "match", Number(total(MATCHES, ENTERPRISE, "match_failed", 90)), "企业近90日补到单证后仍不符项数", "Document checks that differ after late documents in 90 days", "number", 1, "enterprise_late_match"),
)  # fmt: skip
