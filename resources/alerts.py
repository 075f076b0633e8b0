"""The pages `mlsteward://alerts` and `mlsteward://alerts/{number}`."""

from mlsteward.answer import cell, markdown_table
from mlsteward.dictionary.comment import Comment, comments_section
from mlsteward.server.declare import Page
from mlsteward.store.alert_events import AlertEvent, events_of
from mlsteward.store.alerts import Alert, alert_numbers, find_alerts, get_alert, parse_alert
from mlsteward.store.comments import comments_of
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace

_MOST_RESOLVED = 50


def alerts_page(workspace: Workspace) -> str:
    """Every alert that is not resolved, the gravest first, and those resolved last."""
    workspace.runs.take_in()
    alerts = workspace.store.read(find_alerts)
    open_ones = [alert for alert in alerts if alert.state != "resolved"]
    resolved = sorted((alert for alert in alerts if alert.state == "resolved"), key=lambda one: one.last_seen)
    lines = ["# Alerts", "", *(_listed(open_ones) or ["None is open."])]
    if resolved:
        lines += ["", "## Resolved", "", *_listed(resolved[::-1][:_MOST_RESOLVED])]
    return "\n".join(lines) + "\n"


def alert_page(workspace: Workspace, number: str) -> str:
    """An alert: what failed, the evidence, the likely cause, what lies downstream, what people say, its history."""

    def read(t: Transaction) -> tuple[Alert, list[AlertEvent], list[Comment]]:
        alert = get_alert(t, parse_alert(number))
        return alert, events_of(t, alert.number), comments_of(t, alert.label)

    workspace.runs.take_in()
    alert, events, comments = workspace.store.read(read)
    about = (
        f"{alert.severity}, {alert.state}; seen {alert.count} times"
        if alert.count > 1
        else f"{alert.severity}, {alert.state}"
    )
    lines = [f"# {alert.label}: {alert.check} of {alert.asset}", "", alert.words, "", f"- {about}"]
    lines += [f"- first seen {alert.first_seen:%Y-%m-%d %H:%M:%S} UTC, last {alert.last_seen:%Y-%m-%d %H:%M:%S} UTC"]
    if alert.version:
        lines.append(f"- failed last on {alert.dataset or alert.asset}@{alert.version}")
    if alert.run:
        lines.append(f"- found by run:{alert.run}, mlsteward://runs/{alert.run}")
    lines += _section("Evidence", markdown_table(("what", "value"), list(alert.evidence.items())))
    lines += _section("What likely caused it", [f"- {cause}" for cause in alert.cause])
    lines += _section("What lies downstream", [f"- {asset}" for asset in alert.downstream])
    lines += comments_section(comments)
    rows = [
        (
            f"{one.created:%Y-%m-%d %H:%M:%S}",
            one.event,
            one.actor,
            one.client,
            one.note,
            f"run:{one.run}" if one.run else "",
        )
        for one in events
    ]
    lines += _section("History", markdown_table(("when (UTC)", "what", "who", "with", "note", "run"), rows))
    return "\n".join(lines) + "\n"


def _listed(alerts: list[Alert]) -> list[str]:
    return markdown_table(
        ("alert", "severity", "state", "asset", "what", "since", "last seen", "seen", "downstream"),
        [
            (
                f"mlsteward://alerts/{alert.number}",
                alert.severity,
                alert.state,
                alert.asset,
                alert.words,
                f"{alert.first_seen:%Y-%m-%d %H:%M}",
                f"{alert.last_seen:%Y-%m-%d %H:%M}",
                alert.count,
                cell(", ".join(alert.downstream)),
            )
            for alert in alerts
        ],
    )


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", f"## {title}", "", *lines] if lines else []


def _numbers(workspace: Workspace, prefix: str) -> list[str]:
    return workspace.store.read(lambda t: alert_numbers(t, prefix))


PAGES = [
    Page("mlsteward://alerts", alerts_page, title="Alerts"),
    Page("mlsteward://alerts/{number}", alert_page, title="An alert", complete={"number": _numbers}),
]
