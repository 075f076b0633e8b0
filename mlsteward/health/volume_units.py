"""Volume where there are no daily rows: totals of weeks or months, and rows per version."""

import math
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import groupby, pairwise
from statistics import median
from typing import Literal

from mlsteward.health.volume import MINIMUM_DAYS, SMALLEST, SPREADS, Expectation

Unit = Literal["day", "week", "month", "none"]
_MAD = 1.4826
_LEVEL = 14
_SEEN = 365
# A unit suits when this share of its periods has rows.
_MOSTLY = 0.8


def unit_of(series: Sequence[int], first: date) -> Unit:
    """The smallest unit in which rows come regularly; a day when most days of two weekdays at least have rows."""
    recent = series[-8 * 7 :]
    start = (first.weekday() + len(series) - len(recent)) % 7
    filled = 0
    for weekday in range(7):
        days = recent[(weekday - start) % 7 :: 7]
        filled += bool(days) and sum(rows > 0 for rows in days) * 2 > len(days)
    if filled >= 2 or len(series) < MINIMUM_DAYS:
        return "day"
    for unit in ("week", "month"):
        totals = [total for _, total in _totals(series, first, unit)]
        if len(totals) > 2 and sum(total > 0 for total in totals) >= _MOSTLY * len(totals):
            return unit
    return "none"


def judge_totals(
    series: Sequence[int], first: date, unit: Unit, registered: datetime
) -> tuple[date, int, Expectation] | None:
    """The newest complete week or month that has been seen: its first day, its rows and what was expected."""
    totals = _totals(series, first, unit)
    end = _after(totals[-1][0], unit)
    if registered < datetime.combine(end, time()):
        totals = totals[:-1]
    # The first may have begun before the table did.
    expected = expected_next([total for _, total in totals[1:-1]])
    return (*totals[-1], expected) if expected else None


def expected_next(values: Sequence[int]) -> Expectation | None:
    """What values so far let expect of the next: a level and the spread of surprises, by medians, in logarithms.

    Values that hardly ever fall are totals that grow: of them the growth is expected. None for fewer than 20.
    """
    if len(values) < MINIMUM_DAYS - 1:
        return None
    logs = [math.log(max(value, 0.5)) for value in values[-_SEEN:]]
    steps = [after - before for before, after in pairwise(logs)]
    falls, rises = sum(step < 0 for step in steps), sum(step > 0 for step in steps)
    if falls <= 0.1 * len(steps) and rises >= 0.5 * len(steps):
        usual = logs[-1] + median(steps)
        surprises = [abs(step - median(steps)) for step in steps]
    else:
        levels = [median(logs[max(0, place - _LEVEL) : place]) for place in range(3, len(logs) + 1)]
        usual = levels[-1]
        surprises = [abs(log - level) for log, level in zip(logs[3:], levels, strict=False)]
    spread = _MAD * median(surprises) * (1 + 3 / len(surprises))
    reach = max(SPREADS * max(spread, math.exp(-usual / 2)), SMALLEST)
    return Expectation(math.exp(usual), math.exp(usual - reach), math.exp(usual + reach))


def _totals(series: Sequence[int], first: date, unit: Unit) -> list[tuple[date, int]]:
    days = [(first + timedelta(days=place), rows) for place, rows in enumerate(series)]
    return [
        (start, sum(rows for _, rows in group)) for start, group in groupby(days, key=lambda day: _start(day[0], unit))
    ]


def _start(day: date, unit: Unit) -> date:
    return day.replace(day=1) if unit == "month" else day - timedelta(days=day.weekday())


def _after(start: date, unit: Unit) -> date:
    return (start + timedelta(days=32)).replace(day=1) if unit == "month" else start + timedelta(days=7)
