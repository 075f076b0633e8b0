"""One verdict and one next step from what a look at a deployment found."""

from datetime import datetime, timedelta

import pytest

from mlsteward.drift.report import ColumnReport, DriftReport, Finding
from mlsteward.evaluation.judgement import Score
from mlsteward.monitoring.conclusion import concluded
from mlsteward.monitoring.deployment_report import (
    DeploymentReport,
    Estimate,
    Realised,
    SegmentChange,
    Segments,
    Span,
    TrafficChange,
)
from mlsteward.monitoring.deployment_words import alert_words, next_call, verdict
from mlsteward.monitoring.report import LossReport

NOW = datetime(2026, 11, 23)


def _drift(*columns: str) -> DriftReport:
    found = [
        ColumnReport(
            column=name,
            verdict="drift",
            main=Finding(column=name, kind="distribution", drift=True, change="SECRET 3 % → 9 %", measure="W"),
        )
        for name in columns
    ]
    return DriftReport(
        verdict="drift" if columns else "stable",
        sentence="Drift.",
        reference="r",
        current="c",
        reference_rows=1,
        current_rows=1,
        columns=found,
    )


def _report(**parts: object) -> DeploymentReport:
    fields: dict[str, object] = {
        "deployment": "delay",
        "health": "healthy",
        "span": Span(since=NOW - timedelta(days=7), until=NOW),
        "primary": "delay@3",
        "dataset": "flights@2",
        "change": TrafficChange(rows=1000, errors=0, words="1,000 rows, no errors"),
        "drift": _drift(),
        "realised": [Realised(model="delay@3", role="champion", rows=1000, labelled=900, unit="day", units=7)],
        "losses": LossReport(state="steady", words="Steady."),
    }
    return concluded(DeploymentReport.model_validate({**fields, **parts}))


def test_a_quiet_deployment_is_healthy_and_is_to_be_watched() -> None:
    report = _report()
    assert report.health == "healthy"
    assert verdict(report) == (
        "delay (delay@3) is healthy: 1,000 rows from 2026-11-16 00:00 to 2026-11-23 00:00 UTC, inputs stable, realised"
        " loss steady."
    )
    assert next_call(report, watched=False, swapped=False) == 'set_monitor(deployment="delay", every="1 day")'
    assert next_call(report, watched=True, swapped=False) == "check_deployment()"


def test_an_alarm_of_realised_losses_leads_back_to_the_model_before_or_on_to_a_new_one() -> None:
    report = _report(losses=LossReport(state="alarm", words="The mean loss is 0.3 since Tuesday."))
    assert (report.health, report.failing) == ("alarm", ["realised loss"])
    assert verdict(report) == "delay (delay@3): alarm, The mean loss is 0.3 since Tuesday."
    assert next_call(report, watched=True, swapped=True).startswith('rollback_deployment(deployment="delay", reason="')
    assert next_call(report, watched=True, swapped=False) == 'retrain_model(model="delay@3")'


def test_errors_are_an_alarm_and_slow_answers_a_notice() -> None:
    words = "1,000 rows, 9 % errors"
    errors = _report(change=TrafficChange(rows=1000, errors=90, errors_rose=True, words=words))
    assert (errors.health, errors.failing) == ("alarm", ["errors"])
    assert next_call(errors, watched=True, swapped=False) == 'read_page(uri="mlsteward://deployments/delay")'
    slow = _report(change=TrafficChange(rows=1000, errors=0, slower=True, words="slow"))
    assert (slow.health, slow.failing) == ("notice", ["latency"])


def test_drift_is_told_apart_for_inputs_and_predictions_and_asks_for_outcomes() -> None:
    none = [Realised(model="delay@3", role="champion", rows=1000, labelled=0, unit="day", units=0)]
    report = _report(drift=_drift("dep_delay", "probability of yes"), realised=none)
    assert (report.health, report.failing) == ("notice", ["input drift", "prediction drift"])
    assert next_call(report, watched=True, swapped=False) == 'record_outcomes(deployment="delay", source=…)'
    labelled = _report(drift=_drift("dep_delay"))
    following = next_call(labelled, watched=True, swapped=False)
    assert following == 'lookup_data_dictionary(query="dep_delay", dataset="flights")'


@pytest.mark.parametrize(
    ("history", "failing"), [("not enough history", ["estimated loss"]), ("steady", []), ("alarm", ["estimated loss"])]
)
def test_a_single_test_of_the_estimate_speaks_only_while_nothing_is_watched_over_time(
    history: str, failing: list[str]
) -> None:
    worse = Estimate(
        method="confidence-based (CBPE)",
        assumption="…",
        rows=1000,
        unit="row",
        scores=[Score(name="brier", value=0.3)],
        loss=0.3,
        loss_then=0.2,
        worse=True,
    )
    report = _report(estimate=worse, estimated_losses=LossReport.model_validate({"state": history, "words": "W."}))
    assert report.failing == failing
    assert report.health == "notice"


def test_alerts_name_columns_and_no_values() -> None:
    segment = SegmentChange(
        segment="origin = SECRET",
        columns=["origin"],
        rows=50,
        share_then=0.1,
        share_now=0.2,
        loss_then=0.1,
        loss_now=0.3,
    )
    report = _report(
        drift=_drift("dep_delay", "probability of SECRET"),
        segments=Segments(
            basis="realised", loss_name="Brier score", searched=9, worst=[segment], words="origin = SECRET became worse"
        ),
    )
    assert report.failing == ["input drift", "prediction drift", "worst segment"]
    assert "SECRET" in verdict(report)
    told = [alert_words(report, check) for check in report.failing]
    assert told[2] == "a segment of origin became worse: Brier score 0.1 → 0.3"
    assert "SECRET" not in " ".join(told)


def test_few_rows_are_not_called_healthy() -> None:
    drift = _drift().model_copy(update={"verdict": "not enough data"})
    report = _report(drift=drift, losses=LossReport(state="not enough history", words="Too few."))
    assert report.health == "not enough data"
    assert "nothing speaks against it so far" in verdict(report)
    assert report.made == ["errors"]
