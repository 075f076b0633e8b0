"""Metrics of classification and regression, weighted; None where a metric is undefined."""

import math

import numpy as np

from mlsteward.evaluation.directions import Task, default_metric, greater_is_better
from mlsteward.evaluation.predictions import Floats, Predictions
from mlsteward.evaluation.summaries import Blocks, encode, predicted_codes, summarise

__all__ = ["compute_metrics", "confusion_matrix", "default_metric", "greater_is_better"]


def compute_metrics(
    task: Task,
    truth: np.ndarray,
    predictions: Predictions,
    weights: Floats | None = None,
    threshold: float = 0.5,
) -> dict[str, float | None]:
    """All metrics of the task by name, on n rows.

    `truth` (n,) labels or floats in the target's unit; `weights` (n,) or None; `threshold` is the probability from
    which the second of two classes is predicted. A metric that the rows cannot answer (one class alone, nothing
    flagged, no probabilities) is None or absent. Raises UnusableData for a label the model does not know.
    """
    if not len(predictions):
        return {}
    one = Blocks(np.zeros(len(predictions), dtype=np.int64), 1)
    summary = summarise(
        task, truth, predictions, weights=weights, threshold=threshold, blocks=one, cells=len(predictions) + 64
    )
    values = summary.evaluate(np.ones((1, 1)))
    return {name: finite(float(value[0])) for name, value in values.items()}


def confusion_matrix(
    truth: np.ndarray, predictions: Predictions, weights: Floats | None = None, threshold: float = 0.5
) -> Floats:
    """(k, k) weights of rows: true class down, predicted class across, in the order of `predictions.classes`."""
    k = len(predictions.classes)
    codes = encode(truth, predictions.classes) * k + predicted_codes(predictions, threshold)
    return np.bincount(codes, weights=weights, minlength=k * k).astype(np.float64).reshape(k, k)


def finite(value: float) -> float | None:
    """The value, or None when it is not a number or infinite."""
    return value if math.isfinite(value) else None
