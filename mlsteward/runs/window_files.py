"""The windows of a deployment, in files beside its predictions. Only worker code imports this.

A model has a folder: its plan, the windows of the rows it was trained and judged on, and a file for each month. Each
file is replaced as a whole; all in it can be made again from the predictions and outcomes that it came from, as long as
these are there. Hours stay hours for a fortnight and are then added up to days; what detectors and plots need of them
by the hour stays beside the day.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from mlsteward.data.engine import connect, literal
from mlsteward.monitoring.plan import FORMAT, ProfilePlan
from mlsteward.monitoring.stored_window import SERIES, StoredWindow
from mlsteward.monitoring.window_profile import Floats
from mlsteward.monitoring.window_time import HOUR, window_start

_PLAN, _REFERENCE = "plan.json", "reference.parquet"
_SIDES = ("training", "held out")
_COLUMNS = {
    "role": "VARCHAR",
    "start": "TIMESTAMP",
    "hours": "INTEGER",
    "rows": "BIGINT",
    "outcomes": "BIGINT",
    "recorded": "TIMESTAMP",
    "totals": "BLOB",
    "series": "BLOB",
}


class WindowFolder:
    """The folder of one model's windows."""

    def __init__(self, deployment: Path, model: str) -> None:
        self.path = deployment / "windows" / f"{model.replace(':', '_')}.{FORMAT}"

    def read_plan(self) -> ProfilePlan | None:
        """The plan by which the windows were counted; None before there is one."""
        file = self.path / _PLAN
        if not (self.path / _REFERENCE).is_file() or not file.is_file():
            return None
        return ProfilePlan.model_validate_json(file.read_bytes())

    def write_plan(self, plan: ProfilePlan, training: Floats, held_out: Floats) -> None:
        """Keep the plan with the (u, size) units of the rows that it was fitted to. The plan comes last."""
        self.path.mkdir(parents=True, exist_ok=True)
        rows = [(role, _bytes(unit)) for role, side in zip(_SIDES, (training, held_out), strict=True) for unit in side]
        _write(self.path / _REFERENCE, {"role": "VARCHAR", "totals": "BLOB"}, rows)
        partial = self.path / f"{_PLAN}.{uuid.uuid4().hex[:8]}.part"
        partial.write_text(plan.model_dump_json(), encoding="utf-8")
        partial.replace(self.path / _PLAN)

    def read_reference(self) -> tuple[Floats, Floats]:
        """The (u, size) units of the training rows and of the held-out rows."""
        rows = _read(self.path / _REFERENCE)
        sides = [
            np.stack([np.frombuffer(totals, dtype="<f8") for role, totals in rows if role == side]) for side in _SIDES
        ]
        return sides[0], sides[1]

    def read(self) -> list[StoredWindow]:
        """All windows, in the order of time."""
        found = [window for path in self._months() for window in map(_window, _read(path))]
        return sorted(found, key=lambda window: (window.start, window.role))

    def write(self, windows: Iterable[StoredWindow], months: set[str]) -> None:
        """Replace the files of `months` (2026-11) by those of `windows` that fall into them."""
        self.path.mkdir(parents=True, exist_ok=True)
        for month in sorted(months):
            kept = [window for window in windows if month_of(window.start) == month]
            _write(self.path / f"{month}.parquet", _COLUMNS, [_row(window) for window in kept])

    def _months(self) -> list[Path]:
        return sorted(path for path in self.path.glob("*.parquet") if path.name != _REFERENCE)


def month_of(start: datetime) -> str:
    return f"{start:%Y-%m}"


def as_days(windows: Sequence[StoredWindow], now: datetime) -> tuple[list[StoredWindow], set[str]]:
    """The windows with hours that have become old added up to days, and the months where that changed anything."""
    found: dict[tuple[str, datetime], StoredWindow] = {}
    changed: set[str] = set()
    for window in windows:
        start, hours = (window.start, window.hours) if window.hours > 1 else window_start(window.start, now)
        if hours != window.hours:
            changed.add(month_of(start))
            shift = round((window.start - start) / HOUR)
            moved = window.series + np.eye(1, SERIES)[0] * shift
            window = replace(window, start=start, hours=hours, series=moved)
        key = window.role, start
        found[key] = found[key] + window if key in found else window
    return list(found.values()), changed


def _row(window: StoredWindow) -> tuple[object, ...]:
    counted = window.rows, window.outcomes, window.recorded
    return window.role, window.start, window.hours, *counted, _bytes(window.totals), _bytes(window.series)


def _bytes(numbers: Floats) -> bytes:
    return np.ascontiguousarray(numbers, dtype="<f8").tobytes()


def _window(row: tuple[Any, ...]) -> StoredWindow:
    role, start, hours, rows, outcomes, recorded, totals, series = row
    arrays = np.frombuffer(totals, dtype="<f8"), np.frombuffer(series, dtype="<f8").reshape(-1, SERIES)
    return StoredWindow(role, start, hours, rows, outcomes, recorded, *arrays)


def _read(path: Path) -> list[tuple[Any, ...]]:
    with connect(threads=1) as connection:
        return connection.execute(f"SELECT * FROM read_parquet({literal(str(path))})").fetchall()


def _write(path: Path, columns: Mapping[str, str], rows: Sequence[tuple[object, ...]]) -> None:
    """Replace the file at once: a reader sees the one before or this one."""
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.part")
    with connect(threads=1) as connection:
        listed = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
        connection.execute(f"CREATE TABLE written ({listed})")
        if rows:
            marks = ", ".join("?" for _ in columns)
            connection.executemany(f"INSERT INTO written VALUES ({marks})", [list(row) for row in rows])
        connection.execute(f"COPY written TO {literal(str(partial))} (FORMAT parquet, COMPRESSION zstd)")
    partial.replace(path)
