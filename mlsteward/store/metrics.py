"""Metrics in the store: every logged step, and the latest of each."""

import math
from collections.abc import Sequence
from datetime import datetime

from mlsteward.record import Record
from mlsteward.store.transaction import Transaction, listed


class MetricRow(Record):
    """One value of one metric. Splits are `test`, `validation` (out of fold) and `train`.

    `time` is when it was measured, where whoever logged it says so.
    """

    run: int
    split: str = "test"
    name: str
    step: int = 0
    value: float | None
    low: float | None = None
    high: float | None = None
    time: datetime | None = None


_COLUMNS = ", ".join(MetricRow.model_fields)


def add_metrics(t: Transaction, rows: Sequence[MetricRow]) -> None:
    """Record values. The one with the highest step is the latest, of equal steps the one written last."""
    if not rows:
        return
    t.insert("metrics", [_finite(row) for row in rows])
    runs = sorted({row.run for row in rows})
    before = latest_of(t, runs)
    latest: dict[tuple[int, str, str], MetricRow] = {}
    for row in [*before, *rows]:
        known = latest.get(key := (row.run, row.split, row.name))
        if known is None or row.step >= known.step:
            latest[key] = row
    if before:
        t.execute("DELETE FROM latest_metrics WHERE run IN (SELECT unnest(?))", [runs])
    t.insert("latest_metrics", [_finite(row) for row in latest.values()])


def metrics_of(t: Transaction, run: int) -> list[MetricRow]:
    """The latest value of each metric of a run, in the order they were recorded."""
    return latest_of(t, [run])


def steps_of(t: Transaction, run: int) -> list[MetricRow]:
    """Every recorded value of a run, by metric and step."""
    rows = t.rows(f"SELECT {_COLUMNS} FROM metrics WHERE run = ? ORDER BY split, name, step", [run])
    return [_metric(row) for row in rows]


def latest_of(t: Transaction, runs: list[int]) -> list[MetricRow]:
    """The latest value of each metric of several runs."""
    rows = t.rows(f"SELECT {_COLUMNS} FROM latest_metrics WHERE run IN {listed(runs)} ORDER BY rowid")
    return [_metric(row) for row in rows]


def _metric(row: tuple[object, ...]) -> MetricRow:
    return MetricRow.model_validate(dict(zip(MetricRow.model_fields, row, strict=True)))


def _finite(row: MetricRow) -> dict[str, object]:
    fields = row.model_dump()
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in fields.items()
    }
