"""Small tables for the drift tests, written as the snapshots of a workspace are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlsteward.data.engine import connect, literal
from mlsteward.data.frames import read_columns
from mlsteward.drift.choice import Choice
from mlsteward.drift.columns import ComparedColumn
from mlsteward.drift.report import DriftReport
from mlsteward.runs.job import Job
from mlsteward.runs.jobs import drift

Frame = Mapping[str, Any]


def write_table(path: Path, columns: Frame) -> Path:
    frame = pd.DataFrame(dict(columns))
    with connect(threads=1) as connection:
        connection.register("frame", frame)
        connection.execute(f"COPY (SELECT * FROM frame) TO {literal(str(path))} (FORMAT parquet)")
    return path


def hours(days: int, per_day: int, start: str = "2024-01-01") -> pd.DatetimeIndex:
    """Equally spaced times over so many days."""
    return pd.date_range(start, periods=days * per_day, freq=pd.Timedelta(days=1) / per_day)


def days_that_differ(random: np.random.Generator, days: int, per_day: int, spread: float) -> np.ndarray:
    """Normal values of which each day's share a shift of their own."""
    return np.repeat(random.normal(0, spread, days), per_day) + random.normal(size=days * per_day)


def run_drift(
    folder: Path,
    reference: Frame,
    current: Frame | None = None,
    *,
    multivariate: bool = False,
    importance: Mapping[str, float] | None = None,
    **choice: Any,
) -> DriftReport:
    """The report on two tables, or on one that is parted in time."""
    first = write_table(folder / "reference.parquet", reference)
    second = write_table(folder / "current.parquet", current) if current is not None else first
    apart = {choice.get(name) for name in ("time_column", "group", "by")}
    columns = [column for column in read_columns(first) if column.name not in apart]
    request = drift.Request(
        choice=Choice(reference=first.name, current=second.name, same=current is None, **choice),
        columns=[
            ComparedColumn(name=column.name, kind="category" if column.type in ("VARCHAR", "BOOLEAN") else "number")
            for column in columns
        ],
        types={column.name: column.type for column in columns},
        importance=dict(importance or {}),
        reference="before@1",
        current="after@1" if current is not None else "before@1",
        multivariate=multivariate,
    )
    return drift.work(request, Job(folder=folder, workspace=folder)).report
