"""Where features come from: typologies, articles, sections of the plan, standards."""

from features.typologies import typology

IDENTITY_THEFT, FABRICATED, SPLITTING, PUSHING, UNDER_VALUATION, VIRTUAL_PAYMENT, BOUGHT_WAYBILLS, RESALE, CLOSED_PLATFORM = (
    typology(code).source
    for code in (
        "identity_theft", "fabricated_documents", "order_splitting", "order_pushing", "under_valuation", "virtual_payment",
        "bought_waybills", "bonded_resale", "closed_platform",
    )
)  # fmt: skip
(
    BOUGHT_DECLARATIONS, OVER_VALUATION, EMPTY_CONTAINER, SWITCHING, SHELL_FACTORY, BACKFLOW, SETTLEMENT_GAP, OFF_SITE,
    REPEATED_WAYBILL, FAKE_ORDERS, REBATES,
) = (
    typology(code).source
    for code in (
        "bought_declarations", "over_valuation", "empty_container", "product_switching", "shell_factory", "fund_backflow",
        "settlement_gap", "off_site_port", "repeated_waybill", "fake_orders", "rebate_velocity",
    )
)  # fmt: skip
NEW_FIRM, DORMANT, PHOENIX = (typology(code).source for code in ("new_firm_burst", "dormant_burst", "phoenix"))

ORDER_282 = "GACC Order 282 (海关总署令第282号)"
MATCHING_RULE = "GACC announcement 2018/194 (海关总署公告2018年第194号)"
RETAIL_LIMITS = "Caiguanshui 2016/18 and 2018/49 (财关税〔2016〕18号、〔2018〕49号)"
CREDIT_RULE = "State Council General Office document 2020/49 (国办发〔2020〕49号)"
SELECTIVITY = "WTO Trade Facilitation Agreement art. 7.4: risk management"
STANDARD = "e-commerce credit standards GB/T 26841, GB/T 36314, GB/T 39053: basic and operating data"
PLAN_11 = "plan section 11: credit evaluation (archive)"
PLAN_13 = "plan section 13: risk control"
PLAN_16 = "plan section 16: supervision (traceable source)"
