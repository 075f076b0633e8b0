"""Files of every format as SQL: one function a format, chosen by name and first bytes."""

import csv
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlsteward.data.column_names import clean_names
from mlsteward.data.csv_reader import Reading, read_delimited
from mlsteward.data.engine import literal, quote
from mlsteward.errors import InvalidArgument, NotFound, NotSupported, UnusableData
from mlsteward.names import close_names

if TYPE_CHECKING:
    import duckdb

Format = Literal["delimited", "json", "parquet", "excel", "duckdb", "sqlite", "postgresql"]
_ROWS_BETWEEN_LOOKS = 1000
_SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".duckdb": "duckdb",
    ".ddb": "duckdb",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
}


def format_of(path: Path, name: str) -> Format:
    """The format of a file called `name`. Its first bytes count more than its name."""
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"SQLite format 3\x00"):
        return "sqlite"
    if head[8:12] == b"DUCK":
        return "duckdb"
    named = _SUFFIXES.get(Path(name).suffix.lower(), "delimited")
    if not head and named != "delimited":
        raise UnusableData(f"{name} is empty.")
    if named in ("parquet", "sqlite", "duckdb"):
        raise UnusableData(f"{name} is no {named} file, whatever its name says.")
    if Path(name).suffix.lower() == ".xls":
        raise NotSupported(f"{name} is of the old Excel format; save it as .xlsx or CSV.")
    return named


def read_parquet(connection: "duckdb.DuckDBPyConnection", files: Mapping[Path, str]) -> Reading:
    """Parquet files; columns are matched by name."""
    for path, shown in files.items():
        found = connection.execute(
            f"SELECT name FROM parquet_schema({literal(str(path))}) WHERE num_children IS NULL OR num_children = 0"
        ).fetchall()
        names = [name for (name,) in found]
        top = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({literal(str(path))})").fetchall()
        if len(names) == len(top):  # no nested columns: what the engine renamed shows in the schema
            _cleaned(names, shown)
    listed = ", ".join(literal(str(path)) for path in files)
    return Reading(f"SELECT * FROM read_parquet([{listed}], union_by_name = true, hive_partitioning = false)", [])


def _cleaned(names: list[str], shown: str) -> list[str]:
    try:
        return clean_names(names)[0]
    except UnusableData as error:
        raise UnusableData(f"{shown}: {error.message}") from error


def read_json(connection: "duckdb.DuckDBPyConnection", files: Mapping[Path, str]) -> Reading:
    """JSON (an array of objects) or JSON Lines."""
    listed = ", ".join(literal(str(path)) for path in files)
    sql = f"SELECT * FROM read_json([{listed}], union_by_name = true, sample_size = -1)"
    names = [name for name, *_ in connection.execute(f"DESCRIBE {sql}").fetchall()]
    shown = next(iter(files.values()))
    if names == ["json"]:
        raise UnusableData(f"{shown}: no rows. Write an array of objects, or one object a line.")
    renamed = [name for name in names if name.endswith("_1") and name[:-2].casefold() in {n.casefold() for n in names}]
    if renamed:
        raise UnusableData(f"{shown}: keys differ only in case, which SQL does not tell apart: {renamed[0][:-2]!r}.")
    return Reading(sql, [])


def read_duckdb(connection: "duckdb.DuckDBPyConnection", path: Path, shown: str, table: str) -> Reading:
    """A table of a DuckDB file. Views are refused: they may read any file."""
    connection.execute(f"ATTACH {literal(str(path))} AS attached (READ_ONLY)")
    rows = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'attached' AND NOT internal"
    ).fetchall()
    tables = {name if schema == "main" else f"{schema}.{name}": (schema, name) for schema, name in rows}
    schema, name = tables[_choose_table(list(tables), table, shown)]
    return Reading(f"SELECT * FROM attached.{quote(schema)}.{quote(name)}", [])


def read_sqlite(
    connection: "duckdb.DuckDBPyConnection", path: Path, shown: str, table: str, folder: Path, limit_mb: int
) -> Reading:
    """A table or view of a SQLite file, read by the standard library (the engine's own reader is a download)."""
    target = folder / "sqlite.csv"
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            found = database.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
            )
            chosen = _choose_table([name for (name,) in found], table, shown)
            rows = database.execute(f"SELECT * FROM {quote(chosen)}")
            names = _cleaned([column[0] for column in rows.description], shown)
            texts = _write_rows(target, names, rows, limit_mb)
    except sqlite3.Error as error:
        raise UnusableData(f"{shown} cannot be read: {error}") from error
    return read_delimited(connection, {target: f"{shown}#{chosen}"}, delimiter=",", texts=texts)


def read_excel(
    connection: "duckdb.DuckDBPyConnection", path: Path, shown: str, sheet: str, folder: Path, limit_mb: int
) -> Reading:
    """A sheet of an Excel file, the first unless one is named."""
    try:
        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError as error:
        raise NotSupported(
            'Excel files need the extra `excel`: install it with `pip install "mlsteward[excel]"`, or save as CSV.'
        ) from error
    import zipfile

    target = folder / "excel.csv"
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, OSError) as error:
        raise UnusableData(f"{shown} is no Excel file that can be read: {error}") from error
    with closing(book):
        name = _choose_table(book.sheetnames, sheet or book.sheetnames[0], shown)
        rows = (list(row) for row in book[name].iter_rows(values_only=True) if any(cell is not None for cell in row))
        header = next(rows, None)
        if header is None:
            raise UnusableData(f"{shown}: the sheet {name!r} is empty.")
        names = _cleaned([str(cell) if cell is not None else "" for cell in header], shown)
        texts = _write_rows(target, names, rows, limit_mb)
    return read_delimited(connection, {target: f"{shown}#{name}"}, delimiter=",", texts=texts)


def _write_rows(target: Path, names: list[str], rows: Iterable[Sequence[object]], limit_mb: int) -> list[str]:
    """Write rows of Python values as CSV. Returns the columns that hold only texts: their digits are no numbers.

    Raises UnusableData beyond `limit_mb`: a view may have rows without end.
    """
    seen: list[set[type]] = [set() for _ in names]
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for number, row in enumerate(rows):
            if number % _ROWS_BETWEEN_LOOKS == 0 and target.stat().st_size > limit_mb << 20:
                raise UnusableData(f"The rows take more than {limit_mb} MB.")
            writer.writerow([_cell(value) for value in row[: len(names)]])
            for types, value in zip(seen, row, strict=False):
                if value is not None:
                    types.add(type(value))
    return [name for name, types in zip(names, seen, strict=True) if types == {str}]


def _cell(value: object) -> str:
    if value is None or isinstance(value, bytes):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


def _choose_table(tables: list[str], wanted: str, shown: str) -> str:
    """The table that is named, in any case, or the only one."""
    if not wanted and len(tables) == 1:
        return tables[0]
    for table in tables:
        if table.casefold() == wanted.casefold():
            return table
    listed = ", ".join(tables[:10]) or "none"
    if not wanted:
        raise InvalidArgument(f"{shown} holds {len(tables)} tables ({listed}). Name one: `{shown}#table`.")
    close = [f"{shown}#{found}" for found in close_names(wanted, tables)]
    raise NotFound(f"{shown} has no table {wanted!r}; it has {listed}.", close=close)
