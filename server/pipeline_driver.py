"""`python -m mlsteward.server.pipeline_driver FOLDER`: the process that goes through a pipeline's steps.

It calls the same tools as every client, through a server of its own in the same process, as whoever started the
pipeline and with no more than they may see. It ends when its standard input closes, that is, with the run's worker.
"""

import os
import sys
import threading
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio
from mcp.client import Client
from mcp_types import Implementation

from mlsteward.config import Settings
from mlsteward.errors import InvalidArgument, StewardError
from mlsteward.names import close_names
from mlsteward.pipeline.kinds import KINDS
from mlsteward.pipeline.outcome import PipelineOutcome
from mlsteward.pipeline.spec import Pipeline
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.job import Job
from mlsteward.runs.jobs.pipeline import OUTCOME, Driven, Request
from mlsteward.runs.limits import lift_memory_limit
from mlsteward.server.app import Steward
from mlsteward.server.pipeline_steps import NO_WAIT, Drive, Report
from mlsteward.server.serve import start_logging
from mlsteward.workspace import Workspace

CLIENT = "mlsteward pipeline"


async def drive(workspace: Workspace, request: Request, run: int, report: Report) -> Driven:
    """Go through the steps of the pipeline that `run` is of; says in words why it could not begin."""
    empty = PipelineOutcome(name=request.pipeline.name, steps=[])
    client = Client(Steward(workspace), client_info=Implementation(name=CLIENT, version=version("mlsteward")))
    async with client:
        try:
            check_arguments(
                request.pipeline, {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
            )
            through = Drive(workspace, client, request, run, report)
        except StewardError as error:
            return Driven(outcome=empty, error=error.said(), next=error.next)
        outcome = await through.outcome()
    return Driven(outcome=outcome, next=through.following)


def check_arguments(pipeline: Pipeline, schemas: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise InvalidArgument with every argument that a step's tool does not have, and every one that it lacks."""
    mistakes: list[str] = []
    before: set[str] = set()
    for step in pipeline.steps:
        kind = KINDS[step.do]
        schema = schemas.get(kind.tool, {})
        if kind.tool and not schema:
            mistakes.append(f"{step.where}: there is no tool {kind.tool} here.")
            continue
        takes = [*kind.takes, *schema.get("properties", {})] if kind.tool else [*kind.takes]
        own = [name for name in dict.fromkeys(takes) if name not in (*NO_WAIT, *kind.fixed)]
        for name in step.arguments:
            if name not in own:
                close = close_names(name, own, limit=1)
                meant = f"; did you mean `{close[0]}`?" if close else "."
                mistakes.append(f"{step.where}: {step.do} has no `{name}`; it takes {', '.join(own)}{meant}")
        needed = schema.get("required", []) if kind.tool else [*kind.takes]
        wired = {name for name, made in kind.takes.items() if made in before}
        there = {*step.arguments, *wired, *kind.defaults}
        lacking = [name for name in needed if name not in there]
        if lacking:
            mistakes.append(f"{step.where}: {step.do} needs {', '.join(f'`{name}`' for name in lacking)}.")
        before |= set(kind.makes)
    if mistakes:
        raise InvalidArgument("\n".join(["The pipeline cannot be used:", *(f"- {one}" for one in mistakes)]))


def _workspace(request: Request, folder: Path) -> Workspace:
    """The workspace as whoever started the pipeline sees it."""
    settings = Settings(workspace=folder, toolsets=["all"], read_only=False, **request.settings)
    workspace = Workspace(settings)
    workspace.user = request.actor or workspace.user
    return workspace


def _end_with_worker(pipe: int) -> None:
    os.read(pipe, 1)  # nobody writes: it returns when the other end closes
    os._exit(1)


def main() -> int:
    folder = RunFolder(Path(sys.argv[1]))
    # The pipe moves out of the way of what the tools start.
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    threading.Thread(target=_end_with_worker, args=(pipe,), daemon=True).start()
    lift_memory_limit()
    order = folder.read_order()
    request = Request.model_validate(order.request)
    workspace = _workspace(request, order.workspace)
    start_logging(workspace)
    job = Job(folder=folder.path, workspace=order.workspace)
    try:
        driven = anyio.run(drive, workspace, request, job.number, job.progress)
    finally:
        workspace.close()
    file = folder.path / OUTCOME
    part = file.with_name(f".{OUTCOME}")
    part.write_text(driven.model_dump_json(), encoding="utf-8")
    part.replace(file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
