"""Peers: what the firms of a group have as values of each feature, as of a moment."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "peer_tables",
        sa.Column("id", _Serial, primary_key=True, autoincrement=True),
        sa.Column("as_of", sa.BigInteger, nullable=False),
        sa.Column("catalogue", sa.String(64), nullable=False),
        sa.Column("firms", sa.BigInteger, nullable=False),
        sa.Column("left_out", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_peer_tables_as_of", "peer_tables", ["as_of"])
    op.create_table(
        "peer_values",
        sa.Column("table_id", sa.BigInteger, primary_key=True),
        sa.Column("role", sa.String(20), primary_key=True),
        sa.Column("band", sa.String(20), primary_key=True),
        sa.Column("district", sa.String(100), primary_key=True),
        sa.Column("firms", sa.BigInteger, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("peer_values")
    op.drop_table("peer_tables")
