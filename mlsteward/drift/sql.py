"""Counts of columns in two samples, taken by DuckDB from snapshot files."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlsteward.data.engine import literal, quote
from mlsteward.drift.columns import ComparedColumn
from mlsteward.drift.counts import ColumnCounts, CountedCategories, CountedValues, Integers
from mlsteward.drift.grid import Grid, fit_grid
from mlsteward.record import Record

if TYPE_CHECKING:
    import duckdb

_EXACT_ROWS = 200_000
_EXACT_SPAN = 5000
_SAMPLE_ROWS = 20_000
_FEW_DISTINCT = 500
_MOST_CATEGORIES = 1000
_UNSEEN_SHOWN = 20
GRID_CELLS = 4096
BLOCKED_GRID_CELLS = 512


class Sample(Record):
    """Rows of a snapshot: those for which the SQL condition `where` holds, with the block that each belongs to."""

    path: str
    where: str = "TRUE"
    block: str = "0"

    def relation(self, side: int, expression: str) -> str:
        return (
            f"SELECT {side} AS side, CAST({self.block} AS BIGINT) AS block, {expression} AS cell"
            f" FROM read_parquet({literal(self.path)}) WHERE {self.where}"
        )


@dataclass(frozen=True)
class Pair:
    """The two samples that are compared, and their rows."""

    reference: Sample
    current: Sample
    rows: int
    current_rows: int


@dataclass(frozen=True)
class BlockedCells:
    """Counts by block: (n,) arrays of side (0 or 1), block, place of the cell, and rows; `nulls` has the null rows.

    Places count along the column's `CountedValues` or `CountedCategories`; -1 is a category not listed there.
    `spread` and `unseen_units` are as in `rates.unseen_p`, with blocks as units.
    """

    side: Integers
    block: Integers
    place: Integers
    rows: Integers
    nulls: tuple[Integers, Integers, Integers]
    spread: tuple[tuple[int, int], ...] = ()
    unseen_units: int = 0


def count_rows(connection: "duckdb.DuckDBPyConnection", sample: Sample) -> int:
    """The rows of a sample."""
    row = connection.execute(
        f"SELECT count(*) FROM read_parquet({literal(sample.path)}) WHERE {sample.where}"
    ).fetchone()
    return int(row[0]) if row else 0


def count_column(
    connection: "duckdb.DuckDBPyConnection", pair: Pair, column: ComparedColumn, grid: Grid
) -> tuple[ColumnCounts, BlockedCells]:
    """All that the checks need of one column."""
    if column.kind == "number":
        return _count_number(connection, pair, column, grid)
    return _count_category(connection, pair, column)


def _count_number(
    connection: "duckdb.DuckDBPyConnection", pair: Pair, column: ComparedColumn, grid: Grid
) -> tuple[ColumnCounts, BlockedCells]:
    value = _value(column.name)
    expression = grid.expression(_finite(value) if grid.guarded else value)
    found = _fetch(
        connection,
        "SELECT side, block, CAST(cell AS DOUBLE) AS cell, count(*) AS rows FROM ("
        f"{pair.reference.relation(0, expression)} UNION ALL {pair.current.relation(1, expression)}) GROUP BY ALL",
    )
    keys = np.ma.getdata(found["cell"]).astype(np.float64)
    empty = np.ma.getmaskarray(found["cell"]) | np.isnan(keys)
    side, block, rows = (np.ma.getdata(found[name]).astype(np.int64) for name in ("side", "block", "rows"))
    distinct, places = np.unique(keys[~empty], return_inverse=True)
    counts = [
        np.bincount(places, rows[~empty] * (side[~empty] == which), minlength=len(distinct)).astype(np.int64)
        for which in (0, 1)
    ]
    nulls = side[empty], block[empty], rows[empty]
    blocked = BlockedCells(side[~empty], block[~empty], places.astype(np.int64), rows[~empty], nulls)
    values = CountedValues(grid.values(distinct), counts[0], counts[1])
    return _counts(pair, column, blocked, values=values), blocked


def choose_grids(
    connection: "duckdb.DuckDBPyConnection",
    pair: Pair,
    columns: Sequence[ComparedColumn],
    types: Mapping[str, str],
    cells: int = GRID_CELLS,
) -> dict[str, Grid]:
    """For numeric columns: every distinct value where that is cheap, else bins fitted to a sample of the reference."""
    if pair.rows + pair.current_rows <= _EXACT_ROWS:
        return {}
    numbers = [column.name for column in columns if column.kind == "number"]
    found = {name: _choose_grid(connection, pair, name, types[name], cells) for name in numbers}
    return {name: grid for name, grid in found.items() if grid}


def _choose_grid(connection: "duckdb.DuckDBPyConnection", pair: Pair, name: str, type_: str, cells: int) -> Grid | None:
    value = _value(name)
    low, high = _ends(connection, pair, value)
    # NaN and the infinities are the largest or smallest of all, so without them rows need no guard.
    guarded = not (math.isfinite(low) and math.isfinite(high))
    if guarded:
        value = _finite(value)
        low, high = _ends(connection, pair, value)
    if not math.isfinite(high - low) or ("INT" in type_.upper() and high - low <= _EXACT_SPAN):
        return None
    share = min(100.0, 100 * _SAMPLE_ROWS / max(1, pair.rows))
    drawn = _fetch(
        connection,
        f"SELECT cell FROM ({pair.reference.relation(0, value)}) USING SAMPLE {share:.6f}% (bernoulli, 1)",
    )["cell"]
    sample = np.ma.compressed(drawn).astype(np.float64)
    if len(np.unique(sample)) <= _FEW_DISTINCT:
        return None
    return replace(fit_grid(sample, low, high, cells), guarded=guarded)


def _value(name: str) -> str:
    return f"CAST({quote(name)} AS DOUBLE)"


def _finite(value: str) -> str:
    return f"CASE WHEN isfinite({value}) THEN {value} END"


def _ends(connection: "duckdb.DuckDBPyConnection", pair: Pair, value: str) -> tuple[float, float]:
    """The smallest and the largest value of both samples, infinite where there is none."""
    ends = [
        f"SELECT min({value}), max({value}) FROM read_parquet({literal(sample.path)}) WHERE {sample.where}"
        for sample in (pair.reference, pair.current)
    ]
    rows = connection.execute(f"({ends[0]}) UNION ALL ({ends[1]})").fetchall()
    lows, highs = ([float(row[place]) for row in rows if row[place] is not None] for place in (0, 1))
    return min(lows, default=math.inf), max(highs, default=-math.inf)


def _count_category(
    connection: "duckdb.DuckDBPyConnection", pair: Pair, column: ComparedColumn
) -> tuple[ColumnCounts, BlockedCells]:
    expression = f"CAST({quote(column.name)} AS VARCHAR)"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE counted AS SELECT side, block, cell, count(*) AS rows FROM ("
        f"{pair.reference.relation(0, expression)} UNION ALL {pair.current.relation(1, expression)}) GROUP BY ALL"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE categories AS SELECT cell,"
        " coalesce(sum(rows) FILTER (side = 0), 0) AS reference, coalesce(sum(rows) FILTER (side = 1), 0) AS current,"
        " count(*) AS units, count(*) FILTER (side = 1) AS current_units"
        " FROM counted WHERE cell IS NOT NULL GROUP BY cell"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE listed AS SELECT *, row_number()"
        " OVER (ORDER BY reference DESC, current DESC, cell) - 1 AS place FROM categories"
        f" QUALIFY place < {_MOST_CATEGORIES} OR (reference = 0 AND row_number() OVER"
        f" (ORDER BY reference, current DESC, cell) <= {_UNSEEN_SHOWN})"
    )
    listed = _fetch(connection, "SELECT cell, reference, current FROM listed ORDER BY place")
    totals = _row(connection, "SELECT coalesce(sum(reference), 0), coalesce(sum(current), 0) FROM categories")
    unseen = _row(
        connection,
        "SELECT coalesce(sum(current), 0), coalesce(sum(current_units), 0) FROM categories WHERE reference = 0",
    )
    reference, current = (np.ma.getdata(listed[name]).astype(np.int64) for name in ("reference", "current"))
    counted = CountedCategories(
        categories=np.asarray(np.ma.getdata(listed["cell"]), dtype=object),
        reference=reference,
        current=current,
        other_reference=totals[0] - int(reference.sum()),
        other_current=totals[1] - int(current.sum()),
        spread=_spread(connection, "reference + current"),
        unseen_current=unseen[0],
    )
    blocked = _blocked_categories(connection, _spread(connection, "units"), unseen[1])
    return _counts(pair, column, blocked, categories=counted), blocked


def _counts(
    pair: Pair,
    column: ComparedColumn,
    blocked: BlockedCells,
    *,
    values: CountedValues | None = None,
    categories: CountedCategories | None = None,
) -> ColumnCounts:
    side, _, rows = blocked.nulls
    return ColumnCounts(
        name=column.name,
        rows=pair.rows,
        current_rows=pair.current_rows,
        nulls=int(rows[side == 0].sum()),
        current_nulls=int(rows[side == 1].sum()),
        values=values,
        categories=categories,
        outcome=column.outcome,
    )


def _blocked_categories(
    connection: "duckdb.DuckDBPyConnection", spread: tuple[tuple[int, int], ...], unseen_units: int
) -> BlockedCells:
    places = "row_number() OVER (ORDER BY place) - 1"
    found = _fetch(
        connection,
        "SELECT side, block, coalesce(place, -1) AS place, sum(rows) AS rows FROM counted"
        f" LEFT JOIN (SELECT cell, {places} AS place FROM listed) AS l USING (cell)"
        " WHERE cell IS NOT NULL GROUP BY ALL",
    )
    empty = _fetch(connection, "SELECT side, block, rows FROM counted WHERE cell IS NULL")
    side, block, place, rows = (
        np.ma.getdata(found[name]).astype(np.int64) for name in ("side", "block", "place", "rows")
    )
    nulls = tuple(np.ma.getdata(empty[name]).astype(np.int64) for name in ("side", "block", "rows"))
    return BlockedCells(side, block, place, rows, (nulls[0], nulls[1], nulls[2]), spread, unseen_units)


def _spread(connection: "duckdb.DuckDBPyConnection", size: str) -> tuple[tuple[int, int], ...]:
    found = connection.execute(f"SELECT {size} AS size, count(*) FROM categories GROUP BY 1 ORDER BY 1").fetchall()
    return tuple((int(row[0]), int(row[1])) for row in found)


def _row(connection: "duckdb.DuckDBPyConnection", sql: str) -> tuple[int, ...]:
    row = connection.execute(sql).fetchone()
    return tuple(int(value) for value in row) if row else ()


def _fetch(connection: "duckdb.DuckDBPyConnection", sql: str) -> dict[str, Any]:
    return connection.execute(sql).fetchnumpy()
