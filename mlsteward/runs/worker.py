"""One run, worked on in this process: read the order, do the work, leave the outcome. The store is never opened.

`python -m mlsteward.runs.worker FOLDER` is a worker on systems without fork. It ends when its standard input closes,
that is, with the server that started it.
"""

import contextlib
import json
import logging
import os
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from mlsteward.errors import StewardError
from mlsteward.runs.compute import computing
from mlsteward.runs.environment import environment
from mlsteward.runs.folder import Outcome, RunFolder, WorkerIdentity, WorkOrder
from mlsteward.runs.job import Job
from mlsteward.runs.kinds import job_kind
from mlsteward.runs.limits import cpu_seconds, lift_memory_limit, limit_memory, out_of_memory, peak_memory_mb

logger = logging.getLogger("mlsteward.worker")


def work_on(path: Path) -> None:
    """Do the work ordered in the run's folder `path`, and leave its outcome there."""
    folder = RunFolder(path)
    _print_into(folder.log)
    process = psutil.Process()
    if not folder.claim(WorkerIdentity(pid=process.pid, created=process.create_time())):
        return
    os.chdir(path)
    order = folder.read_order()
    started, clock = datetime.now(UTC), time.monotonic()
    limit_memory(order.memory_mb)
    result, error = _attempt(order, path)
    lift_memory_limit()
    outcome = Outcome(
        state="failed" if error else "completed",
        result=result,
        error=error,
        started=started,
        finished=datetime.now(UTC),
        wall_seconds=time.monotonic() - clock,
        cpu_seconds=cpu_seconds(),
        peak_memory_mb=peak_memory_mb(),
        environment={**environment(), **({"compute": order.compute} if order.compute else {})},
    )
    _flush()
    folder.write_outcome(outcome)
    _end_children(process)


def _work(order: WorkOrder, path: Path) -> dict[str, Any]:
    kind = job_kind(order.kind)
    job = Job(folder=path, workspace=order.workspace, memory_mb=order.memory_mb)
    with computing(order.compute):
        result = kind.work(kind.Request.model_validate(order.request), job)
    return json.loads(result.model_dump_json())


def _attempt(order: WorkOrder, path: Path) -> tuple[dict[str, Any], str]:
    """The result, or the words of what went wrong beside the call that comes next."""
    try:
        return _work(order, path), ""
    except StewardError as error:
        logger.info("%s: %s", type(error).__name__, error.words())
        return ({"next": error.next} if error.next else {}), error.said()
    except BaseException as error:  # whatever a job or a library under it raises must reach the user
        logger.exception("the work stopped")
        # DuckDB keeps its own account of memory and names its error so.
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryException":
            return {}, out_of_memory(order.memory_mb).said()
        where = f"runs/{path.name}/log.txt in the workspace says where"
        return {}, f"The work stopped with {type(error).__name__}, which is a fault of ours; {where}."


def _print_into(log: Path) -> None:
    """Send what this process prints, from Python or from a library below it, into the run's log."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


def _end_children(process: psutil.Process) -> None:
    """Leave no process behind: a library's pool would hold memory until it noticed by itself."""
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def _end_with_host(pipe: int) -> None:
    os.read(pipe, 1)  # nobody writes: it returns when the other end closes
    _end_children(psutil.Process())
    os._exit(1)


def main() -> None:
    # The pipe moves out of the way of what the work starts: standard input is empty for a worker.
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    threading.Thread(target=_end_with_host, args=(pipe,), daemon=True).start()
    work_on(Path(sys.argv[1]))
    # Without waiting for threads of libraries: the outcome is written.
    os._exit(0)


if __name__ == "__main__":
    main()
