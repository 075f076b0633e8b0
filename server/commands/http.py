"""`mlsteward http`: MCP over Streamable HTTP."""

import argparse

from mlsteward.config import Settings
from mlsteward.server.command import Command
from mlsteward.server.serve import serve_http


def arguments(parser: argparse.ArgumentParser, _: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8321, help="port to listen on (default: %(default)s)")
    parser.add_argument(
        "--allowed-host", action="append", default=[], metavar="HOST", help="further name clients reach this server by"
    )


def run(settings: Settings, given: argparse.Namespace) -> int:
    return serve_http(settings, host=given.host, port=given.port, allowed_hosts=given.allowed_host)


COMMAND = Command("http", "serve MCP over Streamable HTTP, at /mcp", arguments, run)
