"""Rows with a known truth, as a model predicts them: what the tests of windows and of estimates are about."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlsteward.evaluation.predictions import Predictions
from mlsteward.monitoring.fit_plan import WatchedModel, fit_plan, rows_of
from mlsteward.monitoring.plan import ProfilePlan
from mlsteward.monitoring.profiling import MonitoredRows, layout_of, window_totals
from mlsteward.monitoring.window_profile import Floats, Layout, parts_of
from mlsteward.training.bundle import decide
from mlsteward.training.signature import SignatureColumn, Task

CLASSES: dict[Task, list[str]] = {"binary": ["no", "yes"], "multiclass": ["a", "b", "c"], "regression": []}


def signature() -> list[SignatureColumn]:
    return [
        SignatureColumn(name="delay", type="DOUBLE", kind="number"),
        SignatureColumn(name="hour", type="BIGINT", kind="number"),
        SignatureColumn(name="origin", type="VARCHAR", kind="category"),
        SignatureColumn(name="note", type="VARCHAR", kind="text"),
    ]


def monitored(
    task: Task, rows: int, seed: int, *, shift: float = 0.0, jfk: float = 0.3, broken: float = 0.0
) -> MonitoredRows:
    """Rows whose probabilities are right, but for a share `broken` of those from JFK, where the outcome is chance.

    `shift` moves `delay`, `jfk` is the share of rows from JFK.
    """
    random = np.random.default_rng(seed)
    delay = random.exponential(20, rows) + shift
    origin = np.where(random.random(rows) < jfk, "JFK", np.where(random.random(rows) < 0.5, "EWR", "LGA"))
    frame = pd.DataFrame(
        {
            "delay": np.where(random.random(rows) < 0.05, np.nan, delay),
            "hour": random.integers(0, 24, rows).astype(float),
            "origin": pd.Series(
                [None if draw < 0.02 else name for draw, name in zip(random.random(rows), origin, strict=True)],
                dtype=object,
            ),
            "note": pd.Series(["some words"] * rows, dtype=object),
        }
    )
    chance = (random.random(rows) < broken) & (origin == "JFK")
    signal = (delay - 20) / 10
    if task == "regression":
        spread = np.where(origin == "JFK", 8.0, 2.0) * (1 + delay / 40)
        truth = 3 * signal + spread * random.normal(size=rows) * np.where(chance, 4, 1)
        return rows_of(frame, Predictions(3 * signal), truth)
    names = np.asarray(CLASSES[task], dtype=object)
    odds = np.column_stack([np.zeros(rows), *(signal * weight for weight in range(1, len(names)))])
    odds[:, 1] += np.where(origin == "LGA", 0.5, 0)
    scores = np.exp(odds - odds.max(axis=1, keepdims=True))
    scores /= scores.sum(axis=1, keepdims=True)
    drawn = np.where(chance[:, None], 1 / len(names), scores)
    codes = (random.random(rows)[:, None] > np.cumsum(drawn, axis=1)).sum(axis=1).clip(0, len(names) - 1)
    predictions = Predictions(decide(scores, CLASSES[task], 0.4), scores, CLASSES[task])
    return rows_of(frame, predictions, names[codes])


@dataclass(frozen=True)
class Profile:
    """The totals of rows as one window."""

    layout: Layout
    totals: Floats

    def part(self, name: str) -> Floats:
        return parts_of(self.layout, self.totals[None, :], name)[0]


def profile_rows(plan: ProfilePlan, rows: MonitoredRows) -> Profile:
    """All rows in one window."""
    return Profile(layout_of(plan), window_totals(plan, rows, np.zeros(len(rows), dtype=np.int64), 1)[0])


def plan_for(task: Task, *, unit: str = "row", rows: int = 4000) -> ProfilePlan:
    """A plan fitted to such rows."""
    model = WatchedModel(
        label="delay@1",
        task=task,
        target="late",
        classes=CLASSES[task],
        threshold=0.4,
        metric={"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[task],
        unit=unit,
        signature=signature(),
    )
    return fit_plan(model, monitored(task, rows, 1), monitored(task, rows // 4, 2), importance={"delay": 1.0})
