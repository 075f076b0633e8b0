"""Checks that take more than one look at a row: values that come twice, and values of another table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.contracts.check import Check
from mlsteward.contracts.measured import Measured
from mlsteward.contracts.predicates import Types, all_filled
from mlsteward.data.engine import literal, quote, row_of
from mlsteward.data.profile import type_family

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def measure_duplicates(connection: "DuckDBPyConnection", source: str, check: Check, types: Types) -> Measured:
    """The rows whose values come again, among those without a null in them."""
    grouped = duplicates(source, check, types)
    failing, total = row_of(
        connection, f"SELECT coalesce(sum(copies) FILTER (copies > 1), 0), coalesce(sum(copies), 0) FROM ({grouped})"
    )
    return Measured(failing=int(failing), total=int(total))


def duplicates(source: str, check: Check, types: Types) -> str:
    """How often each combination of values comes."""
    names = ", ".join(map(quote, check.columns))
    return f"SELECT {names}, count(*) AS copies FROM {source} WHERE {all_filled(check, types)} GROUP BY ALL"


def measure_relationship(
    connection: "DuckDBPyConnection", source: str, check: Check, types: Types, tables: Mapping[str, str]
) -> Measured:
    """The rows whose values the other table does not have, among those without a null in them."""
    other = tables.get(check.to_dataset, "")
    if not other or not Path(other).is_file():
        return Measured(error=f"there is no dataset {check.to_dataset} to look values up in")
    target = f"read_parquet({literal(other)})"
    there = {
        str(name): str(kind) for name, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {target}").fetchall()
    }
    if missing := [column for column in check.to_columns if column not in there]:
        return Measured(error=f"{check.to_dataset} has no column {' or '.join(missing)}")
    pairs = matched(source, target, check, types, there)
    sums = "coalesce(sum(copies), 0), coalesce(sum(copies) FILTER (NOT found), 0)"
    total, failing = row_of(connection, f"SELECT {sums} FROM ({pairs})")
    return Measured(failing=int(failing), total=int(total))


def matched(source: str, target: str, check: Check, types: Types, there: Types) -> str:
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
