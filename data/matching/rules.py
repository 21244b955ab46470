"""The rules of matching as pure functions of a trade. `data.matching.checks` names each of them and says where it applies."""

from collections.abc import Mapping
from typing import Any

from data.matching.comparisons import (
    CNY,
    Found,
    Payload,
    Trade,
    amounts,
    dutiable_fen,
    known,
    line_total_fen,
    names_agree,
    persons,
    values,
)  # fmt: skip

_ONE_PIECE_E5 = 100_000


def order_known(trade: Trade) -> Found:
    """The order is there."""
    return known(trade.declaration.get("order_no"), trade.order.get("order_no"), trade.order)


def payment_known(trade: Trade) -> Found:
    """At least one payment is there."""
    return known(trade.declaration.get("order_no"), len(trade.payments), trade.payments)


def waybill_known(trade: Trade) -> Found:
    """The waybill is there."""
    return known(trade.declaration.get("waybill_no"), trade.waybill.get("waybill_no"), trade.waybill)


def order_joins(trade: Trade) -> Found:
    """Order number and platform are the same in the list, the order and each payment that states them."""
    declared, order = trade.declaration, trade.order
    number, ordered = declared.get("order_no"), order.get("order_no")
    if number is None:
        return "missing", number, ordered, None
    if ordered is not None and ordered != number:
        return "differ", number, ordered, None
    platform, other = declared.get("platform"), order.get("platform")
    if platform is None:
        platform = other
    elif other is not None and other != platform:
        return "differ", platform, other, None
    for payment in trade.payments:
        if payment["order_no"] != number:
            return "differ", number, payment["order_no"], None
        other = payment.get("platform")
        if other is not None and platform is not None and other != platform:
            return "differ", platform, other, None
    return ("missing" if ordered is None else "agree"), number, ordered, None


def waybill_joins(trade: Trade) -> Found:
    """Waybill number and logistics firm are the same in list and waybill, and the waybill names this order if any."""
    declared, waybill = trade.declaration, trade.waybill
    number, shipped = declared.get("waybill_no"), waybill.get("waybill_no")
    if number is None or shipped is None:
        return "missing", number, shipped, None
    if number != shipped:
        return "differ", number, shipped, None
    firm = declared.get("logistics_firm")
    if firm is not None and firm != waybill["logistics_firm"]:
        return "differ", firm, waybill["logistics_firm"], None
    order_no, other = trade.order.get("order_no", declared.get("order_no")), waybill.get("order_no")
    if order_no is not None and other is not None and order_no != other:
        return "differ", order_no, other, None
    return "agree", number, shipped, None


def enterprise_joins(trade: Trade) -> Found:
    """List and order name one e-commerce firm."""
    return values(trade.declaration.get("enterprise"), trade.order.get("enterprise"))


def currency(trade: Trade) -> Found:
    """List, order and payments are in one currency. That of a waybill is the currency of its freight."""
    if not trade.order:
        return "missing", trade.declaration.get("currency", CNY), None, None
    wanted = trade.declaration.get("currency", CNY)
    for document in (trade.order, *trade.payments):
        other = document.get("currency", CNY)
        if other != wanted:
            return "differ", wanted, other, None
    return "agree", wanted, wanted, None


def paid_equals_order(trade: Trade) -> Found:
    """What was paid, over all payments, is what the buyer really pays by the order."""
    order, payments = trade.order, trade.payments
    total = order.get("total_fen")
    if total is None or not payments:
        return "missing", total, None, None
    wanted, paid = order.get("currency", CNY), 0
    for payment in payments:
        if payment.get("currency", CNY) != wanted:
            return "unknown", total, None, None
        paid += payment["paid_fen"]
    return amounts(total, paid, trade.limits.amount_tolerance_fen)


def order_total(trade: Trade) -> Found:
    """The order's total is goods, freight and tax less the discount."""
    order = trade.order
    freight, tax, discount = order.get("freight_fen"), order.get("tax_fen"), order.get("discount_fen")
    if freight is None or tax is None or discount is None:
        return "missing", order.get("total_fen"), None, None
    parts = order["goods_value_fen"] + freight + tax - discount
    return amounts(order["total_fen"], parts, trade.limits.amount_tolerance_fen)


def consignee(trade: Trade) -> Found:
    """Order and waybill name one consignee."""
    return persons(trade.order.get("consignee"), trade.waybill.get("consignee"))


def consignee_telephone(trade: Trade) -> Found:
    """Order and waybill give one telephone of the consignee."""
    return persons(trade.order.get("consignee_telephone"), trade.waybill.get("consignee_telephone"))


def consignee_address(trade: Trade) -> Found:
    """Order and waybill give one address of the consignee."""
    return persons(trade.order.get("consignee_address"), trade.waybill.get("consignee_address"))


def buyer_list_order(trade: Trade) -> Found:
    """List and order name one buyer."""
    return persons(trade.declaration.get("buyer"), trade.order.get("buyer"))


def payer_is_buyer(trade: Trade) -> Found:
    """Every payment was made by the order's buyer. One that differs outweighs one that is missing, that one unknown."""
    buyer = trade.order.get("buyer")
    if buyer is None or not trade.payments:
        return "missing", buyer, None, None
    worst: Found | None = None
    for payment in trade.payments:
        found = persons(buyer, payment.get("payer"))
        if worst is None or _WEIGHT[found[0]] > _WEIGHT[worst[0]]:
            worst = found
    return worst or ("missing", buyer, None, None)


_WEIGHT = {"agree": 0, "unknown": 1, "missing": 2, "differ": 3}


