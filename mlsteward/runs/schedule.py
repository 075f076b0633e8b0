"""Starting what is due: a thread of the HTTP server, or of `mlsteward watch`.

What can be due stands in `mlsteward.runs.schedules`, a module each, found by its presence there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mlsteward.store.transaction import Transaction
    from mlsteward.workspace import Workspace


@dataclass(frozen=True)
class Due:
    """Something to be started now: `asset` as in `deployment:delay`, and when it was due."""

    asset: str
    at: datetime


class Schedule(Protocol):
    """What a module of `mlsteward.runs.schedules` has."""

    def due_work(self, t: "Transaction", now: datetime) -> Sequence[Due]:
        """Take what is due, in a transaction that writes: whoever asks next, within some minutes, is not given it.

        If whoever took it dies before it is begun it is given again after that.
        """
        ...

    def next_due(self, t: "Transaction") -> datetime | None:
        """When there is more; None when nothing is planned."""
        ...

    def begin(self, workspace: "Workspace", due: Due) -> int:
        """Start the run, and plan the next; its number. A StewardError is logged, and tried again later."""
        ...
