"""The rows that a statement gives, bounded and safe for JSON."""

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

MOST_ROWS = 1000
# Characters of one text; what is longer is cut and ends in …
LONGEST_TEXT = 500
# Whole numbers beyond this lose digits in JSON readers that know doubles only.
_SAFE_INTEGER = 2**53
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_AS_THEY_ARE = re.compile(r"BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\)")


@dataclass(frozen=True)
class QueryResult:
    """`columns` are names and DuckDB types, `tables` what the statement names.

    `total` is None when counting all rows would have taken long.

    Numbers and Booleans in `rows` are themselves, everything else is text as DuckDB writes it; whole numbers over
    2⁵³, decimals that a double cannot hold, and NaN and infinity are text too.
    """

    columns: list[tuple[str, str]]
    rows: list[list[Any]]
    more: bool
    total: int | None = None
    tables: tuple[str, ...] = ()


def first_rows(relation: "duckdb.DuckDBPyRelation", limit: int) -> QueryResult:
    """The first `limit` rows of `relation`; with a limit of 0 nothing is run, and only the columns are told."""
    types = [str(kind).strip('"') for kind in relation.types]
    columns = list(zip(relation.columns, types, strict=True))
    if not limit:
        return QueryResult(columns, rows=[], more=True)
    # Dates, times and nested values are written by the engine: Python has no year 10000, and no zones without pytz.
    shown = [
        f"#{place}" if _AS_THEY_ARE.fullmatch(kind) else f"left(CAST(#{place} AS VARCHAR), {LONGEST_TEXT + 1})"
        for place, kind in enumerate(types, start=1)
    ]
    rows = relation.project(", ".join(shown)).limit(limit + 1).fetchall()
    return QueryResult(
        columns=columns,
        rows=[[safe_value(value) for value in row] for row in rows[:limit]],
        more=len(rows) > limit,
        total=None if len(rows) > limit else len(rows),
    )


def safe_value(value: Any) -> Any:
    """`value` as JSON can carry it without loss."""
    if isinstance(value, float):
        return value if math.isfinite(value) else _NOT_FINITE[str(value)]
    if isinstance(value, Decimal):
        return float(value) if Decimal(repr(float(value))) == value else f"{value.normalize():f}"
    if isinstance(value, int) and abs(value) > _SAFE_INTEGER:
        return str(value)
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"{value[:LONGEST_TEXT]}…"
    return value
