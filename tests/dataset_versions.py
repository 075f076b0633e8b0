"""Versions of a dataset made without a server or a worker: a snapshot in its place, and its record."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlsteward.data.engine import connect
from mlsteward.data.profile import TableProfile, profile_table
from mlsteward.data.snapshot import draft_snapshot, place_snapshot
from mlsteward.dictionary.harvest import harvest_columns
from mlsteward.store.datasets import DatasetVersion, add_version
from mlsteward.store.dictionary import write_entries
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace


def add_rows(
    workspace: Workspace,
    name: str,
    sql: str,
    *,
    days_old: float = 0,
    sources: tuple[str, ...] = (),
    profiled: bool = False,
) -> str:
    """The rows of a SELECT as the next version of `name`, registered some days ago; its label.

    Only where it is `profiled` there are entries in the dictionary.
    """
    workspace.folder.mkdir(parents=True, exist_ok=True)
    with connect(memory_mb=256, threads=1) as connection:
        draft = draft_snapshot(connection, sql, workspace.folder)
        empty = TableProfile(rows=draft.snapshot.rows, columns=[])
        profile = profile_table(connection, draft.source) if profiled else empty
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

    def record(t: Transaction) -> str:
        if profiled:
            write_entries(t, harvest_columns(name, profile, {}), "register_dataset")
        return add_version(t, version).label

    return workspace.store.write(record)


def snapshots(workspace: Workspace) -> set[str]:
    """The snapshots that are in the workspace."""
    return {Path(path).relative_to(workspace.folder).as_posix() for path in workspace.objects.glob("*/*.parquet")}
