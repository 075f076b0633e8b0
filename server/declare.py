"""How a tool and a page are declared.

A tool is a plain function whose first parameter is `call: Call`; a page is a plain function whose first parameter is
the workspace. Everything an MCP client sees of them is read off the function. Both get the workspace as whoever calls
may see it (`Workspace.seen_by`).
"""

import inspect
import json
import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool as SDKTool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp.shared.uri_template import UriTemplate
from mcp_types import CallToolResult, ImageContent, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import Field, PrivateAttr

from mlsteward.answer import Answer
from mlsteward.config import Settings
from mlsteward.dictionary.sensitivity import FULL
from mlsteward.errors import Refused, RunFailed, StewardError
from mlsteward.runs.actor import Actor
from mlsteward.runs.seen import seen_run
from mlsteward.server.approval import Asking
from mlsteward.server.arguments import argument_model, validate_arguments
from mlsteward.server.caller import caller
from mlsteward.server.schema import slim_input, slim_output
from mlsteward.store.activity import add_activity
from mlsteward.store.runs import ACTIVE, Run
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace

logger = logging.getLogger("mlsteward.tools")
T = TypeVar("T")

# Threads wait for runs, so there are more of them than anyio's default of 40 would allow.
CALL_THREADS = 96
_LONGEST_ERROR = 3000


@dataclass(frozen=True)
class Content:
    """What a page holds."""

    body: str | bytes
    mime_type: str


@dataclass
class Services:
    """What one server's tools share: the lifespan state."""

    workspace: Workspace
    read: Callable[[Workspace, str], Content]
    explain: Callable[[str], str] = str
    limiter: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(CALL_THREADS))


@dataclass
class Call:
    """One call of a tool: the workspace as its caller sees it, who calls, and how to wait."""

    workspace: Workspace
    actor: Actor
    tool: str
    read: Callable[[str], Content]
    report: Callable[[float, str], None]
    cancelled: threading.Event = field(default_factory=threading.Event)
    # The run that this call goes on with, because a person was asked about it in between; 0 for a call of its own.
    continues: int = 0
    # The run that was found to wait for a person.
    waits_for: int = 0

    @property
    def settings(self) -> Settings:
        return self.workspace.settings

    def change(self, work: Callable[[Transaction], T], *, asset: str | Callable[[T], str], why: str = "") -> T:
        """Write to the store and to the audit log in one transaction; `asset` may be told from what `work` returns."""

        def both(transaction: Transaction) -> T:
            result = work(transaction)
            changed = asset if isinstance(asset, str) else asset(result)
            add_activity(
                transaction, actor=self.actor.name, client=self.actor.client, action=self.tool, asset=changed, why=why
            )
            return result

        self.check_may_change(self.tool)
        return self.workspace.store.write(both)

    def check_may_change(self, what: str) -> None:
        """Raise Refused for `what` (an argument that turns a reading tool into a changing one) where nothing may."""
        if self.settings.read_only:
            raise Refused(f"This server is read-only, so {what} is not possible here.")
        if not self.actor.may_write:
            raise Refused(f"Your token has the scope read, and {what} needs write.")

    def wait(self, number: int, wait_seconds: float) -> Run:
        """The run as it stands after `wait_seconds` at most.

        Raises RunFailed with its words if it ended without a result, and Refused if its result is not for the caller.
        """
        run = self.look(number, wait_seconds)
        if run.withheld and not run.result and run.state not in ACTIVE:
            raise Refused(f"{run.withheld} It is {run.state}, and what it found is not for your clearance.")
        if run.state in ("failed", "lost", "cancelled"):
            raise _without_result(run)
        return run

    def look(self, number: int, wait_seconds: float) -> Run:
        """The run as the caller may see it, after `wait_seconds` at most, however it ended."""
        run = self.workspace.runs.wait(number, self.bounded(wait_seconds), self._progress)
        if run.state == "waiting":
            self.waits_for = number
        if self.actor.clearance == FULL:
            return run
        return self.workspace.store.read(lambda t: seen_run(t, number))

    def bounded(self, wait_seconds: float) -> float:
        return min(max(wait_seconds, 0.0), self.settings.max_wait)

    def _progress(self, done: float, message: str) -> None:
        if not self.cancelled.is_set():
            self.report(done, message)


