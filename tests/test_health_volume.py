"""What a day should bring: patterns, faults, holidays, shifts and days that are not over."""

import math
import random
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import pytest

from mlsteward.errors import InvalidArgument
from mlsteward.health.calendar import calendar_of, public_holidays
from mlsteward.health.daily import DailyRows
from mlsteward.health.day_series import assemble
from mlsteward.health.examine import volume_by_version
from mlsteward.health.version import Version
from mlsteward.health.volume import ADAPTS_AFTER, MINIMUM_DAYS, Expectation, expected_ranges
from mlsteward.health.volume_report import VolumeFigures, volume_by_day
from mlsteward.health.volume_units import expected_next, unit_of

MONDAY = date(2024, 1, 1)
WEEK = [1000, 1100, 1050, 1080, 1200, 400, 300]
LATER = datetime(2030, 1, 1)


def counts(
    days: int, week: Sequence[float] = WEEK, noise: float = 0.03, seed: int = 1, trend: float = 0.0
) -> list[int]:
    """Counts with the pattern of a week, beginning on a Monday."""
    numbers = random.Random(seed)
    return [round(week[day % 7] * math.exp(numbers.gauss(0, noise) + trend * day)) for day in range(days)]


def last(series: Sequence[int], holidays: Mapping[date, str] | None = None) -> Expectation:
    """What is expected of the last day of a series."""
    found = expected_ranges(series, MONDAY, holidays or {})[-1]
    assert found is not None
    return found


def daily(series: Sequence[int], first: date = MONDAY, hour: int = 23) -> DailyRows:
    days = {first + timedelta(days=place): rows for place, rows in enumerate(series) if rows}
    ends = {day: datetime(day.year, day.month, day.day, hour) for day in days}
    oldest = datetime.combine(min(days), datetime.min.time())
    return DailyRows(rows=sum(series), oldest=oldest, newest=max(ends.values()), counts=days, ends=ends)


def judge(series: Sequence[int], registered: datetime = LATER) -> VolumeFigures:
    return volume_by_day(assemble(daily(series), registered), registered, {})


def test_nothing_is_expected_before_the_twenty_second_day() -> None:
    ranges = expected_ranges(counts(40), MONDAY, {})
    assert [expected is not None for expected in ranges].index(True) == MINIMUM_DAYS
    assert all(ranges[MINIMUM_DAYS:])


def test_nothing_is_expected_where_no_rows_came_since_the_second_week() -> None:
    assert judge([*counts(14), *[0] * 7, 1000]).report.words.startswith("15 days of rows, and 21 are needed")


@pytest.mark.parametrize("day", range(56, 63))
def test_each_weekday_is_held_to_its_own_kind(day: int) -> None:
    expected = last(counts(day + 1))
    assert expected.expected == pytest.approx(WEEK[day % 7], rel=0.05)
    assert expected.holds(WEEK[day % 7])
    assert not expected.holds(WEEK[day % 7] / 2)
    assert not expected.holds(WEEK[day % 7] * 2)
    assert not expected.holds(0)


def test_a_difference_below_a_fifth_is_no_alarm_however_regular_the_days_are() -> None:
    expected = last(counts(60, noise=0.0))
    assert expected.holds(0.81 * expected.expected)
    assert not expected.holds(0.78 * expected.expected)


def test_a_missing_day_and_a_burst_change_nothing_that_is_expected_later() -> None:
    plain = counts(60)
    hurt = [*plain[:50], 0, plain[51] * 20, *plain[52:]]
    assert last(hurt).expected == pytest.approx(last(plain).expected, rel=0.03)
    assert last(hurt).low == pytest.approx(last(plain).low, rel=0.1)


def test_a_trend_is_followed() -> None:
    ranges = expected_ranges(series := counts(400, trend=0.005), MONDAY, {})
    off = [place for place, expected in enumerate(ranges) if expected and not expected.holds(series[place])]
    assert len(off) <= 2


