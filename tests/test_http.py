"""The HTTP server as a real process: who may come in, with what, and from where."""

import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from mlsteward.config import is_loopback
from mlsteward.errors import InvalidName, Refused
from mlsteward.server.app import Steward
from mlsteward.server.http import http_app
from mlsteward.store import tokens
from mlsteward.store.store import Store
from mlsteward.workspace import Workspace

STARTS_WITHIN = 60
HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


@dataclass
class Server:
    url: str
    workspace: Path
    data: Path


@contextmanager
def serving(tmp_path: Path, *flags: str, warm: Path | None = None) -> Generator[Server]:
    """`mlsteward http` on a free port, until the block ends; its runs are those of the warm process in `warm`."""
    data = tmp_path / "data"
    data.mkdir(exist_ok=True)
    if warm is not None:
        (tmp_path / "workspace").mkdir(exist_ok=True)
        (tmp_path / "workspace" / "warm").symlink_to(warm, target_is_directory=True)
    command = [sys.executable, "-m", "mlsteward", "http", "--port", "0"]
    folders = ["--workspace", str(tmp_path / "workspace"), "--data", str(data), *flags]
    with subprocess.Popen([*command, *folders], stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        try:
            yield Server(_url(process), tmp_path / "workspace", data)
        finally:
            process.terminate()
            process.communicate(timeout=30)


def _url(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    deadline = time.monotonic() + STARTS_WITHIN
    for line in process.stderr:
        if found := re.search(r"running on (http://[\d.:]+)", line):
            return found.group(1)
        assert time.monotonic() < deadline
    raise AssertionError("the server ended without listening")


def mlsteward(*arguments: str) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "mlsteward", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def create_token(tmp_path: Path, name: str, scope: str) -> str:
    made = mlsteward("token", "create", name, "--scope", scope, "--workspace", str(tmp_path / "workspace"))
    return made.strip().splitlines()[-1]


@asynccontextmanager
async def connected(url: str, token: str) -> AsyncGenerator[Client]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


def call(tool: str, **arguments: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Iterator[Server]:
    """One without tokens, which lets everybody in."""
    with serving(tmp_path_factory.mktemp("open"), warm=warm) as server:
        yield server


@dataclass
class Guarded:
    """A server with tokens."""

    server: Server
    reader: str
    writer: str


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    writer = create_token(folder, "trainer", "write")
    store = Store(folder / "workspace" / "store.duckdb")
    reader = store.write(lambda transaction: tokens.create_token(transaction, "dashboard", "read"))
    store.close()
    with serving(folder, "--toolsets", "default,tracking", warm=warm) as server:
        yield Guarded(server, reader, writer)


@pytest.mark.anyio
async def test_a_client_over_http_is_answered_and_health_is_open(open_server: Server) -> None:
    assert httpx2.get(f"{open_server.url}/health").json() == {"status": "ok"}
    async with Client(f"{open_server.url}/mcp") as client:
        result = await client.call_tool("list_runs", {})
    assert not result.is_error


@pytest.mark.anyio
async def test_tokens_decide_who_comes_in_and_what_they_may_call(guarded: Guarded) -> None:
    server, reader, writer = guarded.server, guarded.reader, guarded.writer
    url = f"{server.url}/mcp"
    assert httpx2.get(f"{server.url}/health").status_code == 200
    for wrong in ({}, {"Authorization": "Bearer mls_wrong"}):
        assert httpx2.post(url, headers=HEADERS | wrong, json=call("list_runs")).status_code == 401
    reading = HEADERS | {"Authorization": f"Bearer {reader}"}
    refused = httpx2.post(url, headers=reading, json=call("document_asset", asset="x", owner="me"))
    assert refused.status_code == 403
    assert "document_asset" in refused.text
    assert httpx2.put(f"{server.url}/uploads/x.csv", headers=reading, content=b"a\n1\n").status_code == 403
    async with connected(url, reader) as client:
        assert not (await client.call_tool("list_runs", {})).is_error
    async with connected(url, writer) as client:
        result = await client.call_tool("log_run", {"name": "elsewhere", "metrics": {"roc_auc": 0.7}})
        assert not result.is_error
        page = await client.call_tool("list_runs", {})
    mlsteward("token", "revoke", "trainer", "--workspace", str(server.workspace))
    revoked = HEADERS | {"Authorization": f"Bearer {writer}"}
    assert httpx2.post(url, headers=revoked, json=call("list_runs")).status_code == 401
    assert page.structured_content is not None
    assert page.structured_content["total"] == 1
    secrets = (reader.encode(), writer.encode())
    for path in server.workspace.rglob("*"):
        if path.is_file():
            assert not any(secret in path.read_bytes() for secret in secrets), f"a token stands in {path.name}"


def test_a_token_made_while_the_server_runs_closes_it_to_those_without(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert httpx2.post(f"{server.url}/mcp", headers=HEADERS, json=call("list_runs")).status_code != 401
        create_token(tmp_path, "first", "read")
        assert httpx2.post(f"{server.url}/mcp", headers=HEADERS, json=call("list_runs")).status_code == 401
        assert httpx2.get(f"{server.url}/health").status_code == 200


def test_a_foreign_host_or_origin_and_a_body_over_4_mib_are_refused(open_server: Server) -> None:
    url = f"{open_server.url}/mcp"
    assert httpx2.post(url, headers=HEADERS | {"Host": "evil.example"}, json=call("list_runs")).status_code == 421
    foreign = HEADERS | {"Origin": "https://evil.example"}
    assert httpx2.post(url, headers=foreign, json=call("list_runs")).status_code == 403
    assert httpx2.put(f"{open_server.url}/uploads/x.csv", headers=foreign, content=b"a\n").status_code == 403
    large = call("log_run", name="x" * (4 * 1024 * 1024))
    assert httpx2.post(url, headers=HEADERS, json=large).status_code == 413


@pytest.mark.anyio
async def test_an_uploaded_file_can_be_registered_by_what_upload_prints(open_server: Server, tmp_path: Path) -> None:
    file = tmp_path / "churn data.csv"
    file.write_text("customer,churned\n" + "".join(f"{row},{row % 2}\n" for row in range(50)))
    printed = mlsteward("upload", str(file), "--server", open_server.url)
    found = re.search(r'register_dataset\(name="(\w+)", source="([^"]+)"\)', printed)
    assert found is not None
    async with Client(f"{open_server.url}/mcp") as client:
        result = await client.call_tool("register_dataset", {"name": found.group(1), "source": found.group(2)})
    assert not result.is_error, result.content
    assert found.group(1) == "churn_data"


def test_an_address_that_others_can_reach_needs_a_token_first(workspace: Workspace) -> None:
    with pytest.raises(Refused, match="mlsteward token create"):
        http_app(Steward(workspace), host="0.0.0.0")
    assert not is_loopback("192.0.2.1")
    assert is_loopback("127.0.0.2")
    assert is_loopback("::1")


def test_upload_without_a_token_says_how_to_give_one(guarded: Guarded, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("a\n1\n")
    command = [sys.executable, "-m", "mlsteward", "upload", str(file), "--server", guarded.server.url]
    for token, words in ({"MLSTEWARD_TOKEN": ""}, "asks for a token"), ({"MLSTEWARD_TOKEN": "x"}, "does not know"):
        tried = subprocess.run(command, capture_output=True, text=True, env=os.environ | token)
        assert tried.returncode == 1
        assert words in tried.stderr
        assert "--token" in tried.stderr


def test_a_name_that_no_token_can_have_is_refused_as_a_token_s(workspace: Workspace) -> None:
    with pytest.raises(InvalidName, match="A token cannot be named 'bad name'"):
        workspace.store.write(lambda transaction: tokens.create_token(transaction, "bad name", "read"))


def test_an_unreachable_server_is_said_by_upload(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("a\n1\n")
    command = [sys.executable, "-m", "mlsteward", "upload", str(file), "--server", "http://127.0.0.1:9"]
    tried = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"NO_COLOR": "1"})
    assert tried.returncode == 1
    assert "cannot be reached" in tried.stderr
