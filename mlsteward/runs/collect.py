"""Garbage collection: rows that nothing leads to, and files that nobody will look for again.

What is given up is committed to the store first, and files go afterwards: a collection that is killed in between
leaves files that the next one removes. Files go under the store's lock, where no run can be recorded, and no snapshot
goes while a run is active that may be about to use it for a new version.
"""

import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.data.snapshot import OBJECTS
from mlsteward.store.garbage import (
    StoredVersion,
    collected_snapshots,
    mark_collected,
    reachable_versions,
    stored_versions,
)
from mlsteward.store.runs import ACTIVE

if TYPE_CHECKING:
    from mlsteward.store.store import Store
    from mlsteward.store.transaction import Transaction

# A draft may stand between its place and its record for as long as a server is away.
_DRAFT_SECONDS = 24 * 3600
# In the request of a run that makes a version: the snapshots it may use instead of writing its own.
_MAKES_VERSIONS = '"known"'


@dataclass
class Collection:
    """What went, or would go: versions, and files and folders with their bytes."""

    versions: list[StoredVersion] = field(default_factory=list[StoredVersion])
    snapshots: dict[Path, int] = field(default_factory=dict[Path, int])
    leftovers: dict[Path, int] = field(default_factory=dict[Path, int])
    kept: dict[str, str] = field(default_factory=dict[str, str])
    waiting_for: list[int] = field(default_factory=list[int])

    @property
    def bytes(self) -> int:
        return sum(self.snapshots.values()) + sum(self.leftovers.values())


def plan_collection(store: "Store", workspace: Path, *, keep: int, older_than: timedelta) -> Collection:
    """What would go. Nothing is changed."""

    def look(transaction: "Transaction") -> Collection:
        found = _reachable(transaction, workspace, keep, older_than)
        return _files(transaction, workspace, found, going={one.label for one in found.versions})

    return store.read(look)


def collect(
    store: "Store", workspace: Path, *, keep: int, older_than: timedelta, actor: str, client: str
) -> Collection:
    """Give up what nothing leads to, then remove its files and what earlier collections and runs left."""

    def give_up(transaction: "Transaction") -> Collection:
        found = _reachable(transaction, workspace, keep, older_than)
        mark_collected(transaction, found.versions, datetime.now(UTC), actor=actor, client=client)
        return found

    def remove(transaction: "Transaction") -> Collection:
        files = _files(transaction, workspace, found, going=set())
        for path in files.snapshots:
            path.unlink(missing_ok=True)
        for path in files.leftovers:
            _remove(path)
        return files

    found = store.write(give_up)
    # A write, though only files change: nobody else's transaction may run meanwhile.
    return store.write(remove)


def _reachable(transaction: "Transaction", workspace: Path, keep: int, older_than: timedelta) -> Collection:
    before = datetime.now(UTC) - older_than
    requests = _requests(transaction, workspace)
    found = reachable_versions(transaction, keep=max(keep, 1), before=before, requests=requests)
    return Collection(versions=found.collectable, kept=dict(found.why))


def _files(transaction: "Transaction", workspace: Path, found: Collection, *, going: set[str]) -> Collection:
    """`found` with the files to remove, once the versions labelled `going` are given up."""
    requests = _requests(transaction, workspace)
    busy = [number for number, text in requests.items() if _MAKES_VERSIONS in text]
    live = {one.snapshot for one in stored_versions(transaction) if one.label not in going}
    dead = collected_snapshots(transaction) | {one.snapshot for one in found.versions}
    snapshots = {} if busy else _sized(_objects(workspace, live, dead, requests.values()))
    return Collection(
        versions=found.versions,
        snapshots=snapshots,
        leftovers=_sized(_leftovers(transaction, workspace, requests.values())),
        kept=found.kept,
        waiting_for=busy,
    )


def _requests(transaction: "Transaction", workspace: Path) -> dict[int, str]:
    """What the active runs were asked to do, as it is written down."""
    marks = ", ".join("?" for _ in ACTIVE)
    rows = transaction.rows(f"SELECT number FROM runs WHERE state IN ({marks}, 'waiting') ORDER BY number", ACTIVE)
    files = {number: workspace / "runs" / str(number) / "request.json" for (number,) in rows}
    return {number: file.read_text(encoding="utf-8") if file.is_file() else "" for number, file in files.items()}


def _objects(workspace: Path, live: set[str], dead: set[str], requests: Iterable[str]) -> Iterator[Path]:
    """Snapshots that no version has, those of unknown origin when they are a day old."""
    for path in sorted((workspace / OBJECTS).glob("*/*.parquet")):
        name = path.relative_to(workspace).as_posix()
        if name in live or any(name in request for request in requests):
            continue
        if name in dead or _is_old(path):
            yield path


def _leftovers(transaction: "Transaction", workspace: Path, requests: Iterable[str]) -> Iterator[Path]:
    """Scratch of ended runs, folders of runs that the store does not have, files fetched for runs that have ended."""
    states = dict(transaction.rows("SELECT number, state FROM runs"))
    for folder in sorted((workspace / "runs").glob("[0-9]*")):
        state = states.get(int(folder.name)) if folder.name.isdigit() else ""
        if state is None and _is_old(folder):
            yield folder
        elif state and state not in (*ACTIVE, "waiting") and (folder / "temp").is_dir():
            yield folder / "temp"
    for folder in sorted((workspace / "incoming").glob("*")):
        if _is_old(folder) and not any(folder.name in request for request in requests):
            yield folder


def _is_old(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > _DRAFT_SECONDS


def _sized(paths: Iterable[Path]) -> dict[Path, int]:
    return {path: sum(one.stat().st_size for one in _all_files(path)) for path in paths}


def _all_files(path: Path) -> list[Path]:
    return [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path]


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
