"""The columns of a version against those of the contract."""

from collections.abc import Sequence

from mlsteward.answer import counted
from mlsteward.contracts.check import NEW_COLUMNS, SCHEMA, CheckResult, ContractColumn

_SHOWN = 6
WHOLE = frozenset("TINYINT SMALLINT INTEGER BIGINT UTINYINT USMALLINT UINTEGER UBIGINT".split())


def check_schema(columns: Sequence[ContractColumn], types: dict[str, str]) -> list[CheckResult]:
    """A missing column or another type is an error, a new column is information.

    Whole numbers of any width are one type: a file decides on the width anew each time.
    """
    missing = [f"{column.name} is missing" for column in columns if column.name not in types]
    changed = [
        f"{column.name} is {types[column.name]}, not {column.type}"
        for column in columns
        if column.name in types and _kind(types[column.name]) != _kind(column.type)
    ]
    known = {column.name for column in columns}
    new = [f"{name} {kind}" for name, kind in types.items() if name not in known] if columns else []
    faults = missing + changed
    return [
        CheckResult(
            check=SCHEMA,
            type="schema",
            severity="error",
            passed=not faults,
            value=float(len(faults)),
            expected=f"{counted(len(columns), 'column')} in their types",
            failing=len(faults),
            total=len(columns),
            words=_listed(faults) or "all columns are there, in their types",
        ),
        CheckResult(
            check=NEW_COLUMNS,
            type="schema",
            severity="info",
            passed=not new,
            value=float(len(new)),
            expected="no other columns",
            failing=len(new),
            total=len(types),
            words=f"new: {_listed(new)}" if new else "no new columns",
        ),
    ]


def _kind(name: str) -> str:
    return "BIGINT" if name in WHOLE else name


def _listed(words: Sequence[str]) -> str:
    more = len(words) - _SHOWN
    return "; ".join(words[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
