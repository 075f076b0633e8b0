"""The watch over a canary inside its endpoint: it stops the canary that does worse, with or without a server around.

What was counted stands in `canary.json` of the deployment's folder, so that an endpoint that starts again goes on
counting, and every server can read it. Light to import.
"""

import os
import time
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from mlsteward.monitoring.canary import Race, slow_limit
from mlsteward.record import Record

FILE = "canary.json"
Role = Literal["champion", "canary"]
# The champion's first latencies, which say what is slow.
_FIRST = 200
_SAVE_SECONDS = 1.0
# What happened to so many lots has shown what there is to show.
_MOST = 200_000


class CanaryCounts(Record):
    """What happened while a canary of one revision ran. `slow_ms` is 0 until enough answers were seen to say.

    Slow answers are counted among `timed` ones. `stopped` says why it gets no more requests, "" while it does.
    """

    champion: str
    canary: str
    percent: float
    since: int
    requests: dict[str, int] = {"champion": 0, "canary": 0}
    timed: dict[str, int] = {"champion": 0, "canary": 0}
    slow_ms: float = 0.0
    errors: Race = Race(what="errors")
    slow: Race = Race(what="slow answers")
    stopped: str = ""

    def same_as(self, other: "CanaryCounts") -> bool:
        """Whether both count the same canary beside the same champion."""
        return (self.champion, self.canary, self.percent, self.since) == (
            other.champion,
            other.canary,
            other.percent,
            other.since,
        )

    def lines(self) -> list[str]:
        """How the two compare, the canary first."""
        asked, timed = self.requests, self.timed
        lines = [self.errors.words(self.percent, asked["champion"], asked["canary"])]
        if self.slow_ms:
            words = self.slow.words(self.percent, timed["champion"], timed["canary"])
            lines.append(f"{words}; slow is over {self.slow_ms:.3g} ms")
        return lines


def read_counts(folder: Path) -> CanaryCounts | None:
    """The counts that a deployment's endpoint has written; None where there are none."""
    try:
        return CanaryCounts.model_validate_json((folder / FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


class CanaryGuard:
    """Counts for the canary `canary` that answers `percent` % of the requests beside `champion` since revision `since`.

    To be used from one thread, or under one lock. A canary that gets every request has nothing to be compared with.
    """

    def __init__(self, folder: Path, *, champion: str, canary: str, percent: float, since: int) -> None:
        self._folder = folder
        self._first: list[float] = []
        self._counted: set[tuple[str, str]] = set()
        self._saved = 0.0
        fresh = CanaryCounts(champion=champion, canary=canary, percent=percent, since=since)
        kept = read_counts(folder)
        self.counts = kept if kept and kept.same_as(fresh) else fresh

    @property
    def stopped(self) -> str:
        """Why the canary is to get no more requests; "" while it is not."""
        return self.counts.stopped

    def watches(self, other: "CanaryGuard") -> bool:
        """Whether this one counts what the other would."""
        return self.counts.same_as(other.counts)

    def saw(self, role: Role, lot: str, *, error: bool, latency_ms: float) -> None:
        """A request was answered, or was not because of an error of the model or the process (not of the caller).

        `lot` is what was drawn by. Requests of one lot come to one model, so what happens to them counts once.
        """
        counts = self.counts
        if counts.stopped:
            return
        counts.requests[role] += 1
        if error:
            counts.errors = self._counting(counts.errors, role, lot)
        elif self._is_slow(role, latency_ms):
            counts.slow = self._counting(counts.slow, role, lot)
        now = time.monotonic()
        if counts.stopped or now - self._saved > _SAVE_SECONDS:
            self.save()
            self._saved = now

    def save(self) -> None:
        """Write the counts, whole or not at all."""
        part = self._folder / f".{FILE}.{os.getpid()}"
        part.write_text(self.counts.model_dump_json(), encoding="utf-8")
        part.replace(self._folder / FILE)

    def _is_slow(self, role: Role, latency_ms: float) -> bool:
        """Whether an answer was slow; while it is not known what is slow, none is."""
        counts = self.counts
        if not counts.slow_ms:
            if role == "champion":
                self._first.append(latency_ms)
            if len(self._first) == _FIRST:
                counts.slow_ms = slow_limit(self._first)
            return False
        counts.timed[role] += 1
        return latency_ms > counts.slow_ms

    def _counting(self, race: Race, role: Role, lot: str) -> Race:
        """The race with what happened to a request; the canary may be stopped by it."""
        if (race.what, lot) in self._counted or len(self._counted) > _MOST:
            return race
        self._counted.add((race.what, lot))
        race = race.model_copy(update={role: getattr(race, role) + 1})
        counts = self.counts
        # Nothing that happens to the champion is evidence against the canary.
        if role == "canary" and 0 < counts.percent < 100 and race.is_worse(counts.percent):
            of = counts.requests if race.what == "errors" else counts.timed
            words = race.words(counts.percent, of["champion"], of["canary"])
            counts.stopped = f"{counts.canary} did worse than {counts.champion}: {words}"
        return race
