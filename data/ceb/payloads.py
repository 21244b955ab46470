"""What each message says, in the terms of the payloads: a builder a message."""

from collections.abc import Callable
from datetime import date
from typing import Any

from data.ceb import amounts
from data.ceb.amounts import Money, bounded, e5, grams
from data.ceb.bodies import Values
from data.ceb.table import MessageSpec
from data.codes.rates import Rates

TRACKED = {"507": "arrived", "509": "departed", "513": "signed"}
"""Messages about waybills, by the event that they tell."""

Payload = dict[str, Any]
Built = tuple[str, str, Payload]
"""Kind, suffix of the guid where one body makes several records, payload."""


class Terms:
    """What a builder needs beside the fields: the message, its day, and the rates of that day."""

    __slots__ = ("_on", "_rates", "spec")

    def __init__(self, rates: Rates, on: date, spec: MessageSpec) -> None:
        self._rates, self._on, self.spec = rates, on, spec

    def money(self, currency: str | None) -> Money:
        """Amounts of a currency as yuan; of the yuan where none is stated."""
        return Money(self._rates, currency or "142", self._on)


def _given(payload: Payload) -> Payload:
    return {name: value for name, value in payload.items() if value is not None and value != ()}


def _maybe(value: str | None, read: Callable[[str], int]) -> int | None:
    return None if value is None else read(value)


def _count(value: str | None) -> int | None:
    return None if value is None else int(value)


def _lines(lines: tuple[Values, ...], terms: Terms, currency: str | None = None) -> list[Payload]:
    built = []
    for place, line in enumerate(lines, start=1):
        get = line.get
        declared = get("currency") or currency or "142"
        money = terms.money(declared)
        built.append(
            _given({
                "number": int(get("gnum") or place), "item_no": get("itemNo"), "name": get("gname") or get("itemName"),
                "specification": get("gmodel"), "barcode": get("barCode"), "record_no": get("itemRecordNo"),
                "hs_code": get("gcode"), "origin": get("country"), "currency": declared, "unit": get("unit"),
                "quantity_e5": e5(line["qty"]), "legal_unit": get("unit1"), "legal_quantity_e5": _maybe(get("qty1"), e5),
                "price_millifen": _maybe(get("price"), money.millifen), "total_fen": _maybe(get("totalPrice"), money.fen),
            })
        )  # fmt: skip
    return built


def _order(head: Values, lines: tuple[Values, ...], terms: Terms) -> list[Built]:
    get, currency = head.get, head["currency"]
    fen = terms.money(currency).fen
    goods, freight = fen(head["goodsValue"]), fen(head["freight"])
    paid = get("acturalPaid")
    return [("order", "", _given({
        "order_no": head["orderNo"], "enterprise": head["ebcCode"], "platform": head["ebpCode"],
        "direction": terms.spec.direction,
        "total_fen": bounded(goods + freight, head["goodsValue"]) if paid is None else fen(paid),
        "goods_value_fen": goods, "freight_fen": freight, "discount_fen": _maybe(get("discount"), fen),
        "tax_fen": _maybe(get("taxTotal"), fen), "buyer": get("buyerIdNumber"), "buyer_name": get("buyerName"),
        "buyer_telephone": get("buyerTelephone"), "consignee": get("consignee"),
        "consignee_telephone": get("consigneeTelephone"), "consignee_address": get("consigneeAddress"),
        "payment_firm": get("payCode"), "payment_no": get("payTransactionId"), "currency": currency,
        "lines": _lines(lines, terms, currency),
    }))]  # fmt: skip


def _payment(head: Values, _lines: tuple[Values, ...], terms: Terms) -> list[Built]:
    get = head.get
    return [("payment", "", _given({
        "payment_no": head["payTransactionId"], "order_no": head["orderNo"], "payment_firm": head["payCode"],
        "platform": head["ebpCode"], "direction": "import", "paid_fen": terms.money(head["currency"]).fen(head["amountPaid"]),
        "payer": head["payerIdNumber"], "payer_name": head["payerName"], "payer_telephone": get("telephone"),
        "currency": head["currency"],
    }))]  # fmt: skip


