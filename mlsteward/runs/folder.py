"""A run's folder: all that passes between the servers and the run's worker.

::

    runs/142/
        request.json    what to do; written before the run exists in the store
        alive           locked while the worker lives
        worker.json     which process the worker is; written once, so that a run is never worked on twice
        events.jsonl    progress, a line each
        log.txt         what the worker printed
        cancel          somebody wants the run to end
        artifacts/      files the run leaves
        result.json     how it ended; appears whole or not at all
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from mlsteward.record import Record
from mlsteward.runs.alive import lock_is_free
from mlsteward.runs.job import EVENTS

_TAIL = 4096
Request = TypeVar("Request", bound=BaseModel)


class WorkOrder(Record):
    """What `request.json` holds."""

    kind: str
    request: dict[str, Any]
    workspace: Path
    memory_mb: int
    compute: str = ""


class WorkerIdentity(Record):
    """What `worker.json` holds: a process id and, since ids are reused, when that process was created."""

    pid: int
    created: float


class Event(Record):
    """One line of `events.jsonl`."""

    at: datetime
    done: float
    message: str


class Outcome(Record):
    """What `result.json` holds."""

    state: Literal["completed", "failed"]
    result: dict[str, Any] = {}
    error: str = ""
    started: datetime
    finished: datetime
    wall_seconds: float
    cpu_seconds: float
    peak_memory_mb: float
    environment: dict[str, str] = {}


@dataclass(frozen=True)
class RunFolder:
    """The folder at `path`, and what stands in it."""

    path: Path

    @property
    def alive(self) -> Path:
        return self.path / "alive"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    def has_order(self) -> bool:
        """Whether the run is worked on by this platform: one that is logged from elsewhere has no order."""
        return (self.path / "request.json").exists()

    def write_order(self, order: WorkOrder) -> None:
        """Make the folder. What stands there is left from a number whose transaction was rolled back."""
        self.path.mkdir(parents=True, exist_ok=True)
        for name in ("alive", "worker.json", "result.json", "cancel", "log.txt", EVENTS):
            (self.path / name).unlink(missing_ok=True)
        _write(self.path / "request.json", order.model_dump_json(), durable=False)

    def read_order(self) -> WorkOrder:
        return WorkOrder.model_validate_json((self.path / "request.json").read_bytes())

    def read_request(self, model: type[Request]) -> Request:
        """What the run was asked to do, as its kind of job reads it."""
        return model.model_validate(self.read_order().request)

    def claim(self, worker: WorkerIdentity) -> bool:
        """Name the process that works on the run; False when there already is one, or nobody wants the run."""
        try:
            with (self.path / "worker.json").open("x", encoding="utf-8") as file:
                file.write(worker.model_dump_json())
        except FileExistsError:
            return False
        # Whoever cancels writes the wish first and looks for the worker second, so one of the two sees the other.
        return not self.cancel_wanted()

    def worker(self) -> WorkerIdentity | None:
        """The process that works on the run; None before there is one."""
        try:
            return WorkerIdentity.model_validate_json((self.path / "worker.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def want_cancel(self) -> None:
        (self.path / "cancel").touch()

    def cancel_wanted(self) -> bool:
        return (self.path / "cancel").exists()

    def write_outcome(self, outcome: Outcome) -> None:
        _write(self.path / "result.json", outcome.model_dump_json(), durable=True)

    def outcome(self) -> Outcome | None:
        try:
            return Outcome.model_validate_json((self.path / "result.json").read_bytes())
        except FileNotFoundError:
            return None

    def ended(self) -> bool:
        """Whether there is something to take in: a result, or a worker that is gone."""
        if (self.path / "result.json").exists():
            return True
        return self.gone() if self.alive.exists() else self.cancel_wanted()

    def gone(self) -> bool:
        """Whether no worker holds the run's lock."""
        return lock_is_free(self.alive)

    def last_event(self) -> Event | None:
        """The newest whole line of progress."""
        for line in reversed(_tail(self.path / EVENTS).splitlines()):
            try:
                return Event.model_validate(json.loads(line))
            except ValueError:  # the first line of the tail may be half a line
                continue
        return None

    def log_tail(self, lines: int = 8) -> str:
        """The last lines that the worker printed."""
        return "\n".join(_tail(self.log).strip().splitlines()[-lines:])


def _write(path: Path, text: str, *, durable: bool) -> None:
    """Write a file that appears whole or not at all, for the owner's eyes only; `durable` outlives a power cut."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    part.replace(path)


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
