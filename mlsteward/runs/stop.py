"""Ending a run's worker, and being sure of it."""

import contextlib
import os
import signal
import sys
import time

from mlsteward.errors import RunFailed
from mlsteward.runs.alive import lock_is_free
from mlsteward.runs.folder import RunFolder, WorkerIdentity

# Clocks are set while processes run; ids are not reused within a second.
_CLOCK_SECONDS = 1.0


def stop_worker(folder: RunFolder, patience: float = 15.0) -> None:
    """Kill the run's worker with all it has started; returns when the run's lock is free.

    Raises RunFailed when it is not after `patience` seconds. A worker that has not begun sees the wish to cancel, and
    ends by itself.
    """
    deadline = time.monotonic() + patience
    while not lock_is_free(folder.alive):
        worker = folder.worker()
        if worker is not None:
            _kill(worker)
        if time.monotonic() > deadline:
            raise RunFailed(f"The worker of run:{folder.path.name} did not end within {patience:g} s.")
        time.sleep(0.01)


def _kill(worker: WorkerIdentity) -> None:
    import psutil

    try:
        process = psutil.Process(worker.pid)
        if abs(process.create_time() - worker.created) > _CLOCK_SECONDS:
            return  # another process has the number by now
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(worker.pid) == worker.pid:
                os.killpg(worker.pid, signal.SIGKILL)
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