def _receipt_of_funds(head: Values, _lines: tuple[Values, ...], terms: Terms) -> list[Built]:
    get = head.get
    return [("payment", "", _given({
        "payment_no": get("payNo") or head["orderNo"], "order_no": head["orderNo"], "enterprise": head["ebcCode"],
        "payment_firm": get("payCode") or head["ebpCode"], "platform": head["ebpCode"], "direction": "export",
        "paid_fen": terms.money(head["currency"]).fen(head["charge"]), "currency": head["currency"],
    }))]  # fmt: skip


def _waybill(head: Values, _lines: tuple[Values, ...], terms: Terms) -> list[Built]:
    get = head.get
    money = terms.money(head["currency"])
    return [("waybill", "", _given({
        "waybill_no": head["logisticsNo"], "order_no": get("orderNo"), "enterprise": get("ebcCode"),
        "logistics_firm": head["logisticsCode"], "direction": terms.spec.direction,
        "gross_mass_g": grams(get("grossWeight") or head["weight"]), "freight_fen": _maybe(get("freight"), money.fen),
        "insurance_fen": _maybe(get("insuredFee"), money.fen), "pieces": _count(get("packNo")), "bill_no": get("billNo"),
        "consignee": get("consignee"), "consignee_telephone": get("consigneeTelephone"),
        "consignee_address": get("consigneeAddress"), "currency": head["currency"],
    }))]  # fmt: skip


def _tracking(head: Values, lines: tuple[Values, ...], terms: Terms) -> list[Built]:
    get = head.get
    event, status = TRACKED[terms.spec.number], get("logisticsStatus")
    if status is not None and status != "S":
        event = "other"
    numbers = [line["logisticsNo"] for line in lines] or [head["logisticsNo"]]
    return [("tracking", f"#{number}" if lines else "", _given({
        "waybill_no": number, "logistics_firm": head["logisticsCode"], "event": event, "status": status,
        "customs_office": get("customsCode"), "transport_mode": get("trafMode"), "bill_no": get("billNo"),
    })) for number in dict.fromkeys(numbers)]  # fmt: skip


def _declaration(head: Values, lines: tuple[Values, ...], terms: Terms) -> list[Built]:
    get, currency = head.get, head.get("currency") or lines[0]["currency"]
    built = _lines(lines, terms, currency)
    leading = max(built, key=lambda line: line["total_fen"])
    is_import = terms.spec.direction == "import"
    return [("declaration", "", _given({
        "declaration_no": get("invtNo") or get("preNo") or get("copNo") or head["guid"], "enterprise": head["ebcCode"],
        "direction": terms.spec.direction, "customs_office": head["customsCode"], "port": head["portCode"],
        "trade_mode": head["tradeMode"], "transport_mode": head["trafMode"], "declarant": head["agentCode"],
        "platform": head["ebpCode"], "producer": get("ownerCode"), "warehouse": get("areaCode"),
        "logistics_firm": head["logisticsCode"], "order_no": head["orderNo"], "waybill_no": head["logisticsNo"],
        "company_no": get("copNo"), "account_book": get("emsNo"), "bill_no": get("billNo"),
        "supervision_site": get("loctNo"), "hs_code": leading["hs_code"],
        "origin": leading["origin"] if is_import else "142", "departure": head["country"] if is_import else None,
        "destination": None if is_import else head["country"], "buyer": get("buyerIdNumber"),
        "buyer_name": get("buyerName"), "buyer_telephone": get("buyerTelephone"),
        "consignee_address": get("consigneeAddress"), "declared_value_fen": bounded(sum(line["total_fen"] for line in built), ""),
        "freight_fen": _charge(head, terms, "freight", "fCurrency", "fFlag"),
        "insurance_fen": _charge(head, terms, "insuredFee", "iCurrency", "iFlag"),
        "quantity": max(1, amounts.divided(leading["quantity_e5"], 100_000)), "pieces": _count(get("packNo")),
        "net_mass_g": grams(head["netWeight"]), "gross_mass_g": grams(head["grossWeight"]), "currency": currency,
        "lines": built,
    }))]  # fmt: skip


