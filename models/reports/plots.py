"""The plots of a training run, as files for MLflow and for people."""

from pathlib import Path

import matplotlib
import numpy as np
from sklearn.metrics import precision_recall_curve

from models.training.train import Trained

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes


def write_plots(trained: Trained, folder: Path) -> list[Path]:
    """Write calibration, precision by recall, gains, importance, and tuning with what it hinged on as PNG; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawers = {
        "calibration": _calibration, "precision_recall": _precision_recall, "gains": _gains,
        "importance": _importance, "tuning": _tuning,
    }  # fmt: skip
    if trained.tuned.importance:
        drawers["parameters"] = _parameters
    files = []
    for name, draw in drawers.items():
        figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
        draw(trained, axes)
        files.append(folder / f"{name}.png")
        figure.savefig(files[-1], dpi=110)
        plt.close(figure)
    return files


def _calibration(trained: Trained, axes: Axes) -> None:
    order = np.argsort(trained.folded.probabilities, kind="stable")
    parts = [part for part in np.array_split(order, 10) if len(part)]
    stated = [float(trained.folded.probabilities[part].mean()) for part in parts]
    found = [float(trained.outcomes[part].mean()) for part in parts]
    top = max(*stated, *found)
    axes.plot([0, top], [0, top], "--", color="grey", label="perfect")
    axes.plot(stated, found, "o-", label="tenths of the forward folds")
    axes.set(xlabel="stated probability", ylabel="share found", title=f"Calibration (ECE {trained.metrics.ece:.4f})")
    axes.legend()


def _precision_recall(trained: Trained, axes: Axes) -> None:
    precision, recall, _ = precision_recall_curve(trained.outcomes, trained.folded.probabilities)
    axes.plot(recall, precision, label=f"AP {trained.metrics.average_precision:.3f}")
    axes.axhline(trained.metrics.base_rate, linestyle="--", color="grey", label="base rate")
    axes.set(xlabel="recall", ylabel="precision", title="Precision and recall on the forward folds", ylim=(0, 1.02))
    axes.legend()


def _gains(trained: Trained, axes: Axes) -> None:
    hits = np.cumsum(trained.outcomes[np.argsort(-trained.folded.probabilities, kind="stable")])
    share = np.arange(1, len(hits) + 1) / len(hits)
    axes.plot(share, hits / hits[-1], label="model")
    axes.plot([0, 1], [0, 1], "--", color="grey", label="random")
    axes.set(
        xlabel="share inspected", ylabel="share of violations found", title=f"Gains (AUC {trained.metrics.auc:.3f})"
    )
    axes.legend()


def _importance(trained: Trained, axes: Axes) -> None:
    top = list(trained.importance.items())[:20][::-1]
    axes.barh([name for name, _ in top], [gain for _, gain in top])
    axes.set(xlabel="total gain", title="What the trees use most")
    axes.tick_params(axis="y", labelsize=7)


def _parameters(trained: Trained, axes: Axes) -> None:
    shares = list(trained.tuned.importance.items())[::-1]
    axes.barh([name for name, _ in shares], [share for _, share in shares])
    axes.set(xlabel="share of what settings change (functional ANOVA)", title="What tuning hinged on")


def _tuning(trained: Trained, axes: Axes) -> None:
    done = [trial for trial in trained.tuned.trials if np.isfinite(trial.loss)]
    axes.plot([t.number for t in done], [t.loss for t in done], "o", label="complete trials")
    best = np.minimum.accumulate([t.loss for t in done])
    axes.step([t.number for t in done], best, where="post", label="best so far")
    axes.set(
        xlabel="trial", ylabel="mean log loss on forward folds", title=f"Tuning ({len(trained.tuned.trials)} trials)"
    )
    axes.legend()
