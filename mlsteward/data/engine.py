"""The one way a DuckDB engine is opened to work on data (the store opens its own)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

# Bytes that one engine may spill to disk, as a multiple of its memory.
_SPILL = 8


def connect(
    *, memory_mb: int = 1024, temp: Path | None = None, threads: int | None = None
) -> "duckdb.DuckDBPyConnection":
    """An in-memory DuckDB that reads no Python variables, downloads nothing and keeps no secrets.

    It spills to `temp`, at most eight times `memory_mb`; without `temp` it never writes to disk.
    """
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "python_enable_replacements": False,
        "autoload_known_extensions": False,
        "autoinstall_known_extensions": False,
        "allow_persistent_secrets": False,
        "memory_limit": f"{memory_mb}MiB",
        "temp_directory": str(temp) if temp else "",
    }
    if temp:
        settings["max_temp_directory_size"] = f"{memory_mb * _SPILL}MiB"
    if threads:
        settings["threads"] = threads
    connection = duckdb.connect(":memory:", config=settings)
    # Times with a zone are read as UTC wherever the machine stands.
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def quote(identifier: str) -> str:
    """`identifier` as a quoted SQL name."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as a SQL string."""
    return "'" + text.replace("'", "''") + "'"


def row_of(connection: "duckdb.DuckDBPyConnection", sql: str) -> tuple[Any, ...]:
    """The one row of a result. (`fetchone` leaves the result open, and the connection refuses other work then.)"""
    (row,) = connection.execute(sql).fetchall()
    return row
