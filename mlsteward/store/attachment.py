"""The store's file, attached to a standing in-memory DuckDB for one transaction at a time.

DuckDB admits one process that writes to a file and then keeps even readers out, so nobody keeps it open. Nothing else
in the process may open the file, not even to read: closing a second descriptor drops DuckDB's own lock on it.
"""

import logging
import os
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.data.engine import connect, literal
from mlsteward.errors import StoreDamaged, StoreTooNew
from mlsteward.store.lock import POLL_SECONDS, StoreLock, busy
from mlsteward.store.schema import FOLDER, applied, migrate, migrations, missing

if TYPE_CHECKING:
    import duckdb

_log = logging.getLogger(__name__)
_MEMORY_MB = 512
# Transactions are short, and wait for one another: a second thread costs more CPU than it saves time.
_THREADS = 1
# Unqualified names are found in the store, which is never first: DETACH refuses the default database.
_SEARCH_PATH = "memory.main,store.main"


class Attachment:
    """The one thing in a process that opens the store; used by one thread."""

    def __init__(self, path: Path, migrations_folder: Path = FOLDER) -> None:
        self.path = path
        self._wal = path.with_name(path.name + ".wal")
        self._lock = StoreLock(path.with_name(path.name + ".lock"))
        self._known = migrations(migrations_folder)
        self._connection: duckdb.DuckDBPyConnection | None = None
        # True while the file may be attached: also when an ATTACH or DETACH was cut short.
        self._holds_file = False
        self._finds_names = False

    @contextmanager
    def open(self, *, write: bool, deadline: float) -> Generator["duckdb.DuckDBPyConnection"]:
        """The connection with the store attached and its schema current.

        Raises StoreBusy when another process has it at `deadline` (of `time.monotonic`), StoreTooNew and StoreDamaged.
        """
        with self._lock.held(deadline), self._attached(write=write, deadline=deadline) as connection:
            yield connection

    def backup(self, target: Path, deadline: float) -> None:
        """Copy the store to `target`, whole or not at all."""
        with self._lock.held(deadline):
            self._copy(target, deadline)

    def restore(self, source: Path, deadline: float) -> None:
        """Put the backup at `source` in the store's place."""
        with self._lock.held(deadline):
            # The log belongs to the store that goes: replayed on the backup it would damage it.
            self._wal.unlink(missing_ok=True)
            _copy_whole(source, self.path)

    def close(self) -> None:
        self._lock.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._holds_file = False
            self._finds_names = False

    @contextmanager
    def _attached(self, *, write: bool, deadline: float) -> Generator["duckdb.DuckDBPyConnection"]:
        try:
            connection = self._attach(write=write, deadline=deadline)
            if pending := missing(applied(connection), self._known):
                connection = self._migrated(connection, write=write, deadline=deadline, number=pending[0].number)
            yield connection
        finally:
            self._detach()

    def _migrated(
        self, connection: "duckdb.DuckDBPyConnection", *, write: bool, deadline: float, number: int
    ) -> "duckdb.DuckDBPyConnection":
        have = applied(connection)
        self._detach()
        if have:
            self._copy(self.path.with_name(f"{self.path.stem}.before-{number:04}{self.path.suffix}"), deadline)
        connection = self._attach(write=True, deadline=deadline)
        migrate(connection, missing(have, self._known))
        self._detach()
        return self._attach(write=write, deadline=deadline)

    def _attach(self, *, write: bool, deadline: float) -> "duckdb.DuckDBPyConnection":
        leftover = self._wal.exists()
        writable = write or leftover or not self.path.exists()
        connection = self._try_attach(writable=writable, deadline=deadline)
        if leftover and not self._checkpoint(connection):
            # A failed checkpoint leaves the attachment unusable, the data not: the log is read again.
            self._detach()
            connection = self._try_attach(writable=write, deadline=deadline)
        return connection

    def _try_attach(self, *, writable: bool, deadline: float) -> "duckdb.DuckDBPyConnection":
        import duckdb

        self._detach()
        if self._connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            temp = self.path.parent / "temp"
            self._connection = connect(memory_mb=_MEMORY_MB, temp=temp, threads=_THREADS)
        options = "" if writable else " (READ_ONLY)"
        while True:
            self._holds_file = True
            try:
                self._connection.execute(f"ATTACH {literal(str(self.path))} AS store{options}")
            except duckdb.Error as error:
                self._holds_file = False
                # Some other program than ours has the file open (ours hold the lock file): it may let go.
                if "Could not set lock" not in str(error):
                    raise _unusable(self.path, error) from error
                if time.monotonic() > deadline:
                    raise busy(_conflicting(str(error))) from error
                time.sleep(POLL_SECONDS)
            else:
                if not self._finds_names:
                    self._connection.execute(f"SET search_path = '{_SEARCH_PATH}'")
                    self._finds_names = True
                return self._connection

    def _checkpoint(self, connection: "duckdb.DuckDBPyConnection") -> bool:
        """Empty the log that a killed process left: replaying a large one costs seconds at every attachment."""
        import duckdb

        try:
            connection.execute("CHECKPOINT store")
        except duckdb.Error as error:
            _log.warning("the store's log could not be written into the store: %s", error)
            return False
        return True

    def _detach(self) -> None:
        """Close the file, in any case. What was committed is in the store or its log, so errors are only logged."""
        import duckdb

        if self._connection is None or not self._holds_file:
            return
        try:
            self._connection.execute("DETACH store")
            self._holds_file = False
        except duckdb.Error as error:
            _log.warning("the store was not detached cleanly; what was committed is safe: %s", error)
            self.close()

    def _copy(self, target: Path, deadline: float) -> None:
        if self._wal.exists():
            try:
                self._attach(write=True, deadline=deadline)
            finally:
                self._detach()
        _copy_whole(self.path, target)


def _copy_whole(source: Path, target: Path) -> None:
    partial = target.with_name(target.name + ".partial")
    shutil.copyfile(source, partial)
    with partial.open("rb") as copied:
        os.fsync(copied.fileno())
    partial.replace(target)


def _unusable(path: Path, error: Exception) -> StoreDamaged | StoreTooNew:
    words = str(error)
    if "version number" in words:
        return StoreTooNew(f"{path} was written by a newer DuckDB. Upgrade mlsteward and restart the server. ({words})")
    return StoreDamaged(f"The store {path} cannot be opened: {words}")


def _conflicting(words: str) -> str:
    """The process that DuckDB names: `Conflicting lock is held in /usr/bin/duckdb (PID 4711) by user …`."""
    _, found, rest = words.partition("Conflicting lock is held in ")
    return rest.split(")", 1)[0].replace("PID", "process") + ")" if found else "another program"
