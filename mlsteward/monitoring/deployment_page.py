"""A look at a deployment as a page of Markdown: everything that the answer has no room for. Light to import."""

from collections.abc import Sequence

from mlsteward.answer import interval, markdown_table, number
from mlsteward.drift.words import effect_words, how, smallest_words
from mlsteward.monitoring.deployment_report import DeploymentReport, SegmentChange
from mlsteward.monitoring.deployment_words import drift_words, estimate_words, realised_words, segment_row, verdict

_POINTS = 60


def page(report: DeploymentReport, links: Sequence[str] = ()) -> str:
    """The verdict, `links` to what stands elsewhere, then traffic, performance, segments, drift and the windows."""
    lines = [f"# Monitoring of {report.deployment}", "", verdict(report), ""]
    if report.span:
        lines += [f"Looked at: {report.span.words}. Model: {report.primary}, trained on {report.dataset}.", ""]
    for name, part in (("failing", report.failing), ("worth a look", report.notices), ("note", report.notes)):
        lines += [f"- {name}: {one}" for one in part]
    lines += [f"- {link}" for link in links]
    for title, part in (
        ("Traffic", _traffic(report)),
        ("Performance", _performance(report)),
        ("Segments", _segments(report)),
        ("Drift against the training data", _drift(report)),
        ("Windows", _windows(report)),
    ):
        lines += ["", f"## {title}", "", *part] if part else []
    return "\n".join(lines) + "\n"


def _traffic(report: DeploymentReport) -> list[str]:
    rows = [[one.model, one.role, one.rows, one.errors, one.p50, one.p95, one.p99] for one in report.traffic]
    body = markdown_table(("model", "role", "rows", "errors", "p50 ms", "p95 ms", "p99 ms"), rows)
    return [report.change.words + ".", "", *body] if report.change else body


def _performance(report: DeploymentReport) -> list[str]:
    lines: list[str] = []
    if report.estimate:
        lines += [f"Estimated before outcomes come: {estimate_words(report.estimate)}.", ""]
        scores = [[one.name, interval(one.value, one.low, one.high)] for one in report.estimate.scores]
        lines += [*markdown_table(("estimated metric", "value [95 %]"), scores), ""]
    for one in report.realised:
        lines += [f"Realised: {realised_words(one)}.", ""]
        scores = [[score.name, interval(score.value, score.low, score.high)] for score in one.scores]
        lines += [*markdown_table(("realised metric", "value [95 %]"), scores), ""] if scores else []
    if report.losses:
        lines += [f"Sequential test of the losses: {report.losses.words}"]
        if report.losses.reference:
            evidence = f"{number(report.losses.evidence, 3)} of the {number(report.losses.threshold, 3)}"
            limit = f"{number(report.losses.reference.limit, 3)}, over {report.losses.reference.windows} windows"
            lines += ["", f"Evidence {evidence} that raise an alarm; limit of the mean loss {limit}."]
    return lines


def _segments(report: DeploymentReport) -> list[str]:
    found = report.segments
    if found is None:
        return []
    lines = [f"{found.words}.", ""] if found.words else []
    change = f"{number(found.loss_then, 3)} (held-out rows) to {number(found.loss_now, 3)}"
    searched = f"{found.searched} segments were searched by {found.basis} {found.loss_name}"
    lines += [f"{searched}; the mean of all rows went from {change}.", ""]
    chosen: dict[str, SegmentChange] = {one.segment: one for one in [*found.worst, *found.moved]}
    if found.worst_then:
        chosen.setdefault(found.worst_then.segment, found.worst_then)
    headers = ("segment", "share then → now", f"{found.loss_name} then → now", "brings to the mean", "found")
    return [*lines, *markdown_table(headers, [segment_row(one) for one in chosen.values()])]


def _drift(report: DeploymentReport) -> list[str]:
    found = report.drift
    if found is None:
        return []
    rows = [
        [
            one.column,
            one.verdict,
            how(one),
            effect_words(one.main),
            number(one.main.q, 2),
            number(one.main.stability_index, 2),
            smallest_words(one.main),
        ]
        for one in found.columns
    ]
    headers = ("column", "verdict", "change", "effect", "adjusted p", "PSI", "would have seen")
    left_out = [f"- `{name}` left out: {why}" for name, why in found.left_out.items()]
    return [drift_words(found), "", *markdown_table(headers, rows), *(["", *left_out] if left_out else [])]


def _windows(report: DeploymentReport) -> list[str]:
    rows = [
        [f"{one.start:%Y-%m-%d %H:%M}", one.rows, one.errors, one.p50, one.p95, one.labelled, one.loss, one.estimated]
        for one in report.series[-_POINTS:]
    ]
    headers = ("from", "rows", "errors", "p50 ms", "p95 ms", "outcomes", "mean loss", "estimated loss")
    return markdown_table(headers, rows)
