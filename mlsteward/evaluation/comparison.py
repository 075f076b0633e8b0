"""Which of two models is better on the same rows."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from mlsteward.evaluation.directions import Task
from mlsteward.evaluation.intervals import expanded_tail
from mlsteward.evaluation.judgement import MINIMUM_UNITS
from mlsteward.evaluation.metrics import compute_metrics, finite
from mlsteward.evaluation.predictions import Floats, Integers, Predictions
from mlsteward.evaluation.resampling import draw_counts, group_units
from mlsteward.evaluation.summaries import summarise

_CELLS = 1024
_RESAMPLES = 2000


@dataclass(frozen=True)
class Difference:
    """The metric of the first model minus that of the second; bounds and p are None with fewer than 8 units."""

    value: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int
    units: int


def paired_bootstrap(
    task: Task,
    truth: np.ndarray,
    first: Predictions,
    second: Predictions,
    *,
    metric: str,
    units: Integers | None,
    weights: Floats | None,
    seed: int,
    thresholds: tuple[float, float] = (0.5, 0.5),
    level: float = 0.95,
) -> Difference:
    """Compare two models on the same n rows in the same order: both are scored on the same resampled units.

    The two-sided p is the least level whose expanded percentile interval leaves out 0 (Efron & Tibshirani 1993, §15.4;
    Hesterberg 2015). `thresholds` are those of the first and the second model.
    """
    scored = [
        compute_metrics(task, truth, predictions, weights, threshold).get(metric)
        for predictions, threshold in zip((first, second), thresholds, strict=True)
    ]
    blocks, count = group_units(units, len(first), seed)
    if scored[0] is None or scored[1] is None:
        return Difference(None, None, None, None, len(first), count)
    value = scored[0] - scored[1]
    if count < MINIMUM_UNITS:
        return Difference(value, None, None, None, len(first), count)
    draws = draw_counts(blocks.count, _RESAMPLES, seed)
    ones = np.ones((1, blocks.count))
    differences = np.zeros(_RESAMPLES)
    for predictions, threshold, sign in zip((first, second), thresholds, (1.0, -1.0), strict=True):
        summary = summarise(task, truth, predictions, weights=weights, threshold=threshold, blocks=blocks, cells=_CELLS)
        differences += sign * (summary.evaluate(draws)[metric] - summary.evaluate(ones)[metric][0])
    return _difference(value, differences + value, len(first), count, blocks.count, level)


def _difference(value: float, drawn: Floats, n: int, count: int, blocks: int, level: float) -> Difference:
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < 0.9 * _RESAMPLES:
        return Difference(value, None, None, None, n, count)
    tail = expanded_tail((1 - level) / 2, blocks)
    low, high = (float(bound) for bound in np.quantile(drawn, [tail, 1 - tail]))
    return Difference(value, min(low, value), max(high, value), _p_value(drawn, blocks), n, count)


def _p_value(drawn: Floats, blocks: int) -> float | None:
    slack = 1e-12
    beyond = min(int((drawn <= slack).sum()), int((drawn >= -slack).sum()))
    tail = min((beyond + 1) / (len(drawn) + 1), 0.5)
    t = float(special.ndtri(tail)) / math.sqrt(blocks / (blocks - 1))
    return finite(min(1.0, 2 * float(special.stdtr(blocks - 1, t))))
