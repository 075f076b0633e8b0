"""What happened to an alert, kept for ever; each event is also what a webhook or a command is told."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mlsteward.record import Record
from mlsteward.store.activity import add_activity
from mlsteward.store.changes import count_change
from mlsteward.store.runs import get_run
from mlsteward.store.transaction import Transaction

# Who acts when no run or person does.
SYSTEM = "mlsteward"


class AlertEvent(Record):
    """One change of an alert: `raised`, `reopened`, `escalated`, `acknowledged`, `resolved` or `settled`."""

    number: int
    alert: int
    created: datetime
    event: str
    state: str
    actor: str
    client: str
    note: str = ""
    run: int | None = None
    payload: dict[str, Any] = {}


def add_event(
    t: Transaction,
    alert: Mapping[str, Any],
    *,
    event: str,
    note: str = "",
    run: int | None = None,
    actor: str = "",
    client: str = "",
) -> None:
    """Keep a change of `alert` (as it is now, in JSON's types) and who made it, in the audit log too."""
    if run is not None and not actor:
        checked = get_run(t, run)
        actor, client = checked.actor, checked.client
    last = t.row("SELECT max(number) FROM alert_events")
    kept = AlertEvent(
        number=(last[0] or 0) + 1 if last else 1,
        alert=alert["number"],
        created=datetime.now(UTC),
        event=event,
        state=alert["state"],
        actor=actor or SYSTEM,
        client=client,
        note=note,
        run=run,
        payload=dict(alert),
    )
    t.insert("alert_events", [kept.model_dump()])
    count_change(t)
    add_activity(
        t,
        actor=kept.actor,
        client=client,
        action=f"alert {event}",
        asset=f"alert:{kept.alert}",
        why=f"{alert['check']} of {alert['asset']}" + (f": {note}" if note else ""),
        run=run,
    )


def events_of(t: Transaction, alert: int) -> list[AlertEvent]:
    """Everything that happened to an alert, newest first."""
    names = [name for name in AlertEvent.model_fields if name != "payload"]
    rows = t.rows(f"SELECT {', '.join(names)} FROM alert_events WHERE alert = ? ORDER BY number DESC", [alert])
    return [AlertEvent.model_validate(dict(zip(names, row, strict=True))) for row in rows]
