"""`mlsteward backup FILE`: the store, whole, while servers go on working."""

import argparse
import sys
from pathlib import Path

from mlsteward.config import Settings
from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.server.command import Command, remember
from mlsteward.workspace import Workspace


def backup(settings: Settings, file: str) -> int:
    target = Path(file).expanduser().resolve()
    if target.exists():
        raise InvalidArgument(f"{target} exists already; name a file that does not.")
    if not (settings.workspace / "store.duckdb").exists():
        raise NotFound(f"The workspace {settings.workspace} has no store yet.")
    workspace = Workspace(settings)
    try:
        remember(workspace, "backup", "store", f"to {target}")
        workspace.store.backup(target)
    finally:
        workspace.close()
    sys.stdout.write(f"The store is kept as {target}. Data, models and runs stand beside it in {workspace.folder}.\n")
    return 0


def arguments(parser: argparse.ArgumentParser, _: argparse.ArgumentParser) -> None:
    parser.add_argument("file")


def run(settings: Settings, given: argparse.Namespace) -> int:
    return backup(settings, given.file)


COMMAND = Command("backup", "copy the store to a file", arguments, run)
