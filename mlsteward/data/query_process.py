"""SQL of callers, run in a process of its own that may be killed at any time."""

import queue
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mlsteward.data.query_pipe import Message, scratch_prefix
from mlsteward.data.query_pool import QueryPool
from mlsteward.data.sql.result import MOST_ROWS, QueryResult
from mlsteward.data.sql.statement import Statement, Table, Tables
from mlsteward.data.sql.words import too_much_memory
from mlsteward.errors import InvalidSQL, error_class

# Of the seconds that a statement has, the part that is left to it however long it waited for a process.
_LEAST_SHARE = 0.25
_START_SECONDS = 60.0
_COUNT_SECONDS = 2.0
# Exit codes of a process that could not get memory: it aborted, or the system's out-of-memory killer took it.
_NO_MEMORY = (-6, -9)


class QueryProcess:
    """Runs statements behind both walls, each within `seconds` and `memory_mb`. Threads may share it.

    Nothing is started before the first statement. `folder` holds scratch files only.
    """

    def __init__(self, folder: Path, *, memory_mb: int, seconds: float) -> None:
        self.folder = folder
        self.seconds = seconds
        self.pool = QueryPool(folder, memory_mb=memory_mb)

    def read(self, sql: str) -> Statement:
        """`sql` as a statement that passed the first wall. Raises InvalidSQL."""
        with self._turn() as turn:
            return turn.read(sql)

    def query(self, sql: str, find: Callable[[Statement], Tables], limit: int) -> QueryResult:
        """The first `limit` rows of `sql`, which must be one SELECT. Raises InvalidSQL.

        With a limit of 0 nothing is run, and what the engine has against the statement is raised all the same.
        `find` gives, for the statement as read, the Parquet file of each of its tables; it may raise what it likes.
        """
        with self._turn() as turn:
            statement = turn.read(sql)
            tables = {name: _sent(table) for name, table in find(statement).items()}
            result = turn.ask({"sql": sql, "tables": tables, "limit": min(max(limit, 0), MOST_ROWS)})["result"]
            columns = [(name, kind) for name, kind in result["columns"]]
            return QueryResult(columns, result["rows"], result["more"], turn.total(), statement.tables)

    def scratch(self) -> TemporaryDirectory[str]:
        """A folder for files that one query needs."""
        self.pool.prepare()
        return TemporaryDirectory(prefix=scratch_prefix(), dir=self.folder)

    def close(self) -> None:
        """End the processes; statements that still run fail."""
        self.pool.close()

    @contextmanager
    def _turn(self) -> Generator["_Turn", None, None]:
        turn = _Turn(self.pool, self.seconds)
        try:
            yield turn
        finally:
            turn.end()


def _sent(table: Table | Path) -> Message:
    whole = table if isinstance(table, Table) else Table(table)
    also = [str(path) for path in whole.also]
    return {"path": str(whole.path), "masked": whole.masked, "without": whole.without, "also": also}


class _Turn:
    """One caller's use of one process, which is killed when the caller's seconds are used up."""

    def __init__(self, pool: QueryPool, seconds: float) -> None:
        self._pool = pool
        self._least = seconds * _LEAST_SHARE
        self._left = seconds
        self._unanswered = False
        began = time.monotonic()
        # Whoever is before us ends within the same seconds, and a little for starting its process.
        self._pipe = pool.take(seconds + self._least)
        self._charge(began)

    def end(self) -> None:
        if self._unanswered:
            # What it still says would reach the next caller.
            self._pool.drop(self._pipe)
        self._pool.give_back(self._pipe)

    def read(self, sql: str) -> Statement:
        request = {"sql": sql}
        try:
            answer = self._exchange(request)
        except EOFError:
            # It had been idle for long and left, or was killed from outside: no statement of ours is to blame yet.
            self._pipe = self._pool.renew(self._pipe)
            answer = self.ask(request)
        return Statement(sql, tuple(answer["tables"]))

    def ask(self, request: Message) -> Message:
        try:
            return self._exchange(request)
        except EOFError:
            raise self._ended() from None

    def total(self) -> int | None:
        """The number of all rows, when it could be counted quickly."""
        try:
            total = self._pipe.receive(_COUNT_SECONDS)["total"]
            self._unanswered = False
            return total
        except (queue.Empty, EOFError):
            return None

    def _exchange(self, request: Message) -> Message:
        began = time.monotonic()
        self._unanswered = True
        try:
            self._pipe.wait_until_ready(_START_SECONDS)
            self._charge(began)
            began = time.monotonic()
            self._pipe.send(request)
            answer = self._pipe.receive(self._left)
        except queue.Empty:
            raise InvalidSQL(
                f"The statement was stopped after {self._left:.0f} s. Filter or aggregate earlier, or let a run do it.",
                next="transform_dataset(name=…, sql=…)",
            ) from None
        self._charge(began)
        self._unanswered = "result" in answer
        if "error" in answer:
            raise error_class(answer["error"])(answer["message"], close=answer["close"], next=answer["next"])
        return answer

    def _charge(self, began: float) -> None:
        self._left = max(self._left - (time.monotonic() - began), self._least)

    def _ended(self) -> InvalidSQL:
        code = self._pool.drop(self._pipe)
        if code in _NO_MEMORY:
            return too_much_memory()
        return InvalidSQL("The query process ended on this statement. Write it in another way, or in smaller steps.")
