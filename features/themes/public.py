"""Feature sets for the two public data sets: the same language over the keys that those registers have."""

from features.definitions import Feature
from features.forms import Category, Fact, Number, Ratio
from features.measures import Key, Measure, Stream
from features.themes.common import (
    DECLARANT,
    DECLARATIONS,
    ENTERPRISE,
    HITS,
    HS4,
    HS6,
    HS_ORIGIN,
    INSPECTIONS,
    ROUTE,
    SELLER,
    count,
    history,
    price_score,
)

CONSIGNMENT = Key("consignment", ("hs6", "departure", "origin", "tax_rate_bp", "tax_type", "net_mass_g"))
_GOODS_AND_TAX = Key("goods_and_tax", ("hs6", "departure", "origin", "tax_rate_bp", "tax_type"))
_GOODS_AND_MASS = Key("goods_and_mass", ("hs6", "net_mass_g"))
_TAX = Key("tax", ("tax_type", "tax_rate_bp"))
_OFFICE = Key("office", ("customs_office",))
_CRITICAL = Stream("critical_frauds", "supervision", "violation", ("critical_fraud",))


def _critical_share(key: Key, zh: str, en: str) -> Feature:
    """The part of inspections under a key that found a critical fraud; hit rates alone can not tell one fraud from another."""
    share = Ratio(count(_CRITICAL, key), count(INSPECTIONS, key))
    return Feature(f"{key.name}_critical_rate_ever", "supervision", share, f"{zh}历来重大违规率", f"Critical frauds of {en} to date", "share", 0, f"{key.name}_inspections")  # fmt: skip


def _code(name: str, field: str, zh: str, en: str) -> Feature:
    return Feature(name, "shipment", Category(field), zh, en, "code", 0, name)


KOREA = (
    _code("customs_office", "customs_office", "申报海关", "Customs office"),
    _code("process_type", "trait_process_type", "通关类型", "Process type"),
    _code("import_type", "trait_import_type", "进口类型", "Import type"),
    _code("import_use", "trait_import_use", "进口用途", "Import use"),
    _code("payment_type", "trait_payment_type", "支付类型", "Payment type"),
    _code("transport_mode", "transport_mode", "运输方式", "Transport mode"),
    _code("tax_type", "tax_type", "税种", "Tax type"),
    _code("origin_mark", "trait_origin_mark", "原产地标识", "Origin mark"),
    _code("origin", "origin", "原产国", "Country of origin"),
    _code("departure", "departure", "启运国", "Country of departure"),
    _code("hs_chapter", "hs2", "商品章", "HS chapter"),
    Feature("tax_rate_bp", "shipment", Fact("tax_rate_bp"), "税率", "Tax rate", "percent", 0, "tax"),
    Feature("value_log", "shipment", Fact("value_log"), "申报价值", "Declared value", "milli_log", 0, "value"),
    Feature("mass_log", "shipment", Fact("mass_log"), "净重", "Net mass", "milli_log", 0, "mass"),
    Feature("price_log", "price", Fact("price_log"), "每克单价", "Price per gram", "milli_log", 0, "price"),
    *history(CONSIGNMENT, "相同货物组合", "identical consignments", (None,)),
    *history(_GOODS_AND_TAX, "同商品同税项", "the same goods under the same tax", (None,)),
    *history(_GOODS_AND_MASS, "同商品同重量", "the same goods of the same mass", (None,)),
    *history(HS6, "同商品", "these goods", (None,)),
    *history(HS4, "同品目", "goods of this heading", (None,)),
    *history(HS_ORIGIN, "同商品同产地", "these goods from this origin", (None,)),
    *history(ROUTE, "该路线", "this route", (None,)),
    *history(_TAX, "该税项", "this tax", (None,)),
    *history(_OFFICE, "该海关", "this office", (None,)),
    *history(DECLARANT, "申报人", "the declarant", (None,)),
    *history(ENTERPRISE, "进口企业", "the importer", (None,)),
    *history(SELLER, "境外卖方", "the seller", (None,)),
    _critical_share(CONSIGNMENT, "相同货物组合", "identical consignments"),
    _critical_share(_GOODS_AND_TAX, "同商品同税项", "the same goods under the same tax"),
    _critical_share(_GOODS_AND_MASS, "同商品同重量", "the same goods of the same mass"),
    _critical_share(HS6, "同商品", "these goods"),
    price_score("price_score_hs_origin", "price_log", HS_ORIGIN, "单价偏离同商品同产地历史", "Price against the history of these goods from this origin", None),
    price_score("price_score_hs", "price_log", HS6, "单价偏离同商品历史", "Price against the history of these goods", None),
    Feature("declarant_declarations_30d", "transaction", Number(count(DECLARATIONS, DECLARANT, 30)), "申报人近30日申报数", "Declarations of the declarant in 30 days", group="declarant_volume"),
)  # fmt: skip

