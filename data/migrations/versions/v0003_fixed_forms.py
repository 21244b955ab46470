"""In which form a fixed row of quarantine was written."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("quarantine_steps", sa.Column("form", sa.String(10)))


def downgrade() -> None:
    op.drop_column("quarantine_steps", "form")
