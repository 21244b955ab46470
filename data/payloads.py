"""What records say: a typed payload a kind.

Field names follow the CEB customs messages where one exists. Values are integers: money in fen, unit prices in thousandths of
a fen (five decimals of a yuan, as customs write them), masses in grams, quantities in hundred-thousandths of their unit.
Fields of persons hold pseudonyms only (see `data.pseudonyms`): their types accept nothing else.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.values import (
    MOST_LINES,
    AddressPseudonym,
    Code,
    EnterpriseId,
    Fen,
    Grams,
    HsCode,
    IdentityPseudonym,
    Moment,
    NamePseudonym,
    Natural,
    TelephonePseudonym,
    Text,
)  # fmt: skip

Direction = Literal["import", "export"]
Level = Literal["advanced_certified", "certified", "routine", "dishonest", "seriously_dishonest"]


class Payload(BaseModel):
    """Base of all payloads: frozen, and a field that nobody declared is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Line(Payload):
    """A line of goods in an order, a declaration list or a return.

    `quantity_e5` counts `unit`, `legal_quantity_e5` the tariff's own `legal_unit` (第一法定单位).
    """

    number: Natural
    item_no: Code | None = None
    name: Text | None = None
    specification: Annotated[str, Field(min_length=1, max_length=510)] | None = None
    barcode: Code | None = None
    record_no: Code | None = None
    hs_code: HsCode | None = None
    origin: Code | None = None
    currency: Code = "142"
    unit: Code | None = None
    quantity_e5: Natural
    legal_unit: Code | None = None
    legal_quantity_e5: Natural | None = None
    price_millifen: Natural | None = None
    total_fen: Fen | None = None


Lines = Annotated[tuple[Line, ...], Field(max_length=MOST_LINES)]


class Identity(Payload):
    """Registration of an enterprise (备案), its owners (shareholders, 股东), and the end of its business (`closed_on`)."""

    enterprise: EnterpriseId
    name: Text
    role: Literal["ecommerce", "platform", "payment", "logistics", "agent", "warehouse"]
    registered_on: Moment
    closed_on: Moment | None = None
    customs_code: Code | None = None
    district: Code | None = None
    capital_fen: Fen | None = None
    legal_person: IdentityPseudonym | None = None
    shareholders: Annotated[tuple[IdentityPseudonym, ...], Field(max_length=50)] = ()
    parent_enterprises: Annotated[tuple[EnterpriseId, ...], Field(max_length=50)] = ()


class Order(Payload):
    """Order 订单 (CEB 311/303). `total_fen` is what the buyer really pays (acturalPaid)."""

    order_no: Code
    enterprise: EnterpriseId
    platform: EnterpriseId
    direction: Direction = "import"
    total_fen: Fen
    goods_value_fen: Fen
    freight_fen: Fen | None = None
    discount_fen: Fen | None = None
    tax_fen: Fen | None = None
    buyer: IdentityPseudonym | None = None
    buyer_name: NamePseudonym | None = None
    buyer_telephone: TelephonePseudonym | None = None
    consignee: NamePseudonym | None = None
    consignee_telephone: TelephonePseudonym | None = None
    consignee_address: AddressPseudonym | None = None
    payment_firm: EnterpriseId | None = None
    payment_no: Code | None = None
    currency: Code = "142"
    lines: Lines = ()


class Payment(Payload):
    """Payment 支付单 (CEB 411) or receipt of funds 收款单 (403). It names the platform, seldom the e-commerce firm."""

    payment_no: Code
    order_no: Code
    enterprise: EnterpriseId | None = None
    payment_firm: EnterpriseId
    platform: EnterpriseId | None = None
    direction: Direction = "import"
    paid_fen: Fen
    payer: IdentityPseudonym | None = None
    payer_name: NamePseudonym | None = None
    payer_telephone: TelephonePseudonym | None = None
    currency: Code = "142"


class Waybill(Payload):
    """Waybill 运单 (CEB 511/505). A logistics firm seldom names the e-commerce firm."""

    waybill_no: Code
    order_no: Code | None = None
    enterprise: EnterpriseId | None = None
    logistics_firm: EnterpriseId
    direction: Direction = "import"
    gross_mass_g: Grams
    freight_fen: Fen | None = None
    insurance_fen: Fen | None = None
    pieces: Natural | None = None
    bill_no: Code | None = None
    consignee: NamePseudonym | None = None
    consignee_telephone: TelephonePseudonym | None = None
    consignee_address: AddressPseudonym | None = None
    currency: Code = "142"


