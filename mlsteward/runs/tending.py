"""One look at one endpoint: tell it what to serve, start it when it has ended, end it when it is not wanted."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mlsteward.runs.alive import lock_is_free
from mlsteward.runs.endpoint_order import tell
from mlsteward.runs.supervision import (
    FAILED,
    SILENT,
    START_SECONDS,
    Supervision,
    ask,
    current_state,
    ended,
    free_port,
    is_running,
    keep_supervision,
    read_supervision,
    start,
    tell_to_end,
)
from mlsteward.serving.endpoint.canary_guard import read_counts
from mlsteward.serving.endpoint.desired import Desired, EndpointFolder
from mlsteward.serving.endpoint.desired import State as Serving
from mlsteward.store.deployments import Deployment, State


@dataclass(frozen=True)
class Seen:
    """How an endpoint stands: `words` say more of its state, `port` is 0 where it is not known."""

    state: State
    words: str = ""
    port: int = 0
    canary_stopped: str = ""

    def differs_from(self, deployment: Deployment) -> bool:
        """Whether the store says otherwise."""
        port = self.port or deployment.port
        return (self.state, self.words, port) != (deployment.state, deployment.words, deployment.port)


def tend(folder: EndpointFolder, deployment: Deployment, order: Desired | None) -> Seen:
    """Do what is to be done now, and say how the endpoint stands. Without an order it is not to be served."""
    known = read_supervision(folder)
    alive = not lock_is_free(folder.alive)
    state = current_state(folder) if alive else None
    if order is None:
        return _tend_unwanted(folder, deployment, known, alive)
    if state and not known.told:
        asked = ask(known, state)
        if asked != known:
            keep_supervision(folder, asked)
        known = asked
    if alive and (known.told or (state and state.host != order.host) or _hangs(known, state)):
        keep_supervision(folder, tell_to_end(folder, known))
        return Seen("starting", "it is being started again")
    if not alive:
        return _restart(folder, deployment, known, order)
    told = tell(folder, order)
    return _alive(folder, deployment, told, state)


def _tend_unwanted(folder: EndpointFolder, deployment: Deployment, known: Supervision, alive: bool) -> Seen:
    if alive or is_running(known.pid, known.created):
        keep_supervision(folder, tell_to_end(folder, known))
    elif known.pid or known.told:
        keep_supervision(folder, Supervision(revision=deployment.revision))
    if deployment.wanted == "running":
        return Seen("failed", "its model is gone")
    return Seen("stopped")


def _hangs(known: Supervision, state: Serving | None) -> bool:
    """Whether a process that holds the lock does not answer, or has not come to serving for too long."""
    if known.silent >= SILENT:
        return True
    waited = (datetime.now(UTC) - known.started).total_seconds() if known.started else 0.0
    return state is None and waited > START_SECONDS


def _alive(folder: EndpointFolder, deployment: Deployment, told: Desired, state: Serving | None) -> Seen:
    if state is None:
        return Seen("starting")
    seen = Seen("serving", port=state.port)
    if state.refused and state.number == told.number:
        seen = replace(seen, words=f"{told.model.label} is not served: {state.refused}; {state.model} still is")
    if deployment.canary:
        counts = read_counts(folder.path)
        ours = counts and counts.canary == deployment.canary_model and counts.since == deployment.canary_since
        if counts and ours:
            seen = replace(seen, canary_stopped=counts.stopped)
    return seen


def _restart(folder: EndpointFolder, deployment: Deployment, known: Supervision, order: Desired) -> Seen:
    if known.revision != deployment.revision:
        # What is wanted has changed: it may well start now.
        known = known.model_copy(update={"revision": deployment.revision, "ends": 0, "due": None})
    now = datetime.now(UTC)
    if known.pid and is_running(known.pid, known.created):
        if not known.started or (now - known.started).total_seconds() < START_SECONDS:
            return Seen("starting")
        known = tell_to_end(folder, known)
    elif known.told:
        known = Supervision(revision=deployment.revision)
    elif known.pid:
        known = ended(known)
    if not known.pid and (known.due is None or known.due <= now):
        tell(folder, order, port=free_port(order.host, order.port))
        known = start(folder, known)
    keep_supervision(folder, known)
    if known.ends >= FAILED:
        return Seen("failed", f"it ended {known.ends} times in a row; it is tried again, ever more rarely")
    return Seen("starting", f"it ended {known.ends} times in a row" if known.ends > 1 else "")
