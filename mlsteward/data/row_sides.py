"""Two tables in one engine, their columns brought under common names and types. Only worker code imports this."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlsteward.data.engine import literal, quote, row_of
from mlsteward.data.schema_diff import Pair, TableSide

if TYPE_CHECKING:
    import duckdb

_CELL = 80
_SHOWN_COLUMNS = 6


@dataclass(frozen=True)
class Sides:
    """Both tables as the views `reference` and `current`: their own columns, and one of `names` for each pair.

    The columns of `names` have types that hold the values of both sides, so that 1 equals 1.0; NULL equals NULL, NaN
    equals NaN and -0.0 equals 0.0 as the engine groups and compares them. `hash` is a name that no column has, for the
    hash of a row. Columns in `masked` never become text.
    """

    connection: "duckdb.DuckDBPyConnection"
    reference: TableSide
    current: TableSide
    pairs: Sequence[Pair]
    names: Sequence[str]
    hash: str
    masked: frozenset[str] = frozenset()

    def places(self, columns: Sequence[str]) -> list[int]:
        """Where columns, by their names in the current table, stand among the pairs."""
        known = [pair.name for pair in self.pairs]
        return [known.index(name) for name in columns]

    def listed(self, places: Sequence[int], table: str = "") -> list[str]:
        """Columns of the views, each behind its table's alias."""
        return [f"{table}.{self.names[place]}" if table else self.names[place] for place in places]

    def text(self, columns: dict[int, str]) -> str:
        """An expression that shows the first columns, given by place and expression, as one short text."""
        shown = [
            "'masked'" if self.pairs[place].name in self.masked else f"coalesce(({column})::VARCHAR, 'null')"
            for place, column in list(columns.items())[:_SHOWN_COLUMNS]
        ]
        return f"left(concat_ws(', ', {', '.join(shown)}), {_CELL})" if shown else "''"


def open_sides(
    connection: "duckdb.DuckDBPyConnection",
    reference: TableSide,
    current: TableSide,
    pairs: Sequence[Pair],
    masked: Sequence[str] = (),
) -> Sides:
    """Make the views."""
    mark = "#"
    while any(column.name.startswith(mark) for side in (reference, current) for column in side.columns):
        mark += "#"
    names = [quote(f"{mark}{place}") for place in range(len(pairs))]
    types = [_common_type(connection, pair) for pair in pairs]
    for view, side in (("reference", reference), ("current", current)):
        own = [pair.reference if view == "reference" else pair.name for pair in pairs]
        casts = [f"CAST({quote(was)} AS {kind}) AS {name}" for was, kind, name in zip(own, types, names, strict=True)]
        connection.execute(
            f"CREATE TEMP VIEW {view} AS SELECT *, {', '.join(casts)} FROM read_parquet({literal(side.path)})"
        )
    return Sides(connection, reference, current, pairs, names, quote(f"{mark}hash"), frozenset(masked))


def _common_type(connection: "duckdb.DuckDBPyConnection", pair: Pair) -> str:
    """The type that the engine gives to a union of the two."""
    if pair.before == pair.after:
        return pair.after
    union = f"SELECT NULL::{pair.before} AS x UNION ALL SELECT NULL::{pair.after}"
    return str(row_of(connection, f"SELECT any_value(typeof(x)) FROM ({union})")[0])
