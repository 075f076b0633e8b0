"""What a request asks: rows, whom they are about, and under which id."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, cast

from mlsteward.errors import InvalidArgument

_LONGEST_TEXT = 512
_ENVELOPE = ("rows", "keys", "request_id")


@dataclass(frozen=True)
class Asked:
    """Rows to predict; `keys` say whom or what each is about, and are empty where the caller gave none."""

    rows: list[dict[str, object]]
    keys: list[str | None] = field(default_factory=list[str | None])
    request_id: str = ""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON; write null for a missing value")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def read_json(body: bytes) -> Any:
    """Raises InvalidArgument for what is no JSON."""
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise InvalidArgument("The body is not UTF-8.") from None
    except ValueError as error:
        raise InvalidArgument(f"The body is no JSON: {str(error)[:200]}.") from None
    except RecursionError:
        raise InvalidArgument("The body is nested too deeply.") from None


def read_plain(body: bytes) -> Asked:
    """A body of `POST /predict`: one row, a list of rows, or `{"rows": […], "keys": […], "request_id": …}`."""
    found = read_json(body)
    if isinstance(found, list):
        return Asked(_rows(cast(list[object], found)))
    if not isinstance(found, dict):
        raise InvalidArgument(f"The body is {_kind(found)}; send a row, as an object of column names and values.")
    named = cast(dict[str, object], found)
    rows = named.get("rows")
    if not isinstance(rows, list):
        return Asked([named])
    if strange := [name for name in named if name not in _ENVELOPE]:
        raise InvalidArgument(f"Beside `rows` there may be `keys` and `request_id`; not `{strange[0][:60]}`.")
    checked = _rows(cast(list[object], rows))
    return Asked(checked, read_keys(named.get("keys"), len(checked)), read_id(named.get("request_id"), "request_id"))


def read_keys(found: object, rows: int) -> list[str | None]:
    """Keys as text, one to a row, or none at all."""
    if found is None:
        return []
    if not isinstance(found, list):
        raise InvalidArgument(f"`keys` is {_kind(found)}; it lists a key for each row.")
    keys = cast(list[object], found)
    if len(keys) != rows:
        raise InvalidArgument(f"`keys` has {len(keys)} values for {rows} rows; it lists one for each.")
    return [key_text(key) for key in keys]


def key_text(value: object) -> str | None:
    """A key as the log keeps it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list | dict):
        raise InvalidArgument(f"A key is {_kind(value)}; it is a text or a number.")
    return None if value is None else read_id(value, "a key")


def read_id(value: object, what: str) -> str:
    """An id of the caller's as text, "" where there is none."""
    if value is None:
        return ""
    if isinstance(value, list | dict | bool):
        raise InvalidArgument(f"`{what}` is {_kind(value)}; it is a text or a number.")
    text = str(value)
    if len(text) > _LONGEST_TEXT or not _is_text(text):
        raise InvalidArgument(f"`{what}` is longer than {_LONGEST_TEXT} characters, or no valid Unicode text.")
    return text


def pick_keys(rows: Sequence[Mapping[str, object]], column: str) -> list[str | None]:
    """The keys that stand in a column of the rows; none where the first has no such column."""
    if not rows or column not in rows[0]:
        return []
    return [key_text(row.get(column)) for row in rows]


def _rows(found: list[object]) -> list[dict[str, object]]:
    for number, row in enumerate(found, start=1):
        if not isinstance(row, dict):
            raise InvalidArgument(f"Row {number} is {_kind(row)}; a row is an object of column names and values.")
    return cast(list[dict[str, object]], found)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: object) -> str:
    names = {"list": "a list", "dict": "an object", "str": "a text", "bool": "true or false", "NoneType": "null"}
    return names.get(type(value).__name__, "a number")
