"""How light the server is: start, memory, tokens of its tools, milliseconds over an empty server, calls in flight.

Run: uv run python -m benchmarks.server
"""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import anyio
import psutil
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.server.mcpserver import MCPServer

from mlsteward.config import Settings
from mlsteward.server.app import Steward
from mlsteward.workspace import Workspace

EMPTY = "from mcp.server.mcpserver import MCPServer; MCPServer('empty').run()"
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "benchmark", "version": "1"},
    },
}
ROUNDS = 12
CALLS = 1_000
IN_FLIGHT = 16


async def seconds_to_initialize(command: list[str]) -> float:
    started = time.perf_counter()
    async with await anyio.open_process(command, stderr=None) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        await process.stdin.send((json.dumps(HELLO) + "\n").encode())
        await process.stdout.receive()
        elapsed = time.perf_counter() - started
        await process.stdin.aclose()
        await process.wait()
    return elapsed


async def start(folder: Path) -> None:
    ours = [sys.executable, "-m", "mlsteward", "--workspace", str(folder / "start"), "--data", str(folder)]
    empty = [sys.executable, "-c", EMPTY]
    pairs = [(await seconds_to_initialize(ours), await seconds_to_initialize(empty)) for _ in range(ROUNDS)]
    ratio = statistics.median(mine for mine, _ in pairs) / statistics.median(other for _, other in pairs)
    print(f"start to initialize: {ratio:.2f} x an empty server (to reach: 1.3)")


async def memory_and_tokens(folder: Path) -> None:
    ours = ["-m", "mlsteward", "--workspace", str(folder / "memory"), "--data", str(folder)]
    async with Client(stdio_client(StdioServerParameters(command=sys.executable, args=ours))) as client:
        tools = (await client.list_tools()).tools
        child = next(child for child in psutil.Process().children() if "mlsteward" in " ".join(child.cmdline()))
        resident = child.memory_info().rss / 1e6
    size = sum(len(json.dumps([tool.name, tool.description, tool.input_schema]).encode()) for tool in tools)
    print(f"resident at tools/list: {resident:.0f} MB (to reach: 90)")
    print(f"tools/list: {len(tools)} tools, {size / 4:.0f} tokens (to reach: 4,000)")


async def overhead(folder: Path) -> None:
    echo = MCPServer("echo")

    @echo.tool()
    def say(text: str) -> str:  # pyright: ignore[reportUnusedFunction] - registered by the decorator
        return text

    workspace = Workspace(Settings(workspace=folder / "overhead", data=[]))
    async with Client(Steward(workspace)) as steward, Client(echo) as plain:
        await _called(steward, "register_dataset", {"name": "flights", "source": "sample:flights"})
        for number in range(20):
            metrics = {"roc_auc": 0.7 + number / 100, "log_loss": 0.5, "f1": 0.4}
            await _called(steward, "log_run", {"name": "elsewhere", "params": {"depth": number}, "metrics": metrics})
        for tool, arguments in (("list_runs", {"limit": 20}), ("lookup_data_dictionary", {"query": "delay"})):
            extra = await _extra_milliseconds(steward, tool, arguments, plain)
            print(f"{tool}: +{extra:.1f} ms over an echo tool (to reach: +12)")
        await in_flight(steward)
    workspace.close()


async def _extra_milliseconds(steward: Client, tool: str, arguments: dict[str, Any], plain: Client) -> float:
    extra: list[float] = []
    for _ in range(60):
        started = time.perf_counter()
        await _called(steward, tool, arguments)
        between = time.perf_counter()
        await plain.call_tool("say", {"text": "hello"})
        extra.append((between - started) - (time.perf_counter() - between))
    return statistics.median(extra) * 1_000


async def _called(client: Client, tool: str, arguments: dict[str, Any]) -> Any:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result


async def in_flight(client: Client) -> None:
    wrong = 0
    limiter = anyio.Semaphore(IN_FLIGHT)

    async def ask(number: int) -> None:
        nonlocal wrong
        async with limiter:
            answer = await _called(client, "get_run", {"run": f"run:{2 + number % 20}", "wait_seconds": 0})
            wrong += answer.structured_content["run"] != 2 + number % 20

    async with anyio.create_task_group() as group:
        for number in range(CALLS):
            group.start_soon(ask, number)
    print(f"{CALLS} calls, {IN_FLIGHT} in flight: {wrong} wrong answers (to reach: 0)")


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await start(folder)
        await memory_and_tokens(folder)
        await overhead(folder)


if __name__ == "__main__":
    anyio.run(main)
