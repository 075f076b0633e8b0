"""An endpoint without a model, to look after: it takes the lock, listens, says what it serves, and misbehaves if told.

What it does stands in `behaviour` of its folder: `serve`, as it does untold, `die` at once, or be `deaf` (ignores being
told to end, and answers nothing).
"""

import signal
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil

from mlsteward.runs.alive import take_lock
from mlsteward.serving.endpoint.desired import EndpointFolder, State


def main() -> None:
    folder = EndpointFolder(Path(sys.argv[1]))
    told = folder.path / "behaviour"
    behaviour = told.read_text() if told.exists() else "serve"
    if behaviour == "die":
        sys.exit("it has nothing to live for")
    lock = take_lock(folder.alive)
    if behaviour == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    desired = folder.read_desired()
    listener = socket.create_server((desired.host, desired.port))
    listener.settimeout(0.02)
    process = psutil.Process()
    said = 0
    while folder.path.exists() and lock:
        desired = folder.read_desired()
        if desired.number != said:
            said = desired.number
            folder.write_state(
                State(
                    deployment=desired.deployment,
                    pid=process.pid,
                    created=process.create_time(),
                    host=desired.host,
                    port=listener.getsockname()[1],
                    since=datetime.now(UTC),
                    number=said,
                    served=said,
                    model=desired.model.label,
                    canary=desired.canary.label if desired.canary else "",
                    shadow=desired.shadow.label if desired.shadow else "",
                )
            )
        try:
            connection = listener.accept()[0]
        except TimeoutError:
            continue
        if behaviour == "serve":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            connection.close()
        else:
            time.sleep(0.01)


if __name__ == "__main__":
    main()
