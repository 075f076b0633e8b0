"""The server over stdio, in processes of its own: what it writes, and two of them on one workspace."""

import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

CHURN = "customer,months,calls,churned\n" + "".join(
    f"{n},{n % 37},{n % 11},{int((n * 7919 % 100) < 20 + 5 * (n % 11))}\n" for n in range(300)
)


def flags(folder: Path) -> list[str]:
    folders = ["--workspace", str(folder / "workspace"), "--data", str(folder)]
    return ["-m", "mlsteward", "--toolsets", "default,tracking", *folders]


@pytest.fixture
def folder(tmp_path: Path, warm: Path) -> Path:
    """Where a server may read, with a workspace in it whose runs are those of the warm process of all tests."""
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "warm").symlink_to(warm, target_is_directory=True)
    return tmp_path


@asynccontextmanager
async def connected(folder: Path, mode: str = "auto") -> AsyncGenerator[Client]:
    """A client of a server of its own."""
    server = StdioServerParameters(command=sys.executable, args=flags(folder), cwd="/")
    async with Client(stdio_client(server), mode=mode) as client:
        yield client


async def answered(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


def test_nothing_but_the_protocol_stands_on_stdout_and_a_garbled_line_does_not_end_the_server(tmp_path: Path) -> None:
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    lines = [
        "this is no JSON",
        json.dumps(hello),
        json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list_runs"}}),
        json.dumps({"jsonrpc": "2.0", "id": 3, "method": "tools/list"}),
    ]
    with subprocess.Popen(
        [sys.executable, *flags(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/"
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n".join(lines) + "\n")
        process.stdin.flush()
        answers: dict[int, Any] = {}
        while not {1, 2, 3} <= answers.keys():
            message = json.loads(process.stdout.readline())
            if "id" in message and message["id"] is not None:
                answers[message["id"]] = message
        process.stdin.close()
        assert process.wait(timeout=30) == 0
        assert process.stdout.read() == ""
    assert answers[2]["result"]["structuredContent"]["total"] == 0


@pytest.mark.anyio
async def test_two_servers_on_one_workspace_see_each_others_work_at_once(folder: Path) -> None:
    async with connected(folder, "legacy") as first, connected(folder) as second:
        await answered(first, "register_dataset", name="churn", content=CHURN)
        found = await answered(second, "lookup_data_dictionary", dataset="churn")
        assert "churned" in json.dumps(found)

        async def log(client: Client, name: str) -> None:
            for number in range(10):
                await answered(client, "log_run", name=name, metrics={"roc_auc": number / 10})

        async with anyio.create_task_group() as group:
            group.start_soon(log, first, "from_first")
            group.start_soon(log, second, "from_second")
        counts = [(await answered(client, "list_runs", limit=1))["total"] for client in (first, second)]
    assert counts == [20, 20]


@pytest.mark.anyio
async def test_a_run_trained_through_one_server_is_found_by_the_next(folder: Path) -> None:
    (folder / "churn.csv").write_text(CHURN)
    async with connected(folder) as client:
        await answered(client, "register_dataset", name="churn", source=str(folder / "churn.csv"))
        started = await answered(
            client, "train_model", dataset="churn", target="churned", estimator="logistic_regression", wait_seconds=0
        )
    async with connected(folder) as client:
        run = await answered(client, "get_run", run=started["run"], wait_seconds=25)
    assert run["state"] == "completed"


@pytest.mark.anyio
async def test_progress_is_notified_while_a_call_waits(folder: Path) -> None:
    seen: list[float] = []

    async def notified(progress: float, total: float | None, message: str | None) -> None:
        del total, message
        seen.append(progress)

    async with connected(folder) as client:
        result = await client.call_tool(
            "register_dataset", {"name": "churn", "content": CHURN}, progress_callback=notified
        )
    assert not result.is_error
    assert seen
    assert all(0 <= done <= 1 for done in seen)
