"""What is known of a table without reading it again: one profile per column, computed once per version."""

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from mlsteward.data.engine import quote, row_of
from mlsteward.errors import NotFound
from mlsteward.names import close_names
from mlsteward.record import Record

if TYPE_CHECKING:
    import duckdb

Family = Literal["number", "text", "time", "boolean", "other"]

QUANTILES = (0.005, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.995)

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NUMBERS = (*_INTEGERS, *(f"U{name}" for name in _INTEGERS), "FLOAT", "DOUBLE", "DECIMAL")
_TEXTS = ("VARCHAR", "ENUM", "UUID")


class TopValue(Record):
    """A frequent value, as text."""

    value: str
    count: int


class Bin(Record):
    """A bar of a histogram: values from `low` (included) to `high` (included in the last bar only)."""

    low: float
    high: float
    count: int


class ColumnProfile(Record):
    """One column. Numbers of times are seconds since 1970 (UTC); `minimum` and `maximum` of times are text.

    With `masked`, the level for which its reader is not cleared, nothing is told of its values.
    """

    name: str
    type: str
    family: Family
    rows: int
    nulls: int = 0
    distinct: int = 0
    distinct_exact: bool = True
    minimum: float | str | None = None
    maximum: float | str | None = None
    mean: float | None = None
    sd: float | None = None
    quantiles: dict[str, float] = {}
    top: list[TopValue] = []
    histogram: list[Bin] = []
    warnings: list[str] = []
    masked: str = ""


class TableProfile(Record):
    """All columns of a table, in its order."""

    rows: int
    columns: list[ColumnProfile]

    def column(self, name: str) -> ColumnProfile:
        """The profile of a column, by its name in any case."""
        folded = name.strip().casefold()
        for column in self.columns:
            if column.name.casefold() == folded:
                return column
        known = [column.name for column in self.columns]
        raise NotFound(f"There is no column {name!r}.", close=close_names(name, known))


def moment(seconds: float) -> str:
    """The time so many seconds after 1970 began (UTC), as `minimum` and `maximum` of times are written."""
    try:
        return str(datetime(1970, 1, 1) + timedelta(seconds=round(seconds)))
    except OverflowError:  # DuckDB's times reach further than Python's
        return f"{seconds:.6g} s after 1970"


def type_family(duckdb_type: str) -> Family:
    """The family of a DuckDB type."""
    base = duckdb_type.upper().split("(")[0]
    if base.endswith("]"):
        return "other"
    if base in _NUMBERS:
        return "number"
    if base in _TEXTS:
        return "text"
    if base == "BOOLEAN":
        return "boolean"
    return "time" if base.startswith(("TIMESTAMP", "DATE")) else "other"


# Above so many rows, quantiles come from a t-digest (Dunning & Ertl 2019) and are off by about 0.1 % in rank.
_EXACT_QUANTILE_ROWS = 2_000_000
# Distinct values are counted exactly up to here, and wherever a column may be unique.
_EXACT_DISTINCT = 50_000
_TOP = 10
_BINS = 20
_CELL = 200
# One statement profiles so many columns: plans of thousands of aggregates cost more than they save.
_BATCH = 40
# Beyond this the square of a value overflows.
_LARGEST = 1e150


def profile_table(
    connection: "duckdb.DuckDBPyConnection",
    sql_source: str,
    progress: Callable[[float], None] = lambda done: None,
) -> TableProfile:
    """The profile of a table expression: a view's name, or `read_parquet('…')`.

    One scan for the aggregates, then one narrow scan for the frequent values or the histogram of each column. NaN and
    infinities count as nulls. `progress` is told the share that is done.
    """
    described = connection.execute(f"DESCRIBE SELECT * FROM {sql_source}").fetchall()
    (rows,) = row_of(connection, f"SELECT count(*) FROM {sql_source}")
    columns: list[ColumnProfile] = []
    for start in range(0, len(described), _BATCH):
        batch = [(name, kind) for name, kind, *_ in described[start : start + _BATCH]]
        columns += _profile_batch(connection, sql_source, rows, batch)
        progress((start + len(batch)) / len(described))
    return TableProfile(rows=rows, columns=columns)


def _profile_batch(
    connection: "duckdb.DuckDBPyConnection", source: str, rows: int, batch: Sequence[tuple[str, str]]
) -> list[ColumnProfile]:
    from mlsteward.data.column_warnings import column_warnings

    columns = [ColumnProfile(name=name, type=kind, family=type_family(kind), rows=rows) for name, kind in batch]
    aggregates = [aggregate for column in columns for aggregate in _aggregates(column)]
    values = iter(row_of(connection, f"SELECT {', '.join(aggregates)} FROM {source}"))
    for column in columns:
        _take(column, [next(values) for _ in _aggregates(column)])
    for column in columns:
        _count_distinct(connection, source, column)
        column.top = _top_values(connection, source, column)
        column.histogram = _histogram(connection, source, column)
        column.warnings = column_warnings(connection, source, column)
    return columns


