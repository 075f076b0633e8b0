"""The warm process: it has the learning libraries imported, and forks a worker for each run it is handed.

`python -m mlsteward.runs.warm SOCKET` listens at SOCKET, then goes on in the background: a daemon of its own session,
without the descriptors of the server that started it. One thread, no OpenMP region and no open DuckDB ever, since a
fork copies none of these. It goes when it has been idle for a while, or when its socket is gone.
"""

import contextlib
import gc
import importlib
import json
import logging
import os
import pkgutil
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mlsteward.record import Record
from mlsteward.runs.environment import SETTLED, environment

IDLE_SECONDS = 900.0
_LOOK_SECONDS = 2.0
_PATIENCE = 10.0
# What fits and scans import, so that a worker finds it imported.
LIBRARIES = """
    duckdb numpy pandas scipy.optimize scipy.stats scipy.cluster.hierarchy
    sklearn.calibration sklearn.compose sklearn.dummy sklearn.ensemble sklearn.experimental.enable_halving_search_cv
    sklearn.feature_extraction.text sklearn.impute sklearn.inspection sklearn.isotonic sklearn.linear_model
    sklearn.metrics sklearn.model_selection sklearn.naive_bayes sklearn.neighbors sklearn.neural_network
    sklearn.pipeline sklearn.preprocessing sklearn.svm sklearn.tree skops.io threadpoolctl matplotlib.figure
    matplotlib.backends.backend_agg
""".split()
OURS = (
    "mlsteward.runs.jobs mlsteward.data mlsteward.dictionary mlsteward.training mlsteward.evaluation mlsteward.drift "
    "mlsteward.serving mlsteward.gates"
).split()

logger = logging.getLogger("mlsteward.warm")


def main() -> None:
    """Listen, and return to the server that waits for this process while a child of it serves."""
    path = Path(sys.argv[1])
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.umask(0o077)
    listener.bind(str(path))
    listener.listen(64)
    if os.fork():
        os._exit(0)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(process)d %(message)s")
    serve(listener, path)
    os._exit(0)


def serve(listener: socket.socket, path: Path) -> None:
    """Fork a worker for every run handed in, until nobody wants one any more."""
    own = path.stat()
    preload(listener, lambda: _is_same(path, own))
    busy = time.monotonic()
    while _is_same(path, own):
        if take_orders(listener, _LOOK_SECONDS):
            busy = time.monotonic()
        elif time.monotonic() - busy > IDLE_SECONDS:
            # A server that connects at this moment finds its connection closed, and starts another warm process.
            path.unlink(missing_ok=True)


def preload(listener: socket.socket, wanted: Callable[[], bool]) -> None:
    """Import what workers use, the light things first, and serve those in between who will not wait for the rest."""
    started = time.monotonic()
    environment()
    # Workers end unobserved; what became of a run stands in its folder.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for name in modules():
        if not wanted():
            return
        # What is missing (an extra) or broken shows itself in the worker that needs it.
        _import(name)
        take_orders(listener, 0)
    _complete(Record)
    # Objects that no collection ever touches stay in pages that all workers share.
    gc.collect()
    gc.freeze()
    logger.info("ready after %.1f s", time.monotonic() - started)


def modules() -> Iterator[str]:
    """The modules to import, in order."""
    yield "mlsteward.runs.worker"
    yield from LIBRARIES
    for package in OURS:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            yield module.name


def take_orders(listener: socket.socket, seconds: float) -> bool:
    """Take the orders that are there or come within `seconds`; whether there were any."""
    taken = False
    while select.select([listener], [], [], 0 if taken else seconds)[0]:
        taken = True
        # A caller that went away, or is none of ours.
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, struct.error):
            take_order(listener)
    return taken


def take_order(listener: socket.socket) -> None:
    """Take one run from a server, fork its worker, and say so."""
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(_PATIENCE)
        folder, environ, alive = receive(connection)
        try:
            if os.fork() == 0:
                listener.close()
                connection.close()
                become_worker(folder, environ, alive)
        finally:
            os.close(alive)
        connection.sendall(b"+")


def receive(connection: socket.socket) -> tuple[Path, dict[str, str], int]:
    """A run's folder, the environment of the server that starts it, and the descriptor of its lock."""
    head, descriptors, _, _ = socket.recv_fds(connection, 4, 1)
    if len(descriptors) != 1:
        raise ValueError("no descriptor came with the order")
    alive = descriptors[0]
    try:
        os.set_inheritable(alive, False)
        head += _read(connection, 4 - len(head))
        order = json.loads(_read(connection, struct.unpack("!I", head)[0]))
        return Path(order["folder"]), order["environ"], alive
    except BaseException:  # whatever it was: the run's lock must be let go of
        os.close(alive)
        raise


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionResetError
        data += part
    return data


def become_worker(folder: Path, environ: dict[str, str], alive: int) -> None:
    """In the child: work on the run, and end without returning to the loop above."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # A process that the work forks must not keep the run's lock when the worker is gone.
        os.register_at_fork(after_in_child=lambda: os.close(alive))
        take_over(environ)
        from mlsteward.runs.worker import work_on

        _reseed()
        work_on(folder)
        status = 0
    except BaseException:  # the process ends right below, without a traceback of its own
        logger.exception("the worker of %s failed", folder)
        raise
    finally:
        os._exit(status)


def take_over(environ: dict[str, str]) -> None:
    """Have the environment of the server that starts the run, and nothing of the one that started this process."""
    settled = {name: value for name, value in os.environ.items() if name in SETTLED}
    os.environ.clear()
    os.environ.update({**environ, **settled})


def _reseed() -> None:
    """numpy's global generator is the one that would be the same in every worker."""
    import numpy as np

    np.random.seed()


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except Exception:  # a library that breaks when imported fails the runs that need it, not the others
        logger.warning("%s was not imported", name, exc_info=True)


def _complete(model: type[Record]) -> None:
    """Build the validators of all models below `model`, which each worker would build for itself otherwise."""
    for below in model.__subclasses__():
        below.model_rebuild(raise_errors=False)
        _complete(below)


def _is_same(path: Path, own: os.stat_result) -> bool:
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    return (now.st_ino, now.st_dev) == (own.st_ino, own.st_dev)


if __name__ == "__main__":
    main()
