"""Performance estimated before outcomes come, held against the outcomes that were held back."""

import numpy as np
import pytest

from mlsteward.evaluation.judgement import Score
from mlsteward.monitoring.calibrator import calibrated, fit_calibrator
from mlsteward.monitoring.fit_plan import rows_of
from mlsteward.monitoring.performance import estimate
from mlsteward.monitoring.profiling import MonitoredRows, layout_of, window_totals
from mlsteward.monitoring.rise import design_effect
from mlsteward.monitoring.scores import scores_of
from mlsteward.training.signature import Task
from tests.monitored import monitored, plan_for, profile_rows


def _hidden(rows: MonitoredRows) -> MonitoredRows:
    """The same rows before anybody knows an outcome."""
    return rows_of(rows.frame, rows.predictions, rows.truth, np.zeros(len(rows), dtype=np.bool_))


def _values(scores: list[Score]) -> dict[str, float]:
    return {score.name: score.value for score in scores if score.value is not None}


@pytest.mark.parametrize(
    ("task", "metrics", "apart"),
    [
        ("binary", ("roc_auc", "accuracy", "f1", "recall", "brier", "log_loss"), 0.025),
        ("multiclass", ("accuracy", "balanced_accuracy", "f1_macro", "brier"), 0.03),
    ],
)
@pytest.mark.parametrize("shift", [0.0, 8.0, 15.0])
def test_the_estimate_meets_the_truth_when_only_the_inputs_move(
    task: Task, metrics: tuple[str, ...], apart: float, shift: float
) -> None:
    plan = plan_for(task)
    rows = monitored(task, 4000, 70, shift=shift)
    held_out = profile_rows(plan, monitored(task, 1000, 2)).totals[None, :]
    found = estimate(plan, held_out, profile_rows(plan, _hidden(rows)).totals[None, :])
    truth = _values(scores_of(plan, profile_rows(plan, rows).totals[None, :], "realised", by_row=True))
    said = _values(found.scores)
    for name in metrics:
        assert said[name] == pytest.approx(truth[name], abs=apart), name
    assert "concept drift" in found.assumption and "where" in found.checked


@pytest.mark.parametrize("shift", [0.0, 8.0, 20.0])
def test_the_error_of_a_regression_is_estimated_row_by_row(shift: float) -> None:
    plan = plan_for("regression")
    rows = monitored("regression", 4000, 71, shift=shift, jfk=0.6)
    held_out = profile_rows(plan, monitored("regression", 1000, 2)).totals[None, :]
    found = estimate(plan, held_out, profile_rows(plan, _hidden(rows)).totals[None, :])
    truth = _values(scores_of(plan, profile_rows(plan, rows).totals[None, :], "realised", by_row=True))
    said = _values(found.scores)
    assert said["mae"] == pytest.approx(truth["mae"], rel=0.08)
    assert said["rmse"] == pytest.approx(truth["rmse"], rel=0.1)
    assert found.worse, "twice as many rows are of the kind that is hard"


def test_concept_drift_is_what_the_estimate_cannot_see() -> None:
    plan = plan_for("binary")
    held_out = profile_rows(plan, monitored("binary", 1000, 2)).totals[None, :]
    rows = monitored("binary", 4000, 72, broken=1.0)
    found = estimate(plan, held_out, profile_rows(plan, _hidden(rows)).totals[None, :])
    truth = _values(scores_of(plan, profile_rows(plan, rows).totals[None, :], "realised", by_row=True))
    assert not found.worse and _values(found.scores)["brier"] < truth["brier"] - 0.02


def test_an_estimate_says_so_where_there_is_nothing_to_estimate_from() -> None:
    plan = plan_for("regression", rows=150)
    rows = profile_rows(plan, monitored("regression", 200, 5)).totals[None, :]
    assert plan.trees == []
    assert estimate(plan, rows, rows).why == "too few training rows to learn the size of errors from"
    plan = plan_for("binary")
    nothing = np.zeros((1, layout_of(plan).size))
    assert estimate(plan, nothing, nothing).why == "no rows"


def test_overconfident_probabilities_are_corrected_and_right_ones_left_alone() -> None:
    random = np.random.default_rng(0)
    true = random.beta(2, 3, 20_000)
    codes = (random.random(20_000) < true).astype(np.int64)
    right = fit_calibrator(np.column_stack([1 - true, true]), codes)
    assert np.abs(calibrated(right, np.column_stack([1 - true, true]))[:, 1] - true).max() < 0.02
    odds = 2 * np.log(true / (1 - true)) + 0.5
    over = 1 / (1 + np.exp(-odds))
    scores = np.column_stack([1 - over, over])
    assert np.abs(calibrated(fit_calibrator(scores, codes), scores)[:, 1] - true).mean() < 0.01
    few = fit_calibrator(scores[:50], codes[:50])
    np.testing.assert_array_equal(calibrated(few, scores[:50]), scores[:50])


def test_days_that_differ_widen_the_interval_of_what_was_realised() -> None:
    plan = plan_for("binary", unit="day")
    random = np.random.default_rng(3)
    days = [monitored("binary", 150, 200 + day, shift=float(random.normal(0, 8))) for day in range(12)]
    units = np.concatenate([window_totals(plan, rows, np.zeros(150, dtype=np.int64), 1) for rows in days])
    by_day = {score.name: score for score in scores_of(plan, units, "realised", by_row=False)}["brier"]
    by_row = {score.name: score for score in scores_of(plan, units, "realised", by_row=True)}["brier"]
    assert by_day.value == by_row.value
    assert by_day.low is not None and by_day.high is not None and by_row.low is not None and by_row.high is not None
    assert by_day.high - by_day.low > by_row.high - by_row.low
    few = {score.name: score for score in scores_of(plan, units[:5], "realised", by_row=False)}["brier"]
    assert few.low is None, "five days say nothing of how far it may be off"


def test_rows_of_groups_count_for_less_than_as_many_independent_ones() -> None:
    random = np.random.default_rng(4)
    rows = np.full(100, 10.0)
    alone = random.random((100, 10))
    together = np.repeat(random.random((100, 1)), 10, axis=1)
    for losses, least, most in ((alone, 1.0, 1.5), (together, 7.0, 13.0)):
        assert least <= design_effect(rows, losses.sum(axis=1), float((losses**2).sum())) <= most
    plan = plan_for("binary")
    totals = profile_rows(plan, monitored("binary", 2000, 80)).totals[None, :]
    widths: list[float] = []
    for effect in (1.0, 4.0):
        grouped = plan.model_copy(update={"design_effect": effect})
        auc = scores_of(grouped, totals, "realised", by_row=True)[0]
        assert auc.name == "roc_auc" and auc.low is not None and auc.high is not None
        widths.append(auc.high - auc.low)
    assert 1.7 < widths[1] / widths[0] < 2.3
