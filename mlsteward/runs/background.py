"""A thread that does what the store says is to be done, woken when something was committed, and no call waits for."""

import threading
from abc import ABC, abstractmethod

# How long a process that ends waits for what is under way.
_LAST_SECONDS = 3.0


class Background(ABC):
    """While there is nothing to do there is no thread. Nothing is kept here: what is not done is found again."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._closed = False
        self._abandoned = False
        self._thread: threading.Thread | None = None

    @abstractmethod
    def _turn(self) -> float | None:
        """Do what is to be done; the seconds until there is more, None when nothing waits.

        It stops between two things when `_abandoned`: nobody waits for it then, and the store is closed.
        """

    def wake(self) -> None:
        """Something may have been committed. Returns at once."""
        with self._lock:
            self._woken.set()
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Do what is to be done, unless that takes long."""
        with self._lock:
            self._closed = True
            self._woken.set()
            thread = self._thread
        if thread is not None:
            thread.join(_LAST_SECONDS)
        self._abandoned = True

    def _work(self) -> None:
        try:
            while True:
                last = self._closed
                self._woken.clear()
                pause = self._turn()
                if last or self._abandoned or (pause is None and self._nothing_left()):
                    return
                if not self._closed:
                    self._woken.wait(pause)
        except RuntimeError:
            if not self._abandoned:  # else it found the store closed
                raise
        finally:
            with self._lock:
                if self._thread is threading.current_thread():
                    self._thread = None

    def _nothing_left(self) -> bool:
        """Whether the thread ends: decided under the lock, so that a wake after it starts another."""
        with self._lock:
            if self._woken.is_set():
                return False
            self._thread = None
            return True
