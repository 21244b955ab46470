"""What the benchmarks share: interleaved timing, percentiles, machine facts, servers as processes, a raw HTTP connection."""

import os
import platform
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

_PATIENCE = 120
_IDLE = 3
"""Seconds after which a connection is opened anew: uvicorn closes one that rests for five."""
Samples = list[int]
"""Durations in nanoseconds."""


@dataclass(slots=True)
class Contender:
    """Something to time: `call` is timed on each of `inputs`, which are made beforehand and never timed."""

    name: str
    call: Callable[[Any], object]
    inputs: Iterator[Any]
    samples: Samples = field(default_factory=list)


def interleaved(contenders: Sequence[Contender], rounds: int, *, block: int, warm_up: int) -> None:
    """Time contenders in blocks that take turns, each turn in another order, so that noise falls on all alike.

    Arguments:
        rounds: samples of each contender.
        block: samples in one turn.
        warm_up: untimed calls of each contender before the first turn.
    """
    for contender in contenders:
        for _ in range(warm_up):
            contender.call(next(contender.inputs))
    for turn in range(-(-rounds // block)):
        start = turn % len(contenders)
        for contender in (*contenders[start:], *contenders[:start]):
            for given in [next(contender.inputs) for _ in range(min(block, rounds - turn * block))]:
                begin = time.perf_counter_ns()
                contender.call(given)
                contender.samples.append(time.perf_counter_ns() - begin)


def percentile(samples: Samples, share: float) -> float:
    """The smallest sample that at least a share of all do not exceed, in microseconds."""
    place = max(0, -int(-share * len(samples) // 1) - 1)
    return sorted(samples)[place] / 1000


def facts(*packages: str) -> dict[str, Any]:
    """What figures depend on: cores, processor, Python, versions. Nothing that names the machine."""
    return {
        "cores": os.cpu_count(), "processor": _processor(), "system": platform.system(),
        "python": platform.python_version(), "packages": {package: version(package) for package in packages},
    }  # fmt: skip


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def write_json(path: Path | None, figures: Mapping[str, Any]) -> None:
    """Figures as a file, where one is wanted."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def launched(
    command: Sequence[str], port: int, health: str, log: Path, environment: Mapping[str, str]
) -> Iterator[str]:
    """A server for the length of a block, with all processes that it starts; gives its address.

    Arguments:
        port: where the command was told to listen.
        health: the path that answers 200 once it is ready.
        log: what it says goes here.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=dict(environment), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            _await(process, command, port, health, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            for sign in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, sign)
                    process.wait(timeout=15)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    continue


def _await(process: subprocess.Popen[bytes], command: Sequence[str], port: int, health: str, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with closing(Connection(f"http://127.0.0.1:{port}")) as connection:
                if connection.ask("GET", health)[0] == 200:
                    return
        except OSError:
            pass
        time.sleep(0.2)
    lines = log.read_text(errors="replace").strip().splitlines()
    raise SystemExit(f"{' '.join(command[1:])} did not start: {lines[-1] if lines else 'it said nothing'} (see {log})")


class Connection:
    """One kept-alive HTTP/1.1 connection as thin as it gets, so that the client adds little to what is timed."""

    def __init__(self, address: str) -> None:
        self._host = address.removeprefix("http://")
        self._open()

    def _open(self) -> None:
        host, _, port = self._host.partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._used = time.monotonic()

    def ask(self, method: str, path: str, body: bytes = b"", headers: str = "") -> tuple[int, bytes]:
        """Send one request and read its answer.

        Arguments:
            headers: further header lines, each ended by CRLF.
        Returns:
            Status and body.
        """
        if time.monotonic() - self._used > _IDLE:
            self.close()
            self._open()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{headers}\r\n"
        )
        self._socket.sendall(head.encode() + body)
        received = b""
        while (split := received.find(b"\r\n\r\n")) < 0:
            received += self._received()
        answered = received[:split].decode("latin-1").lower().split("\r\n")
        length = next((int(line[15:]) for line in answered if line.startswith("content-length:")), 0)
        parts, have = [received[split + 4 :]], len(received) - split - 4
        while have < length:
            parts.append(self._received())
            have += len(parts[-1])
        self._used = time.monotonic()
        return int(answered[0].split()[1]), b"".join(parts)

    def _received(self) -> bytes:
        part = self._socket.recv(262_144)
        if not part:
            raise ConnectionError("the server closed the connection")
        return part

    def close(self) -> None:
        """Close it."""
        self._socket.close()
