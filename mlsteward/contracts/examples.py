"""Up to five rows that fail, for each check of rows that failed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.contracts.check import MASKED, Check
from mlsteward.contracts.joined import MOST, shown_cell
from mlsteward.contracts.measured import Measured
from mlsteward.contracts.order import CheckOrder
from mlsteward.contracts.predicates import Types, fails
from mlsteward.data.engine import literal, quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# The number of a row in its file, from 1, where no key tells it.
ROW = "row"
# Checks that fewer rows fail are looked for together: none of them is met soon.
_RARE = 1000
_BATCH = 200
Rows = dict[str, list[dict[str, str]]]


def failing_rows(
    connection: "DuckDBPyConnection",
    file: Path,
    failed: Sequence[Check],
    types: Types,
    order: CheckOrder,
    found: Mapping[str, Measured],
) -> Rows:
    """By check: the key and the columns concerned of its first rows, with masked columns left unread."""
    checks = [check for check in failed if found[check.name].failing and fails(check, types)]
    numbered = f"read_parquet({literal(str(file))}, file_row_number = true)"
    rare = [check for check in checks if found[check.name].failing <= _RARE]
    places = _of_rare(connection, numbered, rare, types)
    for check in checks:
        if check not in rare:
            sql = f"SELECT file_row_number FROM {numbered} WHERE {fails(check, types)} LIMIT {MOST}"
            places[check.name] = sorted(number for (number,) in connection.execute(sql).fetchall())
    return _read(connection, numbered, checks, places, types, order)


def _of_rare(
    connection: "DuckDBPyConnection", numbered: str, checks: Sequence[Check], types: Types
) -> dict[str, list[int]]:
    """The first rows that fail each check, from one scan that keeps the rows that fail any."""
    places: dict[str, list[int]] = {}
    for start in range(0, len(checks), _BATCH):
        batch = checks[start : start + _BATCH]
        conditions = [f"({fails(check, types)}) IS TRUE" for check in batch]
        flags, any_of = ", ".join(conditions), " OR ".join(conditions)
        sql = f"SELECT file_row_number, [{flags}] FROM {numbered} WHERE {any_of} ORDER BY 1"
        rows = connection.execute(sql).fetchall()
        for place, check in enumerate(batch):
            places[check.name] = [number for number, failing in rows if failing[place]][:MOST]
    return places


def _read(
    connection: "DuckDBPyConnection",
    numbered: str,
    checks: Sequence[Check],
    places: Mapping[str, Sequence[int]],
    types: Types,
    order: CheckOrder,
) -> Rows:
    numbers = sorted({number for check in checks for number in places[check.name]})
    if not numbers:
        return {}
    key = [column for column in order.key if column in types]
    wanted = list(dict.fromkeys([*key, *(column for check in checks for column in check.columns)]))
    open_columns = [column for column in wanted if column not in order.masked]
    cells = "".join(f", {quote(column)}::VARCHAR" for column in open_columns)
    listed = ", ".join(map(str, numbers))
    fetched = connection.execute(
        f"SELECT file_row_number{cells} FROM {numbered} WHERE file_row_number IN ({listed})"
    ).fetchall()
    read = {number: dict(zip(open_columns, values, strict=True)) for number, *values in fetched}

    def row(number: int, check: Check) -> dict[str, str]:
        named = {} if key else {ROW: str(number + 1)}
        cells = read[number]
        columns = dict.fromkeys([*key, *check.columns])
        return named | {column: shown_cell(cells[column]) if column in cells else MASKED for column in columns}

    return {check.name: [row(number, check) for number in places[check.name]] for check in checks}
