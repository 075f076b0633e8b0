"""Watching the losses of a deployment: what they are held against, whether they crossed it, and since when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from mlsteward.answer import counted, number
from mlsteward.monitoring.adwin import cuts
from mlsteward.monitoring.budget import NOTICES
from mlsteward.monitoring.held import Held, hold
from mlsteward.monitoring.loss_window import LossWindow
from mlsteward.monitoring.report import FEWEST, LossReport, Reference
from mlsteward.monitoring.shiryaev_roberts import change_point, evidence, first_above

TOLERANCE = 0.05


def watch_losses(
    windows: Sequence[LossWindow],
    *,
    every: timedelta,
    budget_days: float,
    reference: Sequence[LossWindow] = (),
    tolerance: float = TOLERANCE,
    season: bool = False,
    since: datetime | None = None,
) -> LossReport:
    """What the losses say, all windows in the order of time; those without outcomes are left out.

    `reference` are windows that the model was judged on before it was deployed; without them the first 30 windows are
    the reference. With `season` a window is held against those of the same weeks a year before, where there are 30.
    Windows that ended before `since` raise nothing. `budget_days` is the mean time between two false alarms.
    Stateless: as outcomes come late, old windows change, and the whole sequence is judged anew each time.
    """
    told = [window for window in windows if window.rows > 0]
    first = [window for window in reference if window.rows > 0] or told[:FEWEST]
    later = told if reference else told[FEWEST:]
    if len(first) < FEWEST or not later:
        return _too_few(len(first), given=bool(reference))
    held = hold(first, later, told if season else (), tolerance)
    begin = sum(since is not None and window.end <= since for window in later)
    return _Watch(first, later, begin, held, tolerance, timedelta(days=budget_days) / every).report()


@dataclass(frozen=True)
class _Watch:
    """`later` windows from place `begin` on, held against the reference `first`."""

    first: Sequence[LossWindow]
    later: Sequence[LossWindow]
    begin: int
    held: Held
    tolerance: float
    threshold: float

    def report(self) -> LossReport:
        if self.begin == len(self.later):
            return self._steady(0.0)
        tails = float(self.held.baseline.skewness[0]), float(self.held.baseline.kurtosis[0])
        found = evidence(self.held.above_limit[self.begin :], *tails)
        place = int(first_above(found, self.threshold))
        if place >= 0:
            start = change_point(self.held.above_mean[self.begin : self.begin + place + 1])
            return self._risen("alarm", self.begin + start, self.begin + place, float(found[place]))
        stream = np.concatenate([self.held.own, self.held.above_mean[self.begin :]])
        noticed = cuts(stream, len(self.first), self.threshold / NOTICES)
        if noticed.at >= len(self.first):
            back = self.begin - len(self.first)
            return self._risen("notice", int(noticed.at) + back, int(noticed.seen) + back, float(found[-1]))
        return self._steady(float(found[-1]))

    def _risen(self, state: Any, start: int, seen: int, evidence: float) -> LossReport:
        since, until = self.later[start], self.later[seen]
        before = _mean(self.later[self.begin : start] or self.first)
        after = _mean(self.later[start:])
        limit = self._reference().limit
        rose = f"The mean loss is {number(after)} since {since.start:%Y-%m-%d %H:%M}, and was {number(before)} before"
        means = (
            f"above the limit of {number(limit)} by evidence of {number(evidence, 2)} (alarm from"
            f" {number(self.threshold, 3)}), on {until.end:%Y-%m-%d %H:%M}"
            if state == "alarm"
            else f"a rise, {'above' if after > limit else 'within'} the limit of {number(limit)}"
        )
        return LossReport(
            state=state,
            words=f"{rose}: {means}.",
            windows=len(self.later),
            reference=self._reference(),
            evidence=evidence,
            threshold=self.threshold,
            alarmed=until.end if state == "alarm" else None,
            since=since.start,
            before=before,
            after=after,
        )

    def _steady(self, evidence: float) -> LossReport:
        reference = self._reference()
        found = _mean(self.later[self.begin :] or self.later[-1:])
        return LossReport(
            state="steady",
            words=f"The mean loss is {number(found)}, and nothing says that it is above the limit of"
            f" {number(reference.limit)}.",
            windows=len(self.later),
            reference=reference,
            evidence=evidence,
            threshold=self.threshold,
        )

    def _reference(self) -> Reference:
        base = self.held.baseline
        rows = sum(window.rows for window in self.first)
        return Reference(
            windows=len(self.first),
            rows=rows,
            mean=float(base.mean[0]),
            upper=float(base.upper[0]),
            tolerance=self.tolerance,
            limit=float(base.limit[0]),
            spread=float(base.spread(np.array([rows / len(self.first)]))[0]),
            season=self.held.seasonal > 0,
        )


def _mean(windows: Sequence[LossWindow]) -> float:
    return reduce(add, windows).loss


def _too_few(count: int, *, given: bool) -> LossReport:
    there = counted(count, "window")
    if given:
        words = f"Not enough history: the reference has {there} with outcomes, and {FEWEST} are needed."
    else:
        words = f"Not enough history: {there} with outcomes; the first {FEWEST} are the reference for those after them."
    return LossReport(state="not enough history", words=words)
