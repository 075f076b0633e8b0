"""Registering without a server: the job's work on a file, and what came of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlsteward.data.engine import connect, literal
from mlsteward.data.paths import Folders
from mlsteward.data.profile import ColumnProfile
from mlsteward.data.sources import SourceOrder
from mlsteward.runs.job import Job
from mlsteward.runs.jobs.register import Request, Result, work
from mlsteward.runs.new_version import FILE, NewVersion, VersionPlan


@dataclass(frozen=True)
class Registered:
    """What a registration left."""

    result: Result
    new: NewVersion
    rows: list[tuple[Any, ...]]

    @property
    def types(self) -> dict[str, str]:
        return {column.name: column.type for column in self.new.snapshot.columns}

    @property
    def warnings(self) -> list[str]:
        return self.new.warnings

    def column(self, name: str) -> ColumnProfile:
        assert self.new.profile
        return self.new.profile.column(name)


def register(order: SourceOrder, workspace: Path, **plan: Any) -> Registered:
    folder = workspace / "run"
    folder.mkdir(parents=True, exist_ok=True)
    job = Job(folder=folder, workspace=workspace, memory_mb=2048)
    result = work(Request(source=order, plan=VersionPlan(name="table", **plan)), job)
    new = NewVersion.model_validate_json((folder / FILE).read_text())
    path = workspace / new.snapshot.path
    with connect(threads=1) as connection:
        rows = connection.execute(f"SELECT * FROM read_parquet({literal(str(path))})").fetchall()
    return Registered(result, new, rows)


def register_file(folder: Path, source: str, *, limit_mb: int = 64, **order: Any) -> Registered:
    """Register `source`, `folder` being the one data folder."""
    workspace = folder / "workspace"
    folders = Folders(data=[folder], workspace=workspace)
    return register(SourceOrder(text=source, folders=folders, limit_mb=limit_mb, **order), workspace)


def register_text(folder: Path, text: str | bytes, name: str) -> Registered:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return register_file(folder, name)