class Tool(SDKTool):
    """A tool as the SDK registers it, made from one function."""

    toolset: str = Field(exclude=True)
    read_only: bool = Field(exclude=True)
    _arguments: Any = PrivateAttr()
    _answer: Any = PrivateAttr()

    def __init__(
        self,
        function: Callable[..., Answer],
        *,
        title: str,
        toolset: str,
        read_only: bool,
        destructive: bool = False,
        idempotent: bool = False,
    ) -> None:
        name = function.__name__
        arguments = argument_model(function, skip="call")
        answer = inspect.signature(function, eval_str=True).return_annotation
        super().__init__(
            fn=function,
            name=name,
            title=title,
            description=inspect.getdoc(function) or "",
            parameters=slim_input(arguments.model_json_schema()),
            fn_metadata=FuncMetadata(arg_model=arguments),
            is_async=False,
            context_kwarg=None,
            annotations=ToolAnnotations(
                title=title,
                read_only_hint=read_only,
                destructive_hint=destructive,
                idempotent_hint=idempotent,
                open_world_hint=False,
            ),
            toolset=toolset,  # pyright: ignore[reportCallIssue] - fields of this class, which __init__ hides
            read_only=read_only,  # pyright: ignore[reportCallIssue] - as above
        )
        self._arguments = arguments
        self._answer = answer

    @cached_property
    def output_schema(self) -> dict[str, Any]:
        """Made when tools are listed: it takes too long for the start."""
        return slim_output(self._answer)

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:
        services: Services = context.request_context.lifespan_context
        actor = caller(context, services.workspace)
        workspace = services.workspace.seen_by(actor.clearance)
        call = Call(
            workspace=workspace,
            actor=actor,
            tool=self.name,
            read=partial(services.read, workspace),
            report=lambda done, message: anyio.from_thread.run(context.report_progress, done, 1.0, message),
        )
        try:
            if not self.read_only:
                call.check_may_change(self.name)
            values = validate_arguments(self.name, self._arguments, arguments)
            answer = await self._answered(call, values, services.limiter, Asking(context, workspace, actor))
            if isinstance(answer, InputRequiredResult):
                return answer
            answer.next = services.explain(answer.next)
            return to_result(answer) if convert_result else answer
        except StewardError as error:
            error.next = services.explain(error.next)
            raise ToolError(_clipped(error.words())) from error
        except Exception as error:  # the outermost edge of a call: a crash becomes a reference into the log
            reference = uuid.uuid4().hex[:8]
            logger.exception("%s crashed, reference %s", self.name, reference)
            raise ToolError(
                f"{self.name} failed inside the server (reference {reference} in {services.workspace.log_file.name}, "
                "see `mlsteward doctor`). The same call may work again; nothing says it will not."
            ) from error
        finally:
            call.cancelled.set()

    async def _answered(
        self, call: Call, values: Mapping[str, Any], limiter: anyio.CapacityLimiter, asking: Asking
    ) -> Answer | InputRequiredResult:
        """The function's answer; once more if a person has decided in between what it waited for."""
        function = partial(self.fn, call, **values)
        call.continues = await asking.resumed()
        answer: Answer = await anyio.to_thread.run_sync(function, abandon_on_cancel=True, limiter=limiter)
        if not call.waits_for or call.continues:
            return answer
        asked = await asking.about(call.waits_for)
        if isinstance(asked, InputRequiredResult):
            return asked
        if asked:
            call.continues = call.waits_for
            answer = await anyio.to_thread.run_sync(function, abandon_on_cancel=True, limiter=limiter)
        return answer


def _clipped(words: str) -> str:
    """Words may quote what the caller sent, however long; their end says what to do next."""
    return words if len(words) <= _LONGEST_ERROR else f"{words[: _LONGEST_ERROR - 500]} … {words[-500:]}"


def _without_result(run: Run) -> RunFailed:
    """What went wrong first, then where, and the call that the error itself names, or else a look at the run."""
    following = str(run.result.get("next") or f"get_run(run={run.number})")
    if run.state == "failed" and run.error:
        return RunFailed(f"{run.error.rstrip()} ({run.label} failed.)", next=following)
    return RunFailed(f"{run.label} was {run.state}: {run.error}".rstrip(": ") + ".", next=following)


def to_result(answer: Answer) -> CallToolResult:
    """Both forms of an answer, each enough by itself: text for a model to read, data for a program."""
    images = [ImageContent(type="image", data=image, mime_type="image/png") for image in answer.images()]
    return CallToolResult(
        content=[TextContent(type="text", text=answer.text()), *images],
        structured_content=json.loads(answer.model_dump_json(exclude_none=True)),
    )


@dataclass(frozen=True)
class Page:
    """A page under `mlsteward://`: `function(workspace, **variables)` gives Markdown, or bytes of an image.

    The workspace is that of whoever reads, without what lies above their clearance.
    `complete` has, for a variable, a function of the workspace and what was typed so far.
    """

    uri: str
    function: Callable[..., str | bytes]
    title: str
    mime_type: str = "text/markdown"
    complete: Mapping[str, Callable[[Workspace, str], list[str]]] = field(
        default_factory=dict[str, Callable[[Workspace, str], list[str]]]
    )

    @cached_property
    def template(self) -> UriTemplate:
        return UriTemplate.parse(self.uri)

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def description(self) -> str:
        return inspect.getdoc(self.function) or self.title
