"""The figures of docs/benchmarks.md: two public data sets through the whole product, by its own command line, and a plain matrix.

    python -m benchmarks.public DATA [--only korea|scms|polish] [--trials N] [--write]

DATA holds korea_customs/train.csv, korea_customs/valid.csv, scms/deliveries_to_2013.csv and polish_bankruptcy/1year.arff, which
goes through the training core alone (benchmarks/polish.py). With --write the figures replace those between the markers of
docs/benchmarks.md.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import polish
from benchmarks.registry import own_registry

_DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_BEGIN, _END = "<!-- figures: python -m benchmarks.public -->\n", "<!-- end of figures -->"
_SHOWN = {
    "rows": "rows", "base_rate": "base rate", "auc": "AUC", "average_precision": "AP",
    "precision_at_1pct": "P@1 %", "precision_at_5pct": "P@5 %", "precision_at_10pct": "P@10 %",
    "recall_at_1pct": "R@1 %", "recall_at_5pct": "R@5 %", "recall_at_10pct": "R@10 %", "ece": "ECE", "brier": "Brier",
    "macro_f1": "macro-F1", "accuracy": "accuracy", "threshold": "threshold",
}  # fmt: skip

NAMES = ["korea", "scms", "polish"]
Greenlane = Callable[..., object]


def korea(greenlane: Greenlane, data: Path, trials: int) -> object:
    """Train months 2020, decide January to March 2021 with their outcomes withheld."""
    folder = data / "korea_customs"
    greenlane("import", "--mapping", "korea", str(folder / "train.csv"))
    greenlane("train", "shipment", "--features", "korea", "--until", "2021-01-01", "--trials", str(trials), "--promote")
    greenlane("decide", "--mapping", "korea", str(folder / "valid.csv"))
    return greenlane(
        "evaluate", "--mapping", "korea", "--train", str(folder / "train.csv"), str(folder / "valid.csv"),
        "--threshold", "--violation", "critical_fraud", "--trials", str(trials),
    )  # fmt: skip


def scms(greenlane: Greenlane, data: Path, trials: int) -> object:
    """Train on what was known before 2012, decide 2012 and 2013, each outcome learned once its delivery was recorded."""
    file = str(data / "scms" / "deliveries_to_2013.csv")
    greenlane("import", "--mapping", "scms", "--until", "2012-01-01", file)
    greenlane("train", "shipment", "--features", "scms", "--until", "2012-01-01", "--trials", str(trials), "--promote")
    greenlane("decide", "--mapping", "scms", "--from", "2012-01-01", "--outcomes", "as-known", file)
    return greenlane("evaluate", "--mapping", "scms", "--history", "--forward", "4", "--trials", str(trials), file)


def run(name: str, data: Path, trials: int) -> str:
    """One data set in a database of its own; returns its table in Markdown."""
    with TemporaryDirectory() as folder:
        environment = os.environ | {
            "GREENLANE_VAR": folder, "GREENLANE_DATABASE": f"sqlite:///{folder}/public.db",
            "GREENLANE_MLFLOW_CONFIG": str(own_registry(Path(folder))),
        }  # fmt: skip
        spent: dict[str, float] = {}

        def greenlane(*arguments: str) -> object:
            began = time.monotonic()
            command = [sys.executable, "-m", "serving.cli", *arguments, "--json"]
            print("greenlane", " ".join(a.replace(str(data), "DATA") for a in arguments), flush=True)
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
            spent[arguments[0]] = time.monotonic() - began
            return json.loads(done.stdout)

        lines = {"korea": korea, "scms": scms}[name](greenlane, data, trials)
    assert isinstance(lines, list)
    forward = [line for line in lines if line["scored"].startswith("forward")]
    tables = [_table([line for line in lines if line not in forward])]
    if forward:
        tables += [_table(forward), _worth(forward)]
    seconds = ", ".join(f"{step} {t:.0f} s" for step, t in spent.items())
    body = "\n\n".join(tables)
    return f"### {name}\n\n{body}\n\nTime of each command, start-up included: {seconds}.\n"


def _table(lines: list[dict[str, Any]]) -> str:
    """A column a line of the evaluation, a row a figure that any of them has."""
    rows = [["figure", *(f"{line['scored']}, {line['rows']}" for line in lines)], ["---"] + ["---:"] * len(lines)]
    for key, label in _SHOWN.items():
        values = [line["metrics"].get(key) for line in lines]
        if any(value is not None for value in values):
            rows.append([label, *("-" if v is None else f"{v:,.0f}" if key == "rows" else f"{v:.4f}" for v in values)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _worth(lines: list[dict[str, Any]]) -> str:
    """The mean AUC of the folds with and without history, and what history is worth."""
    folds: dict[str, list[float]] = {}
    for line in lines:
        if line["rows"] != "all folds":
            folds.setdefault(line["scored"], []).append(line["metrics"]["auc"])
    means = {scored: fmean(found) for scored, found in folds.items()}
    full, facts = means["forward with history"], means["forward without history"]
    return f"Mean AUC of the folds: {full:.4f} with history, {facts:.4f} without; history is worth {full - facts:.4f}."


def with_figures(document: str, sections: dict[str, str]) -> str:
    """The document with some sections of figures replaced; those of other data sets stay as they are."""
    before, _, rest = document.partition(_BEGIN)
    old, _, after = rest.partition(_END)
    kept = {part.partition("\n")[0]: f"### {part.strip()}\n" for part in old.split("### ")[1:]}
    figures = "\n".join(text for name in NAMES if (text := (kept | sections).get(name)))
    return f"{before}{_BEGIN}\n{figures}\n{_END}{after}"


def main() -> None:
    """Run, print, and where asked for write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", choices=NAMES)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    names = [chosen.only] if chosen.only else NAMES
    data = chosen.data.resolve()
    trials = chosen.trials
    # a small matrix is tuned on few hits: twice as many settings say more of them
    sections = {name: polish.table(data, 2 * trials) if name == "polish" else run(name, data, trials) for name in names}
    print("\n" + "\n".join(sections.values()))
    if chosen.write:
        _DOCUMENT.write_text(with_figures(_DOCUMENT.read_text(encoding="utf-8"), sections), encoding="utf-8")


if __name__ == "__main__":
    main()
