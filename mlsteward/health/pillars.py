"""The five pillars of a dataset's health: what each says, and the one verdict over them.

The pillars are those of data observability as Moses, Gavish & Vorwerck, *Data Quality Fundamentals* (O'Reilly 2022)
name them: freshness, volume, schema, lineage and quality (there: distribution).
"""

from collections.abc import Sequence
from typing import Literal, get_args

from mlsteward.record import Record

Pillar = Literal["freshness", "volume", "schema", "lineage", "quality"]
PILLARS: tuple[Pillar, ...] = get_args(Pillar)
State = Literal["ok", "warning", "failing", "not enough history", "no contract"]
Severity = Literal["info", "warning", "error"]

# The names of what the pillars check by themselves. The contract's check of the schema has the same name as ours.
FRESHNESS = "freshness"
FUTURE = "future_dates"
VOLUME = "volume"
SCHEMA = "schema"
UPSTREAM_HEALTH = "upstream_health"
STALE = "stale_sources"


class Breach(Record):
    """Something that is not as it should be. `check` names it among the checks of a dataset, time after time."""

    check: str
    severity: Severity
    words: str
    evidence: dict[str, str | float] = {}


class PillarReport(Record):
    """One pillar: its state, the evidence in a line, and the call that follows where something is to be done.

    `passed` has the names of the checks that found nothing. `columns` are those whose values the words tell of.
    """

    pillar: Pillar
    state: State
    words: str
    next: str = ""
    breaches: list[Breach] = []
    passed: list[str] = []
    columns: list[str] = []


def state_of(breaches: Sequence[Breach]) -> State:
    """`failing` with an error among the breaches, `warning` with a warning, else `ok`."""
    severities = {breach.severity for breach in breaches}
    if "error" in severities:
        return "failing"
    return "warning" if "warning" in severities else "ok"


def is_healthy(pillars: Sequence[PillarReport]) -> bool:
    """Whether nothing fails. A warning, a missing contract or too little history is no illness."""
    return all(report.state != "failing" for report in pillars)
