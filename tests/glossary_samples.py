"""Tables that are in the workspace whole, snapshot and dictionary: what metrics of tests are measured on."""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlsteward.config import Settings
from mlsteward.data.engine import connect
from mlsteward.data.snapshot import Column
from mlsteward.store.datasets import DatasetVersion, add_version
from mlsteward.store.models import Model
from mlsteward.workspace import Workspace
from tests.dictionary_samples import AIRLINES, FLIGHTS, WORDS, load, register


def add_table(
    workspace: Workspace, name: str, table: Mapping[str, Sequence[Any]], words: Mapping[str, str] | None = None
) -> None:
    """Put a table into the workspace as the next version of `name`."""
    content = hashlib.sha256(repr(table).encode()).hexdigest()
    file = workspace.objects / f"{content}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    with connect(memory_mb=256, threads=1) as engine:
        profile = load(engine, name, table).profile
        engine.table(name).write_parquet(str(file))
    version = DatasetVersion(
        name=name,
        version=1,
        family=name,
        fingerprint=content,
        schema_hash="",
        rows=profile.rows,
        bytes=file.stat().st_size,
        columns=[Column(name=column.name, type=column.type) for column in profile.columns],
        snapshot=str(file.relative_to(workspace.folder)),
        created=datetime.now(UTC),
        profile=profile,
    )
    workspace.store.write(lambda t: add_version(t, version))
    register(workspace, name, table, words)


@cache
def _prepared() -> TemporaryDirectory[str]:
    """A workspace with the tables in it, made once: profiles and migrations take longer than most tests."""
    folder = TemporaryDirectory(prefix="glossary")
    workspace = Workspace(Settings(workspace=Path(folder.name), data=[]))
    add_table(workspace, "airlines", AIRLINES)
    add_table(workspace, "flights", FLIGHTS, WORDS)
    workspace.close()
    return folder


def with_flights(workspace: Workspace) -> Workspace:
    """A new workspace, with flights and airlines."""
    prepared = Path(_prepared().name)
    shutil.copy(prepared / "store.duckdb", workspace.folder)
    shutil.copytree(prepared / "objects", workspace.objects)
    return workspace


def model(name: str) -> Model:
    """A model that says it was trained on the flights."""
    return Model(
        run=1,
        name=name,
        task="regression",
        target="arr_delay",
        dataset="flights@1",
        path="models/1",
        sha256="",
        signature=[],
        metric="r2",
        created=datetime.now(UTC),
    )
