"""Schema migrations (Alembic), one numbered file a change."""
