"""Workspaces that several tests begin with: furnished once, and copied for each, which costs far less."""

import shutil
from pathlib import Path

from mlsteward.workspace import Workspace
from tests.conftest import new_workspace


def copied(made: Path, folder: Path, data: Path, warm: Path) -> Workspace:
    """A workspace in `folder` that holds what the closed one in `made` holds."""
    shutil.copytree(made, folder, symlinks=True, dirs_exist_ok=True)
    return new_workspace(folder, data, warm)
