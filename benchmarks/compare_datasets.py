"""Two versions of 1,000,000 × 20 compared by key and as whole rows, beside datacompy on the same files, in turn.

One row in a thousand has changed in three columns, as many are new and as many gone. To reach: at most 10 seconds of
CPU. datacompy needs an environment of its own:

    uv venv ../datacompy && uv pip install --python ../datacompy datacompy pandas pyarrow
    uv run python -m benchmarks.compare_datasets --datacompy ../datacompy/bin/python [--rows 1000000] [--times 1]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from mlsteward.data.engine import connect, literal

# Seconds count from after the imports; memory is the peak of the whole process.
PROBE = """
import json, resource, time
{imports}
wall, cpu = time.perf_counter(), time.process_time()
{work}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu, peak, *found]))
"""
OURS = """
from pathlib import Path
from mlsteward.data.engine import connect, literal
from mlsteward.data.fingerprint import fingerprint_table
from mlsteward.data.frames import read_columns
from mlsteward.data.schema_diff import TableSide, diff_schemas
from mlsteward.runs.job import Job
from mlsteward.runs.jobs.diff import Request, work
here = Path.cwd()
sides = []
for name in ("before", "after"):
    columns = read_columns(here / f"{{name}}.parquet")
    with connect(memory_mb=1024) as connection:
        source = f"read_parquet({{literal(str(here / f'{{name}}.parquet'))}})"
        prints = fingerprint_table(connection, source, [column.name for column in columns])
    sides.append(TableSide(label=name, path=f"{{name}}.parquet", rows=prints.rows, columns=columns,
                           fingerprints=prints.columns, scheme="same"))
keys = [["id"]] if {keyed} else []
request = Request(reference=sides[0], current=sides[1], columns=diff_schemas(*sides), keys=keys, asked=bool(keys))
"""
THEIRS = """
import pandas as pd, datacompy
"""
THEIR_WORK = """
before, after = (pd.read_parquet(f"{name}.parquet") for name in ("before", "after"))
told = datacompy.PandasCompare(before, after, join_columns="id")
rows = told.intersect_rows
found = [len(told.df2_unq_rows), len(told.df1_unq_rows), len(rows) - int(told.count_matching_rows())]
"""


def write_table(path: Path, rows: int, *, changed: bool) -> None:
    """Nine columns of fractions, six of whole numbers and four of words beside the key."""
    edited = "AND i % 1000 = 7" if changed else "AND false"
    columns = [
        f"hash(i, {n})::DOUBLE / 1e19 + CASE WHEN true {edited} THEN {n < 3:d} ELSE 0 END AS x{n}" for n in range(9)
    ]
    columns += [f"(hash(i, {n}) % 1000)::INTEGER AS n{n}" for n in range(6)]
    columns += [f"'c' || (hash(i, {n}) % 50) AS t{n}" for n in range(4)]
    kept = "i % 1000 <> 3" if changed else "i % 1000 <> 5"
    with connect() as connection:
        connection.execute(
            f"COPY (SELECT i AS id, {', '.join(columns)} FROM range({rows}) t(i) WHERE {kept}) TO {literal(str(path))}"
            " (FORMAT parquet, COMPRESSION zstd)"
        )


def measure(python: str, script: str, folder: Path) -> list[float]:
    done = subprocess.run([python, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


def ours(keyed: bool) -> str:
    work = (
        "told = work(request, Job(folder=here, workspace=here)).rows\nfound = [told.added, told.removed, told.changed]"
    )
    return PROBE.format(imports=OURS.format(keyed=keyed), work=work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datacompy", default="", help="the Python of an environment with datacompy")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=1)
    arguments = parser.parse_args()
    scripts = {"by key": (sys.executable, ours(True)), "whole rows": (sys.executable, ours(False))}
    if arguments.datacompy:
        scripts["datacompy"] = (arguments.datacompy, PROBE.format(imports=THEIRS, work=THEIR_WORK))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_table(folder / "before.parquet", arguments.rows, changed=False)
        write_table(folder / "after.parquet", arguments.rows, changed=True)
        print("           | wall s | CPU s | peak MB | added, removed, changed")
        for _ in range(arguments.times):
            figures = {name: measure(*script, folder) for name, script in scripts.items()}
            for name, (wall, cpu, peak, *counts) in figures.items():
                print(f"{name:<10} | {wall:.1f} | {cpu:.1f} | {peak:.0f} | {', '.join(f'{n:,.0f}' for n in counts)}")
            if arguments.datacompy:
                pairs = zip(figures["by key"][:3], figures["datacompy"][:3], strict=True)
                print("ratio      | " + " | ".join(f"{theirs / own:.1f}" for own, theirs in pairs))


if __name__ == "__main__":
    main()
