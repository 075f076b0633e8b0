"""Starting workers where the system cannot fork (Windows): a process each, which ends with its host."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable

from mlsteward.runs.environment import SETTLED
from mlsteward.runs.folder import RunFolder


class SpawnLauncher:
    """Starts workers that end with this process. Their start takes the seconds that the imports take."""

    outlives_host = False

    def __init__(self) -> None:
        self._processes: set[subprocess.Popen[bytes]] = set()

    def launch(self, folder: RunFolder, alive: int, handed: Callable[[], None]) -> None:
        """Have the run worked on, and return when its worker has ended: until then the caller holds `alive` for it."""
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "mlsteward.runs.worker", str(folder.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **SETTLED},
        )
        self._processes.add(process)
        handed()
        process.wait()
        self._processes.discard(process)
        _close_input(process)

    def close(self) -> None:
        """End the workers: their standard input closes."""
        for process in list(self._processes):
            _close_input(process)


def _close_input(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
