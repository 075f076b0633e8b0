"""Types of PostgreSQL: what a column is asked for as, and what its text becomes.

The values come as text (`COPY … FORMAT csv`), so that nothing passes through a binary form that knows less than the
type does, and are cast here into the types that datasets have.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlsteward.answer import counted
from mlsteward.data.engine import quote, row_of

if TYPE_CHECKING:
    import duckdb

_WHOLE = {"int2": "SMALLINT", "int4": "INTEGER", "int8": "BIGINT", "oid": "BIGINT"}
_TIMES = {"date": "DATE", "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMP"}
_FLOATS = frozenset({"float4", "float8", "numeric", "money", "interval"})
# Four digits of the year and no BC: the years that a date of Python or of Parquet can have.
_DATED = "[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9:.]+)?"
_WHOLE_NUMBER = "-?[0-9]{1,18}"


@dataclass(frozen=True)
class TableColumn:
    """A column as the catalog has it; `type` is the base type's name, "" for one that is not built in.

    `kind` is `pg_type.typtype`, `category` its `typcategory`; `shown` is the type as people write it.
    """

    name: str
    type: str
    kind: str
    category: str
    modifier: int
    shown: str
    comment: str = ""
    labels: tuple[str, ...] = ()

    @property
    def is_left_out(self) -> bool:
        return self.type == "bytea"


def selected(column: TableColumn) -> str:
    """The expression by which the server is asked for the column."""
    name = quote(column.name)
    if column.type == "timestamptz":
        return f"{name} AT TIME ZONE 'UTC'"
    if column.type == "interval":
        return f"extract(epoch FROM {name})"
    if column.type == "money":
        return f"{name}::numeric"
    if column.category == "A" or column.kind == "c":
        return f"pg_catalog.to_json({name})"
    # A blank-padded text loses its padding as text; anything else is text already.
    return f"{name}::text" if column.type == "bpchar" else name


def cast(connection: "duckdb.DuckDBPyConnection", source: str, column: TableColumn) -> tuple[str, str]:
    """The column's text as a value of a dataset's type, as an expression over `source`; and a warning or ""."""
    name = quote(column.name)
    if column.type in _WHOLE:
        return f"CAST({name} AS {_WHOLE[column.type]})", ""
    if column.type == "bool":
        return f"CAST({name} AS BOOLEAN)", ""
    if column.type in _TIMES:
        return _dated(connection, source, name, _TIMES[column.type])
    if column.type in _FLOATS:
        return _number(connection, source, column, name)
    if column.category == "A" or column.kind == "c":
        return name, f"is {_article(column.shown)} and is kept as JSON text."
    return name, ""


def _dated(connection: "duckdb.DuckDBPyConnection", source: str, name: str, kind: str) -> tuple[str, str]:
    fits = f"regexp_full_match({name}, '{_DATED}')"
    (outside,) = row_of(connection, f"SELECT count(*) FILTER (NOT {fits}) FROM {source}")
    if not outside:
        return f"CAST({name} AS {kind})", ""
    warning = f"holds {counted(outside, 'date')} infinite or outside the years 1 to 9999, now null."
    return f"CASE WHEN {fits} THEN CAST({name} AS {kind}) END", warning


def _number(connection: "duckdb.DuckDBPyConnection", source: str, column: TableColumn, name: str) -> tuple[str, str]:
    """Whole numbers of any declared width stay whole where BIGINT holds them."""
    if column.type == "interval":
        return f"CAST({name} AS DOUBLE)", "is an interval and is kept in seconds."
    if column.type == "numeric" and _may_be_whole(column.modifier):
        fits = f"regexp_full_match({name}, '{_WHOLE_NUMBER}')"
        nan = f"{name} = 'NaN'"
        (others, missing) = row_of(
            connection,
            f"SELECT count(*) FILTER (NOT {fits} AND NOT {nan}), count(*) FILTER ({nan}) FROM {source}",
        )
        if not others and not missing:
            return f"CAST({name} AS BIGINT)", ""
        if not others:
            warning = f"holds {counted(missing, 'number')} that cannot be counted with (NaN), now null."
            return f"CASE WHEN NOT {nan} THEN CAST({name} AS BIGINT) END", warning
    return f"CAST({name} AS DOUBLE)", ""


def _may_be_whole(modifier: int) -> bool:
    """Whether a numeric is declared without digits after the point, or without any declaration."""
    scale = ((modifier - 4) & 0x7FF ^ 0x400) - 0x400
    return modifier < 0 or scale <= 0


def _article(shown: str) -> str:
    return f"an {shown}" if shown[:1] in "aeiou" else f"a {shown}"
