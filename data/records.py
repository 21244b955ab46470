"""Records: one envelope with its three times around a typed payload, read from raw values and refused with reasons."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from data.errors import InvalidRecordError
from data.masking import shown_name
from data.payloads import PAYLOADS, Kind, as_sent, compact
from data.times import OPEN, SECOND, from_instant, show, to_instant
from data.values import Code, Moment

Action = Literal["new", "change", "delete", "repair"]
"""What the sender does: CEB appType 1, 2, 3; and credit repair, which ends the use of a record."""
_REFERENCES = {
    "identity": "enterprise", "order": "order_no", "payment": "payment_no", "waybill": "waybill_no", "tracking": "waybill_no",
    "tax_bill": "tax_no",
}  # fmt: skip
CLOCK_TOLERANCE = 300 * SECOND
"""How far a sender's clock may run ahead of ours before its date counts as a date in the future."""


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
        field = _REFERENCES.get(self.kind, "declaration_no")
        return self.payload.get(field)


@dataclass(frozen=True, slots=True)
class Version:
    """A stored version: its place in the order of intake, and when the next version of its guid became known.

    `ended_by` is the place of that next version where the reader tells it (`data.store.records.read_back`).
    """

    seq: int
    record: Record
    ended_at: int
    ended_by: int = OPEN


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
        path = ".".join(shown_name(part) if isinstance(part, str) else str(part) for part in fault["loc"]) or "record"
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
        payload = compact(typed.model_dump(mode="json", exclude_none=True))
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
    usable_until: int = OPEN, payload: dict[str, Any], sent: object = None,
) -> Record:  # fmt: skip
    """A `Record` with its digest, from parts that are known to be valid.

    Arguments:
        sent: what the sender wrote where that says more than the payload: the digest is then over it.
    """
    content = [kind, guid, source, action, event_at, usable_until, payload if sent is None else sent]
    return Record(
        kind=kind, guid=guid, source=source, action=action, event_at=event_at, known_at=known_at,
        usable_until=usable_until, payload=payload, digest=digest_of(content),
    )  # fmt: skip


def as_envelope(record: Record) -> dict[str, Any]:
    """The record as a sender would write it: JSON values only, without what intake added."""

    def written(instant: int) -> str:
        return from_instant(instant).isoformat()

    raw: dict[str, Any] = {
        "kind": record.kind, "guid": record.guid, "source": record.source, "action": record.action,
        "event_at": written(record.event_at), "known_at": written(record.known_at),
        "payload": as_sent(record.kind, record.payload),
    }  # fmt: skip
    if record.usable_until != OPEN:
        raw["usable_until"] = written(record.usable_until)
    return raw


def utc_now() -> int:
    """The system clock as an instant: the one place that reads it."""
    return to_instant(datetime.now(UTC))
