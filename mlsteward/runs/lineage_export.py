"""All runs of a workspace as lineage events, for a system that is told of them later."""

from datetime import datetime
from typing import TYPE_CHECKING

from mlsteward.dictionary.sensitivity import FULL, Level
from mlsteward.errors import InvalidArgument, UnusableData
from mlsteward.exchange.openlineage import Parent, RunFacts, events_of
from mlsteward.runs.lineage_delivery import told_level
from mlsteward.runs.lineage_sinks import NotTaken, Sink
from mlsteward.store.lineage_events import run_facts, runs_since

if TYPE_CHECKING:
    from mlsteward.store.store import Store
    from mlsteward.store.transaction import Transaction

# So many runs are read in one transaction, while others wait.
_BATCH = 50


def read_since(text: str) -> datetime | None:
    """The moment that `2026-01-31` or `2026-01-31T12:00` names, in UTC unless it says otherwise; None for ""."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidArgument(f"{text!r} is no date; write it as 2026-01-31 or 2026-01-31T12:00.") from error


def export_lineage(
    store: "Store",
    sink: Sink,
    *,
    namespace: str,
    clearance: Level = FULL,
    parent: Parent | None = None,
    since: datetime | None = None,
) -> int:
    """Send the events of all runs made since a moment to a sink, in the order of the runs; says how many.

    Raises UnusableData, naming the run to go on from, when the sink does not take one.
    """
    seen = store.seen_by(told_level(clearance))
    numbers = seen.read(lambda t: runs_since(t, since))
    sent = 0
    for first in range(0, len(numbers), _BATCH):
        batch = numbers[first : first + _BATCH]

        def read(t: "Transaction", batch: list[int] = batch) -> list[RunFacts]:
            return [run_facts(t, number, namespace, parent) for number in batch]

        for number, facts in zip(batch, seen.read(read), strict=True):
            for event in events_of(facts):
                try:
                    sink.send(event)
                except NotTaken as error:
                    began = f"{facts.started:%Y-%m-%dT%H:%M:%S}"
                    raise UnusableData(
                        f"{error}, at an event of run:{number}; {sent} events were sent before."
                        f" Go on with --since {began}."
                    ) from error
                sent += 1
    return sent
