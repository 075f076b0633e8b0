"""The tool `list_alerts`."""

from pydantic import Field

from mlsteward.answer import Answer, clipped, counted, table
from mlsteward.errors import InvalidArgument
from mlsteward.names import close_names
from mlsteward.record import Record
from mlsteward.server.declare import Call, Tool
from mlsteward.store.alerts import STATES, Alert, find_alerts
from mlsteward.store.assets import find_asset
from mlsteward.store.transaction import Transaction

MOST = 100
_SHOWN = 4


class AlertLine(Record):
    alert: int
    severity: str
    state: str
    asset: str
    check: str
    what: str
    since: str
    last_seen: str
    seen: int = Field(description="How many times the check failed.")
    downstream: list[str] | None = Field(default=None, description="Deployments, models and datasets made from it.")
    likely_cause: str | None = None


class AlertsAnswer(Answer):
    total: int
    alerts: list[AlertLine] = Field(default_factory=list[AlertLine])
    cursor: str | None = None

    def body(self) -> list[str]:
        rows = [
            [
                f"alert:{one.alert}",
                one.severity,
                one.state,
                one.asset,
                one.what,
                one.since,
                f"{one.seen} times" if one.seen > 1 else "once",
                ", ".join(one.downstream or []),
            ]
            for one in self.alerts
        ]
        more = f'more: the same call with cursor="{self.cursor}"' if self.cursor else ""
        headers = ["alert", "severity", "state", "asset", "what", "since (UTC)", "seen", "downstream"]
        return [*table(headers, rows), *_causes(self.alerts), more]


def list_alerts(call: Call, asset: str = "", state: str = "open", limit: int = 20, cursor: str = "") -> AlertsAnswer:
    """List alerts of failed checks, gravest first, with what lies downstream and what likely caused them.

    A dataset stands for its columns too. state: open, acknowledged, resolved, or "" for all.
    """
    if state and state not in STATES:
        raise InvalidArgument(
            f"An alert is never {state!r}; state is one of {', '.join(STATES)}.", close=close_names(state, STATES)
        )
    if cursor and not cursor.isdigit():
        raise InvalidArgument(f"cursor={cursor!r} is none that list_alerts gave.", next="list_alerts()")
    call.workspace.runs.take_in()

    def read(t: Transaction) -> list[Alert]:
        found = find_alerts(t, asset)
        if asset and not found:
            find_asset(t, asset)
        return found

    everything = call.workspace.store.read(read)
    found = [alert for alert in everything if state in ("", alert.state)]
    shown = min(max(limit, 1), MOST)
    while True:
        answer = _answer(found, everything, asset, state, int(cursor or 0), shown)
        if shown == 1 or answer.fits():
            return answer
        shown = shown * 9 // 10


def _answer(found: list[Alert], everything: list[Alert], asset: str, state: str, start: int, most: int) -> AlertsAnswer:
    shown = found[start : start + most]
    end = start + len(shown)
    about = f" of {asset}" if asset else ""
    others = len(everything) - len(found)
    rest = f" ({others} in other states)" if others else ""
    if not found:
        return AlertsAnswer(
            verdict=f"No {state + ' ' if state else ''}alert{about}{rest}.",
            total=0,
            next='list_alerts(state="")' if others else "",
        )
    first = found[0]
    action = "acknowledge" if first.state == "open" else "resolve" if first.state == "acknowledged" else "reopen"
    return AlertsAnswer(
        verdict=f"{counted(len(found), (state + ' ' if state else '') + 'alert')}{about}{rest}; the gravest is"
        f" {first.label}: {clipped(first.words.rstrip('.'), 200)}.",
        total=len(found),
        alerts=[_line(alert) for alert in shown],
        cursor=str(end) if end < len(found) else None,
        next=f'resolve_alert(alert={first.number}, action="{action}", note="…")',
    )


def _line(alert: Alert) -> AlertLine:
    more = len(alert.downstream) - _SHOWN
    return AlertLine(
        alert=alert.number,
        severity=alert.severity,
        state=alert.state,
        asset=alert.asset,
        check=clipped(alert.check, 80),
        what=clipped(alert.words, 200),
        since=f"{alert.first_seen:%Y-%m-%d %H:%M}",
        last_seen=f"{alert.last_seen:%Y-%m-%d %H:%M}",
        seen=alert.count,
        downstream=[*alert.downstream[:_SHOWN], *([f"{more} more"] if more > 0 else [])] or None,
        likely_cause=clipped(alert.cause[0], 200) if alert.cause else None,
    )


def _causes(alerts: list[AlertLine]) -> list[str]:
    """With few alerts each cause has its line; many would drown the table."""
    if len(alerts) > _SHOWN:
        return []
    return [f"alert:{one.alert}, likely cause: {one.likely_cause}" for one in alerts if one.likely_cause]


TOOL = Tool(list_alerts, title="List alerts", toolset="alerts", read_only=True, idempotent=True)
