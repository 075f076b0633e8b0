"""The pillars that need the rows: freshness and volume, from the files of a dataset's versions."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.answer import counted
from mlsteward.data.engine import literal
from mlsteward.errors import InvalidArgument
from mlsteward.health.calendar import public_holidays
from mlsteward.health.daily import MOST_DAYS, DailyRows, daily_rows
from mlsteward.health.day_series import assemble, rows_by_day
from mlsteward.health.freshness import Arrival, freshness
from mlsteward.health.pillars import PillarReport
from mlsteward.health.version import Version
from mlsteward.health.volume import MINIMUM_DAYS
from mlsteward.health.volume_report import VolumeFigures, report_of_one, volume_by_day
from mlsteward.health.volume_units import expected_next
from mlsteward.record import Record

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# So many files and rows of older versions are read for the days that only they have.
_FILES = 60
_ROWS = 20_000_000
# Without history, a version is suspicious that has less than half of the fewest rows so far, or twice the most.
_HALF = 2


class Examined(Record):
    """Both pillars, and the days that were counted."""

    freshness: PillarReport
    volume: VolumeFigures


def examine(
    connection: "DuckDBPyConnection",
    workspace: Path,
    versions: Sequence[Version],
    now: datetime,
    calendar: str = "",
) -> Examined:
    """Judge the last of `versions` (oldest first) by the ones before it; `now` is in UTC without a zone."""
    version, past = versions[-1], versions[:-1]
    if version.time is None:
        arrivals = [Arrival(one.registered) for one in versions]
        return Examined(
            freshness=freshness(now, arrivals, {}), volume=VolumeFigures(report=volume_by_version(versions))
        )
    daily = _count(connection, workspace, version, now)
    older = _older_days(connection, workspace, past, daily, now)
    arrivals = [*(Arrival(one.registered, one.newest) for one in past), Arrival(version.registered, daily.newest)]
    counts = rows_by_day(daily, older)
    fresh = freshness(now, arrivals, counts, daily.future, daily.rows)
    holidays, unknown = _holidays(calendar, counts)
    figures = _volume(daily, version, holidays, older)
    words = [figures.report.words, unknown]
    if daily.undated:
        words.append(f"{counted(daily.undated, 'row has', 'rows have')} no time in {version.time.name}")
    told = {"words": "; ".join(filter(None, words)), "columns": [version.time.name]}
    return Examined(
        freshness=fresh.model_copy(update={"columns": told["columns"]}),
        volume=figures.model_copy(update={"report": figures.report.model_copy(update=told)}),
    )


def _volume(
    daily: DailyRows,
    version: Version,
    holidays: Mapping[date, str],
    older: Sequence[DailyRows],
) -> VolumeFigures:
    if not daily.counts:
        words = "no row has a time that can be read, or all lie in the future"
        return VolumeFigures(report=PillarReport(pillar="volume", state="not enough history", words=words))
    return volume_by_day(assemble(daily, version.registered, older), version.registered, holidays)


def volume_by_version(versions: Sequence[Version]) -> PillarReport:
    """Judge the rows of the last version by those of the versions before it, where rows have no time."""
    version, past = versions[-1], [one.rows for one in versions[:-1]]
    expected = expected_next(past)
    if expected:
        words = f"{version.rows:,} rows ({expected.low:,.0f}–{expected.high:,.0f} expected by {len(past)} versions)"
        return report_of_one(words, version.rows, expected)
    words = f"{counted(len(versions), 'version')} without an event time, and {MINIMUM_DAYS} are needed"
    if past and (version.rows * _HALF < min(past) or version.rows > max(past) * _HALF):
        words = f"{version.rows:,} rows, and {past[-1]:,} in {versions[-2].label}; {words}"
        return PillarReport(pillar="volume", state="warning", words=words)
    return PillarReport(pillar="volume", state="not enough history", words=f"{version.rows:,} rows; {words}")


def _count(connection: "DuckDBPyConnection", workspace: Path, version: Version, now: datetime) -> DailyRows:
    assert version.time
    source = f"read_parquet({literal(str(workspace / version.snapshot))})"
    return daily_rows(connection, source, version.time, now)


def _older_days(
    connection: "DuckDBPyConnection", workspace: Path, past: Sequence[Version], daily: DailyRows, now: datetime
) -> list[DailyRows]:
    """The days of the version before, then those of older versions that reach further back."""
    readable = [one for one in past if one.time and (workspace / one.snapshot).is_file()]
    if not readable or daily.first is None or daily.last is None:
        return []
    found = [_count(connection, workspace, readable[-1], now)]
    reach = min([daily.first, *found[0].counts])
    rows = 0
    for version in reversed(readable[:-1]):
        if len(found) > _FILES or rows + version.rows > _ROWS or (daily.last - reach).days > MOST_DAYS:
            break
        if version.first is None or version.first.date() < reach:
            found.append(_count(connection, workspace, version, now))
            reach = min([reach, *found[-1].counts])
            rows += version.rows
    return found


def _holidays(calendar: str, counts: Mapping[date, int]) -> tuple[dict[date, str], str]:
    """The holidays of the days in question, and what is wrong with the calendar's name."""
    if not calendar or not counts:
        return {}, ""
    try:
        return public_holidays(calendar, min(counts), max(counts)), ""
    except InvalidArgument as error:
        return {}, error.said()
