"""Freshness and volume from the rows of versions, whatever their times look like."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mlsteward.data.engine import connect, literal
from mlsteward.health.daily import TimeColumn
from mlsteward.health.examine import Examined, Version, examine

NOW = datetime(2024, 3, 31, 6)
AT = TimeColumn(name="sold")


def version(folder: Path, name: str, rows: str, time: TimeColumn | None = AT, registered: datetime = NOW) -> Version:
    """A version whose rows a SELECT over `days` makes: 90 days of 100 rows each, up to yesterday."""
    days = (
        "SELECT TIMESTAMP '2024-01-01' + INTERVAL (n // 100) DAY + INTERVAL (n % 24) HOUR AS sold, n"
        " FROM range(9000) AS numbers(n)"
    )
    file = folder / f"{name}.parquet"
    with connect(memory_mb=256, threads=1) as connection:
        connection.execute(f"COPY (WITH days AS ({days}) {rows}) TO {literal(str(file))} (FORMAT parquet)")
        ((count,),) = connection.execute(f"SELECT count(*) FROM read_parquet({literal(str(file))})").fetchall()
    return Version(label=name, snapshot=file.name, rows=count, registered=registered, time=time)


def look(folder: Path, *versions: Version, calendar: str = "") -> Examined:
    with connect(memory_mb=256, threads=1) as connection:
        return examine(connection, folder, versions, NOW, calendar)


@pytest.mark.parametrize(
    ("rows", "time"),
    [
        ("SELECT sold FROM days", AT),
        ("SELECT CAST(sold AS DATE) AS sold FROM days", AT),
        ("SELECT CAST(sold AS VARCHAR) AS sold FROM days", TimeColumn(name="sold", text=True)),
        ('SELECT sold AS "when, ""exactly""" FROM days', TimeColumn(name='when, "exactly"')),
    ],
    ids=["timestamp", "date", "text", "odd name"],
)
def test_times_are_read_as_timestamps_dates_and_text(tmp_path: Path, rows: str, time: TimeColumn) -> None:
    found = look(tmp_path, version(tmp_path, "t@1", rows, time))
    assert (found.freshness.state, found.volume.report.state) == ("ok", "ok")
    assert found.volume.report.words.startswith("28 days as expected; 2024-03-30 had 100 rows (66–150 expected)")
    assert found.volume.report.columns == [time.name]


def test_a_day_without_rows_is_found_in_the_rows(tmp_path: Path) -> None:
    found = look(tmp_path, version(tmp_path, "t@1", "SELECT sold FROM days WHERE sold::DATE <> '2024-03-20'"))
    assert "1 of 28 days off: 2024-03-20 had 0 rows" in found.volume.report.words


def test_a_column_of_nulls_tells_nothing_and_breaks_nothing(tmp_path: Path) -> None:
    found = look(tmp_path, version(tmp_path, "t@1", "SELECT CAST(NULL AS TIMESTAMP) AS sold FROM days"))
    assert (found.freshness.state, found.volume.report.state) == ("not enough history", "not enough history")
    assert "9,000 rows have no time in sold" in found.volume.report.words


def test_text_that_is_no_time_is_counted_as_undated(tmp_path: Path) -> None:
    rows = "SELECT CASE WHEN n % 1000 = 0 THEN 'soon' ELSE CAST(sold AS VARCHAR) END AS sold FROM days"
    found = look(tmp_path, version(tmp_path, "t@1", rows, TimeColumn(name="sold", text=True)))
    assert found.volume.report.words.endswith("; 9 rows have no time in sold")


@pytest.mark.parametrize("stray", ["9999-12-31", "infinity", "290000-01-01", "0001-01-01", "-infinity", "2031-05-05"])
def test_a_stray_date_moves_neither_the_newest_row_nor_the_days(tmp_path: Path, stray: str) -> None:
    rows = f"SELECT sold FROM days UNION ALL SELECT TIMESTAMP '{stray}'"
    found = look(tmp_path, version(tmp_path, "t@1", rows))
    assert "newest row of 2024-03-30 23:00" in found.freshness.words
    assert found.volume.report.state == "ok"
    ahead = stray in ("9999-12-31", "290000-01-01", "2031-05-05")
    assert ("1 row dated in the future" in found.freshness.words) == ahead


def test_times_before_the_year_one_are_no_times(tmp_path: Path) -> None:
    found = look(tmp_path, version(tmp_path, "t@1", "SELECT TIMESTAMP '0044-03-15 (BC)' AS sold FROM days"))
    assert "9,000 rows have no time in sold" in found.volume.report.words


def test_a_table_of_the_future_has_no_days_to_judge(tmp_path: Path) -> None:
    found = look(tmp_path, version(tmp_path, "t@1", "SELECT sold + INTERVAL 3 YEAR AS sold FROM days"))
    assert found.volume.report.state == "not enough history"
    assert "future" in found.volume.report.words


def test_a_single_row_is_no_history(tmp_path: Path) -> None:
    found = look(tmp_path, version(tmp_path, "t@1", "SELECT sold FROM days LIMIT 1"))
    assert found.volume.report.words == "1 day of rows, and 21 are needed"
    assert found.freshness.state == "not enough history"


def test_months_that_came_as_versions_are_one_history(tmp_path: Path) -> None:
    months = [
        version(tmp_path, f"t@{month}", f"SELECT sold FROM days WHERE month(sold) = {month}", registered=registered)
        for month, registered in [(1, datetime(2024, 2, 1)), (2, datetime(2024, 3, 1)), (3, NOW)]
    ]
    found = look(tmp_path, *months)
    assert found.volume.report.words.startswith("30 days as expected")
    assert len(found.volume.days) == 90 - 21


def test_snapshots_that_are_gone_are_left_out_of_the_history(tmp_path: Path) -> None:
    before, now = (
        version(tmp_path, "t@1", "SELECT sold FROM days WHERE n < 6000"),
        version(tmp_path, "t@2", "FROM days"),
    )
    (tmp_path / before.snapshot).unlink()
    assert look(tmp_path, before, now).volume.report.state == "ok"


def test_without_times_the_rows_of_versions_count(tmp_path: Path) -> None:
    moments = [NOW - timedelta(days=30 - n) for n in range(30)]
    past = [Version(label=f"t@{n}", snapshot="", rows=9000 + n, registered=at) for n, at in enumerate(moments)]
    few = version(tmp_path, "t@31", "SELECT n FROM days LIMIT 90", None)
    assert look(tmp_path, *past, few).volume.report.state == "failing"
    assert look(tmp_path, *past, few).freshness.state == "ok"


def test_a_calendar_that_is_unknown_is_said_and_does_not_stop_the_check(tmp_path: Path) -> None:
    found = look(tmp_path, version(tmp_path, "t@1", "SELECT sold FROM days"), calendar="USA-ZZ")
    assert found.volume.report.state == "ok"
    assert "There is no holiday calendar 'USA-ZZ'" in found.volume.report.words
