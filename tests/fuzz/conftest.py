"""Says at the end how many cases were run."""

import sys

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    fuzz = sys.modules.get("tests.fuzz.test_fuzz_intake")
    if fuzz is not None and sum(fuzz.counted.values()):
        parts = ", ".join(f"{name} {count:,}" for name, count in fuzz.counted.items())
        terminalreporter.write_line(f"fuzz: {sum(fuzz.counted.values()):,} cases ({parts})")
