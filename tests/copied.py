"""Workspaces that several tests begin with, furnished once and copied for each, and one query process for them all."""

import atexit
import functools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from mlsteward.data.query_process import QueryProcess
from mlsteward.serving.endpoint.desired import DEPLOYMENTS
from mlsteward.workspace import Workspace
from tests.conftest import new_workspace
from tests.endings import end_endpoints


class _Shared(QueryProcess):
    """Goes on when a workspace closes: the next one asks it too."""

    def close(self) -> None:
        pass


def copied(made: Path, folder: Path, data: Path, warm: Path, **settings: Any) -> Workspace:
    """A workspace in `folder` that holds what the closed one in `made` holds."""
    shutil.copytree(made, folder, symlinks=True, dirs_exist_ok=True)
    return sharing_queries(new_workspace(folder, data, warm, **settings))


def furnished(folders: pytest.TempPathFactory, warm: Path, furnish: Callable[[Workspace], object]) -> Path:
    """The folder of a workspace that `furnish` has filled, closed and ready to be copied."""
    folder = folders.mktemp("furnished")
    workspace = sharing_queries(new_workspace(folder, folder, warm))
    furnish(workspace)
    workspace.close()
    return folder


def begun(request: pytest.FixtureRequest, *furnished: str, **settings: Any) -> Iterator[Workspace]:
    """The workspace of a test: a copy of the one of these fixtures that the test asks for, or a new one."""
    folder, data, warm = (request.getfixturevalue(name) for name in ("tmp_path", "data", "warm"))
    found = [name for name in furnished if name in request.fixturenames]
    if found:
        workspace = copied(request.getfixturevalue(found[0]), folder / "workspace", data, warm, **settings)
    else:
        workspace = sharing_queries(new_workspace(folder / "workspace", data, warm, **settings))
    yield workspace
    workspace.close()
    if (workspace.folder / DEPLOYMENTS).is_dir():
        end_endpoints(workspace.folder)


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
