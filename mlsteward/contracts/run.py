"""Running a contract's checks on the rows of one version."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlsteward.contracts.check import Check, CheckResult
from mlsteward.contracts.examples import failing_rows
from mlsteward.contracts.joined import COPIES, measure_duplicates, measure_relationship
from mlsteward.contracts.measured import Measured, judge
from mlsteward.contracts.order import CheckOrder
from mlsteward.contracts.predicates import Types, all_filled, count_filled, fails, filled
from mlsteward.contracts.schema import check_schema
from mlsteward.contracts.sql_checks import measure_sql
from mlsteward.data.engine import literal, quote, row_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# One statement takes so many aggregates: plans of thousands cost more than a second scan of other columns.
_BATCH = 200
# Distinct values of a column that had more than this are estimated.
_EXACT_DISTINCT = 50_000
# A text column with no more values among its first rows is checked value by value.
_FEW = 1_000
_SAMPLE = 20_000
_OF_TEXT = frozenset({"missing_values", "enum", "regex", "range"})
_JOINED = frozenset({"duplicate_values", "relationship", "sql"})


def run_checks(
    connection: "DuckDBPyConnection", file: Path, order: CheckOrder, now: datetime, scratch: Path
) -> list[CheckResult]:
    """The result of every check of `order.contract` on the Parquet file of a version, those of the schema first.

    One scan counts for all checks of rows and columns (a text column with few values is counted by value first, and
    checked value by value); duplicates and relationships take an aggregation of the columns they name, SQL its own
    engine behind both walls (it may spill to `scratch`). Rows that fail are looked for where there are any. `now`, in
    UTC, is when freshness is judged.
    """
    source = f"read_parquet({literal(str(file))})"
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    types = Types({str(name): str(kind) for name, kind, *_ in described})
    types.finite = order.finite
    checks = order.contract.checks
    found = {check.name: Measured(error=_unusable(connection, check, types)) for check in checks}
    left = [check for check in checks if not found[check.name].error]
    found |= _scan(connection, source, [check for check in left if check.type not in _JOINED], types, order)
    for check in left:
        if check.type == "duplicate_values":
            found[check.name] = measure_duplicates(connection, source, check, types, order.masked)
        elif check.type == "relationship":
            found[check.name] = measure_relationship(connection, source, check, types, order.tables, order.masked)
        elif check.type == "sql":
            (rows,) = row_of(connection, f"SELECT count(*) FROM {source}")
            found[check.name] = measure_sql(check, file, rows, order, scratch)
    results = {check.name: judge(check, found[check.name], order, now) for check in checks}
    failed = [check for check in left if not results[check.name].passed]
    rows = failing_rows(connection, file, failed, types, order, found)
    results |= {name: results[name].model_copy(update={"examples": shown}) for name, shown in rows.items()}
    return [*check_schema(order.contract.columns, types), *results.values()]


def _unusable(connection: "DuckDBPyConnection", check: Check, types: Types) -> str:
    """Why a check cannot be put into the one statement of all, or ""."""
    import duckdb

    missing = [column for column in check.columns if column not in types]
    if missing:
        return f"there is no column {' or '.join(missing)}"
    if check.type == "regex":
        try:
            connection.execute(f"SELECT regexp_matches('', {literal(check.pattern)})").fetchall()
        except duckdb.Error as error:
            words = str(error).splitlines()[0].partition(": ")[2]
            return f"the pattern is no regular expression of RE2 (which has no look-around): {words}"
    return ""


def _scan(
    connection: "DuckDBPyConnection", source: str, checks: Sequence[Check], types: Types, order: CheckOrder
) -> dict[str, Measured]:
    """What one scan tells of all checks that need no join."""
    few = _columns_of_few(connection, source, checks, types)
    wanted: dict[str, list[str]] = {}
    by_source: dict[str, dict[str, None]] = {}
    for check in checks:
        column = check.columns[0] if check.columns and fails(check, types) else ""
        rows = few.get(column, source)
        wanted[check.name] = _by_value(check, types) if column in few else _aggregates(check, types, order)
        by_source.setdefault(rows, {}).update(dict.fromkeys(wanted[check.name]))
    values: dict[str, Any] = {}
    for rows, aggregates in by_source.items():
        listed = list(aggregates)
        for start in range(0, len(listed), _BATCH):
            batch = listed[start : start + _BATCH]
            values |= zip(batch, row_of(connection, f"SELECT {', '.join(batch)} FROM {rows}"), strict=True)
    return {check.name: _measured(check, [values[one] for one in wanted[check.name]]) for check in checks}


def _columns_of_few(
    connection: "DuckDBPyConnection", source: str, checks: Sequence[Check], types: Types
) -> dict[str, str]:
    """Text columns that seem to have few values, each with a table of its values and how often each comes."""
    named = {check.columns[0]: None for check in checks if check.type in _OF_TEXT}
    texts = [column for column in named if types[column] == "VARCHAR"]
    few: dict[str, str] = {}
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        names = ", ".join(map(quote, batch))
        counts = ", ".join(f"approx_count_distinct({quote(column)})" for column in batch)
        sample = f"(SELECT {names} FROM {source} LIMIT {_SAMPLE})"
        for column, count in zip(batch, row_of(connection, f"SELECT {counts} FROM {sample}"), strict=True):
            if count <= _FEW:
                few[column] = f"(SELECT {quote(column)}, count(*) AS {COPIES} FROM {source} GROUP BY 1)"
    return few


def _by_value(check: Check, types: Types) -> list[str]:
    """As `_aggregates`, of a table of values and how often each comes."""
    counted = "" if check.type in ("null_values", "missing_values") else f" FILTER ({all_filled(check, types)})"
    return [f"coalesce(sum({COPIES}){counted}, 0)", f"coalesce(sum({COPIES}) FILTER ({fails(check, types)}), 0)"]


def _aggregates(check: Check, types: Types, order: CheckOrder) -> list[str]:
    """The number of rows that count, and what is measured of them."""
    if check.type == "null_values":
        return ["count(*)", f"count(*) - {count_filled(check, types)}"]
    if check.type == "missing_values":
        return ["count(*)", f"count(*) FILTER ({fails(check, types)})"]
    if check.type in _OF_TEXT:
        return [count_filled(check, types), f"count(*) FILTER ({fails(check, types)})"]
    if check.type == "freshness" and check.columns:
        return ["count(*)", f"max(TRY_CAST({quote(check.columns[0])} AS TIMESTAMP))"]
    if check.type == "compare_to_baseline" and check.columns:
        return ["count(*)", _measure(check, types, order)]
    return ["count(*)"]


def _measure(check: Check, types: Types, order: CheckOrder) -> str:
    column = check.columns[0]
    name = quote(column)
    if check.measure == "nulls":
        return f"count(*) FILTER (({filled(column, types)}) IS NOT TRUE)"
    if check.measure == "mean":
        return f"avg(TRY_CAST({name} AS DOUBLE)) FILTER ({filled(column, types)})"
    most = max((past.columns[column].distinct for past in order.history if column in past.columns), default=0)
    return f"approx_count_distinct({name})" if most > _EXACT_DISTINCT else f"count(DISTINCT {name})"


def _measured(check: Check, values: list[Any]) -> Measured:
    total, *rest = values
    found = Measured(total=int(total))
    if check.type == "compare_to_baseline":
        value = rest[0] if rest else total
        if check.measure == "nulls":
            value = 100 * value / total if total else None
        return replace(found, number=None if value is None else float(value))
    if check.type == "freshness":
        return replace(found, moment=rest[0] if rest else None)
    return replace(found, failing=int(rest[0])) if rest else found
