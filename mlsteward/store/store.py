"""The store of a workspace: transactions from any thread, carried out by the one thread that attaches the file."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Generic, TypeVar

from mlsteward.dictionary.sensitivity import FULL, Level, lower
from mlsteward.errors import StoreBusy
from mlsteward.store.attachment import Attachment
from mlsteward.store.schema import FOLDER
from mlsteward.store.transaction import Transaction

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")
_log = logging.getLogger(__name__)
# How long transactions that wait in this process may share one attachment before others get their turn.
SHARED_SECONDS = 0.05
# What a transaction gets to find the lock free after it has waited in this process's own queue.
_LEAST_SECONDS = 1.0


class Store:
    """One per process and workspace. `patience` is how many seconds a call waits for other processes."""

    def __init__(self, path: Path, *, patience: float = 10.0, migrations: Path = FOLDER) -> None:
        self.path = path
        self._patience = patience
        self._attachment = Attachment(path, migrations)
        self._waiting: deque[_Handed[object]] = deque()
        self._owner = ThreadPoolExecutor(1, "mlsteward-store")
        self._owner_id = 0
        self._seen: dict[Level, Store] = {}

    def seen_by(self, clearance: Level) -> "Store":
        """The same store for a reader of this clearance: its transactions carry it."""
        if clearance == FULL:
            return self
        return self._seen.setdefault(clearance, _SeenStore(self, clearance))

    def read(self, work: Callable[[Transaction], T]) -> T:
        """What `work` returns, in a transaction that cannot write."""
        return self._hand_over(work, write=False)

    def write(self, work: Callable[[Transaction], T]) -> T:
        """What `work` returns, once it is committed; any error undoes the whole transaction and is raised."""
        return self._hand_over(work, write=True)

    def backup(self, target: Path) -> None:
        """Copy the store to the file `target`."""
        self._owner.submit(self._attachment.backup, target, self._deadline()).result()

    def restore(self, source: Path) -> None:
        """Replace the store by the backup at `source`."""
        self._owner.submit(self._attachment.restore, source, self._deadline()).result()

    def close(self) -> None:
        """Finish what waits and let go of the engine."""
        self._owner.shutdown(wait=True)
        self._attachment.close()

    def _deadline(self) -> float:
        return time.monotonic() + self._patience

    def _hand_over(self, work: Callable[[Transaction], T], *, write: bool) -> T:
        if threading.get_ident() == self._owner_id:
            raise RuntimeError("work in the store cannot start a transaction of its own")
        handed = _Handed(work, write=write, deadline=self._deadline())
        self._waiting.append(handed)  # pyright: ignore[reportArgumentType] - a queue of transactions of any result
        self._owner.submit(self._serve)
        return handed.answer.result()

    def _serve(self) -> None:
        """In the owning thread: one attachment and the transactions that share it."""
        self._owner_id = threading.get_ident()
        if not self._waiting:
            return  # an earlier attachment has served it
        first = self._waiting.popleft()
        deadline = max(first.deadline, time.monotonic() + _LEAST_SECONDS)
        with first, self._attachment.open(write=first.write, deadline=deadline) as connection:
            until = time.monotonic() + SHARED_SECONDS
            first.run(connection)
            while self._waiting and time.monotonic() < until and (first.write or not self._waiting[0].write):
                self._waiting.popleft().run(connection)
        if isinstance(first.answer.exception(), StoreBusy):
            self._give_up(first.answer.exception())

    def _give_up(self, error: BaseException | None) -> None:
        """Those that waited as long as the one that found the store busy need not try again one by one."""
        now = time.monotonic()
        while self._waiting and self._waiting[0].deadline < now:
            self._waiting.popleft().answer.set_exception(error)


class _SeenStore(Store):
    """A store as a reader sees it. The whole one does its work."""

    def __init__(self, whole: Store, clearance: Level) -> None:  # the parent's would start what the whole one has
        self.path = whole.path
        self._whole = whole
        self._clearance: Level = clearance

    def seen_by(self, clearance: Level) -> Store:
        return self._whole.seen_by(lower(clearance, self._clearance))

    def backup(self, target: Path) -> None:
        self._whole.backup(target)

    def restore(self, source: Path) -> None:
        self._whole.restore(source)

    def close(self) -> None:
        """Nothing here is its own."""

    def _hand_over(self, work: Callable[[Transaction], T], *, write: bool) -> T:
        return self._whole._hand_over(lambda t: work(t.seen_by(self._clearance)), write=write)


class _Handed(Generic[T]):
    """A transaction that a thread waits for. As a context it hands errors to that thread."""

    def __init__(self, work: Callable[[Transaction], T], *, write: bool, deadline: float) -> None:
        self.write = write
        self.deadline = deadline
        self.answer: Future[T] = Future()
        self._work = work

    def run(self, connection: "duckdb.DuckDBPyConnection") -> None:
        with self:
            connection.execute("BEGIN TRANSACTION" if self.write else "BEGIN TRANSACTION READ ONLY")
            transaction = Transaction(connection)
            try:
                result = self._work(transaction)
                # COMMIT after a failed statement would roll back without a word, had `work` swallowed the error.
                if transaction.failure is not None:
                    raise transaction.failure
                connection.execute("COMMIT")
            except BaseException:  # whatever it was: nothing of it may be committed
                _roll_back(connection)
                raise
            self.answer.set_result(result)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is not None and self.answer.done():
            _log.error("the store's attachment failed after its transaction was committed", exc_info=error)
        elif error is not None:
            self.answer.set_exception(error)
        return error is not None


def _roll_back(connection: "duckdb.DuckDBPyConnection") -> None:
    import duckdb

    try:
        connection.execute("ROLLBACK")
    except duckdb.Error:
        # A failed COMMIT has rolled back already, and an engine that cannot go on is closed at DETACH.
        return
