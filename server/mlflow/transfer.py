"""`mlsteward import mlflow` and `mlsteward export mlflow`: what they print and remember."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from mlsteward.answer import counted
from mlsteward.config import Settings
from mlsteward.errors import InvalidArgument
from mlsteward.names import parse_run
from mlsteward.runs.actor import Actor
from mlsteward.server.command import TERMINAL, remember
from mlsteward.server.mlflow.origin import Origin
from mlsteward.server.mlflow.origin_folder import FolderOrigin
from mlsteward.server.mlflow.origin_server import ServerOrigin
from mlsteward.server.mlflow.origin_sqlite import SqliteOrigin
from mlsteward.server.mlflow.send import Export
from mlsteward.server.mlflow.take_in import Import
from mlsteward.workspace import Workspace

_SHOWN = 20


def import_mlflow(settings: Settings, uri: str) -> int:
    """Take over runs, models and versions; 0 also where something was left, which is said."""
    origin = open_origin(uri)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    workspace = Workspace(settings)
    try:
        actor = Actor(name=workspace.user, client=TERMINAL)
        done = Import(workspace, origin, actor, lambda line: console.print(f"  {line}")).carry_out()
    finally:
        workspace.close()
    new = (
        f"{counted(len(done.runs), 'run')}, {counted(done.models, 'logged model')}, {counted(done.versions, 'version')}"
    )
    console.print(f"Imported from {origin.shown}: {new}, {counted(done.files, 'file')}.")
    if done.known:
        console.print(f"  {counted(done.known, 'run was', 'runs were')} here already.")
    _left(console, done.left)
    return 0


def export_mlflow(settings: Settings, uri: str, runs: Sequence[str]) -> int:
    """Send runs, models and versions to the server at `uri`."""
    if not uri.startswith(("http://", "https://")):
        raise InvalidArgument(f"{uri!r} is no address of an MLflow server: it begins with http:// or https://.")
    console = Console(soft_wrap=True, highlight=False, markup=False)
    workspace = Workspace(settings)
    try:
        workspace.runs.take_in()
        export = Export(workspace.seen_by(settings.clearance), uri, lambda line: console.print(f"  {line}"))
        done = export.carry_out([parse_run(run) for run in runs])
        remember(workspace, "export", "runs", f"mlflow to {export.shown}: {counted(done.runs, 'run')}")
    finally:
        workspace.close()
    new = f"{counted(done.runs, 'run')}, {counted(done.versions, 'version')}, {counted(done.files, 'file')}"
    console.print(f"Exported to {export.shown}: {new}.")
    if done.known:
        console.print(f"  {counted(done.known, 'run was', 'runs were')} there already.")
    _left(console, done.left)
    return 0


def open_origin(uri: str) -> Origin:
    """What `uri` names: http(s)://…, sqlite:///FILE or a file, a folder of runs."""
    if uri.startswith(("http://", "https://")):
        return ServerOrigin(uri)
    if uri.startswith("sqlite:"):
        return SqliteOrigin(Path(uri.removeprefix("sqlite:///")))
    path = Path(uri.removeprefix("file://")).expanduser()
    if path.is_file():
        return SqliteOrigin(path)
    if path.is_dir():
        return FolderOrigin(path)
    raise InvalidArgument(
        f"{uri!r} is no server (http://…), no SQLite file of MLflow (mlflow.db) and no folder of runs (mlruns)."
    )


def _left(console: Console, left: Sequence[str]) -> None:
    for line in left[:_SHOWN]:
        console.print(f"  left out: {line}")
    if len(left) > _SHOWN:
        console.print(f"  and {len(left) - _SHOWN} more were left out")
