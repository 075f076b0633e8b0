"""Looking at the deployments that are watched, each time one of their windows has closed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.runs.actor import Actor
from mlsteward.runs.monitor_request import start_monitor
from mlsteward.runs.schedule import LEASE, Due
from mlsteward.store import monitors
from mlsteward.store.monitors import due_monitors, find_monitor, plan_next
from mlsteward.store.transaction import Transaction

if TYPE_CHECKING:
    from mlsteward.workspace import Workspace

CLIENT = "mlsteward schedule"
# What was asked in the last moments of a window is logged by then.
_SETTLED = timedelta(minutes=2)
_START = datetime(1970, 1, 1, tzinfo=UTC)


def due_work(t: Transaction, now: datetime, folder: Path) -> list[Due]:
    """The monitors whose window has closed."""
    found = due_monitors(t, now)
    for monitor in found:
        plan_next(t, monitor.deployment, now + LEASE)
    return [Due(asset=monitor.label, at=monitor.due) for monitor in found]


def next_due(t: Transaction, now: datetime) -> datetime | None:
    """When the next window closes."""
    return monitors.next_due(t)


def begin(workspace: "Workspace", due: Due) -> int:
    """Look at the deployment, as whoever set its monitor may see it."""
    name = due.asset.removeprefix("deployment:")
    monitor = workspace.store.read(lambda t: find_monitor(t, name))
    actor = Actor(name=monitor.actor, client=CLIENT, clearance=monitor.clearance)
    run = start_monitor(workspace.seen_by(monitor.clearance), actor, name)
    due_next = closing(datetime.now(UTC), monitor.every)
    workspace.store.write(lambda t: plan_next(t, name, due_next, run))
    return run


def closing(now: datetime, every: timedelta) -> datetime:
    """When the window that is open now has closed and can be looked at."""
    return _START + ((now - _START) // every + 1) * every + _SETTLED
