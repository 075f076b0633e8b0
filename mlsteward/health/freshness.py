"""Is the newest data as new as it usually is?

Lateness is judged by gaps: how long it has been since data came, against how long it took after such a weekday before
(weekends and closing days make gaps that depend on the day they begin on). A gap is plausible up to the median of the
gaps before it plus four scaled median absolute deviations (the Hampel identifier: Davies & Gather 1993, JASA 88:782),
a quarter of an ordinary gap more than the longest but one that was seen, or an hour more than the median, whichever is
longest. The longest gap seen does not count, because it may have been an outage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from statistics import median

from mlsteward.health.pillars import FRESHNESS, FUTURE, Breach, PillarReport

MINIMUM_GAPS = 7
MINIMUM_DAYS = 21
_MAD = 1.4826
_SPREADS = 4
_MARGIN = 0.25
_OF_WEEKDAY = 4
_MOST_GAPS = 60
_ARCHIVE = 4


@dataclass(frozen=True)
class Arrival:
    """A version that came: when, and the newest event time that it held then."""

    registered: datetime
    newest: datetime | None = None


@dataclass(frozen=True)
class Gap:
    """How long it took from `start` until the next data came."""

    start: datetime
    length: timedelta


@dataclass(frozen=True)
class Limit:
    """How old the data may plausibly be, and what says so."""

    length: timedelta
    basis: str


def freshness(
    now: datetime, arrivals: Sequence[Arrival], counts: Mapping[date, int], future: int = 0, rows: int = 0
) -> PillarReport:
    """Judge the newest of `arrivals` (oldest first; the last one is what is looked at) at the moment `now`.

    `counts` are rows per day of the event-time column, {} without one; `future` of `rows` lie after now.
    """
    newest = arrivals[-1]
    since = newest.newest or newest.registered
    age = now - since
    breaches = _in_the_future(future, rows)
    limit = plausible_age(arrivals, counts)
    what = f"newest row of {_moment(since)}" if newest.newest else f"registered {_moment(since)}"
    facts = f"{what}, {words_of(age)} ago"
    if limit is None:
        because = _why_unknown(arrivals)
        state = "warning" if breaches else "not enough history"
        words = "; ".join([*(breach.words for breach in breaches), f"{facts}; {because}"])
        return PillarReport(pillar="freshness", state=state, words=words, breaches=breaches)
    expected = f"{words_of(limit.length)} at most is usual ({limit.basis})"
    if age <= limit.length:
        words = "; ".join([*(breach.words for breach in breaches), f"{facts}, where {expected}"])
        state = "warning" if breaches else "ok"
        return PillarReport(pillar="freshness", state=state, words=words, breaches=breaches, passed=[FRESHNESS])
    late = Breach(
        check=FRESHNESS,
        severity="error",
        words=f"late: {facts}, where {expected}",
        evidence={"age_hours": _hours(age), "usual_hours": _hours(limit.length), "newest": _moment(since)},
    )
    words = "; ".join(breach.words for breach in [late, *breaches])
    return PillarReport(pillar="freshness", state="failing", words=words, breaches=[late, *breaches])


def plausible_age(arrivals: Sequence[Arrival], counts: Mapping[date, int]) -> Limit | None:
    """How old the newest data may be before something is wrong; None where history does not tell.

    Best known from how old the rows were each time that newer ones replaced them; else from the days that have rows,
    when the version was not old already when it came; without an event time from when versions came.
    """
    newest = arrivals[-1]
    if newest.newest:
        replaced = [
            Gap(before.newest, after.registered - before.newest)
            for before, after in pairwise(arrivals)
            if before.newest
            and after.newest
            and after.newest > before.newest
            # Versions that came much faster than their rows happened are an archive, and were never fresh.
            and _ARCHIVE * (after.registered - before.registered) >= after.newest - before.newest
        ]
        if len(replaced) >= MINIMUM_GAPS:
            return Limit(plausible(replaced, newest.newest), f"{len(replaced)} updates")
        return _by_days(newest.newest, newest.registered, counts)
    came = [arrival.registered for arrival in arrivals]
    gaps = [Gap(before, after - before) for before, after in pairwise(came)]
    if len(gaps) < MINIMUM_GAPS:
        return None
    return Limit(plausible(gaps, came[-1]), f"{len(gaps)} updates")


def plausible(gaps: Sequence[Gap], start: datetime) -> timedelta:
    """The longest plausible gap that begins at `start`, from at least one gap before it."""
    recent = gaps[-_MOST_GAPS:]
    same = [gap for gap in recent if gap.start.weekday() == start.weekday()]
    hours = sorted(_hours(gap.length) for gap in (same if len(same) >= _OF_WEEKDAY else recent))
    middle = median(hours)
    spread = _MAD * median(abs(length - middle) for length in hours)
    longest_but_one = hours[-2] if len(hours) > 1 else hours[-1]
    margin = _MARGIN * median(_hours(gap.length) for gap in recent)
    return timedelta(hours=max(middle + _SPREADS * spread, longest_but_one + margin, middle + 1))


def _by_days(newest: datetime, registered: datetime, counts: Mapping[date, int]) -> Limit | None:
    """From the gaps between days with rows, and the time that the rows took to get here."""
    days = sorted(counts)
    if len(days) < 3 or (days[-1] - days[0]).days + 1 < MINIMUM_DAYS:
        return None
    starts = [datetime.combine(day, time()) for day in days]
    gaps = [Gap(before, after - before) for before, after in pairwise(starts)]
    longest = plausible(gaps, newest)
    # Rows come some time after they happened, and newer ones may come a day of theirs later.
    delay = max(registered - newest, timedelta())
    if delay > 2 * longest + timedelta(days=1):
        return None
    return Limit(longest + delay + timedelta(days=1), f"the days with rows, and {words_of(delay)} to get here")


def _why_unknown(arrivals: Sequence[Arrival]) -> str:
    newest = arrivals[-1]
    versions = "1 version" if len(arrivals) == 1 else f"{len(arrivals)} versions"
    if newest.newest and newest.registered - newest.newest > timedelta(days=30):
        return f"{versions} and rows that were old when they came tell no rhythm"
    return f"{versions} {'tells' if len(arrivals) == 1 else 'tell'} no rhythm yet"


def _in_the_future(future: int, rows: int) -> list[Breach]:
    # A table of what is planned lies in the future by its nature.
    if not future or 2 * future > rows:
        return []
    words = f"{future:,} row{'s' if future > 1 else ''} dated in the future"
    return [Breach(check=FUTURE, severity="warning", words=words, evidence={"rows": future})]


def words_of(length: timedelta) -> str:
    """`3 days 4 h`, `40 h` or `40 min`."""
    minutes = round(length.total_seconds() / 60)
    if minutes < 90:
        return f"{max(minutes, 0)} min"
    hours = round(minutes / 60)
    if hours < 48:
        return f"{hours} h"
    days, rest = divmod(hours, 24)
    return f"{days:,} days {rest} h" if rest and days < 10 else f"{days:,} days"


def _hours(length: timedelta) -> float:
    return round(length.total_seconds() / 3600, 2)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
