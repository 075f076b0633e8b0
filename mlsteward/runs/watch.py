"""The thread that looks after active runs while nobody waits for them."""

import logging
import threading
import time
from collections.abc import Callable, Iterable

from mlsteward.errors import StewardError

logger = logging.getLogger("mlsteward.runs")

_PAUSE = 0.1
# Runs that another server started or cancelled, and slots that others freed, are found at this interval.
_LOOK_SECONDS = 2.0


class Watch:
    """Calls `take_in` when `changed(run)` holds for a run it was told of. While it knows of none there is no thread."""

    def __init__(self, changed: Callable[[int], bool], take_in: Callable[[], None]) -> None:
        self._changed = changed
        self._take_in = take_in
        self._known: set[int] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, numbers: Iterable[int]) -> None:
        """Look after these runs too."""
        with self._lock:
            self._known.update(numbers)
            if self._known and self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._look_after, name="mlsteward-runs", daemon=True)
                self._thread.start()

    def drop(self, number: int) -> None:
        """This run has ended."""
        with self._lock:
            self._known.discard(number)

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _look_after(self) -> None:
        looked = time.monotonic()
        try:
            while not self._closed.wait(_PAUSE) and (known := self._watched()):
                if time.monotonic() - looked > _LOOK_SECONDS or any(self._changed(number) for number in known):
                    self._look(known)
                    looked = time.monotonic()
        finally:
            with self._lock:
                if self._thread is threading.current_thread():
                    self._thread = None

    def _watched(self) -> list[int]:
        """The runs to look after; when there are none the thread ends, and the next run starts another."""
        with self._lock:
            if not self._known:
                self._thread = None
            return sorted(self._known)

    def _look(self, known: list[int]) -> None:
        with self._lock:
            self._known.difference_update(known)  # those that still run come back
        try:
            self._take_in()
        except StewardError as error:
            logger.warning("runs could not be looked at: %s", error)
            self.add(known)
