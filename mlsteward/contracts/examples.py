"""Up to five rows that fail, for each check that failed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.contracts.check import MASKED, Check
from mlsteward.contracts.joined import duplicates, matched
from mlsteward.contracts.measured import Measured
from mlsteward.contracts.order import CheckOrder
from mlsteward.contracts.predicates import Types, fails
from mlsteward.data.engine import literal, quote, row_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST = 5
_CELL = 60
# The number of a row in its file, from 1, where no key tells it.
ROW = "row"
Rows = dict[str, list[dict[str, str]]]


def add_examples(
    connection: "DuckDBPyConnection",
    file: Path,
    failed: Sequence[Check],
    types: Types,
    order: CheckOrder,
    found: Mapping[str, Measured],
) -> Rows:
    """By check: the key and the columns concerned of its first rows, with masked columns left unread."""
    told = [check for check in failed if found[check.name].failing and not found[check.name].error]
    source = f"read_parquet({literal(str(file))})"
    rows = _of_rows(connection, file, [check for check in told if fails(check, types)], types, order)
    for check in told:
        if check.type == "duplicate_values":
            grouped = duplicates(source, check, types)
            names = ", ".join(map(quote, check.columns))
            sql = f"SELECT {names}, copies FROM ({grouped}) WHERE copies > 1 ORDER BY copies DESC, {names} LIMIT {MOST}"
            rows[check.name] = _groups(connection, sql, check, order)
        elif check.type == "relationship":
            rows[check.name] = _groups(connection, _unmatched(connection, source, check, types, order), check, order)
    return rows


def _of_rows(
    connection: "DuckDBPyConnection", file: Path, checks: Sequence[Check], types: Types, order: CheckOrder
) -> Rows:
    """One scan finds the first rows of all checks, and those rows alone are read whole."""
    if not checks:
        return {}
    numbered = f"read_parquet({literal(str(file))}, file_row_number = true)"
    firsts = ", ".join(f"min(file_row_number, {MOST}) FILTER ({fails(check, types)})" for check in checks)
    places = dict(
        zip([check.name for check in checks], row_of(connection, f"SELECT {firsts} FROM {numbered}"), strict=True)
    )
    key = [column for column in order.key if column in types]
    wanted = list(dict.fromkeys([*key, *(column for check in checks for column in check.columns)]))
    open_columns = [column for column in wanted if column not in order.masked]
    cells = "".join(f", {quote(column)}::VARCHAR" for column in open_columns)
    numbers = sorted({number for numbers in places.values() for number in numbers or ()})
    if not numbers:
        return {}
    listed = ", ".join(map(str, numbers))
    fetched = connection.execute(
        f"SELECT file_row_number{cells} FROM {numbered} WHERE file_row_number IN ({listed})"
    ).fetchall()
    read = {number: dict(zip(open_columns, values, strict=True)) for number, *values in fetched}

    def row(number: int, check: Check) -> dict[str, str]:
        named = {} if key else {ROW: str(number + 1)}
        columns = dict.fromkeys([*key, *check.columns])
        return named | {column: _cell(read[number][column]) if column in read[number] else MASKED for column in columns}

    return {check.name: [row(number, check) for number in places[check.name] or ()] for check in checks}


def _groups(connection: "DuckDBPyConnection", sql: str, check: Check, order: CheckOrder) -> list[dict[str, str]]:
    """Values and how many rows have them."""
    found = connection.execute(sql).fetchall()
    return [
        {
            **{
                column: MASKED if column in order.masked else _cell(value)
                for column, value in zip(check.columns, values, strict=True)
            },
            "rows": str(copies),
        }
        for *values, copies in found
    ]


def _unmatched(connection: "DuckDBPyConnection", source: str, check: Check, types: Types, order: CheckOrder) -> str:
    target = f"read_parquet({literal(order.tables[check.to_dataset])})"
    there = {
        str(name): str(kind) for name, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {target}").fetchall()
    }
    names = ", ".join(f"v{place}" for place in range(len(check.columns)))
    pairs = matched(source, target, check, types, there)
    return f"SELECT {names}, copies FROM ({pairs}) WHERE NOT found ORDER BY copies DESC, {names} LIMIT {MOST}"


def _cell(value: object) -> str:
    return "null" if value is None else str(value)[:_CELL]
