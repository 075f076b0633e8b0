"""`mlsteward restore FILE`: a backup of the store takes its place."""

import argparse
import sys
from pathlib import Path

from mlsteward.config import Settings
from mlsteward.errors import NotFound
from mlsteward.server.command import Command, remember
from mlsteward.store.activity import head_of
from mlsteward.workspace import Workspace


def restore(settings: Settings, file: str) -> int:
    source = Path(file).expanduser().resolve()
    if not source.is_file():
        raise NotFound(f"There is no file {source}.")
    workspace = Workspace(settings)
    replaced = ""
    try:
        if (workspace.folder / "store.duckdb").exists():
            before = workspace.folder / "store.before-restore.duckdb"
            workspace.store.backup(before)
            number, digest = workspace.store.read(head_of)
            replaced = f"; the audit log that it replaced ended with row {number}:{digest}"
            sys.stdout.write(f"What was there is kept as {before}.\n")
        workspace.store.restore(source)
        remember(workspace, "restore", "store", f"from {source}{replaced}")
    finally:
        workspace.close()
    sys.stdout.write(f"The store is that of {source} now.\n")
    return 0


def arguments(parser: argparse.ArgumentParser, _: argparse.ArgumentParser) -> None:
    parser.add_argument("file")


def run(settings: Settings, given: argparse.Namespace) -> int:
    return restore(settings, given.file)


COMMAND = Command("restore", "put a backup of the store in its place", arguments, run)
