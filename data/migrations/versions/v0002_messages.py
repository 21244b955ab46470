"""Messages, exchange rates, staging, work on quarantine; documents found by order and waybill number."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    for name in ("order_no", "waybill_no", "buyer"):
        op.add_column("records", sa.Column(name, sa.String(100)))
        op.execute(sa.text(_FILLED[op.get_bind().dialect.name].format(name=name)))
    op.add_column("records", sa.Column("dutiable_fen", sa.BigInteger))
    op.execute(sa.text(_DUTIABLE[op.get_bind().dialect.name]))
    op.create_index("ix_records_order_no", "records", ["order_no"])
    op.create_index("ix_records_waybill_no", "records", ["waybill_no"])
    op.create_index("ix_records_buyer_event_at", "records", ["buyer", "event_at"])
    op.add_column("quarantine", sa.Column("form", sa.String(10), nullable=False, server_default="json"))
    op.add_column("quarantine", sa.Column("mapping", sa.Text))
    op.create_table(
        "quarantine_steps",
        sa.Column("id", _Serial, primary_key=True, autoincrement=True),
        sa.Column("row", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("step", sa.String(20), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary),
    )
    op.create_index("ix_quarantine_steps_row", "quarantine_steps", ["row"])
    op.create_table(
        "messages",
        sa.Column("id", _Serial, primary_key=True, autoincrement=True),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("message", sa.String(10), nullable=False),
        sa.Column("guid", sa.String(36), nullable=False),
        sa.Column("sender", sa.String(100), nullable=False),
        sa.Column("accepted", sa.BigInteger, nullable=False),
        sa.Column("duplicate", sa.BigInteger, nullable=False),
        sa.Column("rejected", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("signature_digest", sa.String(64)),
    )
    op.create_index("ix_messages_guid", "messages", ["guid"])
    op.create_table(
        "exchange_rates",
        sa.Column("currency", sa.String(3), primary_key=True),
        sa.Column("valid_from", sa.String(10), primary_key=True),
        sa.Column("micro_cny", sa.BigInteger, nullable=False),
        sa.Column("loaded_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "pseudonym_keys",
        sa.Column("key_id", sa.String(16), primary_key=True),
        sa.Column("proof", sa.String(64), nullable=False),
        sa.Column("first_used_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "staging",
        sa.Column("id", _Serial, primary_key=True, autoincrement=True),
        sa.Column("load", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("first_known_at", sa.BigInteger, nullable=False),
        sa.Column("last_known_at", sa.BigInteger, nullable=False),
        sa.Column("batch", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_staging_load", "staging", ["load"])


_FILLED = {
    "sqlite": "UPDATE records SET {name} = json_extract(payload, '$.{name}')",
    "postgresql": "UPDATE records SET {name} = payload::json ->> '{name}'",
}
# before this version a declaration had neither freight nor insurance
_DUTIABLE = {
    "sqlite": "UPDATE records SET dutiable_fen = json_extract(payload, '$.declared_value_fen') WHERE kind = 'declaration'"
    " AND json_extract(payload, '$.direction') = 'import'",
    "postgresql": "UPDATE records SET dutiable_fen = (payload::json ->> 'declared_value_fen')::bigint"
    " WHERE kind = 'declaration' AND payload::json ->> 'direction' = 'import'",
}


def downgrade() -> None:
    for table in ("staging", "pseudonym_keys", "exchange_rates", "messages", "quarantine_steps"):
        op.drop_table(table)
    op.drop_column("quarantine", "mapping")
    op.drop_column("quarantine", "form")
    for index in ("order_no", "waybill_no", "buyer_event_at"):
        op.drop_index(f"ix_records_{index}", "records")
    for name in ("order_no", "waybill_no", "buyer", "dutiable_fen"):
        op.drop_column("records", name)
