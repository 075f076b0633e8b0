"""Starting what is due: a thread of the HTTP server and of `mlsteward watch`.

What can be due stands in `mlsteward.runs.schedules`, a module each, found by its presence there. Of several processes
that look, one starts each thing: whoever takes it says so in the store first.
"""

import logging
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import mlsteward.runs.schedules
from mlsteward.errors import StewardError
from mlsteward.runs.background import Background

if TYPE_CHECKING:
    from mlsteward.store.transaction import Transaction
    from mlsteward.workspace import Workspace

logger = logging.getLogger("mlsteward.schedule")

LEASE = timedelta(minutes=10)
"""So long nobody else is given what somebody took."""
# What is planned in another process is seen after so long.
_LONGEST_SECONDS = 60.0
_SHORTEST_SECONDS = 0.5
_BUSY_SECONDS = 5.0
_FAR = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Due:
    """Something to be started now: `asset` as in `deployment:delay`, and when it was due."""

    asset: str
    at: datetime


class Plan(Protocol):
    """What a module of `mlsteward.runs.schedules` has."""

    def due_work(self, t: "Transaction", now: datetime, folder: Path) -> Sequence[Due]:
        """Take what is due, in a transaction that writes: whoever asks next, within some minutes, is not given it.

        If whoever took it dies before it is begun it is given again after that. `folder` is that of the workspace.
        """
        ...

    def next_due(self, t: "Transaction", now: datetime) -> datetime | None:
        """When there is more; None when nothing is planned."""
        ...

    def begin(self, workspace: "Workspace", due: Due) -> int:
        """Start the run, and plan the next; its number. A StewardError is logged, and tried again later."""
        ...


def plans() -> list[Plan]:
    """Everything that can be due."""
    found = pkgutil.iter_modules(mlsteward.runs.schedules.__path__)
    return [cast(Plan, import_module(f"{mlsteward.runs.schedules.__name__}.{module.name}")) for module in found]


class Schedule(Background):
    """Looks for what is due as long as its process lives; `begun` is told of each run that it started."""

    def __init__(self, workspace: "Workspace", begun: Callable[[int, Due], None] = lambda run, due: None) -> None:
        super().__init__("mlsteward-schedule")
        self._workspace = workspace
        self._begun = begun
        # When each plan wanted to be asked again, as it said when it was asked last.
        self._ask: dict[int, datetime] = {}

    def _turn(self) -> float | None:
        if self._closed:  # what is due is for the next process that looks
            return None
        try:
            return self._look()
        except StewardError as error:
            logger.warning("what is due could not be looked for: %s", error)
        except Exception:  # a fault of ours in one plan must not end all schedules of the server
            if self._abandoned:
                raise
            logger.exception("what is due could not be started")
        return _BUSY_SECONDS

    def _look(self) -> float:
        now = datetime.now(UTC)
        store, folder = self._workspace.store, self._workspace.folder
        if not store.path.exists():
            return _LONGEST_SECONDS
        self._workspace.runs.take_in()
        found = plans()
        planned = store.read(lambda t: [plan.next_due(t, now) for plan in found])
        for place, at in enumerate(planned):
            if self._abandoned:
                break
            asked = self._ask.get(place, now)
            if at is not None and min(at, asked) <= now:
                for due in store.write(lambda t, plan=found[place]: plan.due_work(t, now, folder)):
                    self._begin(found[place], due)
                asked = _FAR
            self._ask[place] = min(asked, at) if at and at > now else _FAR
        upcoming = store.read(lambda t: [plan.next_due(t, now) for plan in found])
        seconds = min(((at - now).total_seconds() for at in upcoming if at), default=_LONGEST_SECONDS)
        return min(max(seconds, _SHORTEST_SECONDS), _LONGEST_SECONDS)

    def _begin(self, plan: Plan, due: Due) -> None:
        try:
            run = plan.begin(self._workspace, due)
        except StewardError as error:
            logger.warning("%s was due, and nothing was started: %s", due.asset, error)
            return
        logger.info("run:%d was started, as %s was due", run, due.asset)
        self._begun(run, due)
