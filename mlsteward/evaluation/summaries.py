"""Rows reduced to sums per block, from which every metric follows for any multiplicity of the blocks.

A metric is defined once, as a function of sums. With one block of multiplicity 1 it is the metric itself; with many
blocks and bootstrap multiplicities it gives the resampled metrics by a matrix product, without touching rows again.
"""

from dataclasses import dataclass

import numpy as np

from mlsteward.errors import UnusableData
from mlsteward.evaluation.confusion import binary_metrics, class_metrics
from mlsteward.evaluation.directions import METRICS, Task
from mlsteward.evaluation.predictions import Floats, Integers, Predictions
from mlsteward.evaluation.ranking import average_precision, roc_auc, score_cells

_SMALLEST_PROBABILITY = 1e-15


@dataclass(frozen=True)
class Blocks:
    """Which of `count` blocks each of n rows belongs to."""

    of_row: Integers
    count: int

    def sums(self, values: Floats) -> Floats:
        """(count,) sums of n values."""
        return np.bincount(self.of_row, weights=values, minlength=self.count).astype(np.float64)

    def histogram(self, cells: Integers, size: int, weights: Floats) -> Floats:
        """(count, size) sums of weights by block and cell."""
        flat = np.bincount(self.of_row * size + cells, weights=weights, minlength=self.count * size)
        return flat.astype(np.float64).reshape(self.count, size)


@dataclass(frozen=True)
class Summary:
    """The sums of one model on one set of rows; `evaluate` turns multiplicities into metrics."""

    task: Task
    tables: dict[str, Floats]
    median_values: Floats

    def evaluate(self, counts: Floats) -> dict[str, Floats]:
        """Metrics, each (R,), from (R, blocks) multiplicities; NaN where undefined."""
        sums = {name: counts @ table for name, table in self.tables.items()}
        if self.task == "regression":
            found = _regression_metrics(sums, self.median_values)
        else:
            found = _classification_metrics(self.task, sums)
        return {name: found[name] for name in METRICS[self.task] if name in found}


def encode(truth: np.ndarray, classes: list[str]) -> Integers:
    """(n,) positions in `classes` of n labels; raises UnusableData for a label the model does not know."""
    position = {name: index for index, name in enumerate(classes)}
    distinct, inverse = np.unique(truth.astype(str), return_inverse=True)
    unknown = [str(label) for label in distinct if label not in position]
    if unknown:
        shown = ", ".join(repr(label) for label in unknown[:5])
        raise UnusableData(
            f"The target holds {shown}, and the model knows only the classes {', '.join(map(repr, classes[:20]))}."
        )
    return np.array([position[str(label)] for label in distinct], dtype=np.int64)[inverse]


def predicted_codes(predictions: Predictions, threshold: float) -> Integers:
    """(n,) positions of the predicted classes; of two classes, the second where its probability reaches `threshold`."""
    if predictions.scores is None:
        return encode(predictions.labels, predictions.classes)
    if len(predictions.classes) == 2:
        return (predictions.positive() >= threshold).astype(np.int64)
    return predictions.scores.argmax(axis=1).astype(np.int64)


def summarise(
    task: Task,
    truth: np.ndarray,
    predictions: Predictions,
    *,
    weights: Floats | None,
    threshold: float,
    blocks: Blocks,
    cells: int,
) -> Summary:
    """Reduce n rows to sums per block; `cells` bounds the distinct scores that are kept apart."""
    weight = np.ones(len(predictions)) if weights is None else np.asarray(weights, dtype=np.float64)
    if task == "regression":
        return _summarise_numbers(
            truth.astype(np.float64), predictions.labels.astype(np.float64), weight, blocks, cells
        )
    codes = encode(truth, predictions.classes)
    tables = _class_tables(codes, predicted_codes(predictions, threshold), weight, blocks, len(predictions.classes))
    if predictions.scores is not None:
        tables |= _score_tables(task, codes, predictions.scores, weight, blocks, cells)
    return Summary(task, tables, np.empty(0))


def _class_tables(truth: Integers, predicted: Integers, weight: Floats, blocks: Blocks, k: int) -> dict[str, Floats]:
    return {
        "hits": blocks.histogram(truth, k, weight * (truth == predicted)),
        "truth": blocks.histogram(truth, k, weight),
        "predicted": blocks.histogram(predicted, k, weight),
    }