def _charge(head: Values, terms: Terms, name: str, currency: str, flag: str) -> int | None:
    """Freight or insurance where it is stated as a total (3, or an import's plain amount), not as a rate or a unit price."""
    if head.get(flag, "3") != "3":
        return None
    return terms.money(head.get(currency) or head.get("currency")).fen(head[name])


def _status(head: Values, _lines: tuple[Values, ...], _terms: Terms) -> list[Built]:
    get = head.get
    number = get("invtNo") or get("preNo") or get("copNo") or head["guid"]
    return [("list_status", f"#{head['returnStatus']}@{head['returnTime']}", _given({
        "declaration_no": number, "enterprise": get("ebcCode"), "status": head["returnStatus"], "company_no": get("copNo"),
    }))]  # fmt: skip


def _cancellation(head: Values, _lines: tuple[Values, ...], _terms: Terms) -> list[Built]:
    get = head.get
    return [("cancellation", "", _given({
        "declaration_no": head["invtNo"], "enterprise": head["ebcCode"], "order_no": get("orderNo"),
        "waybill_no": get("logisticsNo"), "buyer": get("buyerIdNumber"),
    }))]  # fmt: skip


def _return(head: Values, lines: tuple[Values, ...], terms: Terms) -> list[Built]:
    return [("return", "", _given({
        "declaration_no": head["invtNo"], "enterprise": head["ebcCode"], "platform": head["ebpCode"],
        "order_no": head["orderNo"], "waybill_no": head["logisticsNo"], "buyer": head["buyerIdNumber"],
        "lines": _lines(lines, terms),
    }))]  # fmt: skip


def _tax_bill(head: Values, _lines: tuple[Values, ...], _terms: Terms) -> list[Built]:
    get = head.get
    return [("tax_bill", "", _given({
        "tax_no": head["taxNo"], "declaration_no": head["invtNo"], "enterprise": get("ebcCode"), "order_no": get("orderNo"),
        "duty_fen": amounts.fen(head["customsTax"]), "vat_fen": amounts.fen(head["valueAddedTax"]),
        "consumption_tax_fen": amounts.fen(head["consumptionTax"]), "status": head["status"],
    }))]  # fmt: skip


EVENT_TIMES = {
    "411": "payTime", "403": "accountingDate", "509": "leaveTime", "513": "logisticsTime", "604": "returnTime",
    "622": "returnTime", "816": "returnTime",
}  # fmt: skip
"""The field that says when it happened, where that is not `appTime`."""
BUILDERS: dict[str, Callable[[Values, tuple[Values, ...], Terms], list[Built]]] = {
    "303": _order, "311": _order, "403": _receipt_of_funds, "411": _payment, "505": _waybill, "511": _waybill,
    "507": _tracking, "509": _tracking, "513": _tracking, "603": _declaration, "621": _declaration, "604": _status,
    "622": _status, "605": _cancellation, "623": _cancellation, "625": _return, "816": _tax_bill,
}  # fmt: skip
"""From head, lines and terms to the payloads of a message, by its number."""
KINDS = {
    "303": "order", "311": "order", "403": "payment", "411": "payment", "505": "waybill", "511": "waybill", "507": "tracking",
    "509": "tracking", "513": "tracking", "603": "declaration", "621": "declaration", "604": "list_status",
    "622": "list_status", "605": "cancellation", "623": "cancellation", "625": "return", "816": "tax_bill",
}  # fmt: skip
"""The kind of record that each taken message becomes, by its number."""
TAKEN = tuple(KINDS)
"""The numbers of the messages that become records."""
