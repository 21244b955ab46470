"""The live feature state under 20,000 firms: how fast a shipment's features are read, and records are taken in.

`python -m benchmarks.online` builds a state from generated declarations and inspections of Zipf-sized firms over 400 days, with
all keys that the catalogue knows. Then, in this process: all features of one shipment (one read of all its keys, all forms) on
SQLite, on PostgreSQL with the same state, and without a database; and records taken in on one core with their state updates, as
JSON envelopes through the whole of intake (validation, pseudonyms, links, judgement, append) and from the store alone.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import insert, select

from benchmarks.measure import facts, percentile, write_json
from data import intake
from data.pseudonyms import Pseudonyms
from data.reading import Reading
from data.records import Record, make_record
from data.simulator import load_parameters, simulate, write_world
from data.store import Store, open_store
from data.store import records as record_rows
from data.store.schema import feature_progress, feature_state, feature_values
from data.times import DAY, SECOND, midnight, show
from features.catalogue import CREDIT, feature_set
from features.live import LiveFeatures, vector
from features.questions import Question, about_shipment
from tests.postgres import running_postgres

_SETS = (CREDIT, feature_set("shipment"))
_DAYS, _START = 400, midnight(20_400)
_CHUNK = 2_000


class World:
    """Seeded declarations of Zipf-sized firms, and the inspections of some.

    Arguments:
        firms: how many.
        count: declarations in all.
    """

    def __init__(self, firms: int, count: int, seed: int = 7) -> None:
        self._rng = np.random.default_rng(seed)
        weights = 1 / np.arange(1, firms + 1)
        self._firm = self._rng.choice(firms, size=count, p=weights / weights.sum())
        self._firm[:firms] = np.arange(min(firms, count))  # each has something
        self._at = _START + np.sort(self._rng.integers(0, _DAYS * DAY, size=count))
        self.count = count

    def payload(self, number: int) -> dict[str, Any]:
        """A declaration with every key: persons as the pseudonyms that the store holds."""
        firm, rng = int(self._firm[number]), self._rng
        buyer = f"~k1~b{rng.zipf(1.3) % 200_000:021d}"
        value, mass = int(rng.integers(5_000, 500_000)), int(rng.integers(100, 20_000))
        hs = int(rng.zipf(1.4) % 300)
        return {
            "declaration_no": f"D{number:09d}", "enterprise": f"F{firm:016d}", "direction": "import", "trade_mode": "9610",
            "transport_mode": "5", "port": f"{firm % 7:04d}",
            "customs_office": f"{firm % 7:04d}", "declarant": f"A{firm % 60:016d}",
            "platform": f"P{firm % 40:016d}", "logistics_firm": f"L{firm % 12:016d}", "hs_code": f"{330_000 + hs}0000",
            "origin": f"{100 + hs % 25}", "departure": f"{100 + hs % 9}", "buyer": buyer, "payer": buyer,
            "consignee_telephone": buyer.replace("b", "t", 1), "consignee_address": buyer.replace("b", "a", 1),
            "producer": f"M{firm % 500:016d}", "waybill_no": f"W{number:09d}", "order_no": f"O{number:09d}",
            "declared_value_fen": value, "quantity": int(rng.integers(1, 5)) * 100_000, "net_mass_g": mass,
            "gross_mass_g": mass + 90,
            "legal_person": f"~k1~l{firm % 15_000:021d}",
        }  # fmt: skip

    def records(self) -> Iterator[Record]:
        """The declarations, and behind one in thirty its inspection two days later, in the order of intake."""
        waiting: list[tuple[int, dict[str, Any]]] = []
        for number in range(self.count):
            at, payload = int(self._at[number]), self.payload(number)
            while waiting and waiting[0][0] <= at:
                yield _inspection(*waiting.pop(0), hit=bool(self._rng.random() < 0.2))
            yield _record("declaration", payload["declaration_no"], at, payload)
            if number % 30 == 0:
                waiting.append((at + 2 * DAY, payload))


def _record(kind: str, guid: str, at: int, payload: dict[str, Any]) -> Record:
    return make_record(
        kind=kind, guid=guid, source="bench", action="new", event_at=at, known_at=at + SECOND, payload=payload
    )


def _inspection(at: int, facts_: dict[str, Any], *, hit: bool) -> Record:
    payload = {
        "event": "inspection", "enterprise": facts_["enterprise"], "declaration_no": facts_["declaration_no"],
        "finding": "hit" if hit else "clean", "duty_recovered_fen": 9_000 if hit else 0, "facts": facts_,
        "legal_person": facts_["legal_person"],
    }  # fmt: skip
    return _record("supervision", f"I{facts_['declaration_no']}", at, payload)


def main(
    firms: Annotated[int, typer.Option(help="Firms, of Zipf sizes.")] = 20_000,
    declarations: Annotated[int, typer.Option(help="Declarations that the state is built from.")] = 100_000,
    questions: Annotated[int, typer.Option(help="Shipments asked about, drawn from the declarations.")] = 2_000,
    quick: Annotated[bool, typer.Option("--quick", help="A small world: shows that it runs, not how fast.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file.")] = None,
) -> None:
    """Time the live feature state."""
    if quick:
        firms, declarations, questions = 200, 3_000, 200
    console = Console(highlight=False)
    figures: dict[str, Any] = {"machine": facts("sqlalchemy", "psycopg"), "firms": firms, "declarations": declarations}
    world, live = World(firms, declarations), LiveFeatures(_SETS)
    with tempfile.TemporaryDirectory() as folder, running_postgres() as postgres, postgres.database() as url:
        store = open_store(f"sqlite:///{folder}/online.db")
        figures["state updates alone"] = _build(store, live, world)
        with store.read() as connection:
            figures["state"] = _size(store)
            asked = _questions(world, live.advanced_to(connection) + 1, questions)
        figures["read, SQLite"] = _reads(store, live, asked)
        other = open_store(url)
        _copy(store, other)
        figures["read, PostgreSQL"] = _reads(other, live, asked)
        other.close()
        count = 500 if quick else 20_000
        later = World(firms, declarations, seed=8)
        with store.read() as connection:
            now = live.advanced_to(connection)
        figures["intake, all kinds"] = _intake(store, live, _all_kinds(Path(folder) / "world", count))
        figures["intake, declarations alone"] = _intake(store, live, _declarations(later, now, count))
        store.close()
    console.print(_table(figures))
    write_json(json_file, figures)


def _build(store: Store, live: LiveFeatures, world: World) -> dict[str, float]:
    """Append all records and take them into the state; only the latter is timed, its last fifth counts."""
    spent: list[tuple[int, float]] = []
    chunk: list[Record] = []

    def take() -> None:
        with store.write() as connection:
            record_rows.append(connection, chunk)
            begin = time.process_time()
            live.catch_up(connection)
            spent.append((len(chunk), time.process_time() - begin))
        chunk.clear()

    for record in track(world.records(), "building the state", total=world.count, transient=True):
        chunk.append(record)
        if len(chunk) == _CHUNK:
            take()
    take()
    last = spent[-max(1, len(spent) // 5) :]
    return {"records_per_second": sum(count for count, _ in last) / sum(seconds for _, seconds in last)}


def _size(store: Store) -> dict[str, int]:
    with store.read() as connection:
        parts = connection.execute(select(feature_state.c.key, feature_state.c.state)).all()
        values = connection.execute(select(feature_values.c.name)).all()
    sizes: dict[str, int] = {}
    for key, state in parts:
        sizes[key] = sizes.get(key, 0) + len(state)
    return {
        "keys": len(sizes), "megabytes": sum(sizes.values()) // 1_000_000, "values": len(values),
        "largest_key_bytes": max(sizes.values()),
    }  # fmt: skip


def _questions(world: World, at: int, count: int) -> list[Question]:
    """About shipments like those before, so of firms as often as they declare."""
    return [
        Question(at, about_shipment(_record("declaration", "q", at, world.payload(int(number)))).facts)
        for number in np.random.default_rng(11).integers(0, world.count, size=count)
    ]


def _reads(store: Store, live: LiveFeatures, asked: Sequence[Question]) -> dict[str, float]:
    """All features of a shipment: one transaction, all keys, both sets."""
    whole, reading = [], []
    for question in [*asked[:50], *asked]:
        begin = time.perf_counter_ns()
        with store.read() as connection:
            opened = time.perf_counter_ns()
            measured = live.measured(connection, question)
            read = time.perf_counter_ns()
            for features in _SETS:
                vector(features, measured, question)
            end = time.perf_counter_ns()
        whole.append(end - begin)
        reading.append(read - opened)
    whole, reading = whole[50:], reading[50:]
    return {
        "p50_us": percentile(whole, 0.5), "p99_us": percentile(whole, 0.99), "measures_p50_us": percentile(reading, 0.5),
        "keys": float(np.median([sum(key.of(q.facts) is not None for key in live.keys) for q in asked])),
        "features": float(sum(len(features.features) for features in _SETS)),
    }  # fmt: skip


def _copy(store: Store, other: Store) -> None:
    with store.read() as source, other.write() as target:
        for table in (feature_state, feature_values, feature_progress):
            rows = [dict(row._mapping) for row in source.execute(select(table))]
            for start in range(0, len(rows), _CHUNK):
                target.execute(insert(table), rows[start : start + _CHUNK])


def _intake(store: Store, live: LiveFeatures, envelopes: Sequence[bytes]) -> dict[str, float]:
    """JSON envelopes through intake, in requests of 500, with the state updated in the transaction that takes them."""
    with store.read() as connection:
        now = live.advanced_to(connection)
    pseudonyms, spent, taken = Pseudonyms("k1", b"a key of the benchmark"), [], 0
    for start in range(0, len(envelopes), 500):
        now += SECOND
        request = envelopes[start : start + 500]
        wall, cpu = time.perf_counter(), time.process_time()
        with store.write() as connection:
            reading = Reading(pseudonyms=pseudonyms, received_at=now)
            rows = intake.rows_of_json([msgspec.json.decode(line) for line in request], origin="bench", reading=reading)
            taken += intake.take(connection, rows, received_at=now).tally.accepted
            live.catch_up(connection)
        spent.append((time.perf_counter() - wall, time.process_time() - cpu))
    return {
        "records": taken, "records_per_second": taken / sum(wall for wall, _ in spent),
        "records_per_processor_second": taken / sum(cpu for _, cpu in spent),
    }  # fmt: skip


def _declarations(world: World, at: int, count: int) -> list[bytes]:
    """Declarations alone: of all kinds the one that moves most keys."""
    envelopes = []
    for number in range(count):
        payload = world.payload(number)
        del payload["payer"], payload["legal_person"], payload["consignee_telephone"]
        payload |= {"buyer": payload["buyer"][-18:], "consignee_address": payload["consignee_address"][-12:]}
        payload |= {"buyer_telephone": f"1{payload['buyer'][-10:]}", "declaration_no": f"N{number:09d}"}
        payload |= {"waybill_no": f"X{number:09d}", "order_no": f"Y{number:09d}"}
        head = {"kind": "declaration", "guid": f"N{number:09d}", "source": "bench", "event_at": show(at)}
        envelopes.append(msgspec.json.encode({**head, "payload": payload}))
    return envelopes


def _all_kinds(folder: Path, count: int) -> list[bytes]:
    """Records of every kind as a simulated world sends them, in the order in which they became known."""
    write_world(simulate(load_parameters(firms=90, days=max(60, count // 200), seed=3)), folder, form="jsonl")
    lines = (folder / "records.jsonl").read_bytes().splitlines()
    lines.sort(key=lambda line: msgspec.json.decode(line)["known_at"])
    return lines[:count]


def _table(figures: dict[str, Any]) -> Table:
    table = Table("what", "figures", title="The live feature state")
    for name, found in figures.items():
        if name != "machine":
            shown = (
                found
                if not isinstance(found, dict)
                else ", ".join(f"{key} {value:,.0f}" for key, value in found.items())
            )
            table.add_row(name, str(shown))
    return table


if __name__ == "__main__":
    typer.run(main)
