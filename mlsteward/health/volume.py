"""How many rows a day should bring: an expected range for every day, from the days before it.

The count of a day is taken in logarithms as level × weekday × surprise, each estimated by medians, so that neither a
missing day nor a burst moves what is expected of the days after it:

- the weekday's factor is the median, over its last eight weeks, of the distance from the median of the week that the
  day closes; the level is the median of the last 14 days with the weekdays taken out (a robust cousin of STL,
  Cleveland et al. 1990, with medians in place of the loess, as in Hochenbaum, Vallis & Kejariwal 2017, "Automatic
  anomaly detection in the cloud via statistical learning", arXiv:1704.07706);
- the spread is the scaled median of the absolute surprises of a year, that is of errors one day ahead, downwards and
  upwards each for itself; a day is off when it lies `SPREADS` of them away (the Hampel identifier: Davies & Gather
  1993, JASA 88:782), and by `SMALLEST` at least;
- `SHIFT` is added before the logarithm, and a spread is never below that of a Poisson count (the logarithm of a
  shifted count as Anscombe 1948, Biometrika 35:246, has it for counts spread wider than Poisson's);
- days without a row say nothing of level and factors. A weekday that is mostly empty is expected to be, and one that
  is empty now and then may be;
- a holiday, and a date that was surprising in years before (the same day of the month, or the same weekday of it), may
  be anything between an ordinary day and what it was then, as the holiday effects in Taylor & Letham 2018,
  "Forecasting at scale", The American Statistician 72:37. A holiday never seen before may be as quiet as the quietest
  weekday, and the days beside it as busy or quiet as any.

A median of 14 days follows a lasting change once the new level has `ADAPTS_AFTER` days: alerts then stop.
"""

import math
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import median

MINIMUM_DAYS = 21
SPREADS = 4.0
SMALLEST = math.log(1.25)
SHIFT = 4.0
ADAPTS_AFTER = 8
_LEVEL_DAYS = 14
_WEEKS = 8
_YEAR = 365
_OF_WEEKDAY = 26
_DRAWN = 8
_OF_A_SIDE = 10
# Surprises are collected from the third week on, when each weekday has been seen twice.
_WARM_UP = 14
# The MAD of a normal distribution is its standard deviation divided by this.
_MAD = 1.4826
# A holiday that was never seen may be half or double of what is usual.
_UNSEEN = math.log(2)
# A weekday that was empty in more than half of its last weeks is closed; in this share, it may be.
_SOMETIMES = 0.25

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Expectation:
    """What a day should bring, in rows; `why` names a holiday or a date of earlier years that widened the range."""

    expected: float
    low: float
    high: float
    why: str = ""

    def holds(self, rows: float) -> bool:
        return self.low <= rows <= self.high


@dataclass
class _Past:
    """What the days so far have left. `logs` has each day's count, None for an empty day."""

    holidays: Mapping[date, str]
    logs: list[float | None] = field(default_factory=list[float | None])
    deviations: list[deque[float]] = field(default_factory=lambda: [deque[float](maxlen=_WEEKS) for _ in range(7)])
    empty: list[deque[bool]] = field(default_factory=lambda: [deque[bool](maxlen=_WEEKS) for _ in range(7)])
    factors: list[float | None] = field(default_factory=lambda: [None] * 7)
    below: deque[float] = field(default_factory=lambda: deque[float](maxlen=_YEAR))
    above: deque[float] = field(default_factory=lambda: deque[float](maxlen=_YEAR))
    weekdays: list[deque[float]] = field(default_factory=lambda: [deque[float](maxlen=_OF_WEEKDAY) for _ in range(7)])
    special: dict[Key, list[float]] = field(default_factory=dict[Key, list[float]])

    def empty_share(self, day: date) -> float:
        seen = self.empty[day.weekday()]
        return sum(seen) / len(seen) if seen else 0.0

    def usual(self, day: date) -> float | None:
        """The logarithm of what an ordinary such day brings; of any ordinary day, where this weekday is closed."""
        known = self.factors
        recent: list[float] = []
        for back in range(1, len(self.logs) + 1):
            value, factor = self.logs[-back], known[(day.weekday() - back) % 7]
            if value is not None and factor is not None:
                recent.append(value - factor)
            if len(recent) >= _LEVEL_DAYS or (back >= _LEVEL_DAYS and len(recent) >= 3):
                break
        factor = known[day.weekday()]
        return median(recent) + (factor or 0.0) if recent else None

    def add(self, day: date, rows: int) -> None:
        value = math.log(rows + SHIFT) if rows else None
        self.logs.append(value)
        self.empty[day.weekday()].append(value is None)
        week = [each for each in self.logs[-7:] if each is not None]
        if value is not None:
            self.deviations[day.weekday()].append(value - median(week))
            self.factors[day.weekday()] = median(self.deviations[day.weekday()])

    def learn(self, day: date, surprise: float) -> None:
        for key in special_keys(day, self.holidays):
            self.special.setdefault(key, []).append(surprise)
        (self.below if surprise < 0 else self.above).append(abs(surprise))
        self.weekdays[day.weekday()].append(abs(surprise))

    def spreads(self) -> tuple[float, float]:
        """The spread of surprises downwards and upwards; that of all where a side has few."""
        both = [*self.below, *self.above]
        below, above = (_spread(side if len(side) >= _OF_A_SIDE else both) for side in (self.below, self.above))
        return below, above

    def restlessness(self, day: date) -> float:
        """How much wider this weekday spreads than all days do, drawn towards 1 while it was seen a few times only."""
        own, everyday = self.weekdays[day.weekday()], median([*self.below, *self.above])
        squared = (median(own) / everyday) ** 2 if own and everyday else 1.0
        return math.sqrt((_DRAWN + len(own) * squared) / (_DRAWN + len(own)))