class Tracking(Payload):
    """What happened to a waybill: arrival 运抵 (CEB 507), departure 离境 (509), signed for 签收 (513)."""

    waybill_no: Code
    logistics_firm: EnterpriseId
    event: Literal["arrived", "departed", "signed", "other"]
    status: Code | None = None
    customs_office: Code | None = None
    transport_mode: Code | None = None
    bill_no: Code | None = None


class Declaration(Payload):
    """Declaration list 清单 (CEB 621/603), or a declaration of another register mapped onto it.

    `hs_code`, `origin` and `quantity` are those of the line of the greatest value. `traits` holds further coded facts that a
    register declares beyond the CEB fields, by name.
    """

    declaration_no: Code
    enterprise: EnterpriseId
    direction: Direction = "import"
    customs_office: Code | None = None
    port: Code | None = None
    trade_mode: Code | None = None
    transport_mode: Code | None = None
    declarant: EnterpriseId | None = None
    platform: EnterpriseId | None = None
    producer: Code | None = None
    warehouse: Code | None = None
    seller: Code | None = None
    logistics_firm: EnterpriseId | None = None
    order_no: Code | None = None
    waybill_no: Code | None = None
    company_no: Code | None = None
    account_book: Code | None = None
    bill_no: Code | None = None
    supervision_site: Code | None = None
    hs_code: HsCode | None = None
    origin: Code | None = None
    departure: Code | None = None
    destination: Code | None = None
    buyer: IdentityPseudonym | None = None
    buyer_name: NamePseudonym | None = None
    buyer_telephone: TelephonePseudonym | None = None
    consignee_address: AddressPseudonym | None = None
    declared_value_fen: Fen
    freight_fen: Fen | None = None
    insurance_fen: Fen | None = None
    quantity: Natural | None = None
    pieces: Natural | None = None
    net_mass_g: Grams | None = None
    gross_mass_g: Grams | None = None
    tax_rate_bp: Natural | None = None
    tax_type: Code | None = None
    currency: Code = "142"
    lines: Lines = ()
    traits: dict[Code, Text] = Field(default_factory=dict, max_length=20)


class ListStatus(Payload):
    """What customs answered on a declaration list 回执 (CEB 622/604), for instance 100 rejected, 500 inspection, 800 released."""

    declaration_no: Code
    enterprise: EnterpriseId | None = None
    status: Code
    company_no: Code | None = None


class Cancellation(Payload):
    """An application to cancel a declaration list 撤单 (CEB 623/605)."""

    declaration_no: Code
    enterprise: EnterpriseId
    order_no: Code | None = None
    waybill_no: Code | None = None
    buyer: IdentityPseudonym | None = None
    reason: Text | None = None


class Return(Payload):
    """Goods that come back 退货 (CEB 625)."""

    declaration_no: Code
    enterprise: EnterpriseId
    platform: EnterpriseId | None = None
    order_no: Code | None = None
    waybill_no: Code | None = None
    buyer: IdentityPseudonym | None = None
    reason: Text | None = None
    lines: Lines = ()


class TaxBill(Payload):
    """A tax bill 电子税单 (CEB 816)."""

    tax_no: Code
    declaration_no: Code
    enterprise: EnterpriseId | None = None
    order_no: Code | None = None
    duty_fen: Fen
    vat_fen: Fen
    consumption_tax_fen: Fen
    status: Code


class Settlement(Payload):
    """FX settlement 结汇 or export tax rebate 退税 of an enterprise."""

    enterprise: EnterpriseId
    subject: Literal["fx_settlement", "tax_rebate"]
    amount_fen: Fen
    order_no: Code | None = None


