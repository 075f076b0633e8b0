"""Which events of alerts are still to be sent, by whom, and what came of it.

An event is claimed in a transaction before it is sent, so that of several servers one sends it. The claim is a lease:
where its holder dies, another sends the event again. So each is sent at least once.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from mlsteward.record import Record
from mlsteward.store.alert_events import AlertEvent
from mlsteward.store.transaction import Transaction

Channel = Literal["webhook", "command"]
# What happened before is not sent when somebody first names a webhook.
OLDEST = timedelta(days=1)
# Longer than sending one batch may take.
LEASE = timedelta(minutes=5)
BATCH = 5
_FIELDS = tuple(AlertEvent.model_fields)


class Claim(Record):
    """One event for one channel, to be sent now; `attempts` counts this one."""

    event: AlertEvent
    channel: Channel
    attempts: int


class Delivery(Record):
    """How many events a channel was given since a time, how many are still to be, and what failed last."""

    channel: str
    delivered: int
    waiting: int
    failed: int
    error: str


def claim_deliveries(t: Transaction, channels: Sequence[Channel], now: datetime) -> list[Claim]:
    """Take what is due, oldest first, so that nobody else sends it while the lease lasts."""
    columns = ", ".join(f"e.{name}" for name in _FIELDS)
    rows = t.rows(
        f"SELECT {columns}, c.channel, coalesce(d.attempts, 0) + 1"
        " FROM alert_events AS e CROSS JOIN (SELECT unnest(?) AS channel) AS c"
        " LEFT JOIN alert_deliveries AS d ON d.event = e.number AND d.channel = c.channel"
        " WHERE (d.event IS NULL AND e.created > ?) OR (d.state IN ('claimed', 'retry') AND d.due <= ?)"
        " ORDER BY e.number, c.channel LIMIT ?",
        [list(channels), now - OLDEST, now, BATCH],
    )
    claims = [Claim(event=_event(row[:-2]), channel=row[-2], attempts=row[-1]) for row in rows]
    for claim in claims:
        _write(t, claim, "claimed", now + LEASE, "")
    return claims


def finish_delivery(t: Transaction, claim: Claim, error: str, retry_at: datetime | None) -> None:
    """Say what came of a claim: delivered without `error`, else tried again at `retry_at`, or given up."""
    state = "delivered" if not error else "retry" if retry_at else "failed"
    _write(t, claim, state, retry_at or datetime.now(UTC), error)


def next_due(t: Transaction, channels: Sequence[Channel]) -> datetime | None:
    """When something is to be sent again, by this server or in the place of one that died."""
    row = t.row(
        "SELECT min(due) FROM alert_deliveries WHERE state IN ('claimed', 'retry') AND list_contains(?, channel)",
        [list(channels)],
    )
    return row[0] if row else None


def deliveries_since(t: Transaction, since: datetime) -> list[Delivery]:
    """What came of sending events since a time, for each channel."""
    rows = t.rows(
        "SELECT d.channel, count_if(d.state = 'delivered'), count_if(d.state IN ('claimed', 'retry')),"
        " count_if(d.state = 'failed'), coalesce(arg_max(d.error, d.due) FILTER (d.error <> ''), '')"
        " FROM alert_deliveries AS d JOIN alert_events AS e ON e.number = d.event WHERE e.created >= ?"
        " GROUP BY d.channel ORDER BY d.channel",
        [since],
    )
    return [
        Delivery(channel=channel, delivered=delivered, waiting=waiting, failed=failed, error=error)
        for channel, delivered, waiting, failed, error in rows
    ]


def _write(t: Transaction, claim: Claim, state: str, due: datetime, error: str) -> None:
    t.execute(
        "INSERT INTO alert_deliveries VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (event, channel) DO UPDATE"
        " SET state = excluded.state, attempts = excluded.attempts, due = excluded.due, error = excluded.error",
        [claim.event.number, claim.channel, state, claim.attempts, due, error],
    )


def _event(row: tuple[Any, ...]) -> AlertEvent:
    fields: dict[str, Any] = dict(zip(_FIELDS, row, strict=True))
    fields["payload"] = json.loads(fields["payload"])
    return AlertEvent.model_validate(fields)
