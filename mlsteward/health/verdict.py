"""The verdict over the five pillars, and the call that follows it."""

from collections.abc import Sequence

from mlsteward.answer import clipped
from mlsteward.health.pillars import PillarReport, is_healthy

_WORDS = 200


def verdict(dataset: str, reports: Sequence[PillarReport]) -> str:
    """`flights@3 is unhealthy: volume (…); schema (…)`."""
    failing = [report for report in reports if report.state == "failing"]
    warned = [report for report in reports if report.state == "warning"]
    if not is_healthy(reports):
        more = f" Warnings: {', '.join(report.pillar for report in warned)}." if warned else ""
        return f"{dataset} is unhealthy: {_listed(failing)}.{more}"
    if warned:
        return f"{dataset} is healthy, with warnings: {_listed(warned)}."
    open_questions = [f"{report.pillar} ({report.state})" for report in reports if report.state != "ok"]
    if len(open_questions) == len(reports):
        return f"Nothing can be said of {dataset} yet: {', '.join(open_questions)}."
    rest = f"; not judged: {', '.join(open_questions)}" if open_questions else ""
    return f"{dataset} is healthy{rest}."


def next_call(reports: Sequence[PillarReport]) -> str:
    """What follows: from the gravest pillar that names a call."""
    for state in ("failing", "warning", "no contract", "not enough history"):
        for report in reports:
            if report.state == state and report.next:
                return report.next
    return ""


def _listed(reports: Sequence[PillarReport]) -> str:
    return "; ".join(f"{report.pillar} ({clipped(report.words, _WORDS)})" for report in reports)
