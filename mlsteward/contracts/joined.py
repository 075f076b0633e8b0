"""Checks that take more than one look at a row: values that come twice, and values of another table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.contracts.check import MASKED, Check
from mlsteward.contracts.measured import Measured
from mlsteward.contracts.predicates import Types, all_filled, count_filled
from mlsteward.contracts.schema import WHOLE
from mlsteward.data.engine import literal, quote, row_of
from mlsteward.data.profile import type_family

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# How often values come; no column is likely to have this name.
COPIES = '"the copies"'
# Rows that are kept of a check that fails.
MOST = 5
_CELL = 60
# Eight megabytes.
_MOST_BITS = 64 * 1024 * 1024


def measure_duplicates(
    connection: "DuckDBPyConnection", source: str, check: Check, types: Types, masked: Sequence[str]
) -> Measured:
    """The rows whose values come again, among those without a null in them, and the values that come most often."""
    (total,) = row_of(connection, f"SELECT {count_filled(check, types)} FROM {source}")
    if _all_differ(connection, source, check, types, total):
        return Measured(total=total)
    names = ", ".join(map(quote, check.columns))
    grouped = f"SELECT {names}, count(*) AS {COPIES} FROM {source} WHERE {all_filled(check, types)} GROUP BY ALL"
    shown = ", ".join(f"{quote(column)}::VARCHAR" for column in check.columns)
    found = connection.execute(
        f"WITH again AS MATERIALIZED (FROM ({grouped}) WHERE {COPIES} > 1)"
        f" SELECT (SELECT sum({COPIES}) FROM again), {COPIES}, {shown} FROM again"
        f" ORDER BY {COPIES} DESC, {names} LIMIT {MOST}"
    ).fetchall()
    examples = [group_example(check, values, copies, masked) for _, copies, *values in found]
    return Measured(failing=int(found[0][0]) if found else 0, total=total, examples=examples)


def _all_differ(connection: "DuckDBPyConnection", source: str, check: Check, types: Types, total: int) -> bool:
    """Whether one of the columns, of whole numbers, is known to differ in all rows, by a bit for each number.

    That is far cheaper than grouping them; what is more, any key with such a column is unique.
    """
    for column in check.columns:
        if types[column] not in WHOLE:
            continue
        name = quote(column)
        low, high, filled = row_of(connection, f"SELECT min({name}), max({name}), count({name}) FROM {source}")
        if low is None or not max(total, filled) <= high - low + 1 <= _MOST_BITS:
            continue
        if row_of(connection, f"SELECT bit_count(bitstring_agg({name}, {low}, {high})) FROM {source}") == (filled,):
            return True
    return False


def group_example(check: Check, values: Sequence[str], copies: int, masked: Sequence[str]) -> dict[str, str]:
    """Values of a check's columns and how many rows have them."""
    pairs = zip(check.columns, values, strict=True)
    return {column: MASKED if column in masked else shown_cell(value) for column, value in pairs} | {
        "rows": str(copies)
    }


def shown_cell(value: object) -> str:
    return "null" if value is None else str(value)[:_CELL]


def measure_relationship(
    connection: "DuckDBPyConnection",
    source: str,
    check: Check,
    types: Types,
    tables: Mapping[str, str],
    masked: Sequence[str],
) -> Measured:
    """The rows whose values the other table does not have, among those without a null in them, and such values."""
    other = tables.get(check.to_dataset, "")
    if not other or not Path(other).is_file():
        return Measured(error=f"there is no dataset {check.to_dataset} to look values up in")
    target = f"read_parquet({literal(other)})"
    described = connection.execute(f"DESCRIBE SELECT * FROM {target}").fetchall()
    there = Types({str(name): str(kind) for name, kind, *_ in described})
    if missing := [column for column in check.to_columns if column not in there]:
        return Measured(error=f"{check.to_dataset} has no column {' or '.join(missing)}")
    pairs = _matched(source, target, check, types, there)
    places = [f"v{place}" for place in range(len(check.columns))]
    shown, order = ", ".join(f"{place}::VARCHAR" for place in places), ", ".join(places)
    found = connection.execute(
        f"WITH pairs AS MATERIALIZED ({pairs}) SELECT (SELECT sum(copies) FROM pairs),"
        f" (SELECT sum(copies) FROM pairs WHERE NOT found), copies, {shown} FROM pairs"
        f" ORDER BY found, copies DESC, {order} LIMIT {MOST}"
    ).fetchall()
    if not found:
        return Measured()
    total, failing = int(found[0][0]), int(found[0][1] or 0)
    missed = found if failing else []
    examples = [group_example(check, values, copies, masked) for _, _, copies, *values in missed]
    return Measured(failing=failing, total=total, examples=examples)


def _matched(source: str, target: str, check: Check, types: Types, there: Types) -> str:
    """Each combination of values with how often it comes and whether the other table has it."""
    names = [f"v{place}" for place in range(len(check.columns))]
    alike = [
        type_family(types[a]) == type_family(there[b]) for a, b in zip(check.columns, check.to_columns, strict=True)
    ]

    def chosen(columns: Sequence[str]) -> str:
        parts = zip(columns, names, alike, strict=True)
        return ", ".join(f"{quote(column)}{'' if same else '::VARCHAR'} AS {name}" for column, name, same in parts)

    keys = ", ".join(names)
    whole = all_filled(check, types)
    mine = f"SELECT {chosen(check.columns)}, count(*) AS copies FROM {source} WHERE {whole} GROUP BY ALL"
    theirs = f"SELECT DISTINCT {chosen(check.to_columns)}, true AS found FROM {target}"
    return f"SELECT {keys}, copies, coalesce(found, false) AS found FROM ({mine}) LEFT JOIN ({theirs}) USING ({keys})"
