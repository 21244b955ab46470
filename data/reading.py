"""From raw input to records: persons become pseudonyms first, then the record is read and checked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from data.codes.rates import Rates
from data.masking import masked, pseudonymised
from data.payloads import PAYLOADS
from data.pseudonyms import Pseudonyms
from data.records import Record, canonical, read_record


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What raw input is read with.

    Arguments:
        pseudonyms: the key under which persons become pseudonyms.
        received_at: the instant of intake.
        rates: exchange rates, for amounts in other currencies than yuan.
        historical: whether a sender's own `known_at` is taken over (imports of the past only).
        assumed_delay: for messages that do not say when they became known: microseconds after they were sent, in a historical
            import; None stamps the instant of intake.
        trusted: whether what looks like a pseudonym is one (our own quarantine and snapshots).
    """

    pseudonyms: Pseudonyms
    received_at: int
    rates: Rates = field(default_factory=lambda: Rates(()))
    historical: bool = False
    assumed_delay: int | None = None
    trusted: bool = False

    def record(self, raw: object) -> Record:
        """A raw record as a valid one.

        Raises:
            InvalidRecordError: with every fault found, field by field.
        """
        kind = raw.get("kind") if isinstance(raw, Mapping) else None
        if (
            isinstance(raw, Mapping)
            and isinstance(kind, str)
            and kind in PAYLOADS
            and isinstance(raw.get("payload"), Mapping)
        ):
            payload = raw["payload"]
            raw = {**raw, "payload": pseudonymised(kind, payload, self.pseudonyms, trusted=self.trusted)}
        return read_record(raw, received_at=self.received_at, historical=self.historical)

    def kept(self, raw: object) -> bytes:
        """A refused raw record as quarantine keeps it."""
        kept = masked(raw, self.pseudonyms, trusted=self.trusted)
        try:
            return canonical(kept)
        except UnicodeEncodeError:  # half characters, which JSON can escape and UTF-8 cannot write
            return json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()
