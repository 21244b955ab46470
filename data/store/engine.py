"""Opening the store: SQLite in WAL mode or PostgreSQL, migrated to the schema of this version."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from data.errors import StoreError

_MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
_APPEND_LOCK = 0x67726C  # one writer at a time gives records one order; readers never wait


@dataclass(frozen=True, slots=True)
class Store:
    """A database that is open and of the right schema."""

    engine: Engine

    @contextmanager
    def read(self, *, steady: bool = False) -> Iterator[Connection]:
        """A transaction that only reads.

        Arguments:
            steady: whether all its questions are answered from one state of the database (on SQLite they always are).
        """
        with _reported(), self.engine.connect() as connection, connection.begin():
            if steady and connection.dialect.name == "postgresql":
                connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes: one at a time, durable when the block ends, undone when it raises."""
        with _reported(), self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _APPEND_LOCK})
            yield connection

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


@contextmanager
def _reported() -> Iterator[None]:
    """Database failures as our own error, without statements or values."""
    try:
        yield
    except DBAPIError as error:
        reason = str(error.orig).splitlines()[0] if error.orig else "unknown"
        raise StoreError(f"the database failed: {reason}") from error


def open_store(url: str, *, migrate: bool = True) -> Store:
    """Open a database by SQLAlchemy URL.

    Arguments:
        url: for instance sqlite:///var/greenlane.db or postgresql://user@host/name.
        migrate: whether to bring an empty or older schema up to date.
    Raises:
        StoreError: where it cannot be reached, or holds a schema that this version does not know.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.drivername.startswith("sqlite") and parsed.database not in (None, "", ":memory:"):
            Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed)
    except (ArgumentError, NoSuchModuleError, ImportError, OSError, ValueError) as error:
        raise StoreError(f"the database URL cannot be used: {error}") from None
    if engine.dialect.name == "sqlite":
        _set_up_sqlite(engine)
    try:
        with _reported():
            _bring_up_to_date(engine, migrate=migrate)
    except BaseException:
        engine.dispose()  # a store that does not open keeps no connection
        raise
    return Store(engine)


def _set_up_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # SQLAlchemy begins, not the driver
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=15000", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        # a writer that starts as a reader could find itself unable to write
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _bring_up_to_date(engine: Engine, *, migrate: bool) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    head = ScriptDirectory.from_config(config).get_current_head()
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current == head:
        return
    if not migrate:
        raise StoreError(
            f"the database has schema {current or 'none'}, this version needs {head}: run `greenlane db upgrade`"
        )
    with Store(
        engine
    ).write() as connection:  # one at a time: of several that open a new database, one makes its tables
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StoreError(f"the database has a schema that this version does not know: {error}") from None
