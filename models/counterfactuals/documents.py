"""The documents of a trade that are not filed yet, as records that agree with what was declared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from data.records import Record, read_record
from data.times import from_instant
from models.counterfactuals.steps import SUGGESTED_BY

Document = Literal["order", "payment", "waybill"]
Payload = Mapping[str, Any]
DOCUMENTS: tuple[Document, ...] = get_args(Document)
_NEEDED: dict[Document, tuple[str, ...]] = {
    "order": ("order_no", "platform"), "payment": ("order_no", "platform"),
    "waybill": ("waybill_no", "logistics_firm", "gross_mass_g"),
}  # fmt: skip
"""What a declaration states of a document: without it nobody could file one that belongs to it."""


@dataclass(frozen=True, slots=True)
class Trade:
    """A declared shipment with what is filed of its trade.

    Attributes:
        declaration: as known now, with the match of its documents.
        order, payments, waybill: payloads; None or empty where none is filed.
    """

    declaration: Record
    order: Payload | None
    payments: Sequence[Payload]
    waybill: Payload | None


def absent(trade: Trade) -> tuple[Document, ...]:
    """The documents whose absence the match speaks of, and which can be filed for what was declared."""
    declared = trade.declaration.payload
    outcomes = declared.get("match", {}).get("outcomes", {})
    return tuple(
        document
        for document in DOCUMENTS
        if outcomes.get(f"{document}_known") == "missing" and all(name in declared for name in _NEEDED[document])
    )


def suggested(trade: Trade, documents: Sequence[Document], at: int) -> tuple[Record, ...]:
    """Some absent documents as records, each valid as at intake.

    They state what the declaration and the filed documents state, so that they agree with these and with each other. What a
    message demands beyond that has no feature of its own and is filled in plainly: the goods go to their buyer, what was paid
    beyond goods and freight is tax, the platform stands for a payment firm that nobody named.

    Arguments:
        documents: some of `absent(trade)`.
        at: the instant at which they become known.
    Raises:
        InvalidRecordError: where the declaration states what no document may say.
    """
    written = {"order": _order, "payment": _payment, "waybill": _waybill}
    return tuple(
        read_record(
            {
                "kind": document, "guid": f"suggested-{document}", "source": SUGGESTED_BY,
                "event_at": from_instant(at).isoformat(), "payload": written[document](trade),
            },
            received_at=at,
        )
        for document in DOCUMENTS if document in documents
    )  # fmt: skip


def words_of(document: Document, trade: Trade) -> tuple[str, str]:
    """What is filed, by which message, and who files it.

    Source: the CEB message specification (customs announcement 2018/113); it names who signs for imports alone.
    """
    declared = trade.declaration.payload
    number = declared["waybill_no" if document == "waybill" else "order_no"]
    match document, _is_export(declared):
        case "order", False:
            zh, en = (
                "订单{}（CEB311，由电商企业、电商平台或受托人发送）",
                "order {} (CEB311, by e-commerce firm, platform or delegate)",
            )
        case "order", True:
            zh, en = "订单{}（CEB303）", "order {} (CEB303)"
        case "payment", False:
            zh, en = "订单{}的支付单（CEB411，由支付企业发送）", "payment of order {} (CEB411, by the payment firm)"
        case "payment", True:
            zh, en = "订单{}的收款单（CEB403）", "receipt of funds for order {} (CEB403)"
        case "waybill", False:
            zh, en = "运单{}（CEB511，由物流企业发送）", "waybill {} (CEB511, by the logistics firm)"
        case _:
            zh, en = "运单{}（CEB505）", "waybill {} (CEB505)"
    return zh.format(number), en.format(number)


def _order(trade: Trade) -> dict[str, Any]:
    declared = trade.declaration.payload
    goods, freight, total = declared["declared_value_fen"], declared.get("freight_fen", 0), _total_fen(trade)
    beyond = total - goods - freight
    people = {name: declared[name] for name in ("buyer", "buyer_name", "buyer_telephone") if name in declared}
    return _shared(trade) | _delivery(declared, trade.waybill) | people | {
        "platform": declared["platform"], "enterprise": declared["enterprise"], "order_no": declared["order_no"],
        "goods_value_fen": goods, "freight_fen": freight, "total_fen": total, "tax_fen": max(beyond, 0),
        "discount_fen": max(-beyond, 0), "lines": declared.get("lines", []),
    }  # fmt: skip


def _payment(trade: Trade) -> dict[str, Any]:
    declared, order = trade.declaration.payload, trade.order or {}
    found = _shared(trade) | {
        "platform": declared["platform"], "order_no": declared["order_no"],
        "payment_no": order.get("payment_no", "suggested-payment"),
        "payment_firm": order.get("payment_firm", declared["platform"]), "paid_fen": _total_fen(trade),
    }  # fmt: skip
    if (
        declared["direction"] == "export"
    ):  # a receipt of funds names the e-commerce firm; a person as payer is not assumed
        return found | {"enterprise": declared["enterprise"]}
    payer = order.get("buyer", declared.get("buyer"))
    return found | ({} if payer is None else {"payer": payer})


def _waybill(trade: Trade) -> dict[str, Any]:
    declared = trade.declaration.payload
    named = ("waybill_no", "logistics_firm", "gross_mass_g", "freight_fen", "insurance_fen", "pieces", "bill_no")
    found = _shared(trade) | {name: declared[name] for name in named if name in declared}
    if _is_export(declared):
        return found | {"enterprise": declared["enterprise"]}
    return found | _delivery(declared, trade.order) | {n: declared[n] for n in ("order_no",) if n in declared}


def _is_export(declared: Payload) -> bool:
    return bool(declared.get("direction") == "export")


def _shared(trade: Trade) -> dict[str, Any]:
    declared = trade.declaration.payload
    return {name: declared[name] for name in ("direction", "currency") if name in declared}


def _total_fen(trade: Trade) -> int:
    """What the buyer really pays: as the order says, else as was paid, else goods and freight."""
    declared = trade.declaration.payload
    if trade.order is not None:
        return int(trade.order["total_fen"])
    if trade.payments:
        return sum(int(payment["paid_fen"]) for payment in trade.payments)
    return int(declared["declared_value_fen"]) + int(declared.get("freight_fen", 0))


def _delivery(declared: Payload, other: Payload | None) -> dict[str, Any]:
    """To whom and where the goods go: as the filed document says, else to the buyer."""
    if _is_export(declared):
        return {}
    if other is None:
        names = {
            "consignee": "buyer_name", "consignee_telephone": "buyer_telephone", "consignee_address": "consignee_address",
        }  # fmt: skip
        said = {name: declared.get(field) for name, field in names.items()}
    else:
        said = {name: other.get(name) for name in ("consignee", "consignee_telephone", "consignee_address")}
    return {name: value for name, value in said.items() if value is not None}
