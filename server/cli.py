"""The command line: `mlsteward` serves MCP on stdio; its commands do the rest."""

import argparse
import gc
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from pydantic import ValidationError

from mlsteward.config import Settings
from mlsteward.errors import StewardError

DESCRIPTION = """\
An MLOps platform that an AI assistant can run, as one MCP server.

Without a command and with a pipe as its input, mlsteward serves MCP on stdio: that is how Claude Desktop and
VS Code start it (`mlsteward install` writes their configuration)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    parser = build_parser()
    given = parser.parse_args(arguments)
    try:
        settings = Settings(**_overrides(given))
        return _run(given, settings, parser)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            where = "_".join(str(part) for part in problem["loc"])
            print(f"mlsteward: {where}: {problem['msg']}", file=sys.stderr)  # noqa: T201 - a command's own output
        return 2
    except StewardError as error:
        print(f"mlsteward: {error.words()}", file=sys.stderr)  # noqa: T201 - a command's own output
        return 1


def build_parser() -> argparse.ArgumentParser:
    common = _common_flags()
    parser = argparse.ArgumentParser(
        prog="mlsteward",
        description=DESCRIPTION,
        parents=[common],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mlsteward {version('mlsteward')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    http = commands.add_parser("http", parents=[common], help="serve MCP over Streamable HTTP, at /mcp")
    http.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    http.add_argument("--port", type=int, default=8321, help="port to listen on (default: %(default)s)")
    http.add_argument(
        "--allowed-host", action="append", default=[], metavar="HOST", help="further name clients reach this server by"
    )

    demo = commands.add_parser(
        "demo", parents=[common], help="take real data through the real server, in about a minute"
    )
    demo.add_argument("--keep", metavar="DIR", default="", help="keep the demo's workspace in DIR")

    commands.add_parser("doctor", parents=[common], help="check workspace, store, data folders and versions")

    install = commands.add_parser("install", parents=[common], help="write a host's configuration")
    install.add_argument("host", choices=["claude-desktop", "vscode", "cursor"])
    install.add_argument("--print", action="store_true", dest="print_only", help="print it and change nothing")
    install.add_argument("--yes", action="store_true", help="do not ask before writing")

    token = commands.add_parser("token", parents=[common], help="make, list and revoke tokens of the HTTP server")
    actions = token.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser("create", parents=[common], help="make a token and show it once")
    create.add_argument("name")
    create.add_argument("--scope", choices=["read", "write", "admin"], default="read")
    actions.add_parser("list", parents=[common], help="list tokens")
    actions.add_parser("revoke", parents=[common], help="revoke a token").add_argument("name")

    for name, words in (("backup", "copy the store to a file"), ("restore", "put a backup of the store in its place")):
        commands.add_parser(name, parents=[common], help=words).add_argument("file")

    upload = commands.add_parser("upload", parents=[common], help="send a file to a server's workspace")
    upload.add_argument("file")
    upload.add_argument("--server", required=True, metavar="URL", help="for example http://127.0.0.1:8321")
    upload.add_argument("--token", default="", help="else MLSTEWARD_TOKEN in the environment")
    return parser


def _common_flags() -> argparse.ArgumentParser:
    """Flags that may stand before or after a command; what is not given is not set, so that the environment counts."""
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = common.add_argument_group("common flags (each also as MLSTEWARD_… in the environment)")
    group.add_argument(
        "--workspace", metavar="DIR", help="default: the nearest .mlsteward/, else the user's data folder"
    )
    group.add_argument("--data", action="append", metavar="DIR", help="folder whose files may be read; repeatable")
    group.add_argument("--read-only", action="store_true", help="hide the tools that change things")
    group.add_argument("--toolsets", metavar="A,B", help="offer only these groups of tools")
    group.add_argument("--max-wait", type=float, metavar="SECONDS", help="longest wait within one call (25)")
    group.add_argument("--log-level", metavar="LEVEL", help="DEBUG, INFO, WARNING or ERROR")
    return common


def _overrides(given: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name, value in vars(given).items() if name in Settings.model_fields}


def _run(given: argparse.Namespace, settings: Settings, parser: argparse.ArgumentParser) -> int:
    """Each command imports what it needs, so that none pays for the others."""
    if given.command is None:
        if sys.stdin is None or sys.stdin.isatty():
            parser.print_help()
            return 0
        # Nothing that starting imports is garbage, and looking for it takes a tenth of the start; serve.py turns
        # the collector on again.
        gc.disable()
        from mlsteward.server.serve import serve_stdio

        return serve_stdio(settings)
    if given.command == "http":
        from mlsteward.server.serve import serve_http

        return serve_http(settings, host=given.host, port=given.port, allowed_hosts=given.allowed_host)
    if given.command == "token":
        from mlsteward.server.token_command import token_command

        return token_command(settings, given.action, getattr(given, "name", ""), getattr(given, "scope", "read"))
    return _run_client_command(given, settings)


def _run_client_command(given: argparse.Namespace, settings: Settings) -> int:
    if given.command == "demo":
        from mlsteward.server.demo import demo

        return demo(given.keep)
    if given.command == "doctor":
        from mlsteward.server.doctor import doctor

        return doctor(settings)
    if given.command == "install":
        from mlsteward.server.install import install

        return install(settings, given.host, print_only=given.print_only, yes=given.yes)
    if given.command in ("backup", "restore"):
        from mlsteward.server import backup_command

        return getattr(backup_command, given.command)(settings, given.file)
    from mlsteward.server.upload_command import upload

    return upload(given.file, given.server, given.token)
