"""Snapshots: the immutable Parquet file behind a dataset's version."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.data.conform import conform
from mlsteward.data.engine import literal
from mlsteward.data.fingerprint import ALGORITHM, fingerprint_table, hash_file, hash_schema
from mlsteward.errors import UnusableData
from mlsteward.record import Record

if TYPE_CHECKING:
    import duckdb

OBJECTS = "objects"
_MEGABYTE = 1024 * 1024


class Column(Record):
    """A column's name as its source spells it, and its DuckDB type."""

    name: str
    type: str


class Snapshot(Record):
    """Where the rows stand and what they are.

    `path` is relative to the workspace, or absolute when `reference` says that the rows stayed where they are.
    `fingerprint` depends on the rows alone, neither on their order nor on the file's encoding; it can be compared
    between snapshots of the same `algorithm` and `engine`.
    """

    path: str
    reference: bool = False
    source_hash: str
    fingerprint: str
    column_fingerprints: dict[str, str]
    schema_hash: str
    algorithm: str
    engine: str
    rows: int
    bytes: int
    columns: list[Column]

    @property
    def identity(self) -> str:
        """Equal for snapshots with the same rows and columns."""
        return "/".join((self.algorithm, self.engine, self.schema_hash, self.fingerprint))


@dataclass(frozen=True)
class Draft:
    """A snapshot that is written and measured but not yet in its place."""

    file: Path
    snapshot: Snapshot
    warnings: list[str]

    @property
    def source(self) -> str:
        """The table expression that reads it."""
        return f"read_parquet({literal(str(self.file))})"


def draft_snapshot(
    connection: "duckdb.DuckDBPyConnection",
    sql: str,
    folder: Path,
    *,
    source_hash: str = "",
    limit_mb: int = 10240,
    finite: bool = False,
) -> Draft:
    """Write the rows of a SELECT to a Parquet file in `folder`, in the types that datasets have.

    `finite` says that all its numbers are finite, which saves a scan.

    Raises UnusableData when there is no row, or the file exceeds `limit_mb`.
    """
    selected, warnings = conform(connection, sql, finite=finite)
    file = folder / "draft.parquet"
    connection.execute(
        f"COPY ({selected}) TO {literal(str(file))} (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2)"
    )
    size = file.stat().st_size
    if size > limit_mb * _MEGABYTE:
        file.unlink()
        raise UnusableData(
            f"The snapshot takes {size // _MEGABYTE} MB, over the limit of {limit_mb} MB. Write the rows to a Parquet "
            "file in a data folder and register that: it is then referred to where it stands."
        )
    snapshot = _measure(connection, file, source_hash)
    name = hash_file(file)
    return Draft(file, snapshot.model_copy(update={"path": f"{OBJECTS}/{name[:2]}/{name}.parquet"}), warnings)


def draft_reference(connection: "duckdb.DuckDBPyConnection", file: Path, source_hash: str) -> Draft:
    """A Parquet file that stays where it is, being too large to copy."""
    snapshot = _measure(connection, file, source_hash)
    words = f"The file is over the limit for snapshots and stays where it is; keep {file.name} as it is."
    return Draft(file, snapshot.model_copy(update={"path": str(file), "reference": True}), [words])


def place_snapshot(draft: Draft, workspace: Path, known: Mapping[str, str]) -> Snapshot:
    """Move a draft to its place, for good.

    `known` has the paths of snapshots by identity: where the same rows are there already, that file is used.
    """
    snapshot = draft.snapshot
    if snapshot.reference:
        return snapshot
    kept = known.get(snapshot.identity, "")
    if kept and (workspace / kept).is_file():
        draft.file.unlink()
        return snapshot.model_copy(update={"path": kept})
    target = workspace / snapshot.path
    target.parent.mkdir(parents=True, exist_ok=True)
    with draft.file.open("rb") as file:
        os.fsync(file.fileno())
    draft.file.chmod(0o444)
    draft.file.replace(target)
    return snapshot


def verify_snapshot(workspace: Path, snapshot: str, source_hash: str = "", *, reference: bool = False) -> Path:
    """The file of a version, after its bytes have been compared with the hash it was registered under.

    Raises UnusableData when the file is gone or has changed.
    """
    path = workspace / snapshot
    if not path.is_file():
        raise UnusableData(f"The snapshot {snapshot} is gone.", next="list_datasets()")
    if hash_file(path) != (source_hash if reference else path.stem):
        what = "The file that was registered" if reference else "The snapshot"
        raise UnusableData(
            f"{what}, {snapshot}, has changed since: its bytes do not match their hash. Register the data again.",
            next="list_datasets()",
        )
    return path


def _measure(connection: "duckdb.DuckDBPyConnection", file: Path, source_hash: str) -> Snapshot:
    import duckdb

    source = f"read_parquet({literal(str(file))})"
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    columns = [Column(name=name, type=kind) for name, kind, *_ in described]
    found = fingerprint_table(connection, source, [column.name for column in columns])
    if not found.rows:
        raise UnusableData("There is no row of data.")
    return Snapshot(
        path="",
        source_hash=source_hash,
        fingerprint=found.table,
        column_fingerprints=found.columns,
        schema_hash=hash_schema([(column.name, column.type) for column in columns]),
        algorithm=ALGORITHM,
        engine=f"duckdb {duckdb.__version__}",
        rows=found.rows,
        bytes=file.stat().st_size,
        columns=columns,
    )
