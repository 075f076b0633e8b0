"""A drift check of 1,000,000 × 20 against as many, beside Evidently 0.7.23 on the same files, in turn.

To reach: at least 25 times as fast, at most a sixth of the memory. Evidently needs an environment of its own:

    uv venv ../evidently && uv pip install --python ../evidently evidently==0.7.23 pandas==2.3.3 pyarrow
    uv run python -m benchmarks.drift_speed --evidently ../evidently/bin/python [--rows 1000000] [--times 1]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from mlsteward.data.engine import connect, literal

NORMAL = "sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())"
# Seconds count from after the imports; memory is the peak of the whole process.
PROBE = """
import json, resource, time
{imports}
wall, cpu = time.perf_counter(), time.process_time()
{work}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu, peak]))
"""
THEIRS = PROBE.format(
    imports="import pandas as pd\nfrom evidently import Report\nfrom evidently.presets import DataDriftPreset",
    work="before, after = (pd.read_parquet(name) for name in ('before.parquet', 'after.parquet'))\n"
    "Report([DataDriftPreset()]).run(after, before).dict()",
)
OURS = PROBE.format(
    imports="from pathlib import Path\nfrom mlsteward.data.frames import read_columns\n"
    "from mlsteward.drift import compare, page, plots\nfrom mlsteward.drift.choice import Choice\n"
    "from mlsteward.drift.columns import ComparedColumn\nfrom mlsteward.runs.job import Job\n"
    "from mlsteward.runs.jobs.drift import Request, work",
    work="here = Path.cwd()\nfound = read_columns(here / 'before.parquet')\n"
    "columns = [ComparedColumn(name=c.name, kind='category' if c.type == 'VARCHAR' else 'number') for c in found]\n"
    "work(Request(choice=Choice(reference='before.parquet', current='after.parquet'), columns=columns,"
    " types={c.name: c.type for c in found}, reference='before@1', current='after@1'),"
    " Job(folder=here, workspace=here))",
)


def write_table(path: Path, rows: int, seed: float) -> None:
    """Six normal, three log-normal and three exponential columns, five of small whole numbers, three of categories."""
    columns = [f"{NORMAL} AS normal_{place}" for place in range(6)]
    columns += [f"exp(1.5 * {NORMAL}) AS lognormal_{place}" for place in range(3)]
    columns += [f"-ln(1 - random()) * 10 AS exponential_{place}" for place in range(3)]
    columns += [f"CAST(-ln(1 - random()) * {2 + 3 * place} AS INTEGER) AS count_{place}" for place in range(5)]
    columns += [f"'c' || CAST(floor(random() ** 2 * {levels}) AS INTEGER) AS levels_{levels}" for levels in (4, 12, 60)]
    with connect() as connection:
        connection.execute(f"SELECT setseed({seed})")
        connection.execute(
            f"COPY (SELECT {', '.join(columns)} FROM range({rows})) TO {literal(str(path))} (FORMAT parquet)"
        )


def measure(python: str, script: str, folder: Path) -> list[float]:
    done = subprocess.run([python, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evidently", required=True, help="the Python of an environment with Evidently")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed, table in ((0.1, "before"), (0.2, "after")):
            write_table(folder / f"{table}.parquet", arguments.rows, seed)
        print("           | wall s | CPU s | peak MB")
        for _ in range(arguments.times):
            ours = measure(sys.executable, OURS, folder)
            theirs = measure(arguments.evidently, THEIRS, folder)
            print(f"check_drift | {ours[0]:.1f} | {ours[1]:.1f} | {ours[2]:.0f}")
            print(f"Evidently   | {theirs[0]:.1f} | {theirs[1]:.1f} | {theirs[2]:.0f}")
            print(
                "ratio       | "
                + " | ".join(f"{second / first:.1f}" for first, second in zip(ours, theirs, strict=True))
            )


if __name__ == "__main__":
    main()
