"""Identities are found by their enterprise."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE records SET reference = enterprise WHERE kind = 'identity'")


def downgrade() -> None:
    op.execute("UPDATE records SET reference = NULL WHERE kind = 'identity'")
