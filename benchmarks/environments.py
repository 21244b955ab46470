"""Environments of peers, which are no dependencies of the project: made with pip under `var/bench` when first used."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "var" / "bench"


class NotFinishedError(Exception):
    """A contender did not finish. Its message says why."""


def python_of(environment: str, pins: Sequence[str]) -> Path:
    """The interpreter of an environment, which is made on first use and whenever its pins change.

    Raises:
        NotFinishedError: when pip cannot make it.
    """
    folder = FOLDER / f"{environment}-env"
    python, stamp, pinned = folder / "bin" / "python", folder / "pins.txt", "\n".join(pins)
    if not stamp.exists() or stamp.read_text() != pinned:
        Console(stderr=True).print(f"making the environment of {environment}, once")
        pip = [python, "-m", "pip", "install", "--quiet", *pins]
        for command in ([sys.executable, "-m", "venv", "--clear", folder], pip):
            done = run(command, 900)
            if done.returncode:
                raise NotFinishedError(f"no environment: {last_line(done.stderr)}")
        stamp.write_text(pinned)
    return python


def run(command: Sequence[str | Path], patience: float) -> subprocess.CompletedProcess[str]:
    """Run a command from the project's folder for so many seconds at most, and keep what it says."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=patience, check=False)


def last_line(text: str) -> str:
    """The last line that a command said."""
    return (text.strip().splitlines() or ["it said nothing"])[-1]
