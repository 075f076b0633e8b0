"""Drift told from windows is the drift of `check_drift`: the same tests, effects and verdicts, on counts."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlsteward.data.engine import connect, literal
from mlsteward.drift.choice import Choice
from mlsteward.drift.columns import ComparedColumn
from mlsteward.drift.compare import Task, compare
from mlsteward.drift.report import DriftReport
from mlsteward.monitoring.input_drift import Blocks, compare_windows, outcome_columns
from mlsteward.monitoring.plan import ProfilePlan
from mlsteward.monitoring.profiling import MonitoredRows, window_totals
from mlsteward.monitoring.window_profile import Floats
from tests.monitored import monitored, plan_for, profile_rows


@pytest.fixture(scope="module")
def plan() -> ProfilePlan:
    return plan_for("binary")


def _windows(plan: ProfilePlan, rows: MonitoredRows) -> Floats:
    return profile_rows(plan, rows).totals[None, :]


def _drift(plan: ProfilePlan, reference: Floats, current: Floats, unit: str = "row") -> DriftReport:
    sides = Blocks(reference, unit), Blocks(current, unit)
    return compare_windows(plan, *sides, importance={}, labels=("training", "live")).report


def _of_rows(first: pd.DataFrame, second: pd.DataFrame, folder: Path) -> DriftReport:
    """The same rows, compared by `check_drift`."""
    paths = [folder / name for name in ("first.parquet", "second.parquet")]
    kinds = {"delay": "number", "hour": "number", "origin": "category"}
    with connect(threads=1) as connection:
        for path, frame in zip(paths, (first, second), strict=True):
            connection.register("written", frame[list(kinds)])
            connection.execute(f"COPY written TO {literal(str(path))} (FORMAT parquet)")
        task = Task(
            choice=Choice(reference=str(paths[0]), current=str(paths[1])),
            columns=[ComparedColumn.model_validate({"name": name, "kind": kind}) for name, kind in kinds.items()],
            types={"delay": "DOUBLE", "hour": "DOUBLE", "origin": "VARCHAR"},
            left_out={},
            schema=[],
            importance={},
            reference="training",
            current="live",
            multivariate=False,
            seed=0,
        )
        return compare(connection, task, lambda done, message: None).report


@pytest.mark.parametrize(("shift", "jfk"), [(0.0, 0.3), (4.0, 0.3), (0.0, 0.5), (30.0, 0.1)])
def test_windows_and_rows_give_the_same_verdicts(plan: ProfilePlan, tmp_path: Path, shift: float, jfk: float) -> None:
    before, after = monitored("binary", 4000, 1), monitored("binary", 2000, 40, shift=shift, jfk=jfk)
    by_rows = {one.column: one for one in _of_rows(before.frame, after.frame, tmp_path).columns}
    by_windows = {one.column: one for one in _drift(plan, _windows(plan, before), _windows(plan, after)).columns}
    for name, one in by_rows.items():
        other = by_windows[name]
        assert (other.verdict, other.main.kind) == (one.verdict, one.main.kind), name
        assert other.main.effect == pytest.approx(one.main.effect, rel=0.1, abs=0.02)


def test_predictions_are_judged_in_the_same_family(plan: ProfilePlan) -> None:
    before, after = monitored("binary", 4000, 1), monitored("binary", 2000, 41, shift=15)
    report = _drift(plan, _windows(plan, before), _windows(plan, after))
    drifted = {one.column for one in report.columns if one.verdict == "drift"}
    assert {"delay", *outcome_columns(plan)} <= drifted
    assert report.left_out == {"note": "a text"}


def test_values_out_of_range_never_seen_and_missing_are_found(plan: ProfilePlan) -> None:
    rows = monitored("binary", 2000, 42)
    frame = rows.frame.copy()
    frame.loc[:99, "hour"] = 40.0
    frame.loc[100:199, "origin"] = "XYZ"
    frame.loc[200:899, "delay"] = np.nan
    changed = MonitoredRows(frame, rows.predictions, rows.truth, rows.known, rows.latency_ms)
    report = _drift(plan, _windows(plan, monitored("binary", 4000, 1)), _windows(plan, changed))
    said = {one.column: " ".join([one.main.change, *one.also]) for one in report.columns if one.verdict == "drift"}
    assert "5 % outside 0 to 23" in said["hour"]
    assert "5.1 % in categories never seen" in said["origin"]
    assert "missing" in said["delay"]


def test_few_rows_are_not_enough_to_call_anything_stable(plan: ProfilePlan) -> None:
    report = _drift(plan, _windows(plan, monitored("binary", 4000, 1)), _windows(plan, monitored("binary", 25, 43)))
    assert report.verdict == "not enough data"


def test_where_days_differ_a_day_like_the_others_is_no_drift() -> None:
    plan = plan_for("binary", unit="day")
    random = np.random.default_rng(5)

    def days(count: int, seed: int, more: float = 0.0) -> Floats:
        rows = [monitored("binary", 100, seed + day, shift=float(random.normal(more, 12))) for day in range(count)]
        none = np.zeros(100, dtype=np.int64)
        return np.concatenate([window_totals(plan, one, none, 1) for one in rows])

    before = days(60, 1000)
    calm = [_drift(plan, before, days(8, 2000 + 10 * turn), "day").verdict for turn in range(6)]
    assert calm.count("drift") <= 1
    assert _drift(plan, before, days(8, 3000, more=40.0), "day").verdict == "drift"
    one_day = _drift(plan, before, days(1, 4000), "day")
    assert one_day.verdict == "not enough data"
    assert "of one day" in one_day.columns[0].main.why
    assert one_day.standing_out == []
    far = _drift(plan, before, days(1, 5000, more=150.0), "day")
    assert [one.column for one in far.standing_out if one.column == "delay"] == ["delay"]
    assert far.verdict == "not enough data"
    assert "none shows drift, though `delay` stands out" in far.sentence
