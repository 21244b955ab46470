"""From bodies to records: what each message says, in the terms of the payloads."""

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any

from data.ceb import amounts
from data.ceb.amounts import Money, NoRateError, TooLargeError, bounded, e5, grams
from data.ceb.bodies import Body, Faults, Values, path_of
from data.ceb.table import MessageSpec, Part
from data.codes import table
from data.pseudonyms import is_pseudonym
from data.reading import Reading
from data.records import CLOCK_TOLERANCE, Action, Record, make_record
from data.times import show
from data.values import MOST_LINES

SOURCE = "ceb"
"""The source of all records from messages: guids are unique over senders."""
_ACTIONS: dict[str, Action] = {"1": "new", "2": "change", "3": "delete"}
_CODES = {
    "currency": "currency", "fCurrency": "currency", "iCurrency": "currency", "tradeMode": "supervision_mode",
    "trafMode": "transport_mode", "country": "country",
}  # fmt: skip
_CURRENCIES = tuple(name for name, codes in _CODES.items() if codes == "currency")
_TRACKED = {"507": "arrived", "509": "departed", "513": "signed"}

Payload = dict[str, Any]
Built = tuple[str, str, Payload]
"""Kind, suffix of the guid where one body makes several records, payload."""


def records_of(body: Body, reading: Reading) -> tuple[tuple[Record, ...], Faults]:
    """The records that a body makes, or its faults."""
    if body.faults:
        return (), body.faults
    builder = _BUILDERS.get(body.spec.number)
    if builder is None:
        return (), (("message", f"CEB{body.spec.number} is not taken as a record; taken are {', '.join(_BUILDERS)}"),)
    if body.spec.lines and len(body.lines) > MOST_LINES and body.spec.number not in _TRACKED:
        return (), (
            (body.spec.lines.name, f"stands {len(body.lines):,} times; at most {MOST_LINES:,} lines are taken"),
        )
    head, lines = _without_persons(body, reading)
    sent_at = "appTime" if "appTime" in head else "returnTime"
    happened = _EVENT_TIMES.get(body.spec.number, sent_at)
    faults = _wrong_times(body.spec, head, reading.received_at)
    if faults:
        return (), faults
    event_at, on = amounts.instant(head[happened]), amounts.day(head[sent_at][:8])
    faults = _unknown_codes(body.spec, head, lines, on)
    if faults:
        return (), faults
    action = _ACTIONS[head.get("appType", "1")]
    try:
        built = builder(head, lines, _Terms(reading, on, body.spec))
    except NoRateError as error:
        return (), _where(body.spec, head, lines, error.currency, str(error), _CURRENCIES)
    except TooLargeError as error:
        return (), _where(body.spec, head, lines, error.text, str(error))
    sent = [body.spec.number, head, lines]
    known_at = reading.received_at
    if reading.historical and reading.assumed_delay is not None:
        known_at = min(event_at + reading.assumed_delay, reading.received_at)
    return tuple(
        make_record(
            kind=kind, guid=head["guid"] + suffix, source=SOURCE, action=action, event_at=event_at, known_at=known_at,
            payload={} if action == "delete" else payload, sent=sent,
        )
        for kind, suffix, payload in built
    ), ()  # fmt: skip


class _Terms:
    __slots__ = ("_on", "_reading", "spec")

    def __init__(self, reading: Reading, on: date, spec: MessageSpec) -> None:
        self._reading, self._on, self.spec = reading, on, spec

    def money(self, currency: str | None) -> Money:
        return Money(self._reading.rates, currency or "142", self._on)


@lru_cache
def _personal(part: Part) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.personal) for field in part.fields if field.personal)


def _without_persons(body: Body, reading: Reading) -> tuple[dict[str, str], tuple[Values, ...]]:
    """Head and lines with pseudonyms; free text that may name a person is left out."""
    head, spec = _replaced(body.head, _personal(body.spec.head), reading), body.spec
    if spec.lines is None:
        return head, ()
    personal = _personal(spec.lines)
    if not any(name in line for line in body.lines for name, _ in personal):
        return head, body.lines
    return head, tuple(_replaced(line, personal, reading) for line in body.lines)


def _replaced(values: Values, personal: tuple[tuple[str, Any], ...], reading: Reading) -> dict[str, str]:
    kept = dict(values)
    for name, domain in personal:
        value = kept.get(name)
        if value is None:
            continue
        if domain == "text":
            del kept[name]
        elif not (reading.trusted and is_pseudonym(value)):
            kept[name] = reading.pseudonyms.of(domain, value)
    return kept


