"""From rows to windows: every row adds to the totals of the window that it fell into.

The parts of a window: `requests` rows, errors, milliseconds; `latency` rows by latency; `column:…` and `predicted`
rows by cell; `scores` rows by the probability of the positive class (of more than two the winning one's); `expected`
of two classes the sum of corrected probabilities of the positive one by the same cells, of more by predicted class
down and class across; `known` rows with an outcome likewise, of two classes by outcome; `measured` outcomes, loss and
its square, log loss (of a regression the squared error) and its square, wrong labels (the error), outcome and its
square; `estimated` rows, loss and its square, log loss or squared error and its square; `segments` by segment rows,
estimated loss and its square, outcomes, loss and its square.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsteward.data.frames import column_of
from mlsteward.evaluation.predictions import Predictions
from mlsteward.evaluation.slices import row_losses
from mlsteward.evaluation.summaries import encode
from mlsteward.monitoring.calibrator import calibrated
from mlsteward.monitoring.error_trees import as_values, expected_errors
from mlsteward.monitoring.grids import cells_of, latency_cells
from mlsteward.monitoring.plan import ProfilePlan
from mlsteward.monitoring.segments import segment_codes
from mlsteward.monitoring.window_profile import Floats, Layout

_SMALLEST = 1e-6
Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class MonitoredRows:
    """n answered rows: features, what was predicted, the outcome as the model spells it where `known`.

    `truth` (n,) labels or numbers, anything where it is not known. Latencies are NaN where nothing was served.
    """

    frame: pd.DataFrame
    predictions: Predictions
    truth: np.ndarray
    known: Booleans
    latency_ms: Floats

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: NDArray[np.int64] | Booleans) -> "MonitoredRows":
        frame = self.frame.loc[rows] if rows.dtype == bool else self.frame.iloc[rows]
        return MonitoredRows(
            frame, self.predictions.take(rows), self.truth[rows], self.known[rows], self.latency_ms[rows]
        )


def layout_of(plan: ProfilePlan) -> Layout:
    """Where the parts of this plan's windows stand."""
    return Layout(plan.shapes)


def window_totals(plan: ProfilePlan, rows: MonitoredRows, window: NDArray[np.int64], count: int) -> Floats:
    """(count, size) totals of the windows that the rows fell into, `window` (n,) of them."""
    adder = _Adder(layout_of(plan), window, count)
    every = np.ones(len(rows))
    adder.add("requests", every, 0)
    adder.add("requests", np.nan_to_num(rows.latency_ms), 2)
    served = np.isfinite(rows.latency_ms)
    adder.add("latency", served.astype(np.float64), latency_cells(rows.latency_ms))
    for grid in plan.columns:
        if grid.name in rows.frame.columns:
            adder.add(f"column:{grid.name}", every, cells_of(grid, column_of(rows.frame, grid.name)))
    adder.add("predicted", every, cells_of(plan.predicted, rows.predictions.labels))
    estimated, deeper = _expected(plan, rows, adder)
    measured, details = _measured(plan, rows, adder)
    for place, values in enumerate([np.isfinite(estimated), estimated, estimated**2, deeper, deeper**2]):
        adder.add("estimated", np.nan_to_num(values.astype(np.float64)), place)
    known = rows.known.astype(np.float64)
    for place, values in enumerate([known, measured, measured**2, *details]):
        adder.add("measured", np.nan_to_num(values) * known, place)
    terms = [every, estimated, estimated**2, known, measured * known, measured**2 * known]
    for codes in segment_codes(plan.segments, plan.pairs, rows.frame):
        inside = codes >= 0
        for place, values in enumerate(terms):
            adder.add("segments", np.nan_to_num(values) * inside, np.maximum(codes, 0) * len(terms) + place)
    return adder.totals


def add_errors(plan: ProfilePlan, totals: Floats, window: NDArray[np.int64], latency_ms: Floats) -> None:
    """Count rows that were answered by an error into (w, size) `totals`: they have no prediction."""
    places = layout_of(plan).places
    requests, latency = places["requests"].start, places["latency"].start
    np.add.at(totals, (window, requests), 1.0)
    np.add.at(totals, (window, requests + 1), 1.0)
    np.add.at(totals, (window, requests + 2), np.nan_to_num(latency_ms))
    served = np.isfinite(latency_ms)
    np.add.at(totals, (window[served], latency + latency_cells(latency_ms[served])), 1.0)


