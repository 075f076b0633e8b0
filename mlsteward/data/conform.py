"""The types that a dataset may have: whole numbers, DOUBLE, BOOLEAN, DATE, TIMESTAMP in UTC, and text."""

from typing import TYPE_CHECKING

from mlsteward.data.column_names import clean_names
from mlsteward.data.engine import quote, row_of
from mlsteward.errors import UnusableData

if TYPE_CHECKING:
    import duckdb

_KEPT = frozenset(
    "TINYINT SMALLINT INTEGER BIGINT UTINYINT USMALLINT UINTEGER UBIGINT BOOLEAN DATE TIMESTAMP VARCHAR".split()
)
_LARGEST_BIGINT = 9_223_372_036_854_775_807


def conform(connection: "duckdb.DuckDBPyConnection", sql: str, *, finite: bool = False) -> tuple[str, list[str]]:
    """A SELECT of the rows of `sql` in those types and with clean names, and warnings for what that changes.

    NaN and infinities become null, so that every sum and every comparison downstream means something. Structures and
    lists become JSON text; binary columns are left out. `finite` says that all numbers are finite already.
    """
    described = [(str(name), str(kind)) for name, kind, *_ in connection.execute(f"DESCRIBE {sql}").fetchall()]
    names, warnings = clean_names([name for name, _ in described])
    parts: list[str] = []
    for (name, kind), clean in zip(described, names, strict=True):
        expression, warning = _conformed(connection, sql, quote(name), kind.upper())
        if warning:
            warnings.append(f"`{clean}` {warning}")
        if expression:
            parts.append(f"{expression} AS {quote(clean)}")
    if not parts:
        raise UnusableData("The table has no column that can be kept.")
    if not finite:
        warnings += _non_finite(connection, sql, described)
    return f"SELECT {', '.join(parts)} FROM ({sql}) AS source", warnings


def _conformed(connection: "duckdb.DuckDBPyConnection", sql: str, name: str, kind: str) -> tuple[str, str]:
    """The expression for a column ("" leaves it out), and a warning or ""."""
    base = kind.split("(")[0]
    if base in _KEPT and not kind.endswith("]"):
        return name, ""
    if kind in ("DOUBLE", "FLOAT"):
        return f"CASE WHEN isfinite({name}) THEN {name}::DOUBLE END", ""
    if base == "DECIMAL":
        scale = int(kind.rstrip(")").split(",")[1])
        return (f"{name}::BIGINT", "") if scale == 0 and _fits(connection, sql, name) else (f"{name}::DOUBLE", "")
    if base in ("HUGEINT", "UHUGEINT", "BIGNUM"):
        return f"{name}::{'BIGINT' if _fits(connection, sql, name) else 'DOUBLE'}", ""
    if base.startswith("TIMESTAMP"):
        return f"{name}::TIMESTAMP", ""
    return _as_text(name, kind, base)


def _as_text(name: str, kind: str, base: str) -> tuple[str, str]:
    if base in ("BLOB", "BIT", "GEOMETRY"):
        return "", "is binary and was left out."
    if kind.endswith("]") or base in ("STRUCT", "MAP", "UNION", "VARIANT"):
        return f"to_json({name})::VARCHAR", "is nested and is kept as JSON text."
    return f"{name}::VARCHAR", ""


def _fits(connection: "duckdb.DuckDBPyConnection", sql: str, name: str) -> bool:
    """Whether all whole numbers of a wide type lie in the range of BIGINT."""
    (largest,) = row_of(connection, f"SELECT max(abs({name}::DOUBLE)) FROM ({sql})")
    return largest is None or largest < _LARGEST_BIGINT


def _non_finite(connection: "duckdb.DuckDBPyConnection", sql: str, described: list[tuple[str, str]]) -> list[str]:
    floats = [name for name, kind in described if kind.upper() in ("DOUBLE", "FLOAT")]
    if not floats:
        return []
    counts = ", ".join(f"count(*) FILTER (NOT isfinite({quote(name)}))" for name in floats)
    found = row_of(connection, f"SELECT {counts} FROM ({sql})")
    return [
        f"`{name}` holds {count} numbers that are not finite (NaN, inf); they became null."
        for name, count in zip(floats, found, strict=True)
        if count
    ]