def _number(column: ColumnProfile) -> str:
    """A column of family number, time or boolean as DOUBLE, null where it is not finite."""
    name = quote(column.name)
    if column.family == "time":
        return f"epoch({name}::TIMESTAMP)"
    if column.type in ("DOUBLE", "FLOAT"):
        return f"CASE WHEN abs({name}) < {_LARGEST} THEN {name}::DOUBLE END"
    return f"{name}::DOUBLE"


def _aggregates(column: ColumnProfile) -> list[str]:
    name = quote(column.name)
    if column.family == "other":
        return [f"count({name})", f"approx_count_distinct({name}::VARCHAR)"]
    if column.family == "text":
        cell = f"left({name}::VARCHAR, {_CELL})"
        return [f"count({name})", f"approx_count_distinct({name})", f"min({cell})", f"max({cell})"]
    number = _number(column)
    common = [f"count({number})", f"approx_count_distinct({name})"]
    ends = [f"min({name})::VARCHAR", f"max({name})::VARCHAR"] if column.family != "number" else []
    ends = ends or [f"min({number})", f"max({number})"]
    spread = [f"avg({number})", f"stddev_samp({number})"]
    if column.family == "boolean":
        return [*common, *ends, *spread]
    function = "quantile_cont" if column.rows <= _EXACT_QUANTILE_ROWS else "approx_quantile"
    return [*common, *ends, *spread, f"{function}({number}, {list(QUANTILES)})"]


def _take(column: ColumnProfile, values: Sequence[object]) -> None:
    count, distinct, *rest = values
    filled = int(str(count))
    column.nulls = column.rows - filled
    column.distinct = min(int(str(distinct)), filled)
    column.distinct_exact = False
    if rest:
        column.minimum, column.maximum = _end(rest[0]), _end(rest[1])
    if len(rest) > 2:
        column.mean, column.sd = _finite(rest[2]), _finite(rest[3])
    if len(rest) > 4 and isinstance(rest[4], list):
        pairs = zip(QUANTILES, rest[4], strict=True)  # pyright: ignore[reportUnknownArgumentType] - DuckDB is untyped
        column.quantiles = {f"{q:g}": value for q, raw in pairs if (value := _finite(raw)) is not None}


def _end(value: object) -> float | str | None:
    return value if isinstance(value, str) else _finite(value)


def _finite(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _count_distinct(connection: "duckdb.DuckDBPyConnection", source: str, column: ColumnProfile) -> None:
    """Replace the estimate by a count where it is cheap or may tell a key."""
    filled = column.rows - column.nulls
    many = column.distinct > _EXACT_DISTINCT
    if many and (column.type in ("DOUBLE", "FLOAT") or column.distinct < 0.9 * filled):
        return
    (distinct,) = row_of(connection, f"SELECT count(DISTINCT {quote(column.name)}) FROM {source}")
    column.distinct = min(distinct, filled)
    column.distinct_exact = True


def _top_values(connection: "duckdb.DuckDBPyConnection", source: str, column: ColumnProfile) -> list[TopValue]:
    filled = column.rows - column.nulls
    if not filled or (column.distinct > 20 and column.distinct > 0.9 * filled):
        return []
    if column.family in ("number", "time") and column.distinct > _EXACT_DISTINCT:
        return []
    name = quote(column.name)
    found = connection.execute(
        f"SELECT left(value::VARCHAR, {_CELL}), n FROM (SELECT {name} AS value, count(*) AS n FROM {source}"
        f" WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_TOP})"
    ).fetchall()
    return [TopValue(value=value, count=count) for value, count in found]


def _histogram(connection: "duckdb.DuckDBPyConnection", source: str, column: ColumnProfile) -> list[Bin]:
    """Bars of equal width between the outer quantiles; the first and the last reach to the minimum and maximum."""
    low, high = column.quantiles.get("0.005"), column.quantiles.get("0.995")
    if low is None or high is None or not low < high:
        return []
    width = (high - low) / _BINS
    number = _number(column)
    found = connection.execute(
        f"SELECT least(greatest(floor(({number} - {low!r}) / {width!r}), 0), {_BINS - 1})::INTEGER AS bin, count(*),"
        f" min({number}), max({number}) FROM {source} WHERE ({number}) IS NOT NULL GROUP BY 1"
    ).fetchall()
    counts = {place: count for place, count, *_ in found}
    edges = [low + width * place for place in range(_BINS)] + [high]
    edges[0] = min(edges[0], *(least for *_, least, _ in found))
    edges[-1] = max(edges[-1], *(most for *_, most in found))
    return [Bin(low=edges[i], high=edges[i + 1], count=counts.get(i, 0)) for i in range(_BINS)]
