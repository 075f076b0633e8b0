"""Deciding what waits for a person: done once, with what was asked, in the transaction that says so."""

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from mlsteward.errors import NotSupported, Refused, StewardError
from mlsteward.record import Record
from mlsteward.runs.kinds import job_kind
from mlsteward.runs.policy import workspace_policy
from mlsteward.store.activity import add_activity
from mlsteward.store.approvals import Approval, Way, close_approval, expire, find_approval
from mlsteward.store.changes import count_change
from mlsteward.store.runs import Run, get_run, update_run

if TYPE_CHECKING:
    from mlsteward.store.transaction import Transaction
    from mlsteward.workspace import Workspace


@runtime_checkable
class Grantable(Protocol):
    """A job kind whose result a person may have to allow."""

    def granted(self, transaction: "Transaction", run: Run, result: Any) -> None:
        """Do what the run asked for. Raises a StewardError when it is no longer what the person was shown."""
        ...


class Decision(Record):
    """What a person said, by which way. `override` lets an approval pass the gates that refused."""

    approve: bool
    approver: str
    client: str
    way: Way
    reason: str = ""
    override: bool = False


def decide(workspace: "Workspace", run: int, decision: Decision) -> Approval:
    """Write the decision on what `run` asks for, and do it when granted.

    Raises NotFound when it asks for nothing, Refused when it was decided, is over, may not be granted this way, or
    is out of date: things have changed since it was asked.
    """
    approval = workspace.store.write(lambda t: expire(t, find_approval(t, run)))
    check_decision(as_policy_has_it(workspace, approval), decision)
    try:
        approval = workspace.store.write(lambda t: _decide(t, run, decision))
    except _OutOfDate as error:
        words = error.words
        workspace.store.write(lambda t: close_approval(t, find_approval(t, run), "stale", words=words))
        raise Refused(f"{words} What run:{run} asked for is out of date, and nothing was changed.") from error
    finally:
        workspace.runs.tell()
    return approval


def as_policy_has_it(workspace: "Workspace", approval: Approval) -> Approval:
    """The request without the ways that the policy no longer takes: tightened, it holds for what waits already."""
    name = approval.asset.partition(":")[2].partition("@")[0]
    taken = workspace_policy(workspace.folder).of(name).approval.by
    return approval.model_copy(update={"ways": [way for way in approval.ways if way in taken]})


class _OutOfDate(Exception):
    """What was asked for cannot be done any more; the transaction must not be committed."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__(words)


def _decide(t: "Transaction", number: int, decision: Decision) -> Approval:
    approval = find_approval(t, number)
    check_decision(approval, decision)
    run = get_run(t, number)
    if decision.approve:
        _grant(t, run)
    state = "granted" if decision.approve else "denied"
    closed = close_approval(t, approval, state, approver=decision.approver, way=decision.way, words=decision.reason)
    if approval.state == "pending" and decision.approve:
        update_run(t, number, state="completed")
    count_change(t)
    said = "override" if closed.overridden else "approve" if decision.approve else "deny"
    add_activity(
        t,
        actor=decision.approver,
        client=decision.client,
        action=f"{said} {approval.action}",
        asset=approval.asset,
        why=decision.reason,
        run=number,
    )
    return closed


def check_decision(approval: Approval, decision: Decision) -> None:
    """Raise Refused when the request, as it stands, cannot be decided so."""
    if approval.state not in ("pending", "refused"):
        raise Refused(f"What run:{approval.run} asked for can no longer be decided: it was {approval.line()}.")
    if decision.way not in approval.ways:
        raise Refused(
            f"The policy takes no approval by {decision.way} here, only by {', '.join(approval.ways) or 'nobody'}."
        )
    if approval.state == "refused" and not decision.approve:
        raise Refused(f"What run:{approval.run} asked for was refused already, by {', '.join(approval.refused)}.")
    if approval.state == "refused" and not (decision.override and decision.way == "terminal"):
        raise Refused(
            f"run:{approval.run} did not pass {', '.join(approval.refused)}. A person may override that in a terminal:"
            f" `mlsteward approve {approval.run} --override --reason WHY`."
        )
    if approval.state == "refused" and not decision.reason.strip():
        raise Refused("An override needs a reason: --reason WHY.")


def _grant(t: "Transaction", run: Run) -> None:
    kind = job_kind(run.kind)
    if not isinstance(kind, Grantable):
        raise NotSupported(f"A run of kind {run.kind} asks for nothing.")
    try:
        kind.granted(t, run, kind.Result.model_validate(run.result))
    except StewardError as error:
        raise _OutOfDate(error.said()) from error
