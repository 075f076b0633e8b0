"""The tool `query_data`."""

from pathlib import Path

from pydantic import Field

from mlsteward.answer import Answer
from mlsteward.data.sql.fit import FittedRows, Value, fit_rows, header_text, row_text
from mlsteward.data.sql.result import QueryResult
from mlsteward.data.sql.statement import OUTCOMES_SCHEMA, PREDICTIONS_SCHEMA, Statement, Table, is_metadata
from mlsteward.record import Record
from mlsteward.server.declare import Call, Tool
from mlsteward.serving.seen_predictions import find_outcomes, find_predictions
from mlsteward.store.meta import find_tables

# Bytes for the rows, in text and data together; verdict and field names take the rest of 8 KB.
ROOM = 6800
# Masked columns that are named.
MASKED = 12
# A statement that is no longer than this is written out in `next`.
SHORT = 300


class ResultColumn(Record):
    name: str
    type: str


class QueryAnswer(Answer):
    columns: list[ResultColumn]
    rows: list[list[Value]]
    total: int | None = None
    masked: list[str] = Field(default_factory=list[str], description="Columns that are null for your clearance.")

    def body(self) -> list[str]:
        masked = f"masked for your clearance, so null: {', '.join(self.masked)}" if self.masked else ""
        header = header_text([(column.name, column.type) for column in self.columns])
        return [masked, header, *(row_text(row) for row in self.rows)]


def query_data(call: Call, sql: str, limit: int = 100) -> QueryAnswer:
    """Run one SELECT (DuckDB SQL) over datasets and metadata and return its first rows.

    Tables are datasets by name, FROM flights, or a version in double quotes, FROM "flights@2"; metadata stands in
    meta.datasets, meta.columns, meta.runs, meta.metrics, meta.models, meta.relationships, meta.terms, meta.activity;
    what a deployment answered in predictions.NAME, what came true in outcomes.NAME.
    DESCRIBE flights and SUMMARIZE flights work too. Nothing can be written and no file read. Aggregate in SQL: answers
    hold about 100 short rows.
    """
    workspace = call.workspace

    masked: list[str] = []

    def find(statement: Statement) -> dict[str, Table]:
        tables = workspace.store.read(lambda t: find_tables(t, statement, workspace.folder, Path(scratch)))
        tables |= find_predictions(workspace, statement, Path(scratch))
        tables |= find_outcomes(workspace, statement, Path(scratch))
        masked.extend(f"{name}.{column} ({level})" for name, table in tables.items() for column, level in table.masked)
        return tables

    with workspace.queries.scratch() as scratch:
        result = workspace.queries.query(sql, find, max(limit, 1))
    fitted = fit_rows(result, ROOM)
    return QueryAnswer(
        verdict=_verdict(result, fitted),
        columns=[ResultColumn(name=name, type=kind) for name, kind in fitted.columns],
        rows=fitted.rows,
        total=result.total,
        masked=masked[:MASKED],
        next=_next(sql, result),
    )


def _verdict(result: QueryResult, fitted: FittedRows) -> str:
    shown, fetched = len(fitted.rows), len(result.rows)
    if result.total is not None and shown == result.total:
        words = "1 row" if shown == 1 else f"{shown:,} rows"
    elif result.total is not None:
        words = f"The first {shown:,} of {result.total:,} rows"
    else:
        words = f"The first {shown:,} rows of more"
    if shown < fetched:
        words += " (as many as an answer holds)"
    if (columns := len(result.columns)) > len(fitted.columns):
        words += f", {len(fitted.columns)} of {columns:,} columns: name those you need"
    if fitted.cut:
        words += f"; texts are cut at {fitted.cut} characters"
    return f"{words}."


def _next(sql: str, result: QueryResult) -> str:
    datasets = [name for name in result.tables if not is_metadata(name)]
    served = (f"{PREDICTIONS_SCHEMA}.", f"{OUTCOMES_SCHEMA}.")
    if deployments := [name.partition(".")[2] for name in result.tables if name.startswith(served)]:
        return f'check_deployment(deployment="{deployments[0]}")'
    if result.tables and len(datasets) < len(result.tables):
        return 'list_runs(kind="")'
    words = sql.split()
    if datasets and words[0].upper() in ("DESCRIBE", "SUMMARIZE"):
        return f'profile_dataset(dataset="{datasets[0]}")'
    statement = " ".join(words).rstrip("; ").replace('"', '\\"')
    # A comment to the end of the line would swallow the rest.
    if len(statement) <= SHORT and "--" not in sql:
        return f'transform_dataset(name="result", sql="{statement}")'
    return f'profile_dataset(dataset="{datasets[0]}")' if datasets else "list_datasets()"


TOOL = Tool(query_data, title="Query data", toolset="data", read_only=True, idempotent=True)
