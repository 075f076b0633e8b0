"""Which columns of a table point into another table, told from names and values and confirmed by an anti-join."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel

from mlsteward.data.profile import TableProfile

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class DatasetTable:
    """A table to look at: its dataset's name, a SQL table expression such as `read_parquet('…')`, its profile."""

    name: str
    source: str
    profile: TableProfile


class Relationship(BaseModel):
    """`dataset.columns` point to `to_dataset.to_columns`, which are unique there.

    `coverage` is the share of rows (nulls aside) whose value is found, `value_coverage` the share of distinct values;
    `rows` counts the rows without nulls and `unmatched` shows the most frequent values that are not found.
    """

    dataset: str
    columns: list[str]
    to_dataset: str
    to_columns: list[str]
    coverage: float
    value_coverage: float
    rows: int
    unmatched: list[str] = []

    @property
    def words(self) -> str:
        """`flights.tailnum → planes.tailnum`."""
        return f"{_side(self.dataset, self.columns)} → {_side(self.to_dataset, self.to_columns)}"


def _side(dataset: str, columns: Sequence[str]) -> str:
    return f"{dataset}.{columns[0]}" if len(columns) == 1 else f"{dataset}.({', '.join(columns)})"


def find_relationships(
    connection: "DuckDBPyConnection", this: DatasetTable, others: Sequence[DatasetTable]
) -> list[Relationship]:
    """Relationships between `this` and each of `others`, in both directions, best covered first."""
    raise NotImplementedError
