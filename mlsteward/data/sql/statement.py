"""A statement that passed the first wall."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# The schema that metadata stands under.
METADATA_SCHEMA = "meta"


@dataclass(frozen=True)
class Table:
    """The Parquet file of a table, and the columns that its reader may not see, with the level of each.

    They are typed nulls; with `without` they are not there at all.
    """

    path: Path
    masked: tuple[tuple[str, str], ...] = ()
    without: bool = False


Tables = Mapping[str, Table | Path]
"""The file of each table that a statement names; a bare path hides nothing."""


@dataclass(frozen=True)
class Statement:
    """`tables` are the datasets it reads, as `flights` or `flights@2`, and metadata, as `meta.runs`."""

    sql: str
    tables: tuple[str, ...] = ()

    @property
    def datasets(self) -> list[str]:
        return [name for name in self.tables if not is_metadata(name)]

    @property
    def metadata(self) -> list[str]:
        return [name for name in self.tables if is_metadata(name)]


def is_metadata(table: str) -> bool:
    return table.startswith(f"{METADATA_SCHEMA}.")
