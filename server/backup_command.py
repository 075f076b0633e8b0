"""`mlsteward backup FILE` and `mlsteward restore FILE`: the store, whole, while servers go on working."""

import sys
from pathlib import Path

from mlsteward.config import Settings
from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.workspace import Workspace


def backup(settings: Settings, file: str) -> int:
    target = Path(file).expanduser().resolve()
    if target.exists():
        raise InvalidArgument(f"{target} exists already; name a file that does not.")
    if not (settings.workspace / "store.duckdb").exists():
        raise NotFound(f"The workspace {settings.workspace} has no store yet.")
    workspace = Workspace(settings)
    try:
        workspace.store.backup(target)
    finally:
        workspace.close()
    sys.stdout.write(f"The store is kept as {target}. Data, models and runs stand beside it in {workspace.folder}.\n")
    return 0


def restore(settings: Settings, file: str) -> int:
    source = Path(file).expanduser().resolve()
    if not source.is_file():
        raise NotFound(f"There is no file {source}.")
    workspace = Workspace(settings)
    try:
        if (workspace.folder / "store.duckdb").exists():
            before = workspace.folder / "store.before-restore.duckdb"
            workspace.store.backup(before)
            sys.stdout.write(f"What was there is kept as {before}.\n")
        workspace.store.restore(source)
    finally:
        workspace.close()
    sys.stdout.write(f"The store is that of {source} now.\n")
    return 0
