"""The query processes of one server, lent out one caller at a time."""

import threading
from pathlib import Path

from mlsteward.data.query_pipe import QueryPipe
from mlsteward.errors import InvalidSQL

# One process serves. A second is started only while the first is busy, so that a statement which runs into its
# deadline holds nobody else up.
MOST_PROCESSES = 2


class QueryPool:
    """Lends out processes that are started when first needed. Threads may share it."""

    def __init__(self, scratch: Path, *, memory_mb: int) -> None:
        self._scratch = scratch
        self._memory_mb = memory_mb
        self._turns = threading.BoundedSemaphore(MOST_PROCESSES)
        self._lock = threading.Lock()
        self._idle: list[QueryPipe] = []
        self._living: set[QueryPipe] = set()
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """The processes that live now."""
        with self._lock:
            return [pipe.pid for pipe in self._living]

    def take(self, seconds: float) -> QueryPipe:
        """A process for this caller alone, for which it waits at most `seconds`."""
        if not self._turns.acquire(timeout=seconds):
            raise InvalidSQL(f"Other statements kept the query process busy for {seconds:g} s; ask again.")
        try:
            return self._idle_or_new()
        except BaseException:
            self._turns.release()
            raise

    def give_back(self, pipe: QueryPipe) -> None:
        """The end of a turn: the next caller may have the process, unless it was dropped."""
        with self._lock:
            if pipe in self._living:
                self._idle.append(pipe)
        self._turns.release()

    def renew(self, pipe: QueryPipe) -> QueryPipe:
        """A fresh process for the same turn."""
        self.drop(pipe)
        with self._lock:
            return self._start()

    def drop(self, pipe: QueryPipe) -> int:
        """Kill `pipe`; returns its exit code."""
        with self._lock:
            self._living.discard(pipe)
        return pipe.kill()

    def close(self) -> None:
        """Kill all; turns that still run end with an error."""
        with self._lock:
            self._closed = True
            pipes = [*self._living]
            self._living.clear()
            self._idle.clear()
        for pipe in pipes:
            pipe.kill()

    def _idle_or_new(self) -> QueryPipe:
        with self._lock:
            return self._idle.pop() if self._idle else self._start()

    def _start(self) -> QueryPipe:
        if self._closed:
            raise InvalidSQL("The server is closing; nothing was run.")
        pipe = QueryPipe(self._scratch, memory_mb=self._memory_mb)
        self._living.add(pipe)
        return pipe
