"""Detectors of rising loss: what they promise of false alarms, what they see, and what they take for no change."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mlsteward.errors import InvalidArgument
from mlsteward.monitoring.adwin import cuts
from mlsteward.monitoring.baseline import Losses, baseline_of
from mlsteward.monitoring.budget import budget_words, duration_words, read_budget, read_every
from mlsteward.monitoring.loss_window import LossWindow
from mlsteward.monitoring.report import LossReport
from mlsteward.monitoring.shiryaev_roberts import BETS, ShiryaevRoberts, bet, change_point, evidence, first_above
from mlsteward.monitoring.watch import watch_losses

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)


def windows(errors: list[float], *, rows: int = 200, spread: float = 0.02, seed: int = 0) -> list[LossWindow]:
    """A window a day, each with so many rows of which about this share is wrong."""
    random = np.random.default_rng(seed)
    shares = np.clip(np.array(errors) + spread * random.standard_normal(len(errors)), 0, 1)
    wrong = random.binomial(rows, shares)
    days = [START + place * DAY for place in range(len(errors))]
    return [
        LossWindow(start=day, end=day + DAY, rows=rows, total=float(count), squares=float(count))
        for day, count in zip(days, wrong, strict=True)
    ]


def watch(found: list[LossWindow], **more: object) -> LossReport:
    return watch_losses(found, every=DAY, budget_days=730, **more)  # pyright: ignore[reportArgumentType] - given by name


def test_a_bet_is_worth_no_more_than_it_costs_when_nothing_changed() -> None:
    random = np.random.default_rng(1)
    for draw in (
        random.standard_normal(200_000),
        (random.chisquare(8, 200_000) - 8) / 4,
        random.choice([-1.0, 1.0], 200_000),
    ):
        skewness, kurtosis = float(np.mean(draw**3)), float(np.mean(draw**4))
        for stake in BETS:
            for level in (0.0, -0.5, -3.0):
                assert bet(draw + level, stake, skewness, kurtosis).mean() < 1.01


def test_a_bet_grows_with_the_loss_and_is_never_negative() -> None:
    z = np.linspace(-50, 50, 1001)
    for stake in BETS:
        values = bet(z, stake)
        assert (values > 0).all() and (np.diff(values) >= 0).all()


def test_false_alarms_are_no_more_frequent_than_the_budget_even_without_any_slack() -> None:
    z = np.random.default_rng(2).standard_normal((1500, 300))
    alarms = first_above(evidence(z), 1000) >= 0
    assert alarms.mean() <= 300 / 1000, "of streams of 300 windows at one false alarm in 1000"


def test_one_at_a_time_gives_the_evidence_of_all_at_once() -> None:
    z = np.random.default_rng(3).standard_normal(50) + 0.5
    detector = ShiryaevRoberts()
    assert [float(detector.update(value)) for value in z] == pytest.approx(list(evidence(z)))


def test_a_year_at_two_years_budget_is_quiet_and_a_rise_is_seen_within_days() -> None:
    random = np.random.default_rng(4)
    trials = 400

    def days(count: int, error: float) -> Losses:
        share = random.binomial(200, np.clip(error + 0.02 * random.standard_normal((trials, count)), 0, 1)) / 200
        return Losses(np.full(count, 200.0), share, share)

    base = baseline_of(days(30, 0.10), 0.05)

    def z(losses: Losses) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return (losses.mean - base.limit) / base.spread(losses.rows)

    quiet = first_above(evidence(z(days(365, 0.10)), base.skewness, base.kurtosis), 730)
    assert (quiet >= 0).mean() <= 0.06
    seen = first_above(evidence(z(days(60, 0.16)), base.skewness, base.kurtosis), 730)
    assert (seen >= 0).mean() > 0.95 and np.median(seen) + 1 <= 8


def test_the_alarm_says_since_when_and_how_much() -> None:
    report = watch(windows([0.10] * 70 + [0.18] * 20))
    assert report.state == "alarm" and report.reference
    assert report.since and abs((report.since - (START + 70 * DAY)).days) <= 3
    assert report.alarmed and START + 71 * DAY < report.alarmed <= START + 80 * DAY
    assert report.after == pytest.approx(0.18, abs=0.02) and report.before == pytest.approx(0.10, abs=0.02)
    assert report.reference.mean < report.reference.upper < report.reference.limit < 0.14
    assert "since 2026-03-1" in report.words and "alarm from 730" in report.words


def test_a_slow_rise_within_the_tolerance_is_a_notice_and_no_alarm() -> None:
    report = watch(windows([0.10] * 60 + [0.1055] * 200, rows=2000, spread=0.004))
    assert (report.state, report.alarmed) == ("notice", None)
    assert "within the limit" in report.words


def test_what_fell_again_is_no_notice_any_more() -> None:
    found = windows([0.10] * 60 + [0.108] * 60 + [0.09] * 60, rows=2000, spread=0.004)
    assert watch(found[:120]).state == "notice"
    assert watch(found).state == "steady"


def test_fewer_than_30_windows_are_not_enough_history() -> None:
    report = watch(windows([0.1] * 30))
    assert report.state == "not enough history" and "30 windows" in report.words
    given = watch(windows([0.1] * 5), reference=windows([0.1] * 29))
    assert "the reference has 29 windows" in given.words


def test_windows_without_outcomes_are_left_out() -> None:
    found = windows([0.1] * 60)
    empty = [LossWindow(start=one.end, end=one.end, rows=0, total=0, squares=0) for one in found]
    both = [window for pair in zip(found, empty, strict=True) for window in pair]
    assert watch(both) == watch(found)


def test_a_reference_from_before_the_deployment_is_held_against_from_the_first_window() -> None:
    report = watch(windows([0.2] * 8, seed=1), reference=windows([0.1] * 40))
    assert report.state == "alarm" and report.windows == 8


def test_after_an_alert_was_resolved_only_later_windows_count() -> None:
    found = windows([0.10] * 40 + [0.2] * 10 + [0.10] * 30)
    assert watch(found).state == "alarm"
    assert watch(found, since=START + 50 * DAY).state == "steady"
    assert watch(found, since=START + 500 * DAY).state == "steady"


def test_the_same_season_a_year_before_is_no_surprise() -> None:
    year = list(0.10 + 0.05 * np.sin(np.arange(364) / 364 * 2 * np.pi))
    found = windows([*year, *year], spread=0.01)
    assert watch(found).state == "alarm"
    after = watch(found, season=True, since=START + 364 * DAY)
    assert (after.state, after.reference and after.reference.season) == ("steady", True)


def test_days_that_differ_widen_the_spread_and_days_alike_do_not() -> None:
    alike, differing = (baseline_of(Losses.of(windows([0.1] * 90, spread=one)), 0.0) for one in (0.0, 0.05))
    rows = np.array([200.0])
    assert float(alike.spread(rows)[0]) == pytest.approx(np.sqrt(0.09 / 200), rel=0.25)
    assert float(differing.spread(rows)[0]) == pytest.approx(np.sqrt(0.05**2 + 0.09 / 200), rel=0.25)
    assert differing.spread(rows)[0] < differing.spread(np.array([5.0]))[0]


def test_days_that_go_with_the_day_before_count_for_less() -> None:
    random = np.random.default_rng(5)
    noise = random.standard_normal(120)
    for day in range(1, 120):
        noise[day] += 0.7 * noise[day - 1]
    base = baseline_of(Losses.of(windows(list(0.2 + 0.04 * noise), spread=0.0, rows=5000)), 0.0)
    assert base.correlation[0] > 0.5
    alone = baseline_of(Losses.of(windows(list(0.2 + 0.05 * random.standard_normal(120)), spread=0.0, rows=5000)), 0.0)
    assert alone.correlation[0] == 0
    assert (base.upper - base.mean)[0] > (alone.upper - alone.mean)[0]


def test_a_reference_without_a_single_loss_is_not_taken_for_a_model_that_never_errs() -> None:
    perfect = windows([0.0] * 40, spread=0.0)
    one_wrong = windows([0.005], spread=0.0, seed=3)
    assert watch([*perfect, *windows([0.0] * 5, spread=0.0)]).state == "steady"
    assert watch([*perfect, one_wrong[0].model_copy(update={"total": 1.0, "squares": 1.0})]).state == "steady"
    assert watch(windows([0.0] * 40 + [0.1] * 10, spread=0.0)).state == "alarm"


def test_the_change_point_is_where_the_mean_rose() -> None:
    u = np.concatenate([np.zeros(40), np.ones(10) * 2.0]) + 0.1 * np.random.default_rng(6).standard_normal(50)
    assert change_point(u) == 40


def test_adaptive_windowing_cuts_at_a_rise_and_keeps_its_budget() -> None:
    random = np.random.default_rng(7)
    quiet = random.standard_normal((300, 230))
    assert (cuts(quiet, 30, 2000).first >= 0).mean() <= 200 / 2000
    risen = quiet + np.where(np.arange(230) >= 130, 1.5, 0.0)
    found = cuts(risen, 30, 2000)
    assert (found.first >= 130).mean() > 0.9
    assert abs(np.median(found.at) - 130) <= 3


def test_windows_add_up() -> None:
    first, second = windows([0.1, 0.3])
    both = first + second
    assert (both.start, both.end, both.rows) == (first.start, second.end, 400)
    assert both.loss == pytest.approx((first.loss + second.loss) / 2)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("1 day", 1),
        ("daily", 1),
        ("6 hours", 0.25),
        ("weekly", 7),
        ("a week", 7),
        ("1.5 days", 1.5),
        ("Hourly", 1 / 24),
    ],
)
def test_how_often_is_read_as_people_write_it(text: str, days: float) -> None:
    assert read_every(text) == timedelta(days=days)


@pytest.mark.parametrize("text", ["one in 2 years", "2 years", "1 in 2 years", "once in 2 years", "730.5 days"])
def test_a_budget_is_a_time_between_false_alarms(text: str) -> None:
    assert read_budget(text, DAY) == timedelta(days=730.5)


def test_what_is_no_time_is_refused_in_words() -> None:
    for text in ("", "soon", "2", "0 days", "10 minutes"):
        with pytest.raises(InvalidArgument, match="every"):
            read_every(text)
    with pytest.raises(InvalidArgument, match=r"2\.9 weeks is the least"):
        read_budget("one in 2 weeks", DAY)


def test_the_total_of_several_budgets_is_stated() -> None:
    years = timedelta(days=730.5)
    assert budget_words([years]) == "one false alarm in 2 years, notices as many as one in 6 months"
    assert budget_words([years] * 4).startswith("one false alarm in 6 months over all 4 monitors")
    assert duration_words(timedelta(hours=6)) == "6 hours" and duration_words(timedelta(days=45)) == "1.5 months"
