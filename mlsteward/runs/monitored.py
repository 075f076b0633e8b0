"""What was found when deployments were looked at last."""

from datetime import datetime

from mlsteward.record import Record
from mlsteward.runs.endpoint_status import endpoint_status
from mlsteward.runs.jobs.monitor import Result
from mlsteward.runs.seen import seen_run
from mlsteward.store.deployments import Deployment, deployments
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace


class Watched(Record):
    """A deployment in a line: how its endpoint stands, what it serves, and the last verdict, "" before the first."""

    name: str
    state: str
    serves: str
    health: str = ""
    rows: int | None = None
    checked: datetime | None = None


def watched_deployments(workspace: Workspace) -> list[Watched]:
    """All of them by name."""

    def read(t: Transaction) -> list[tuple[Deployment, Run | None]]:
        return [(one, last_look(t, one.name)) for one in deployments(t)]

    return [_watched(workspace, found, run) for found, run in workspace.store.read(read)]


def last_look(t: Transaction, deployment: str) -> Run | None:
    """The newest run that looked at a deployment, as the reader may see it; None before there is one."""
    row = t.row(
        "SELECT max(number) FROM runs WHERE kind = 'monitor' AND state = 'completed' AND name = ?", [deployment]
    )
    return seen_run(t, row[0]) if row and row[0] else None


def _watched(workspace: Workspace, found: Deployment, run: Run | None) -> Watched:
    serves = found.model + (f" ({found.asked})" if found.follows else "")
    serves += f", canary {found.canary_model} {found.canary} %" if found.canary else ""
    serves += f", shadow {found.shadow_model}" if found.shadow_model else ""
    line = Watched(name=found.name, state=endpoint_status(workspace.folder, found).state, serves=serves)
    if run is None:
        return line
    report = Result.model_validate(run.result).report if run.result else None
    return line.model_copy(
        update={
            "health": report.health if report else "not for your clearance",
            "rows": report.change.rows if report and report.change else None,
            "checked": run.finished,
        }
    )
