"""The lock that says whether a run's worker lives.

The server that starts a run takes the lock before the run counts as running, and hands the open descriptor to the
worker: there is no moment in which a running run's lock is free. The system lets go of the lock when the last holder
of the descriptor ends, however it ends; a process id proves nothing, since it may be a zombie's or another's by now.
"""

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, *, shared: bool) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int, *, shared: bool) -> None:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


def take_lock(path: Path) -> int:
    """Create and lock the file; the descriptor holds the lock. Raises BlockingIOError when somebody has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor, shared=False)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def lock_is_free(path: Path) -> bool:
    """Whether nobody holds the lock. Any number may look at once."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        _lock(descriptor, shared=True)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
