"""What an endpoint is to serve, and what it serves: the two files through which it and the servers speak.

::

    deployments/delay/
        desired.json    what to serve; replaced as a whole, by a server
        state.json      what is served; replaced as a whole, by the endpoint
        alive           locked while the endpoint lives
        log.txt         what the endpoint printed
        predictions/    segments of the prediction log

An endpoint looks at `desired.json` ten times a second. It never opens the store.
"""

import os
import time
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field

from mlsteward.record import Record

Role = Literal["champion", "canary", "shadow"]
DEPLOYMENTS = "deployments"
NO_FILE = (0, 0, 0)


class ServedModel(Record):
    """A version to serve: `label` as `delay@3`, its file in the workspace and the SHA-256 registered for it."""

    label: str
    path: str
    sha256: str


class Desired(Record):
    """What one endpoint is to serve.

    `number` grows with every change, and `state.json` names the one in force. `canary_percent` of the requests are
    answered by `canary`, since revision `canary_since` of the deployment; `shadow` scores all of them and answers none.
    `key` names the column of rows that says whom or what a row is about, where callers give no keys of their own.
    `port` 0 takes any free one. `token_hashes` are SHA-256 in hex: with one, or on an address that is not loopback,
    every request but for health needs a token. `unlogged` names columns whose values are never written down.
    """

    deployment: str
    number: int
    model: ServedModel
    canary: ServedModel | None = None
    canary_percent: float = Field(default=0.0, ge=0, le=100)
    canary_since: int = 0
    shadow: ServedModel | None = None
    key: str = ""
    host: str = "127.0.0.1"
    port: int = 0
    token_hashes: list[str] = []
    allowed_hosts: list[str] = []
    unlogged: list[str] = []


class State(Record):
    """What an endpoint serves: `number` is the last `desired.json` it looked at; `refused` says why that is not in
    force, "" where it is. `served` is the one in force. Labels of canary and shadow are "" where there is none."""

    deployment: str
    pid: int
    created: float = Field(description="When the process was created: ids are reused.")
    host: str
    port: int
    since: datetime
    number: int
    served: int
    swaps: int = 0
    model: str
    canary: str = ""
    canary_percent: float = 0.0
    shadow: str = ""
    shadow_dropped: int = Field(default=0, description="Rows that the shadow was too slow for.")
    refused: str = ""

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


class EndpointFolder:
    """The folder of one deployment, `deployments/NAME` in a workspace."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, workspace: Path, deployment: str) -> "EndpointFolder":
        return cls(workspace / DEPLOYMENTS / deployment)

    @property
    def workspace(self) -> Path:
        return self.path.parent.parent

    @property
    def predictions(self) -> Path:
        return self.path / "predictions"

    @property
    def alive(self) -> Path:
        """Locked while the endpoint lives (see `runs.alive`)."""
        return self.path / "alive"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def desired_file(self) -> Path:
        return self.path / "desired.json"

    @property
    def state_file(self) -> Path:
        return self.path / "state.json"

    def write_desired(self, desired: Desired) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.desired_file, desired.model_dump_json())

    def read_desired(self) -> Desired:
        """Raises FileNotFoundError, or pydantic's ValidationError for a file that says something else."""
        return Desired.model_validate_json(self.desired_file.read_bytes())

    def write_state(self, state: State) -> None:
        write_whole(self.state_file, state.model_dump_json())

    def read_state(self) -> State | None:
        """What the endpoint last wrote, also when it has ended since; None before there was one."""
        try:
            return State.model_validate_json(self.state_file.read_bytes())
        except FileNotFoundError:
            return None


def write_whole(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all, for the owner's eyes only, and outlives a power cut."""
    part = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def file_mark(path: Path) -> tuple[int, int, int]:
    """What tells one `desired.json` from the next without reading it; NO_FILE when it is not there."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return NO_FILE
    return found.st_ino, found.st_mtime_ns, found.st_size