class _Adder:
    """Adds rows to the totals of their windows."""

    def __init__(self, layout: Layout, window: NDArray[np.int64], count: int) -> None:
        self._layout = layout
        self._window = window
        self.totals = np.zeros((count, layout.size))

    def add(self, part: str, values: Floats, cells: NDArray[np.int64] | int) -> None:
        """Add `values` (n,) to a cell of a part, one for all rows or (n,) one for each."""
        place = self._layout.places[part]
        width = place.stop - place.start
        flat = self._window * width + cells
        added = np.bincount(flat, values, minlength=len(self.totals) * width)
        self.totals[:, place] += added.reshape(len(self.totals), width)


def _expected(plan: ProfilePlan, rows: MonitoredRows, adder: _Adder) -> tuple[Floats, Floats]:
    """(n,) expected losses, and expected log losses or squared errors; NaN where they cannot be estimated."""
    scores = rows.predictions.scores
    nothing = np.full(len(rows), np.nan)
    if plan.task == "regression":
        if not plan.trees:
            return nothing, nothing
        values = as_values(plan.columns, rows.frame, rows.predictions.labels.astype(np.float64))
        errors = expected_errors(plan.trees, plan.tree_columns, values)
        return errors[:, 0], errors[:, 1]
    if scores is None:
        return nothing, nothing
    cells = score_cells(plan, scores)
    adder.add("scores", np.ones(len(rows)), cells)
    true = calibrated(plan.calibrator, scores)
    if plan.task == "binary":
        adder.add("expected", true[:, 1], cells)
    else:
        k = len(plan.classes)
        for place in range(k):
            adder.add("expected", true[:, place], scores.argmax(axis=1) * k + place)
    log_loss = -(true * np.log(np.maximum(scores, _SMALLEST))).sum(axis=1)
    return _brier(scores, true), log_loss


def _brier(scores: Floats, true: Floats) -> Floats:
    """(n,) expected squared distances of (n, k) `scores` from the class drawn from `true`; 0 to 1 for two classes."""
    found = (scores**2).sum(axis=1) - 2 * (scores * true).sum(axis=1) + 1
    return found / 2 if scores.shape[1] == 2 else found


def _measured(plan: ProfilePlan, rows: MonitoredRows, adder: _Adder) -> tuple[Floats, list[Floats]]:
    """(n,) losses, and the other terms of the part `measured`; anything where the outcome is not known."""
    known = rows.known
    values = np.zeros((6, len(rows)))
    if not known.any():
        return values[0], list(values[1:])
    some, truth = rows.predictions.take(known), rows.truth[known]
    if plan.task == "regression":
        actual = truth.astype(np.float64)
        error = some.labels.astype(np.float64) - actual
        values[:, known] = [np.abs(error), error**2, error**4, error, actual, actual**2]
        return values[0], list(values[1:])
    codes = encode(truth, plan.classes)
    wrong = (some.labels.astype(str) != truth.astype(str)).astype(np.float64)
    if some.scores is None:
        values[:, known] = [wrong, wrong, wrong, wrong, codes, codes**2]
        return values[0], list(values[1:])
    cells = np.zeros(len(rows), dtype=np.int64)
    if plan.task == "binary":
        cells[known] = score_cells(plan, some.scores) * 2 + codes
    else:
        cells[known] = some.scores.argmax(axis=1) * len(plan.classes) + codes
    adder.add("known", known.astype(np.float64), cells)
    losses = _brier(some.scores, np.eye(len(plan.classes))[codes])
    log_loss = row_losses(plan.task, truth, some)[0]
    values[:, known] = [losses, log_loss, log_loss**2, wrong, codes, codes**2]
    return values[0], list(values[1:])


def score_cells(plan: ProfilePlan, scores: Floats) -> NDArray[np.int64]:
    """(n,) the cell of the score that a row is ranked by; the threshold of two classes is an edge."""
    ranked = scores[:, 1] if scores.shape[1] == 2 else scores.max(axis=1)
    return np.searchsorted(np.asarray(plan.score_edges), ranked, side="right").astype(np.int64)
