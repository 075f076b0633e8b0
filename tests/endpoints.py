"""Endpoints as processes, and a client that speaks to them."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from mlsteward.serving.endpoint.desired import Desired, EndpointFolder, ServedModel, State
from mlsteward.serving.model_file import save_bundle
from mlsteward.training.bundle import ModelBundle

SECONDS = 240.0


def save(workspace: Path, label: str, bundle: ModelBundle) -> ServedModel:
    path = f"{label.replace('@', '_')}.skops"
    return ServedModel(label=label, path=path, sha256=save_bundle(bundle, workspace / path))


class Endpoint:
    """One endpoint's process and its folder."""

    def __init__(self, workspace: Path, desired: Desired) -> None:
        self.folder = EndpointFolder.of(workspace, desired.deployment)
        self.desired = desired
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Endpoint":
        self.folder.write_desired(self.desired)
        self.folder.state_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "mlsteward.serving.endpoint.main", str(self.folder.path)]
        with self.folder.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait(_any)
        return self

    def wait(self, reached: Callable[[State], bool]) -> State:
        """The state, once it is as `reached` says."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            state = self.folder.read_state()
            if state is not None and reached(state):
                return state
            assert self.process is not None
            assert self.process.poll() is None, self.folder.log.read_text()
            time.sleep(0.02)
        raise AssertionError(self.folder.log.read_text())

    def change(self, **changes: Any) -> State:
        """Ask for something else, and wait until the endpoint has looked at it."""
        self.desired = self.desired.model_copy(update={"number": self.desired.number + 1, **changes})
        self.folder.write_desired(self.desired)

        def looked(state: State) -> bool:
            return state.number == self.desired.number

        return self.wait(looked)

    @property
    def state(self) -> State:
        state = self.folder.read_state()
        assert state is not None
        return state

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.state.port, timeout=30)

    def ask(self, path: str, body: Any = None, method: str = "", **headers: str) -> tuple[int, Any]:
        """Status and parsed body of one request; what is no text or bytes is sent as JSON."""
        connection = self.connect()
        try:
            sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            connection.request(method or ("GET" if body is None else "POST"), path, sent, headers)
            response = connection.getresponse()
            found = response.read()
            return response.status, json.loads(found) if found else None
        finally:
            connection.close()

    def predict(self, body: Any, **headers: str) -> Any:
        status, found = self.ask("/predict", body, **headers)
        assert status == 200, found
        return found

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end; returns its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(30)


def _any(state: State) -> bool:
    return True


@contextmanager
def running(workspace: Path, desired: Desired) -> Generator[Endpoint]:
    endpoint = Endpoint(workspace, desired).start()
    try:
        yield endpoint
    finally:
        if endpoint.process is not None and endpoint.process.poll() is None:
            endpoint.stop()
