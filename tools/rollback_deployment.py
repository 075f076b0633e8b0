"""The tool `rollback_deployment`."""

from pathlib import Path

from mlsteward.answer import Answer
from mlsteward.errors import NotFound
from mlsteward.runs.endpoint_status import wait_settled
from mlsteward.server.declare import Call, Tool
from mlsteward.store.deployment_events import By
from mlsteward.store.deployments import Deployment, find_deployment, roll_back
from mlsteward.store.models import find_model
from mlsteward.store.transaction import Transaction


class RollbackAnswer(Answer):
    deployment: str
    model: str
    before: str
    endpoint: str
    address: str = ""


def rollback_deployment(call: Call, deployment: str, reason: str = "", wait_seconds: float = 20) -> RollbackAnswer:
    """Serve again what a deployment served before: without its canary where one runs, else the model before this one.

    The model is pinned then, and no alias followed. Rolling back once more goes further back.
    """
    by = By(actor=call.actor.name, client=call.actor.client)

    def back(t: Transaction) -> tuple[Deployment, Deployment]:
        before = find_deployment(t, deployment)
        after = roll_back(t, before.name, by=by, why=reason)
        _check_file(call.workspace.folder, t, after.model)
        return before, after

    before, after = call.workspace.store.write(back)
    call.workspace.look_after_endpoints()
    status = wait_settled(call.workspace.folder, after, call.bounded(wait_seconds), call.report)
    what = (
        f"its canary {before.canary_model} gets no more requests" if before.canary else f"{before.model} is no longer"
    )
    pinned = f"; it does not follow {before.asked} any more" if before.follows and not after.follows else ""
    return RollbackAnswer(
        verdict=f"{after.name} serves {after.model} again, {what}{pinned}."
        if status.settled
        else f"{after.name} is rolled back to {after.model}; its endpoint is {status.state} and changes over.",
        deployment=after.name,
        model=after.model,
        before=before.canary_model or before.model,
        endpoint=status.state,
        address=status.address,
        next=f'check_deployment(deployment="{after.name}")',
    )


def _check_file(workspace: Path, t: Transaction, label: str) -> None:
    model = find_model(t, label)
    if not (workspace / model.path).is_file():
        raise NotFound(f"The file of {label} is gone, so it cannot be served again.", next="list_models()")


TOOL = Tool(
    rollback_deployment, title="Roll back a deployment", toolset="operations", read_only=False, destructive=True
)
