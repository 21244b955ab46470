"""The typologies of fraud that supervision knows, each with the features that can see it.

A feature sees a typology where its value moves when the typology happens; no feature proves one. What a typology is called here
is also how features name it as their source.
"""

from dataclasses import dataclass
from typing import Literal

from features.errors import check

Flow = Literal["import", "export", "both"]


@dataclass(frozen=True, slots=True)
class Typology:
    """A way of violating that is known from practice.

    Attributes:
        code: its name in the code, and as inspections name the violation.
        flow: whether it is one of imports, of exports or of both.
        features: names of features that can see it.
    """

    code: str
    flow: Flow
    zh: str
    en: str
    features: tuple[str, ...]

    @property
    def source(self) -> str:
        """The typology as the source of a feature."""
        return f"typology: {self.en} ({self.zh})"


TYPOLOGIES = (
    Typology("identity_theft", "import", "冒用他人身份和额度", "stolen identities and quota", (
        "buyer_names_365d", "buyer_telephones_90d", "buyer_addresses_90d", "buyer_platforms_90d", "buyer_enterprises_90d",
        "buyer_declarations_365d", "telephone_buyers_30d", "match_payer_is_buyer", "other_payer_share_90d",
        "match_buyer_list_order", "buyer_hit_rate_365d",
    )),
    Typology("fabricated_documents", "import", "伪造三单", "fabricated documents", (
        "match_failed", "match_failed_90d", "match_consignee", "match_lines_map", "round_value", "round_value_share_90d",
        "waybill_mismatch_share_90d", "line_name_mismatch_share_90d",
    )),
    Typology("order_splitting", "import", "拆单", "order splitting", (
        "address_buyers_30d", "address_value_30d", "address_near_limit_30d", "telephone_buyers_30d",
        "telephone_declarations_30d", "payer_buyers_30d", "near_limit", "near_limit_share_30d",
        "addresses_per_declaration_30d", "telephones_per_declaration_30d", "payers_over_buyers_30d",
        "buyer_value_with_this_365d", "match_annual_limit", "value_score_enterprise_90d", "address_hit_rate_365d",
        "telephone_hit_rate_365d", "buyers_30d",
    )),
    Typology("order_pushing", "import", "推单", "order pushing", (
        "platform_age_days", "platform_declarations_30d", "platform_enterprises_90d", "platform_burst_7d_over_90d",
        "buyer_platforms_90d", "platforms_90d", "orders_over_declarations_90d",
    )),
    Typology("under_valuation", "import", "低报价格", "under-valuation", (
        "price_score_hs_origin_365d", "price_score_firm_goods_365d", "price_score_platform_goods_365d",
        "unit_price_score_hs_origin_365d", "match_value_gap", "match_paid_gap", "value_mismatch_share_90d",
        "declared_over_ordered_90d", "discount_share_90d", "tax_over_import_value_365d", "price_log", "price_spread_90d",
    )),
    Typology("virtual_payment", "import", "虚假支付", "virtual payment", (
        "payer_buyers_30d", "payer_payments_30d", "payer_enterprises_90d", "payments_per_payer_30d",
        "payers_over_buyers_30d", "match_paid_gap", "paid_mismatch_share_90d", "payer_hit_rate_365d",
        "paid_over_ordered_90d",
    )),
    Typology("bought_waybills", "import", "买卖运单号", "bought waybill numbers", (
        "waybill_declared_before_180d", "waybill_finished_before_180d", "match_waybill_joins", "match_mass_gap",
        "match_consignee", "waybills_over_declarations_90d", "waybill_mismatch_share_90d", "waybill_mass_180d",
    )),
    Typology("bonded_resale", "import", "二次销售", "resale of bonded goods", (
        "buyer_declarations_per_hs_90d", "buyer_value_with_this_365d", "declarations_per_buyer_30d",
        "address_declarations_30d", "telephone_declarations_30d",
    )),
    Typology("closed_platform", "import", "境内消费者无法访问的平台", "platform that consumers cannot reach", (
        "platform_age_days", "platform_declarations_30d", "platform_enterprises_90d", "platform_return_share_90d",
        "platform_hit_rate_365d",
    )),
    Typology("bought_declarations", "export", "买单配票", "bought declarations with false invoices", (
        "producer_unknown", "producer_is_other", "unknown_producer_share_90d", "declarants_90d",
        "declarant_enterprises_90d", "firm_goods_declarations_365d", "line_name_mismatch_share_90d",
    )),
    Typology("over_valuation", "export", "低值高报", "over-valuation for rebate", (
        "price_score_hs_origin_365d", "price_score_firm_goods_365d", "unit_price_score_hs_origin_365d",
        "price_score_platform_goods_365d", "settled_over_declared_365d", "rebate_over_exports_365d",
        "receipts_over_exports_90d",
    )),
    Typology("empty_container", "export", "空箱出口", "empty container", (
        "unit_mass_score_hs_origin_365d", "gross_over_net_log", "gross_over_net_score_hs_origin_365d", "match_mass_gap",
        "waybill_mass_over_declared_90d", "waybill_arrivals_180d", "unit_mass_log",
    )),
    Typology("product_switching", "export", "货物调包", "product switching", (
        "firm_goods_declarations_365d", "firm_goods_share_365d", "hs_codes_90d", "match_line_names",
        "unit_mass_score_hs_origin_365d", "line_name_mismatch_share_90d", "firm_goods_hit_rate_365d",
    )),
    Typology("shell_factory", "export", "空壳工厂", "shell factory", (
        "producer_unknown", "unknown_producer_share_90d", "producer_enterprises_365d", "producer_declarations_365d",
    )),
    Typology("fund_backflow", "export", "资金回流", "fund back-flow through personal accounts", (
        "personal_receipt_share_90d", "payer_enterprises_90d", "payer_payments_30d", "receipts_over_exports_90d",
        "settled_over_received_365d",
    )),
    Typology("settlement_gap", "export", "结汇与申报不符", "settlement far from the declared value", (
        "settled_over_declared_365d", "settled_over_received_365d", "days_since_settlement", "receipts_over_exports_90d",
    )),
    Typology("off_site_port", "export", "异地口岸出口", "off-site ports", (
        "firm_port_share_365d", "offices_90d",
    )),
    Typology("repeated_waybill", "export", "运单重复申报", "one waybill declared repeatedly", (
        "waybill_declared_before_180d", "match_export_waybill_repeat", "waybill_repeats_90d",
        "waybill_finished_before_180d",
    )),
    Typology("fake_orders", "export", "刷单", "fake orders", (
        "return_share_90d", "round_value_share_90d", "personal_receipt_share_90d", "burst_7d_over_90d", "match_mass_gap",
        "platform_burst_7d_over_90d",
    )),
    Typology("rebate_velocity", "export", "退税异常增长", "rebates that run ahead", (
        "rebate_share_90d", "rebate_over_exports_365d",
    )),
    Typology("new_firm_burst", "both", "新企业突击申报", "bursts of new firms", (
        "firm_age_days", "burst_7d_over_90d", "burst_30d_over_365d", "value_over_capital_365d", "person_newest_firm_days",
    )),
    Typology("dormant_burst", "both", "长期停滞后突击申报", "a dormant firm that bursts", (
        "burst_7d_over_90d", "burst_30d_over_365d", "declarations_365d",
    )),
    Typology("phoenix", "both", "失信主体借壳重生", "a listed firm under another name", (
        "person_other_listings", "person_closed_firms", "person_newest_firm_days", "person_other_hits_365d",
        "person_other_penalties", "group_other_listings", "group_other_hits_365d",
    )),
)  # fmt: skip

_BY_CODE = {typology.code: typology for typology in TYPOLOGIES}
check(len(_BY_CODE) == len(TYPOLOGIES), "a typology is given twice")


def typology(code: str) -> Typology:
    """A typology by its code."""
    return _BY_CODE[code]
