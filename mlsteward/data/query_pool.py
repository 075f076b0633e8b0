"""The query processes of one server, lent out one caller at a time."""

import threading
from collections import deque
from pathlib import Path

from mlsteward.data.query_pipe import QueryPipe, remove_leftovers
from mlsteward.errors import InvalidSQL

# One process serves. A second is started only while the first is busy, so that a statement which runs into its
# deadline holds nobody else up.
MOST_PROCESSES = 2


class Turns:
    """A semaphore that serves in the order of arrival, which those of `threading` do not."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    def wait(self, seconds: float) -> bool:
        """Whether the caller got a turn within `seconds`."""
        turn = threading.Event()
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            self._waiting.append(turn)
        if turn.wait(seconds):
            return True
        with self._lock:
            if turn.is_set():
                return True
            self._waiting.remove(turn)
            return False

    @property
    def waiting(self) -> int:
        with self._lock:
            return len(self._waiting)

    def end(self) -> None:
        """The turn goes to whoever has waited longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1


class QueryPool:
    """Lends out processes that are started when first needed. Threads may share it."""

    def __init__(self, scratch: Path, *, memory_mb: int) -> None:
        self._scratch = scratch
        self._memory_mb = memory_mb
        self._turns = Turns(MOST_PROCESSES)
        self._lock = threading.Lock()
        self._idle: list[QueryPipe] = []
        self._living: set[QueryPipe] = set()
        self._closed = False
        self._prepared = False

    @property
    def pids(self) -> list[int]:
        """The processes that live now."""
        with self._lock:
            return [pipe.pid for pipe in self._living]

    def take(self, seconds: float) -> QueryPipe:
        """A process for this caller alone, for which it waits at most `seconds`."""
        if not self._turns.wait(seconds):
            raise InvalidSQL(f"Other statements kept the query process busy for {seconds:g} s; ask again.")
        try:
            return self._idle_or_new()
        except BaseException:  # whatever it was: the turn must end
            self._turns.end()
            raise

    def give_back(self, pipe: QueryPipe) -> None:
        """The end of a turn: the next caller may have the process, unless it was dropped."""
        with self._lock:
            if pipe in self._living:
                self._idle.append(pipe)
        self._turns.end()

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

    def prepare(self) -> None:
        """Make the scratch folder, and clear it of what killed servers left there."""
        with self._lock:
            self._prepare()

    def _prepare(self) -> None:
        if not self._prepared:
            self._scratch.mkdir(parents=True, exist_ok=True)
            remove_leftovers(self._scratch)
            self._prepared = True

    def _idle_or_new(self) -> QueryPipe:
        with self._lock:
            return self._idle.pop() if self._idle else self._start()

    def _start(self) -> QueryPipe:
        if self._closed:
            raise InvalidSQL("The server is closing; nothing was run.")
        self._prepare()
        pipe = QueryPipe(self._scratch, memory_mb=self._memory_mb)
        self._living.add(pipe)
        return pipe
