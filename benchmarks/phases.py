"""Where the time of one decision goes, in this process and without HTTP: `python -m benchmarks.phases`."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Annotated, Any
from unittest.mock import patch

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import event

from benchmarks.measure import facts, percentile, write_json
from benchmarks.world import FOLDER, Declarations, clearance_over, copied, prepared
from data import intake, linking
from data.store import Store, open_store
from data.store import bundles as bundle_rows
from data.store import decisions as decision_rows
from features.live import LiveFeatures
from models.explain import Explained, Scorer
from serving import clearance as use_case
from serving import scores

_SQL, _COMMIT, _REST = "SQLite itself", "commit (fsync)", "answer, digests, transaction"


class Stopwatch:
    """Exclusive times of nested phases: a phase's clock stands still while one inside it runs."""

    def __init__(self) -> None:
        self.spent: dict[str, int] = defaultdict(int)
        self.statements = 0
        self._open: list[str] = []
        self._since = 0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the block to a phase."""
        self.enter(name)
        try:
            yield
        finally:
            self.leave()

    def enter(self, name: str) -> None:
        """Stop the clock of the phase outside, start this one's."""
        self._book()
        self._open.append(name)

    def leave(self) -> None:
        """Back to the phase outside."""
        self._book()
        self._open.pop()

    def _book(self) -> None:
        now = time.perf_counter_ns()
        if self._open:
            self.spent[self._open[-1]] += now - self._since
        self._since = now


def main(
    folder: Annotated[Path, typer.Option(help="Where the benchmarks' world is kept.")] = FOLDER,
    fresh: Annotated[bool, typer.Option("--fresh", help="Make the world anew.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Few decisions: shows that it runs, not how fast.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file.")] = None,
) -> None:
    """Decide in this process, with a clock around each part."""
    rounds = 30 if quick else 500
    settings = copied(prepared(folder, fresh=fresh))
    store = open_store(settings.database_url)
    clearance, declarations = clearance_over(settings, store), Declarations(settings)
    for _ in range(50):
        clearance.decide(next(declarations))
    plain = [_timed(clearance.decide, next(declarations)) for _ in range(rounds)]
    kept: list[dict[str, int]] = []
    watch = Stopwatch()
    with _watched(watch, store):
        for raw in (next(declarations) for _ in range(rounds)):
            watch.spent.clear()
            with watch.phase(_REST):
                clearance.decide(raw)
            kept.append(dict(watch.spent))
    store.close()
    names = sorted({name for spent in kept for name in spent}, key=lambda n: -median(s.get(n, 0) for s in kept))
    parts = {name: median(spent.get(name, 0) for spent in kept) / 1000 for name in names}
    figures = {
        "whole_p50": percentile(plain, 0.5), "whole_p99": percentile(plain, 0.99),
        "watched_p50": percentile([sum(spent.values()) for spent in kept], 0.5),
        "statements": watch.statements / rounds, "parts": parts,
    }  # fmt: skip
    _show(figures, rounds)
    write_json(
        json_file,
        {"machine": facts("lightgbm", "sqlalchemy", "pydantic"), "decisions": rounds, "microseconds": figures},
    )


def _timed(call: Callable[[Any], object], given: Any) -> int:
    begin = time.perf_counter_ns()
    call(given)
    return time.perf_counter_ns() - begin


@contextmanager
def _watched(watch: Stopwatch, store: Store) -> Iterator[None]:
    """Clocks around the parts of a decision for the length of a block."""
    explained = Scorer.explain

    def explain(self: Scorer, vector: Any) -> Explained:
        with watch.phase(f"score and explain: {self.bundle.manifest.model}"):
            return explained(self, vector)

    with ExitStack() as open_:
        for owner, name, label in (
            (intake, "raw_row", "validate the record"),
            (intake, "take", "judge and append the record"),
            (LiveFeatures, "catch_up", "live features: take the record in"),
            (LiveFeatures, "measured", "live features: read"),
            (linking.Links, "__init__", "links: read the documents of the trade"),
            (linking, "match", "match the documents"),
            (scores, "vector", "features from measures"),
            (use_case, "decide", "policy and draws"),
            (use_case, "draw", "policy and draws"),
            (use_case, "reason_of", "reasons in words"),
            (bundle_rows, "champions", "ask for the champions"),
            (decision_rows, "by_key", "look for the idempotency key"),
            (decision_rows, "put", "store the decision"),
        ):
            open_.enter_context(patch.object(owner, name, _clocked(watch, label, getattr(owner, name))))
        open_.enter_context(patch.object(Scorer, "explain", explain))
        dialect = store.engine.dialect
        open_.enter_context(patch.object(dialect, "do_commit", _clocked(watch, _COMMIT, dialect.do_commit)))
        for name in ("do_execute", "do_executemany", "do_execute_no_params"):
            open_.enter_context(patch.object(dialect, name, _clocked(watch, _SQL, getattr(dialect, name))))
        event.listen(store.engine, "before_cursor_execute", counted := _counter(watch))
        try:
            yield
        finally:
            event.remove(store.engine, "before_cursor_execute", counted)


def _counter(watch: Stopwatch) -> Callable[..., None]:
    def counted(*_arguments: object) -> None:
        watch.statements += 1

    return counted


def _clocked(watch: Stopwatch, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def clocked(*arguments: Any, **named: Any) -> Any:
        with watch.phase(name):
            return call(*arguments, **named)

    return clocked


def _show(figures: dict[str, Any], rounds: int) -> None:
    table = Table("part of a decision", "p50 µs", "share", title=f"{rounds} decisions in one process, without HTTP")
    for column in table.columns[1:]:
        column.justify = "right"
    whole = sum(figures["parts"].values())
    for name, spent in figures["parts"].items():
        table.add_row(name, f"{spent:,.0f}", f"{spent / whole:.0%}")
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"whole: p50 {figures['whole_p50']:,.0f} µs, p99 {figures['whole_p99']:,.0f} µs; with the clocks "
        f"{figures['watched_p50']:,.0f} µs; {figures['statements']:.1f} SQL statements"
    )


if __name__ == "__main__":
    typer.run(main)
