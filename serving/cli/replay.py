"""Sending records and questions to a service in the order of time, as if it were those days."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_bytes
from typing import Any

import httpx

from data.errors import CreditRiskError
from data.importing import files_of, rows_of_file
from data.intake import Row
from data.mapping import Mapping
from data.pseudonyms import Pseudonyms
from data.reading import Reading
from data.records import Record, as_envelope, utc_now


class ServiceError(CreditRiskError):
    """A service did not start, or refused a request."""


@dataclass(frozen=True, slots=True)
class Step:
    """A record at the moment at which it becomes known; with `asks`, a decision is asked for it."""

    record: Record
    raw: Any
    asks: bool

    @property
    def envelope(self) -> dict[str, Any]:
        """What a sender would send: the payload as in the file, since only the service knows the key of its pseudonyms."""
        return as_envelope(self.record) | {"payload": self.raw.get("payload", {})}


def read_file(path: Path, mapping: Mapping | None, since: int = 0) -> tuple[list[Step], list[Row]]:
    """The valid records of a file that become known at an instant or later, and the rows that are not valid."""
    steps: list[Step] = []
    refused: list[Row] = []
    # nothing is kept of what is read here, so any key does
    reading = Reading(pseudonyms=Pseudonyms("replay", token_bytes(32)), received_at=utc_now(), historical=True)
    for row, _, _ in rows_of_file(path, mapping, reading=reading):
        if row.faults:
            refused.append(row)
        pairs = zip(row.records, row.raws, strict=True) if not row.faults else ()
        steps.extend(Step(record, raw, asks=False) for record, raw in pairs if record.known_at >= since)
    return steps, refused


def steps_of(path: Path, since: int = 0, *, asks: bool = False) -> list[Step]:
    """The records of a file of envelopes, or of a folder of such files, that become known at an instant or later.

    Arguments:
        asks: whether a decision is to be asked for them.
    Raises:
        ServiceError: where a row is not valid.
    """
    steps = []
    for file in files_of([path]):
        found, refused = read_file(file, None, since)
        if refused:
            field, reason = refused[0].faults[0]
            raise ServiceError(f"{file}, line {refused[0].line}: {field} {reason}")
        steps += found
    return [replace(step, asks=asks and step.record.kind == "declaration") for step in steps]


def in_order(steps: Iterable[Step]) -> list[Step]:
    """Steps in the order of time. Of one instant: what ends a record, then questions, then what is new.

    What ends at an instant no longer counts at it, and what begins does not count yet, so this order gives the same answers
    as asking with everything known. An outcome of the very instant still finds its declaration.
    """

    def place(step: Step) -> tuple[int, int, str]:
        turn = 0 if step.record.action != "new" else 1 if step.asks else 2
        return step.record.known_at, turn, step.record.guid

    return sorted(steps, key=place)


def replay(
    address: str, steps: list[Step], show: Callable[[int, int], None],
    on_answer: Callable[[dict[str, Any]], None] = lambda _body: None,
) -> dict[str, int]:  # fmt: skip
    """Send steps to a service whose clock follows records.

    Arguments:
        show: called with steps done and their number.
        on_answer: called with each decision.
    Returns:
        How many decisions gave each lane.
    Raises:
        ServiceError: where the service refuses a step.
    """
    lanes: dict[str, int] = {}
    known: list[dict[str, Any]] = []
    with _reported(address), httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        for done, step in enumerate(steps, start=1):
            raw = step.envelope
            if step.asks:
                _send(client, known)
                body = _decide(client, raw)
                on_answer(body)
                lane = body["lane"]["code"]
                lanes[lane] = lanes.get(lane, 0) + 1
            else:
                known.append(raw)
            if done % 20 == 0 or done == len(steps):
                show(done, len(steps))
        _send(client, known)
    return lanes


@contextmanager
def _reported(address: str) -> Iterator[None]:
    try:
        yield
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise ServiceError(f"the service at {address} does not answer: {error}") from None


def _decide(client: httpx.Client, raw: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/v1/decisions", json=raw, headers={"Idempotency-Key": f"{raw['source']}/{raw['guid']}"})
    if answer.status_code not in (200, 201):
        raise ServiceError(f"declaration {raw['guid']} was refused: {_detail(answer)}")
    body: dict[str, Any] = answer.json()
    return body


def _send(client: httpx.Client, known: list[dict[str, Any]]) -> None:
    """Send the records gathered so far, at most a thousand at once."""
    while known:
        answer = client.post("/v1/records", json=known[:1000])
        if answer.status_code != 200 or answer.json()["rejected"]:
            raise ServiceError(f"records were refused: {_detail(answer)}")
        del known[:1000]


def _detail(answer: httpx.Response) -> str:
    try:
        body = answer.json()
        return str(body.get("detail") or body.get("refusals"))
    except ValueError:
        return f"status {answer.status_code}"
