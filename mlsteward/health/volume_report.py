"""The volume pillar: which of the days to judge are off, in words and figures."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from mlsteward.answer import counted
from mlsteward.health.day_series import DaySeries
from mlsteward.health.pillars import VOLUME, Breach, PillarReport, State, state_of
from mlsteward.health.version import JudgedDay
from mlsteward.health.volume import MINIMUM_DAYS, Expectation, expected_ranges
from mlsteward.health.volume_units import Unit, judge_totals, unit_of
from mlsteward.record import Record

_NAMED = 3
# So far from what is expected, a day is an error and not a warning.
_GRAVE = 2.0


class VolumeFigures(Record):
    """The volume pillar, and the days behind it, the newest last."""

    report: PillarReport
    days: list[JudgedDay] = []


def volume_by_day(series: DaySeries, registered: datetime, holidays: Mapping[date, str]) -> VolumeFigures:
    """Judge the days of `series` that are news; `registered` (UTC) is when their version came.

    A last day that may be incomplete is judged upwards only.
    """
    unit = unit_of(series.rows, series.first)
    if unit != "day":
        return VolumeFigures(report=_by_unit(series, unit, registered))
    ranges = expected_ranges(series.rows, series.first, holidays)
    if ranges[-1] is None:
        return VolumeFigures(report=_too_few(series.rows))
    days = [
        _judge(series.first + timedelta(days=place), rows, expected, series)
        for place, (rows, expected) in enumerate(zip(series.rows, ranges, strict=True))
        if expected
    ]
    judged = [day for day in days if day.day in series.news]
    return VolumeFigures(report=_report(judged, days, series.incomplete), days=days)


def _judge(day: date, rows: int, expected: Expectation, series: DaySeries) -> JudgedDay:
    running = bool(series.incomplete) and day == series.last
    off = rows > expected.high if running else not expected.holds(rows)
    return JudgedDay(day=day, rows=rows, off=off, running=running, **vars(expected))


def _report(judged: Sequence[JudgedDay], days: Sequence[JudgedDay], incomplete: str) -> PillarReport:
    off = [day for day in judged if day.off]
    more = f"; {incomplete}" if incomplete else ""
    if not off:
        newest = next((day for day in reversed(judged or days) if not day.running), days[-1])
        others = sum(day.off for day in days) - len(off)
        past = f"; {counted(others, 'earlier day was', 'earlier days were')} off" if others else ""
        words = f"{counted(len(judged), 'day')} as expected; {_words(newest)}{more}{past}"
        return PillarReport(pillar="volume", state="ok", words=words, passed=[VOLUME])
    worst = sorted(off, key=_distance, reverse=True)[:_NAMED]
    named = "; ".join(_words(day) for day in sorted(worst, key=lambda day: day.day))
    words = f"{len(off)} of {counted(len(judged), 'day')} off: {named}{more}"
    evidence: dict[str, str | float] = {
        "days_off": len(off),
        "day": str(worst[0].day),
        "rows": worst[0].rows,
        "expected": round(worst[0].expected),
    }
    severity = "error" if any(_grave(day) for day in off) else "warning"
    breach = Breach(check=VOLUME, severity=severity, words=words, evidence=evidence)
    return PillarReport(pillar="volume", state=state_of([breach]), words=words, breaches=[breach])


def _distance(day: JudgedDay) -> float:
    return max((day.low + 1) / (day.rows + 1), (day.rows + 1) / (day.high + 1))


def _grave(day: JudgedDay) -> bool:
    return day.rows == 0 or day.rows <= day.expected / _GRAVE or day.rows >= day.expected * _GRAVE


def _words(day: JudgedDay) -> str:
    why = f", {day.why}" if day.why else ""
    return f"{day.day:%Y-%m-%d} had {day.rows:,} rows ({day.low:,.0f}–{day.high:,.0f} expected{why})"


def _by_unit(series: DaySeries, unit: Unit, registered: datetime) -> PillarReport:
    if unit == "none":
        return _unknown("rows come on too few days to tell a pattern")
    judged = judge_totals(series.rows, series.first, unit, registered)
    if judged is None:
        return _unknown(f"rows come by the {unit}, and fewer than {MINIMUM_DAYS} {unit}s are complete")
    place, rows, expected = judged
    words = f"the {unit} of {place} had {rows:,} rows ({expected.low:,.0f}–{expected.high:,.0f} expected)"
    return report_of_one(words, rows, expected)


def report_of_one(words: str, rows: int, expected: Expectation) -> PillarReport:
    """The pillar for one figure and what was expected of it."""
    if expected.holds(rows):
        return PillarReport(pillar="volume", state="ok", words=words, passed=[VOLUME])
    grave = rows <= expected.expected / _GRAVE or rows >= expected.expected * _GRAVE
    evidence: dict[str, str | float] = {"rows": rows, "expected": round(expected.expected)}
    breach = Breach(check=VOLUME, severity="error" if grave else "warning", words=words, evidence=evidence)
    return PillarReport(pillar="volume", state=state_of([breach]), words=words, breaches=[breach])


def _too_few(series: Sequence[int]) -> PillarReport:
    return _unknown(f"{counted(sum(rows > 0 for rows in series), 'day')} of rows, and {MINIMUM_DAYS} are needed")


def _unknown(words: str) -> PillarReport:
    state: State = "not enough history"
    return PillarReport(pillar="volume", state=state, words=words)
