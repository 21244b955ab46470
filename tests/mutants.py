"""Mutants of the feature engines: small edits at their edges, planted one by one, that the tests have to notice.

`python -m tests.mutants [--only NAME] [--json FILE]`: each mutant is planted into a copy of the tree and the tests that concern it
run there. A failing test kills it. One that survives is a test that is missing, unless its row says why no test can tell it apart.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

ROOT = Path(__file__).parents[1]
ENGINES = "tests/feature_layer/test_engines.py"
COLUMNS = "tests/feature_layer/test_columns.py"
PREPARED = "tests/feature_layer/test_prepared.py"
ONE_PASS = "tests/feature_layer/test_reference.py"
FORMS = "tests/feature_layer/test_forms.py"
_COPIED = ("data", "features", "tests", "models", "serving", "pyproject.toml")
_SLOW = f"{PREPARED}::test_memory_is_bounded_by_its_setting"
"""Says nothing about values."""
_SECONDS = 240
_PLUGIN = '''"""Examples that are the same each time; a failure is not made smaller, which takes longer than finding it."""

from hypothesis import Phase, settings

settings.register_profile("mutants", derandomize=True, database=None, phases=(Phase.explicit, Phase.generate))
settings.load_profile("mutants")


def pytest_collection_modifyitems(items):
    """Examples before laws and long histories: they are quick."""
    items.sort(key=lambda item: hasattr(item.obj, "hypothesis") or "busy" in item.name)
'''


@dataclass(frozen=True, slots=True)
class Mutant:
    """An edit of one file.

    Attributes:
        old, new: the text, found `times` times, and what replaces it.
        tests: the test files that have to notice it.
        equivalent: why no test can tell it apart; empty for all that have to be killed.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = (ENGINES,)
    times: int = 1
    equivalent: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant: killed, survived, equivalent or error; in how many seconds, and by which test."""

    name: str
    file: str
    verdict: str
    seconds: float
    said: str


MUTANTS = (
    # --- observations ---------------------------------------------------------------------------------------------------
    Mutant(
        "window closes a day later", "observations.py",
        "midnight(day_of(event_at) + measure.days)", "midnight(day_of(event_at) + measure.days + 1)",
    ),
    Mutant(
        "window of hours from the event, not from its hour", "observations.py",
        "return (event_at // HOUR + measure.hours) * HOUR\n    return OPEN", "return event_at + measure.hours * HOUR\n    return OPEN",
    ),
    Mutant(
        "counts before it is known", "observations.py",
        "start = max(record.event_at, record.known_at)", "start = min(record.event_at, record.known_at)",
    ),
    Mutant("expiry forgotten", "observations.py", "closed = min(record.usable_until, ended_at)", "closed = ended_at"),
    Mutant(
        "interval of one instant dropped", "observations.py", "end > start + 1:", "end > start + 2:",
    ),
    Mutant(
        "interval of no instant kept", "observations.py", "end > start + 1:", "end > start:",
        equivalent="no integer lies between start and start + 1",
    ),
    # --- the oracle -----------------------------------------------------------------------------------------------------
    Mutant(
        "oracle counts what starts at the question", "reference.py",
        "seen.start < question.at < seen.end", "seen.start <= question.at < seen.end",
    ),
    Mutant(
        "oracle counts what ends at the question", "reference.py",
        "seen.start < question.at < seen.end", "seen.start < question.at <= seen.end",
    ),
    Mutant(
        "oracle's latest without tie-break", "reference.py",
        "int(max(held)[1])", "int(max(held, key=lambda one: one[0])[1])",
    ),
    Mutant(
        "one pass: counts what starts at the question", "reference.py",
        "bisect_right(self._at, seen.start)", "bisect_left(self._at, seen.start)",
        tests=(ONE_PASS,),
    ),
    Mutant(
        "one pass: counts what ends at the question", "reference.py",
        "bisect_left(self._at, seen.end)", "bisect_right(self._at, seen.end)",
        tests=(ONE_PASS,),
    ),
    Mutant(
        "one pass: the last known version not seen", "reference.py",
        "if version.seq <= moments.upto and (", "if version.seq < moments.upto and (",
        tests=(ONE_PASS,),
    ),
    Mutant(
        "one pass: latest is the earliest", "reference.py",
        "else max(held, found) for held", "else min(held, found) for held", tests=(ONE_PASS,),
    ),
    # --- online ---------------------------------------------------------------------------------------------------------
    Mutant(
        "settled at its own instant", "online.py",
        "if sight.start < now and sight.closed == OPEN:", "if sight.start <= now and sight.closed == OPEN:",
    ),
    Mutant(
        "waiting dropped an instant early", "online.py", "elif sight.closed > now:", "elif sight.closed > now + 1:",
    ),
    Mutant(
        "held dropped an instant early", "online.py",
        "if any(entry[1] <= now for entry in entries):\n                self.head.held[series] = [entry for entry in entries if entry[1] > now]",
        "if any(entry[1] <= now + 1 for entry in entries):\n                self.head.held[series] = [entry for entry in entries if entry[1] > now + 1]",
    ),
    Mutant("span pruned a row early", "online.py", "* _SPAN - 1 <= oldest", "* _SPAN - 2 <= oldest"),
    Mutant("value forgotten a day early", "online.py", "if old <= oldest]:", "if old <= oldest + 1]:"),
    Mutant("window's first row counted", "online.py", 'side="right").tolist()', 'side="left").tolist()'),
    Mutant(
        "waiting counted in the row before the window", "online.py",
        "if not window or row > now - window:", "if not window or row >= now - window:",
    ),
    Mutant("prior not updated", "online.py", "other.prior = after\n", "other.prior = other.prior\n"),
    Mutant(
        "prior that just left the window still counts", "online.py",
        "row > now - window >= prior", "row > now - window > prior",
    ),
    Mutant(
        "of a value waiting twice the older row", "online.py", "(max(row, rows[name][0]) if name", "(min(row, rows[name][0]) if name",
    ),
    Mutant("take-back not subtracted", "online.py", "self._sum(sight, days, now, -1)", "pass"),
    Mutant(
        "take-back also of what was never summed", "online.py",
        "        if sight.closed == OPEN:\n            self._sum(sight, days, now, -1)", "        self._sum(sight, days, now, -1)",
    ),
    Mutant(
        "held counts in the row before the window", "online.py",
        "row_at(place.unit, event_at) > least)", "row_at(place.unit, event_at) >= least)",
    ),
    Mutant(
        "one instant is too short to be seen", "sights.py",
        "record.usable_until <= start + 1:", "record.usable_until <= start + 2:",
    ),
    # --- live -----------------------------------------------------------------------------------------------------------
    Mutant(
        "question at the last instant refused", "live.py",
        "if question.at < progress.advanced_to:", "if question.at <= progress.advanced_to:",
    ),
    Mutant(
        "late question answered", "live.py",
        "max(stand.advanced_to, record.known_at)", "min(stand.advanced_to, record.known_at)",
    ),
    Mutant(
        "values of two units under one name", "live.py",
        r'return f"{name}\x1e{unit}.{column}\x1e{value}"', r'return f"{name}\x1e{column}\x1e{value}"',
    ),
    # --- feeds ----------------------------------------------------------------------------------------------------------
    Mutant("feed drops what counts at one instant", "feeds.py", "pa.array(closed > start + 1)", "pa.array(closed > start + 2)"),
    Mutant(
        "key separator", "feeds.py", r'*parts, "\x1f")', r'*parts, "\x1e")', tests=(COLUMNS,),
    ),
    Mutant(
        "rows not in the order of their start", "feeds.py", 'np.argsort(start, kind="stable")', "np.arange(len(start))",
    ),
    Mutant(
        "no code is the last code", "feeds.py",
        "encoded.indices.fill_null(-1)", "encoded.indices.fill_null(len(encoded.dictionary) - 1)",
    ),
    Mutant("packed numbers lose what is missing", "feeds.py", "mask=None if valid is None else ~valid", "mask=None", tests=(PREPARED,)),
    Mutant(
        "bucket by a key's place", "feeds.py",
        "of_key = buckets_of(keys.dictionary, count)", "of_key = np.arange(len(keys.dictionary)) % count", tests=(PREPARED,),
    ),
    Mutant(
        "bucket of a slice hashed from the first text", "feeds.py",
        "[texts.offset : texts.offset + len(texts) + 1]", "[: len(texts) + 1]", tests=(PREPARED,),
    ),
    # --- kernels --------------------------------------------------------------------------------------------------------
    Mutant("first place past the wanted value", "kernels.py", "if values[middle] < wanted:", "if values[middle] <= wanted:"),
    Mutant(
        "plain counts what starts at the question", "kernels.py",
        "low, offsets[k + 1], at[q])", "low, offsets[k + 1], at[q] + 1)",
    ),
    Mutant(
        "plain window opens an instant late", "kernels.py",
        "low, offsets[k + 1], opens[q] - reach[x])", "low, offsets[k + 1], opens[q] - reach[x] + 1)",
    ),
    Mutant("sum counts what starts at the question", "kernels.py", "stop, start[i] + 1)", "stop, start[i])"),
    Mutant(
        "sum counts what ends at the question", "kernels.py",
        "_first(at, first, stop, closed[i])\n            end = first", "_first(at, first, stop, closed[i] + 1)\n            end = first",
    ),
    Mutant(
        "sum's window closes at its first instant", "kernels.py",
        "min(shut, _first(opens, end, stop, event_at[i] + reach[x] + 1))",
        "min(shut, _first(opens, end, stop, event_at[i] + reach[x]))",
    ),
    Mutant(
        "distinct counts what starts at the question", "kernels.py",
        "while first < stop and at[first] <= start[i]:", "while first < stop and at[first] < start[i]:",
    ),
    Mutant(
        "distinct value counted twice", "kernels.py",
        "result[0, x, max(first, counted[x])] += 1", "result[0, x, first] += 1",
    ),
    Mutant(
        "distinct window by start, not by event", "kernels.py",
        "if event_at[i] != start[i]:", "if event_at[i] > start[i]:",
    ),
    Mutant(
        "latest without tie-break", "kernels.py",
        "and value[stack[place - 1]] > value[entered]", "and value[stack[place - 1]] < value[entered]",
    ),
    Mutant("latest window opens an instant late", "kernels.py", "and event_at[j] >= opens", "and event_at[j] > opens"),
    # --- batch ----------------------------------------------------------------------------------------------------------
    Mutant("questions not in the order of time", "batch.py", "np.lexsort((task.asked.at, code))", 'np.argsort(code, kind="stable")', tests=(PREPARED,)),
    Mutant("windows reach a unit too far", "batch.py", "(np.array(lengths, dtype=np.int64) - 1) * unit", "np.array(lengths, dtype=np.int64) * unit"),
    # --- columns --------------------------------------------------------------------------------------------------------
    Mutant("within without its upper edge", "columns.py", "pc.less_equal(column, derived.most)", "pc.less(column, derived.most)", tests=(COLUMNS,)),
    Mutant("logarithm an integer late", "columns.py", 'zero_copy_only=False), side="right")', 'zero_copy_only=False), side="left")', tests=(COLUMNS,)),
    Mutant(
        "zero is positive", "columns.py", "pc.if_else(pc.greater(column, 0), column, None)",
        "pc.if_else(pc.greater_equal(column, 0), column, None)", tests=(COLUMNS,),
    ),
    # --- forms ----------------------------------------------------------------------------------------------------------
    Mutant("deviation needs one more", "forms.py", "np.where(n >= self.least", "np.where(n > self.least"),
    Mutant(
        "days since begin an instant early", "forms.py",
        "float((question.at - start) // DAY)", "float((question.at - start + 1) // DAY)", tests=(FORMS,),
    ),
)  # fmt: skip


def planted(mutant: Mutant, tree: Path) -> str:
    """The mutant's file with its edit.

    Raises:
        ValueError: where the old text is not found as often as the mutant says.
    """
    text = (tree / "features" / mutant.file).read_text(encoding="utf-8")
    found = text.count(mutant.old)
    if found != mutant.times:
        raise ValueError(f"{mutant.name}: features/{mutant.file} has its text {found} times, not {mutant.times}")
    return text.replace(mutant.old, mutant.new)


def copied(folder: Path) -> Path:
    """A copy of what tests need, in a folder."""
    tree = folder / "tree"
    tree.mkdir()
    for name in _COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, tree / name)
    (tree / "planted_settings.py").write_text(_PLUGIN, encoding="utf-8")
    return tree


def judged(mutant: Mutant, tree: Path, folder: Path) -> Verdict:
    """Plant a mutant, run its tests and take it out again."""
    path, begun = tree / "features" / mutant.file, time.monotonic()
    whole, edited = folder / "whole", planted(mutant, tree)
    shutil.copy2(path, whole)  # with its time: what was compiled of it stays good
    # compiled loops are kept from mutant to mutant but where the loops are what is edited
    own = folder / "own"
    cache = own if mutant.file == "kernels.py" else folder / "compiled"
    given = {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_CACHE_DIR": str(cache)}
    path.write_text(edited, encoding="utf-8")
    command = [
        sys.executable, "-m", "pytest", "-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-p", "planted_settings",
        "--deselect", _SLOW, *mutant.tests,
    ]  # fmt: skip
    try:
        ran = subprocess.run(
            command, cwd=tree, env=os.environ | given, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        code, lines = ran.returncode, (ran.stdout + ran.stderr).splitlines()
    except subprocess.TimeoutExpired:
        code, lines = -1, [f"not done in {_SECONDS} s"]
    finally:
        shutil.copy2(whole, path)
        shutil.rmtree(own, ignore_errors=True)
    verdict = {0: "equivalent" if mutant.equivalent else "survived", 1: "killed"}.get(code, "error")
    if mutant.equivalent and verdict == "killed":
        verdict, lines = "error", ["FAILED called equivalent, but a test tells it apart"]
    failed = [line.removeprefix("FAILED ").partition(" - ")[0] for line in lines if line.startswith("FAILED ")]
    said = {
        "killed": failed[0].rpartition("::")[2] if failed else "",
        "equivalent": mutant.equivalent,
        "survived": "a test is missing",
        "error": (failed or lines or [""])[-1],
    }[verdict]
    return Verdict(mutant.name, mutant.file, verdict, round(time.monotonic() - begun, 1), said)


def table_of(verdicts: list[Verdict]) -> Table:
    """The verdicts as people read them."""
    table = Table("mutant", "file", "verdict", "s", Column("by", overflow="fold"))
    colours = {"killed": "green", "equivalent": "yellow", "survived": "red", "error": "red"}
    for one in verdicts:
        colour = colours[one.verdict]
        table.add_row(one.name, one.file, f"[{colour}]{one.verdict}[/]", f"{one.seconds:.1f}", one.said)
    return table


def main() -> int:
    """Judge all mutants, or some. Returns 1 if one survives that is not equivalent, or could not be judged."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="mutants whose name or file has this; may be repeated"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the verdicts there")
    given = parser.parse_args()
    chosen = [
        m
        for m in MUTANTS
        if given.only is None or any(part in (m.name, m.file) or part in m.name for part in given.only)
    ]
    if not chosen:
        parser.error("no mutant is called so")
    for mutant in chosen:  # before anything runs
        planted(mutant, ROOT)
    console, verdicts, begun = Console(), [], time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tree = copied(folder)
        for number, mutant in enumerate(chosen, start=1):
            verdict = judged(mutant, tree, folder)
            verdicts.append(verdict)
            print(
                f"{number}/{len(chosen)} {verdict.verdict} in {verdict.seconds:.0f} s: {mutant.name}",
                file=sys.stderr,
                flush=True,
            )
            if given.json is not None:
                given.json.write_text(json.dumps([asdict(one) for one in verdicts], indent=1) + "\n", encoding="utf-8")
    console.print(table_of(verdicts))
    counted = {
        kind: sum(one.verdict == kind for one in verdicts) for kind in ("killed", "equivalent", "survived", "error")
    }
    console.print(
        ", ".join(f"{count} {kind}" for kind, count in counted.items()), f"in {time.monotonic() - begun:.0f} s"
    )
    return int(counted["survived"] + counted["error"] > 0)


if __name__ == "__main__":
    sys.exit(main())
