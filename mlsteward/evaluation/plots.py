"""Pictures of how good a model is, as small PNG files. Titles carry the numbers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from mlsteward.answer import number
from mlsteward.evaluation.calibration import Calibration, measure_calibration
from mlsteward.evaluation.directions import Task
from mlsteward.evaluation.importance import Importance
from mlsteward.evaluation.metrics import compute_metrics, confusion_matrix
from mlsteward.evaluation.predictions import Floats, Predictions

BLUE, GREY, ORANGE = "#1f5fa8", "#9aa3ad", "#d9731a"
_MOST_CLASSES = 15
_MOST_POINTS = 2000
_MOST_BARS = 15


def draw_plots(
    task: Task,
    truth: np.ndarray,
    predictions: Predictions,
    folder: Path,
    *,
    target: str,
    weights: Floats | None = None,
    threshold: float = 0.5,
) -> list[str]:
    """Draw what fits the task into `folder` and return the names of the files.

    Two classes: `curves.png` (ROC and precision–recall), `confusion.png`, `calibration.png`; more classes: the last
    two; regression: `residuals.png`. Shapes as in `compute_metrics`.
    """
    if task == "regression":
        draw_residuals(
            truth.astype(np.float64), predictions.labels.astype(np.float64), folder / "residuals.png", target
        )
        return ["residuals.png"]
    drawn: list[str] = []
    if task == "binary" and predictions.scores is not None and len(np.unique(truth.astype(str))) == 2:
        draw_curves(truth, predictions, folder / "curves.png", target, weights, threshold)
        drawn.append("curves.png")
    if len(predictions.classes) <= _MOST_CLASSES:
        draw_confusion(truth, predictions, folder / "confusion.png", target, weights, threshold)
        drawn.append("confusion.png")
    calibration = measure_calibration(truth, predictions, weights)
    if calibration is not None:
        draw_calibration(calibration, folder / "calibration.png")
        drawn.append("calibration.png")
    return drawn


def draw_curves(
    truth: np.ndarray, predictions: Predictions, path: Path, target: str, weights: Floats | None, threshold: float
) -> None:
    """ROC and precision–recall curve side by side, with the point of the threshold."""
    positive = truth.astype(str) == predictions.classes[1]
    false_rate, recall, precision, cuts = _operating_points(positive, predictions.positive(), weights)
    metrics = compute_metrics("binary", truth, predictions, weights, threshold)
    share = float(np.average(positive, weights=weights))
    at = max(int(np.searchsorted(-cuts, -threshold, side="right")) - 1, 0)
    figure = Figure(figsize=(8.4, 4.0), layout="constrained")
    roc, pr = figure.subplots(1, 2)
    roc.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    roc.plot(false_rate, recall, color=BLUE, linewidth=1.8)
    roc.plot(false_rate[at], recall[at], "o", color=ORANGE, label=f"threshold {number(threshold, 3)}")
    roc.set(xlabel="false positive rate", ylabel="recall", title=f"ROC AUC {number(metrics['roc_auc'], 3)}")
    pr.axhline(share, color=GREY, linewidth=1, linestyle="--")
    pr.plot(recall[1:], precision[1:], color=BLUE, linewidth=1.8)
    if at > 0:
        pr.plot(recall[at], precision[at], "o", color=ORANGE)
    title = f"average precision {number(metrics['pr_auc'], 3)}, share {number(share, 3)}"
    pr.set(xlabel="recall", ylabel="precision", title=title)
    roc.legend(loc="lower right", frameon=False)
    for axes in (roc, pr):
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    figure.suptitle(f"{target} = {predictions.classes[1]}, {len(truth):,} rows")
    save_figure(figure, path)


def _operating_points(
    positive: np.ndarray, score: Floats, weights: Floats | None
) -> tuple[Floats, Floats, Floats, Floats]:
    """False positive rate, recall, precision and threshold, from nothing flagged to everything; at most 500 points."""
    weight = np.ones(len(score)) if weights is None else weights
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    if len(last) > 500:
        last = last[np.unique(np.linspace(0, len(last) - 1, 500).astype(int))]
    hits = np.cumsum((weight * positive)[order])[last]
    misses = np.cumsum((weight * ~positive)[order])[last]
    precision = hits / np.maximum(hits + misses, 1e-300)
    return (
        np.append(0.0, misses / misses[-1]),
        np.append(0.0, hits / hits[-1]),
        np.append(1.0, precision),
        np.append(np.inf, score[order][last]),
    )


def draw_confusion(
    truth: np.ndarray,
    predictions: Predictions,
    path: Path,
    target: str,
    weights: Floats | None = None,
    threshold: float = 0.5,
) -> None:
    """The confusion matrix: counts in the cells, colour by share of the true class."""
    matrix = confusion_matrix(truth, predictions, weights, threshold)
    classes = predictions.classes
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1e-300)
    side = 3.2 + 0.45 * len(classes)
    figure = Figure(figsize=(side + 0.4, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for down, across in np.ndindex(matrix.shape):
        colour = "white" if shares[down, across] > 0.55 else "black"
        text = f"{matrix[down, across]:,.0f}"
        axes.text(across, down, text, ha="center", va="center", color=colour, fontsize=9 if len(classes) < 8 else 7)
    names = [shortened(name, 14) for name in classes]
    axes.set_xticks(range(len(classes)), names, rotation=45 if len(classes) > 3 else 0)
    axes.set_yticks(range(len(classes)), names)
    correct = np.trace(matrix) / max(matrix.sum(), 1e-300)
    at = f" at {number(threshold, 3)}" if len(classes) == 2 else ""
    axes.set(xlabel="predicted", ylabel="true", title=f"{shortened(target, 24)}: {correct:.1%} correct{at}")
    axes.spines[:].set_visible(False)
    save_figure(figure, path)


def draw_calibration(calibration: Calibration, path: Path) -> None:
    """The reliability diagram: what was said against what came true, points sized by rows."""
    figure = Figure(figsize=(4.6, 4.4), layout="constrained")
    axes = figure.subplots()
    said = np.array([one.predicted for one in calibration.bins])
    came = np.array([one.observed for one in calibration.bins])
    top = min(1.0, 1.1 * float(max(said.max(), came.max(), 0.05)))
    axes.plot([0, top], [0, top], color=GREY, linewidth=1, linestyle="--")
    axes.plot(said, came, "o-", color=BLUE, linewidth=1.5, markersize=5, clip_on=False)
    axes.set(
        xlabel=f"{calibration.about} (mean of the bin)", ylabel="share that came true", xlim=(0, top), ylim=(0, top)
    )
    axes.set_title(f"calibration error {number(calibration.error, 2)}, Brier {number(calibration.brier, 3)}")
    save_figure(figure, path)


def draw_residuals(truth: Floats, predicted: Floats, path: Path, target: str) -> None:
    """Truth against prediction, and the residuals by prediction; at most 2,000 rows are drawn, evenly spaced."""
    metrics = compute_metrics("regression", truth, Predictions(predicted))
    chosen = np.unique(np.linspace(0, len(truth) - 1, min(len(truth), _MOST_POINTS)).astype(int))
    truth, predicted = truth[chosen], predicted[chosen]
    figure = Figure(figsize=(8.4, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    ends = [float(min(truth.min(), predicted.min())), float(max(truth.max(), predicted.max()))]
    left.plot(ends, ends, color=GREY, linewidth=1, linestyle="--")
    left.scatter(predicted, truth, s=8, color=BLUE, alpha=0.45, linewidths=0)
    name = shortened(target, 24)
    left.set(xlabel=f"predicted {name}", ylabel=f"true {name}", title=f"R² {number(metrics['r2'], 3)}")
    right.axhline(0, color=GREY, linewidth=1, linestyle="--")
    right.scatter(predicted, truth - predicted, s=8, color=BLUE, alpha=0.45, linewidths=0)
    right.set(xlabel=f"predicted {name}", ylabel="true − predicted", title=f"RMSE {number(metrics['rmse'], 4)}")
    save_figure(figure, path)


def draw_importance(importances: Sequence[Importance], path: Path, metric: str) -> None:
    """Bars of the most important groups of columns, with two standard errors."""
    shown = list(importances[:_MOST_BARS])[::-1]
    figure = Figure(figsize=(6.4, 1.3 + 0.32 * max(len(shown), 1)), layout="constrained")
    axes = figure.subplots()
    labels = [shortened(" + ".join(one.columns), 34) for one in shown]
    values = [one.value for one in shown]
    axes.barh(labels, values, xerr=[2 * one.error for one in shown], color=BLUE, ecolor=ORANGE, height=0.7)
    axes.axvline(0, color=GREY, linewidth=1)
    best = (
        f"{shortened(' + '.join(importances[0].columns), 24)} {number(importances[0].value, 2)}"
        if importances
        else "none"
    )
    axes.set(xlabel=f"loss of {metric} when permuted")
    figure.suptitle(f"importance: {best} first")
    save_figure(figure, path)


def shortened(text: str, length: int) -> str:
    """The text in at most `length` characters."""
    return text if len(text) <= length else text[: length - 1] + "…"


def save_figure(figure: Figure, path: Path) -> None:
    """Write the figure as a PNG; a dollar sign in a column's name is no formula."""
    for axes in figure.axes:
        _plain(axes)
    figure.set_dpi(90)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    # A palette of 64 colours is a third of the size, and nobody sees it.
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    picture.quantize(64).save(path, format="PNG", optimize=True)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    for text in (axes.title, axes.xaxis.label, axes.yaxis.label, *axes.get_xticklabels(), *axes.get_yticklabels()):
        text.set_parse_math(False)