def _wrong_times(spec: MessageSpec, head: Values, received_at: int) -> Faults:
    """Times that no calendar has, and what was sent or happened after it was received."""
    found = []
    for name in dict.fromkeys(("appTime", _EVENT_TIMES.get(spec.number, "returnTime"))):
        if name not in head:
            continue
        try:
            instant = amounts.instant(head[name])
        except ValueError:
            found.append((path_of(spec.head, name), "is not a day of the calendar"))
            continue
        if instant > received_at + CLOCK_TOLERANCE:
            found.append((path_of(spec.head, name), f"lies in the future (received at {show(received_at)})"))
    return tuple(found)


def _where(
    spec: MessageSpec, head: Values, lines: tuple[Values, ...], text: str, reason: str, names: tuple[str, ...] = ()
) -> Faults:
    """A reason at every field that has a text; at the lines as a whole where none has it: then their sum is meant.

    Arguments:
        names: only these fields.
    """
    parts = [(spec.head, 0, head), *((spec.lines, place, line) for place, line in enumerate(lines, start=1))]
    found = tuple(
        (path_of(part, name, place), reason)
        for part, place, values in parts if part is not None
        for name, value in values.items() if value == text and (name in names or not names)
    )  # fmt: skip
    return found or ((spec.lines.name if spec.lines else spec.body, reason),)


@lru_cache
def _coded(spec: MessageSpec) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    head = tuple((name, _CODES[name]) for name in spec.head.names if name in _CODES)
    lines = tuple((name, _CODES[name]) for name in (spec.lines.names if spec.lines else ()) if name in _CODES)
    return head, lines


def _unknown_codes(spec: MessageSpec, head: Values, lines: tuple[Values, ...], on: date) -> Faults:
    in_head, in_lines = _coded(spec)
    faults = [
        (path_of(spec.head, name), _unknown(name, on))
        for name, codes in in_head
        if name in head and not _known(codes, head[name], on)
    ]
    for place, line in enumerate(lines if spec.lines else (), start=1):
        faults += [
            (path_of(spec.lines, name, place), _unknown(name, on))  # type: ignore[arg-type]
            for name, codes in in_lines
            if name in line and not _known(codes, line[name], on)
        ]
    return tuple(faults)


def _unknown(name: str, on: date) -> str:
    return f"is not in the code table {_CODES[name]} of {on}; `greenlane codes {_CODES[name]}` lists it"


@lru_cache(8_192)
def _known(codes: str, value: str, on: date) -> bool:
    return table(codes).is_valid(value, on)


def _given(payload: Payload) -> Payload:
    return {name: value for name, value in payload.items() if value is not None and value != ()}


def _maybe(value: str | None, read: Callable[[str], int]) -> int | None:
    return None if value is None else read(value)


def _count(value: str | None) -> int | None:
    return None if value is None else int(value)


def _lines(lines: tuple[Values, ...], terms: _Terms, currency: str | None = None) -> list[Payload]:
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


def _order(head: Values, lines: tuple[Values, ...], terms: _Terms) -> list[Built]:
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


def _payment(head: Values, _lines: tuple[Values, ...], terms: _Terms) -> list[Built]:
    get = head.get
    return [("payment", "", _given({
        "payment_no": head["payTransactionId"], "order_no": head["orderNo"], "payment_firm": head["payCode"],
        "platform": head["ebpCode"], "direction": "import", "paid_fen": terms.money(head["currency"]).fen(head["amountPaid"]),
        "payer": head["payerIdNumber"], "payer_name": head["payerName"], "payer_telephone": get("telephone"),
        "currency": head["currency"],
    }))]  # fmt: skip


def _receipt_of_funds(head: Values, _lines: tuple[Values, ...], terms: _Terms) -> list[Built]:
    get = head.get
    return [("payment", "", _given({
        "payment_no": get("payNo") or head["orderNo"], "order_no": head["orderNo"], "enterprise": head["ebcCode"],
        "payment_firm": get("payCode") or head["ebpCode"], "platform": head["ebpCode"], "direction": "export",
        "paid_fen": terms.money(head["currency"]).fen(head["charge"]), "currency": head["currency"],
    }))]  # fmt: skip


