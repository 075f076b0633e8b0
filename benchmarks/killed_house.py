"""A workspace with a real server and three callers that go on whatever is killed: what they were told is kept."""

import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import httpx2
import psutil
from mcp import MCPError
from mcp.client import Client

from mlsteward.runs.alive import lock_is_free
from mlsteward.runs.supervision import current_state
from mlsteward.serving.endpoint.desired import EndpointFolder
from tests.served_models import rows_of, scores_of

VERSIONS = (1, 2, 3)
_ROWS = 40
_LONGEST_CALL = 120.0
# Scores of one row alone and of many rows together differ in their last bits.
_TOLERANCE = 1e-9


@dataclass
class Told:
    """What callers were told: runs that promoted, and to which version; the outcome of each prediction that was taken;
    the requests that an endpoint answered, and answers that were not what their model says."""

    promoted: dict[int, int] = field(default_factory=dict[int, int])
    outcomes: dict[str, str] = field(default_factory=dict[str, str])
    unsure: set[str] = field(default_factory=set[str])
    requests: set[str] = field(default_factory=set[str])
    wrong: list[str] = field(default_factory=list[str])


class House:
    """The server of a workspace and its callers, for as long as the block lasts."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.told = Told()
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._predicted: list[str] = []
        self._expected = {f"large@{version}": scores_of(version, _ROWS) for version in VERSIONS}
        deeds = (self._promote, self._record)
        self._callers = [threading.Thread(target=self._call_on, args=[deed]) for deed in deeds]
        self._callers.append(threading.Thread(target=self._predict))

    def __enter__(self) -> "House":
        self.start_server()
        for caller in self._callers:
            caller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for caller in self._callers:
            caller.join()
        self.server.terminate()
        self.server.wait(60)

    def start_server(self) -> None:
        """A new server, once it listens; what it prints is kept beside the workspace."""
        flags = ["--port", "0", "--toolsets", "all", "--workspace", str(self.folder), "--data", str(self.folder)]
        log = self.folder.parent / f"server_{time.time_ns()}.txt"
        with log.open("w") as stream:
            self.server = subprocess.Popen([sys.executable, "-m", "mlsteward", "http", *flags], stderr=stream)
        while not (found := re.search(r"running on (http://[\d.:]+)", log.read_text())):
            assert self.server.poll() is None, log.read_text()
            time.sleep(0.05)
        self._url = found[1]

    def victims(self, what: str) -> Sequence[psutil.Process]:
        """The processes to kill: `server`, the endpoint, or those that work off runs."""
        if what == "server":
            return [psutil.Process(self.server.pid)]
        if what == "endpoint":
            state = current_state(EndpointFolder.of(self.folder, "large"))
            return [psutil.Process(state.pid)] if state else []
        return [one for one in psutil.process_iter(["cmdline"]) if self._works(one)]

    def _works(self, process: psutil.Process) -> bool:
        words = process.info["cmdline"] or []
        return any("mlsteward.runs.w" in word for word in words) and any(str(self.folder) in word for word in words)

    def _call_on(self, deed: Callable[[Client], Awaitable[None]]) -> None:
        """Do it over and over, with a new connection whenever the server was killed."""

        async def connected() -> None:
            async with Client(f"{self._url}/mcp") as client:
                while not self._over.is_set():
                    with anyio.fail_after(_LONGEST_CALL):
                        await deed(client)

        while not self._over.is_set():
            try:
                anyio.run(connected)
            except* (MCPError, httpx2.HTTPError, OSError):
                time.sleep(0.05)

    async def _promote(self, client: Client) -> None:
        version = self._random.choice(VERSIONS)
        answer = await client.call_tool("promote_model", {"model": f"large@{version}", "reason": "to and fro"})
        found = answer.structured_content
        if found and found["promoted"]:
            self.told.promoted[found["run"]] = version

    async def _record(self, client: Client) -> None:
        """Outcomes of what was predicted, some of them corrected later. What holds is unsure until it is answered."""
        known = sorted(set(self._random.choices(self._predicted[-200:] or [""], k=5)) - {""})
        rows = [{"prediction_id": one, "outcome": self._random.choice(("no", "yes"))} for one in known]
        self.told.unsure |= set(known)
        if not rows:
            await anyio.sleep(0.05)
            return
        answer = await client.call_tool("record_outcomes", {"deployment": "large", "rows": rows})
        if answer.structured_content and answer.structured_content["state"] == "completed":
            self.told.outcomes |= {row["prediction_id"]: row["outcome"] for row in rows}
            self.told.unsure -= set(known)

    def _predict(self) -> None:
        rows = rows_of(_ROWS)
        while not self._over.is_set():
            place = self._random.randrange(_ROWS)
            folder = EndpointFolder.of(self.folder, "large")
            state = None if lock_is_free(folder.alive) else current_state(folder)
            if state is None:
                time.sleep(0.05)
                continue
            try:
                response = httpx2.post(f"{state.address}/predict", json={"rows": [rows[place]]}, timeout=60)
            except httpx2.HTTPError:
                continue
            self._judge(place, response)
            time.sleep(0.01)

    def _judge(self, place: int, response: httpx2.Response) -> None:
        if response.status_code != 200:
            self.told.wrong.append(f"{response.status_code}: {response.text[:200]}")
            return
        said = response.json()
        score = said["predictions"][0]["score"]
        if abs(self._expected[said["model"]][place] - score) > _TOLERANCE:
            self.told.wrong.append(f"row {place}: {said['model']} said {score}")
        self.told.requests.add(said["request_id"])
        self._predicted.append(said["predictions"][0]["prediction_id"])
