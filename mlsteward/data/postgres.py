"""A table of a PostgreSQL database, copied as it stands at one moment. Runs in workers alone.

One read-only transaction of the level REPEATABLE READ reads catalog and rows, so comments, columns and rows belong
together; the rows are streamed to a file, so memory does not grow with the table.
"""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlsteward.data.csv_reader import Reading
from mlsteward.data.engine import literal, quote
from mlsteward.data.postgres_address import OpenDatabase, TableAddress
from mlsteward.data.postgres_catalog import find_relation, read_columns, read_declared
from mlsteward.data.postgres_types import TableColumn, cast, selected
from mlsteward.data.secret_pipe import take_secret
from mlsteward.dictionary.declared import Declared
from mlsteward.errors import NotFound, NotSupported, Refused, UnusableData

if TYPE_CHECKING:
    import duckdb
    from psycopg import Connection, Error

CONNECT_SECONDS = 10
_STATEMENT_SECONDS = 3600
_LOCK_SECONDS = 20
_MEGABYTE = 1 << 20
_TOLD_AFTER = 8 * _MEGABYTE
_NULL = "\\N"
# The engine's own limit of 2 MB a line is too small for long texts.
_LONGEST_LINE = 64 * _MEGABYTE
_SETTINGS = (
    f"SET LOCAL statement_timeout = '{_STATEMENT_SECONDS}s'",
    f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'",
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL DateStyle = 'ISO, YMD'",
    "SET LOCAL extra_float_digits = 1",
)
_CHECK_CLIENT = "SELECT set_config(name, '2s', true) FROM pg_settings WHERE name = 'client_connection_check_interval'"


@dataclass(frozen=True)
class CopiedTable:
    """The rows of a table in a file of delimited text, and what the database says of them."""

    file: Path
    columns: list[TableColumn]
    declared: Declared
    warnings: list[str]


def copy_table(
    database: OpenDatabase, folder: Path, *, limit_mb: int, progress: Callable[[float], None] = lambda done: None
) -> CopiedTable:
    """Copy the table that `database` names into a file in `folder`.

    Raises UnusableData beyond `limit_mb`, NotFound and Refused for what the database says; never with the password.
    """
    password = take_secret(Path(database.secret)) if database.secret else ""
    address = database.table
    with _connected(database, password) as connection:
        for setting in (*_SETTINGS, "SET LOCAL search_path = pg_catalog"):
            connection.execute(setting.encode())
        # So that the server notices, where it can, when a run is cancelled and its worker gone.
        connection.execute(_CHECK_CLIENT)
        relation = find_relation(connection, address)
        columns = read_columns(connection, relation)
        kept = [column for column in columns if not column.is_left_out]
        if not kept:
            raise UnusableData(f"{relation.full_name} has no column that can be kept.")
        declared = read_declared(connection, address, relation, columns)
        file = folder / "table.csv"
        source = f"{quote(relation.schema)}.{quote(relation.name)}"
        # Functions that a view calls may look for their tables on the path.
        connection.execute("SET LOCAL search_path = DEFAULT")
        chosen = ", ".join(selected(column) for column in kept)
        expected = relation.bytes or limit_mb * _MEGABYTE
        _copy(
            connection, f"SELECT {chosen} FROM {source}", file, limit_mb, lambda done: progress(min(done / expected, 1))
        )
    warnings = [f"`{column.name}` is binary and was left out." for column in columns if column.is_left_out]
    if relation.filtered:
        warnings.append(f"Row-level security is on: these are the rows that {address.user or 'the user'} may see.")
    return CopiedTable(file, kept, declared, warnings)


def read_copied(connection: "duckdb.DuckDBPyConnection", table: CopiedTable) -> Reading:
    """The rows of a copied table as SQL, in the types of datasets."""
    columns = ", ".join(f"{literal(column.name)}: 'VARCHAR'" for column in table.columns)
    source = (
        f"read_csv({literal(str(table.file))}, auto_detect = false, delim = ',', quote = '\"', escape = '\"',"
        f" header = false, nullstr = {literal(_NULL)}, allow_quoted_nulls = false, parallel = false,"
        f" max_line_size = {_LONGEST_LINE}, columns = {{{columns}}})"
    )
    parts: list[str] = []
    warnings = list(table.warnings)
    for column in table.columns:
        expression, warning = cast(connection, source, column)
        parts.append(f"{expression} AS {quote(column.name)}")
        warnings += [f"`{column.name}` {warning}"] if warning else []
    return Reading(f"SELECT {', '.join(parts)} FROM {source}", warnings)


@contextmanager
def _connected(database: OpenDatabase, password: str) -> Generator["Connection[Any]"]:
    try:
        import psycopg
    except ImportError as error:
        raise NotSupported(
            'postgresql:// needs the extra `postgres`: install it with `pip install "mlsteward[postgres]"`.'
        ) from error
    try:
        with psycopg.connect(**_parameters(database, password)) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            yield connection
    except psycopg.Error as error:
        raise _explained(error, database.table, password) from None


def _parameters(database: OpenDatabase, password: str) -> dict[str, Any]:
    address = database.table
    given: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "fallback_application_name": "mlsteward",
        **address.options,
        "host": address.host,
        "port": address.port,
        "user": address.user,
        "dbname": address.database,
        "password": password,
        "client_encoding": "UTF8",
        "hostaddr": database.host_address,
    }
    # What is not given is looked for where libpq looks: PGUSER, PGPASSWORD, pgpass.
    given = {name: value for name, value in given.items() if value != ""}
    if database.named:
        return given
    # A password of this machine's own is not for this database.
    return {**given, "password": password, "passfile": os.devnull}


def _copy(
    connection: "Connection[Any]", query: str, file: Path, limit_mb: int, progress: Callable[[int], None]
) -> None:
    statement = f"COPY ({query}) TO STDOUT (FORMAT csv, NULL '{_NULL}', FORCE_QUOTE *)"
    done = told = 0
    with file.open("wb") as target, connection.cursor() as cursor, cursor.copy(statement.encode()) as rows:
        for chunk in rows:
            done += target.write(chunk)
            if done > limit_mb * _MEGABYTE:
                raise UnusableData(
                    f"The rows take more than {limit_mb} MB. Name a view with fewer rows, or export the table to"
                    " Parquet into a data folder."
                )
            if done - told > _TOLD_AFTER:
                told = done
                progress(done)


def _explained(error: "Error", address: TableAddress, password: str) -> NotFound | Refused | UnusableData:
    """What the database says, by its first line alone: details quote values of rows."""
    place = address.url(options=False)
    words = error.diag.message_primary or str(error).strip().splitlines()[0]
    words = words.rpartition("FATAL:  ")[2].rpartition(" failed: ")[2].rstrip(".")
    words = words.replace(password, "***") if password else words
    state = error.sqlstate or ""
    # A connection that fails has no code, only words.
    if state == "3D000" or (not state and "does not exist" in words):
        return NotFound(f"{place}: {words}.")
    if state.startswith("28") or state == "42501" or "password" in words.casefold():
        return Refused(f"{place}: {words}. User and password go into the source, or with `--database` to the server.")
    if state == "57014":
        return UnusableData(
            f"{place}: {words}. Reading may take {_STATEMENT_SECONDS // 60} minutes; name a smaller view."
        )
    return UnusableData(f"{place} cannot be read: {words[:300]}.")
