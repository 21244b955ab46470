"""Polish firms (UCI, one year before bankruptcy): a plain matrix through the same training core, without records.

    python -m benchmarks.polish DATA [--trials N]

Five outer folds; the settings of each are tuned by `models.training.tuning` on inner folds of its own training part, once, and
serve both models: the free one and the one whose directions are fixed by sense.
"""

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from features.definitions import Feature, FeatureSet
from features.forms import Fact
from models.calibration import fit_calibration, log_loss
from models.encoding import fit_encoder
from models.evaluation.metrics import Metrics, measure
from models.training.dataset import Dataset
from models.training.fitting import Cases, cases_of, fixed_parameters
from models.training.splits import Fold
from models.training.tuning import Budget, tune

Floats = NDArray[np.float64]
Direction = Literal[-1, 0, 1]
_RATIOS = 64
_SEED = 7
DIRECTIONS: dict[int, tuple[Direction, str]] = {
    1: (-1, "net profit / total assets"),
    2: (1, "total liabilities / total assets"),
    4: (-1, "current assets / short-term liabilities"),
    7: (-1, "EBIT / total assets"),
    10: (-1, "equity / total assets"),
    18: (-1, "gross profit / total assets"),
    22: (-1, "profit on operating activities / total assets"),
    35: (-1, "profit on sales / total assets"),
    40: (-1, "(current assets - inventory - receivables) / short-term liabilities"),
    46: (-1, "(current assets - inventory) / short-term liabilities"),
    48: (-1, "EBITDA / total assets"),
    51: (1, "short-term liabilities / total assets"),
    58: (1, "total costs / total sales"),
}
"""What sense fixes: liquidity and profit on assets never raise the risk, debt and costs never lower it.

Only ratios whose denominator cannot turn negative and whose sense is beyond dispute; a turnover, a growth or a margin on small
sales can mean either.
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """The mean of the outer folds' AUC, its deviation between folds, and the figures of all rows together."""

    mean_auc: float
    deviation: float
    together: Metrics


def read_arff(path: Path) -> tuple[Floats, NDArray[np.int64]]:
    """The matrix of shape (n, 64), NaN for `?`, and 1 for bankrupt, shape (n,)."""
    _, _, body = path.read_text(encoding="utf-8").partition("@data")
    rows = [[math.nan if cell == "?" else float(cell) for cell in line.split(",")] for line in body.split()]
    matrix = np.array(rows)
    return matrix[:, :_RATIOS], matrix[:, _RATIOS].astype(np.int64)


def dataset_of(matrix: Floats, outcomes: NDArray[np.int64], *, monotone: bool) -> Dataset:
    """The matrix as the training core takes it; what it has no use for here (times, names, inclusion) is empty."""
    features = FeatureSet("polish", "enterprise", tuple(_ratio(n, monotone) for n in range(1, _RATIOS + 1)))
    count = len(outcomes)
    none, nobody = np.zeros(count, dtype=np.int64), np.full(count, None, dtype=object)
    columns = {feature.name: matrix[:, place] for place, feature in enumerate(features.features)}
    return Dataset(
        features=features, columns=columns, outcomes=outcomes, asked_at=none, known_at=none, names=nobody, snapshot="polish",
        enterprises=nobody, inclusion=np.full(count, np.nan), recovered_fen=none, violations=nobody, segments={},
    )  # fmt: skip


def _ratio(number: int, monotone: bool) -> Feature:
    direction, meaning = DIRECTIONS.get(number, (0, f"ratio {number}"))
    return Feature(f"x{number}", "funds", Fact(f"x{number}"), meaning, meaning, direction=direction if monotone else 0)


def folds_of(outcomes: NDArray[np.int64], count: int, seed: int) -> list[Fold]:
    """Stratified folds; each row is validated once."""
    folds = []
    for _, valid in StratifiedKFold(count, shuffle=True, random_state=seed).split(np.zeros(len(outcomes)), outcomes):
        mask = np.zeros(len(outcomes), dtype=np.bool_)
        mask[valid] = True
        folds.append(Fold(~mask, mask))
    return folds


def cases(dataset: Dataset) -> tuple[Cases, dict[str, object]]:
    """The matrix ready to fit, and the parameters that are not tuned."""
    fixed = fixed_parameters(dataset.features, seed=_SEED, threads=1)
    return cases_of(dataset, fit_encoder(dataset.features, dataset.columns), fixed), fixed


def margins(ready: Cases, fold: Fold, parameters: dict[str, object]) -> Floats:
    """What parameters learn on one side of a fold and say of the other."""
    return ready.margins(ready.fit(np.flatnonzero(fold.train), parameters), np.flatnonzero(fold.valid), 1)


def tuned(dataset: Dataset, trials: int, inner: int) -> dict[str, object]:
    """The settings of least loss on inner folds."""
    split = folds_of(dataset.outcomes, inner, _SEED)
    ready, fixed = cases(dataset)

    def loss(own: dict[str, object], number: int) -> float:
        said, outcomes = margins(ready, split[number], fixed | own), dataset.outcomes[split[number].valid]
        return log_loss(fit_calibration(said, outcomes).probabilities(said), outcomes)

    return dict(tune(loss, inner, Budget(trials), weighted=False, days=0.0, seed=_SEED).best.parameters)


def cross_validated(
    matrix: Floats, outcomes: NDArray[np.int64], *, trials: int, outer: int = 5, inner: int = 3
) -> dict[str, Figures]:
    """The figures of the free and of the monotone model, on rows that neither learned from nor was tuned on."""
    free, fixed = (dataset_of(matrix, outcomes, monotone=monotone) for monotone in (False, True))
    split = folds_of(outcomes, outer, 0)
    chosen = [tuned(free.rows(fold.train), trials, inner) for fold in split]
    figures = {}
    for name, dataset in (("free", free), ("monotone", fixed)):
        given, aucs = np.zeros(len(outcomes)), list[float]()
        ready, parameters = cases(dataset)
        for fold, own in zip(split, chosen, strict=True):
            given[fold.valid] = 1 / (1 + np.exp(-margins(ready, fold, parameters | own)))
            aucs.append(measure(outcomes[fold.valid], given[fold.valid]).auc)
        figures[name] = Figures(float(np.mean(aucs)), float(np.std(aucs)), measure(outcomes, given))
    return figures


def table(data: Path, trials: int) -> str:
    """The figures in Markdown."""
    began = time.monotonic()
    matrix, outcomes = read_arff(data / "polish_bankruptcy" / "1year.arff")
    found = cross_validated(matrix, outcomes, trials=trials)
    rows = [
        f"| {name} | {f.mean_auc:.4f} | {f.deviation:.4f} | {f.together.auc:.4f} | {f.together.average_precision:.4f} "
        f"| {f.together.precision[0.05]:.4f} | {f.together.brier:.4f} |"
        for name, f in found.items()
    ]
    head = (
        "| model | AUC, mean of 5 folds | deviation between folds | AUC, all rows | AP | P@5 % | Brier |\n| --- |"
        + " ---: |" * 6
    )
    return (
        f"### polish\n\n{len(outcomes):,} firms, {outcomes.sum()} bankrupt.\n\n{head}\n" + "\n".join(rows)
        + f"\n\nTime: {time.monotonic() - began:.0f} s with {trials} settings tried a fold.\n"
    )  # fmt: skip


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--trials", type=int, default=20)
    chosen = parser.parse_args()
    print(table(chosen.data, chosen.trials))


if __name__ == "__main__":
    main()
