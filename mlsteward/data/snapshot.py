"""Snapshots: the immutable Parquet file behind a dataset's version."""

from pydantic import BaseModel


class Column(BaseModel):
    """A column's name as its source spells it, and its DuckDB type."""

    name: str
    type: str


class Snapshot(BaseModel):
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
