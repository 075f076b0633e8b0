"""Windows are sums: of rows, and of one another."""

import numpy as np
import pytest

from mlsteward.evaluation.metrics import compute_metrics
from mlsteward.monitoring.plan import ProfilePlan
from mlsteward.monitoring.profiling import MonitoredRows, window_totals
from mlsteward.monitoring.scores import scores_of
from mlsteward.training.signature import Task
from tests.monitored import monitored, plan_for, profile_rows

TASKS: list[Task] = ["binary", "multiclass", "regression"]


@pytest.fixture(scope="module")
def plans() -> dict[Task, ProfilePlan]:
    return {task: plan_for(task) for task in TASKS}


def _labelled(rows: MonitoredRows, share: float, seed: int) -> MonitoredRows:
    random = np.random.default_rng(seed)
    known = random.random(len(rows)) < share
    return MonitoredRows(rows.frame, rows.predictions, rows.truth, known, random.gamma(2, 3, len(rows)))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("seed", range(4))
def test_the_sum_of_windows_is_the_profile_of_all_their_rows(
    task: Task, seed: int, plans: dict[Task, ProfilePlan]
) -> None:
    plan = plans[task]
    rows = _labelled(monitored(task, 500, 10 + seed, shift=seed * 3.0), 0.6, seed)
    window = np.random.default_rng(seed).integers(0, 5, len(rows))
    parts = [profile_rows(plan, rows.take(window == place)).totals for place in range(5)]
    whole = profile_rows(plan, rows).totals
    for added in (sum(parts), sum(parts[::-1]), (parts[0] + parts[1]) + (parts[2] + parts[3]) + parts[4]):
        np.testing.assert_allclose(added, whole, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(window_totals(plan, rows, window, 5), parts, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("task", TASKS)
def test_no_row_is_counted_twice_or_lost_in_any_part(task: Task, plans: dict[Task, ProfilePlan]) -> None:
    plan = plans[task]
    profile = profile_rows(plan, _labelled(monitored(task, 400, 3, shift=90), 0.5, 3))
    assert profile.part("requests")[0] == 400
    assert profile.part("latency").sum() == 400
    for grid in plan.columns:
        assert profile.part(f"column:{grid.name}").sum() == 400
    assert profile.part("predicted").sum() == 400
    single = sum(len(column.parts) for column in plan.segments)
    assert profile.part("segments")[:single, 0].sum() == 400 * len(plan.segments)
    if task != "regression":
        assert profile.part("known").sum() == profile.part("measured")[0]
        assert profile.part("scores").sum() == 400


@pytest.mark.parametrize("task", TASKS)
def test_metrics_of_a_window_are_those_of_its_rows(task: Task, plans: dict[Task, ProfilePlan]) -> None:
    plan = plans[task]
    rows = monitored(task, 3000, 5)
    exact = compute_metrics(task, rows.truth, rows.predictions, None, plan.threshold)
    for score in scores_of(plan, profile_rows(plan, rows).totals[None, :], "realised", by_row=True):
        if score.name in exact and score.name not in ("roc_auc", "pr_auc"):
            assert score.value == pytest.approx(exact[score.name], rel=1e-6), score.name
        elif score.name in exact:
            assert score.value == pytest.approx(exact[score.name], abs=0.004), score.name
        assert score.low is not None and score.high is not None and score.low < score.high
