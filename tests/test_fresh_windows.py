"""Windows follow the prediction log and its outcomes, and outlive the rows that they were counted from."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlsteward.data.engine import connect, literal
from mlsteward.monitoring.plan import ProfilePlan
from mlsteward.monitoring.stored_window import StoredWindow, by_time
from mlsteward.monitoring.window_time import DAY, HOUR, HOURS_KEPT
from mlsteward.runs.fresh_windows import Fresh, fresh_windows
from mlsteward.runs.monitored_rows import MonitoredLog
from mlsteward.runs.window_files import WindowFolder
from mlsteward.serving.endpoint.desired import EndpointFolder
from tests.monitored import monitored, plan_for, profile_rows

NOW = datetime(2026, 11, 23, 12, 30)


@pytest.fixture(scope="module")
def plan() -> ProfilePlan:
    return plan_for("binary", rows=1000)


class Log:
    """A prediction log of `delay@1`, its outcomes, and the windows of both."""

    def __init__(self, workspace: Path, plan: ProfilePlan) -> None:
        self.workspace = workspace
        self.plan = plan
        self.files: list[str] = []
        self.folder = WindowFolder(workspace / "deployments" / "delay", "delay@1")
        self.predictions = EndpointFolder.of(workspace, "delay").predictions
        self.predictions.mkdir(parents=True)

    def answer(self, rows: int, seed: int, start: datetime, length: timedelta, role: str = "champion") -> pd.DataFrame:
        """Log so many answers from `start` on; gives ids and outcomes."""
        found = monitored("binary", rows, seed)
        assert found.predictions.scores is not None
        table = found.frame.assign(
            id=[f"{start:%d%H}-{role}-{seed}-{place}" for place in range(rows)],
            time=[start + length * (place / rows) for place in range(rows)],
            said=found.predictions.labels,
            low=found.predictions.scores[:, 0],
            high=found.predictions.scores[:, 1],
        )
        place = self.predictions / f"{start:%Y%m%d%H}-{role}-{seed}.parquet"
        with connect(threads=1) as connection:
            connection.register("rows", table)
            connection.execute(
                f"COPY (SELECT id AS prediction_id, id AS request_id, CAST(time AS TIMESTAMP) AS time, 'delay' AS"
                f" deployment, 'delay@1' AS model, {literal(role)} AS role, CAST(NULL AS VARCHAR) AS key, 2.0 AS"
                " latency_ms, CAST(NULL AS VARCHAR) AS error, said AS prediction, high AS score, [low, high] AS scores,"
                " {delay: delay, hour: hour, origin: origin} AS features FROM rows) TO"
                f" {literal(str(place))} (FORMAT parquet)"
            )
        return pd.DataFrame({"id": table["id"], "outcome": found.truth})

    def record(self, outcomes: pd.DataFrame) -> None:
        """Accept outcomes, later than those before."""
        file = f"outcomes{len(self.files)}.parquet"
        with connect(threads=1) as connection:
            connection.register("outcomes", outcomes)
            connection.execute(
                "COPY (SELECT id AS prediction_id, CAST(NULL AS VARCHAR) AS key, outcome, CAST(NULL AS BOOLEAN) AS"
                f" correct, '' AS why, TIMESTAMP '2026-11-23 12:00:00' + INTERVAL {len(self.files)} SECOND AS recorded,"
                f" '' AS source, 'ann' AS actor, {len(self.files)} AS run, row_number() OVER () AS place FROM outcomes)"
                f" TO {literal(str(self.workspace / file))} (FORMAT parquet)"
            )
        self.files.append(file)

    def look(self, now: datetime = NOW) -> Fresh:
        with connect(threads=1) as connection:
            log = MonitoredLog(connection, self.workspace, "delay", self.files, self.plan.classes)
            return fresh_windows(self.folder, log, log.hours(), self.plan, now)


@pytest.fixture
def log(tmp_path: Path, plan: ProfilePlan) -> Log:
    return Log(tmp_path, plan)


def _sum(windows: Sequence[StoredWindow], role: str = "champion") -> np.ndarray:
    return np.sum([window.totals for window in windows if window.role == role], axis=0)


def test_the_windows_of_a_log_sum_up_to_the_profile_of_its_rows(log: Log) -> None:
    outcomes = log.answer(300, 1, NOW - 2 * DAY, DAY)
    log.record(outcomes)
    found = log.look()
    assert found.counted == len(found.windows) == 25 and {window.hours for window in found.windows} == {1}
    whole = profile_rows(log.plan, monitored("binary", 300, 1)).totals
    places = log.plan.shapes
    first = sum(int(np.prod(places[name])) for name in ("requests", "latency"))
    np.testing.assert_allclose(_sum(found.windows)[first:], whole[first:], rtol=1e-9, atol=1e-9)


def test_only_what_changed_is_counted_anew(log: Log) -> None:
    outcomes = log.answer(300, 1, NOW - 2 * DAY, DAY)
    assert log.look().counted == 25
    assert log.look().counted == 0
    log.record(outcomes.iloc[:50])
    again = log.look()
    assert 4 <= again.counted <= 6
    assert sum(window.outcomes for window in again.windows) == 50
    log.record(outcomes.iloc[:50].assign(outcome="no"))
    corrected = log.look()
    assert corrected.counted == again.counted
    assert not np.array_equal(_sum(corrected.windows), _sum(again.windows))
    log.answer(20, 2, NOW - HOUR, HOUR / 2)
    assert log.look().counted == 1


def test_roles_are_kept_apart_and_one_outcome_serves_both(log: Log) -> None:
    outcomes = log.answer(60, 1, NOW - 3 * HOUR, HOUR)
    log.answer(60, 1, NOW - 3 * HOUR, HOUR, role="shadow")
    log.record(outcomes)
    found = log.look()
    assert {window.role for window in found.windows} == {"champion", "shadow"}
    assert sum(window.outcomes for window in found.windows if window.role == "champion") == 60


def test_windows_outlive_the_rows_that_they_were_counted_from(log: Log) -> None:
    log.record(log.answer(200, 1, NOW - 3 * DAY, DAY))
    before = _sum(log.look().windows)
    for path in log.predictions.glob("*.parquet"):
        path.unlink()
    log.answer(50, 2, NOW - HOUR, HOUR / 2)
    after = log.look()
    assert after.counted == 1
    np.testing.assert_allclose(before, _sum([window for window in after.windows if window.start < NOW - 2 * DAY]))


def test_hours_become_days_after_a_fortnight_and_lose_nothing(log: Log) -> None:
    outcomes = log.answer(400, 1, NOW - 3 * DAY, 2 * DAY)
    hours = log.look()
    later = NOW + HOURS_KEPT
    days = log.look(later)
    assert days.counted == 0, "they are added up, not counted anew"
    assert {window.hours for window in days.windows} == {24} and len(days.windows) == 3
    np.testing.assert_allclose(_sum(hours.windows), _sum(days.windows), rtol=1e-9)
    assert by_time(hours.windows, HOUR).keys() == by_time(days.windows, HOUR).keys(), "detectors still see hours"
    log.record(outcomes)
    counted = log.look(later)
    assert counted.counted == 3 and sum(window.outcomes for window in counted.windows) == 400
    assert log.look(later).counted == 0


def test_looks_at_the_same_time_leave_what_one_would(log: Log) -> None:
    log.record(log.answer(200, 1, NOW - 2 * DAY, DAY))
    with ThreadPoolExecutor(4) as pool:
        looks = [pool.submit(log.look) for _ in range(4)]
        found = [look.result() for look in looks]
    last = log.look()
    assert last.counted == 0
    for one in found:
        np.testing.assert_array_equal(_sum(one.windows), _sum(last.windows))


def test_outcomes_that_the_model_cannot_predict_are_counted_apart(log: Log) -> None:
    outcomes = log.answer(40, 1, NOW - HOUR, HOUR / 2)
    log.record(outcomes.assign(outcome=["perhaps"] * 10 + outcomes["outcome"].tolist()[10:]))
    found = log.look()
    assert found.strange == 10
    assert sum(by_time(found.windows, DAY)[datetime(2026, 11, 23)][3:4]) == 30
