"""How deployments are watched: how often, with which budget of false alarms, and what an alert brings about."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from mlsteward.dictionary.sensitivity import Level
from mlsteward.errors import NotFound
from mlsteward.monitoring.deployment_report import REALISED_LOSS
from mlsteward.record import Record
from mlsteward.store.transaction import Transaction

OnAlert = Literal["alert", "retrain"]
EVER = datetime(1970, 1, 1, tzinfo=UTC)


class Monitor(Record):
    """A deployment's windows last `every_seconds`, and one false alarm is allowed in `budget_days`.

    `tolerance` is by how much losses may exceed the reference's bound (as a share of its mean; None: the policy's).
    With `season` windows are held against those a year before. Windows that ended before `watched_since` do not count
    towards an alarm of the losses: that is when an alert of theirs was resolved last. `clearance` is that of whoever
    set it. `due` is when it is looked at next, and `last_run` the run that looked last.
    """

    deployment: str
    every_seconds: float
    budget_days: float
    on_alert: OnAlert = "alert"
    tolerance: float | None = None
    season: bool = False
    watched_since: datetime = EVER
    actor: str
    client: str = ""
    clearance: Level = "restricted"
    changed: datetime
    stopped: datetime | None = None
    due: datetime
    last_run: int | None = None

    @property
    def every(self) -> timedelta:
        return timedelta(seconds=self.every_seconds)

    @property
    def budget(self) -> timedelta:
        return timedelta(days=self.budget_days)

    @property
    def label(self) -> str:
        return f"deployment:{self.deployment}"


_COLUMNS = tuple(Monitor.model_fields)
_STORED = ", ".join(
    "greatest(watched_since, coalesce(resolved, watched_since)) AS watched_since" if name == "watched_since" else name
    for name in _COLUMNS
)
_RESOLVED = """
    SELECT a.asset, max(e.created) AS resolved FROM alerts AS a JOIN alert_events AS e ON e.alert = a.number
    WHERE a.check_name = ? AND e.state = 'resolved' GROUP BY a.asset
"""


def known_monitor(t: Transaction, deployment: str) -> Monitor | None:
    """How a deployment is watched, also when nobody looks any more; None when it never was."""
    found = _monitors(t, "m.deployment = ?", [deployment])
    return found[0] if found else None


def find_monitor(t: Transaction, deployment: str) -> Monitor:
    """How a deployment is watched. Raises NotFound."""
    found = known_monitor(t, deployment)
    if found is None or found.stopped is not None:
        raise NotFound(f"deployment:{deployment} is not watched.", next=f'set_monitor(deployment="{deployment}")')
    return found


def monitors(t: Transaction) -> list[Monitor]:
    """All that are watched, by name."""
    return _monitors(t, "m.stopped IS NULL", [])


def due_monitors(t: Transaction, now: datetime) -> list[Monitor]:
    """Those to look at now; a deployment that is stopped is not looked at."""
    running = "m.deployment IN (SELECT name FROM deployments WHERE wanted = 'running')"
    return _monitors(t, f"m.stopped IS NULL AND m.due <= ? AND {running}", [now])


def next_due(t: Transaction) -> datetime | None:
    """When a monitor is due next; None where nothing is watched."""
    row = t.row("SELECT min(due) FROM monitors WHERE stopped IS NULL")
    return row[0] if row else None


def save_monitor(t: Transaction, monitor: Monitor) -> Monitor:
    """Keep it in place of what there was."""
    names = [name for name in _COLUMNS if name != "deployment"]
    t.execute(
        f"INSERT INTO monitors ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
        f" ON CONFLICT (deployment) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in names)}",
        list(monitor.model_dump().values()),
    )
    return monitor


def plan_next(t: Transaction, deployment: str, due: datetime, run: int | None = None) -> None:
    """When to look next; `run` is the one that looks now."""
    t.execute(
        "UPDATE monitors SET due = ?, last_run = coalesce(?, last_run) WHERE deployment = ?", [due, run, deployment]
    )


def _monitors(t: Transaction, where: str, parameters: Sequence[object]) -> list[Monitor]:
    rows = t.rows(
        f"SELECT {_STORED} FROM monitors AS m LEFT JOIN ({_RESOLVED}) AS r ON r.asset = 'deployment:' || m.deployment"
        f" WHERE {where} ORDER BY m.deployment",
        [REALISED_LOSS, *parameters],
    )
    return [Monitor.model_validate(dict(zip(_COLUMNS, row, strict=True))) for row in rows]
