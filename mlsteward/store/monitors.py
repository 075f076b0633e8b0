"""How deployments are watched: how often, with which budget of false alarms, and what an alert brings about."""

from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from mlsteward.dictionary.sensitivity import Level
from mlsteward.errors import NotFound
from mlsteward.record import Record
from mlsteward.store.transaction import Transaction

OnAlert = Literal["alert", "retrain"]
ON_ALERT: tuple[OnAlert, ...] = get_args(OnAlert)


class Monitor(Record):
    """A deployment's windows last `every_seconds`, and one false alarm is allowed in `budget_days`.

    `tolerance` is by how much losses may exceed the reference's bound (as a share of its mean; None: the policy's).
    With `season` windows are held against those a year before. Windows that ended before `watched_since` do not count
    towards an alarm: it moves on when an alert is resolved. `clearance` is that of whoever set it.
    """

    deployment: str
    every_seconds: float
    budget_days: float
    on_alert: OnAlert = "alert"
    tolerance: float | None = None
    season: bool = False
    watched_since: datetime
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


_COLUMNS = tuple(Monitor.model_fields)


def known_monitor(t: Transaction, deployment: str) -> Monitor | None:
    """How a deployment is watched, also when nobody looks any more; None when it never was."""
    found = _monitors(t, "deployment = ?", [deployment])
    return found[0] if found else None


def find_monitor(t: Transaction, deployment: str) -> Monitor:
    """How a deployment is watched. Raises NotFound."""
    found = known_monitor(t, deployment)
    if found is None or found.stopped is not None:
        raise NotFound(f"deployment:{deployment} is not watched.", next=f'set_monitor(deployment="{deployment}")')
    return found


def monitors(t: Transaction) -> list[Monitor]:
    """All that are watched, by name."""
    return _monitors(t, "stopped IS NULL", [])


def save_monitor(t: Transaction, monitor: Monitor) -> Monitor:
    """Keep it in place of what there was."""
    t.execute("DELETE FROM monitors WHERE deployment = ?", [monitor.deployment])
    t.insert("monitors", [monitor.model_dump()])
    return monitor


def _monitors(t: Transaction, where: str, parameters: list[object]) -> list[Monitor]:
    rows = t.rows(f"SELECT {', '.join(_COLUMNS)} FROM monitors WHERE {where} ORDER BY deployment", parameters)
    return [_monitor(row) for row in rows]


def _monitor(row: tuple[Any, ...]) -> Monitor:
    return Monitor.model_validate(dict(zip(_COLUMNS, row, strict=True)))
