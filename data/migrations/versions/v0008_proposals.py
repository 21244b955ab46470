"""Proposals of promotions, and what kind of promotion each was: earlier ones were made by one person, without gates."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "proposals",
        sa.Column("id", _Serial, primary_key=True, autoincrement=True),
        sa.Column("model", sa.String(40), nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("environment", sa.String(10), nullable=False),
        sa.Column("proposed_at", sa.BigInteger, nullable=False),
        sa.Column("proposed_by", sa.String(100), nullable=False),
        sa.Column("login", sa.String(100), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("judged", sa.Text, nullable=False),
    )
    op.create_index("ix_proposals_model_version", "proposals", ["model", "version"])
    op.add_column("promotions", sa.Column("kind", sa.String(10), nullable=False, server_default="promotion"))
    op.add_column("promotions", sa.Column("environment", sa.String(10), nullable=False, server_default="trial"))
    op.add_column("promotions", sa.Column("login", sa.String(100)))
    op.add_column("promotions", sa.Column("version", sa.String(40)))
    op.add_column("promotions", sa.Column("proposal", sa.BigInteger))
    op.create_index("ix_promotions_proposal", "promotions", ["proposal"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_promotions_proposal", "promotions")
    for column in ("proposal", "version", "login", "environment", "kind"):
        op.drop_column("promotions", column)
    op.drop_table("proposals")
