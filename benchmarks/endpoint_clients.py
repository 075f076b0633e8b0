"""Many clients of one endpoint, each asking again as soon as it was answered, and what was wrong with the answers."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

# Scores of one row alone and of many rows together differ in their last bits.
_TOLERANCE = 1e-9


@dataclass
class Load:
    """What clients saw: `wrong` answers are not what the named model says of the row, `dropped` requests had none."""

    requests: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list[str])
    dropped: list[str] = field(default_factory=list[str])
    models: Counter[str] = field(default_factory=Counter[str])
    latencies_ms: list[float] = field(default_factory=list[float])
    request_ids: set[str] = field(default_factory=set[str])

    def percentile(self, percent: float) -> float:
        """The latency in ms that so many percent of requests stay below."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


async def put_load(
    address: str,
    rows: Sequence[Mapping[str, Any]],
    expected: Mapping[str, Sequence[float]],
    *,
    clients: int,
    going_on: Callable[[], bool],
    broken: Callable[[], bool] = lambda: False,
    pause: float = 0.0,
) -> Load:
    """Ask `address` with `clients` clients for as long as `going_on` holds.

    `expected` has, for each model that may answer, its score of each row. While `broken` holds the endpoint may be
    gone: a connection that breaks then is opened again, and counts for nothing. Each client waits `pause` seconds
    before it asks again.
    """
    load = Load()
    started = time.monotonic()
    host = urlsplit(address)
    bodies = [json.dumps({"rows": [row]}).encode() for row in rows]
    await asyncio.gather(
        *(
            _Client(load, str(host.hostname), int(host.port or 0), bodies, expected, number).go(going_on, broken, pause)
            for number in range(clients)
        )
    )
    load.seconds = time.monotonic() - started
    return load


class _Client:
    def __init__(
        self,
        load: Load,
        host: str,
        port: int,
        bodies: Sequence[bytes],
        expected: Mapping[str, Sequence[float]],
        number: int,
    ) -> None:
        self._load = load
        self._host, self._port = host, port
        self._bodies = bodies
        self._expected = expected
        self._place = number
        self._number = number
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def go(self, going_on: Callable[[], bool], broken: Callable[[], bool], pause: float) -> None:
        while going_on():
            await asyncio.sleep(pause)
            self._place = (self._place + 1) % len(self._bodies)
            try:
                await self._ask(self._place)
            except (OSError, EOFError, asyncio.IncompleteReadError, ValueError) as error:
                self._close()
                if not broken():
                    self._load.dropped.append(f"{type(error).__name__}: {error}")
                await asyncio.sleep(0.01)
        self._close()

    async def _ask(self, place: int) -> None:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        started = time.perf_counter()
        body = self._bodies[place]
        head = f"POST /predict HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        status, closing, answer = await _read(reader)
        self._load.latencies_ms.append((time.perf_counter() - started) * 1000)
        self._judge(place, status, answer)
        if closing:
            self._close()

    def _judge(self, place: int, status: int, answer: bytes) -> None:
        self._load.requests += 1
        if status != 200:
            self._load.dropped.append(f"{status}: {answer[:200]!r}")
            return
        said = json.loads(answer)
        model, score = said["model"], said["predictions"][0]["score"]
        self._load.models[model] += 1
        self._load.request_ids.add(said["request_id"])
        if model not in self._expected or abs(self._expected[model][place] - score) > _TOLERANCE:
            self._load.wrong.append(f"row {place}: {model} said {score}")

    def _close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _read(reader: asyncio.StreamReader) -> tuple[int, bool, bytes]:
    """Status, whether the connection closes after it, and body of a response."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(fields["content-length"]))
    return int(first.split()[1]), fields.get("connection", "").lower() == "close", body
