"""A check as a line of text: what `mlsteward.contracts.parse` reads back, exactly."""

import re
from collections.abc import Sequence

from mlsteward.contracts.check import Check, Operator, Value

SIGNS: dict[Operator, str] = {
    "must_be": "=",
    "must_not_be": "!=",
    "must_be_greater_than": ">",
    "must_be_greater_or_equal_to": ">=",
    "must_be_less_than": "<",
    "must_be_less_or_equal_to": "<=",
}
_CONSTANT = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Texts that are read back as themselves without quotes.
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/+-]*( [A-Za-z0-9_.:/+-]+)*|\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?")
# Words that open a form of their own, so that a column of that name needs quotes.
_OPENING = frozenset({"rows", "row_count", "sql", "freshness"})
_WORDS = re.compile(r"\b(true|false|null|nan|inf|infinity|and|with)\b", re.IGNORECASE)


def check_text(check: Check) -> str:
    """The whole check: its name where it is not the usual one, and its severity where it is not error."""
    name = "" if check.name == usual_name(check) else f"[{check.name}] "
    severity = "" if check.severity == "error" else f" !{check.severity}"
    return f"{name}{rule_text(check)}{severity}"


def rule_text(check: Check) -> str:
    """What the check asks, without its name and severity."""
    if check.type == "sql":
        return f"sql{_unless_none_fail(check)}: {check.sql}"
    subject = _subject(check)
    if check.type == "compare_to_baseline":
        return f"{subject} within {_amount(check)} of {check.baseline}"
    if check.type in ("enum", "regex", "range", "relationship"):
        return subject + _share(check)
    if check.type == "duplicate_values" and _none_may_fail(check):
        return subject
    return f"{subject} {comparison(check)}"


def usual_name(check: Check) -> str:
    """The name of a check that was given none: what it looks at, without values and the numbers that people tune."""
    return _usual_name(check).replace("[", "(").replace("]", ")")


def _usual_name(check: Check) -> str:
    columns = ", ".join(check.columns)
    if check.type == "row_count" or not (columns or check.measure or check.sql):
        return check.type
    if check.type == "relationship":
        return f"relationship({columns} -> {check.to_dataset}.{', '.join(check.to_columns)})"
    if check.type == "compare_to_baseline":
        return f"{check.measure}({columns}) against {check.baseline}" if columns else f"rows against {check.baseline}"
    if check.type == "sql":
        return f"sql({' '.join(_CONSTANT.sub('?', check.sql).split())[:60]})"
    return f"{check.type}({columns})"


def comparison(check: Check) -> str:
    """`<= 5%`, `between 10 and 20`."""
    if check.operator in ("must_be_between", "must_not_be_between"):
        low, high = (number_text(bound) for bound in check.threshold)
        sign = "between" if check.operator == "must_be_between" else "not between"
        return f"{sign} {low} and {high}{_unit(check)}"
    return f"{SIGNS[check.operator]} {number_text(check.threshold[0])}{_unit(check)}"


def number_text(number: float) -> str:
    """A number as it is typed: no exponent below a quadrillion, no point after a whole one."""
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)


def column_text(column: str) -> str:
    """A column's name, in double quotes where it is no plain word."""
    plain = _PLAIN.fullmatch(column) and column.lower() not in _OPENING
    return column if plain else '"' + column.replace('"', '""') + '"'


def columns_text(columns: Sequence[str]) -> str:
    return ", ".join(column_text(column) for column in columns)


def value_text(value: Value) -> str:
    """A value of a list or an end of a range."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return number_text(value)
    if _BARE.fullmatch(value) and not _WORDS.search(value):
        return value
    return '"' + value.replace('"', '""') + '"'


def _subject(check: Check) -> str:
    column = column_text(check.columns[0]) if check.columns else ""
    match check.type:
        case "enum":
            return f"{column} in ({_values(check)})"
        case "regex":
            return f"{column} matches /{_slashed(check.pattern)}/"
        case "range":
            return f"{column} {_range(check)}"
        case "relationship":
            return f"{_side('', check.columns)} -> {_side(check.to_dataset, check.to_columns)}"
        case _:
            inside = columns_text(check.columns) + (f", {_values(check)}" if check.values else "")
            return f"{_function(check)}({inside})" if inside else _function(check)


def _function(check: Check) -> str:
    if check.type == "duplicate_values":
        return "unique" if _none_may_fail(check) else "duplicates"
    names = {"null_values": "nulls", "missing_values": "missing", "freshness": "freshness", "row_count": "rows"}
    return names.get(check.type, check.measure)


def _values(check: Check) -> str:
    return ", ".join(value_text(value) for value in check.values)


def _slashed(pattern: str) -> str:
    return re.sub(r"\\.|/", lambda part: r"\/" if part[0] == "/" else part[0], pattern, flags=re.DOTALL)


def _side(dataset: str, columns: Sequence[str]) -> str:
    listed = columns_text(columns) if len(columns) == 1 else f"({columns_text(columns)})"
    return f"{dataset}.{listed}" if dataset else listed


def _range(check: Check) -> str:
    low, high = check.minimum, check.maximum
    if low is not None and high is not None and not (check.exclusive_minimum or check.exclusive_maximum):
        return f"between {value_text(low)} and {value_text(high)}"
    least = [] if low is None else [f"{'>' if check.exclusive_minimum else '>='} {value_text(low)}"]
    most = [] if high is None else [f"{'<' if check.exclusive_maximum else '<='} {value_text(high)}"]
    return " and ".join(least + most)


def _share(check: Check) -> str:
    """Of how many rows it must hold; nothing where it must of all."""
    if _none_may_fail(check):
        return ""
    most = check.threshold[0]
    if (
        check.operator == "must_be_less_or_equal_to"
        and check.unit == "percent"
        and complement(complement(most)) == most
    ):
        return f" >= {number_text(complement(most))}%"
    return f" with failing {comparison(check)}"


def complement(percent: float) -> float:
    """What is left of a hundred, without the noise of binary fractions."""
    return round(100 - percent, 10)


def _unless_none_fail(check: Check) -> str:
    return "" if _none_may_fail(check) else f" {comparison(check)}"


def _none_may_fail(check: Check) -> bool:
    return (check.operator, check.threshold, check.unit) == ("must_be", [0], "rows")


def _amount(check: Check) -> str:
    number = number_text(check.threshold[0])
    if check.measure == "nulls":
        return f"{number} points"
    return f"{number}%" if check.unit == "percent" else number


def _unit(check: Check) -> str:
    """Rows go without saying, except beside SQL, whose bare number is compared itself."""
    if check.unit == "percent":
        return "%"
    return "" if check.unit == "rows" and check.type != "sql" else f" {check.unit}".rstrip()