_COUNTRY = Key("country", ("departure",))
_SITE = Key("site", ("platform",))
_VENDOR_COUNTRY = Key("vendor_country", ("seller", "departure"))
_PROJECT = Key("project", ("trait_project",))
_MODE = Key("country_mode", ("departure", "transport_mode"))
_FULFILMENT = Key("fulfilment", ("trait_fulfilment",))
_PRODUCT = Key("product", ("trait_brand", "trait_molecule"))
_ORDER = Key("order", ("order_no",))
_WINDOWS = (30, 90, 365, None)


def _same_day(key: Key, zh: str, en: str) -> Feature:
    """Deliveries due on the same day that are recorded already, under a key: what of an order is not there yet stands out."""
    due = Key(f"{key.name}_due", (*key.fields, "trait_due"))
    return Feature(f"{key.name}_due_recorded", "logistics", Number(count(INSPECTIONS, due)), f"{zh}同日应交且已交货数", f"Deliveries of {en} due on the same day and recorded already", group="due_recorded")  # fmt: skip


SCMS = (
    _code("project", "trait_project", "项目", "Project"),
    _code("country", "departure", "目的国", "Country of delivery"),
    _code("managed_by", "trait_managed_by", "管理方", "Managed by"),
    _code("fulfilment", "trait_fulfilment", "履约方式", "Fulfilment"),
    _code("incoterm", "trait_incoterm", "贸易术语", "INCO term"),
    _code("transport_mode", "transport_mode", "运输方式", "Transport mode"),
    _code("product_group", "trait_product_group", "产品组", "Product group"),
    _code("sub_class", "trait_sub_class", "产品分类", "Sub classification"),
    _code("vendor", "seller", "供应商", "Vendor"),
    _code("site", "platform", "生产厂", "Manufacturing site"),
    _code("molecule", "trait_molecule", "成分或检测类型", "Molecule or test"),
    _code("brand", "trait_brand", "品牌", "Brand"),
    _code("dosage_form", "trait_dosage_form", "剂型", "Dosage form"),
    _code("first_line", "trait_first_line", "一线药物", "First-line designation"),
    Feature("value_log", "shipment", Fact("value_log"), "货值", "Value", "milli_log", 0, "value"),
    Feature("quantity", "shipment", Fact("quantity"), "数量", "Quantity", "number", 0, "quantity"),
    Feature("mass_log", "shipment", Fact("mass_log"), "重量", "Mass", "milli_log", 0, "mass"),
    Feature("unit_price_log", "price", Fact("unit_price_log"), "单价", "Unit price", "milli_log", 0, "price"),
    *history(SELLER, "供应商", "the vendor", _WINDOWS),
    *history(_COUNTRY, "目的国", "the country", _WINDOWS),
    *history(_SITE, "生产厂", "the manufacturing site", _WINDOWS),
    *history(_VENDOR_COUNTRY, "供应商对该国", "the vendor to this country", _WINDOWS),
    *history(_PROJECT, "项目", "the project", _WINDOWS),
    *history(_MODE, "该国该运输方式", "this mode to this country", _WINDOWS),
    *history(_FULFILMENT, "履约方式", "this fulfilment", _WINDOWS),
    *history(_PRODUCT, "该产品", "this product", _WINDOWS),
    *history(_ORDER, "该订单", "this order", (30, None)),
    _same_day(SELLER, "供应商", "the vendor"),
    _same_day(_COUNTRY, "目的国", "the country"),
    _same_day(_SITE, "生产厂", "the manufacturing site"),
    _same_day(_PROJECT, "项目", "the project"),
    _same_day(_ORDER, "该订单", "this order"),
    Feature("vendor_orders_ever", "transaction", Number(Measure("distinct", INSPECTIONS, SELLER, "order_no")), "供应商历来订单数", "Orders of the vendor to date", group="vendor_volume"),
    Feature("vendor_late_per_order_365d", "supervision", Ratio(count(HITS, SELLER, 365), Measure("distinct", INSPECTIONS, SELLER, "order_no", days=365)), "供应商近365日每订单迟交数", "Late deliveries of the vendor per order in 365 days", "number", 0, "seller_inspections"),
)  # fmt: skip
