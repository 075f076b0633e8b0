"""Checks as data quality rules of the Open Data Contract Standard v3.1, and back.

Rules that the standard has a metric for are written as such, ranges and SQL as queries; the rest are custom rules of
the engine `mlsteward`, whose implementation is the check's own line of text. A rule whose standard form loses
something carries that line too, so that what is written here is read back exactly.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from mlsteward.contracts.check import Check, ContractColumn, Operator
from mlsteward.contracts.parse import read_checks
from mlsteward.contracts.text import check_text, rule_text, usual_name
from mlsteward.data.engine import literal
from mlsteward.errors import NotSupported

ENGINE = "mlsteward"
LINE = "mlstewardCheck"
Rule = dict[str, Any]
_METRICS = {
    "row_count": "rowCount",
    "null_values": "nullValues",
    "missing_values": "missingValues",
    "duplicate_values": "duplicateValues",
    "enum": "invalidValues",
    "regex": "invalidValues",
}
_OPERATORS: dict[str, Operator] = {
    "mustBe": "must_be",
    "mustNotBe": "must_not_be",
    "mustBeGreaterThan": "must_be_greater_than",
    "mustBeGreaterOrEqualTo": "must_be_greater_or_equal_to",
    "mustBeLessThan": "must_be_less_than",
    "mustBeLessOrEqualTo": "must_be_less_or_equal_to",
    "mustBeBetween": "must_be_between",
    "mustNotBeBetween": "must_not_be_between",
}
_NAMES = {ours: theirs for theirs, ours in _OPERATORS.items()}
_SEVERITIES = {
    **dict.fromkeys(("info", "information", "low", "minor"), "info"),
    **dict.fromkeys(("warning", "warn", "medium", "moderate"), "warning"),
    **dict.fromkeys(("error", "high", "critical", "major", "blocker"), "error"),
}
_DIMENSIONS = {
    "row_count": "completeness",
    "null_values": "completeness",
    "missing_values": "completeness",
    "duplicate_values": "uniqueness",
    "enum": "conformity",
    "regex": "conformity",
    "range": "conformity",
    "relationship": "consistency",
    "freshness": "timeliness",
}


def write_rule(check: Check, dataset: str, columns: Sequence[ContractColumn]) -> tuple[str, Rule]:
    """The rule, and the column that it belongs to; "" for the table."""
    column = check.columns[0] if len(check.columns) == 1 and check.type != "sql" else ""
    common: Rule = {"name": check.name, "description": rule_text(check)}
    common |= {"dimension": _DIMENSIONS[check.type]} if check.type in _DIMENSIONS else {}
    common |= {"severity": check.severity}
    rule = common | (_metric(check, column) if check.type in _METRICS else _query(check) or _own(check))
    if "engine" not in rule and read_rule(rule, column, dataset, columns) != check:
        rule["customProperties"] = [{"property": LINE, "value": check_text(check)}]
    return column, rule


def _metric(check: Check, column: str) -> Rule:
    arguments: dict[str, Any] = {}
    if check.type == "missing_values":
        arguments = {"missingValues": [None, *check.values]}
    elif check.type == "enum":
        arguments = {"validValues": list(check.values)}
    elif check.type == "regex":
        arguments = {"pattern": check.pattern}
    elif check.type == "duplicate_values" and not column:
        arguments = {"properties": check.columns}
    return {
        "type": "library",
        "metric": _METRICS[check.type],
        **({"arguments": arguments} if arguments else {}),
        **_compared(check),
        **({"unit": check.unit} if check.type != "row_count" and check.unit else {}),
    }


def _compared(check: Check) -> Rule:
    numbers = [_whole(number) for number in check.threshold]
    return {_NAMES[check.operator]: numbers[0] if len(numbers) == 1 else numbers}


def _query(check: Check) -> Rule:
    """A query that gives the number to compare; {} where that takes more than the table."""
    if check.type == "sql" and check.unit == "":
        query = check.sql
    elif check.type == "sql" and check.unit == "rows":
        query = f"SELECT count(*) FROM ({check.sql}) AS failing"
    elif check.type == "range" and check.unit == "rows":
        low = f"{{property}} {'<=' if check.exclusive_minimum else '<'} {_bound(check.minimum)}"
        high = f"{{property}} {'>=' if check.exclusive_maximum else '>'} {_bound(check.maximum)}"
        parts = [part for part, end in ((low, check.minimum), (high, check.maximum)) if end is not None]
        query = f"SELECT count(*) FROM {{object}} WHERE {' OR '.join(parts)}"
    else:
        return {}
    return {"type": "sql", "query": query, **_compared(check)}


def _bound(value: float | str | None) -> str:
    return literal(value) if isinstance(value, str) else f"{_whole(value or 0.0)}"


def _own(check: Check) -> Rule:
    return {"type": "custom", "engine": ENGINE, "implementation": check_text(check)}


def _whole(number: float) -> float | int:
    return int(number) if number == int(number) else number


def read_rule(rule: Mapping[str, Any], column: str, dataset: str, columns: Sequence[ContractColumn]) -> Check:
    """The check that a rule of a column ("" for the table) means. Raises NotSupported in words when we have none."""
    if line := _line(rule):
        return read_checks([line], dataset, columns)[0]
    kind = str(rule.get("type") or ("library" if rule.get("metric") or rule.get("rule") else "text"))
    if kind == "sql":
        fields = _sql(rule, column, dataset)
    elif kind == "library":
        fields = _library(rule, column)
    else:
        engine = f" of {rule['engine']}" if rule.get("engine") else ""
        raise NotSupported(f"a {kind} rule{engine} cannot be run here")
    operator, threshold = _comparison(rule)
    severity = _SEVERITIES.get(str(rule.get("severity", "error")).lower(), "error")
    check = Check.model_validate(
        {"name": "-", **fields, "operator": operator, "threshold": threshold, "severity": severity}
    )
    return check.model_copy(update={"name": str(rule.get("name") or "") or usual_name(check)})


def _line(rule: Mapping[str, Any]) -> str:
    for one in cast(list[Mapping[str, Any]], rule.get("customProperties") or []):
        if one.get("property") == LINE:
            return str(one.get("value"))
    return str(rule.get("implementation")) if rule.get("engine") == ENGINE else ""


def _library(rule: Mapping[str, Any], column: str) -> dict[str, Any]:
    arguments = cast(dict[str, Any], rule.get("arguments") or {})
    metric = str(rule.get("metric") or rule.get("rule"))
    columns = [column] if column else [str(name) for name in arguments.get("properties") or []]
    unit = str(rule.get("unit") or "rows")
    if unit not in ("rows", "percent"):
        raise NotSupported(f"the unit {unit!r} is none of rows, percent")
    fields: dict[str, Any] = {"columns": columns, "unit": unit}
    if metric == "rowCount":
        return {"type": "row_count", "unit": "rows"}
    if not columns:
        raise NotSupported(f"{metric} names no column")
    if metric == "nullValues":
        return {**fields, "type": "null_values"}
    if metric == "duplicateValues":
        return {**fields, "type": "duplicate_values"}
    if metric == "missingValues":
        codes = [value for value in arguments.get("missingValues") or [] if value is not None]
        return {**fields, "type": "missing_values", "values": codes}
    if metric == "invalidValues":
        return {**fields, **_valid(arguments)}
    raise NotSupported(f"the metric {metric} is none that is known")


def _valid(arguments: Mapping[str, Any]) -> dict[str, Any]:
    if arguments.get("validValues") and not arguments.get("pattern"):
        return {"type": "enum", "values": [value for value in arguments["validValues"] if value is not None]}
    if arguments.get("pattern") and not arguments.get("validValues"):
        return {"type": "regex", "pattern": str(arguments["pattern"])}
    raise NotSupported("invalidValues needs either validValues or a pattern")


def _sql(rule: Mapping[str, Any], column: str, dataset: str) -> dict[str, Any]:
    """A query gives one number; the table and the column stand in braces, with or without a dollar sign."""
    query = str(rule.get("query") or "")
    for mark, name in (
        ("object", dataset),
        ("table", dataset),
        ("schema", dataset),
        ("property", column),
        ("column", column),
    ):
        for form in (f"${{{mark}}}", f"{{{mark}}}"):
            query = query.replace(form, name)
    return {"type": "sql", "sql": " ".join(query.split()), "unit": "", "columns": []}


def _comparison(rule: Mapping[str, Any]) -> tuple[Operator, list[float]]:
    given = [(name, rule[name]) for name in _OPERATORS if rule.get(name) is not None]
    if len(given) != 1:
        raise NotSupported("it needs one comparison, such as mustBe" if not given else "it has several comparisons")
    name, value = given[0]
    values = cast(list[Any], value) if isinstance(value, list) else [value]
    if not all(isinstance(number, int | float) for number in values):
        raise NotSupported(f"{name} is compared with a number")
    return _OPERATORS[name], [float(number) for number in values]
