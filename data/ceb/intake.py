"""Messages as rows of intake, and what is kept of the message itself."""

import hashlib
import re
from collections.abc import Callable, Iterator

from sqlalchemy import Connection

from data.ceb.bodies import Body, Values
from data.ceb.masking import masked_xml
from data.ceb.reader import Damage, Extra, Opening, Readable, read_message
from data.ceb.receipts import Answered, write_receipt
from data.ceb.records import records_of
from data.ceb.table import MessageSpec
from data.ceb.writer import write_message
from data.codes import enterprise_fault
from data.intake import Row, Taken, Tally
from data.reading import Reading
from data.store import messages as message_rows

_UNREADABLE = "message"
_GUID = re.compile("[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\\Z")
_ADDRESS = re.compile(r"[A-Z]{2,10}[0-9]{4,20}\Z")
"""An address of the exchange platform (dxpId), for instance DXPENT0000012345."""


class Message:
    """One message while it is read: its rows one by one, and afterwards what its envelope said.

    Arguments:
        stream: the bytes of the message.
        origin: where they came from.
    """

    def __init__(self, stream: Readable, *, origin: str, reading: Reading) -> None:
        self._stream, self._origin, self._reading = _Hashed(stream), origin, reading
        self.spec: MessageSpec | None = None
        self.guid = self.sender = ""
        self.signature_digest: str | None = None
        self.heads: list[Values] = []
        """Of each row, the numbers that its receipt repeats."""
        self.keeps_heads = True

    @property
    def read_bytes(self) -> int:
        """How many bytes were read so far."""
        return self._stream.count

    def rows(self) -> Iterator[Row]:
        """The bodies as rows, numbered from 1. What could not be read is a row with its fault."""
        for piece in read_message(self._stream):
            match piece:
                case Opening(spec, guid):
                    self.spec, self.guid = spec, guid if _GUID.match(guid) else ""
                case Body():
                    self._note(piece.head)
                    yield self._row(piece)
                case Damage(number, raw, reason):
                    self._note({})
                    yield Row(
                        self._origin, number, _masking(raw, self._reading), faults=((_UNREADABLE, reason),), form="text"
                    )
                case Extra("BaseTransfer", _, values):
                    self.sender = _sender(values)
                case Extra("Signature", raw, _):
                    self.signature_digest = hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()
                case Extra():
                    pass

    def _note(self, head: Values) -> None:
        if self.keeps_heads:
            self.heads.append(head)

    def _row(self, body: Body) -> Row:
        records, faults = records_of(body, self._reading)

        def kept() -> bytes:
            masked = masked_xml(body.raw, self._reading.pseudonyms, trusted=self._reading.trusted)
            prefix = body.raw[1:].partition(body.spec.body)[0]
            return write_message(body.spec, [masked], guid=self.guid, prefix=prefix).encode()

        return Row(self._origin, body.number, kept, records, faults, "xml")

    def store(self, connection: Connection, tally: Tally) -> None:
        """Keep what the envelope said, once all rows are taken."""
        message_rows.put(
            connection,
            message_rows.Received(
                received_at=self._reading.received_at, origin=self._origin, message=self.spec.number if self.spec else "",
                guid=self.guid, sender=self.sender, accepted=tally.accepted, duplicate=tally.duplicate,
                rejected=tally.rejected, digest=self._stream.digest(), signature_digest=self.signature_digest,
            ),
        )  # fmt: skip

    def receipt(self, taken: Taken) -> str | None:
        """The receipt message for all rows; None where the message is not one that is answered."""
        if self.spec is None:
            return None
        faults = {refusal.line: refusal.faults for refusal in taken.tally.refusals}
        answered = [
            Answered(head, status == "duplicate", faults.get(number, ()))
            for number, (head, status) in enumerate(zip(self.heads, taken.statuses, strict=True), start=1)
        ]
        return write_receipt(self.spec, self.guid, answered, self._reading.received_at)


def _sender(transfer: Values) -> str:
    """Who sent a message, where it is written like a code: any other text could name a person."""
    code, address = transfer.get("copCode", ""), transfer.get("dxpId", "")
    if enterprise_fault(code) is None:
        return code
    return address if _ADDRESS.match(address) else ""


def _masking(raw: str, reading: Reading) -> Callable[[], bytes]:
    return lambda: masked_xml(raw, reading.pseudonyms, trusted=reading.trusted).encode("utf-8", "replace")


class _Hashed:
    """A stream that counts and digests what is read from it."""

    def __init__(self, stream: Readable) -> None:
        self._stream, self._sha256 = stream, hashlib.sha256()
        self.count = 0

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._stream.read(size)
        self._sha256.update(chunk)
        self.count += len(chunk)
        return chunk

    def digest(self) -> str:
        while self.read(1 << 20):
            pass
        return self._sha256.hexdigest()
