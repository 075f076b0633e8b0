"""Filters, orders and pages of MLflow's searches over the few things that are no runs."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import Field

from mlsteward.errors import InvalidArgument
from mlsteward.server.mlflow.endpoint import Message
from mlsteward.store.filters import Combined, Comparison, Filter, Not, Value, parse_filter

MOST_FOUND = 50_000
_USUAL = 100
_PLACE = re.compile(r"[0-9]{0,15}")
Item = TypeVar("Item")


class Wanted(Message):
    """What every search asks for."""

    filter: str = ""
    order_by: list[str] = []
    max_results: int = Field(default=_USUAL, ge=1, le=MOST_FOUND)
    page_token: str = ""

    @property
    def offset(self) -> int:
        """Where the page begins; InvalidArgument for a token that no search gave."""
        return read_place(self.page_token)


def read_place(token: str) -> int:
    """The place that a page's token names, 0 for none."""
    if not _PLACE.fullmatch(token):
        raise InvalidArgument(f"page_token={token[:60]!r} is none that a search gave.")
    return int(token or 0)


def page_of(
    items: Sequence[Item], wanted: Wanted, fields: Callable[[Item], Mapping[str, Any]]
) -> tuple[list[Item], str | None]:
    """The items that match, in the order asked for, and the token of the page after them."""
    where = parse_filter(wanted.filter)
    found = [item for item in items if where is None or matches(where, fields(item))]
    for written in reversed(wanted.order_by):
        name, descends = read_order(written)
        known = [item for item in found if _look_up(fields(item), name) is not None]
        missing = [item for item in found if _look_up(fields(item), name) is None]
        found = sorted(known, key=lambda item: _look_up(fields(item), name), reverse=descends) + missing
    end = wanted.offset + wanted.max_results
    return found[wanted.offset : end], str(end) if end < len(found) else None


def read_order(written: str) -> tuple[str, bool]:
    """`metrics.rmse DESC` as the field and whether it descends."""
    match = re.fullmatch(r"\s*(.+?)(?:\s+(asc|desc))?\s*", written, re.IGNORECASE)
    if match is None:
        raise InvalidArgument(f"order_by={written!r} names no field.")
    return re.sub(r"[`\"]", "", match[1]), (match[2] or "").lower() == "desc"


def matches(where: Filter, fields: Mapping[str, Any]) -> bool:
    """Whether the filter holds; what lacks a field matches neither a comparison nor its opposite."""
    return _holds(where, fields) is True


def _holds(where: Filter, fields: Mapping[str, Any]) -> bool | None:
    if isinstance(where, Not):
        inner = _holds(where.part, fields)
        return None if inner is None else not inner
    if isinstance(where, Combined):
        parts = [_holds(part, fields) for part in where.parts]
        decisive = where.word == "or"
        if decisive in parts:
            return decisive
        return None if None in parts else not decisive
    return _compared(where, _look_up(fields, where.field))


def _look_up(fields: Mapping[str, Any], name: str) -> Any:
    first, dot, rest = name.partition(".")
    if dot and first in ("attribute", "attributes", "attr"):
        return _look_up(fields, rest)
    if dot and first in ("tag", "tags", "params", "metrics"):
        return fields.get({"tag": "tags"}.get(first, first), {}).get(rest)
    if name not in fields:
        raise InvalidArgument(f"`{name}` is no field to search by; there are {', '.join(fields)}.")
    return fields[name]


def _compared(where: Comparison, found: Any) -> bool | None:
    if where.operator in ("is null", "is not null"):
        return (found is None) == (where.operator == "is null")
    if found is None:
        return None
    values = [_as(found, value) for value in where.values]
    match where.operator:
        case "=" | "in":
            return found in values
        case "!=" | "not in":
            return found not in values
        case "like" | "not like":
            return bool(_like(str(values[0])).fullmatch(str(found))) == (where.operator == "like")
        case "<":
            return found < values[0]
        case "<=":
            return found <= values[0]
        case ">":
            return found > values[0]
        case _:
            return found >= values[0]


def _as(found: Any, value: Value) -> Any:
    """The value as what it is compared with."""
    if isinstance(found, str):
        return str(value)
    try:
        return float(value)
    except ValueError as error:
        raise InvalidArgument(f"{value!r} is compared with a number, and is none.") from error


def _like(pattern: str) -> re.Pattern[str]:
    parts = ("." if one == "_" else ".*" if one == "%" else re.escape(one) for one in pattern)
    return re.compile("".join(parts), re.DOTALL)
