"""From the parts of a report to the checks that failed, what is worth a look, and the health that follows. Light."""

from typing import NamedTuple

from mlsteward.answer import number
from mlsteward.drift.words import how
from mlsteward.monitoring.deployment_report import (
    ERRORS,
    ESTIMATED_LOSS,
    INPUT_DRIFT,
    LATENCY,
    PREDICTION_DRIFT,
    REALISED_LOSS,
    SEGMENT,
    DeploymentReport,
    Health,
)
from mlsteward.monitoring.deployment_words import drifted_columns, estimate_rose, is_prediction

# What makes the verdict an alarm; all else that fails makes it a notice.
GRAVE = (REALISED_LOSS, ERRORS)


class _Found(NamedTuple):
    failing: list[str]
    notices: list[str]


def concluded(report: DeploymentReport) -> DeploymentReport:
    """The report with its `failing`, `notices` and `health`, the gravest first."""
    parts = [_losses(report), _errors(report), _drift(report), _estimate(report), _segments(report), _latency(report)]
    failing = [check for part in parts for check in part.failing]
    notices = [notice for part in parts for notice in part.notices]
    found = report.model_copy(update={"failing": failing, "notices": notices})
    return found.model_copy(update={"health": _health(found)})


def _losses(report: DeploymentReport) -> _Found:
    notices = [
        f"the realised loss of {one.model} as {one.role} rose, {number(one.loss_then, 3)} → {number(one.loss, 3)},"
        " against held-out rows (one test of this span)"
        for one in report.realised
        if one.worse
    ]
    if report.losses and report.losses.state == "notice":
        notices.insert(0, report.losses.words)
    return _Found([REALISED_LOSS] if report.losses and report.losses.state == "alarm" else [], notices)


def _errors(report: DeploymentReport) -> _Found:
    return _Found([ERRORS] if report.change and report.change.errors_rose else [], [])


def _drift(report: DeploymentReport) -> _Found:
    drifted = [is_prediction(column) for column in drifted_columns(report)]
    out = report.drift.standing_out if report.drift else []
    return _Found(
        ([INPUT_DRIFT] if False in drifted else []) + ([PREDICTION_DRIFT] if True in drifted else []),
        [f"`{one.column}` stands out: {how(one)} ({one.main.why})" for one in out],
    )


def _estimate(report: DeploymentReport) -> _Found:
    watched, worse = report.estimated_losses, report.estimate is not None and report.estimate.worse
    if watched and watched.state == "alarm":
        return _Found([ESTIMATED_LOSS], [])
    # A test a day would find something sooner or later: it speaks only where nothing is watched over time yet.
    if worse and (watched is None or watched.state == "not enough history"):
        return _Found([ESTIMATED_LOSS], [])
    notices = [estimate_rose(report.estimate)] if worse and report.estimate else []
    notices += [f"estimated: {watched.words}"] if watched and watched.state == "notice" else []
    return _Found([], notices)


def _segments(report: DeploymentReport) -> _Found:
    return _Found([SEGMENT] if report.segments and report.segments.worst else [], [])


def _latency(report: DeploymentReport) -> _Found:
    return _Found([LATENCY] if report.change and report.change.slower else [], [])


def _health(report: DeploymentReport) -> Health:
    if set(GRAVE) & set(report.failing):
        return "alarm"
    if report.failing or report.notices:
        return "notice"
    unknown = report.drift is None or report.drift.verdict == "not enough data"
    unwatched = report.losses is None or report.losses.state == "not enough history"
    return "not enough data" if unknown and unwatched else "healthy"
