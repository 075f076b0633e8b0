"""`mlsteward demo`: real data through the real server, by a real MCP client over stdio."""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import psutil
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, TextContent
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from mlsteward.config import Settings
from mlsteward.errors import NotSupported, RunFailed
from mlsteward.server.command import Command
from mlsteward.server.demo_story import LINES_SHOWN, story
from mlsteward.server.demo_traffic import ROWS_A_REQUEST, Flight, ask

CONSOLE = Console(highlight=False, soft_wrap=True)


class Demo:
    """One assistant's conversation: it calls tools, and prints each call, its time and what came back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._client: Client | None = None
        self.calls = 0

    @asynccontextmanager
    async def server(self) -> AsyncGenerator[None]:
        """A server process on the demo's workspace, for the length of the block."""
        folders = ["--workspace", str(self._folder / "workspace"), "--data", str(self._folder)]
        parameters = StdioServerParameters(
            command=sys.executable,
            args=["-P", "-m", "mlsteward", "--toolsets", "all", *folders],
            env={**os.environ, "MLSTEWARD_LOG_LEVEL": "ERROR"},
        )
        async with Client(stdio_client(parameters), elicitation_callback=self._approve) as client:
            self._client = client
            yield

    def chapter(self, title: str) -> None:
        CONSOLE.print(f"\n[bold]── {escape(title)}[/bold]")

    def say(self, text: str) -> None:
        CONSOLE.print(f"[italic]{escape(text)}[/italic]")

    async def call(self, tool: str, *, show: int = LINES_SHOWN, **arguments: Any) -> dict[str, Any]:
        """Call a tool, waiting on while its run goes on, and print what came back."""
        written = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        CONSOLE.print(f"\n[cyan]▶ {tool}[/cyan]({escape(written)})")
        started = time.perf_counter()
        result = await self._result(tool, arguments)
        data = result.structured_content or {}
        while not result.is_error and data.get("state") in ("queued", "running") and arguments.get("wait_seconds") != 0:
            result = await self._result("get_run", {"run": data["run"]})
            data = result.structured_content or {}
        self._print(result, time.perf_counter() - started, show)
        self.calls += 1
        return data

    async def _approve(self, context: object, params: ElicitRequestParams) -> ElicitResult:
        """The form that a host shows to its person, who has looked and says yes."""
        for line in params.message.splitlines():
            CONSOLE.print(f"  [yellow]│ {escape(line)}[/yellow]")
        CONSOLE.print("  [yellow]│ Approve? yes[/yellow]")
        return ElicitResult(action="accept", content={"approve": True, "reason": "Looked at in the demo."})

    def outcomes_file(self, name: str) -> Path:
        return self._folder / name

    async def ask_endpoint(self, address: str, flights: Sequence[Flight]) -> list[str]:
        """What an application does, without an assistant."""
        started = time.perf_counter()
        CONSOLE.print(f"\n[cyan]▶ POST {address}/predict[/cyan], {len(flights)} rows, {ROWS_A_REQUEST} to a request")
        ids = await anyio.to_thread.run_sync(ask, address, flights)
        CONSOLE.print(f"  [green]{time.perf_counter() - started:.1f} s[/green]")
        return ids

    async def _result(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        if self._client is None:
            raise NotSupported("The demo has no server yet.")
        columns = (TextColumn("  {task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=CONSOLE, transient=True) as bar:
            task = bar.add_task(tool, total=1.0)

            async def progress(progress: float, total: float | None, message: str | None) -> None:
                bar.update(task, completed=progress, total=total, description=message or tool)

            return await self._client.call_tool(tool, arguments, progress_callback=progress)

    def _print(self, result: CallToolResult, seconds: float, show: int) -> None:
        text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
        lines = text.splitlines()
        for line in lines[:show]:
            CONSOLE.print(f"  {escape(line)}")
        if len(lines) > show:
            CONSOLE.print(f"  [dim]… and {len(lines) - show} lines more[/dim]")
        CONSOLE.print(f"  [green]{seconds:.1f} s[/green]")
        if result.is_error:
            raise RunFailed(f"The demo stopped: {text}")

    def kill_server(self) -> int:
        """End this process's server the hard way, with everything it started under it."""
        (server,) = (child for child in psutil.Process().children() if "mlsteward" in " ".join(child.cmdline()))
        for process in (*server.children(recursive=True), server):
            process.send_signal(signal.SIGKILL)
        return server.pid


def demo(keep: str) -> int:
    """Run the story in a temporary workspace, or in the folder `keep`."""
    started = time.perf_counter()
    calls = 0
    try:
        calls = _in_folder(keep)
    except* RunFailed:  # its words stand on the screen already
        CONSOLE.print("\n[red]The demo stopped at that error.[/red]")
    else:
        CONSOLE.print(f"\n[bold]{calls} calls in {time.perf_counter() - started:.0f} s.[/bold]")
    return 0 if calls else 1


def _in_folder(keep: str) -> int:
    if keep:
        folder = Path(keep).expanduser().resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return anyio.run(_run, folder)
    with tempfile.TemporaryDirectory(prefix="mlsteward-demo-", ignore_cleanup_errors=True) as name:
        return anyio.run(_run, Path(name))


async def _run(folder: Path) -> int:
    demo = Demo(folder)
    await story(demo)
    return demo.calls


def arguments(parser: argparse.ArgumentParser, _: argparse.ArgumentParser) -> None:
    parser.add_argument("--keep", metavar="DIR", default="", help="keep the demo's workspace in DIR")


def run(_: Settings, given: argparse.Namespace) -> int:
    return demo(given.keep)


COMMAND = Command("demo", "take real data through the real server, in a minute or two", arguments, run)
