"""The tool `cancel_run`."""

from mlsteward.answer import Answer, number
from mlsteward.names import parse_run
from mlsteward.server.declare import Call, Tool
from mlsteward.store.runs import Run


class CancelAnswer(Answer):
    run: int
    state: str


def cancel_run(call: Call, run: str) -> CancelAnswer:
    """Cancel a queued or running run of any kind. Its worker is ended at once, what it did so far is dropped."""
    found = call.look(parse_run(run), 0)
    if found.state not in ("queued", "running", "waiting"):
        return _answer(found, f"has ended already: it is {found.state}")
    ended = call.workspace.runs.cancel(found.number)
    if ended.state != "cancelled":
        return _answer(ended, f"ended before it could be cancelled: it is {ended.state}")
    call.change(lambda transaction: None, asset=ended.label)
    after = f" after {number(ended.wall_seconds, 3)} s" if ended.wall_seconds is not None else " before it began"
    return _answer(ended, f"is cancelled{after}")


def _answer(run: Run, what: str) -> CancelAnswer:
    following = f"get_run(run={run.number})" if run.state == "completed" else f'list_runs(kind="{run.kind}")'
    return CancelAnswer(verdict=f"{run.label} ({run.kind}) {what}.", run=run.number, state=run.state, next=following)


TOOL = Tool(cancel_run, title="Cancel a run", toolset="training", read_only=False, destructive=True, idempotent=True)
