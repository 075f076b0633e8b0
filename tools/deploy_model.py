"""The tool `deploy_model`."""

import json
import shlex
import time

from pydantic import Field

from mlsteward.answer import RunFindings, clipped
from mlsteward.dictionary.sensitivity import FULL
from mlsteward.runs.deploy_request import Asked, deploy_request
from mlsteward.runs.endpoint_status import EndpointStatus, wait_settled
from mlsteward.runs.jobs.deploy import Request, Result
from mlsteward.server.declare import Call, Tool
from mlsteward.store.aliases import CHAMPION, aliases_of
from mlsteward.store.deployments import Deployment, find_deployment
from mlsteward.store.models import Model, find_model
from mlsteward.store.runs import Run

_LONGEST_EXAMPLE = 900


class DeployAnswer(RunFindings):
    deployment: str
    model: str = Field(default="", description="What is to be served.")
    endpoint: str = Field(default="", description="starting, serving, failed or stopped.")
    address: str = ""
    example: str = Field(default="", description="A request that can be sent as it stands.")
    trials: list[str] = Field(default_factory=list[str])

    def body(self) -> list[str]:
        return [*self.findings, self.example]


def deploy_model(
    call: Call, model: str, name: str = "", shadow: str = "", canary: int = 0, wait_seconds: float = 20
) -> DeployAnswer:
    """Serve a model by an HTTP endpoint of its own, which outlives this server (Open Inference Protocol V2, /predict).

    `name@alias` follows the alias, swapping without a dropped request. `shadow` names a second model that sees every
    request and answers none. `canary` sends that percentage of a deployment's requests to `model`; a canary that does
    worse is stopped. `name` is the deployment's, else the model's.
    """
    started = time.monotonic()
    number = call.continues
    if not number:
        asked = Asked(model=model, name=name, shadow=shadow, canary=canary)
        request = call.workspace.store.read(lambda t: deploy_request(t, asked, call.settings))
        if isinstance(request, Deployment):
            return _served(call, request, None, wait_seconds)
        number = _start(call, request)
    run = call.wait(number, wait_seconds)
    if run.state != "completed":
        return _waits(run)
    placed = call.workspace.store.read(lambda t: find_deployment(t, run.params["deployment"]))
    call.workspace.look_after_endpoints()
    return _served(call, placed, run, wait_seconds - (time.monotonic() - started))


def _start(call: Call, request: Request) -> int:
    tried = request.parts[0]
    return call.workspace.runs.start(
        "deploy",
        request,
        actor=call.actor,
        name=tried.label,
        params={"model": tried.label, "deployment": request.wanted.name},
    )


def _waits(run: Run) -> DeployAnswer:
    model = str(run.params["model"])
    return DeployAnswer(
        verdict=f"Serving {model} waits for a person's approval: `mlsteward approve {run.number}`."
        if run.state == "waiting"
        else f"{run.label} is still trying {model}.",
        run=run.number,
        state=run.state,
        deployment=str(run.params["deployment"]),
        model=model,
        next=run.wait_on,
    )


def _served(call: Call, placed: Deployment, run: Run | None, seconds: float) -> DeployAnswer:
    status = wait_settled(call.workspace.folder, placed, call.bounded(seconds), call.report)
    model, aliases = call.workspace.store.read(
        lambda t: (find_model(t, placed.model), aliases_of(t, placed.model.partition("@")[0]))
    )
    trials = Result.model_validate(run.result).findings(run) if run else []
    if model.version not in aliases.values():
        trials = [*trials, _ungated(model, aliases.get(CHAMPION))]
    return DeployAnswer(
        verdict=_verdict(placed, status, asked_anew=run is not None) + _last_words(call, status),
        run=run.number if run else None,
        deployment=placed.name,
        model=placed.model,
        endpoint=status.state,
        address=status.address,
        example=_example(status.address, model) if status.address else "",
        trials=trials,
        findings=trials,
        next=f'check_deployment(deployment="{placed.name}")',
    )


def _verdict(placed: Deployment, status: EndpointStatus, *, asked_anew: bool) -> str:
    already = "" if asked_anew else " already"
    served = placed.model + (f" (as {placed.asked})" if placed.follows else "")
    also = f", {placed.canary_model} {placed.canary} % of its requests" if placed.canary else ""
    also += f", {placed.shadow_model} in its shadow" if placed.shadow_model else ""
    if status.state == "serving" and status.settled:
        return f"{placed.name} serves {served}{already} at {status.address}{also}."
    if status.state == "serving" and status.words:
        return f"{placed.name} goes on serving {status.model}: {served} was refused ({status.words})."
    if status.state == "failed":
        return f"{placed.name} cannot serve {served}: {status.words or 'its process ends'}."
    return f"{placed.name} is placed to serve {served}{also}; its endpoint is {status.state}."


def _ungated(model: Model, champion: int | None) -> str:
    """What is served on nobody's word but the caller's."""
    other = f"{model.name}@{champion} is champion" if champion else "no version is champion"
    return f"{model.label} stands on no alias, so no gate has let it pass ({other})"


def _last_words(call: Call, status: EndpointStatus) -> str:
    """What the process of one that failed said last, for who may see what rows hold."""
    said = status.log_tail.splitlines()[-1:] if status.state == "failed" and call.actor.clearance == FULL else []
    return "".join(f" Its log ends with: {clipped(line, 300)}" for line in said)


def _example(address: str, model: Model) -> str:
    """A request with a row of usual values; of columns that the reader may not see they are null."""
    row: dict[str, object] = {}
    for column in model.signature:
        middle = column.low if column.low is None or column.high is None else (column.low + column.high) / 2
        row[column.name] = column.levels[0] if column.levels else (float(f"{middle:.3g}") if middle else middle)
    # Values come from data, and whoever reads the answer may well run this.
    body = shlex.quote(json.dumps({"rows": [row]}))
    text = f"curl {address}/predict -H 'Content-Type: application/json' -d {body}"
    return text if len(text) <= _LONGEST_EXAMPLE else f'POST {address}/predict with {{"rows": [{{…}}]}}'


TOOL = Tool(deploy_model, title="Deploy a model", toolset="delivery", read_only=False, idempotent=True)
