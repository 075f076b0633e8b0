"""A window as it is kept: its totals, and by the hour what detectors and plots need."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from mlsteward.monitoring.plan import ProfilePlan
from mlsteward.monitoring.profiling import layout_of
from mlsteward.monitoring.window_profile import Floats, parts_of
from mlsteward.monitoring.window_time import DAY, HOUR, floor_time

# The hour's number, rows, errors; then the parts `measured` and `estimated`.
SERIES = 3 + 8 + 5
MEASURED, ESTIMATED = 3, 11


@dataclass(frozen=True, eq=False)
class StoredWindow:
    """The totals of what a model answered in a role from `start` on for so many `hours`.

    `rows`, `outcomes` and `recorded` say what it was counted from; `series` (h, 16) has for each hour with any rows its
    number from `start` on and what the longer window does not tell apart.
    """

    role: str
    start: datetime
    hours: int
    rows: int
    outcomes: int
    recorded: datetime | None
    totals: Floats
    series: Floats

    @property
    def end(self) -> datetime:
        return self.start + self.hours * HOUR

    def __add__(self, other: "StoredWindow") -> "StoredWindow":
        """Both as one, of the span of the first: what was counted of hours makes a day."""
        recorded = [one.recorded for one in (self, other) if one.recorded]
        return replace(
            self,
            rows=self.rows + other.rows,
            outcomes=self.outcomes + other.outcomes,
            recorded=max(recorded, default=None),
            totals=self.totals + other.totals,
            series=np.concatenate([self.series, other.series]),
        )


def series_of(plan: ProfilePlan, totals: Floats, hours: Sequence[int]) -> Floats:
    """(h, 16) what is kept by the hour of (h, size) totals."""
    layout = layout_of(plan)
    requests, measured, estimated = (parts_of(layout, totals, name) for name in ("requests", "measured", "estimated"))
    numbers = np.asarray(hours, dtype=np.float64)[:, None]
    return np.concatenate([numbers, requests[:, :2], measured, estimated], axis=1)


def by_time(windows: Iterable[StoredWindow], every: timedelta) -> dict[datetime, Floats]:
    """The series of all hours summed up by windows of `every`, counted from midnight of 1970: (16,) by their start."""
    found: dict[datetime, Floats] = {}
    for window in windows:
        for row in window.series:
            start = floor_time(window.start + int(row[0]) * HOUR, every)
            found[start] = found[start] + row if start in found else row
    return dict(sorted(found.items()))


def unit_totals(windows: Sequence[StoredWindow], size: int, unit: str) -> Floats:
    """(u, size) totals by what is independent: hours where those are, days else; one of all where rows are."""
    if unit in ("row", "group"):
        return sum((window.totals for window in windows), np.zeros(size))[None, :]
    length = HOUR if unit == "hour" else DAY
    found: dict[datetime, Floats] = {}
    for window in windows:
        start = floor_time(window.start, length)
        found[start] = found[start] + window.totals if start in found else window.totals
    return np.stack([found[start] for start in sorted(found)]) if found else np.zeros((0, size))
