"""Bringing a model's windows up to date: those whose predictions or outcomes have changed are counted anew."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

import numpy as np

from mlsteward.monitoring.plan import ProfilePlan
from mlsteward.monitoring.profiling import add_errors, window_totals
from mlsteward.monitoring.stored_window import StoredWindow, series_of
from mlsteward.monitoring.window_time import HOUR, window_start
from mlsteward.runs.monitored_rows import Answered, LoggedHour, MonitoredLog
from mlsteward.runs.window_files import WindowFolder, as_days, month_of

_ROWS_AT_ONCE = 50_000
# Each is a vector of some thousand numbers while it is counted.
_HOURS_AT_ONCE = 500
Key = tuple[str, datetime]


@dataclass(frozen=True)
class Fresh:
    """All windows of a model, how many were counted anew, and what is to be said of them."""

    windows: list[StoredWindow]
    counted: int
    strange: int = 0


@dataclass
class _Wanted:
    """A window as the log has it now."""

    role: str
    start: datetime
    hours: int
    logged: list[LoggedHour] = field(default_factory=list[LoggedHour])

    @property
    def rows(self) -> int:
        return sum(hour.rows for hour in self.logged)

    @property
    def sign(self) -> tuple[int, int, datetime | None]:
        recorded = [hour.recorded for hour in self.logged if hour.recorded]
        return self.rows, sum(hour.outcomes for hour in self.logged), max(recorded, default=None)


def fresh_windows(
    folder: WindowFolder, log: MonitoredLog, hours: Sequence[LoggedHour], plan: ProfilePlan, now: datetime
) -> Fresh:
    """The windows of a model as they stand now, and on disk.

    A window is what its rows say, whoever counts it, so that two runs at a time do no harm. One whose rows are no
    longer all in the log stays as it was counted.
    """
    stored, months = as_days(folder.read(), now)
    known: dict[Key, StoredWindow] = {(window.role, window.start): window for window in stored}
    stale = [one for one in _wanted(hours, known, now) if _is_stale(one, known.get((one.role, one.start)))]
    strange = 0
    for stretch in _stretches(stale):
        since, until = stretch[0].start, max(one.start + one.hours * HOUR for one in stretch)
        answered = log.read(plan, since, until)
        strange += answered.strange
        for window in _count(plan, stretch, answered):
            known[window.role, window.start] = window
    windows = sorted(known.values(), key=lambda window: (window.start, window.role))
    months |= {month_of(one.start) for one in stale}
    folder.write(windows, months)
    return Fresh(windows, len(stale), strange)


def _wanted(hours: Sequence[LoggedHour], known: dict[Key, StoredWindow], now: datetime) -> list[_Wanted]:
    found: dict[Key, _Wanted] = {}
    for hour in hours:
        start, length = window_start(hour.start, now)
        wanted = found.setdefault((hour.role, start), _Wanted(hour.role, start, length))
        wanted.logged.append(hour)
    return sorted(found.values(), key=lambda one: one.start)


def _is_stale(wanted: _Wanted, stored: StoredWindow | None) -> bool:
    if stored is None:
        return True
    return wanted.rows >= stored.rows and wanted.sign != (stored.rows, stored.outcomes, stored.recorded)


def _stretches(stale: Sequence[_Wanted]) -> list[list[_Wanted]]:
    """Windows one after the other without a gap, together no more than are counted at once."""
    found: list[list[_Wanted]] = []
    rows = hours = 0
    for start, together in groupby(stale, key=lambda one: one.start):
        ones = list(together)
        more, longer = sum(one.rows for one in ones), sum(len(one.logged) for one in ones)
        end = found[-1][-1].start + found[-1][-1].hours * HOUR if found else start
        if not found or start > end or rows + more > _ROWS_AT_ONCE or hours + longer > _HOURS_AT_ONCE:
            found.append([])
            rows = hours = 0
        found[-1] += ones
        rows, hours = rows + more, hours + longer
    return found


def _count(plan: ProfilePlan, stretch: Sequence[_Wanted], answered: Answered) -> list[StoredWindow]:
    """Counted by the hour; longer windows are sums of theirs."""
    cells = {(hour.role, hour.start): place for place, hour in enumerate(h for one in stretch for h in one.logged)}
    codes = _codes(cells, answered.roles, answered.times)
    rows = answered.rows.take(codes >= 0)
    totals = window_totals(plan, rows, codes[codes >= 0], len(cells))
    failed = _codes(cells, answered.failed_roles, answered.failed_times)
    add_errors(plan, totals, failed[failed >= 0], answered.failed_latency[failed >= 0])
    found: list[StoredWindow] = []
    for one in stretch:
        places = [cells[hour.role, hour.start] for hour in one.logged]
        numbers = [round((hour.start - one.start) / HOUR) for hour in one.logged]
        part = totals[places]
        rows_, outcomes, recorded = one.sign
        found.append(
            StoredWindow(
                role=one.role,
                start=one.start,
                hours=one.hours,
                rows=rows_,
                outcomes=outcomes,
                recorded=recorded,
                totals=part.sum(axis=0),
                series=series_of(plan, part, numbers),
            )
        )
    return found


def _codes(cells: dict[Key, int], roles: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(n,) the hour that each row is counted in; -1 for rows that came after the hours were listed."""
    hours = times.astype("datetime64[h]").astype("datetime64[us]").tolist()
    found = [cells.get((role, hour), -1) for role, hour in zip(roles.tolist(), hours, strict=True)]
    return np.asarray(found, dtype=np.int64)
