"""What windows cost: counting rows, a year of them on disk and in sums, beside the rows themselves.

`uv run python -m benchmarks.deployment_windows [ROWS]`: rows of 22 columns, a year of days; CPU seconds and bytes.
"""

import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from mlsteward.answer import number, table
from mlsteward.data.engine import connect, literal
from mlsteward.evaluation.predictions import Predictions
from mlsteward.monitoring.fit_plan import WatchedModel, fit_plan, rows_of
from mlsteward.monitoring.input_drift import Blocks, compare_windows
from mlsteward.monitoring.profiling import MonitoredRows, layout_of, window_totals
from mlsteward.monitoring.stored_window import StoredWindow, series_of, unit_totals
from mlsteward.runs.window_files import WindowFolder, month_of
from mlsteward.training.signature import SignatureColumn

_NUMBERS, _CATEGORIES, _DAYS = 14, 8, 365
_AT_ONCE = 50_000
_START = datetime(2026, 1, 1)


def _rows(count: int, seed: int) -> MonitoredRows:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({f"n{place}": random.gamma(2, 3 + place, count) for place in range(_NUMBERS)})
    for place in range(_CATEGORIES):
        levels = np.asarray([f"level {level}" for level in range(5 + 5 * place)], dtype=object)
        frame[f"c{place}"] = pd.Series(levels[random.integers(0, len(levels), count)], dtype=object)
    positive = 1 / (1 + np.exp(-(frame["n0"].to_numpy() - 6) / 3))
    scores = np.column_stack([1 - positive, positive])
    names = np.asarray(["no", "yes"], dtype=object)
    truth = names[(random.random(count) < positive).astype(int)]
    return rows_of(frame, Predictions(names[(positive >= 0.5).astype(int)], scores, ["no", "yes"]), truth)


def main(count: int = 200_000) -> None:
    signature = [SignatureColumn(name=f"n{place}", type="DOUBLE", kind="number") for place in range(_NUMBERS)]
    signature += [SignatureColumn(name=f"c{place}", type="VARCHAR", kind="category") for place in range(_CATEGORIES)]
    fitted, held_out = _rows(20_000, 1), _rows(5_000, 2)
    model = WatchedModel(
        label="delay@1",
        task="binary",
        target="late",
        classes=["no", "yes"],
        threshold=0.5,
        metric="roc_auc",
        unit="day",
        signature=signature,
    )
    plan = fit_plan(model, fitted, held_out, importance={})
    rows = _rows(count, 3)
    day = np.sort(np.random.default_rng(4).integers(0, _DAYS, count))
    began = time.process_time()
    totals = np.zeros((_DAYS, layout_of(plan).size))
    for part in np.array_split(np.arange(count), max(1, count // _AT_ONCE)):
        totals += window_totals(plan, rows.take(part), day[part], _DAYS)
    counting = time.process_time() - began
    windows = [
        StoredWindow("champion", _START + timedelta(days=one), 24, 1, 1, None, total, series_of(plan, total[None], [0]))
        for one, total in enumerate(totals)
    ]
    with tempfile.TemporaryDirectory() as temp:
        folder = WindowFolder(Path(temp), "delay@1")
        folder.write(windows, {month_of(window.start) for window in windows})
        size = sum(path.stat().st_size for path in folder.path.iterdir())
        began = time.process_time()
        units = unit_totals(folder.read(), layout_of(plan).size, "day")
        reading = time.process_time() - began
        raw = _raw_bytes(rows, Path(temp) / "rows.parquet")
    began = time.process_time()
    reference = Blocks(units[:100], "day")
    found = compare_windows(plan, reference, Blocks(units[-30:], "day"), importance={}, labels=("then", "now"))
    judging = time.process_time() - began
    np.testing.assert_allclose(units.sum(axis=0)[0], count)
    rows_of_table = [
        ("rows counted in a CPU second", f"{count / counting:,.0f}"),
        ("numbers in a window", f"{layout_of(plan).size:,}"),
        ("bytes of a window of a day", f"{size / _DAYS:,.0f}"),
        ("bytes of its rows (Parquet, zstd)", f"{raw / _DAYS:,.0f}"),
        ("rows over windows, bytes", number(raw / size, 3)),
        ("CPU seconds to read and sum up a year", number(reading, 3)),
        ("CPU seconds to judge the drift of 30 days", number(judging, 3)),
        ("drift", found.report.verdict),
    ]
    print("\n".join(table((f"{count:,} rows", "value"), rows_of_table)))


def _raw_bytes(rows: MonitoredRows, path: Path) -> int:
    with connect(threads=1) as connection:
        connection.register("written", rows.frame)
        connection.execute(f"COPY written TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)")
    return path.stat().st_size


if __name__ == "__main__":
    main(*(int(argument.replace("_", "")) for argument in sys.argv[1:]))
