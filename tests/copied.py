"""Workspaces that several tests begin with, furnished once and copied for each."""

import inspect
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from mlsteward.serving.endpoint.desired import DEPLOYMENTS
from mlsteward.workspace import Workspace
from tests.conftest import new_workspace
from tests.endings import end_endpoints


def copied(made: Path, folder: Path, data: Path, warm: Path, **settings: Any) -> Workspace:
    """A workspace in `folder` that holds what the closed one in `made` holds."""
    shutil.copytree(made, folder, symlinks=True, dirs_exist_ok=True)
    return new_workspace(folder, data, warm, **settings)


def furnished(folders: pytest.TempPathFactory, warm: Path, furnish: Callable[[Workspace], object]) -> Path:
    """The folder of a workspace that `furnish`, which may be async, has filled: closed and ready to be copied."""
    folder = folders.mktemp("furnished")
    workspace = new_workspace(folder, folder, warm)
    if inspect.iscoroutinefunction(furnish):
        anyio.run(furnish, workspace)
    else:
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
        workspace = new_workspace(folder / "workspace", data, warm, **settings)
    yield workspace
    workspace.close()
    if (workspace.folder / DEPLOYMENTS).is_dir():
        end_endpoints(workspace.folder)
