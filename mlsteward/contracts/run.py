"""Running a contract's checks on the rows of one version."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlsteward.contracts.check import Check, CheckResult
from mlsteward.contracts.examples import add_examples
from mlsteward.contracts.joined import measure_duplicates, measure_relationship
from mlsteward.contracts.measured import Measured, judge
from mlsteward.contracts.order import CheckOrder
from mlsteward.contracts.predicates import Types, all_filled, fails, filled
from mlsteward.contracts.schema import check_schema
from mlsteward.contracts.sql_checks import measure_sql
from mlsteward.data.engine import literal, quote, row_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# One statement takes so many aggregates: plans of thousands cost more than a second scan of other columns.
_BATCH = 200
# Distinct values of a column that had more than this are estimated.
_EXACT_DISTINCT = 50_000


def run_checks(
    connection: "DuckDBPyConnection", file: Path, order: CheckOrder, now: datetime, scratch: Path
) -> list[CheckResult]:
    """The result of every check of `order.contract` on the Parquet file of a version, those of the schema first.

    One scan counts for all checks of rows and columns; duplicates and relationships take an aggregation of the columns
    they name, SQL its own engine behind both walls (it may spill to `scratch`), and examples of rows that fail a second
    scan where there are any. `now`, in UTC, is when freshness is judged.
    """
    source = f"read_parquet({literal(str(file))})"
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    types = {str(name): str(kind) for name, kind, *_ in described}
    checks = order.contract.checks
    found: dict[str, Measured] = {check.name: Measured(error=_unusable(connection, check, types)) for check in checks}
    left = [check for check in checks if not found[check.name].error]
    found |= _scan(connection, source, [check for check in left if check.type not in _JOINED], types, order)
    for check in left:
        if check.type == "duplicate_values":
            found[check.name] = measure_duplicates(connection, source, check, types)
        elif check.type == "relationship":
            found[check.name] = measure_relationship(connection, source, check, types, order.tables)
        elif check.type == "sql":
            (rows,) = row_of(connection, f"SELECT count(*) FROM {source}")
            found[check.name] = measure_sql(check, file, rows, order, scratch)
    results = [judge(check, found[check.name], order, now) for check in checks]
    failed = {result.check for result in results if not result.passed}
    examples = add_examples(connection, file, [check for check in left if check.name in failed], types, order, found)
    shown = [result.model_copy(update={"examples": examples.get(result.check, result.examples)}) for result in results]
    return check_schema(order.contract.columns, types) + shown


_JOINED = frozenset({"duplicate_values", "relationship", "sql"})


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
    wanted = {check.name: _aggregates(check, types, order) for check in checks}
    distinct = list(dict.fromkeys(one for aggregates in wanted.values() for one in aggregates))
    values: dict[str, Any] = {}
    for start in range(0, len(distinct), _BATCH):
        batch = distinct[start : start + _BATCH]
        values |= zip(batch, row_of(connection, f"SELECT {', '.join(batch)} FROM {source}"), strict=True)
    return {check.name: _measured(check, [values[one] for one in wanted[check.name]]) for check in checks}


def _aggregates(check: Check, types: Types, order: CheckOrder) -> list[str]:
    if check.type in ("null_values", "missing_values"):
        return ["count(*)", f"count(*) FILTER ({fails(check, types)})"]
    if check.type in ("enum", "regex", "range"):
        return [f"count(*) FILTER ({all_filled(check, types)})", f"count(*) FILTER ({fails(check, types)})"]
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
    found = Measured(total=total)
    if check.type == "compare_to_baseline":
        value = rest[0] if rest else total
        if check.measure == "nulls":
            value = 100 * value / total if total else None
        return replace(found, number=None if value is None else float(value))
    if check.type == "freshness":
        return replace(found, moment=rest[0] if rest else None)
    return replace(found, failing=rest[0]) if rest else found
