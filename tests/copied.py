"""Workspaces that several tests begin with, furnished once and copied for each, and one query process for them all."""

import atexit
import functools
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from mlsteward.data.query_process import QueryProcess
from mlsteward.workspace import Workspace
from tests.conftest import new_workspace


class _Shared(QueryProcess):
    """Goes on when a workspace closes: the next one asks it too."""

    def close(self) -> None:
        pass


def copied(made: Path, folder: Path, data: Path, warm: Path) -> Workspace:
    """A workspace in `folder` that holds what the closed one in `made` holds."""
    shutil.copytree(made, folder, symlinks=True, dirs_exist_ok=True)
    return sharing_queries(new_workspace(folder, data, warm))


def sharing_queries(workspace: Workspace) -> Workspace:
    """The workspace, with the query process of all tests: a process of its own takes as long as most tests."""
    workspace.__dict__["queries"] = _queries()
    return workspace


@functools.cache
def _queries() -> QueryProcess:
    folder = TemporaryDirectory(prefix="queries")
    queries = _Shared(Path(folder.name), memory_mb=512, seconds=30)
    atexit.register(folder.cleanup)
    atexit.register(QueryProcess.close, queries)
    return queries
