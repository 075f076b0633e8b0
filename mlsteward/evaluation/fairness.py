"""How a model treats groups of rows: measures by group, with intervals. Only worker code imports this."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from fairlearn.metrics import (
    MetricFrame,
    false_positive_rate,
    mean_prediction,
    selection_rate,
    true_positive_rate,
)
from sklearn.metrics import accuracy_score, mean_absolute_error

from mlsteward.data.frames import column_of
from mlsteward.evaluation.columns import cut
from mlsteward.evaluation.fairness_report import MEASURES, ColumnFairness, GroupValue, MeasureGap
from mlsteward.evaluation.intervals import expanded_tail
from mlsteward.evaluation.judge import Scored
from mlsteward.evaluation.judgement import MINIMUM_UNITS
from mlsteward.evaluation.predictions import Floats, Integers
from mlsteward.evaluation.resampling import RESAMPLES, draw_counts, group_units
from mlsteward.evaluation.summaries import encode, predicted_codes

MOST_GROUPS = 12
_LEVEL = 0.95
# The bound of one normal difference: a largest one of several is no tighter.
_NORMAL = 1.96
_Metric = Callable[..., float]
# Shares, of which a resample of all or nothing shows no spread.
_SHARES = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")


def _mean_error(truth: np.ndarray, predicted: np.ndarray, sample_weight: Floats | None = None) -> float:
    return float(np.average(predicted - truth, weights=sample_weight))


_METRICS: dict[str, _Metric] = {
    "selection_rate": selection_rate,
    "true_positive_rate": true_positive_rate,
    "false_positive_rate": false_positive_rate,
    "accuracy": accuracy_score,
    "mean_prediction": mean_prediction,
    "mean_error": _mean_error,
    "mean_absolute_error": mean_absolute_error,
}


@dataclass(frozen=True)
class _Rows:
    """(n,) truth and prediction as numbers, (n,) weights, and (n,) groups, -1 for rows of none."""

    truth: Floats
    predicted: Floats
    weights: Floats
    group: Integers
    names: list[str]


def measure_fairness(
    frame: pd.DataFrame,
    scored: Scored,
    column: str,
    *,
    measures: Sequence[str] = (),
    fewest_rows: int = 50,
    seed: int = 0,
) -> ColumnFairness:
    """Measures of n rows by the groups of a `column` of `frame`: its commonest 12 values, or 5 ranges of numbers.

    The values are those of fairlearn's `MetricFrame` (Bird et al. 2020): selection rate (demographic parity), true and
    false positive rate (equalized odds, Hardt, Price & Srebro 2016), accuracy; for regression the mean prediction, the
    mean error and the mean absolute error in standard deviations of the target. A measure that the task has not is
    left out; without `measures` those that suit the task. Intervals resample independent units, which `MetricFrame`'s
    own do not. The bounds of a difference hold for all pairs of groups together (the largest studentised difference
    over resamples, Romano & Wolf 2005), for of many groups two always differ. Groups with fewer than `fewest_rows`
    rows that count for a measure are shown, and not held against others.
    """
    rows = _rows(frame, scored, column)
    usable = [name for name in measures or MEASURES[scored.task] if _suits(name, scored)]
    kept = rows.group >= 0
    left_out = int((~kept).sum())
    blocks, units = group_units(scored.units, len(rows.group), seed)
    draws = draw_counts(blocks.count, RESAMPLES, seed) if units >= MINIMUM_UNITS else None
    by_group = _by_group(rows, usable)
    gaps: list[MeasureGap] = []
    for name in usable:
        base = _base(name, rows)
        counts = np.bincount(rows.group[kept & base], minlength=len(rows.names))
        drawn = None
        if draws is not None:
            drawn = _resampled(name, rows, kept, blocks.of_row, blocks.count, draws)
        gaps.append(_gap(name, rows, by_group[name], counts, drawn, fewest_rows, blocks.count))
    return ColumnFairness(column=column, gaps=gaps, left_out=left_out)


def _rows(frame: pd.DataFrame, scored: Scored, column: str) -> _Rows:
    parts = cut(frame, column, categories=MOST_GROUPS)
    weights = np.ones(len(scored.truth)) if scored.weights is None else scored.weights
    if scored.task == "regression":
        # In standard deviations one limit suits any unit.
        truth, predicted = scored.truth.astype(np.float64), scored.predictions.labels.astype(np.float64)
        scale = float(np.std(truth)) or 1.0
        truth, predicted = truth / scale, predicted / scale
    else:
        truth = encode(scored.truth, scored.predictions.classes).astype(np.float64)
        predicted = predicted_codes(scored.predictions, scored.threshold).astype(np.float64)
    names = [name.removeprefix(f"{column} = ") for name in parts.names]
    return _Rows(truth, predicted, weights, parts.of_row, names)


def _suits(measure: str, scored: Scored) -> bool:
    if measure in MEASURES["regression"] or measure == "mean_prediction":
        return scored.task == "regression"
    return scored.task == "binary" or (measure == "accuracy" and scored.task == "multiclass")


def _base(measure: str, rows: _Rows) -> np.ndarray:
    """(n,) which rows count for a measure."""
    if measure == "true_positive_rate":
        return rows.truth == 1
    return rows.truth == 0 if measure == "false_positive_rate" else np.ones(len(rows.truth), dtype=np.bool_)


def _by_group(rows: _Rows, measures: Sequence[str]) -> dict[str, Floats]:
    """(g,) values of each measure; NaN where no row of a group counts for it."""
    kept = rows.group >= 0
    frame = MetricFrame(
        metrics={name: _METRICS[name] for name in measures},
        y_true=rows.truth[kept],
        y_pred=rows.predicted[kept],
        sensitive_features=pd.Series(rows.group[kept], name="group"),
        sample_params={name: {"sample_weight": rows.weights[kept]} for name in measures},
    )
    found = pd.DataFrame(frame.by_group).reindex(range(len(rows.names)))
    values: dict[str, Floats] = {}
    for name in measures:
        filled = np.bincount(rows.group[kept & _base(name, rows)], minlength=len(rows.names)) > 0
        values[name] = np.where(filled, column_of(found, name).to_numpy(dtype=np.float64), np.nan)
    return values


def _resampled(measure: str, rows: _Rows, kept: np.ndarray, block: Integers, blocks: int, draws: Floats) -> Floats:
    """(R, g) the measure of each group in each resample of the blocks; NaN where no row is left."""
    groups = len(rows.names)
    counts = kept & _base(measure, rows)
    cell = (block * groups + rows.group)[counts]
    weights = rows.weights[counts]
    tops = np.bincount(cell, weights * _part(measure, rows)[counts], blocks * groups).reshape(blocks, groups)
    bottoms = np.bincount(cell, weights, blocks * groups).reshape(blocks, groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        return ((draws @ tops) / (draws @ bottoms)).astype(np.float64)


def _part(measure: str, rows: _Rows) -> Floats:
    """(n,) what a row adds to the sum that a measure is the mean of."""
    if measure == "accuracy":
        return (rows.truth == rows.predicted).astype(np.float64)
    if measure == "mean_error":
        return rows.predicted - rows.truth
    return np.abs(rows.predicted - rows.truth) if measure == "mean_absolute_error" else rows.predicted


def _gap(
    measure: str,
    rows: _Rows,
    values: Floats,
    counts: Integers,
    drawn: Floats | None,
    fewest: int,
    blocks: int,
) -> MeasureGap:
    sizes = np.bincount(rows.group[rows.group >= 0], minlength=len(rows.names))
    small = counts < fewest
    tail = expanded_tail((1 - _LEVEL) / 2, blocks) if drawn is not None else 0.0
    unsure = np.isin(values, (0.0, 1.0)) & (measure in _SHARES)
    groups: list[GroupValue] = []
    for place, name in enumerate(rows.names):
        value = float(values[place]) if np.isfinite(values[place]) else None
        low = high = None
        if drawn is not None and value is not None and np.isfinite(drawn[:, place]).mean() > 0.9:
            low, high = (float(bound) for bound in np.nanquantile(drawn[:, place], [tail, 1 - tail]))
            low, high = min(low, value), max(high, value)
            if unsure[place]:
                # Clopper & Pearson (1934) for none, or all, of so many.
                reach = 1 - ((1 - _LEVEL) / 2) ** (1 / counts[place])
                low, high = max(value - reach, 0.0), min(value + reach, 1.0)
        group = GroupValue(group=name, rows=int(sizes[place]), base=int(counts[place]), value=value, low=low, high=high)
        groups.append(group.model_copy(update={"small": bool(small[place])}))
    compared = np.flatnonzero(~small & np.isfinite(values))
    if len(compared) < 2:
        return MeasureGap(measure=measure, groups=groups)
    highest = compared[int(np.argmax(values[compared]))]
    lowest = compared[int(np.argmin(values[compared]))]
    # The variance of a share of which a hit and a miss more were seen (Agresti & Coull 1998).
    share = (values * counts + 1) / (counts + 2)
    extra = np.where(unsure, share * (1 - share) / np.maximum(counts, 1), 0.0)
    low, high = _bounds(values[compared], None if drawn is None else drawn[:, compared], extra[compared])
    return MeasureGap(
        measure=measure,
        groups=groups,
        difference=float(values[highest] - values[lowest]),
        low=low,
        high=high,
        highest=rows.names[highest],
        lowest=rows.names[lowest],
    )


def _bounds(values: Floats, drawn: Floats | None, extra: Floats) -> tuple[float | None, float | None]:
    """Bounds of the largest difference between two of (g,) values, from (R, g) resampled ones.

    `extra` (g,) is variance that resamples do not show.
    """
    if drawn is None:
        return None, None
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    if len(drawn) < 0.9 * RESAMPLES:
        return None, None
    first, second = (np.array(side) for side in zip(*combinations(range(len(values)), 2), strict=True))
    differences = values[first] - values[second]
    moved = (drawn[:, first] - drawn[:, second]) - differences
    own = np.maximum(moved.std(axis=0, ddof=1), 1e-12)
    limit = max(float(np.quantile(np.abs(moved / own).max(axis=1), _LEVEL)), _NORMAL)
    spread = np.sqrt(own**2 + extra[first] + extra[second])
    size = np.abs(differences)
    return max(0.0, float((size - limit * spread).max())), float((size + limit * spread).max())
