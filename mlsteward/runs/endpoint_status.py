"""How an endpoint stands just now, told from its files: the store knows it a moment later."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from mlsteward.runs.alive import lock_is_free
from mlsteward.runs.supervision import FAILED, current_state, log_tail, read_supervision
from mlsteward.serving.endpoint.canary_guard import CanaryCounts, read_counts
from mlsteward.serving.endpoint.desired import EndpointFolder
from mlsteward.serving.endpoint.desired import State as Serving
from mlsteward.store.deployments import Deployment, State

_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class EndpointStatus:
    """`words` say more of `state`; `model`, `canary` and `shadow` are what is served, which may be a moment behind what
    is wanted, and `settled` says that it is not. `log_tail` is what the process of a failed one printed last."""

    state: State
    words: str = ""
    settled: bool = False
    address: str = ""
    pid: int = 0
    model: str = ""
    canary: str = ""
    shadow: str = ""
    since: datetime | None = None
    swaps: int = 0
    restarts: int = 0
    log_tail: str = ""
    counts: CanaryCounts | None = field(default=None)


def endpoint_status(workspace: Path, deployment: Deployment) -> EndpointStatus:
    """How the endpoint of a deployment stands."""
    folder = EndpointFolder.of(workspace, deployment.name)
    alive = not lock_is_free(folder.alive)
    if deployment.wanted == "stopped":
        return EndpointStatus("stopped", "it is ending" if alive else "", settled=not alive)
    state = current_state(folder) if alive else None
    if state is None:
        return _not_serving(folder, deployment)
    return EndpointStatus(
        "serving",
        state.refused,
        settled=_settled(state, deployment),
        address=state.address,
        pid=state.pid,
        model=state.model,
        canary=state.canary,
        shadow=state.shadow,
        since=state.since,
        swaps=state.swaps,
        counts=_counts(folder, deployment),
    )


def wait_settled(
    workspace: Path, deployment: Deployment, seconds: float, progress: Callable[[float, str], None]
) -> EndpointStatus:
    """How the endpoint stands once it serves what is wanted (or has failed, or refused), or after `seconds`."""
    deadline = time.monotonic() + seconds
    told = ""
    while True:
        status = endpoint_status(workspace, deployment)
        if status.settled or status.state == "failed" or time.monotonic() >= deadline:
            return status
        if status.state != told:
            told = status.state
            progress(0.9, f"{deployment.label} is {told}")
        time.sleep(_LOOK_SECONDS)


def _not_serving(folder: EndpointFolder, deployment: Deployment) -> EndpointStatus:
    known = read_supervision(folder)
    fresh = known.revision == deployment.revision
    words = f"its process ended {known.ends} times in a row" if fresh and known.ends > 1 else ""
    failed = fresh and known.ends >= FAILED
    return EndpointStatus(
        "failed" if failed or deployment.state == "failed" else "starting",
        words or deployment.words,
        restarts=known.ends,
        log_tail=log_tail(folder) if known.ends else "",
    )


def _settled(state: Serving, deployment: Deployment) -> bool:
    served = (state.model, state.canary if deployment.canary else "", state.shadow)
    return served == (deployment.model, deployment.canary_model if deployment.canary else "", deployment.shadow_model)


def _counts(folder: EndpointFolder, deployment: Deployment) -> CanaryCounts | None:
    """What was counted of the canary that runs now."""
    counts = read_counts(folder.path) if deployment.canary else None
    return counts if counts and counts.since == deployment.canary_since else None
