"""One of dbt's data tests as a check. A test counts rows that fail, and holds when there are none."""

import re
from collections.abc import Mapping
from typing import Any, cast

from mlsteward.contracts.check import Check, Operator
from mlsteward.contracts.text import usual_name
from mlsteward.errors import NotSupported
from mlsteward.exchange.document import Target

Part = Mapping[str, Any]
_REFERENCE = re.compile(r"""\{?\{?\s*(ref|source)\(\s*(['"][^()]*['"])[^()]*\)\s*\}?\}?""")
_LIMIT = re.compile(r"\s*(>=|<=|!=|>|<|=)\s*(\d+(?:\.\d+)?)\s*")
# dbt fails a test where this holds of the number of failing rows; a check says what must hold.
_HOLDS: dict[str, Operator] = {
    ">": "must_be_less_or_equal_to",
    ">=": "must_be_less_than",
    "<": "must_be_greater_or_equal_to",
    "<=": "must_be_greater_than",
    "=": "must_not_be",
    "!=": "must_be",
}
_SETTINGS = frozenset(
    "config name arguments description severity tags where error_if warn_if limit meta enabled test_name".split()
)


def read_test(test: object, column: str, target: Target) -> Check:
    """The check that a test of a column ("" for the table) means. Raises NotSupported in words when we have none."""
    kind, given = _taken_apart(test)
    config = {**given, **cast(dict[str, Any], given.get("config") or {})}
    inner = {key: value for key, value in given.items() if key not in _SETTINGS}
    arguments = {**inner, **cast(dict[str, Any], given.get("arguments") or {})}
    if config.get("enabled") is False:
        raise NotSupported("it is switched off")
    if config.get("where"):
        raise NotSupported(f"it looks only at rows where {config['where']}; write it as SQL")
    fields = _fields(kind, column, arguments, target)
    operator, threshold, severity = _limits(config)
    check = Check.model_validate(
        {"name": "-", **fields, "operator": operator, "threshold": [threshold], "severity": severity}
    )
    return check.model_copy(update={"name": str(given.get("name") or "") or usual_name(check)})


def _taken_apart(test: object) -> tuple[str, dict[str, Any]]:
    """`unique`, `{unique: {…}}` or `{name: …, test_name: unique, …}`: the test and what is said of it."""
    if isinstance(test, str):
        return test, {}
    if not isinstance(test, dict) or not test:
        raise NotSupported("it is no test")
    parts = cast(dict[str, Any], test)
    if "test_name" in parts:
        return str(parts["test_name"]), parts
    kind, given = next(iter(parts.items()))
    beside = {key: value for key, value in parts.items() if key != kind}
    return kind, {**beside, **(cast(dict[str, Any], given) if isinstance(given, dict) else {})}


def _fields(kind: str, column: str, arguments: Part, target: Target) -> dict[str, Any]:
    rule = _rule(kind, arguments)
    return {**rule, "columns": [column] if column else _columns(arguments, target)}


def _rule(kind: str, arguments: Part) -> dict[str, Any]:
    """The check's fields, its columns aside."""
    name = kind.rpartition(".")[2]
    if kind == "not_null":
        return {"type": "null_values"}
    if kind == "unique" or name in ("unique_combination_of_columns", "expect_compound_columns_to_be_unique"):
        return {"type": "duplicate_values"}
    if kind == "accepted_values":
        return {"type": "enum", "values": list(_needed(arguments, "values"))}
    if kind == "relationships":
        to, field = _table(str(_needed(arguments, "to"))), str(_needed(arguments, "field"))
        return {"type": "relationship", "to_dataset": to, "to_columns": [field]}
    if name in ("accepted_range", "expect_column_values_to_be_between"):
        return {"type": "range", **_bounds(arguments)}
    if name == "expect_column_values_to_match_regex":
        return {"type": "regex", "pattern": str(_needed(arguments, "regex"))}
    raise NotSupported("no check here does the same; write it as SQL")


def _columns(arguments: Part, target: Target) -> list[str]:
    named = arguments.get("columns") or arguments.get("combination_of_columns") or arguments.get("column_list")
    named = named or ([arguments["column_name"]] if arguments.get("column_name") else None)
    if not named:
        raise NotSupported("it names no column")
    found = [target.column(str(name)) for name in cast(list[Any], named)]
    if "" in found:
        raise NotSupported(f"{target.name} has not all of the columns {', '.join(map(str, named))}")
    return found


def _needed(arguments: Part, name: str) -> Any:
    if arguments.get(name) in (None, []):
        raise NotSupported(f"it says no {name}")
    return arguments[name]


def _table(reference: str) -> str:
    found = _REFERENCE.fullmatch(reference.strip())
    if not found:
        raise NotSupported(f"{reference} is no ref() or source()")
    return found[2].split(",")[-1].strip().strip("'\"").lower()


def _bounds(arguments: Part) -> dict[str, Any]:
    low, high = arguments.get("min_value"), arguments.get("max_value")
    if not all(bound is None or isinstance(bound, int | float) for bound in (low, high)) or low == high is None:
        raise NotSupported("its bounds are no numbers")
    strict = arguments.get("inclusive") is False or arguments.get("strictly") is True
    return {
        "minimum": low,
        "maximum": high,
        "exclusive_minimum": strict and low is not None,
        "exclusive_maximum": strict and high is not None,
    }


def _limits(config: Part) -> tuple[Operator, float, str]:
    """What must hold of the number of failing rows, and how severe it is when it does not."""
    severity = "warning" if str(config.get("severity") or "error").lower() == "warn" else "error"
    limit = config.get("warn_if" if severity == "warning" else "error_if")
    if limit is None:
        return "must_be", 0.0, severity
    found = _LIMIT.fullmatch(str(limit))
    if not found:
        raise NotSupported(f"its limit {limit!r} is no comparison with a number")
    return _HOLDS[found[1]], float(found[2]), severity
