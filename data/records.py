"""The records of a trade: one envelope with its three times, and a typed payload a kind.

Field names follow the CEB customs messages where one exists (311 order, 411 payment, 511 waybill, 621/603 list).
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from data.errors import InvalidRecordError
from data.times import OPEN, SECOND, from_instant, show, to_instant
from data.values import Code, EnterpriseId, Fen, Grams, HsCode, Moment, Natural, Text

Action = Literal["new", "change", "delete", "repair"]
"""What the sender does: CEB appType 1, 2, 3; and credit repair, which ends the use of a record."""
CLOCK_TOLERANCE = 300 * SECOND
"""How far a sender's clock may run ahead of ours before its date counts as a date in the future."""


class Payload(BaseModel):
    """Base of all payloads: frozen, and a field that nobody declared is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Identity(Payload):
    """Registration of an enterprise (备案)."""

    enterprise: EnterpriseId
    name: Text
    role: Literal["ecommerce", "platform", "payment", "logistics", "agent", "warehouse"]
    registered_on: Moment
    district: Code | None = None
    capital_fen: Fen | None = None
    legal_person: Code | None = None


class Order(Payload):
    """Order 订单 (CEB 311/303)."""

    order_no: Code
    enterprise: EnterpriseId
    platform: EnterpriseId
    total_fen: Fen
    goods_value_fen: Fen
    buyer: Code | None = None
    consignee_address: Code | None = None
    currency: Code = "142"


class Payment(Payload):
    """Payment 支付单 (CEB 411) or receipt of funds (403)."""

    payment_no: Code
    order_no: Code
    enterprise: EnterpriseId
    payment_firm: EnterpriseId
    platform: EnterpriseId | None = None
    paid_fen: Fen
    payer: Code | None = None
    currency: Code = "142"


class Waybill(Payload):
    """Waybill 运单 (CEB 511/505)."""

    waybill_no: Code
    order_no: Code
    enterprise: EnterpriseId
    logistics_firm: EnterpriseId
    gross_mass_g: Grams
    consignee_address: Code | None = None


class Declaration(Payload):
    """Declaration list 清单 (CEB 621/603), or a declaration of another register mapped onto it.

    `traits` holds further coded facts that a register declares beyond the CEB fields, by name.
    """

    declaration_no: Code
    enterprise: EnterpriseId
    direction: Literal["import", "export"] = "import"
    customs_office: Code | None = None
    trade_mode: Code | None = None
    transport_mode: Code | None = None
    declarant: EnterpriseId | None = None
    platform: EnterpriseId | None = None
    seller: Code | None = None
    logistics_firm: EnterpriseId | None = None
    order_no: Code | None = None
    waybill_no: Code | None = None
    hs_code: HsCode | None = None
    origin: Code | None = None
    departure: Code | None = None
    buyer: Code | None = None
    consignee_address: Code | None = None
    declared_value_fen: Fen
    quantity: Natural | None = None
    net_mass_g: Grams | None = None
    gross_mass_g: Grams | None = None
    tax_rate_bp: Natural | None = None
    tax_type: Code | None = None
    currency: Code = "142"
    traits: dict[Code, Text] = Field(default_factory=dict, max_length=20)


class Settlement(Payload):
    """FX settlement 结汇 or export tax rebate 退税 of an enterprise."""

    enterprise: EnterpriseId
    subject: Literal["fx_settlement", "tax_rebate"]
    amount_fen: Fen
    order_no: Code | None = None


class Supervision(Payload):
    """What a supervising officer did or found: an inspection, a statutory level, a penalty.

    `facts` restates the inspected declaration, so that a record explains itself; intake fills it where the sender did not.
    """

    event: Literal["inspection", "statutory_level", "penalty"]
    enterprise: EnterpriseId
    declaration_no: Code | None = None
    finding: Literal["hit", "clean"] | None = None
    violation: Code | None = None
    duty_recovered_fen: Fen | None = None
    fine_fen: Fen | None = None
    level: Literal["advanced_certified", "certified", "routine", "dishonest", "seriously_dishonest"] | None = None
    selected_by: Code | None = None
    inclusion_permille: Annotated[int, Field(ge=0, le=1000, strict=True)] | None = None
    facts: Declaration | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Supervision":
        if self.event == "inspection" and (self.finding is None or self.declaration_no is None):
            raise ValueError("an inspection needs `declaration_no` and `finding` (hit or clean)")
        if self.event == "statutory_level" and self.level is None:
            raise ValueError("a statutory level needs `level`")
        return self


class PublicCredit(Payload):
    """A record of the public social-credit platform (公共信用)."""

    enterprise: EnterpriseId
    event: Literal["permit", "award", "penalty", "court_judgment", "tax_arrears", "abnormal_operation", "listing"]
    authority: Text
    severity: Literal["minor", "general", "serious"] = "general"
    amount_fen: Fen | None = None
    document_no: Code | None = None


PAYLOADS: dict[str, type[Payload]] = {
    "identity": Identity,
    "order": Order,
    "payment": Payment,
    "waybill": Waybill,
    "declaration": Declaration,
    "settlement": Settlement,
    "supervision": Supervision,
    "public_credit": PublicCredit,
}
KINDS = tuple(PAYLOADS)
Kind = Literal["identity", "order", "payment", "waybill", "declaration", "settlement", "supervision", "public_credit"]


class Envelope(BaseModel):
    """A record as it arrives: who sends it, what it does, when it happened, and its payload still unread."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    guid: Code
    source: Code
    action: Action = "new"
    event_at: Moment
    known_at: Moment | None = None
    usable_until: Moment | None = None
    payload: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One valid version of a record. Times are instants (see `data.times`); `usable_until` is `OPEN` where nothing ends it.

    `digest` is the SHA-256 of the content without `known_at`, so that the same record sent twice has the same digest.
    """

    kind: str
    guid: str
    source: str
    action: Action
    event_at: int
    known_at: int
    usable_until: int
    payload: dict[str, Any]
    digest: str

    @property
    def reference(self) -> str | None:
        """The number under which other records speak of this one."""
        field = {"order": "order_no", "payment": "payment_no", "waybill": "waybill_no"}.get(self.kind, "declaration_no")
        return self.payload.get(field)


@dataclass(frozen=True, slots=True)
class Version:
    """A stored version: its place in the order of intake, and when the next version of its guid became known."""

    seq: int
    record: Record
    ended_at: int


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no spaces: the same value always gives the same bytes."""
    return msgspec.json.encode(value, order="sorted")


