"""The command line: `mlsteward` serves MCP on stdio; its commands do the rest."""

import argparse
import gc
import importlib
import keyword
import pkgutil
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from pydantic import ValidationError

import mlsteward.server.commands
from mlsteward.config import Settings
from mlsteward.errors import StewardError
from mlsteward.server.command import Command

DESCRIPTION = """\
An MLOps platform that an AI assistant can run, as one MCP server.

Without a command and with a pipe as its input, mlsteward serves MCP on stdio: that is how Claude Desktop and
VS Code start it (`mlsteward install` writes their configuration)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    given, rest = _common_flags().parse_known_args(words)
    if rest:
        given = build_parser(words).parse_args(words)
    try:
        settings = Settings(**_overrides(given))
        return given.run(settings, given) if "run" in given else _serve(settings)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            where = "_".join(str(part) for part in problem["loc"])
            print(f"mlsteward: {where}: {problem['msg']}", file=sys.stderr)  # noqa: T201 - a command's own output
        return 2
    except StewardError as error:
        print(f"mlsteward: {error.words()}", file=sys.stderr)  # noqa: T201 - a command's own output
        return 1


def build_parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser of the commands that `words` names, of all when it names none: imports are paid for when used."""
    common = _common_flags()
    parser = argparse.ArgumentParser(
        prog="mlsteward",
        description=DESCRIPTION,
        parents=[common],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mlsteward {version('mlsteward')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    names = command_names()
    for name in [name for name in names if name in words] or names:
        command = find_command(name)
        own = commands.add_parser(command.name, parents=[common], help=command.help)
        command.arguments(own, common)
        own.set_defaults(run=command.run)
    return parser


def command_names() -> list[str]:
    """The commands there are: a module each, a trailing underscore keeping clear of Python's own words."""
    return sorted(module.name.rstrip("_") for module in pkgutil.iter_modules(mlsteward.server.commands.__path__))


def find_command(name: str) -> Command:
    module = f"{name}_" if keyword.iskeyword(name) else name
    return importlib.import_module(f"{mlsteward.server.commands.__name__}.{module}").COMMAND


def _common_flags() -> argparse.ArgumentParser:
    """Flags that may stand before or after a command; what is not given is not set, so that the environment counts."""
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False)
    group = common.add_argument_group("common flags (each also as MLSTEWARD_… in the environment)")
    group.add_argument(
        "--workspace", metavar="DIR", help="default: the nearest .mlsteward/, else the user's data folder"
    )
    group.add_argument("--data", action="append", metavar="DIR", help="folder whose files may be read; repeatable")
    group.add_argument(
        "--database",
        action="append",
        dest="databases",
        metavar="URL",
        help="database that may be read; repeatable (passwords: MLSTEWARD_DATABASES, PGPASSWORD or pgpass)",
    )
    group.add_argument("--holidays", metavar="COUNTRY", help="holidays that datasets keep: US, DE-BY (or by tag)")
    group.add_argument("--read-only", action="store_true", help="hide the tools that change things")
    group.add_argument("--toolsets", metavar="A,B", help="groups of tools to offer: default, all, names")
    group.add_argument("--clearance", metavar="LEVEL", help="mask columns above public, internal or confidential")
    group.add_argument("--max-wait", type=float, metavar="SECONDS", help="longest wait within one call (25)")
    group.add_argument("--compute", metavar="dask://HOST:PORT", help="spread training over a Dask cluster")
    group.add_argument(
        "--alert-webhook", metavar="URL", help="POST what happens to alerts there (better in the environment)"
    )
    group.add_argument("--alert-command", metavar="COMMAND", help="run it for each, with JSON on its input")
    group.add_argument(
        "--openlineage-url", metavar="URL", help="send lineage events there (also OPENLINEAGE_URL, …_API_KEY)"
    )
    group.add_argument("--openlineage-file", metavar="FILE", help="append lineage events to a file")
    group.add_argument("--log-level", metavar="LEVEL", help="DEBUG, INFO, WARNING or ERROR")
    return common


def _overrides(given: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name, value in vars(given).items() if name in Settings.model_fields}


def _serve(settings: Settings) -> int:
    if sys.stdin is None or sys.stdin.isatty():
        build_parser().print_help()
        return 0
    # Nothing that starting imports is garbage, and looking for it takes a tenth of the start; serve.py turns
    # the collector on again.
    gc.disable()
    from mlsteward.server.serve import serve_stdio

    return serve_stdio(settings)
