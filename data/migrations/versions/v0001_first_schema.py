"""First schema: records, quarantine, decisions, feature state, bundles, promotions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "records",
        sa.Column("seq", _Serial, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("guid", sa.String(100), nullable=False),
        sa.Column("action", sa.String(10), nullable=False),
        sa.Column("event_at", sa.BigInteger, nullable=False),
        sa.Column("known_at", sa.BigInteger, nullable=False),
        sa.Column("usable_until", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("enterprise", sa.String(100)),
        sa.Column("reference", sa.String(100)),
        sa.Column("payload", sa.Text, nullable=False),
        sa.UniqueConstraint("kind", "source", "guid", "digest", name="uq_records_kind_source_guid_digest"),
    )
    op.create_index("ix_records_kind_reference", "records", ["kind", "reference"])
    op.create_index("ix_records_enterprise_seq", "records", ["enterprise", "seq"])
    op.create_table(
        "quarantine",
        sa.Column("id", _Serial, primary_key=True, autoincrement=True),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("line", sa.BigInteger, nullable=False),
        sa.Column("field", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("faults", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("declaration_no", sa.String(100), nullable=False),
        sa.Column("enterprise", sa.String(100), nullable=False),
        sa.Column("decided_at", sa.BigInteger, nullable=False),
        sa.Column("lane", sa.String(30), nullable=False),
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("request_digest", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.UniqueConstraint("idempotency_key", name="uq_decisions_idempotency_key"),
    )
    op.create_index("ix_decisions_declaration_no", "decisions", ["declaration_no"])
    op.create_index("ix_decisions_enterprise_decided_at", "decisions", ["enterprise", "decided_at"])
    op.create_table(
        "feature_state",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("state", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "feature_progress",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("catalogue", sa.String(64), nullable=False),
        sa.Column("applied_seq", sa.BigInteger, nullable=False),
        sa.Column("advanced_to", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "bundles",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("model", sa.String(40), nullable=False),
        sa.Column("stored_at", sa.BigInteger, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "promotions",
        sa.Column("seq", _Serial, primary_key=True, autoincrement=True),
        sa.Column("model", sa.String(40), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("promoted_at", sa.BigInteger, nullable=False),
        sa.Column("promoted_by", sa.String(100), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )


def downgrade() -> None:
    for table in ("promotions", "bundles", "feature_progress", "feature_state", "decisions", "quarantine", "records"):
        op.drop_table(table)
