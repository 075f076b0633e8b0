"""The days of a dataset over its versions, as one series: which rows count for a day, and which days are news."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from mlsteward.health.daily import DailyRows, dense

# Days that are judged where nothing says which are new.
LAST_DAYS = 28
# A day that was there before is judged again when so much of its rows went or came.
_CHANGED = 0.2
# The last day is taken as incomplete when it ends so much earlier than nine in ten of the days before it.
_EARLIER = timedelta(hours=2)
_ENDS = 28
_FEWEST_ENDS = 7


@dataclass(frozen=True)
class DaySeries:
    """Rows of every day from `first` on. `news` are the days to judge; those of `incomplete` may have more to come."""

    first: date
    rows: list[int]
    news: frozenset[date]
    incomplete: str = ""

    @property
    def last(self) -> date:
        return self.first + timedelta(days=len(self.rows) - 1)


def assemble(daily: DailyRows, registered: datetime, older: Sequence[DailyRows] = ()) -> DaySeries:
    """The series of a version with the days that it has (`daily`, one at least) and those of `older` versions.

    The newest of `older` comes first. `registered` (UTC) is when the version came.
    """
    counts = rows_by_day(daily, older)
    first, last = min(counts), max(daily.counts)
    news = _news(daily.counts, older[0].counts if older else {})
    return DaySeries(first, dense(counts, first, last), news, _incomplete(daily, registered))


def rows_by_day(daily: DailyRows, older: Sequence[DailyRows]) -> dict[date, int]:
    """The days of a version, and before them those that only `older` versions (the newest first) have.

    A version that begins after an older one ended adds to it, also on the day where they meet; else its first day may
    have been cut off, and the larger count holds.
    """
    counts = dict(daily.counts)
    start, oldest = min(counts, default=None), daily.oldest
    for version in older:
        if start is None or oldest is None or version.oldest is None or version.newest is None:
            continue
        shared = version.counts.get(start, 0)
        counts[start] = counts[start] + shared if version.newest < oldest else max(counts[start], shared)
        counts |= {day: rows for day, rows in version.counts.items() if day < start}
        start, oldest = min(counts), min(oldest, version.oldest)
    return counts


def _news(own: Mapping[date, int], older: Mapping[date, int]) -> frozenset[date]:
    start, last = min(own), max(own)
    known = max(older, default=None)
    if known is None:
        return frozenset(_days(max(start, last - timedelta(days=LAST_DAYS - 1)), last))
    new = [*_days(known + timedelta(days=1), last)]
    overlap = [*_days(max(start + timedelta(days=1), min(older)), min(known, last))]
    changed = [day for day in overlap if abs(own.get(day, 0) - older.get(day, 0)) > _CHANGED * older.get(day, 0)]
    return frozenset(new + changed) or frozenset(_days(max(start, last - timedelta(days=LAST_DAYS - 1)), last))


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=place) for place in range((last - first).days + 1))


def _incomplete(daily: DailyRows, registered: datetime) -> str:
    """Why the last day may have more rows to come, "" when it may not."""
    last = max(daily.counts)
    if registered.date() <= last:
        return f"{last} was still running when the version came"
    ends = [daily.ends[day] for day in sorted(daily.ends) if day < last][-_ENDS:]
    if last not in daily.ends or len(ends) < _FEWEST_ENDS:
        return ""
    earliest = sorted(end - datetime.combine(end.date(), datetime.min.time()) for end in ends)[len(ends) // 10]
    end = daily.ends[last] - datetime.combine(last, datetime.min.time())
    if end + _EARLIER > earliest:
        return ""
    return (
        f"{last} ends at {daily.ends[last]:%H:%M}, and days end at {datetime.min + earliest:%H:%M} or later: incomplete"
    )
