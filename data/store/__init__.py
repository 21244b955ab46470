"""Everything durable: one schema, its migrations, SQLite by default and PostgreSQL by URL."""

from data.store.engine import Store, open_store

__all__ = ["Store", "open_store"]
