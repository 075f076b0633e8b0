"""`mlsteward install claude-desktop|vscode|cursor`: the host's configuration, with absolute folders."""

import argparse
import difflib
import json
import os
import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast, get_args

from mlsteward.config import Settings
from mlsteward.data.postgres_address import shown_address
from mlsteward.errors import UnusableData
from mlsteward.server.command import Command

Host = Literal["claude-desktop", "vscode", "cursor"]


def configuration_file(host: Host) -> Path:
    """Where `host` keeps its MCP servers: VS Code in the current folder, the others in the user's own."""
    if host == "vscode":
        return Path.cwd() / ".vscode" / "mcp.json"
    if host == "cursor":
        return Path.home() / ".cursor" / "mcp.json"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Claude" / "claude_desktop_config.json"
    if sys.platform == "win32":
        return Path(os.environ["APPDATA"]) / "Claude" / "claude_desktop_config.json"
    return Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config")) / "Claude" / "claude_desktop_config.json"


def server_entry(settings: Settings, host: Host) -> dict[str, Any]:
    """The entry that starts this very installation on this workspace, wherever the host starts it from."""
    # -P: a host starts it in the home folder, whose `mlsteward` may be a clone and would be taken for the package.
    arguments = ["-P", "-m", "mlsteward", "--workspace", str(settings.workspace)]
    for folder in settings.data:
        arguments += ["--data", str(folder)]
    for url in settings.databases:
        # The password stays out of the file: it belongs into the environment.
        arguments += ["--database", shown_address(url.get_secret_value())]
    if settings.read_only:
        arguments.append("--read-only")
    if settings.toolsets:
        arguments += ["--toolsets", ",".join(settings.toolsets)]
    entry: dict[str, Any] = {"command": sys.executable, "args": arguments}
    return {"type": "stdio", **entry} if host == "vscode" else entry


def with_server(existing: str, settings: Settings, host: Host) -> str:
    """The configuration `existing` with our server in it and everything else as it was."""
    try:
        parsed: Any = json.loads(existing) if existing.strip() else {}
    except ValueError as error:
        raise UnusableData(
            f"{configuration_file(host)} is not plain JSON ({error}), so it is left alone. "
            f"`mlsteward install {host} --print` shows what to add by hand."
        ) from error
    if not isinstance(parsed, dict):
        raise UnusableData(f"{configuration_file(host)} holds no JSON object, so it is left alone.")
    configuration = cast(dict[str, Any], parsed)
    servers = configuration.setdefault("servers" if host == "vscode" else "mcpServers", {})
    servers["mlsteward"] = server_entry(settings, host)
    return json.dumps(configuration, indent=2) + "\n"


def install(settings: Settings, host: Host, *, print_only: bool, yes: bool) -> int:
    path = configuration_file(host)
    if print_only:
        sys.stdout.write(with_server("", settings, host))
        return 0
    before = path.read_text("utf-8") if path.is_file() else ""
    after = with_server(before, settings, host)
    if before == after:
        sys.stdout.write(f"{path} already starts mlsteward this way.\n")
        return 0
    sys.stdout.writelines(
        difflib.unified_diff(before.splitlines(True), after.splitlines(True), str(path), f"{path} (new)")
    )
    if not settings.data:
        sys.stdout.write("No data folder is given, so no files could be registered: add --data DIR.\n")
    if not yes and not _agreed():
        sys.stdout.write("Nothing was changed.\n")
        return 1
    _write(path, before, after)
    sys.stdout.write(f"Written. Restart {host} so that it reads {path.name}.\n")
    return 0


def _agreed() -> bool:
    if not sys.stdin.isatty():
        sys.stdout.write("Not a terminal: call again with --yes to write this.\n")
        return False
    return input("Write this? [y/N] ").strip().lower() in ("y", "yes")


def _write(path: Path, before: str, after: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if before:
        backup = path.with_name(f"{path.name}.{datetime.now():%Y%m%d-%H%M%S}.bak")
        shutil.copy2(path, backup)
        sys.stdout.write(f"The old file is kept as {backup.name}.\n")
    part = path.with_name(path.name + ".part")
    part.write_text(after, "utf-8")
    part.replace(path)


def arguments(parser: argparse.ArgumentParser, _: argparse.ArgumentParser) -> None:
    parser.add_argument("host", choices=get_args(Host))
    parser.add_argument("--print", action="store_true", dest="print_only", help="print it and change nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask before writing")


def run(settings: Settings, given: argparse.Namespace) -> int:
    return install(settings, given.host, print_only=given.print_only, yes=given.yes)


COMMAND = Command("install", "write a host's configuration", arguments, run)
