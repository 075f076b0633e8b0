"""Intervals by resampling what is independent."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from mlsteward.evaluation.directions import Task
from mlsteward.evaluation.judgement import MINIMUM_UNITS
from mlsteward.evaluation.metrics import compute_metrics
from mlsteward.evaluation.predictions import Floats, Integers, Predictions
from mlsteward.evaluation.resampling import RESAMPLES, draw_counts, group_units
from mlsteward.evaluation.summaries import summarise

_CELLS = 1024
_UNDEFINED_LIMIT = 0.1


@dataclass(frozen=True)
class Interval:
    """A value with its bounds; the bounds are None when there are too few independent units to say."""

    value: float | None
    low: float | None
    high: float | None


def bootstrap_intervals(
    task: Task,
    truth: np.ndarray,
    predictions: Predictions,
    *,
    units: Integers | None,
    weights: Floats | None,
    threshold: float,
    seed: int,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> dict[str, Interval]:
    """Every metric of the task with its interval, resampling independent units (a cluster bootstrap).

    Expanded percentile intervals: the percentiles are widened for few units as the t-distribution is against the
    normal (Hesterberg 2015, *What Teachers Should Know About the Bootstrap*, §5.3; clusters: Field & Welsh 2007).
    No interval with fewer than 8 units, or when over a tenth of the resamples leave the metric undefined. Shapes as in
    `compute_metrics`; `units` (n,) numbers the independent units, None for independent rows.
    """
    values = compute_metrics(task, truth, predictions, weights, threshold)
    blocks, count = group_units(units, len(predictions), seed)
    if count < MINIMUM_UNITS:
        return {name: Interval(value, None, None) for name, value in values.items()}
    summary = summarise(task, truth, predictions, weights=weights, threshold=threshold, blocks=blocks, cells=_CELLS)
    whole = summary.evaluate(np.ones((1, blocks.count)))
    drawn = summary.evaluate(draw_counts(blocks.count, resamples, seed))
    return {
        # Scores in cells shift a ranking metric by a hair: the resampled values are moved back onto the exact one.
        name: _interval(value, drawn[name] + (0.0 if value is None else value - whole[name][0]), blocks.count, level)
        for name, value in values.items()
    }


def _interval(value: float | None, drawn: Floats, units: int, level: float) -> Interval:
    defined = drawn[np.isfinite(drawn)]
    if value is None or len(defined) < (1 - _UNDEFINED_LIMIT) * len(drawn):
        return Interval(value, None, None)
    tail = expanded_tail((1 - level) / 2, units)
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(value, min(float(low), value), max(float(high), value))


def expanded_tail(tail: float, units: int) -> float:
    """The share of resamples to cut off on each side so that few units cover as they should (Hesterberg 2015)."""
    widened = math.sqrt(units / (units - 1)) * float(special.stdtrit(units - 1, tail))
    return float(special.ndtr(widened))