def expected_ranges(counts: Sequence[int], first: date, holidays: Mapping[date, str]) -> list[Expectation | None]:
    """For each day from `first` on, what the days before it let expect; None while they are fewer than 21,
    or while no day had rows since the third week began.

    `counts` are rows per day without gaps, 0 for a day without rows; `holidays` names those of a calendar, {} without
    one. Each day is judged by earlier days alone.
    """
    past = _Past(holidays)
    found: list[Expectation | None] = []
    for place, rows in enumerate(counts):
        day = first + timedelta(days=place)
        usual = past.usual(day) if place >= _WARM_UP else None
        known = usual is not None and place >= MINIMUM_DAYS and (past.below or past.above)
        found.append(_expect(past, day, usual) if usual is not None and known else None)
        if usual is not None and rows:
            past.learn(day, math.log(rows + SHIFT) - usual)
        past.add(day, rows)
    return found


def special_keys(day: date, holidays: Mapping[date, str]) -> list[Key]:
    """What a day has in common with days of other years: its date, its weekday in the month, a holiday at hand."""
    keys: list[Key] = [("date", day.month, day.day), ("nth", day.month, day.weekday(), (day.day - 1) // 7)]
    if (day + timedelta(days=7)).month != day.month:
        keys.append(("last", day.month, day.weekday()))
    for distance in (-1, 0, 1):
        name = holidays.get(day - timedelta(days=distance))
        if name:
            keys.append(("holiday", name, distance))
    return keys


def _expect(past: _Past, day: date, usual: float) -> Expectation:
    noise = math.exp(-usual / 2)
    wider = past.restlessness(day)
    down, up = (max(SPREADS * max(wider * spread, noise), SMALLEST) for spread in past.spreads())
    least, most, why = _special(past, day, down, up)
    high = _rows(usual + most + up)
    share = past.empty_share(day)
    if share > 0.5:
        return Expectation(0.0, 0.0, high, "this weekday is usually empty")
    low = 0.0 if share >= _SOMETIMES else _rows(usual + least - down)
    return Expectation(_rows(usual), low if low >= 1 else 0.0, high, why)


def _special(past: _Past, day: date, down: float, up: float) -> tuple[float, float, str]:
    """How far below and above an ordinary day this one may lie, in logarithms, and why."""
    before = [surprise for key in special_keys(day, past.holidays) for surprise in past.special.get(key, ())]
    telling = [surprise for surprise in before if not -down / 2 < surprise < up / 2]
    least, most = min(0.0, *telling, 0.0), max(0.0, *telling, 0.0)
    name = past.holidays.get(day, "")
    if name and ("holiday", name, 0) not in past.special:
        quiet = -math.inf if any(sum(seen) > len(seen) / 2 for seen in past.empty) else _between(past, day)[0]
        return min(least, quiet, -_UNSEEN), max(most, _UNSEEN), name
    beside = [(past.holidays.get(day - timedelta(days=distance), ""), distance) for distance in (1, -1)]
    new = [other for other, distance in beside if other and ("holiday", other, distance) not in past.special]
    if new:
        quiet, busy = _between(past, day)
        least, most, name = min(least, quiet), max(most, busy), name or f"beside {new[0]}"
    return least, most, name or ("as in earlier years" if telling else "")


def _between(past: _Past, day: date) -> tuple[float, float]:
    """From this weekday to the quietest and to the busiest of those that are open."""
    factors = [factor for factor in past.factors if factor is not None]
    own = past.factors[day.weekday()] or 0.0
    return min(factors) - own, max(factors) - own


def _rows(value: float) -> float:
    return max(math.exp(value) - SHIFT, 0.0)


def _spread(distances: Collection[float]) -> float:
    """The spread that so many surprises speak for; few of them are themselves uncertain."""
    return _MAD * median(distances) * (1 + 3 / len(distances)) if distances else math.inf
