"""Everything an evaluation says of one model on rows that it did not see: data in, numbers out."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mlsteward.evaluation.calibration import measure_calibration
from mlsteward.evaluation.columns import Parts, cut
from mlsteward.evaluation.comparison import paired_bootstrap
from mlsteward.evaluation.directions import Task
from mlsteward.evaluation.intervals import Interval, bootstrap_intervals
from mlsteward.evaluation.judgement import (
    CalibrationScore,
    Comparison,
    Confusion,
    Judgement,
    NamedSlice,
    Score,
    WorstSlice,
)
from mlsteward.evaluation.metrics import compute_metrics, confusion_matrix
from mlsteward.evaluation.predictions import Floats, Integers, Predictions
from mlsteward.evaluation.slices import Slice, find_slices, row_losses

if TYPE_CHECKING:
    import duckdb

_MOST_CONFUSED = 20
_NAMED_PARTS = 20
_SLICE_RESAMPLES = 400
_SEARCHED_ROWS = 100_000


@dataclass(frozen=True)
class Scored:
    """n rows with their truth and what a model says of them.

    `truth` (n,) labels as text or floats; `units` (n,) numbers what is independent, None for rows, and `unit` names
    it; `weights` (n,) or None.
    """

    task: Task
    truth: np.ndarray
    predictions: Predictions
    unit: str
    units: Integers | None = None
    weights: Floats | None = None
    threshold: float = 0.5

    def take(self, rows: np.ndarray) -> "Scored":
        """Some of the rows, by mask or position."""
        return Scored(
            self.task,
            self.truth[rows],
            self.predictions.take(rows),
            self.unit,
            None if self.units is None else self.units[rows],
            None if self.weights is None else self.weights[rows],
            self.threshold,
        )

    @property
    def unit_count(self) -> int:
        return len(self.truth) if self.units is None else len(np.unique(self.units))

    def intervals(self, seed: int, resamples: int = 1000) -> dict[str, Interval]:
        return bootstrap_intervals(
            self.task,
            self.truth,
            self.predictions,
            units=self.units,
            weights=self.weights,
            threshold=self.threshold,
            seed=seed,
            resamples=resamples,
        )

    def means(self) -> tuple[float | None, float | None]:
        """Mean truth and mean prediction: shares of the positive class, or in the target's unit."""
        if not len(self.truth) or self.task == "multiclass":
            return None, None
        if self.task == "regression":
            pair = self.truth.astype(np.float64), self.predictions.labels.astype(np.float64)
        elif self.predictions.scores is None:
            return None, None
        else:
            pair = (self.truth.astype(str) == self.predictions.classes[1]).astype(float), self.predictions.positive()
        return float(np.average(pair[0], weights=self.weights)), float(np.average(pair[1], weights=self.weights))


def judge(scored: Scored, *, seed: int) -> Judgement:
    """Metrics with intervals, confusion and calibration."""
    scores = [Score(name=name, **asdict(found)) for name, found in scored.intervals(seed).items()]
    calibration = None
    if scored.task != "regression":
        measured = measure_calibration(scored.truth, scored.predictions, scored.weights)
        calibration = CalibrationScore.model_validate(asdict(measured)) if measured else None
    truth, prediction = scored.means()
    return Judgement(
        rows=len(scored.truth),
        unit=scored.unit,
        units=scored.unit_count,
        scores=scores,
        confusion=_confusion(scored),
        calibration=calibration,
        mean_truth=truth,
        mean_prediction=prediction,
    )


def _confusion(scored: Scored) -> Confusion | None:
    classes = scored.predictions.classes
    if scored.task == "regression" or len(classes) > _MOST_CONFUSED:
        return None
    counts = confusion_matrix(scored.truth, scored.predictions, scored.weights, scored.threshold)
    threshold = scored.threshold if len(classes) == 2 else None
    return Confusion(classes=classes, counts=counts.tolist(), threshold=threshold)


def compare(
    scored: Scored, other: Predictions, *, name: str, other_threshold: float, metric: str, seed: int
) -> Comparison:
    """The model against another on the same rows, paired."""
    found = paired_bootstrap(
        scored.task,
        scored.truth,
        scored.predictions,
        other,
        metric=metric,
        units=scored.units,
        weights=scored.weights,
        seed=seed,
        thresholds=(scored.threshold, other_threshold),
    )
    values = [
        compute_metrics(scored.task, scored.truth, predictions, scored.weights, threshold).get(metric)
        for predictions, threshold in ((scored.predictions, scored.threshold), (other, other_threshold))
    ]
    return Comparison(
        other=name,
        metric=metric,
        first=values[0],
        second=values[1],
        difference=found.value,
        low=found.low,
        high=found.high,
        p=found.p,
        rows=found.n,
        units=found.units,
    )


def worst_slices(
    connection: "duckdb.DuckDBPyConnection",
    frame: pd.DataFrame,
    scored: Scored,
    judgement: Judgement,
    *,
    columns: Sequence[str],
    metric: str,
    seed: int,
) -> Judgement:
    """`judgement` with the worst slices of `columns` of `frame` (n rows), and the metric on each of them.

    At most 100,000 rows are searched, evenly spaced.
    """
    chosen = np.unique(np.linspace(0, len(frame) - 1, min(len(frame), _SEARCHED_ROWS)).astype(np.int64))
    rows, part = frame.iloc[chosen], scored.take(chosen)
    losses, loss_name = row_losses(part.task, part.truth, part.predictions)
    parts = [cut(rows, name) for name in columns]
    found = find_slices(connection, parts, losses, loss_name=loss_name, units=part.units, weights=part.weights)
    worst = [_worst(one, parts, part, metric, seed) for one in found.found]
    return judgement.model_copy(
        update={"worst": worst, "searched": found.searched, "loss": found.loss, "loss_name": found.loss_name}
    )


def _worst(found: Slice, parts: Sequence[Parts], scored: Scored, metric: str, seed: int) -> WorstSlice:
    inside = np.logical_and.reduce([_rows_of(condition, parts) for condition in found.conditions])
    return WorstSlice(
        conditions=found.conditions,
        rows=found.rows,
        loss=found.loss,
        low=found.low,
        high=found.high,
        parent_loss=found.parent_loss,
        p=found.p,
        score=_score(scored.take(inside), metric, seed),
    )


def _rows_of(condition: str, parts: Sequence[Parts]) -> np.ndarray:
    part = next(part for part in parts if condition in part.names)
    return part.of_row == part.names.index(condition)


def _score(scored: Scored, metric: str, seed: int) -> Score:
    found = scored.intervals(seed, _SLICE_RESAMPLES).get(metric, Interval(None, None, None))
    return Score(name=metric, **asdict(found))


def named_slices(
    frame: pd.DataFrame, scored: Scored, *, columns: Sequence[str], metric: str, seed: int
) -> list[NamedSlice]:
    """Every part of the columns that were asked for, with the metric and the means; at most 20 parts a column."""
    found: list[NamedSlice] = []
    for name in columns:
        parts = cut(frame, name, categories=_NAMED_PARTS)
        for place, part in enumerate(parts.names):
            inside = scored.take(parts.of_row == place)
            truth, prediction = inside.means()
            found.append(
                NamedSlice(
                    part=part,
                    rows=len(inside.truth),
                    units=inside.unit_count,
                    score=_score(inside, metric, seed),
                    mean_truth=truth,
                    mean_prediction=prediction,
                )
            )
    return found