def _score_tables(
    task: Task, truth: Integers, scores: Floats, weight: Floats, blocks: Blocks, cells: int
) -> dict[str, Floats]:
    rows = np.arange(len(truth))
    given = np.clip(scores[rows, truth] / scores.sum(axis=1), _SMALLEST_PROBABILITY, 1.0)
    tables = {"weight": blocks.sums(weight), "log": blocks.sums(-weight * np.log(given))}
    if task == "binary":
        tables["squares"] = blocks.sums(weight * (scores[:, 1] - truth) ** 2)
    ranked = (1,) if task == "binary" else range(scores.shape[1])
    limit = cells if cells >= len(truth) else max(64, cells // len(ranked))
    for k in ranked:
        positive = weight * (truth == k)
        cell, size = score_cells(scores[:, k], positive, limit)
        tables[f"positives {k}"] = blocks.histogram(cell, size, positive)
        tables[f"negatives {k}"] = blocks.histogram(cell, size, weight - positive)
    return tables


def _classification_metrics(task: Task, sums: dict[str, Floats]) -> dict[str, Floats]:
    counted = (sums["hits"], sums["truth"], sums["predicted"])
    found = class_metrics(*counted)
    if task == "binary":
        found |= binary_metrics(*counted)
    if "log" not in sums:
        return found
    with np.errstate(invalid="ignore", divide="ignore"):
        found["log_loss"] = sums["log"] / sums["weight"]
        if task == "binary":
            found["brier"] = sums["squares"] / sums["weight"]
    ranked = [name.removeprefix("positives ") for name in sums if name.startswith("positives ")]
    areas = np.array([roc_auc(sums[f"positives {k}"], sums[f"negatives {k}"]) for k in ranked])
    if task == "binary":
        found["roc_auc"] = areas[0]
        found["pr_auc"] = average_precision(sums["positives 1"], sums["negatives 1"])
    else:
        found["roc_auc_ovr"] = _mean_of_defined(areas)
    return found


def _mean_of_defined(areas: Floats) -> Floats:
    defined = ~np.isnan(areas)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(defined, areas, 0.0).sum(axis=0) / defined.sum(axis=0)


def _summarise_numbers(truth: Floats, predicted: Floats, weight: Floats, blocks: Blocks, cells: int) -> Summary:
    # Centred first: sums of squares of large numbers would lose the variance.
    centred = truth - np.average(truth, weights=weight) if len(truth) else truth
    error = np.abs(predicted - truth)
    cell, size = score_cells(error, np.zeros(len(error)), cells)
    tables = {
        "weight": blocks.sums(weight),
        "target": blocks.sums(weight * centred),
        "target squared": blocks.sums(weight * centred**2),
        "error": blocks.sums(weight * error),
        "error squared": blocks.sums(weight * error**2),
        "errors": blocks.histogram(cell, size, weight),
    }
    values = np.bincount(cell, weights=error, minlength=size) / np.maximum(np.bincount(cell, minlength=size), 1)
    return Summary("regression", tables, values)


def _regression_metrics(sums: dict[str, Floats], values: Floats) -> dict[str, Floats]:
    weight = sums["weight"]
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = sums["target squared"] - sums["target"] ** 2 / weight
        varies = spread > 1e-12 * np.maximum(sums["target squared"], 1e-300)
        return {
            "rmse": np.sqrt(sums["error squared"] / weight),
            "mae": sums["error"] / weight,
            "r2": np.where(varies, 1 - sums["error squared"] / np.where(varies, spread, 1.0), np.nan),
            "median_absolute_error": _median(sums["errors"], values),
        }


def _median(errors: Floats, values: Floats) -> Floats:
    """(R,) weighted medians of (R, cells) weights at ascending `values`; a tie at the half takes the mean of both."""
    reached = np.cumsum(errors, axis=1)
    half = reached[:, -1:] / 2
    slack = 1e-9 * half
    low = (reached < half - slack).sum(axis=1)
    high = (reached <= half + slack).sum(axis=1)
    last = len(values) - 1
    return np.where(half[:, 0] > 0, (values[np.minimum(low, last)] + values[np.minimum(high, last)]) / 2, np.nan)
