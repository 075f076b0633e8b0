"""A workspace in a temporary folder and a client of the real server over it, in memory."""

import functools
import os
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp_types import CallToolResult, TextContent

import mlsteward.runs.jobs
from mlsteward.config import Settings
from mlsteward.data.engine import connect
from mlsteward.data.sql.first_wall import FirstWall
from mlsteward.server.app import Steward
from mlsteward.serving.endpoint.desired import DEPLOYMENTS
from mlsteward.store.store import Store
from mlsteward.workspace import Workspace
from tests.endings import end_endpoints
from tests.shared_queries import shared_queries

STORE = "store.duckdb"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The one folder whose files the workspace may read."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def wall() -> FirstWall:
    return FirstWall(connect(memory_mb=256))


@pytest.fixture(scope="session", autouse=True)
def job_kinds_of_tests() -> Iterator[None]:
    """Job kinds that only tests have: found by this process and, through PYTHONPATH, by those it starts."""
    folder = Path(__file__).parent / "worker_jobs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        patch.setattr(mlsteward.runs.jobs, "__path__", [*mlsteward.runs.jobs.__path__, str(folder / "kinds")])
        yield


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One warm process for all workspaces of the session: its imports take seconds."""
    folder = tmp_path_factory.mktemp("w")
    yield folder
    for socket in folder.glob("*.sock"):
        socket.unlink()


@pytest.fixture
def workspace(tmp_path: Path, data: Path, warm: Path) -> Iterator[Workspace]:
    workspace = new_workspace(tmp_path / "workspace", data, warm)
    yield workspace
    workspace.close()
    if (workspace.folder / DEPLOYMENTS).is_dir():
        end_endpoints(workspace.folder)


def new_workspace(folder: Path, data: Path, warm: Path, **settings: Any) -> Workspace:
    folder.mkdir(exist_ok=True)
    link = folder / "warm"
    if not link.exists():
        link.symlink_to(warm, target_is_directory=True)
    if not (folder / STORE).exists():
        (folder / STORE).write_bytes(_empty_store())
    settings.setdefault("toolsets", ["all"])
    workspace = Workspace(Settings(workspace=folder, data=[data], **settings))
    if not {"query_seconds", "query_memory_mb"} & settings.keys():
        workspace.__dict__["queries"] = shared_queries()
    return workspace


@functools.cache
def _empty_store() -> bytes:
    """A store with all its tables: to copy one takes a fifth of making it, and hundreds of tests start with one."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / STORE)
        store.read(lambda t: None)
        store.close()
        return store.path.read_bytes()


class Assistant:
    """A client that calls tools as an assistant does, and holds every answer to what is promised of answers."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The data of an answer; fails on a tool error."""
        result = await self.result(tool, **arguments)
        assert not result.is_error, text_of(result)
        assert result.structured_content is not None
        return result.structured_content

    async def text(self, tool: str, **arguments: Any) -> str:
        """The text of an answer; fails on a tool error."""
        result = await self.result(tool, **arguments)
        assert not result.is_error, text_of(result)
        return text_of(result)

    async def error(self, tool: str, **arguments: Any) -> str:
        """The words of a tool error; fails when there is none."""
        result = await self.result(tool, **arguments)
        assert result.is_error, f"{tool} was expected to refuse, and answered: {text_of(result)}"
        return text_of(result)

    async def result(self, tool: str, **arguments: Any) -> CallToolResult:
        result = await self.client.call_tool(tool, arguments)
        assert isinstance(result, CallToolResult)
        if not result.is_error:
            _check_form(tool, result)
        return result


def text_of(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


def _check_form(tool: str, result: CallToolResult) -> None:
    text = text_of(result)
    data = result.structured_content
    assert data is not None, f"{tool} gave no data"
    assert next(iter(data)) == "verdict"
    assert text.startswith(data["verdict"]), f"the text of {tool} does not open with its verdict"
    size = len(text.encode()) + len(result.model_dump_json(include={"structured_content"}).encode())
    assert size <= 8192 + 64, f"the answer of {tool} has {size} bytes"


@asynccontextmanager
async def assistant_of(workspace: Workspace, mode: str = "auto") -> AsyncGenerator[Assistant]:
    async with Client(Steward(workspace), mode=mode) as client:  # pyright: ignore[reportArgumentType] - a literal
        yield Assistant(client)


@pytest.fixture
async def assistant(workspace: Workspace) -> AsyncIterator[Assistant]:
    async with assistant_of(workspace) as assistant:
        yield assistant


@pytest.fixture
async def uncleared(workspace: Workspace) -> AsyncIterator[Assistant]:
    """The same workspace for somebody who may see what is internal, and nothing above."""
    async with assistant_of(workspace.seen_by("internal")) as assistant:
        yield assistant
