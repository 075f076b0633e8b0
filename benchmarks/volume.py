"""How often does the volume pillar catch a day whose rows went missing, and how often does it cry over an ordinary one?

Each day of real daily series, past the days that it needs to begin, is judged by the days before it, as it is and with
each fault planted: no row, half of them, 30 % fewer, twice as many. Targets, over the series held out: 95, 80, 30 and
80 % caught, at 0.5 % alerts on untouched days. `uv run python -m benchmarks.volume` (1 minute).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from benchmarks.daily_series import Daily, daily_series
from mlsteward.health.calendar import public_holidays
from mlsteward.health.volume import expected_ranges

FAULTS = {"none": 0.0, "−50 %": 0.5, "−30 %": 0.7, "×2": 2.0}


@dataclass(frozen=True)
class Score:
    """Days judged, alerts on them (`empty`: on days that had no row by themselves), and faults caught of planted."""

    days: int
    alerts: int
    empty: int
    planted: int
    caught: list[int]

    def share(self, fault: int) -> float:
        return self.caught[fault] / self.planted


def score(series: Daily, *, calendar: bool) -> Score:
    last = series.first + timedelta(days=len(series.counts) - 1)
    holidays = public_holidays(series.country, series.first, last) if calendar and series.country else {}
    judged = [
        (rows, expected)
        for rows, expected in zip(series.counts, expected_ranges(series.counts, series.first, holidays), strict=True)
        if expected
    ]
    open_days = [(rows, expected) for rows, expected in judged if rows and expected.expected >= 1]
    off = [rows for rows, expected in judged if not expected.holds(rows)]
    caught = [
        sum(not expected.holds(round(rows * factor)) for rows, expected in open_days) for factor in FAULTS.values()
    ]
    return Score(len(judged), len(off), off.count(0), len(open_days), caught)


def report(title: str, series: Sequence[Daily], *, calendar: bool) -> None:
    print(f"\n{title}")
    print(f"{'':56}{'days':>6}{'alerts':>8}{'(empty)':>8}" + "".join(f"{fault:>7}" for fault in FAULTS))
    scores = [(one, score(one, calendar=calendar)) for one in series]
    for one, found in scores:
        shares = "".join(f"{found.share(fault):7.0%}" for fault in range(len(FAULTS)))
        rate = found.alerts / found.days
        print(f"{one.what:56}{found.days:6}{rate:8.2%}{found.empty:8}{shares}")
    days = sum(found.days for _, found in scores)
    alerts = sum(found.alerts for _, found in scores)
    means = [sum(found.share(fault) for _, found in scores) / len(scores) for fault in range(len(FAULTS))]
    mean = sum(found.alerts / found.days for _, found in scores) / len(scores)
    print(f"{'all: alerts by day, catches by series':56}{days:6}{alerts / days:8.2%}{'':8}", end="")
    print("".join(f"{share:7.0%}" for share in means))
    print(f"{'all: alerts, the mean of the series':62}{mean:8.2%}")


def main() -> None:
    series = daily_series()
    held_out = [one for one in series if one.held_out]
    report("Held out, with a holiday calendar", held_out, calendar=True)
    report("Held out, without a calendar", held_out, calendar=False)
    report("Tuned on, with a holiday calendar", [one for one in series if not one.held_out], calendar=True)


if __name__ == "__main__":
    main()
