"""The checks of three-document matching (三单对碰), each declared once: its texts, source, documents, scope and rule."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from data.matching import rules
from data.matching.comparisons import Found, Trade
from data.payloads import Direction

Document = Literal["list", "order", "payment", "waybill", "history"]
"""What a check looks at. The `history` of a buyer or a waybill number is an argument, not a document of the trade."""
Severity = Literal["mandatory", "indicative"]
"""`mandatory`: the law demands it. `indicative`: there are lawful reasons to differ."""
Unit = Literal["permille", "fen", "g", "count"]
Scope = frozenset[tuple[str, str]]
"""Pairs of direction and supervision mode; the mode is empty where a list does not state it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check of one trade.

    Arguments:
        code: its name in results, features and documentation.
        zh, en: what it demands.
        source: where the demand comes from.
        needs: the documents that it looks at.
        scope: the directions and modes to which it applies.
        severity: see `Severity`.
        unit: of the difference; None where it has none.
        gap: the name of the feature `match_<gap>_gap_permille`, for checks whose difference is in permille.
        rule: the pure function.
    """

    code: str
    zh: str
    en: str
    source: str
    needs: tuple[Document, ...]
    scope: Scope
    severity: Severity = "mandatory"
    unit: Unit | None = None
    gap: str | None = None
    rule: Callable[[Trade], Found] = field(repr=False)


def _scope(direction: Direction, *modes: str) -> Scope:
    return frozenset((direction, mode) for mode in modes)


RETAIL_IMPORTS = _scope("import", "9610", "1210", "1239")
IMPORTS = RETAIL_IMPORTS | _scope("import", "")
EXPORTS = _scope("export", "9610", "1210", "1239", "9710", "9810", "")
RECEIVED_EXPORTS = _scope("export", "9610", "1210", "1239", "")
"""Exports to consumers: a receipt of funds belongs to the order. Business exports (9710, 9810) settle apart from it."""
ALL = IMPORTS | EXPORTS
PAID = IMPORTS | RECEIVED_EXPORTS

_LAW = "Caiguanshui 2016/18 and 2018/49 (财关税〔2016〕18号、〔2018〕49号)"
_MATCHING = "GACC announcement 2018/194 (海关总署公告2018年第194号): order, payment and waybill against the list"
_MESSAGES = "CEB message specification, announcement 2018/113"

CHECKS: tuple[Check, ...] = (
    Check(
        code="order_known", zh="已收到订单", en="The order is there",
        source=_MATCHING, needs=("list", "order"), scope=ALL, rule=rules.order_known,
    ),
    Check(
        code="payment_known", zh="已收到支付单或收款单", en="A payment, or a receipt of funds, is there",
        source=_MATCHING, needs=("list", "payment"), scope=PAID, rule=rules.payment_known,
    ),
    Check(
        code="waybill_known", zh="已收到运单", en="The waybill is there",
        source=_MATCHING, needs=("list", "waybill"), scope=ALL, rule=rules.waybill_known,
    ),
    Check(
        code="order_joins", zh="清单、订单、支付单的订单编号和电商平台一致",
        en="List, order and payments state one order number and one platform",
        source=_MATCHING, needs=("list", "order", "payment"), scope=ALL, rule=rules.order_joins,
    ),
    Check(
        code="waybill_joins", zh="清单与运单的运单编号和物流企业一致，运单的订单编号与订单一致",
        en="List and waybill state one waybill number and one logistics firm; the waybill names this order if any",
        source=_MATCHING, needs=("list", "order", "waybill"), scope=ALL, rule=rules.waybill_joins,
    ),
    Check(
        code="enterprise_joins", zh="清单与订单的电商企业一致", en="List and order name one e-commerce firm",
        source=f"{_MESSAGES}: ebcCode of order and list", needs=("list", "order"), scope=ALL, severity="indicative",
        rule=rules.enterprise_joins,
    ),
    Check(
        code="currency", zh="清单、订单、支付单币制一致", en="List, order and payments are in one currency",
        source=f"{_MESSAGES}: currency", needs=("list", "order", "payment"), scope=ALL, rule=rules.currency,
    ),
    Check(
        code="paid_equals_order", zh="支付金额（多笔合计）等于订单实际支付金额",
        en="What was paid, over all payments, is what the buyer really pays by the order (acturalPaid)",
        source=_MATCHING, needs=("order", "payment"), scope=PAID, unit="permille", gap="paid", rule=rules.paid_equals_order,
    ),
    Check(
        code="order_total", zh="订单实际支付金额 = 商品价格 + 运杂费 + 代扣税款 - 非现金抵扣",
        en="The order's total is goods, freight and tax less the discount",
        source=_MATCHING, needs=("order",), scope=IMPORTS, unit="permille", gap="total", rule=rules.order_total,
    ),
    Check(
        code="consignee", zh="订单与运单的收货人一致", en="Order and waybill name one consignee",
        source=_MATCHING, needs=("order", "waybill"), scope=IMPORTS, rule=rules.consignee,
    ),
    Check(
        code="consignee_telephone", zh="订单与运单的收货人电话一致", en="Order and waybill give one telephone of the consignee",
        source=_MATCHING, needs=("order", "waybill"), scope=IMPORTS, rule=rules.consignee_telephone,
    ),
    Check(
        code="consignee_address", zh="订单与运单的收货地址一致", en="Order and waybill give one address of the consignee",
        source=_MATCHING, needs=("order", "waybill"), scope=IMPORTS, rule=rules.consignee_address,
    ),
    Check(
        code="buyer_list_order", zh="清单与订单的订购人一致", en="List and order name one buyer",
        source=_MATCHING, needs=("list", "order"), scope=IMPORTS, rule=rules.buyer_list_order,
    ),
    Check(
        code="payer_is_buyer", zh="支付人与订购人一致（身份信息已验证的可不一致）",
        en="The payer is the buyer (they may differ where the buyer's identity was verified)",
        source=_MATCHING, needs=("order", "payment"), scope=IMPORTS, severity="indicative", rule=rules.payer_is_buyer,
    ),
    Check(
        code="lines_map", zh="清单每项商品对应订单的一项商品", en="Each line of the list is one line of the order",
        source=_MATCHING, needs=("list", "order"), scope=IMPORTS, unit="count", rule=rules.lines_map,
    ),
    Check(
        code="line_names", zh="清单与订单的商品名称一致（比较文字）", en="List and order call the goods alike (as text)",
        source=_MATCHING, needs=("list", "order"), scope=IMPORTS, severity="indicative", rule=rules.line_names,
    ),
    Check(
        code="line_totals", zh="清单每项商品总价 = 单价 × 数量", en="The total of each list line is price times quantity",
        source=_MATCHING, needs=("list",), scope=ALL, unit="fen", rule=rules.line_totals,
    ),
    Check(
        code="lines_value", zh="清单商品总价之和等于申报价值", en="The lines of the list add up to the declared value",
        source=_MATCHING, needs=("list",), scope=ALL, unit="permille", gap="lines", rule=rules.lines_value,
    ),
    Check(
        code="goods_value", zh="清单申报价值等于订单商品价格", en="The declared value is the goods value of the order",
        source=_MATCHING, needs=("list", "order"), scope=ALL, unit="permille", gap="value", rule=rules.goods_value,
    ),
    Check(
        code="gross_mass", zh="清单毛重与运单毛重一致（容差内）",
        en="The gross mass of the list is that of the waybill, within a tolerance",
        source=_MATCHING, needs=("list", "waybill"), scope=ALL, unit="permille", gap="mass", rule=rules.gross_mass,
    ),
    Check(
        code="net_within_gross", zh="净重不大于毛重", en="The net mass does not exceed the gross mass",
        source=f"{_MESSAGES}: grossWeight, netWeight", needs=("list",), scope=ALL, unit="g", rule=rules.net_within_gross,
    ),
    Check(
        code="retail_transaction_limit", zh="完税价格不超过单次交易限值（仅一件不可分割商品的，不超过年度限值）",
        en="The dutiable value is within the limit of a transaction, or of a single indivisible item",
        source=_LAW, needs=("list",), scope=RETAIL_IMPORTS, unit="fen", rule=rules.retail_transaction_limit,
    ),
    Check(
        code="annual_limit", zh="订购人年度交易额不超过个人年度交易限值",
        en="The buyer stays within the limit of the calendar year",
        source=_LAW, needs=("list", "history"), scope=RETAIL_IMPORTS, unit="fen", rule=rules.annual_limit,
    ),
    Check(
        code="export_waybill_repeat", zh="同一物流企业的运单编号在期限内不重复",
        en="The logistics firm did not use the waybill number before within the months of the limit",
        source="CEB message specification, export list 603: logisticsNo", needs=("list", "history"), scope=EXPORTS,
        unit="count", rule=rules.export_waybill_repeat,
    ),
)  # fmt: skip
"""All checks, in the order in which people read them."""
BY_CODE = {check.code: check for check in CHECKS}


def applicable(direction: str, mode: str) -> tuple[Check, ...]:
    """The checks for a direction and a supervision mode (empty: not stated), in the order of the table.

    Modes that are not of e-commerce (0110, 1039 and others) have none: their trades have no order, payment and waybill to match.
    """
    return tuple(check for check in CHECKS if (direction, mode) in check.scope)
