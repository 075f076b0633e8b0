"""The tool `stop_deployment`."""

from mlsteward.answer import Answer
from mlsteward.runs.endpoint_status import wait_settled
from mlsteward.server.declare import Call, Tool
from mlsteward.store.deployment_events import By
from mlsteward.store.deployments import find_deployment, stop


class StopAnswer(Answer):
    deployment: str
    model: str
    endpoint: str


def stop_deployment(call: Call, deployment: str, reason: str = "", wait_seconds: float = 20) -> StopAnswer:
    """Stop serving a deployment, after the requests that are under way. Its predictions and history stay."""
    by = By(actor=call.actor.name, client=call.actor.client)
    was = call.workspace.store.read(lambda t: find_deployment(t, deployment))
    stopped = call.workspace.store.write(lambda t: stop(t, was.name, by=by, why=reason))
    call.workspace.look_after_endpoints()
    status = wait_settled(call.workspace.folder, stopped, call.bounded(wait_seconds), call.report)
    how = "was stopped already" if was.wanted == "stopped" else "is stopped" if status.settled else "is ending"
    return StopAnswer(
        verdict=f"{stopped.name} {how}; nothing answers for {stopped.model} there.",
        deployment=stopped.name,
        model=stopped.model,
        endpoint=status.state,
        next=f'deploy_model(model="{stopped.asked}", name="{stopped.name}")',
    )


TOOL = Tool(
    stop_deployment,
    title="Stop a deployment",
    toolset="operations",
    read_only=False,
    destructive=True,
    idempotent=True,
)
