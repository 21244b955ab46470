"""The one SQL schema. Instants are BIGINT microseconds UTC; JSON is canonical text; nothing is ever rewritten."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)  # fmt: skip

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives its fast row ids to INTEGER only
_Serial = BigInteger().with_variant(Integer, "sqlite")

records = Table(
    "records", metadata,
    Column("seq", _Serial, primary_key=True, autoincrement=True),
    Column("kind", String(20), nullable=False),
    Column("source", String(100), nullable=False),
    Column("guid", String(100), nullable=False),
    Column("action", String(10), nullable=False),
    Column("event_at", BigInteger, nullable=False),
    Column("known_at", BigInteger, nullable=False),
    Column("usable_until", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("enterprise", String(100)),
    Column("reference", String(100)),
    Column("order_no", String(100)),
    Column("waybill_no", String(100)),
    Column("buyer", String(100)),
    Column("dutiable_fen", BigInteger),
    Column("payload", Text, nullable=False),
    UniqueConstraint("kind", "source", "guid", "digest"),
    Index(None, "kind", "reference"),
    Index(None, "enterprise", "seq"),
    Index(None, "order_no"),
    Index(None, "waybill_no"),
    Index(None, "buyer", "event_at"),
)  # fmt: skip
"""Every version of every record, in the order of intake. A version ends when the next one of its guid becomes known."""

quarantine = Table(
    "quarantine", metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("received_at", BigInteger, nullable=False),
    Column("origin", Text, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("field", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("faults", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("form", String(10), nullable=False, server_default="json"),
    Column("mapping", Text),
)  # fmt: skip
"""What was refused: where it came from, the first fault (and all of them as JSON), and the bytes without persons.

