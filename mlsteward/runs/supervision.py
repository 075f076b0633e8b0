"""What supervisors of an endpoint know of its process: kept in a file, since any server may be the next of them."""

import contextlib
import os
import signal
import socket
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil
from pydantic import ValidationError

from mlsteward.record import Record
from mlsteward.runs.detached import start_detached
from mlsteward.serving.endpoint.desired import EndpointFolder, State, write_whole

FILE = "supervision.json"
MODULE = "mlsteward.serving.endpoint.main"
# From so many ends in a row on an endpoint counts as failed; it is still tried again, ever more rarely.
FAILED = 4
# Seconds from one end in a row to the next start.
PAUSES = (0.0, 1.0, 5.0, 20.0, 60.0, 300.0)
# One that ran so long had started well: its end is the first in a row.
_WELL_SECONDS = 60.0
# What imports and loading may take on a very busy machine.
START_SECONDS = 180.0
_STOP_SECONDS = 10.0
# One that did not answer so often in a row hangs.
SILENT = 3
_ASK_SECONDS = 10.0
_ANSWER_SECONDS = 5.0
_LONGEST_LOG = 2_000_000
_CLOCK_SECONDS = 1.0


class Supervision(Record):
    """The process that was started for an endpoint; `pid` is 0 while none is.

    `ends` counts how often it ended in a row without having been told to, `due` is when it is started again, `told`
    when it was told to end. `asked` is when it was last asked whether it lives, and `silent` how often in a row it did
    not answer.
    """

    revision: int = 0
    pid: int = 0
    created: float = 0.0
    started: datetime | None = None
    ends: int = 0
    due: datetime | None = None
    told: datetime | None = None
    asked: datetime | None = None
    silent: int = 0


def read_supervision(folder: EndpointFolder) -> Supervision:
    try:
        return Supervision.model_validate_json((folder.path / FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return Supervision()


def keep_supervision(folder: EndpointFolder, known: Supervision) -> None:
    write_whole(folder.path / FILE, known.model_dump_json())


def start(folder: EndpointFolder, known: Supervision) -> Supervision:
    """Start the endpoint's process, with a new log when the old one is long."""
    if folder.log.exists() and folder.log.stat().st_size > _LONGEST_LOG:
        folder.log.replace(folder.log.with_name("log.1.txt"))
    pid = start_detached(MODULE, str(folder.path), folder=folder.path, log=folder.log)
    now = datetime.now(UTC)
    update = {
        "pid": pid,
        "created": _created(pid),
        "started": now,
        "due": None,
        "told": None,
        "asked": None,
        "silent": 0,
    }
    return known.model_copy(update=update)


def ended(known: Supervision) -> Supervision:
    """The process that was started is gone: when is it started again?"""
    now = datetime.now(UTC)
    ran = (now - known.started).total_seconds() if known.started else 0.0
    ends = 1 if ran >= _WELL_SECONDS else known.ends + 1
    pause = PAUSES[min(ends, len(PAUSES)) - 1]
    return known.model_copy(update={"pid": 0, "ends": ends, "due": now + timedelta(seconds=pause), "told": None})


def tell_to_end(folder: EndpointFolder, known: Supervision) -> Supervision:
    """Ask the endpoint to end; kill it when it was asked long ago. It is gone when its lock is free."""
    now = datetime.now(UTC)
    late = known.told is not None and (now - known.told).total_seconds() > _STOP_SECONDS
    for pid, created in _processes(folder, known):
        if is_running(pid, created) and (late or known.told is None):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
    return known if known.told else known.model_copy(update={"told": now})


def ask(known: Supervision, state: State) -> Supervision:
    """Ask the endpoint whether it lives, unless it was asked a moment ago."""
    now = datetime.now(UTC)
    last = known.asked or known.started
    if last and (now - last).total_seconds() < _ASK_SECONDS:
        return known
    silent = 0 if _answers(state) else known.silent + 1
    return known.model_copy(update={"asked": now, "silent": silent})


def _answers(state: State) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(state.host, state.host)
    connection = HTTPConnection(host, state.port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/v2/health/live")
        # Whatever it says: who says something does not hang.
        return connection.getresponse().status > 0
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def is_running(pid: int, created: float) -> bool:
    """Whether the process that had this id then still runs: ids are reused, and a zombie has ended."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - created) < _CLOCK_SECONDS and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def current_state(folder: EndpointFolder) -> State | None:
    """What the endpoint that lives now has written; None while it has not yet."""
    with contextlib.suppress(ValidationError):
        state = folder.read_state()
        if state and is_running(state.pid, state.created):
            return state
    return None


def free_port(host: str, port: int) -> int:
    """`port` where it can be listened at, else 0: any."""
    if not port:
        return 0
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        # As the endpoint does: connections that were closed a moment ago do not count.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError:
            return 0
    return port


def log_tail(folder: EndpointFolder, lines: int = 8) -> str:
    """The last lines that the endpoint printed."""
    try:
        with Path(folder.log).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.strip().splitlines()[-lines:])


def _processes(folder: EndpointFolder, known: Supervision) -> list[tuple[int, float]]:
    state = folder.read_state()
    found = [(known.pid, known.created)] if known.pid else []
    return list(dict.fromkeys([*found, *([(state.pid, state.created)] if state else [])]))


def _created(pid: int) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0
