"""A peer that explains, in a process and environment of its own: `python -m benchmarks.explanation_peer NAME MODEL ROWS`.

It says how far its contributions are from LightGBM's once it is ready; then each line `START STOP` that it reads has it explain
those rows and answer with an empty line.
"""

import sys
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np

Explainer = Callable[[Any], Any]
_CHECKED = 20


def woodelf(booster: lightgbm.Booster) -> Explainer:
    """WOODELF, made for large batches: one row costs it as much as a thousand."""
    import pandas as pd
    from woodelf.explainer import WoodelfExplainer

    explainer, names = WoodelfExplainer(booster), booster.feature_name()
    return lambda rows: explainer.shap_values(pd.DataFrame(rows, columns=names), verbose=False)


def fasttreeshap(booster: lightgbm.Booster) -> Explainer:
    """Fast TreeSHAP, version 1: the second gives other values for these boosters."""
    from fasttreeshap import TreeExplainer

    explainer = TreeExplainer(booster, algorithm="v1", n_jobs=1)

    def explain(rows: Any) -> Any:
        values = explainer.shap_values(rows, check_additivity=False)
        return values[-1] if isinstance(values, list) else values

    return explain


def main(name: str, model: str, matrix: str) -> None:
    """Explain as asked on the standard input."""
    booster, rows = lightgbm.Booster(model_file=model), np.load(matrix)
    explain = {"woodelf": woodelf, "fasttreeshap": fasttreeshap}[name](booster)
    expected = booster.predict(rows[:_CHECKED], pred_contrib=True, num_threads=1)
    print(np.abs(np.asarray(explain(rows[:_CHECKED])) - expected[:, :-1]).max(), flush=True)
    for line in sys.stdin:
        start, stop = map(int, line.split())
        explain(rows[start:stop])
        print(flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
