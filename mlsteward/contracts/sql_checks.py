"""Checks in SQL, behind the same two walls as any caller's SQL."""

from pathlib import Path

from mlsteward.contracts.check import MASKED, Check
from mlsteward.contracts.joined import MOST, shown_cell
from mlsteward.contracts.measured import Measured
from mlsteward.contracts.order import CheckOrder
from mlsteward.data.engine import connect, row_of
from mlsteward.data.sql.first_wall import FirstWall
from mlsteward.data.sql.second_wall import RESULT, result_of
from mlsteward.errors import StewardError

_MEMORY_MB = 1024
_COLUMNS = 8


def measure_sql(check: Check, file: Path, rows: int, order: CheckOrder, scratch: Path) -> Measured:
    """The rows, or the one number, that the check's statement gives; the dataset's own name stands for `file`."""
    tables = {name: Path(path) for name, path in order.tables.items()} | {order.contract.dataset: file}
    try:
        with connect(memory_mb=128) as reader:
            statement = FirstWall(reader).read(check.sql)
        if statement.metadata:
            return Measured(error=f"a check cannot read {statement.metadata[0]}: it looks at rows of datasets")
        with result_of(statement, tables, memory_mb=_MEMORY_MB, temp=scratch) as engine:
            if check.unit == "":
                found = engine.execute(f"SELECT * FROM {RESULT} LIMIT 2").fetchall()
                return _one_number(found)
            failing = int(row_of(engine, f"SELECT count(*) FROM {RESULT}")[0])
            shown = engine.execute(f"SELECT * FROM {RESULT} LIMIT {MOST}") if failing else None
            names = [str(column[0]) for column in shown.description or []] if shown else []
            cells = shown.fetchall() if shown else []
    except StewardError as error:
        return Measured(error=error.said())
    examples = [
        {name: shown_cell(value) for name, value in list(zip(names, row, strict=True))[:_COLUMNS]} for row in cells
    ]
    if {name.partition("@")[0] for name in statement.datasets} & set(order.sensitive):
        # SQL can carry a value anywhere, so none of its rows is kept.
        examples = [dict.fromkeys(row, MASKED) for row in examples]
    return Measured(failing=failing, total=max(rows, failing), examples=examples)


def _one_number(found: list[tuple[object, ...]]) -> Measured:
    if len(found) != 1 or len(found[0]) != 1:
        return Measured(error="the SQL gives no single number: select one value, or write `sql:` for rows that fail")
    value = found[0][0]
    if value is None:
        return Measured()
    try:
        return Measured(number=float(str(value)) if not isinstance(value, bool) else float(value))
    except ValueError:
        return Measured(error="the SQL gives no number")
