"""The real application over a real HTTP server in this process, and what tests ask it."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from typer.testing import Result

from data.records import Record
from data.store import Store, open_store
from data.store import quarantine as quarantine_rows
from data.store import records as record_rows
from data.times import from_instant
from models.bundle import Bundle
from models.champions import Signature, install
from serving.app import create_app
from serving.settings import Settings

MEDIA_TYPE = "application/problem+json"
Json = dict[str, Any]

Run = Callable[..., Result]
"""Runs a command with some arguments."""


@dataclass(frozen=True)
class World:
    """A small simulated world that was imported and learned from; tests that write work on a copy of its database."""

    database: Path
    pending: tuple[Json, ...]
    bundles: dict[str, Bundle]
    end: int
    """The instant after everything that the world knows."""

    def copy_to(self, folder: Path) -> str:
        """The URL of a copy of the database in a folder."""
        return f"sqlite:///{shutil.copy(self.database, folder / 'greenlane.db')}"


def install_all(store: Store, bundles: dict[str, Bundle], at: int) -> None:
    """Make bundles the champions of their models."""
    for bundle in bundles.values():
        install(store, bundle, Signature("tests", at, "for the tests"))


@dataclass
class Clock:
    """A clock that tests set; a second passes whenever somebody looks."""

    now: int

    def __call__(self) -> int:
        self.now += 1_000_000
        return self.now


@dataclass(frozen=True)
class Service:
    """A running service: its client, its database and its clock."""

    client: httpx.Client
    url: str
    clock: Clock
    """Unused where the service runs in a process of its own."""

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The service's database, opened beside it."""
        store = open_store(self.url, migrate=False)
        yield store
        store.close()

    def decide(self, raw: object, key: str | None = None) -> httpx.Response:
        """Ask for a decision."""
        return self.client.post("/v1/decisions", json=raw, headers={"Idempotency-Key": key} if key else {})

    def send(self, raw: object) -> httpx.Response:
        """Send records."""
        return self.client.post("/v1/records", json=raw)

    def records(self, kind: str = "declaration") -> dict[str, Record]:
        """The stored records of a kind by guid, of each the newest version."""
        with self.store() as store, store.read() as connection:
            return {v.record.guid: v.record for v in record_rows.versions(connection, kinds=[kind])}

    def quarantined(self) -> list[quarantine_rows.Refused]:
        """What is in quarantine, oldest first."""
        with self.store() as store, store.read() as connection:
            return [kept.refused for kept in quarantine_rows.newest(connection, quarantine_rows.Filter(), 10_000)][::-1]


@contextmanager
def serving(url: str, folder: Path, now: int, **settings: Any) -> Iterator[Service]:
    """A service over a database for the length of a block, on a port that the system chooses."""
    clock = Clock(now)
    app = create_app(Settings(var=folder, database=url, _env_file=None, **settings), clock)
    config = uvicorn.Config(app, port=0, log_level="critical", access_log=False, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 60
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            assert time.monotonic() < deadline, "the service did not start in time"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            yield Service(client, url, clock)
    finally:
        server.should_exit = True
        thread.join(timeout=30)
    assert not thread.is_alive()


def declaration(guid: str, at: int, **payload: Any) -> Json:
    """A declaration made at an instant, as a sender writes it."""
    facts = {
        "declaration_no": f"no-{guid}", "enterprise": "91510500MA6200001K", "direction": "import", "trade_mode": "9610",
        "hs_code": "3304990099", "origin": "133", "declared_value_fen": 45_900, "net_mass_g": 600, "gross_mass_g": 750,
    }  # fmt: skip
    return {
        "kind": "declaration", "guid": guid, "source": "single-window", "event_at": from_instant(at).isoformat(),
        "payload": facts | payload,
    }  # fmt: skip


def inspection(guid: str, number: str, at: int, **payload: Any) -> Json:
    """What an inspection of a declaration found, without restating the declaration."""
    found = {"event": "inspection", "enterprise": "91510500MA6200001K", "declaration_no": number, "finding": "hit"}
    return declaration(guid, at) | {"kind": "supervision", "payload": found | payload}


def without(raw: Json, path: str) -> Json:
    """An envelope without one field, named as in faults."""
    changed = deepcopy(raw)
    target, _, name = path.rpartition(".")
    del (changed[target] if target else changed)[name]
    return changed


def decided(response: httpx.Response) -> Json:
    """The body of a new decision."""
    assert response.status_code == 201, response.text[:500]
    body: Json = response.json()
    return body


def demand_problem(response: httpx.Response, status: int, slug: str) -> Json:
    """The body of an error answer, held to RFC 9457 and free of what is nobody's business."""
    assert response.status_code == status, response.text[:500]
    assert response.headers["content-type"].split(";")[0] == MEDIA_TYPE
    body = response.json()
    assert {"type", "title", "status", "detail"} <= set(body)
    assert (body["type"], body["status"]) == (f"urn:greenlane:problem:{slug}", status)
    assert body["title"]
    assert body["detail"]
    for fault in body.get("faults", []):
        assert fault["field"]
        assert fault["reason"]
    demand_nothing_inside(response)
    return body


def demand_nothing_inside(response: httpx.Response) -> None:
    """No answer shows a traceback, a file of the program, or SQL."""
    for word in ("Traceback", 'File "', ".py", "sqlalchemy", "SELECT ", "INSERT "):
        assert word not in response.text


def spaced(raw: Json) -> bytes:
    """JSON as another program would write it: spaces, escapes, another order of keys."""
    return json.dumps(raw, indent=3, ensure_ascii=True, sort_keys=True).encode()
