"""The MCP server, composed: tools, pages, prompts and completions over one workspace."""

import functools
import logging
import uuid
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from importlib.metadata import version
from typing import Any

import anyio.to_thread
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.server.mcpserver.tools import ToolManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolResult,
    Completion,
    CompletionArgument,
    CompletionContext,
    GetPromptResult,
    InputRequiredResult,
    PromptReference,
    Resource,
    ResourceTemplate,
    ResourceTemplateReference,
    Tool,
)
from pydantic import AnyUrl

from mlsteward.errors import StewardError
from mlsteward.server import pages
from mlsteward.server.caller import clearance
from mlsteward.server.declare import Content, Page, Services
from mlsteward.server.discovery import find_pages, find_tools
from mlsteward.server.offer import Offer
from mlsteward.server.prompts import add_prompts
from mlsteward.workspace import Workspace

logger = logging.getLogger("mlsteward.server")

INSTRUCTIONS = """\
mlsteward registers data, keeps a data dictionary, trains, judges, delivers and watches models on tables.
Order of work: list_datasets, register_dataset, lookup_data_dictionary (ask the person what unclear columns mean and \
whether they are known before the prediction; document_asset writes it down), check_data, train_model, compare_runs, \
evaluate_model, explain_model, promote_model (its gates decide, or a person), deploy_model, check_deployment; \
check_drift between tables.
Every answer opens with a verdict to quote and ends with `next`, the call that usually follows. \
Work that takes long is a run: get_run waits on. \
Report intervals and baselines with scores, and say what was set aside. \
mlsteward:// addresses: read_page."""
MORE = """\
The tools for lineage, versions, tracking, operations (rollback, packaging), monitoring and outcomes, pipelines and \
retraining, glossary, contracts, labels, alerts and audit may be off: who runs the server turns them on with \
--toolsets all."""


class Steward(MCPServer[Services]):
    """The SDK's server, reading pages through the one function that `read_page` uses too."""

    def __init__(self, workspace: Workspace) -> None:
        settings = workspace.settings
        self.services = Services(workspace, self._read, explain=lambda following: self.offer.explain(following))

        @asynccontextmanager
        async def lifespan(_: MCPServer[Services]) -> AsyncGenerator[Services]:
            yield self.services

        super().__init__(
            "mlsteward",
            title="mlsteward",
            instructions=instructions(settings.toolsets),
            version=version("mlsteward"),
            lifespan=lifespan,
            log_level=settings.log_level,
        )
        add_prompts(self)
        self.completion()(self._complete)
        if settings.toolsets:
            self._take_up_tools()  # a name that is no toolset is refused at the start

    @cached_property
    def offer(self) -> Offer:
        """Found when first asked for: to say that it is there, a server needs none of its tools."""
        settings = self.services.workspace.settings
        return Offer(find_tools(), toolsets=settings.toolsets, read_only=settings.read_only)

    @cached_property
    def pages(self) -> list[Page]:
        return find_pages()

    @property
    def changing_tools(self) -> frozenset[str]:
        return frozenset(tool.name for tool in self.offer.tools if not tool.read_only)

    def _take_up_tools(self) -> None:
        if not self._tool_manager.list_tools():
            self._tool_manager = ToolManager(tools=list(self.offer.tools))

    def _read(self, workspace: Workspace, uri: str) -> Content:
        return pages.read(self.pages, workspace, uri)

    async def list_tools(self) -> list[Tool]:
        self._take_up_tools()
        return await super().list_tools()

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Services, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        if name not in self.offer.names:
            # The protocol's own error, as the specification has it: such a call has no result.
            raise MCPError(code=INVALID_PARAMS, message=self.offer.unknown(name).words())
        self._take_up_tools()
        return await super().call_tool(name, arguments, context)

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Services, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        prompts = {prompt.name: prompt for prompt in await self.list_prompts()}
        if name not in prompts:
            raise MCPError(code=INVALID_PARAMS, message=f"There is no prompt {name!r}; there are {', '.join(prompts)}.")
        given = {key for key, value in (arguments or {}).items() if value.strip()}
        needed = [one.name for one in prompts[name].arguments or [] if one.required and one.name not in given]
        if needed:
            raise MCPError(code=INVALID_PARAMS, message=f"The prompt {name} needs {', '.join(needed)}.")
        return await super().get_prompt(name, arguments, context)

    async def list_resources(self) -> list[Resource]:
        return [Resource(uri=page.uri, **_described(page)) for page in self.pages if not page.template.variable_names]

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        return [
            ResourceTemplate(uri_template=page.uri, **_described(page))
            for page in self.pages
            if page.template.variable_names
        ]

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Services, Any] | None = None
    ) -> Iterable[ReadResourceContents]:
        workspace = self.services.workspace
        read = functools.partial(self.services.read, workspace.seen_by(clearance(workspace)), str(uri))
        try:
            content = await anyio.to_thread.run_sync(read, limiter=self.services.limiter)
        except StewardError as error:
            raise ResourceNotFoundError(error.words()) from error
        except Exception as error:  # the outermost edge of a read: a crash becomes a reference into the log
            reference = uuid.uuid4().hex[:8]
            logger.exception("%s crashed, reference %s", uri, reference)
            raise ResourceError(f"The page {uri} failed inside the server (reference {reference}).") from error
        return [ReadResourceContents(content=content.body, mime_type=content.mime_type)]

    async def _complete(
        self,
        reference: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        _: CompletionContext | None,
    ) -> Completion | None:
        if not isinstance(reference, ResourceTemplateReference):
            return None
        page = next((page for page in self.pages if page.uri == reference.uri), None)
        complete = page.complete.get(argument.name) if page else None
        if complete is None:
            return None
        workspace = self.services.workspace
        find = functools.partial(complete, workspace.seen_by(clearance(workspace)), argument.value)
        values = await anyio.to_thread.run_sync(find, limiter=self.services.limiter)
        return Completion(values=values[:100], total=len(values), has_more=len(values) > 100)


def instructions(toolsets: Sequence[str]) -> str:
    """What a host tells its model of this server."""
    return INSTRUCTIONS if "all" in toolsets else f"{INSTRUCTIONS} {MORE}"


def _described(page: Page) -> dict[str, Any]:
    return {
        "name": page.name,
        "title": page.title,
        "description": page.description,
        "mime_type": page.mime_type,
    }
