"""A secret handed from a server to a worker of its own through a named pipe: it is never on disk.

The worker may begin much later, and may not be a child of the server; so the pipe waits where both can find it. It
goes with the server: a worker that starts after that finds nobody, and says so.
"""

import contextlib
import os
import select
import threading
import time
import uuid
from pathlib import Path

from mlsteward.errors import NotSupported, UnusableData

_PAUSE = 0.02
# A worker that begins after this much waiting is given a little later.
_PATIENT_AFTER = 60.0
_PATIENT_PAUSE = 0.25
_FORGOTTEN = 24 * 3600.0
_LONGEST_WAIT = 6 * 3600.0
_ANSWER_SECONDS = 15.0
_MOST = 4096


def offer_secret(secret: str, folder: Path) -> Path:
    """A pipe in `folder` that gives `secret` once, to a process of the same user; "" needs no pipe: see `take_secret`.

    Raises NotSupported on systems without named pipes.
    """
    if not hasattr(os, "mkfifo"):
        raise NotSupported(
            "On this system a password cannot be handed to a worker without writing it down; leave it out of the"
            " source and set PGPASSWORD or a pgpass file for the server."
        )
    folder.mkdir(parents=True, exist_ok=True)
    _forget(folder)
    path = folder / f"{uuid.uuid4().hex}.pipe"
    os.mkfifo(path, 0o600)
    threading.Thread(target=_give, args=(path, secret.encode()), name="mlsteward-secret", daemon=True).start()
    return path


def take_secret(path: Path) -> str:
    """What the pipe at `path` gives; UnusableData when its server has ended."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise _gone() from None
    try:
        return _read(descriptor, time.monotonic() + _ANSWER_SECONDS)
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)


def _forget(folder: Path) -> None:
    """Remove the pipes of servers that ended before their workers began."""
    for path in folder.glob("*.pipe"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _FORGOTTEN:
                path.unlink()


def _give(path: Path, secret: bytes) -> None:
    began = time.monotonic()
    with contextlib.suppress(OSError):
        while (waited := time.monotonic() - began) < _LONGEST_WAIT and path.exists():
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # nobody reads yet
                time.sleep(_PAUSE if waited < _PATIENT_AFTER else _PATIENT_PAUSE)
                continue
            os.write(descriptor, secret)
            os.close(descriptor)
            return
        path.unlink(missing_ok=True)


def _read(descriptor: int, deadline: float) -> str:
    while (left := deadline - time.monotonic()) > 0:
        ready, *_ = select.select([descriptor], [], [], left)
        # A pipe without a writer reads as empty at once; the server looks for a reader every few milliseconds.
        if ready and (found := os.read(descriptor, _MOST)):
            return found.decode()
        time.sleep(_PAUSE)
    raise _gone()


def _gone() -> UnusableData:
    return UnusableData(
        "The password was given to a server that has ended since, and is kept nowhere. Register the table again."
    )
