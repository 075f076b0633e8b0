"""The plan of what is counted, fitted to the rows that a model was trained and judged on."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from mlsteward.data.frames import column_of
from mlsteward.evaluation.directions import Task
from mlsteward.evaluation.predictions import Predictions
from mlsteward.evaluation.summaries import encode
from mlsteward.monitoring.calibrator import fit_calibrator
from mlsteward.monitoring.error_trees import as_values, fit_error_trees
from mlsteward.monitoring.grids import category_grid, number_grid
from mlsteward.monitoring.plan import ColumnGrid, ProfilePlan
from mlsteward.monitoring.profiling import MonitoredRows
from mlsteward.monitoring.segments import chosen_columns, part_codes, segment_column, telling_pairs
from mlsteward.monitoring.window_profile import Floats
from mlsteward.record import Record
from mlsteward.training.signature import SignatureColumn

_SCORE_CELLS = 100


class WatchedModel(Record):
    """What is known of a model; `unit` is what was independent among its training rows."""

    label: str
    task: Task
    target: str
    classes: list[str]
    threshold: float
    metric: str
    unit: str
    signature: list[SignatureColumn]


def fit_plan(
    model: WatchedModel,
    fitted: MonitoredRows,
    held_out: MonitoredRows,
    *,
    importance: Mapping[str, float],
    unlogged: Sequence[str] = (),
    seed: int = 0,
) -> ProfilePlan:
    """The plan for a model.

    `fitted` are training rows with out-of-fold predictions, on which probabilities are corrected and errors learnt;
    grids come from these and the `held_out` rows. Columns `unlogged` are never written down by the endpoint.
    """
    frame = pd.concat([fitted.frame, held_out.frame], ignore_index=True)
    columns, left_out = _columns(model, frame, unlogged)
    labels = np.concatenate([fitted.predictions.labels, held_out.predictions.labels])
    predicted = _predicted(model, labels)
    plan = ProfilePlan(
        model=model.label,
        task=model.task,
        target=model.target,
        classes=model.classes,
        threshold=model.threshold,
        metric=model.metric,
        unit=model.unit,
        columns=columns,
        left_out=left_out,
        predicted=predicted,
    )
    update: dict[str, object] = {}
    scores = fitted.predictions.scores
    if scores is not None:
        codes = encode(fitted.truth[fitted.known], model.classes)
        update["calibrator"] = fit_calibrator(scores[fitted.known], codes)
        update["score_edges"] = _score_edges(scores, model.threshold)
        losses = ((scores[fitted.known] - np.eye(len(model.classes))[codes]) ** 2).sum(axis=1)
    elif model.task == "regression":
        errors = fitted.predictions.labels.astype(np.float64) - fitted.truth.astype(np.float64)
        errors, losses = errors[fitted.known], np.abs(errors[fitted.known])
        part = fitted.take(fitted.known)
        values = as_values(columns, part.frame, part.predictions.labels.astype(np.float64))
        update |= {"trees": fit_error_trees(values, errors, seed), "tree_columns": list(values)}
    else:
        losses = (fitted.predictions.labels.astype(str) != fitted.truth.astype(str)).astype(np.float64)[fitted.known]
    segments = [
        found
        for grid in chosen_columns(columns, dict(importance))
        if (found := segment_column(grid, column_of(frame, grid.name))) is not None
    ]
    known = fitted.frame.loc[fitted.known]
    codes_of = [part_codes(column, column_of(known, column.name)) for column in segments]
    update |= {"segments": segments, "pairs": telling_pairs(segments, codes_of, losses)}
    return plan.model_copy(update=update)


def _columns(
    model: WatchedModel, frame: pd.DataFrame, unlogged: Sequence[str]
) -> tuple[list[ColumnGrid], dict[str, str]]:
    grids: list[ColumnGrid] = []
    left_out: dict[str, str] = {}
    for signed in model.signature:
        if signed.name in unlogged:
            left_out[signed.name] = "not written down by the endpoint"
        elif signed.kind in ("text", "time"):
            left_out[signed.name] = f"a {signed.kind}"
        elif grid := _grid(signed, column_of(frame, signed.name)):
            grids.append(grid)
        else:
            left_out[signed.name] = "without values in training"
    return grids, left_out


def _grid(signed: SignatureColumn, values: pd.Series) -> ColumnGrid | None:
    if signed.kind == "number" and values.nunique() > 2:
        return number_grid(signed.name, values.to_numpy(dtype=np.float64))
    return category_grid(signed.name, values)


def _predicted(model: WatchedModel, labels: np.ndarray) -> ColumnGrid:
    if model.task == "regression":
        grid = number_grid("prediction", labels.astype(np.float64))
        return grid or ColumnGrid(name="prediction", kind="number", edges=[0.0], values=[])
    return ColumnGrid(name="prediction", kind="category", levels=model.classes)


def _score_edges(scores: Floats, threshold: float) -> list[float]:
    """A hundred cells of about equal share, with an edge at the threshold of two classes."""
    ranked = scores[:, 1] if scores.shape[1] == 2 else scores.max(axis=1)
    edges = np.quantile(ranked, np.linspace(0, 1, _SCORE_CELLS + 1)[1:-1])
    return np.unique(np.append(edges, threshold) if scores.shape[1] == 2 else edges).tolist()


def rows_of(
    frame: pd.DataFrame, predictions: Predictions, truth: np.ndarray, known: np.ndarray | None = None
) -> MonitoredRows:
    """Rows that no endpoint served, all with an outcome unless `known` says otherwise."""
    there = np.ones(len(frame), dtype=np.bool_) if known is None else known
    return MonitoredRows(frame, predictions, truth, there, np.full(len(frame), np.nan))
