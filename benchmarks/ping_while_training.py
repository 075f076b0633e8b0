"""How soon the server answers while a training run works: pings over stdio, 20 ms apart.

Run: uv run python -m benchmarks.ping_while_training
"""

import sys
import tempfile
import time
from pathlib import Path

import anyio
import numpy as np
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from benchmarks.training_table import called, write_table

ROWS = 20_000
CPU_BUDGET = 15
PAUSE = 0.02


async def pings_until_it_ends(client: Client, run: int) -> list[float]:
    taken: list[float] = []
    ended = anyio.Event()

    async def wait() -> None:
        while (await called(client, "get_run", run=run, wait_seconds=20))["state"] in ("queued", "running"):
            pass
        ended.set()

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        while not ended.is_set():
            started = time.perf_counter()
            await client.session.send_ping()
            taken.append(time.perf_counter() - started)
            await anyio.sleep(PAUSE)
    return taken


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_table(folder / "trips.csv", ROWS)
        arguments = ["-m", "mlsteward", "--workspace", str(folder / "workspace"), "--data", str(folder)]
        server = StdioServerParameters(command=sys.executable, args=arguments)
        # The 2026-07-28 protocol has no ping.
        async with Client(stdio_client(server), mode="legacy") as client:
            await called(client, "register_dataset", name="trips", source=str(folder / "trips.csv"))
            started = await called(
                client, "train_model", dataset="trips", target="late", cpu_budget=CPU_BUDGET, wait_seconds=0
            )
            taken = await pings_until_it_ends(client, started["run"])
            run = await called(client, "get_run", run=started["run"])
    p50, p95 = np.quantile(taken, [0.5, 0.95]) * 1_000
    print(run["verdict"])
    print(f"{len(taken)} pings: median {p50:.1f} ms, p95 {p95:.1f} ms (to reach: 50)")


if __name__ == "__main__":
    anyio.run(main)
