"""What a careful reader would say about a column after a glance at its profile."""

from typing import TYPE_CHECKING

from mlsteward.data.engine import quote, row_of

if TYPE_CHECKING:
    import duckdb

    from mlsteward.data.profile import ColumnProfile

# Below so many rows every column looks unique, or nearly constant.
_FEW = 20
_FEW_ALIKE = 10


def column_warnings(connection: "duckdb.DuckDBPyConnection", source: str, column: "ColumnProfile") -> list[str]:
    """Warnings for a column whose numbers and frequent values are known; texts are read once more."""
    filled = column.rows - column.nulls
    if not filled:
        return ["empty: no value at all"] if column.rows else []
    warnings: list[str] = []
    if column.nulls > column.rows / 2:
        warnings.append(f"mostly null: {column.nulls / column.rows:.0%} missing")
    warnings += _of_distribution(column, filled)
    if column.family == "text" and not column.type.upper().startswith("ENUM"):
        warnings += _of_texts(connection, source, column, filled)
    return warnings


def _of_distribution(column: "ColumnProfile", filled: int) -> list[str]:
    if column.distinct == 1 and filled >= _FEW_ALIKE:
        return ["constant: one value in every row"]
    may_be_id = column.family == "text" or (column.family == "number" and column.type not in ("DOUBLE", "FLOAT"))
    if may_be_id and filled >= _FEW and column.distinct_exact and column.distinct == filled:
        return ["id-like: every value occurs once"]
    if filled >= _FEW_ALIKE and column.top and column.top[0].count > 0.99 * filled:
        return [f"nearly constant: {column.top[0].count / filled:.2%} are {column.top[0].value[:40]!r}"]
    return []


def _of_texts(connection: "duckdb.DuckDBPyConnection", source: str, column: "ColumnProfile", filled: int) -> list[str]:
    name = quote(column.name)
    numbers, padded, zeros, longest, odd = row_of(
        connection,
        f"SELECT count(TRY_CAST({name} AS DOUBLE)), count(*) FILTER (trim({name}) <> {name}),"
        f" count(*) FILTER (regexp_full_match({name}, '0[0-9]+')), max(length({name})),"
        f" min({name}) FILTER (TRY_CAST({name} AS DOUBLE) IS NULL) FROM {source}",
    )
    warnings: list[str] = []
    if numbers == filled:
        reason = f" ({zeros} begin with 0, so they are kept as text)" if zeros else ""
        warnings.append(f"numbers as text{reason}")
    elif numbers > filled / 2:
        warnings.append(f"mixed types: {numbers / filled:.1%} are numbers, others are not, such as {str(odd)[:40]!r}")
    if padded:
        warnings.append(f"spaces around {padded} values")
    if longest > 10_000:
        warnings.append(f"very long texts: up to {longest} characters")
    return warnings
