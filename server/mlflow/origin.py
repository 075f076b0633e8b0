"""Where runs are imported from: a server of MLflow, its SQLite file, or its folder of runs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from mlsteward.runs.mlflow_logging import Value


@dataclass
class Files:
    """Artifacts to copy: `paths` below a root, each brought to a place by `fetch`; `left` says why there are none."""

    paths: list[str] = field(default_factory=list[str])
    left: str = ""


@dataclass
class OriginRun:
    """A run there. `status` is MLflow's; `values` has every step of every metric."""

    run_id: str
    experiment: str
    name: str
    status: str
    user: str
    started: datetime | None
    finished: datetime | None
    root: str
    params: dict[str, str] = field(default_factory=dict[str, str])
    tags: dict[str, str] = field(default_factory=dict[str, str])
    values: list[Value] = field(default_factory=list[Value])
    inputs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    outputs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


@dataclass
class OriginModel:
    """A logged model there."""

    id: str
    experiment: str
    name: str
    run_id: str
    root: str
    created: datetime | None
    params: dict[str, str] = field(default_factory=dict[str, str])
    tags: dict[str, str] = field(default_factory=dict[str, str])


@dataclass
class OriginVersion:
    """A version of a registered model there; `root` is where its files lie, "" where nobody says."""

    name: str
    version: int
    description: str
    run_id: str
    model_id: str
    source: str
    stage: str
    created: datetime | None
    tags: dict[str, str] = field(default_factory=dict[str, str])
    aliases: list[str] = field(default_factory=list[str])


class Origin(Protocol):
    """One place to import from; `shown` is what is said of it, without secrets."""

    @property
    def shown(self) -> str: ...
    def runs(self) -> Iterator[OriginRun]: ...
    def models(self) -> Iterator[OriginModel]: ...
    def versions(self) -> Iterator[OriginVersion]: ...
    def files(self, root: str) -> Files: ...
    def fetch(self, root: str, path: str, target: Path) -> None: ...


def local_folder(address: str, base: Path) -> Path | None:
    """The folder of an artifact address on this machine, None for one that is elsewhere."""
    parts = urlsplit(address)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    if parts.scheme and len(parts.scheme) > 1:
        return None
    return base / address


def local_files(folder: Path | None, address: str) -> Files:
    """The files below a folder of this machine; links are not followed."""
    if folder is None:
        return Files(left=f"artifacts at {address} are not on this machine")
    if not folder.is_dir():
        return Files(left=f"artifacts at {address} are gone") if address else Files()
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    inside = [path for path in found if path.resolve().is_relative_to(folder.resolve())]
    return Files([path.relative_to(folder).as_posix() for path in inside])
