"""Rows of quarantine as people and machines read them."""

from collections.abc import Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from data.store.quarantine import Kept
from data.times import show
from serving.cli.terminal import out


def as_json(kept: Kept, *, whole: bool = False) -> dict[str, Any]:
    """A row as JSON values.

    Arguments:
        whole: with its text as last fixed (bytes that are not UTF-8 replaced) and with its steps.
    """
    found: dict[str, Any] = {
        "id": kept.id, "received_at": show(kept.received_at), "state": kept.state, "origin": kept.refused.origin,
        "line": kept.refused.line, "form": kept.form, "faults": [list(fault) for fault in kept.refused.faults],
    }  # fmt: skip
    if whole:
        found["raw"] = kept.raw.decode("utf-8", "replace")
        found["steps"] = [{"at": show(s.at), "actor": s.actor, "step": s.step, "note": s.note} for s in kept.steps]
    return found


def print_rows(rows: Sequence[Kept], total: int) -> None:
    """A table of rows, a line for each fault."""
    table = Table("id", "state", "origin", "line", "field", "reason", title=f"{len(rows)} of {total} in quarantine")
    for kept in rows:
        for field, reason in kept.refused.faults:
            table.add_row(
                str(kept.id), kept.state, escape(kept.refused.origin), str(kept.refused.line), escape(field), escape(reason)
            )  # fmt: skip
    out.print(table)


def print_row(kept: Kept) -> None:
    """A row whole."""
    refused = kept.refused
    out.print(f"row {kept.id}: {kept.state}", markup=False)
    out.print(f"{refused.origin}, line {refused.line}, received {show(kept.received_at)}, {kept.form}", markup=False)
    for field, reason in refused.faults:
        out.print(f"  {field}: {reason}", markup=False)
    out.print()
    out.print(_printable(kept.raw.decode("utf-8", "replace")), markup=False, soft_wrap=True)
    if kept.steps:
        table = Table("at", "who", "step", "note")
        for step in kept.steps:
            table.add_row(show(step.at), escape(_printable(step.actor)), step.step, escape(_printable(step.note)))
        out.print(table)


def _printable(text: str) -> str:
    """Text without what a terminal would obey."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
