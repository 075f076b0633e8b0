"""The rows that a deployment answered, with their outcomes, from its prediction log. Only worker code imports this."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mlsteward.data.engine import literal, quote
from mlsteward.data.frames import column_of
from mlsteward.evaluation.predictions import Predictions
from mlsteward.monitoring.plan import ProfilePlan
from mlsteward.monitoring.profiling import MonitoredRows
from mlsteward.serving.outcome_tables import outcome_tables
from mlsteward.serving.prediction_log import prediction_tables
from mlsteward.training.labels import as_labels

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class LoggedHour:
    """What the log holds of one hour of a model in a role: rows, those with an outcome, when the last was recorded."""

    model: str
    role: str
    start: datetime
    rows: int
    outcomes: int
    recorded: datetime | None


@dataclass(frozen=True)
class Answered:
    """Rows of a model in a role, those that were answered and those that failed; `strange` outcomes fit no class."""

    rows: MonitoredRows
    times: np.ndarray
    roles: np.ndarray
    failed_times: np.ndarray
    failed_roles: np.ndarray
    failed_latency: np.ndarray
    strange: int


class MonitoredLog:
    """The predictions of one deployment beside their outcomes."""

    def __init__(
        self,
        connection: "duckdb.DuckDBPyConnection",
        workspace: Path,
        deployment: str,
        files: Sequence[str],
        classes: Sequence[str],
    ) -> None:
        self._connection = connection
        predictions = prediction_tables(workspace, deployment)
        connection.execute(f"CREATE OR REPLACE TEMP VIEW logged AS SELECT * FROM {predictions}")
        outcomes = outcome_tables(workspace, files, predictions, classes)
        # A table: it is joined again for every stretch of windows that is counted.
        connection.execute(f"CREATE OR REPLACE TEMP TABLE known_outcomes AS {outcomes}")

    def hours(self) -> list[LoggedHour]:
        """What there is by hour."""
        found = self._connection.execute(
            "SELECT p.model, p.role, date_trunc('hour', p.time) AS hour, count(*), count(o.prediction_id),"
            " max(o.recorded) FROM logged AS p LEFT JOIN known_outcomes AS o USING (prediction_id) GROUP BY ALL"
            " ORDER BY ALL"
        ).fetchall()
        return [LoggedHour(*row) for row in found]

    def read(self, plan: ProfilePlan, since: datetime, until: datetime) -> Answered:
        """The rows of the plan's model from `since` to before `until`."""
        kinds = self.features()
        wanted = list(dict.fromkeys(column.name for column in plan.columns if column.name in kinds))
        features = "".join(f", p.features.{quote(name)} AS {quote('feature ' + name)}" for name in wanted)
        sql = (
            "SELECT p.time, p.role, p.latency_ms, p.prediction, p.scores, o.outcome"
            f"{features} FROM logged AS p LEFT JOIN known_outcomes AS o USING (prediction_id)"
            f" WHERE p.model = {literal(plan.model)} AND p.time >= ? AND p.time < ? ORDER BY p.time, p.prediction_id"
        )
        table = self._connection.execute(sql, [since, until]).df()
        failed = column_of(table, "prediction").isna().to_numpy()
        latency = column_of(table, "latency_ms").to_numpy(dtype=np.float64)
        times = column_of(table, "time").to_numpy(dtype="datetime64[us]")
        roles = column_of(table, "role").to_numpy(dtype=object)
        answered = table.loc[~failed].reset_index(drop=True)
        frame = pd.DataFrame({name: column_of(answered, f"feature {name}") for name in wanted})
        truth, known, strange = _truth(plan, column_of(answered, "outcome"))
        return Answered(
            rows=MonitoredRows(frame, _predictions(plan, answered), truth, known, latency[~failed]),
            times=times[~failed],
            roles=roles[~failed],
            failed_times=times[failed],
            failed_roles=roles[failed],
            failed_latency=latency[failed],
            strange=strange,
        )

    def features(self) -> Mapping[str, str]:
        """The features that are written down, with their types."""
        (kind,) = self._connection.sql("SELECT features FROM logged LIMIT 0").types
        return {str(name): str(type_) for name, type_ in kind.children} if kind.id == "struct" else {}


def _predictions(plan: ProfilePlan, table: pd.DataFrame) -> Predictions:
    labels = column_of(table, "prediction")
    if plan.task == "regression":
        return Predictions(labels.to_numpy(dtype=np.float64))
    k = len(plan.classes)
    lists = [scores for scores in column_of(table, "scores") if scores is not None and len(scores) == k]
    scores = np.asarray(lists, dtype=np.float64).reshape(-1, k) if len(lists) == len(table) else None
    return Predictions(labels.to_numpy(dtype=object), scores, plan.classes)


def _truth(plan: ProfilePlan, outcomes: pd.Series) -> tuple[np.ndarray, np.ndarray, int]:
    """Outcomes as the model spells them, where they are known, and how many are no class or no number."""
    present = outcomes.notna().to_numpy()
    if plan.task == "regression":
        numbers = np.asarray(pd.to_numeric(outcomes, errors="coerce"), dtype=np.float64)
        known = np.isfinite(numbers)
        return numbers, known, int((present & ~known).sum())
    labels = as_labels(outcomes)
    known = np.asarray([label in plan.classes for label in labels], dtype=bool)
    return labels, known, int((present & ~known).sum())
