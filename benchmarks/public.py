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
from tempfile import TemporaryDirectory

from benchmarks import polish

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
        environment = os.environ | {"GREENLANE_VAR": folder, "GREENLANE_DATABASE": f"sqlite:///{folder}/public.db"}
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
    head = ["figure", *(f"{line['scored']}, {line['rows']} rows" for line in lines)]
    rows = [head, ["---"] + ["---:"] * len(lines)]
    for key, label in _SHOWN.items():
        values = [line["metrics"].get(key) for line in lines]
        rows.append([label, *("-" if v is None else f"{v:,.0f}" if key == "rows" else f"{v:.4f}" for v in values)])
    seconds = ", ".join(f"{step} {t:.0f} s" for step, t in spent.items())
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return f"### {name}\n\n{table}\n\nTime of each command, start-up included: {seconds}.\n"


def main() -> None:
    """Run, print, and where asked for write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", choices=NAMES)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--matrix-trials", type=int, default=6, help="settings tried a fold of the plain matrix")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    names = [chosen.only] if chosen.only else NAMES
    data = chosen.data.resolve()
    text = "\n".join(
        polish.table(data, chosen.matrix_trials) if n == "polish" else run(n, data, chosen.trials) for n in names
    )
    print("\n" + text)
    if chosen.write:
        document = _DOCUMENT.read_text(encoding="utf-8")
        before, _, rest = document.partition(_BEGIN)
        _DOCUMENT.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{rest.partition(_END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
