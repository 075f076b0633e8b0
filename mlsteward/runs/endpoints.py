"""The endpoints of a workspace: every server looks after them, one at a time, and each lives on without any.

What is wanted stands in the store; what an endpoint is told, how it stands and what became of its process are files in
`deployments/NAME/`. So the server that looks next knows all that the one before knew.
"""

import logging
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.errors import StewardError
from mlsteward.runs.background import Background
from mlsteward.serving.endpoint.desired import DEPLOYMENTS, Desired, EndpointFolder, file_mark
from mlsteward.store.deployments import Deployment, State, deployments, keep_state
from mlsteward.store.following import end_canary, follow_aliases, outdated

if TYPE_CHECKING:
    from mlsteward.store.store import Store
    from mlsteward.store.transaction import Transaction

logger = logging.getLogger("mlsteward.endpoints")

_PAUSE = 0.2
# Where nothing is to be served: another server may have something served at any time.
_IDLE_PAUSE = 2.0
_BUSY_PAUSE = 1.0


class Endpoints(Background):
    """Has endpoints follow the store and starts those that ended. Where nothing was ever deployed it does nothing.

    `noticed` is called when it has written something that others tell of.
    """

    def __init__(
        self,
        folder: Path,
        store: "Store",
        *,
        allowed_hosts: Sequence[str] = (),
        noticed: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__("mlsteward-endpoints")
        self._folder = folder
        self._store = store
        self._allowed_hosts = allowed_hosts
        self._noticed = noticed
        self._read_at: tuple[tuple[int, int, int], ...] = ()
        self._orders: list[tuple[Deployment, Desired | None]] = []

    def wake(self) -> None:
        if (self._folder / DEPLOYMENTS).is_dir():
            super().wake()

    def _turn(self) -> float | None:
        try:
            with _supervising(self._folder) as alone:
                if alone:
                    self._look()
        except StewardError as error:
            logger.warning("endpoints could not be looked at: %s", error)
            self._read_at = ()
            return _BUSY_PAUSE
        going = any(deployment.wanted == "running" for deployment, _ in self._orders)
        return _PAUSE if going else _IDLE_PAUSE

    def _look(self) -> None:
        # Whatever any process commits changes the file; where it has not changed the store need not be opened.
        at = tuple(file_mark(self._store.path.with_name(self._store.path.name + end)) for end in ("", ".wal"))
        if at != self._read_at:
            self._read_at = at
            if self._store.read(outdated):
                self._store.write(follow_aliases)
                self._noticed()
            self._orders = self._store.read(self._all_orders)
        for deployment, order in self._orders:
            if self._abandoned:
                return
            self._tend(deployment, order)

    def _all_orders(self, t: "Transaction") -> list[tuple[Deployment, Desired | None]]:
        return [(deployment, self._order(t, deployment)) for deployment in deployments(t)]

    def _order(self, t: "Transaction", deployment: Deployment) -> Desired | None:
        from mlsteward.runs.endpoint_order import endpoint_order

        if deployment.wanted == "stopped":
            return None
        try:
            return endpoint_order(t, deployment, self._allowed_hosts)
        except StewardError as error:  # one model that is gone must not keep the others from being served
            logger.warning("%s cannot be served: %s", deployment.label, error)
            return None

    def _tend(self, deployment: Deployment, order: Desired | None) -> None:
        from mlsteward.runs.tending import tend

        folder = EndpointFolder.of(self._folder, deployment.name)
        try:
            seen = tend(folder, deployment, order)
        except OSError as error:
            logger.warning("%s could not be looked after: %s", deployment.label, error)
            return
        if seen.canary_stopped:
            self._write(lambda t: end_canary(t, deployment.name, deployment.canary_since, seen.canary_stopped))
        if seen.differs_from(deployment):
            self._write(lambda t: self._keep(t, deployment, seen.state, seen.words, seen.port))

    def _keep(self, t: "Transaction", deployment: Deployment, state: State, words: str, port: int) -> None:
        # What was seen is of the revision that was read: who changed the deployment meanwhile knows better.
        if any(now.revision == deployment.revision for now in deployments(t) if now.name == deployment.name):
            keep_state(t, deployment.name, state, words=words, port=port)

    def _write(self, work: "Callable[[Transaction], object]") -> None:
        self._store.write(work)
        self._noticed()


@contextmanager
def _supervising(workspace: Path) -> Generator[bool]:
    """Whether this server is the one that looks after the endpoints, for as long as the block lasts."""
    from mlsteward.runs.alive import take_lock

    try:
        lock = take_lock(workspace / DEPLOYMENTS / "supervisor.lock")
    except BlockingIOError:
        yield False
        return
    try:
        yield True
    finally:
        os.close(lock)
