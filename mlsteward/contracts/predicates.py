"""The conditions of checks in SQL: what is true of a row that fails."""

from collections.abc import Callable, Sequence

from mlsteward.contracts.check import Check, Value
from mlsteward.contracts.text import value_text
from mlsteward.data.engine import literal, quote
from mlsteward.data.profile import type_family


class Types(dict[str, str]):
    """DuckDB types by column. `finite` says that no number is NaN or infinite, as in every snapshot."""

    finite = False

    def may_be_infinite(self, column: str) -> bool:
        return not self.finite and self[column] in ("DOUBLE", "FLOAT")


End = float | str
Side = Callable[[End], str]

_DATE = len("2013-01-01")


def filled(column: str, types: Types) -> str:
    """That a row has a value. NaN and infinities are none, as in profiles."""
    name = quote(column)
    return f"isfinite({name})" if types.may_be_infinite(column) else f"{name} IS NOT NULL"


def count_filled(check: Check, types: Types) -> str:
    """How many rows have a value in all columns of a check."""
    if len(check.columns) == 1 and not types.may_be_infinite(check.columns[0]):
        return f"count({quote(check.columns[0])})"
    return f"count(*) FILTER ({all_filled(check, types)})"


def all_filled(check: Check, types: Types) -> str:
    return " AND ".join(filled(column, types) for column in check.columns)


def fails(check: Check, types: Types) -> str:
    """True for a row that fails; of another type than true for one that passes. "" for checks that look at no row."""
    column = check.columns[0] if check.columns else ""
    match check.type:
        case "null_values":
            return f"({filled(column, types)}) IS NOT TRUE"
        case "missing_values":
            return _missing(check, column, types)
        case "enum":
            listed = ", ".join(_constant(value, types[column]) for value in check.values)
            beside = f"{_comparable(column, check.values, types)} NOT IN ({listed})"
            return f"isfinite({quote(column)}) AND {beside}" if types.may_be_infinite(column) else beside
        case "regex":
            return f"NOT regexp_matches({quote(column)}::VARCHAR, {literal(check.pattern)})"
        case "range":
            return _outside(check, column, types)
        case _:
            return ""


def _missing(check: Check, column: str, types: Types) -> str:
    absent = f"({filled(column, types)}) IS NOT TRUE"
    values = [one for one in check.values if not (isinstance(one, str) and type_family(types[column]) == "number")]
    if not values:
        return absent
    listed = ", ".join(_constant(value, types[column]) for value in values)
    return f"({absent} OR {_comparable(column, values, types)} IN ({listed}))"


def _outside(check: Check, column: str, types: Types) -> str:
    ends = [end for end in (check.minimum, check.maximum) if end is not None]
    if type_family(types[column]) == "text" and all(isinstance(end, float) for end in ends):
        # Numbers written as text: what is no number lies in no range.
        number = f"TRY_CAST({quote(column)} AS DOUBLE)"
        beyond = _beyond(check, lambda end: number, lambda end: str(end))
        return f"{quote(column)} IS NOT NULL AND ({number} IS NULL OR {beyond})"

    def compared(end: End) -> str:
        # A day without a time means all of it.
        if type_family(types[column]) == "time" and len(str(end)) == _DATE:
            return f"{quote(column)}::DATE"
        return _comparable(column, [end], types)

    beyond = _beyond(check, compared, lambda end: _constant(end, types[column]))
    return f"isfinite({quote(column)}) AND ({beyond})" if types.may_be_infinite(column) else beyond


def _beyond(check: Check, compared: Side, constant: Side) -> str:
    parts: list[str] = []
    if check.minimum is not None:
        sign = "<=" if check.exclusive_minimum else "<"
        parts.append(f"{compared(check.minimum)} {sign} {constant(check.minimum)}")
    if check.maximum is not None:
        sign = ">=" if check.exclusive_maximum else ">"
        parts.append(f"{compared(check.maximum)} {sign} {constant(check.maximum)}")
    return " OR ".join(parts)


def _comparable(column: str, values: Sequence[Value], types: Types) -> str:
    """The column as its constants are: in its own type, or as text where one of them is of another."""
    family, name = type_family(types[column]), quote(column)
    if family == "time":
        return f"{name}::TIMESTAMP"
    if family == "text" or (family == "number" and all(isinstance(value, int | float) for value in values)):
        return name
    return name if family == "boolean" and all(isinstance(value, bool) for value in values) else f"{name}::VARCHAR"


def _constant(value: Value, kind: str) -> str:
    family = type_family(kind)
    if family == "time":
        return f"TRY_CAST({literal(str(value))} AS TIMESTAMP)"
    if isinstance(value, bool):
        return str(value) if family == "boolean" else literal(str(value).lower())
    if isinstance(value, int | float) and family == "number":
        return repr(value)
    return literal(value if isinstance(value, str) else value_text(value))
