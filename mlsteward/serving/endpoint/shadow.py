"""A shadow: a model that scores every request and answers none, in a process of its own.

However slow or broken it is, the answers of the endpoint do not wait for it: what it is too slow for is dropped, and
counted. It writes its own segments of the prediction log.
"""

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from mlsteward.errors import InvalidArgument, Refused, StewardError
from mlsteward.serving.endpoint.asked import Asked
from mlsteward.serving.endpoint.desired import Desired, EndpointFolder, ServedModel
from mlsteward.serving.endpoint.load import SECONDS, load_row
from mlsteward.serving.endpoint.served import Served, log_lines
from mlsteward.serving.segments import SegmentWriter

logger = logging.getLogger("mlsteward.serving")

# Rows that wait for a slow shadow; beyond it they are dropped.
_MOST_WAITING = 4 << 20


class Shadow:
    """The endpoint's end of the pipe to its shadow."""

    def __init__(self, model: ServedModel, process: asyncio.subprocess.Process) -> None:
        self.model = model
        self._process = process
        self.dropped = 0

    @classmethod
    async def start(cls, folder: EndpointFolder, desired: Desired, model: ServedModel) -> "Shadow":
        """Start a process that has loaded the model. Raises Refused with what kept it from that."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "mlsteward.serving.endpoint.shadow",
            str(folder.path),
            desired.model_copy(update={"model": model}).model_dump_json(exclude={"token_hashes"}),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(SECONDS):
                said = (await process.stdout.readline()).decode().strip()
        except TimeoutError:
            said = f"it did not load within {SECONDS:g} s"
        if said != "ready":
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            raise Refused(f"The shadow {model.label} cannot be served: {said or 'its process ended'}.")
        return cls(model, process)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    def send(self, asked: Asked, request_id: str, ids: list[str]) -> None:
        """Hand on the rows of an answered request, or drop them."""
        pipe = self._process.stdin
        if pipe is None or not self.alive or pipe.transport.get_write_buffer_size() > _MOST_WAITING:
            self.dropped += len(asked.rows)
            return
        request = {"rows": asked.rows, "keys": asked.keys, "request_id": request_id, "ids": ids}
        pipe.write(json.dumps(request).encode() + b"\n")

    def stop(self) -> None:
        """Let it finish what it has, and end."""
        if self._process.stdin is not None:
            self._process.stdin.close()


def main() -> None:
    """Score what comes in line by line, until the endpoint is gone."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s shadow %(levelname)s: %(message)s")
    os.nice(10)
    folder, desired = EndpointFolder(Path(sys.argv[1])), Desired.model_validate_json(sys.argv[2])
    try:
        row = load_row(folder.workspace, desired.model)
    except StewardError as error:
        print(" ".join(error.words().split()), flush=True)  # noqa: T201 - to the endpoint
        return
    served = Served(desired.model, row, key=desired.key, unlogged=desired.unlogged)
    writer = SegmentWriter(folder.predictions, served.features)
    print("ready", flush=True)  # noqa: T201 - to the endpoint
    synced = time.monotonic()
    for line in sys.stdin.buffer:
        writer.append(_lines(served, desired.deployment, json.loads(line)))
        if time.monotonic() - synced > 1.0:
            writer.flush()
            writer.renew()
            synced = time.monotonic()
    writer.close()


def _lines(served: Served, deployment: str, request: dict[str, Any]) -> bytes:
    began = time.perf_counter()
    error = ""
    try:
        rows = served.score(Asked(request["rows"], request["keys"]), request["ids"]).lines
    except InvalidArgument:
        rows, error = _unscored(request), "the rows do not fit its signature"
    except Exception as failure:  # the shadow of a request must not end those that follow
        logger.exception("%s failed", served.label)
        rows, error = _unscored(request), type(failure).__name__
    return log_lines(
        rows,
        deployment=deployment,
        model=served.label,
        role="shadow",
        request_id=request["request_id"],
        milliseconds=(time.perf_counter() - began) * 1000,
        error=error,
    )


def _unscored(request: dict[str, Any]) -> list[dict[str, Any]]:
    keys = request["keys"] or [None] * len(request["ids"])
    return [{"prediction_id": one, "key": key} for one, key in zip(request["ids"], keys, strict=True)]


if __name__ == "__main__":
    main()
