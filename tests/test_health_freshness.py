"""Is the newest data as new as it usually is? Judged at a moment that the test names."""

from datetime import date, datetime, timedelta

import pytest

from mlsteward.contracts.check import CheckResult
from mlsteward.health.freshness import Arrival, freshness, plausible_age, words_of
from mlsteward.health.pillars import PillarReport
from mlsteward.health.quality import quality_pillar, stated_freshness

MONDAY = datetime(2024, 1, 1, 6)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def weekdays(count: int, delay: timedelta = 6 * HOUR) -> list[Arrival]:
    """Versions that come each morning from Tuesday to Saturday, with all of the day before."""
    days = [MONDAY + n * DAY for n in range(count * 2) if (MONDAY + n * DAY).weekday() < 5][:count]
    return [Arrival(day.replace(hour=0) + DAY + delay, day.replace(hour=23)) for day in days]


def days_of(arrivals: list[Arrival]) -> dict[date, int]:
    return {arrival.newest.date(): 100 for arrival in arrivals if arrival.newest}


def judge(arrivals: list[Arrival], age: timedelta) -> PillarReport:
    """The pillar, so long after the newest row (or, without rows' times, after the last version)."""
    newest = arrivals[-1].newest or arrivals[-1].registered
    return freshness(newest + age, arrivals, days_of(arrivals))


def test_data_that_comes_every_working_day_is_late_on_a_working_day_and_not_at_the_weekend() -> None:
    until_friday, until_wednesday = weekdays(30), weekdays(28)
    assert until_friday[-1].newest and until_friday[-1].newest.weekday() == 4
    assert judge(until_wednesday, 20 * HOUR).state == "ok"
    assert judge(until_wednesday, 2 * DAY).state == "failing"
    assert judge(until_friday, 2 * DAY).state == "ok", "nothing comes on a Sunday"
    assert judge(until_friday, 4 * DAY).state == "failing"


def test_what_is_late_says_since_when_and_what_is_usual() -> None:
    report = judge(weekdays(28), 3 * DAY)
    assert report.words == (
        "late: newest row of 2024-02-07 23:00, 3 days ago, where 39 h at most is usual (27 updates)"
    )
    assert report.breaches[0].check == "freshness"
    assert report.breaches[0].evidence["age_hours"] == 72


def test_one_outage_in_the_past_does_not_make_the_next_one_plausible() -> None:
    arrivals = weekdays(60)
    outage = arrivals[:20] + arrivals[30:]
    assert judge(outage, 8 * DAY).state == "failing"


def test_few_versions_are_judged_by_the_days_that_have_rows() -> None:
    (newest,) = weekdays(30)[-1:]
    days = days_of(weekdays(30))
    assert newest.newest
    assert freshness(newest.newest + 2 * DAY, [newest], days).state == "ok"
    late = freshness(newest.newest + 9 * DAY, [newest], days)
    assert late.state == "failing"
    assert "the days with rows, and 7 h to get here" in late.words


def test_rows_that_were_old_when_they_came_are_not_called_late() -> None:
    archive = Arrival(datetime(2024, 6, 1), datetime(2013, 12, 31, 23))
    days = {date(2013, 1, 1) + n * DAY: 900 for n in range(365)}
    report = freshness(datetime(2024, 6, 2), [archive], days)
    assert report.state == "not enough history"
    assert "old when they came" in report.words


def test_without_times_of_rows_the_rhythm_of_versions_counts() -> None:
    arrivals = [Arrival(MONDAY + n * 7 * DAY) for n in range(12)]
    assert judge(arrivals, 8 * DAY).state == "ok"
    assert judge(arrivals, 15 * DAY).state == "failing"
    assert judge(arrivals[:7], 15 * DAY).state == "not enough history"


def test_a_single_version_without_times_says_how_old_it_is_and_nothing_more() -> None:
    report = judge([Arrival(MONDAY)], 40 * DAY)
    assert report.state == "not enough history"
    assert report.words == "registered 2024-01-01 06:00, 40 days ago; 1 version tells no rhythm yet"


