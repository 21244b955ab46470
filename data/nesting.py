"""How deep a value read from JSON may go: beyond it, whoever walks the value would need more stack than there is."""

from collections.abc import Iterable
from typing import Any

DEEPEST = 20


def is_too_deep(value: object) -> bool:
    """Whether a value is nested deeper than `DEEPEST` levels."""
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level if isinstance(outer, (dict, list)) for inner in _inside(outer)]
    return bool(level)


def _inside(outer: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return outer.values() if isinstance(outer, dict) else outer
