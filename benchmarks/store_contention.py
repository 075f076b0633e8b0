"""Several processes write to one workspace of the real schema with a million metric rows.

    uv run python -m benchmarks.store_contention [--processes 8] [--writes 400] [--metrics 1000000]

Each write is what a training run leaves: a run, five metrics and a line in the audit log. Printed: transactions a
second, how long calls waited, how many failed, and whether every acknowledged write is there afterwards.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from mlsteward.errors import StewardError
from mlsteward.store.activity import add_activity
from mlsteward.store.metrics import MetricRow, add_metrics
from mlsteward.store.runs import Run, add_run
from mlsteward.store.store import Store
from mlsteward.store.transaction import Transaction

METRICS_A_RUN = 10


def fill(t: Transaction, rows: int) -> None:
    runs = rows // METRICS_A_RUN
    t.execute(
        "INSERT INTO runs SELECT i, 'train', 'delay', 'completed', 'flights@1', 'a1b2', 'late',"
        " json_object('estimator', 'svm', 'seed', i), json_object(), 'ann', 'ide', '',"
        " TIMESTAMP '2026-01-01' + to_seconds(i), NULL, NULL, 1.5, 1.4, 300, '',"
        " json_object(), json_object(), '[]', '[]'"
        f" FROM range(1, {runs + 1}) AS numbers(i)"
    )
    for table in ("metrics", "latest_metrics"):
        t.execute(
            f"INSERT INTO {table} SELECT i, 'test', 'metric_' || j, 0, random(), NULL, NULL"
            f" FROM range(1, {runs + 1}) AS numbers(i), range({METRICS_A_RUN}) AS metrics(j) ORDER BY i, j"
        )


def write_one(t: Transaction, writer: int, number: int) -> None:
    run = Run(
        number=0, kind="train", name=f"writer {writer}", state="completed", created=datetime.now(UTC),
        params={"writer": writer, "number": number},
    )  # fmt: skip
    allotted = add_run(t, run)
    add_metrics(t, [MetricRow(run=allotted, name=f"metric_{j}", value=j / 7) for j in range(5)])
    add_activity(t, actor="bench", client="", action="train_model", asset=f"run:{allotted}", run=allotted)


def work(path: Path, writer: int, writes: int) -> None:
    """One process: its writes, then how long each took and what failed, as JSON on stdout."""
    store = Store(path)
    waits: list[float] = []
    errors: list[str] = []
    sys.stdin.readline()
    for number in range(writes):
        began = time.perf_counter()
        try:
            store.write(lambda t, number=number: write_one(t, writer, number))
        except StewardError as error:
            errors.append(str(error))
        waits.append(time.perf_counter() - began)
    store.close()
    print(json.dumps({"waits": waits, "errors": errors}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--writes", type=int, default=400)
    parser.add_argument("--metrics", type=int, default=1_000_000)
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--writer", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.store:
        work(options.store, options.writer, options.writes)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.duckdb"
        store = Store(path)
        store.write(lambda t: fill(t, options.metrics))
        began, answers = _race(path, options.processes, options.writes)
        took = time.perf_counter() - began
        there = store.read(lambda t: t.row("SELECT count(*) FROM runs WHERE name LIKE 'writer %'"))
        metrics = store.read(lambda t: t.row("SELECT count(*) FROM metrics WHERE run > ?", [options.metrics // 10]))
        store.close()
    waits = sorted(wait for answer in answers for wait in answer["waits"])
    errors = [error for answer in answers for error in answer["errors"]]
    acknowledged = len(waits) - len(errors)
    assert there is not None and metrics is not None
    print(f"{options.processes} processes, {options.writes} writes each, {options.metrics:,} metric rows before")
    print(f"{len(waits) / took:.0f} transactions a second")
    print(f"waits: median {1e3 * statistics.median(waits):.0f} ms, 99 % {1e3 * waits[len(waits) * 99 // 100]:.0f} ms,"
          f" longest {waits[-1]:.2f} s (to reach: 2 s)")  # fmt: skip
    print(f"failed: {len(errors)} (to reach: 0) {errors[:1] or ''}")
    print(f"lost: {acknowledged - there[0]} runs, {5 * acknowledged - metrics[0]} metrics (to reach: 0)")


def _race(path: Path, processes: int, writes: int) -> tuple[float, list[dict[str, list[float]]]]:
    command = [sys.executable, __file__, "--store", str(path), "--writes", str(writes), "--writer"]
    running = [
        subprocess.Popen([*command, str(writer)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for writer in range(processes)
    ]
    time.sleep(2)  # imports
    began = time.perf_counter()
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return began, [json.loads(process.communicate()[0]) for process in running]


if __name__ == "__main__":
    main()