def _waybill(head: Values, _lines: tuple[Values, ...], terms: _Terms) -> list[Built]:
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


def _tracking(head: Values, lines: tuple[Values, ...], terms: _Terms) -> list[Built]:
    get = head.get
    event, status = _TRACKED[terms.spec.number], get("logisticsStatus")
    if status is not None and status != "S":
        event = "other"
    numbers = [line["logisticsNo"] for line in lines] or [head["logisticsNo"]]
    return [("tracking", f"#{number}" if lines else "", _given({
        "waybill_no": number, "logistics_firm": head["logisticsCode"], "event": event, "status": status,
        "customs_office": get("customsCode"), "transport_mode": get("trafMode"), "bill_no": get("billNo"),
    })) for number in dict.fromkeys(numbers)]  # fmt: skip


def _declaration(head: Values, lines: tuple[Values, ...], terms: _Terms) -> list[Built]:
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


def _charge(head: Values, terms: _Terms, name: str, currency: str, flag: str) -> int | None:
    """Freight or insurance where it is stated as a total (3, or an import's plain amount), not as a rate or a unit price."""
    if head.get(flag, "3") != "3":
        return None
    return terms.money(head.get(currency) or head.get("currency")).fen(head[name])


def _status(head: Values, _lines: tuple[Values, ...], _terms: _Terms) -> list[Built]:
    get = head.get
    number = get("invtNo") or get("preNo") or get("copNo") or head["guid"]
    return [("list_status", f"#{head['returnStatus']}@{head['returnTime']}", _given({
        "declaration_no": number, "enterprise": get("ebcCode"), "status": head["returnStatus"], "company_no": get("copNo"),
    }))]  # fmt: skip


def _cancellation(head: Values, _lines: tuple[Values, ...], _terms: _Terms) -> list[Built]:
    get = head.get
    return [("cancellation", "", _given({
        "declaration_no": head["invtNo"], "enterprise": head["ebcCode"], "order_no": get("orderNo"),
        "waybill_no": get("logisticsNo"), "buyer": get("buyerIdNumber"),
    }))]  # fmt: skip


def _return(head: Values, lines: tuple[Values, ...], terms: _Terms) -> list[Built]:
    return [("return", "", _given({
        "declaration_no": head["invtNo"], "enterprise": head["ebcCode"], "platform": head["ebpCode"],
        "order_no": head["orderNo"], "waybill_no": head["logisticsNo"], "buyer": head["buyerIdNumber"],
        "lines": _lines(lines, terms),
    }))]  # fmt: skip


def _tax_bill(head: Values, _lines: tuple[Values, ...], _terms: _Terms) -> list[Built]:
    get = head.get
    return [("tax_bill", "", _given({
        "tax_no": head["taxNo"], "declaration_no": head["invtNo"], "enterprise": get("ebcCode"), "order_no": get("orderNo"),
        "duty_fen": amounts.fen(head["customsTax"]), "vat_fen": amounts.fen(head["valueAddedTax"]),
        "consumption_tax_fen": amounts.fen(head["consumptionTax"]), "status": head["status"],
    }))]  # fmt: skip


_EVENT_TIMES = {
    "411": "payTime", "403": "accountingDate", "509": "leaveTime", "513": "logisticsTime", "604": "returnTime",
    "622": "returnTime", "816": "returnTime",
}  # fmt: skip
_BUILDERS: dict[str, Callable[[Values, tuple[Values, ...], _Terms], list[Built]]] = {
    "303": _order, "311": _order, "403": _receipt_of_funds, "411": _payment, "505": _waybill, "511": _waybill,
    "507": _tracking, "509": _tracking, "513": _tracking, "603": _declaration, "621": _declaration, "604": _status,
    "622": _status, "605": _cancellation, "623": _cancellation, "625": _return, "816": _tax_bill,
}  # fmt: skip
KINDS = {
    "303": "order", "311": "order", "403": "payment", "411": "payment", "505": "waybill", "511": "waybill", "507": "tracking",
    "509": "tracking", "513": "tracking", "603": "declaration", "621": "declaration", "604": "list_status",
    "622": "list_status", "605": "cancellation", "623": "cancellation", "625": "return", "816": "tax_bill",
}  # fmt: skip
"""The kind of record that each taken message becomes, by its number."""
TAKEN = tuple(KINDS)
"""The numbers of the messages that become records."""