def lines_map(trade: Trade) -> Found:
    """Each line of the list has a number of its own that exactly one line of the order has. Difference: lines without one."""
    listed, ordered = trade.declaration.get("lines"), trade.order.get("lines")
    if not listed or not ordered:
        return "missing", len(listed or ()), len(ordered or ()), None
    by_number = _by_number(ordered)
    mapped = len({number for line in listed if by_number.get(number := line["number"]) is not None})
    lost = len(listed) - mapped
    return ("differ" if lost else "agree"), len(listed), mapped, lost


def line_names(trade: Trade) -> Found:
    """The goods of a list line are called as in its order line."""
    listed, ordered = trade.declaration.get("lines"), trade.order.get("lines")
    if not listed or not ordered:
        return "missing", None, None, None
    by_number = _by_number(ordered)
    lacking, compared = False, 0
    for line in listed:
        other = by_number.get(line["number"])
        if other is None:
            continue
        compared += 1
        left, right = line.get("name"), other.get("name")
        if left is None or right is None:
            lacking = True
        elif not names_agree(left, right):
            return "differ", left, right, None
    return ("missing" if lacking or not compared else "agree"), None, None, None


def _by_number(lines: Any) -> Mapping[int, Payload | None]:
    """Lines by their number; None where several have it."""
    found: dict[int, Payload | None] = {}
    for line in lines:
        number = line["number"]
        found[number] = None if number in found else line
    return found


def line_totals(trade: Trade) -> Found:
    """The total of each list line is price times quantity. Shown is the line that is furthest off, the difference in fen."""
    lines = trade.declaration.get("lines")
    if not lines:
        return "missing", None, None, None
    lacking, worst, stated, exact = False, 0, None, None
    for line in lines:
        total, price = line.get("total_fen"), line.get("price_millifen")
        if total is None or price is None:
            lacking = True
            continue
        product = line_total_fen(price, line["quantity_e5"])
        if stated is None or abs(product - total) > abs(worst):
            worst, stated, exact = product - total, total, product
    if abs(worst) > trade.limits.rounding_tolerance_fen:
        return "differ", stated, exact, worst
    return ("missing", None, None, None) if lacking else ("agree", stated, exact, worst)


def lines_value(trade: Trade) -> Found:
    """The lines of the list add up to the declared value; half a fen of rounding a line is allowed beyond the tolerance."""
    declared = trade.declaration
    lines = declared.get("lines")
    if not lines:
        return "missing", declared["declared_value_fen"], None, None
    total = 0
    for line in lines:
        value = line.get("total_fen")
        if value is None:
            return "missing", declared["declared_value_fen"], None, None
        total += value
    limits = trade.limits
    allowed = limits.amount_tolerance_fen + len(lines) // 2 * limits.rounding_tolerance_fen
    return amounts(declared["declared_value_fen"], total, allowed)


def goods_value(trade: Trade) -> Found:
    """The declared value is the goods value of the order. A positive gap: the order shows more than was declared."""
    left, right = trade.declaration["declared_value_fen"], trade.order.get("goods_value_fen")
    if right is not None and trade.declaration.get("currency", CNY) != trade.order.get("currency", CNY):
        return "unknown", left, right, None
    return amounts(left, right, trade.limits.amount_tolerance_fen)


def gross_mass(trade: Trade) -> Found:
    """The gross mass of the list is that of the waybill, within thousandths of the larger."""
    left, right = trade.declaration.get("gross_mass_g"), trade.waybill.get("gross_mass_g")
    if left is None or right is None:
        return "missing", left, right, None
    return amounts(left, right, trade.limits.mass_tolerance_permille * max(left, right) // 1000)


def net_within_gross(trade: Trade) -> Found:
    """The net mass of the list does not exceed its gross mass. Difference: grams above it."""
    net, gross = trade.declaration.get("net_mass_g"), trade.declaration.get("gross_mass_g")
    if net is None or gross is None:
        return "missing", net, gross, None
    return ("differ", net, gross, net - gross) if net > gross else ("agree", net, gross, 0)


def retail_transaction_limit(trade: Trade) -> Found:
    """The dutiable value (goods, freight, insurance) is within the limit of a transaction, or of a single item alone.

    The exception is for who states that it is a single item: where the number of items is not stated, the limit holds.
    """
    declared, limits = trade.declaration, trade.limits
    value, limit = dutiable_fen(declared), limits.retail_transaction_fen
    if declared.get("currency", CNY) != CNY:
        return "unknown", value, limit, None
    if value <= limit:
        return "agree", value, limit, 0
    if value <= limits.retail_single_item_fen and _is_single_item(declared):
        return "agree", value, limits.retail_single_item_fen, 0
    return "differ", value, limit, value - limit


def annual_limit(trade: Trade) -> Found:
    """With this transaction the buyer stays within the limit of the year. Difference: fen above it."""
    declared, limit = trade.declaration, trade.limits.retail_annual_fen
    if trade.buyer_year_fen is None or declared.get("currency", CNY) != CNY:
        return "unknown", None, limit, None
    year = trade.buyer_year_fen + dutiable_fen(declared)
    return ("differ", year, limit, year - limit) if year > limit else ("agree", year, limit, 0)


def export_waybill_repeat(trade: Trade) -> Found:
    """The logistics firm did not use the waybill's number before, within the months of the limit. Difference: earlier uses."""
    number, uses = trade.declaration.get("waybill_no"), trade.earlier_waybill_uses
    if number is None:
        return "missing", None, uses, None
    if uses is None:
        return "unknown", number, None, None
    return ("differ" if uses else "agree"), number, uses, uses


def _is_single_item(declaration: Payload) -> bool | None:
    lines = declaration.get("lines")
    if lines:
        return len(lines) == 1 and lines[0]["quantity_e5"] == _ONE_PIECE_E5
    quantity = declaration.get("quantity")
    return None if quantity is None else quantity == 1
