"""The endpoints of a workspace: every server looks after them, one at a time, and each lives on without any.

What is wanted stands in the store; what an endpoint is told, how it stands and what became of its process are files in
`deployments/NAME/`. So the server that looks next knows all that the one before knew.
"""

import logging
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.errors import StewardError
from mlsteward.runs.background import Background
from mlsteward.serving.endpoint.desired import DEPLOYMENTS, Desired, EndpointFolder, file_mark
from mlsteward.store.deployments import Deployment, deployments
from mlsteward.store.following import end_canary, follow_aliases, keep_seen, outdated

if TYPE_CHECKING:
    from mlsteward.runs.canary_outcomes import Outcomes
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

    def __init__(self, folder: Path, store: "Store", *, noticed: Callable[[], None] = lambda: None) -> None:
        super().__init__("mlsteward-endpoints")
        self._folder = folder
        self._store = store
        self._noticed = noticed
        self._read_at: tuple[tuple[int, int, int], ...] = ()
        self._judged: dict[str, Outcomes] = {}
        self._orders: list[tuple[Deployment, Desired | None]] = []

    def wake(self) -> None:
        if (self._folder / DEPLOYMENTS).is_dir():
            super().wake()

    def tell(self) -> None:
        """Have endpoints that live know what the store says, for a command that ends at once. None is started.

        Where a server looks after them it tells them itself.
        """
        from mlsteward.runs.alive import lock_is_free
        from mlsteward.runs.endpoint_order import tell

        if not (self._folder / DEPLOYMENTS).is_dir():
            return
        with _supervising(self._folder) as alone:
            for deployment, order in self._store.read(self._all_orders) if alone else []:
                folder = EndpointFolder.of(self._folder, deployment.name)
                if order and not lock_is_free(folder.alive):
                    tell(folder, order)

    def _turn(self) -> float | None:
        try:
            with _supervising(self._folder) as alone:
                if alone:
                    self._look()
        except StewardError as error:
            logger.warning("endpoints could not be looked at: %s", error)
            self._read_at = ()
            return _BUSY_PAUSE
        except Exception:  # a fault of ours must not leave every endpoint of the workspace without anybody
            if self._abandoned:
                raise
            logger.exception("endpoints could not be looked after")
            self._read_at = ()
            return _IDLE_PAUSE
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
            self._judge_canaries()
        for deployment, order in self._orders:
            if self._abandoned:
                return
            self._tend(deployment, order)

    def _all_orders(self, t: "Transaction") -> list[tuple[Deployment, Desired | None]]:
        return [(deployment, self._order(t, deployment)) for deployment in deployments(t)]

    def _judge_canaries(self) -> None:
        """Stop canaries whose predictions came true less often; the same outcomes are looked at once."""
        from mlsteward.runs.canary_outcomes import canary_outcomes, worse_outcomes

        canaries = [deployment for deployment, order in self._orders if order and deployment.canary]
        for known in filter(None, [self._store.read(lambda t, d=d: canary_outcomes(t, d)) for d in canaries]):
            deployment = known.deployment
            if self._judged.get(deployment.name) != known and (words := worse_outcomes(self._folder, known)):
                self._write(lambda t, d=deployment, said=words: end_canary(t, d.name, d.canary_since, said))
            self._judged[deployment.name] = known

    def _order(self, t: "Transaction", deployment: Deployment) -> Desired | None:
        from mlsteward.runs.endpoint_order import endpoint_order

        if deployment.wanted == "stopped":
            return None
        try:
            return endpoint_order(t, deployment)
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
            self._write(lambda t: keep_seen(t, deployment, seen.state, seen.words, seen.port))

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