@pytest.mark.parametrize(("future", "state"), [(0, "ok"), (3, "warning"), (80, "ok")])
def test_rows_of_the_future_are_a_warning_unless_most_rows_are(future: int, state: str) -> None:
    arrivals = weekdays(30)
    assert arrivals[-1].newest
    report = freshness(arrivals[-1].newest + HOUR, arrivals, days_of(arrivals), future, 100)
    assert report.state == state
    assert ("future" in report.words) == (state == "warning")


def test_the_same_history_gives_the_same_limit_whenever_it_is_asked() -> None:
    arrivals = weekdays(40)
    assert plausible_age(arrivals, {}) == plausible_age(arrivals, days_of(arrivals))


@pytest.mark.parametrize(
    ("length", "words"),
    [(timedelta(minutes=5), "5 min"), (timedelta(hours=30), "30 h"), (timedelta(days=3, hours=4), "3 days 4 h")],
)
def test_lengths_are_written_for_people(length: timedelta, words: str) -> None:
    assert words_of(length) == words


def stated(age: str, *, passed: bool) -> CheckResult:
    """What came of a contract's check that the data is no older than a day."""
    words = f"the newest value is {age} old, and 1 day is allowed"
    return CheckResult(
        check="fresh", type="freshness", severity="error", passed=passed, expected="freshness <= 1 day", words=words
    )


def test_what_the_contract_states_takes_the_place_of_what_was_learned() -> None:
    learned = judge(weekdays(28), 3 * DAY)
    assert learned.state == "failing"
    kept = stated_freshness(learned, [stated("20 hours", passed=True)])
    assert kept and (kept.state, kept.breaches, kept.passed) == ("ok", [], ["freshness"])
    assert kept.words == "by contract: the newest value is 20 hours old, and 1 day is allowed"
    late = stated_freshness(judge(weekdays(28), HOUR), [stated("3 days", passed=False)])
    assert late and (late.state, late.passed) == ("failing", [])
    assert late.breaches == [], "the contract's own check raises the alert"
    assert stated_freshness(learned, []) is None


def test_quality_is_as_grave_as_the_gravest_check_that_failed() -> None:
    def result(name: str, severity: str, *, passed: bool, skipped: bool = False) -> CheckResult:
        return CheckResult.model_validate(
            {
                "check": name,
                "type": "range",
                "severity": severity,
                "passed": passed,
                "skipped": skipped,
                "expected": name,
                "words": f"{name} does not hold",
            }
        )

    well, unsure = result("a", "error", passed=True), result("b", "error", passed=True, skipped=True)
    assert quality_pillar([well, unsure]).words == (
        "all 2 checks of the contract pass, 1 of them without enough history"
    )
    minor, grave = result("c", "warning", passed=False), result("d", "error", passed=False)
    assert quality_pillar([well, minor]).state == "warning"
    report = quality_pillar([well, minor, grave])
    assert report.state == "failing"
    assert report.words == "2 of 3 checks failed: d does not hold; c does not hold"
    assert quality_pillar([result("e", "info", passed=False)]).state == "ok"


def test_months_of_an_archive_registered_in_one_morning_tell_no_rhythm() -> None:
    months = [datetime(2023, month, 28, 23) for month in range(1, 11)]
    arrivals = [Arrival(MONDAY + place * HOUR / 60, month) for place, month in enumerate(months)]
    days = {months[0].date() + place * DAY: 100 for place in range((months[-1] - months[0]).days + 1)}
    report = freshness(MONDAY + HOUR, arrivals, days)
    assert report.state == "not enough history"
    assert "rows that were old when they came tell no rhythm" in report.words


def test_of_many_checks_that_fail_the_first_three_are_named_and_the_others_counted() -> None:
    report = quality_pillar([stated(f"{days} days", passed=False) for days in range(2, 7)])
    assert report.words.endswith("; 2 more")
