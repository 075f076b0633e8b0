"""What a run costs over its work: train_model over stdio against the same work in a plain warm process, in turn.

Run: uv run python -m benchmarks.train_overhead
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anyio
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from benchmarks.training_table import called, write_table
from mlsteward.runs.environment import SETTLED

ROWS = 4_000
ROUNDS = 7
# A process with everything imported that does the work of a run's request, as often as it is told where to.
PLAIN = """
import sys, time
from pathlib import Path
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.job import Job
from mlsteward.runs.kinds import job_kind
for line in sys.stdin:
    source, target = map(Path, line.split())
    order = RunFolder(source).read_order()
    kind = job_kind(order.kind)
    request = kind.Request.model_validate(order.request)
    started = time.perf_counter()
    kind.work(request, Job(folder=target, workspace=order.workspace, memory_mb=order.memory_mb))
    print(time.perf_counter() - started, flush=True)
"""


class PlainProcess:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PLAIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **SETTLED},
        )

    def seconds(self, run: Path, target: Path) -> float:
        assert self.process.stdin
        assert self.process.stdout
        target.mkdir(parents=True)
        self.process.stdin.write(f"{run} {target}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def same_predictions(run: Path, target: Path) -> bool:
    """Whether both left the same test predictions, row by row."""
    import duckdb

    name = "artifacts/test_predictions.parquet"
    with duckdb.connect() as connection:
        tables = [f"read_parquet('{folder / name}')" for folder in (run, target)]
        differ = connection.execute(
            f"SELECT count(*) FROM ((FROM {tables[0]} EXCEPT FROM {tables[1]}) UNION ALL "
            f"(FROM {tables[1]} EXCEPT FROM {tables[0]}))"
        ).fetchone()
    return differ == (0,)


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workspace = folder / "workspace"
        write_table(folder / "trips.csv", ROWS)
        plain = PlainProcess()
        arguments = ["-m", "mlsteward", "--workspace", str(workspace), "--data", str(folder)]
        server = StdioServerParameters(command=sys.executable, args=arguments)
        served: list[float] = []
        bare: list[float] = []
        around: list[float] = []
        same = True
        async with Client(stdio_client(server)) as client:
            await called(client, "register_dataset", name="trips", source=str(folder / "trips.csv"))
            for turn in range(ROUNDS + 1):
                started = time.perf_counter()
                answer = await called(
                    client, "train_model", dataset="trips", target="late", estimator="hist_gradient_boosting"
                )
                while answer["state"] != "completed":
                    answer = await called(client, "get_run", run=answer["run"])
                elapsed = time.perf_counter() - started
                run = workspace / "runs" / str(answer["run"])
                target = folder / "plain" / str(turn)
                seconds = plain.seconds(run, target)
                same = same and same_predictions(run, target)
                if turn:  # the first of both imports
                    served.append(elapsed)
                    bare.append(seconds)
                    around.append(elapsed - json.loads((run / "result.json").read_bytes())["wall_seconds"])
                    print(f"served {elapsed:.3f} s, of it around the work {around[-1]:.3f} s; plain {seconds:.3f} s")
        plain.close()
        extra = statistics.median(one - other for one, other in zip(served, bare, strict=True))
        print(f"train_model over stdio: {extra:+.3f} s over the same work in a plain warm process (to reach: +0.25)")
        print(f"of it around the work: {statistics.median(around):.3f} s")
        print(f"predictions: {'identical' if same else 'DIFFERENT'} (to reach: identical)")


if __name__ == "__main__":
    anyio.run(main)