def digest_of(value: object) -> str:
    """SHA-256 of the canonical JSON of a value, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


_ENVELOPE = TypeAdapter(Envelope)
_ADAPTERS = {kind: TypeAdapter(payload) for kind, payload in PAYLOADS.items()}


def _faults(error: ValidationError, prefix: str = "") -> tuple[tuple[str, str], ...]:
    """Field and reason of each fault, without the value (it may be a person's)."""
    found = []
    for fault in error.errors(include_input=False, include_url=False, include_context=False):
        path = ".".join(str(part) for part in fault["loc"]) or "record"
        reason = "is not a declared field" if fault["type"] == "extra_forbidden" else fault["msg"]
        found.append((prefix + path, reason.removeprefix("Value error, ")))
    return tuple(found)


def read_record(raw: object, *, received_at: int, historical: bool = False) -> Record:
    """One raw record (parsed JSON or a mapped row) as a valid `Record`.

    Arguments:
        raw: a mapping with the fields of `Envelope`.
        received_at: the instant of intake; stamped as `known_at` unless the import is historical.
        historical: whether the sender's own `known_at` is taken over (imports of the past only).
    Raises:
        InvalidRecordError: with every fault found, field by field.
    """
    try:
        envelope = _ENVELOPE.validate_python(raw)
    except ValidationError as error:
        raise InvalidRecordError(_faults(error)) from None
    payload: dict[str, Any] = {}
    if envelope.action in ("new", "change"):
        try:
            typed = _ADAPTERS[envelope.kind].validate_python(envelope.payload)
        except ValidationError as error:
            raise InvalidRecordError(_faults(error, "payload.")) from None
        payload = typed.model_dump(mode="json", exclude_none=True)
    event_at = to_instant(envelope.event_at)
    if event_at > received_at + CLOCK_TOLERANCE:
        raise InvalidRecordError((("event_at", f"lies in the future (received at {show(received_at)})"),))
    known_at = received_at
    if historical and envelope.known_at is not None:
        known_at = to_instant(envelope.known_at)
        if known_at > received_at:
            raise InvalidRecordError((("known_at", f"lies in the future (received at {show(received_at)})"),))
    usable_until = OPEN if envelope.usable_until is None else to_instant(envelope.usable_until)
    return make_record(
        kind=envelope.kind, guid=envelope.guid, source=envelope.source, action=envelope.action,
        event_at=event_at, known_at=known_at, usable_until=usable_until, payload=payload,
    )  # fmt: skip


def make_record(
    *, kind: str, guid: str, source: str, action: Action, event_at: int, known_at: int,
    usable_until: int = OPEN, payload: dict[str, Any],
) -> Record:  # fmt: skip
    """A `Record` with its digest, from parts that are known to be valid."""
    content = [kind, guid, source, action, event_at, usable_until, payload]
    return Record(
        kind=kind, guid=guid, source=source, action=action, event_at=event_at, known_at=known_at,
        usable_until=usable_until, payload=payload, digest=digest_of(content),
    )  # fmt: skip


def as_envelope(record: Record) -> dict[str, Any]:
    """The record as a sender would write it: JSON values only."""

    def written(instant: int) -> str:
        return from_instant(instant).isoformat()

    raw: dict[str, Any] = {
        "kind": record.kind, "guid": record.guid, "source": record.source, "action": record.action,
        "event_at": written(record.event_at), "known_at": written(record.known_at), "payload": record.payload,
    }  # fmt: skip
    if record.usable_until != OPEN:
        raw["usable_until"] = written(record.usable_until)
    return raw


def utc_now() -> int:
    """The system clock as an instant: the one place that reads it."""
    return to_instant(datetime.now(UTC))
