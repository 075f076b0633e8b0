"""Telling sinks of lineage what runs did, after it was committed and in a thread of its own.

The store has all that events say and remembers how far each sink was told, so an outage loses nothing: what was not
taken is sent when the next run begins or ends, or the next server starts. Each event is sent at least once; sent
again it is the same, with the same run's identifier.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from mlsteward.config import Settings
from mlsteward.dictionary.sensitivity import FULL, Level, lower
from mlsteward.errors import NotFound, StewardError
from mlsteward.exchange.openlineage import Parent, end_event, start_event
from mlsteward.runs.background import Background
from mlsteward.runs.lineage_sinks import FileSink, HttpSink, NotTaken, Sink
from mlsteward.store.lineage_events import Untold, mark_told, run_facts, untold_runs

if TYPE_CHECKING:
    from mlsteward.store.store import Store

logger = logging.getLogger("mlsteward.openlineage")

# Seconds before the second attempt, the third, …; then the next run that begins or ends is waited for.
PAUSES = (1.0, 5.0, 20.0, 80.0, 320.0)
_BUSY_SECONDS = 2.0
# Other systems keep what they are told: values of columns above this level are left out.
_HIGHEST: Level = "internal"


def lineage_sinks(settings: Settings) -> list[Sink]:
    """Where the operator wants lineage events."""
    sinks: list[Sink] = []
    if settings.openlineage_disabled:
        return sinks
    if url := settings.openlineage_url.get_secret_value():
        sinks.append(HttpSink(url, settings.openlineage_api_key.get_secret_value()))
    if settings.openlineage_file:
        sinks.append(FileSink(settings.openlineage_file))
    return sinks


def told_level(clearance: Level) -> Level:
    """As what reader events are written on a server of this clearance."""
    return lower(clearance, _HIGHEST)


def read_parent(text: str) -> Parent | None:
    """The run around ours, as dbt and Spark are told of it: `namespace/job/run id`; None for what is no such text."""
    namespace, _, rest = text.partition("/")
    job, _, run = rest.rpartition("/")
    try:
        return Parent(namespace=namespace, job=job, run=str(UUID(run))) if namespace and job else None
    except ValueError:
        return None


class LineageDelivery(Background):
    """Tells `sinks` of runs; `lock` is held by the one server of a workspace that does so."""

    def __init__(
        self,
        store: "Store",
        sinks: Sequence[Sink],
        lock: Path,
        *,
        namespace: str,
        clearance: Level = FULL,
        parent: Parent | None = None,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        super().__init__("mlsteward-lineage")
        self._store = store
        self._sinks = sinks
        self._lock_file = lock
        self._namespace = namespace
        self._clearance: Level = told_level(clearance)
        self._parent = parent
        self._pauses = pauses
        self._failed: dict[str, int] = {}
        self._since = datetime.now(UTC)

    def wake(self) -> None:
        """A run may have begun or ended. Returns at once."""
        if self._sinks:
            super().wake()

    def _turn(self) -> float | None:
        from filelock import FileLock, Timeout

        try:
            with FileLock(self._lock_file, timeout=0, fallback_to_soft=False, thread_local=True):
                pauses = [self._tell(sink) for sink in self._sinks]
        except Timeout:
            return _BUSY_SECONDS
        except StewardError as error:
            logger.warning("lineage events could not be sent now: %s", error)
            return _BUSY_SECONDS
        return min((pause for pause in pauses if pause is not None), default=None)

    def _tell(self, sink: Sink) -> float | None:
        """Tell a sink all that it was not told; the seconds until the next attempt where it does not listen."""
        try:
            while runs := self._store.write(lambda t: untold_runs(t, sink.key, self._since)):
                for one in runs:
                    self._tell_of(sink, one)
                    if self._abandoned:
                        return None
        except NotTaken as error:
            return self._later(sink, error)
        self._failed.pop(sink.key, None)
        return None

    def _tell_of(self, sink: Sink, one: Untold) -> None:
        seen = self._store.seen_by(self._clearance)
        try:
            facts = seen.read(lambda t: run_facts(t, one.run, self._namespace, self._parent))
            events = [start_event(facts)] if one.start else []
            events += [end_event(facts)] if one.end else []
            for event in events:
                sink.send(event)
        except NotFound as error:
            logger.warning("run:%d has no lineage events: %s", one.run, error)
        except NotTaken as error:
            if not error.for_good:
                raise
            logger.warning("an event of run:%d was refused: %s", one.run, error)
        if not self._abandoned:
            self._store.write(lambda t: mark_told(t, sink.key, one))

    def _later(self, sink: Sink, error: NotTaken) -> float | None:
        attempt = self._failed.get(sink.key, 0)
        if attempt >= len(self._pauses):
            self._failed.pop(sink.key, None)
            logger.warning("%s; tried again with the next run", error)
            return None
        self._failed[sink.key] = attempt + 1
        logger.warning("%s; tried again in %g s", error, self._pauses[attempt])
        return self._pauses[attempt]