class Supervision(Payload):
    """What a supervising officer did or found: an inspection, a statutory level, a penalty, a step of a listing case.

    `facts` restates the inspected declaration, so that a record explains itself; intake fills it where the sender did not.
    A listing case goes through notice (告知), the firm's statement (陈述申辩) and decision; `case_no` joins its steps, `ground`
    names the statutory ground or the certification, `legal_basis` the article.
    """

    event: Literal[
        "inspection", "statutory_level", "penalty", "audit", "listing_notice", "listing_statement", "listing_decision"
    ]
    enterprise: EnterpriseId
    declaration_no: Code | None = None
    finding: Literal["hit", "clean"] | None = None
    violation: Code | None = None
    duty_recovered_fen: Fen | None = None
    fine_fen: Fen | None = None
    level: Level | None = None
    selected_by: Code | None = None
    inclusion_permille: Annotated[int, Field(ge=0, le=1000, strict=True)] | None = None
    case_no: Code | None = None
    ground: Code | None = None
    legal_basis: Text | None = None
    facts: Declaration | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Supervision":
        if self.event == "inspection" and (self.finding is None or self.declaration_no is None):
            raise ValueError("an inspection needs `declaration_no` and `finding` (hit or clean)")
        if self.event == "statutory_level" and self.level is None:
            raise ValueError("a statutory level needs `level`")
        if self.event.startswith("listing") and (self.case_no is None or self.ground is None):
            raise ValueError("a step of a listing case needs `case_no` and `ground`")
        return self


class PublicCredit(Payload):
    """A record of the public social-credit platform (公共信用)."""

    enterprise: EnterpriseId
    event: Literal["permit", "award", "penalty", "court_judgment", "tax_arrears", "abnormal_operation", "listing"]
    authority: Text
    severity: Literal["minor", "general", "serious"] = "general"
    amount_fen: Fen | None = None
    document_no: Code | None = None


class Match(Payload):
    """The match of a declaration's documents after one of them came late. Derived at intake, never sent.

    `match` has the `outcomes` of the checks and their `differences` (see `data.matching`).
    """

    declaration_no: Code
    enterprise: EnterpriseId
    order_no: Code | None = None
    match: dict[str, dict[str, str | int]]


PAYLOADS: dict[str, type[Payload]] = {
    "identity": Identity,
    "order": Order,
    "payment": Payment,
    "waybill": Waybill,
    "tracking": Tracking,
    "declaration": Declaration,
    "list_status": ListStatus,
    "cancellation": Cancellation,
    "return": Return,
    "tax_bill": TaxBill,
    "settlement": Settlement,
    "supervision": Supervision,
    "public_credit": PublicCredit,
}
"""What senders send, by kind."""
DERIVED: dict[str, type[Payload]] = {"match": Match}
"""What intake itself adds, by kind."""
_OWNERS = ("legal_person", "parent")
ADDED: dict[type[Payload], tuple[str, ...]] = {
    Declaration: ("match", "payer", "consignee_telephone", *_OWNERS), Supervision: _OWNERS, PublicCredit: _OWNERS,
}  # fmt: skip
"""Fields that intake restates onto a record from what others say (see `data.linking`). Nobody can send them."""
KINDS = tuple(PAYLOADS)
Kind = Literal[
    "identity", "order", "payment", "waybill", "tracking", "declaration", "list_status", "cancellation", "return",
    "tax_bill", "settlement", "supervision", "public_credit",
]  # fmt: skip


ENVELOPE_FIELDS = ("guid", "source", "action", "event_at", "known_at", "usable_until")
"""The fields of an envelope beside its kind and payload: the first columns of records as rows."""


def envelope_of(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    """A row of our own layout as the envelope that it stands for."""
    given = compact(row)
    head = {name: given.pop(name) for name in ENVELOPE_FIELDS if name in given}
    return {"kind": kind, **head, "payload": given}


def compact(value: Any) -> Any:
    """A value of a row without what is not given: nulls, and empty lists and maps, at every depth."""
    if isinstance(value, dict):
        return {key: compact(inner) for key, inner in value.items() if inner is not None and inner not in ([], {})}
    if isinstance(value, list):
        if value and isinstance(value[0], tuple):
            return dict(value)  # a map comes as a list of pairs
        return [compact(inner) for inner in value]
    return value


def as_sent(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    """A stored payload without the fields that intake added, also those of an inspected declaration."""
    added = ADDED.get((PAYLOADS | DERIVED)[kind], ())
    sent = {name: value for name, value in payload.items() if name not in added}
    return sent | {"facts": as_sent("declaration", sent["facts"])} if "facts" in sent else sent