`form` says how the bytes are read again: json, xml, csv (with the file's header line), or text that nothing can read.
"""

quarantine_steps = Table(
    "quarantine_steps", metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("row", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("step", String(20), nullable=False),
    Column("note", Text, nullable=False),
    Column("raw", LargeBinary),
    Column("form", String(10)),
    Index(None, "row"),
)  # fmt: skip
"""What people did about a refused row: it was accepted, a duplicate, refused again, or dismissed. The last step counts.

Where a fix changed the bytes, they are in `raw` (without persons), and `form` says how they are read again.
"""

messages = Table(
    "messages", metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("received_at", BigInteger, nullable=False),
    Column("origin", Text, nullable=False),
    Column("message", String(10), nullable=False),
    Column("guid", String(36), nullable=False),
    Column("sender", String(100), nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("duplicate", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("signature_digest", String(64)),
    Index(None, "guid"),
)  # fmt: skip
"""CEB messages received: whose, what became of their bodies, SHA-256 of the whole and of the signature element."""

exchange_rates = Table(
    "exchange_rates", metadata,
    Column("currency", String(3), primary_key=True),
    Column("valid_from", String(10), primary_key=True),
    Column("micro_cny", BigInteger, nullable=False),
    Column("loaded_at", BigInteger, nullable=False),
)  # fmt: skip
"""Customs exchange rates: millionths of a yuan for one unit of a currency, from a day in China on. Never rewritten."""

pseudonym_keys = Table(
    "pseudonym_keys", metadata,
    Column("key_id", String(16), primary_key=True),
    Column("proof", String(64), nullable=False),
    Column("first_used_at", BigInteger, nullable=False),
)  # fmt: skip
"""Which pseudonym keys were used: a proof of each, not the key, so that a changed secret under an old id is noticed."""

staging = Table(
    "staging", metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("load", String(40), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("origin", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("first_known_at", BigInteger, nullable=False),
    Column("last_known_at", BigInteger, nullable=False),
    Column("batch", LargeBinary, nullable=False),
    Index(None, "load"),
)  # fmt: skip
"""Rows of Parquet files that passed every check and wait to be taken in by time: Arrow batches, dropped afterwards."""

decisions = Table(
    "decisions", metadata,
    Column("id", String(40), primary_key=True),
    Column("declaration_no", String(100), nullable=False),
    Column("enterprise", String(100), nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Column("lane", String(30), nullable=False),
    Column("idempotency_key", String(255), unique=True),
    Column("request_digest", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Index(None, "declaration_no"),
    Index(None, "enterprise", "decided_at"),
    Index(None, "decided_at"),
)  # fmt: skip
"""Each decision as it was answered (`body`), and what it was computed from (`evidence`: vectors, draw, digests)."""

feature_state = Table(
    "feature_state", metadata,
    Column("key", Text, primary_key=True),
    Column("part", BigInteger, primary_key=True, autoincrement=False),
    Column("state", LargeBinary, nullable=False),
)  # fmt: skip
"""The live state of each key in parts (see `features.online`): a view of `records` that can be rebuilt from them at any time."""

feature_values = Table(
    "feature_values", metadata,
    Column("name", Text, primary_key=True),
    Column("days", LargeBinary, nullable=False),
)  # fmt: skip
"""Of each value that a distinct count of a key tells apart: on which days it counts. A part of the live state."""

feature_progress = Table(
    "feature_progress", metadata,
    Column("id", Integer, primary_key=True),
    Column("catalogue", String(64), nullable=False),
    Column("applied_seq", BigInteger, nullable=False),
    Column("advanced_to", BigInteger, nullable=False),
)  # fmt: skip
"""One row: for which catalogue the live state holds, up to which record, and the latest moment that it has seen."""

bundles = Table(
    "bundles", metadata,
    Column("digest", String(64), primary_key=True),
    Column("model", String(40), nullable=False),
    Column("stored_at", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
)  # fmt: skip
"""Model bundles by digest, data only: what decided once can be recomputed years later."""

promotions = Table(
    "promotions", metadata,
    Column("seq", _Serial, primary_key=True, autoincrement=True),
    Column("model", String(40), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("promoted_at", BigInteger, nullable=False),
    Column("promoted_by", String(100), nullable=False),
    Column("reason", Text, nullable=False),
    Column("kind", String(10), nullable=False, server_default="promotion"),
    Column("environment", String(10), nullable=False, server_default="trial"),
    Column("login", String(100)),
    Column("version", String(40)),
    Column("proposal", BigInteger),
    Index(None, "proposal", unique=True),
)  # fmt: skip
"""Who made which bundle the champion, when and why: a promotion or a rollback, on trial or in production, under which login,
which version of the registry, by which proposal (installed once at most). The last row of a model names its champion."""

proposals = Table(
    "proposals", metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("model", String(40), nullable=False),
    Column("version", String(40), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("environment", String(10), nullable=False),
    Column("proposed_at", BigInteger, nullable=False),
    Column("proposed_by", String(100), nullable=False),
    Column("login", String(100), nullable=False),
    Column("reason", Text, nullable=False),
    Column("judged", Text, nullable=False),
    Index(None, "model", "version"),
)  # fmt: skip
"""Who wants which version to be the champion, and why. `judged` is what the gates saw and said (see `models.promotion`)."""

peer_tables = Table(
    "peer_tables", metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("as_of", BigInteger, nullable=False),
    Column("catalogue", String(64), nullable=False),
    Column("firms", BigInteger, nullable=False),
    Column("left_out", BigInteger, nullable=False),
    Index(None, "as_of"),
)  # fmt: skip
"""Each building of the peers' values: as of when, for which definitions, of how many firms, how many were left out."""

peer_values = Table(
    "peer_values", metadata,
    Column("table_id", BigInteger, primary_key=True),
    Column("role", String(20), primary_key=True),
    Column("band", String(20), primary_key=True),
    Column("district", String(100), primary_key=True),
    Column("firms", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
)  # fmt: skip
"""The firms of one role, size band and district: of each feature the values that they have, and how often each."""
