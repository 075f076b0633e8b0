"""Handing runs over to workers without making the caller wait for it."""

import os
import threading
from collections.abc import Callable
from typing import Protocol

from mlsteward.errors import StewardError
from mlsteward.runs.folder import RunFolder

# How long a caller waits for its run to be in other hands.
_HAND_OVER_SECONDS = 5.0


class Launcher(Protocol):
    """How workers are started on this system. `outlives_host` says whether they go on when this process ends."""

    outlives_host: bool

    def launch(self, folder: RunFolder, alive: int, handed: Callable[[], None]) -> None:
        """Return when the worker holds the lock `alive` itself, or has ended; call `handed` once it needs no help."""
        ...

    def close(self) -> None: ...


class Launches:
    """The runs being handed over just now. `failed(number, words)` hears of those that no worker could be had for."""

    def __init__(self, launcher: Launcher, failed: Callable[[int, str], None]) -> None:
        self._launcher = launcher
        self._failed = failed
        self._threads: set[threading.Thread] = set()

    def begin(self, number: int, folder: RunFolder, alive: int) -> None:
        """Start the run's worker. `alive` is the run's lock, which is let go of when the worker has it."""
        handed = threading.Event()
        thread = threading.Thread(
            target=self._hand_over, args=(number, folder, alive, handed), name=f"mlsteward-run-{number}", daemon=True
        )
        self._threads.add(thread)
        thread.start()
        handed.wait(_HAND_OVER_SECONDS)

    def close(self) -> None:
        """Finish what was begun, as far as it outlives this process."""
        if self._launcher.outlives_host:
            for thread in list(self._threads):
                thread.join(_HAND_OVER_SECONDS)
        self._launcher.close()

    def _hand_over(self, number: int, folder: RunFolder, alive: int, handed: threading.Event) -> None:
        try:
            self._launcher.launch(folder, alive, handed.set)
        except (StewardError, OSError) as error:
            self._failed(number, str(error))
        finally:
            os.close(alive)
            handed.set()
            self._threads.discard(threading.current_thread())
