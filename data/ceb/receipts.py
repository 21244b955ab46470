"""Receipts: what we answer to a message, body by body."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

from data.ceb.bodies import Faults, Values, is_good
from data.ceb.table import MessageSpec, messages
from data.ceb.writer import write_body, write_message
from data.times import CHINA, from_instant

_NOBODY = "00000000-0000-0000-0000-000000000000"
STORED, REFUSED = "120", "100"
"""Return status 入库 (taken in) and 退单 (rejected)."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one body. `head` holds its fields as far as they could be read; what is good of them the receipt repeats."""

    head: Values
    is_duplicate: bool
    faults: Faults


def receipt_of(spec: MessageSpec) -> MessageSpec | None:
    """The receipt that answers a message: its number plus one; None where there is none."""
    answer = messages().get(str(int(spec.number) + 1))
    return answer if answer is not None and answer.is_receipt else None


def write_receipt(spec: MessageSpec, guid: str, answered: Sequence[Answered], at: int) -> str | None:
    """The receipt message for a request; None where its number has none.

    Arguments:
        guid: of the request; the receipt's own follows from it and the time.
        at: the instant of intake.
    """
    answer = receipt_of(spec)
    if answer is None:
        return None
    moment = from_instant(at).astimezone(CHINA)
    time = f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 1000:03d}"
    bodies = []
    for one in answered:
        status = REFUSED if one.faults else STORED
        known = answer.head.by_name
        head = {"guid": _NOBODY} | {
            name: value for name, value in one.head.items() if name in known and is_good(known[name], value)
        }
        head |= {"returnStatus": status, "returnTime": time, "returnInfo": _info(one)}
        bodies.append(write_body(answer, head))
    own = str(uuid5(NAMESPACE_URL, f"{guid}/{at}")).upper()
    return write_message(answer, bodies, guid=own)


def _info(one: Answered) -> str:
    if one.faults:
        return "退单 rejected: " + "; ".join(f"{field} {reason}" for field, reason in one.faults)[:950]
    return "重复 known already" if one.is_duplicate else "入库 taken in"
