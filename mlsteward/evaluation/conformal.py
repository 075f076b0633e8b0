"""Prediction intervals for regression that hold without a model of the errors."""

import math

import numpy as np

from mlsteward.evaluation.predictions import Floats


def conformal_half_width(errors: Floats, level: float = 0.9) -> float | None:
    """The half-width that covers a new row with probability at least `level`, or None when there are too few rows.

    `errors` (n,) are absolute errors, in the target's unit, on rows the model did not see: the ⌈(n+1)·level⌉-th
    smallest (Lei et al. 2018, *Distribution-Free Predictive Inference for Regression*). Rows must be exchangeable with
    those that come. With out-of-fold errors the guarantee is that of cross-conformal prediction (Barber et al. 2021).
    """
    rank = math.ceil((len(errors) + 1) * level)
    if rank > len(errors):
        return None
    return float(np.partition(np.asarray(errors, dtype=np.float64), rank - 1)[rank - 1])


def coverage(truth: Floats, predicted: Floats, half_width: float, weights: Floats | None = None) -> float | None:
    """The weighted share of n rows within `half_width` of their prediction; None without rows."""
    if not len(truth):
        return None
    return float(np.average(np.abs(truth - predicted) <= half_width, weights=weights))
