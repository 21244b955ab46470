"""Logistics 物流: whether waybills, masses, addresses and offices of the enterprise agree with its declarations."""

from features.definitions import Feature
from features.forms import Number, Ratio
from features.themes.common import DECLARATIONS, ENTERPRISE, EXPORTS, WAYBILLS, distinct, per_declaration, total
from features.themes.sources import BOUGHT_WAYBILLS, EMPTY_CONTAINER, OFF_SITE, REPEATED_WAYBILL, SPLITTING

LOGISTICS = (
    Feature("waybills_over_declarations_90d", "logistics", per_declaration(WAYBILLS, ENTERPRISE, 90), "企业近90日运单与清单之比", "Waybills per declaration of the enterprise in 90 days", "number", 0, "waybill_match", actionable=True, source=BOUGHT_WAYBILLS),
    Feature("waybill_mismatch_share_90d", "logistics", per_declaration(DECLARATIONS, ENTERPRISE, 90, "match_waybill_joins"), "企业近90日运单与清单、订单不对应的清单占比", "Share of the enterprise's declarations of 90 days whose waybill belongs to another trade", "share", 0, "waybill_match", actionable=True, source=BOUGHT_WAYBILLS),
    Feature("waybill_repeats_90d", "logistics", Number(total(EXPORTS, ENTERPRISE, "match_export_waybill_repeat", 90)), "企业近90日运单编号重复的出口清单数", "Exports of the enterprise in 90 days under a waybill number used before", "number", 1, "waybill_repeat", actionable=True, source=REPEATED_WAYBILL),
    Feature("waybill_mass_over_declared_90d", "logistics", Ratio(total(WAYBILLS, ENTERPRISE, "gross_mass_g", 90), total(DECLARATIONS, ENTERPRISE, "gross_mass_g", 90)), "企业近90日运单毛重与申报毛重之比", "Waybill over declared gross mass of the enterprise in 90 days", "share", 0, "mass_match", actionable=True, source=EMPTY_CONTAINER),
    Feature("addresses_per_declaration_30d", "logistics", Ratio(distinct(DECLARATIONS, ENTERPRISE, "consignee_address", 30), per_declaration(DECLARATIONS, ENTERPRISE, 30).lower), "企业近30日收货地址与清单之比", "Delivery addresses per declaration of the enterprise in 30 days", "share", 0, "addresses", source=SPLITTING),
    Feature("telephones_per_declaration_30d", "logistics", Ratio(distinct(DECLARATIONS, ENTERPRISE, "telephone", 30), per_declaration(DECLARATIONS, ENTERPRISE, 30).lower), "企业近30日收货电话与清单之比", "Delivery telephones per declaration of the enterprise in 30 days", "share", 0, "addresses", source=SPLITTING),
    Feature("offices_90d", "logistics", Number(distinct(DECLARATIONS, ENTERPRISE, "customs_office", 90)), "近90日申报的海关数", "Customs offices that the enterprise declared at in 90 days", group="offices", source=OFF_SITE),
)  # fmt: skip
