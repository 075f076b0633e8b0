"""Starting workers by way of the workspace's warm process, which is started when nobody answers at its socket."""

import functools
import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

import mlsteward
from mlsteward.errors import RunFailed, UnusableData
from mlsteward.runs.environment import SETTLED, package_versions
from mlsteward.runs.folder import RunFolder

# A path in a socket's address has 108 bytes on Linux and 104 elsewhere, its end included.
_PATH_BYTES = 103
_TRIES = 3
# Importing everything takes seconds on a quiet machine, a minute on a very busy one.
_PATIENCE = 180.0


class ForkLauncher:
    """Starts workers that outlive this process."""

    outlives_host = True

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace

    def launch(self, folder: RunFolder, alive: int, handed: Callable[[], None]) -> None:
        """Have the run worked on, and return once its worker holds the lock `alive` too.

        `handed` is called as soon as the run no longer needs this process.
        Raises RunFailed when no warm process can be had.
        """
        body = json.dumps({"folder": str(folder.path), "environ": _own_environment()}).encode()
        message = struct.pack("!I", len(body)) + body
        path = socket_path(self._workspace)
        for _ in range(_TRIES):
            try:
                with _connect(path) as connection:
                    sent = socket.send_fds(connection, [message], [alive])
                    connection.sendall(message[sent:])
                    handed()
                    if connection.recv(1) == b"+":
                        return
            except ConnectionError:
                pass
            except TimeoutError:
                break
            # The warm process went: at the worst possible moment, after it had forked.
            if folder.worker() is not None:
                return
        raise RunFailed(f"No worker process could be started; {path.with_suffix('.log')} says why.")

    def close(self) -> None:
        """Nothing to do: the warm process serves others and goes by itself."""


def socket_path(workspace: Path) -> Path:
    """Where the warm process of this workspace, interpreter and code listens."""
    folder = workspace / "warm"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = folder.resolve()
    path = folder / f"{version_key()}.sock"
    if len(os.fsencode(path)) <= _PATH_BYTES:
        return path
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return _private_folder() / f"{name}-{version_key()}.sock"


def _private_folder() -> Path:
    """A folder of short path that only this user enters."""
    folder = Path(tempfile.gettempdir()) / f"mlsteward-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or folder.is_symlink():
        raise UnusableData(f"{folder} is not this user's alone, so no socket can be put there; remove it.")
    return folder


@functools.cache
def version_key() -> str:
    """Twelve characters that differ when a warm process would run other code than this one."""
    package = Path(mlsteward.__file__).parent
    sources = [(str(path), path.stat().st_mtime_ns) for path in sorted(package.rglob("*.py"))]
    parts = [sys.executable, sys.version, os.environ.get("PYTHONPATH", ""), package_versions(), sources]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def _connect(path: Path) -> socket.socket:
    """A connection to the warm process, which is started if need be."""
    connection = _try_connect(path)
    if connection is None:
        with FileLock(path.with_suffix(".lock"), poll_interval=0.01, fallback_to_soft=False):
            connection = _try_connect(path)
            if connection is None:
                _start(path)
                connection = _try_connect(path)
    if connection is None:
        raise RunFailed(f"The warm process went at once; {path.with_suffix('.log')} says why.")
    return connection


def _try_connect(path: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(_PATIENCE)
    try:
        connection.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    except BaseException:  # whatever it was: the socket must be closed
        connection.close()
        raise
    return connection


def _start(path: Path) -> None:
    """Start the warm process; it listens when this returns."""
    path.unlink(missing_ok=True)  # what a killed one left
    # -P: the folder in which a server happens to be started is no place to import from.
    command = [sys.executable, "-P", "-m", "mlsteward.runs.warm", str(path)]
    with path.with_suffix(".log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd=path.parent,
            env={**os.environ, **SETTLED},
            start_new_session=True,
        )
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _own_environment() -> dict[str, str]:
    """The environment a worker takes over: credentials and proxies of the server that starts the run."""
    return {name: value for name, value in os.environ.items() if name not in SETTLED}
