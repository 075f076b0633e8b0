"""Asking the person in front of the host for what a run waits for.

Hosts of 2026-07-28 are handed the question instead of a result and call again with the answer; older ones are asked in
the middle of the call, under a deadline, because some declare that they can ask and never do. Either way a request is
asked once and in the same words, and only the answer of a person who may approve counts, never an argument.
"""

import json
from typing import Any

import anyio
import anyio.to_thread
from mcp.server.elicitation import AcceptedElicitation, DeclinedElicitation, render_elicitation_schema
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import is_version_at_least
from pydantic import BaseModel, Field, ValidationError

from mlsteward.errors import Refused
from mlsteward.runs.actor import Actor
from mlsteward.runs.approve import Decision, as_policy_has_it, decide
from mlsteward.server.approval_words import approval_words
from mlsteward.store.approvals import Approval, approval_of_run, was_asked
from mlsteward.workspace import Workspace

# From this revision on a question is the result of a call, and its answer comes with the next.
_ASKS_BY_RESULT = "2026-07-28"
_KEY = "approval"


class Reply(BaseModel):
    """What the person fills in."""

    approve: bool = Field(title="Approve", description="Whether it may be done.")
    reason: str = Field(default="", title="Reason", description="Why; it stands in the audit log.", max_length=500)


class Asking:
    """One call's way to its person. `workspace` and `actor` are those of the call."""

    def __init__(self, context: Context[Any, Any], workspace: Workspace, actor: Actor) -> None:
        self._context = context
        self._workspace = workspace
        self._actor = actor

    async def resumed(self) -> int:
        """The run that an earlier round of this call has asked about, its answer written down; 0 on a first round."""
        state = self._context.request_state
        if not state:
            return 0
        run = int(json.loads(state)[_KEY])
        reply = (self._context.input_responses or {}).get(_KEY)
        if isinstance(reply, ElicitResult):
            await self._write(run, _decision(reply))
        return run

    async def about(self, run: int) -> InputRequiredResult | bool:
        """Ask about what `run` waits for: the question to send, or whether the person has decided."""
        approval = await anyio.to_thread.run_sync(self._to_ask, run)
        if approval is None:
            return False
        if self._by_result:
            question = ElicitRequestFormParams(
                message=approval_words(approval), requested_schema=render_elicitation_schema(Reply)
            )
            return InputRequiredResult(
                input_requests={_KEY: ElicitRequest(params=question)}, request_state=json.dumps({_KEY: run})
            )
        return await self._write(run, await self._ask_now(approval))

    @property
    def _by_result(self) -> bool:
        version = self._context.protocol_version
        return version is not None and is_version_at_least(version, _ASKS_BY_RESULT)

    @property
    def _can_ask(self) -> bool:
        capabilities = self._context.client_capabilities
        form = capabilities.elicitation if capabilities else None
        if form is None or (form.form is None and form.url is not None):
            return False
        may = self._actor.may_approve and not self._workspace.settings.read_only
        return may and (self._by_result or self._context.session.can_send_request)

    def _to_ask(self, run: int) -> Approval | None:
        """The request, if this host is to show it; it is noted that it was asked."""
        if not self._can_ask:
            return None
        store = self._workspace.store
        approval = store.read(lambda t: approval_of_run(t, run))
        if approval is None or approval.state != "pending" or approval.asked:
            return None
        if "host" not in as_policy_has_it(self._workspace, approval).ways:
            return None
        store.write(lambda t: was_asked(t, approval))
        return approval

    async def _ask_now(self, approval: Approval) -> Reply | None:
        """The reply of an older host; None when none came in time."""
        with anyio.move_on_after(self._workspace.settings.max_wait):
            try:
                outcome = await self._context.elicit(approval_words(approval), Reply)
            except (MCPError, ValueError):  # a host that cannot after all, or that answers with no form
                return None
            if isinstance(outcome, AcceptedElicitation):
                return outcome.data
            return Reply(approve=False) if isinstance(outcome, DeclinedElicitation) else None
        return None

    async def _write(self, run: int, reply: Reply | None) -> bool:
        if reply is None:
            return False
        if not self._actor.may_approve:
            raise Refused("Your token may not approve: that needs the scope admin.")
        decision = Decision(
            approve=reply.approve,
            approver=self._actor.name,
            client=self._actor.client,
            way="host",
            reason=reply.reason.strip(),
        )
        await anyio.to_thread.run_sync(decide, self._workspace, run, decision)
        return True


def _decision(reply: ElicitResult) -> Reply | None:
    if reply.action == "cancel":
        return None
    if reply.action == "decline":
        return Reply(approve=False)
    try:
        return Reply.model_validate(reply.content)
    except ValidationError as error:
        raise Refused("The host's answer to the request for approval was not the form that was asked for.") from error
