"""An endpoint's process: `python -m mlsteward.serving.endpoint.main FOLDER`, FOLDER being `deployments/NAME`.

It exits with 0 when it was asked to end and has answered what it had, with 2 and words on stderr when it cannot start,
and with 3 when another endpoint serves this folder.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlsteward.serving.endpoint.serving import Serving

STARTED_BEFORE, CANNOT_START = 3, 2
_GRACE_SECONDS = 10
# As long as clients and proxies keep idle connections in their pools, or they would meet closed ones.
_IDLE_SECONDS = 75


def main() -> None:
    # One row has no use for more threads, and each that a library starts takes memory. Libraries look once.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    sys.exit(asyncio.run(serve(Path(sys.argv[1]).absolute())))


async def serve(path: Path) -> int:
    """Serve what the folder asks for until told to end; returns the exit code."""
    from pydantic import ValidationError

    from mlsteward.errors import StewardError
    from mlsteward.runs.alive import take_lock
    from mlsteward.serving.endpoint.app import EndpointApp
    from mlsteward.serving.endpoint.desired import EndpointFolder
    from mlsteward.serving.endpoint.serving import Serving, features_of, load_all
    from mlsteward.serving.segments import SegmentWriter, seal_soon

    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s: %(message)s")
    folder = EndpointFolder(path)
    try:
        alive = take_lock(folder.alive)
    except FileNotFoundError:
        return _cannot(f"there is no folder {path}")
    except OSError:
        _cannot(f"another endpoint serves {path.name}")
        return STARTED_BEFORE
    listening: socket.socket | None = None
    try:
        desired = folder.read_desired()
        listening = _listen(desired.host, desired.port)
        in_force = await load_all(folder, desired)
        app = EndpointApp(in_force, SegmentWriter(folder.predictions, features_of(in_force)))
        seal_soon(folder.predictions)
        await _serve(Serving(folder, app, port=listening.getsockname()[1]), listening)
        app.writer.close()
        seal_soon(folder.predictions)
    except StewardError as error:
        return _cannot(error.words())
    except (FileNotFoundError, ValidationError) as error:
        return _cannot(f"desired.json cannot be read: {error}")
    except OSError as error:
        return _cannot(str(error))
    finally:
        if listening is not None:
            listening.close()
        os.close(alive)
    return 0


async def _serve(serving: "Serving", listening: socket.socket) -> None:
    """Answer requests until a signal says that it is enough, then those that have come in."""
    import uvicorn

    config = uvicorn.Config(
        serving.app,  # pyright: ignore[reportArgumentType] - messages are plain dicts here
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    # When it has shut down, uvicorn sends itself the signal again, and the log is still to be closed.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _heard)
    server = uvicorn.Server(config)
    watching = asyncio.create_task(serving.watch())
    # An endpoint that no longer follows what is asked of it must not go on as if it did.
    watching.add_done_callback(lambda _: setattr(server, "should_exit", True))
    try:
        await server.serve(sockets=[listening])
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


def _heard(number: int, frame: object) -> None:
    """uvicorn has done already what the signal asks for."""


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Without the protocol's name asyncio would not know it for TCP, and leave small answers waiting for one another.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host.strip("[]"), port))
    return listening


def _cannot(words: str) -> int:
    logging.getLogger("mlsteward.serving").error("%s", words)
    return CANNOT_START


if __name__ == "__main__":
    main()
