"""A statement that passed the first wall."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# The schemas that metadata, the predictions of deployments and their outcomes stand under.
METADATA_SCHEMA = "meta"
PREDICTIONS_SCHEMA = "predictions"
OUTCOMES_SCHEMA = "outcomes"
OWN_SCHEMAS = (METADATA_SCHEMA, PREDICTIONS_SCHEMA, OUTCOMES_SCHEMA)


@dataclass(frozen=True)
class Table:
    """The Parquet file of a table, and the columns that its reader may not see, with the level of each.

    They are typed nulls; with `without` they are not there at all. `also` has further files of the same table, whose
    columns are matched by name.
    """

    path: Path
    masked: tuple[tuple[str, str], ...] = ()
    without: bool = False
    also: tuple[Path, ...] = ()


Tables = Mapping[str, Table | Path]
"""The file of each table that a statement names; a bare path hides nothing."""


@dataclass(frozen=True)
class Statement:
    """`tables` are the datasets it reads, as `flights` or `flights@2`, and what changes by itself: metadata, as
    `meta.runs`, and what deployments predicted and what came true, as `predictions.delay`, `outcomes.delay`."""

    sql: str
    tables: tuple[str, ...] = ()

    @property
    def datasets(self) -> list[str]:
        return [name for name in self.tables if not is_metadata(name)]

    @property
    def metadata(self) -> list[str]:
        """All that is no dataset, predictions and outcomes among it."""
        return [name for name in self.tables if is_metadata(name)]

    def under(self, schema: str) -> list[str]:
        """The names of the tables that it reads of one of our own schemas: deployments, for their predictions."""
        parts = [name.partition(".") for name in self.tables]
        return [name for prefix, _, name in parts if prefix == schema and name]


def is_metadata(table: str) -> bool:
    return table.startswith(tuple(f"{schema}." for schema in OWN_SCHEMAS))
