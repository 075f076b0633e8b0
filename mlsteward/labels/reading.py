"""Labels as a caller writes them, checked against the column that they go to."""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from mlsteward.data.profile import type_family
from mlsteward.errors import InvalidArgument
from mlsteward.names import close_names

MOST = 1000
# A number column with more distinct values than that holds measurements, not classes.
MOST_CLASSES = 20
# With more distinct texts than that a column holds free text, and every label is a new one.
MOST_KNOWN = 200
_LONGEST = 200
_FRACTIONS = ("FLOAT", "DOUBLE")
_SHOWN = 8
_BOOLEANS = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}


def type_of(labels: Mapping[str, object]) -> str:
    """The DuckDB type of a new column that holds these labels."""
    values = list(labels.values())
    if all(isinstance(value, bool) for value in values):
        return "BOOLEAN"
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        return "VARCHAR"
    return "BIGINT" if all(isinstance(value, int) for value in values) else "DOUBLE"


def read_labels(labels: Mapping[str, object], column: str, type: str) -> dict[str, str]:
    """The labels by row as text that DuckDB casts to `type`.

    Raises InvalidArgument with a line for each label that cannot be one.
    """
    if not labels:
        raise InvalidArgument('labels is empty; write it as {"row": "label"}, rows as select_rows_to_label shows them.')
    if len(labels) > MOST:
        raise InvalidArgument(f"{len(labels)} labels are more than the {MOST} that fit a call: send them in parts.")
    found: dict[str, str] = {}
    problems: list[str] = []
    for row, value in labels.items():
        try:
            found[row.strip()] = _read(value, type)
        except ValueError as error:
            problems.append(f"row {row}: {error}")
    if problems:
        raise InvalidArgument(said(f"cannot be labels of `{column}` ({type})", problems))
    return found


def are_measurements(type: str, values: Collection[str]) -> bool:
    """Whether a column of this type holds measurements, by the different values known of it, and not classes."""
    return type_family(type) == "number" and (len(values) > MOST_CLASSES or type.upper() in _FRACTIONS)


def check_classes(labels: Mapping[str, str], column: str, classes: Sequence[str], why: str) -> None:
    """Raise InvalidArgument for labels that are none of `classes`; `why` says where those stand."""
    unknown = [value for value in dict.fromkeys(labels.values()) if value not in classes]
    if not unknown:
        return
    known = ", ".join(classes[:_SHOWN]) + (f" and {len(classes) - _SHOWN} more" if len(classes) > _SHOWN else "")
    allowed = ", ".join(json.dumps(one, ensure_ascii=False) for one in [*classes[:_SHOWN], *unknown[:3]])
    raise InvalidArgument(
        f"`{column}` has no class {', '.join(map(repr, unknown[:3]))}; {why} {known}. Nothing was recorded; a new"
        " class is allowed in the dictionary first.",
        close=close_names(unknown[0], classes),
        next=f"document_asset(asset=…, allowed_values=[{allowed}])",
    )


def said(what: str, problems: Sequence[str]) -> str:
    """Several problems in one error, none of whose labels was recorded."""
    more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    return "\n- ".join([f"Nothing was recorded; {len(problems)} {what}:", *problems[:_SHOWN], *more])


def _read(value: object, type: str) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise ValueError("has no label; leave it out")
    if isinstance(value, list | dict):
        raise ValueError("its label is not a single value")
    family = type_family(type)
    if family == "number":
        return _number(value, type)
    if family == "boolean":
        if str(value).strip().lower() not in _BOOLEANS:
            raise ValueError(f"{value!r} is neither true nor false")
        return _BOOLEANS[str(value).strip().lower()]
    if family == "time":
        return _time(value)
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
    if len(text) > _LONGEST:
        raise ValueError(f"its label has {len(text)} characters; {_LONGEST} at most")
    return "true" if value is True else "false" if value is False else text


def _number(value: object, type: str) -> str:
    try:
        if isinstance(value, bool):
            raise ValueError
        number = float(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is not a number") from None
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a finite number")
    if "INT" not in type.upper():
        return repr(number)
    if not number.is_integer():
        raise ValueError(f"{value!r} is not a whole number")
    return str(int(number))


def _time(value: object) -> str:
    try:
        return datetime.fromisoformat(str(value).strip()).isoformat(sep=" ")
    except ValueError:
        raise ValueError(f"{value!r} is no date or time; write it as 2024-05-31") from None
