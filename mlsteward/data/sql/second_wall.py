"""The second wall: an engine that reaches nothing but the tables of one statement."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.data.engine import connect, literal, quote
from mlsteward.data.sql.statement import OWN_SCHEMAS, Statement, Table, Tables
from mlsteward.data.sql.words import engine_words, unknown_column
from mlsteward.dictionary.sensitivity import masked_words
from mlsteward.errors import InvalidSQL, Refused, UnusableData

if TYPE_CHECKING:
    import duckdb


# What the statement gives, as a view. No dataset can have this name.
RESULT = '"the result"'


@contextmanager
def result_of(
    statement: Statement,
    tables: Tables,
    *,
    memory_mb: int,
    temp: Path,
    threads: int | None = None,
    output: Path | None = None,
) -> "Generator[duckdb.DuckDBPyConnection, None, None]":
    """An engine in which the view RESULT is what `statement` gives; `tables` has the Parquet file of each table.

    Masked columns are nulls in the views that stand for tables, so no statement gets round it: it reaches views only.
    Its settings are locked and it opens no other file, save `output` for the writing of the result. `allowed_paths`
    lets a statement write to those files too and name them in `read_parquet`: only the first wall forbids that.
    What the engine says against the statement, while the view is made or used, comes out as InvalidSQL.
    """
    import duckdb

    if missing := [name for name in statement.tables if name not in tables]:
        raise InvalidSQL(f"There is no table `{missing[0]}`.", next="list_datasets()")
    opened = {name: _table(tables[name]) for name in statement.tables}
    files = {name: str(table.path) for name, table in opened.items()}
    further = [str(file) for table in opened.values() for file in table.also]
    reached = [*files.values(), *further, *([str(output)] if output else [])]
    with connect(memory_mb=memory_mb, temp=temp, threads=threads) as engine:
        engine.execute(f"SET allowed_paths = [{', '.join(map(literal, reached))}]")
        engine.execute("SET enable_external_access = false")
        for schema in OWN_SCHEMAS:
            engine.execute(f"CREATE SCHEMA {schema}")
        for name, table in opened.items():
            _make_view(engine, name, table)
        engine.execute("SET lock_configuration = true")
        try:
            engine.execute(f"CREATE TEMP VIEW {RESULT} AS {statement.sql}")
            yield engine
        except (duckdb.Error, MemoryError) as error:
            _refuse_masked(unknown_column(error), opened)
            hidden = {file: f"`{name}`" for name, file in files.items()} | {str(temp): "the scratch folder"}
            raise engine_words(error, columns_of(engine, statement), hidden) from error


def _table(table: Table | Path) -> Table:
    return table if isinstance(table, Table) else Table(table)


def _make_view(engine: "duckdb.DuckDBPyConnection", name: str, table: Table) -> None:
    import duckdb

    try:
        files = ", ".join(literal(str(path)) for path in (table.path, *table.also))
        file = f"read_parquet([{files}], union_by_name = true)" if table.also else f"read_parquet({files})"
        engine.execute(f"CREATE VIEW {quoted_table(name)} AS SELECT {_columns(engine, file, table)} FROM {file}")
    except duckdb.Error:
        raise UnusableData(
            f"The rows of `{name}` cannot be read: the file that held them is missing or damaged.",
            next="list_datasets()",
        ) from None


def _columns(engine: "duckdb.DuckDBPyConnection", file: str, table: Table) -> str:
    """All columns, those that are masked as nulls of their type or not at all."""
    if not table.masked:
        return "*"
    masked = {name.casefold() for name, _ in table.masked}
    described = engine.execute(f"DESCRIBE SELECT * FROM {file}").fetchall()
    chosen = [(quote(name), kind, name.casefold() in masked) for name, kind, *_ in described]
    if table.without:
        return ", ".join(name for name, _, is_masked in chosen if not is_masked) or "NULL AS nothing"
    return ", ".join(f"CAST(NULL AS {kind}) AS {name}" if is_masked else name for name, kind, is_masked in chosen)


def _refuse_masked(unknown: str, tables: Mapping[str, Table]) -> None:
    for table, opened in tables.items():
        levels = {column.casefold(): level for column, level in opened.masked}
        if level := levels.get(unknown.casefold(), ""):
            raise Refused(f"`{unknown}` of `{table}` is {masked_words(level)}: it is not for your clearance.") from None


def quoted_table(name: str) -> str:
    """A table's name as a statement would write it in quotes: `"flights@2"`, `meta."runs"`."""
    schema, dot, table = name.partition(".")
    return f"{schema}.{quote(table)}" if dot else quote(name)


def columns_of(engine: "duckdb.DuckDBPyConnection", statement: Statement) -> dict[str, list[str]]:
    """The columns of each table of `statement`."""
    return {name: engine.table(quoted_table(name)).columns for name in statement.tables}