def test_alerts_of_a_lasting_shift_stop_after_the_days_that_are_stated() -> None:
    series = [*counts(90), *[rows // 2 for rows in counts(70, seed=2)][90 % 7 :]]
    ranges = expected_ranges(series, MONDAY, {})
    off = [place - 90 for place, expected in enumerate(ranges) if expected and not expected.holds(series[place])]
    assert off == [*range(ADAPTS_AFTER - 1)] or off == [*range(ADAPTS_AFTER)]


def test_a_closed_weekday_is_expected_to_be_empty() -> None:
    series = counts(61, [100, 100, 100, 100, 100, 0, 0])
    saturday = last([*series, 0])
    assert (saturday.expected, saturday.holds(0), saturday.holds(90), saturday.holds(500)) == (0, True, True, False)
    assert not last([*series[:58], 0]).holds(0), "a Wednesday without rows is a fault"


def test_a_handful_of_rows_a_day_may_be_none() -> None:
    numbers = random.Random(3)
    series = [sum(numbers.random() < 0.03 for _ in range(100)) for _ in range(100)]
    assert last(series).holds(0)
    assert not last(series).holds(40)


def test_a_holiday_may_be_as_quiet_as_the_quietest_weekday() -> None:
    series = counts(59)
    day = MONDAY + timedelta(days=58)
    plain, feast = last(series), last(series, {day: "Founders' Day"})
    assert not plain.holds(320)
    assert feast.holds(320)
    assert not feast.holds(0)
    assert feast.why == "Founders' Day"


@pytest.mark.parametrize("distance", [-1, 1])
def test_a_day_beside_a_new_holiday_may_be_as_any_open_weekday(distance: int) -> None:
    series = counts(60)
    day = MONDAY + timedelta(days=59)
    plain, beside = last(series), last(series, {day + timedelta(days=distance): "Founders' Day"})
    assert not plain.holds(320)
    assert beside.holds(320)
    assert not beside.holds(0)
    assert beside.why == "beside Founders' Day"


def test_a_date_that_was_quiet_in_the_year_before_may_be_quiet_again() -> None:
    series = counts(800)
    christmas = (date(2024, 12, 25) - MONDAY).days
    for year in (0, 365):
        series[christmas + year] = 200
    expected = expected_ranges(series, MONDAY, {})
    first, second = expected[christmas], expected[christmas + 365]
    assert first and not first.holds(200)
    assert second and second.holds(200) and second.why == "as in earlier years"


def test_days_without_rows_and_halved_days_are_named_with_what_was_expected() -> None:
    series = counts(60)
    series[50], series[55] = 0, series[55] // 3
    report = judge(series).report
    assert report.state == "failing"
    assert report.words.startswith("2 of 28 days off: 2024-02-20 had 0 rows (")
    assert "2024-02-25 had" in report.words
    assert report.breaches[0].evidence["days_off"] == 2


def test_a_day_somewhat_off_is_a_warning() -> None:
    series = counts(60)
    series[57] = round(series[57] * 0.7)
    assert judge(series).report.state == "warning"


def test_a_day_that_still_runs_is_no_alert_unless_it_has_too_many_rows() -> None:
    series = [*counts(59), 50]
    running = datetime.combine(MONDAY + timedelta(days=59), datetime.min.time()) + timedelta(hours=10)
    assert judge(series, running).report.state == "ok"
    assert "still running" in judge(series, running).report.words
    assert judge(series).report.state == "failing"
    assert judge([*series[:-1], 9000], running).report.state == "failing"


def test_a_last_day_that_ends_too_early_is_taken_as_incomplete() -> None:
    rows = daily([*counts(59), 50])
    assert rows.last
    rows.ends[rows.last] = datetime.combine(rows.last, datetime.min.time()) + timedelta(hours=4)
    report = volume_by_day(assemble(rows, LATER), LATER, {}).report
    assert report.state == "ok"
    assert "ends at 04:00, and days end at 23:00 or later: incomplete" in report.words


def test_only_days_that_the_version_brought_are_judged() -> None:
    series = counts(90)
    series[40] = 0
    before = daily(series[:80])
    assert judge(series[:60]).report.state == "failing"
    report = volume_by_day(assemble(daily(series), LATER, [before]), LATER, {}).report
    assert report.state == "ok"
    assert report.words.startswith("10 days as expected")
    assert "1 earlier day was off" in report.words


def test_days_before_the_version_began_are_missing_when_nobody_has_them() -> None:
    series = counts(70)
    before, after = daily(series[:60]), daily(series[62:], MONDAY + timedelta(days=62))
    report = volume_by_day(assemble(after, LATER, [before]), LATER, {}).report
    assert "2 of 10 days off: 2024-03-01 had 0 rows" in report.words


def test_two_versions_that_meet_within_a_day_share_it() -> None:
    series = counts(70)
    before, after = daily([*series[:59], 300], hour=9), daily([700, *series[60:]], MONDAY + timedelta(days=59), hour=23)
    after = after.model_copy(update={"oldest": datetime(2024, 2, 29, 10)})
    assert assemble(after, LATER, [before]).rows[59] == 1000


def test_a_window_that_moves_on_is_not_taken_for_lost_rows() -> None:
    series = counts(90)
    before = daily(series[:80])
    window = daily([series[50] // 3, *series[51:]], MONDAY + timedelta(days=50))
    assert volume_by_day(assemble(window, LATER, [before]), LATER, {}).report.state == "ok"


@pytest.mark.parametrize(
    ("every", "unit"),
    [(1, "day"), (7, "week"), (30, "month"), (200, "none")],
    ids=["daily", "weekly", "monthly", "odd"],
)
def test_rows_are_counted_by_the_unit_in_which_they_come(every: int, unit: str) -> None:
    series = [100 if day % every == 0 else 0 for day in range(400)]
    assert unit_of(series, MONDAY) == unit


def test_a_week_without_rows_is_found_where_rows_come_once_a_week() -> None:
    series = [100 if day % 7 == 2 else 0 for day in range(40 * 7)]
    assert judge(series).report.state == "ok"
    assert judge([*series[: 38 * 7], *[0] * 13, 5]).report.state == "failing"


def test_rows_of_a_table_without_times_are_judged_by_its_versions() -> None:
    def state(rows: Sequence[int]) -> str:
        versions = [
            Version(label=f"t@{n}", snapshot="", rows=count, registered=LATER) for n, count in enumerate(rows, start=1)
        ]
        return volume_by_version(versions).state

    assert state([1000] * 5) == "not enough history"
    assert state([1000] * 5 + [400]) == "warning"
    assert state(counts(30, [1000] * 7)) == "ok"
    assert state([*counts(30, [1000] * 7), 300]) == "failing"
    growing = [1000 * 1.05**n for n in range(40)]
    assert state([round(rows) for rows in growing]) == "ok"
    assert state([*(round(rows) for rows in growing), 3000]) == "failing"


def test_growth_is_expected_of_totals_that_grow() -> None:
    expected = expected_next([100 + 10 * step for step in range(30)])
    assert expected and expected.holds(400) and not expected.holds(200)


def test_a_calendar_is_named_by_a_tag_and_knows_parts_of_a_country() -> None:
    assert calendar_of(["finance", "holidays:DE-BY"], "US") == "DE-BY"
    assert calendar_of(["finance"], "US") == "US"
    found = public_holidays("de-by", date(2024, 1, 1), date(2024, 12, 31))
    assert date(2024, 1, 6) in found
    assert date(2024, 1, 6) not in public_holidays("DE", date(2024, 1, 1), date(2024, 12, 31))
    with pytest.raises(InvalidArgument, match="no holiday calendar 'DE-XX'"):
        public_holidays("DE-XX", date(2024, 1, 1), date(2024, 12, 31))
