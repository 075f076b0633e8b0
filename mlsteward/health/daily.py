"""Rows per day of a table, counted by its event-time column."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from mlsteward.data.engine import quote, row_of
from mlsteward.record import Record

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Six years are enough to know a pattern by, and keep a stray date of long ago from making a million days.
MOST_DAYS = 2200
# A clock may be ahead of UTC by so much.
_AHEAD = timedelta(hours=14)


class TimeColumn(Record):
    """The column that says when a row happened; `text` when its times have to be read from words."""

    name: str
    text: bool = False

    @property
    def moment(self) -> str:
        """The column as a TIMESTAMP; null where it is no time, none that is finite, or before Python's times begin."""
        column = quote(self.name)
        moment = f"TRY_CAST({column} AS TIMESTAMP)" if self.text else f"CAST({column} AS TIMESTAMP)"
        return f"CASE WHEN isfinite({moment}) AND {moment} >= TIMESTAMP '{datetime.min}' THEN {moment} END"


class DailyRows(Record):
    """`counts` has the days that have rows, up to that of `newest`, which is not in the future; `ends` their last rows.

    `oldest` is the first row that was counted. `future` rows lie later than now, `undated` rows have no time.
    """

    rows: int
    oldest: datetime | None = None
    newest: datetime | None
    future: int = 0
    undated: int = 0
    counts: dict[date, int]
    ends: dict[date, datetime] = {}

    @property
    def first(self) -> date | None:
        return min(self.counts, default=None)

    @property
    def last(self) -> date | None:
        return max(self.counts, default=None)


def daily_rows(connection: "DuckDBPyConnection", source: str, column: TimeColumn, now: datetime) -> DailyRows:
    """Count the rows of each day, of the last `MOST_DAYS` days; `now` is in UTC without a zone."""
    latest = f"TIMESTAMP '{now + _AHEAD}'"
    moments = f"(SELECT {column.moment} AS moment FROM {source})"
    rows, dated, future, newest = row_of(
        connection,
        f"SELECT count(*), count(moment), count(*) FILTER (moment > {latest}), max(moment) FILTER (moment <= {latest})"
        f" FROM {moments}",
    )
    days: list[tuple[date, int, datetime, datetime]] = []
    if newest is not None:
        begin = max(datetime.combine(newest.date(), time()), datetime.min + timedelta(days=MOST_DAYS))
        since = begin - timedelta(days=MOST_DAYS - 1)
        days = connection.execute(
            f"SELECT CAST(moment AS DATE), count(*), min(moment), max(moment) FROM {moments}"
            f" WHERE moment >= TIMESTAMP '{since}' AND moment <= {latest} GROUP BY 1 ORDER BY 1"
        ).fetchall()
    return DailyRows(
        rows=rows,
        oldest=days[0][2] if days else None,
        newest=newest,
        future=future,
        undated=rows - dated,
        counts={day: count for day, count, *_ in days},
        ends={day: end for day, *_, end in days},
    )


def dense(counts: Mapping[date, int], first: date, last: date) -> list[int]:
    """The counts of every day from `first` to `last`, 0 for one without rows."""
    return [counts.get(first + timedelta(days=place), 0) for place in range((last - first).days + 1)]
