"""The live feature state in parts: rows by spans of days, and the days of values apart. It is built anew from the records."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("feature_state")
    op.create_table(
        "feature_state",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("part", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "feature_values",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("days", sa.LargeBinary, nullable=False),
    )
    op.execute("DELETE FROM feature_progress")


def downgrade() -> None:
    op.drop_table("feature_values")
    op.drop_table("feature_state")
    op.create_table(
        "feature_state",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("state", sa.LargeBinary, nullable=False),
    )
    op.execute("DELETE FROM feature_progress")
