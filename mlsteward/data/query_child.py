"""The query process: reads requests as lines of JSON, answers each with lines of JSON.

Its standard input and output belong to whoever started it and to nobody else; when the input ends, so does it. It
may die at any statement, and nothing is lost with it.
"""

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, TYPE_CHECKING, Any, NoReturn

from mlsteward.data.engine import connect
from mlsteward.data.sql.first_wall import FirstWall
from mlsteward.data.sql.result import first_rows
from mlsteward.data.sql.second_wall import RESULT, result_of
from mlsteward.data.sql.statement import Table
from mlsteward.data.sql.words import too_much_memory
from mlsteward.errors import StewardError

if TYPE_CHECKING:
    import duckdb

# Of the process's memory, the part that the engine plans with; the rest is for what it does not count.
_ENGINE_SHARE = 0.6
_THREADS = min(os.cpu_count() or 1, 4)
_IDLE_SECONDS = 300.0
# The rows are counted only where the first of them came at once, and no longer than this.
_COUNT_SECONDS = 1.0

Message = dict[str, Any]


def main() -> None:
    folder, memory_mb = Path(sys.argv[1]), int(sys.argv[2])
    requests, answers = _own_streams()
    _bound_memory(memory_mb)
    inbox: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_listen, args=(requests, inbox, folder), daemon=True).start()
    wall = FirstWall(connect(memory_mb=128))
    _write(answers, {"ready": True})
    while True:
        try:
            line = inbox.get(timeout=_IDLE_SECONDS)
        except Empty:
            _leave(folder)
        for message in _answers(wall, json.loads(line), int(memory_mb * _ENGINE_SHARE), folder):
            _write(answers, message)


def _write(answers: IO[str], message: Message) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def _own_streams() -> tuple[IO[str], IO[str]]:
    """The two pipes, moved out of the reach of anything that prints."""
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return requests, answers


def _bound_memory(memory_mb: int) -> None:
    """Let allocations beyond `memory_mb` fail, where the system can (Linux; elsewhere the deadline must do)."""
    if sys.platform == "linux":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (memory_mb << 20, hard))


def _listen(requests: IO[str], inbox: "SimpleQueue[str]", folder: Path) -> None:
    for line in requests:
        inbox.put(line)
    _leave(folder)


def _leave(folder: Path) -> NoReturn:
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _answers(wall: FirstWall, request: Message, memory_mb: int, folder: Path) -> Iterator[Message]:
    try:
        statement = wall.read(request["sql"])
        if "tables" not in request:
            yield {"tables": statement.tables}
            return
        tables = {name: _table(**table) for name, table in request["tables"].items()}
        with result_of(statement, tables, memory_mb=memory_mb, temp=folder / "spill", threads=_THREADS) as engine:
            began = time.monotonic()
            result = first_rows(engine.table(RESULT), request["limit"])
            yield {"result": {"columns": result.columns, "rows": result.rows, "more": result.more}}
            cheap = result.rows and result.more and time.monotonic() - began < _COUNT_SECONDS
            yield {"total": _count(engine) if cheap else result.total}
    except StewardError as error:
        yield _refusal(error)
    except MemoryError:
        yield _refusal(too_much_memory())


def _table(path: str, masked: list[tuple[str, str]], without: bool, also: list[str]) -> Table:
    return Table(Path(path), tuple((name, level) for name, level in masked), without, tuple(map(Path, also)))


def _count(engine: "duckdb.DuckDBPyConnection") -> int | None:
    import duckdb

    timer = threading.Timer(_COUNT_SECONDS, engine.interrupt)
    timer.start()
    try:
        return engine.table(RESULT).count("*").fetchall()[0][0]
    except (duckdb.Error, MemoryError):
        return None
    finally:
        timer.cancel()


def _refusal(error: StewardError) -> Message:
    return {"error": type(error).__name__, "message": error.message, "close": error.close, "next": error.next}


if __name__ == "__main__":
    main()
