"""Who may attach the store's file: one process at a time, by lock files beside it that are never deleted."""

import errno
import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mlsteward.errors import Refused, StoreBusy

# The library's own 50 ms between tries lets a process starve behind seven busy neighbours.
POLL_SECONDS = 0.005
# Only one process tries for the lock itself at a time: it may do so often.
_NEXT_POLL_SECONDS = 0.002
# Who has waited for long tries for its turn more often than those who came later.
_LONG_SECONDS = 0.25
_LONG_POLL_SECONDS = 0.001
_WITHOUT_LOCKS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL})


class StoreLock:
    """The lock of one store; held by the thread that attaches.

    A second lock is the turn: who has it is the next to get the first. Without it a process with much to do takes the
    lock again between two tries of the others, who wait for seconds.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(
            path, poll_interval=POLL_SECONDS, fallback_to_soft=False, thread_local=True, on_acquired=_sign
        )
        self._turn = _Turn(path.with_name(path.name + ".turn"))

    @contextmanager
    def held(self, deadline: float) -> Generator[None]:
        """Hold the lock; StoreBusy when it is not free at `deadline` (of `time.monotonic`).

        Raises Refused where the file system has no file locks, since two processes would then damage the store.
        """
        try:
            with self._turn.taken(deadline):
                self._lock.acquire(timeout=_remaining(deadline), poll_interval=_NEXT_POLL_SECONDS)
        except (Timeout, TimeoutError) as error:
            raise busy(holder(self.path)) from error
        except OSError as error:
            if error.errno not in _WITHOUT_LOCKS:
                raise
            raise Refused(
                f"The workspace {self.path.parent} is on a file system without file locks"
                f" ({os.strerror(error.errno)}), where two processes would damage its store."
                " Choose a workspace on a local disk with --workspace."
            ) from error
        try:
            yield
        finally:
            self._lock.release()

    def close(self) -> None:
        self._turn.close()


class _Turn:
    """A lock that seven waiting processes can try for hundreds of times a second: a descriptor kept open.

    Where there is no `fcntl` (Windows) there are no turns.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @contextmanager
    def taken(self, deadline: float) -> Generator[None]:
        """Hold the turn; TimeoutError when it is not free at `deadline`."""
        if sys.platform == "win32":
            yield
            return
        import fcntl

        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        began = time.monotonic()
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                now = time.monotonic()
                if now >= deadline:
                    raise TimeoutError from None
                time.sleep(_LONG_POLL_SECONDS if now - began > _LONG_SECONDS else POLL_SECONDS)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _remaining(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


def busy(who: str) -> StoreBusy:
    """The error that names the process which holds the store."""
    return StoreBusy(f"The store of this workspace is held by {who}. Nothing was changed; try the same call again.")


def holder(path: Path) -> str:
    """The process that signed the lock file last: `python (process 4711)`."""
    import psutil

    try:
        pid = int(path.read_text(encoding="ascii").split()[0])
        return f"{psutil.Process(pid).name()} (process {pid})"
    except (OSError, ValueError, IndexError, psutil.Error):
        return "another process"


def _sign(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
