"""Versions of a dataset made without a server or a worker: a snapshot in its place, and its record."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlsteward.data.engine import connect
from mlsteward.data.profile import profile_table
from mlsteward.data.snapshot import draft_snapshot, place_snapshot
from mlsteward.store.datasets import DatasetVersion, add_version
from mlsteward.workspace import Workspace


def add_rows(workspace: Workspace, name: str, sql: str, *, days_old: float = 0, sources: tuple[str, ...] = ()) -> str:
    """The rows of a SELECT as the next version of `name`, registered some days ago; its label."""
    workspace.folder.mkdir(parents=True, exist_ok=True)
    with connect(memory_mb=256, threads=1) as connection:
        draft = draft_snapshot(connection, sql, workspace.folder)
        profile = profile_table(connection, draft.source)
        snapshot = place_snapshot(draft, workspace.folder, {})
    version = DatasetVersion(
        **snapshot.model_dump(exclude={"path"}),
        name=name,
        version=0,
        family=name,
        snapshot=snapshot.path,
        sources=list(sources),
        created=datetime.now(UTC) - timedelta(days=days_old),
        profile=profile,
    )
    return workspace.store.write(lambda t: add_version(t, version)).label


def snapshots(workspace: Workspace) -> set[str]:
    """The snapshots that are in the workspace."""
    return {Path(path).relative_to(workspace.folder).as_posix() for path in workspace.objects.glob("*/*.parquet")}
