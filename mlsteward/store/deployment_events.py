"""What became of deployments: a line for every change of what is served, kept for ever."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from mlsteward.record import Record
from mlsteward.store.alert_events import SYSTEM
from mlsteward.store.transaction import Transaction


class By(NamedTuple):
    """Who changes a deployment, and by which run."""

    actor: str = SYSTEM
    client: str = ""
    run: int | None = None


class DeploymentEvent(Record):
    """One line of a deployment's history, with what was served from then on.

    `event` is deployed, changed, followed (its alias moved), canary stopped, rolled back, stopped, failed or recovered.
    """

    number: int
    deployment: str
    revision: int
    before: int = 0
    event: str
    asked: str
    model: str
    shadow_model: str = ""
    canary: int = 0
    canary_model: str = ""
    words: str = ""
    run: int | None = None
    actor: str = ""
    client: str = ""
    created: datetime


_COLUMNS = list(DeploymentEvent.model_fields)


def history_of(t: Transaction, name: str, limit: int = 50) -> list[DeploymentEvent]:
    """What happened to a deployment, newest first."""
    return _events(t, "deployment = ? ORDER BY number DESC LIMIT ?", [name, limit])


def followed_by(t: Transaction, name: str) -> set[str]:
    """The aliases that a deployment ever followed, as `champion`."""
    rows = t.rows("SELECT DISTINCT asked FROM deployment_events WHERE deployment = ? AND asked <> model", [name])
    return {asked.partition("@")[2] for (asked,) in rows}


def newest_of(t: Transaction, name: str, revision: int) -> DeploymentEvent:
    """The last line of a revision, which there is."""
    return _events(t, "deployment = ? AND revision = ? ORDER BY number DESC LIMIT 1", [name, revision])[0]


def began(t: Transaction, name: str, revision: int) -> datetime:
    """When a revision, which there is, was placed."""
    return _events(t, "deployment = ? AND revision = ? ORDER BY number LIMIT 1", [name, revision])[0].created


def add_event(
    t: Transaction, name: str, served: Mapping[str, object], *, before: int, event: str, by: By, words: str = ""
) -> None:
    """Keep that something happened; `served` are the fields of a line that say what was served then."""
    last = t.row("SELECT max(number) FROM deployment_events")
    kept = DeploymentEvent.model_validate(
        {
            "number": (last[0] or 0) + 1 if last else 1,
            "deployment": name,
            "before": before,
            "event": event,
            "words": words,
            **by._asdict(),
            "created": datetime.now(UTC),
            **served,
        }
    )
    t.insert("deployment_events", [kept.model_dump()])


def _events(t: Transaction, where: str, parameters: Sequence[object]) -> list[DeploymentEvent]:
    rows = t.rows(f"SELECT {', '.join(_COLUMNS)} FROM deployment_events WHERE {where}", parameters)
    return [DeploymentEvent.model_validate(dict(zip(_COLUMNS, row, strict=True))) for row in rows]
