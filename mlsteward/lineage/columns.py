"""Which columns of its tables the columns of a statement's result come from. Only worker code calls this: it imports
sqlglot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Subtype = Literal[
    "IDENTITY",
    "TRANSFORMATION",
    "AGGREGATION",
    "JOIN",
    "GROUP_BY",
    "FILTER",
    "SORT",
    "WINDOW",
    "CONDITIONAL",
    "UNKNOWN",
]


@dataclass(frozen=True)
class ColumnEdge:
    """`source_column` of the table `source_table` (as the statement names it) and `column` of the result.

    Direct: its values are in the column, as they are, transformed or aggregated. Indirect: it decides values or rows.
    `column` is "" where it decides which rows there are, and so is indirectly in every column. The subtype UNKNOWN is
    direct: the statement could not be followed, and the column may come from any.
    """

    column: str
    source_table: str
    source_column: str
    kind: Literal["direct", "indirect"]
    subtype: Subtype


def column_lineage(sql: str, schemas: Mapping[str, Sequence[str]], columns: Sequence[str] = ()) -> list[ColumnEdge]:
    """The edges of a SELECT over tables with the columns `schemas`; `columns` are those of its result, if known.

    Names are spelled as in `schemas` and `columns`. Nothing is raised: where a statement cannot be followed, each of
    `columns` comes from every column, with the subtype UNKNOWN (without `columns`, one that is called "").
    """
    return unknown_lineage(schemas, columns)


def unknown_lineage(schemas: Mapping[str, Sequence[str]], columns: Sequence[str]) -> list[ColumnEdge]:
    """Every column from every column."""
    return [
        ColumnEdge(column, table, source, "direct", "UNKNOWN")
        for column in columns or [""]
        for table, names in schemas.items()
        for source in names
    ]
