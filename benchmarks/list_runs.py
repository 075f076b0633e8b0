"""`list_runs`, the 5 best of many runs by a metric: CPU and tokens of a call through the in-memory client.

    uv run python -m benchmarks.list_runs [--runs 10000 100000]

Each workspace holds that many runs of ten metrics. The median of the calls is printed; a token is counted as 4 bytes of
text and data together.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import anyio
from mcp.client import Client

from mlsteward.config import Settings
from mlsteward.server.app import Steward
from mlsteward.store.store import Store
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace

METRICS = 10
CALLS = 30
ARGUMENTS = {"order_by": "metric_3", "limit": 5}
TO_REACH = {10_000: 30, 100_000: 60}


def fill(t: Transaction, runs: int) -> None:
    """Runs as training leaves them, made in SQL."""
    t.execute(
        "INSERT INTO runs SELECT i, 'train', 'delay', 'completed', 'flights@' || (1 + i % 7), 'a1b2', 'late',"
        " json_object('estimator', ['svm', 'ridge', 'hist_gradient_boosting'][1 + i % 3], 'seed', i),"
        " json_object('team', 'ops'), 'ann', 'ide', '', TIMESTAMP '2026-01-01' + to_seconds(i), NULL, NULL, 1.5, 1.4,"
        " 300, '', json_object('leaderboard', repeat('x', 2000)), json_object('python', '3.11'), '[]', '[]'"
        f" FROM range(1, {runs + 1}) AS numbers(i)"
    )
    for table in ("metrics", "latest_metrics"):
        t.execute(
            f"INSERT INTO {table} SELECT i, 'test', 'metric_' || j, 0, v, v - 0.01, v + 0.01"
            f" FROM (SELECT i, j, hash(i * 10 + j) / 18446744073709551616 AS v"
            f" FROM range(1, {runs + 1}) AS numbers(i), range({METRICS}) AS metrics(j) ORDER BY i, j)"
        )


async def measure(folder: Path) -> tuple[float, float, int]:
    """Median CPU and wall milliseconds of a call, and its tokens."""
    workspace = Workspace(Settings(workspace=folder, data=[]))
    cpu: list[float] = []
    wall: list[float] = []
    size = 0
    async with Client(Steward(workspace)) as client:
        for _ in range(CALLS):
            began, used = time.perf_counter(), time.process_time()
            result = await client.call_tool("list_runs", ARGUMENTS)
            cpu.append(1e3 * (time.process_time() - used))
            wall.append(1e3 * (time.perf_counter() - began))
            size = len(result.model_dump_json(include={"content", "structured_content"}).encode())
    workspace.close()
    return statistics.median(cpu), statistics.median(wall), size // 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="+", default=[10_000, 100_000])
    for runs in parser.parse_args().runs:
        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder) / "store.duckdb")
            store.write(lambda t, runs=runs: fill(t, runs))
            store.close()
            cpu, wall, tokens = anyio.run(measure, Path(folder))
        limit = f" (to reach: {TO_REACH[runs]} ms CPU, 800 tokens)" if runs in TO_REACH else ""
        print(f"{runs:>7,} runs: {cpu:5.1f} ms CPU, {wall:5.1f} ms, {tokens} tokens{limit}")


if __name__ == "__main__":
    main()
