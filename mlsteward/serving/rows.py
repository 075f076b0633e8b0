"""Rows that a caller writes into a call, checked against what a model asks for."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mlsteward.answer import counted
from mlsteward.data.profile import type_family
from mlsteward.errors import InvalidArgument
from mlsteward.names import close_names
from mlsteward.training.signature import SignatureColumn

MOST_ROWS = 1000
# What a single-precision number holds: forests see no more.
_LARGEST = 3.4e38
_SHOWN = 10
# Among so many names that a model does not know one is looked for that was meant: rows may hold any number.
_LOOKED_AT = 100
_TRUE = frozenset({"true", "yes", "1"})
_FALSE = frozenset({"false", "no", "0"})


@dataclass
class CheckedRows:
    """(n) rows of the model's columns as text that DuckDB casts to their types, None being null; and what to say."""

    rows: list[dict[str, str | None]]
    notes: list[str] = field(default_factory=list[str])


def check_rows(rows: Sequence[Mapping[str, object]], signature: Sequence[SignatureColumn]) -> CheckedRows:
    """The rows as the model takes them. Unseen categories and values out of the training range are noted.

    Raises InvalidArgument with a line for each thing that is wrong: the row's number (from 1), the column, what is
    wrong with it and what was close.
    """
    if len(rows) > MOST_ROWS:
        raise InvalidArgument(
            f"{len(rows)} rows are more than the {MOST_ROWS} that fit a call: register them, and predict the dataset.",
            next="list_datasets()",
        )
    problems: list[str] = []
    checked = CheckedRows([])
    ignored: dict[str, None] = {}
    for number, row in enumerate(rows, start=1):
        cells, strange = match_cells(row, signature)
        missing = [column.name for column in signature if column.name not in cells]
        problems += [missing_words(number, name, strange, hint=len(problems) < _SHOWN) for name in missing]
        ignored.update(dict.fromkeys(strange))
        values: dict[str, str | None] = {}
        for column in signature:
            if column.name in cells:
                try:
                    values[column.name] = read_cell(cells[column.name], column)
                except ValueError as error:
                    problems.append(f"row {number}, {column.name}: {error}")
        checked.rows.append(values)
    if problems:
        raise InvalidArgument(listed_problems(problems, len(rows)))
    checked.notes = strange_notes(checked.rows, signature)
    if ignored:
        checked.notes.append(f"not used by the model: {', '.join(list(ignored)[:_SHOWN])}")
    return checked


def match_cells(row: Mapping[str, object], signature: Sequence[SignatureColumn]) -> tuple[dict[str, object], list[str]]:
    """The cells of a row by the model's spelling of their columns, and the names that the model does not know."""
    spelled = {column.name.casefold(): column.name for column in signature}
    cells: dict[str, object] = {}
    strange: list[str] = []
    for name, value in row.items():
        known = spelled.get(name.strip().casefold())
        if known is None:
            strange.append(name)
        else:
            cells[known] = value
    return cells, strange


def missing_words(number: int, name: str, strange: Sequence[str], *, hint: bool) -> str:
    """That a row has no such column. A `hint` says what may have been meant for it, which takes a while to find."""
    close = close_names(name, strange[:_LOOKED_AT], limit=1) if hint else []
    meant = f" (is `{close[0]}` meant for it?)" if close else ""
    return f"row {number}: column `{name}` is missing{meant}; write null where the value is not known"


def read_cell(value: object, column: SignatureColumn) -> str | None:
    """The value as text that DuckDB casts to the column's type, None for null. Raises ValueError with what is wrong."""
    if value is None:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number; write null for a missing value")
    if isinstance(value, list | dict):
        raise ValueError(f"{_shown(value)} is not a single value")
    family = type_family(column.type)
    if family == "number":
        return _number(value, column)
    if family == "boolean":
        return _boolean(value)
    if family == "time":
        return _time(value)
    return _text(value)


def _number(value: object, column: SignatureColumn) -> str:
    if isinstance(value, bool):
        raise ValueError(f"{_shown(value)} is not a number")
    try:
        number = float(str(value))
    except ValueError:
        raise ValueError(f"{_shown(value)} is not a number") from None
    if not math.isfinite(number):
        raise ValueError(f"{_shown(value)} is not a finite number; write null for a missing value")
    if abs(number) > _LARGEST:
        raise ValueError(f"{_shown(value)} is larger than the numbers that models reckon with (3.4e38)")
    return str(int(number)) if "INT" in column.type.upper() and number.is_integer() else repr(number)


def _boolean(value: object) -> str:
    text = str(value).strip().lower().removesuffix(".0")
    if text in _TRUE | _FALSE:
        return "true" if text in _TRUE else "false"
    raise ValueError(f"{_shown(value)} is neither true nor false")


def _time(value: object) -> str:
    try:
        moment = datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise ValueError(f"{_shown(value)} is no date or time; write it as 2024-05-31 or 2024-05-31T18:00:00") from None
    return moment.isoformat(sep=" ")


def _text(value: object) -> str:
    """Text as DuckDB casts it: `1` for the number 1.0 too, which JSON does not tell from 1."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{_shown(value)} is no valid Unicode text") from None
    return text


def strange_notes(rows: Sequence[Mapping[str, str | None]], signature: Sequence[SignatureColumn]) -> list[str]:
    """What is noteworthy about rows as `check_rows` made them: categories that training has not seen, values out of its
    range, and nulls where it had none."""
    notes: list[str] = []
    for column in signature:
        values = [(number, row[column.name]) for number, row in enumerate(rows, start=1)]
        strange = [(number, value) for number, value in values if value is not None and _is_strange(value, column)]
        if strange:
            what = "not seen in training" if column.kind == "category" else f"outside {column.low:g} to {column.high:g}"
            shown = [f"{value!r} (row {number})" for number, value in strange]
            notes.append(f"{column.name}: {_first(shown)} {what}")
        empty = [f"row {number}" for number, value in values if value is None]
        if empty and not column.nulls:
            notes.append(f"{column.name}: no value in {_first(empty)}, which no row of training lacked")
    return notes


def _first(words: Sequence[str]) -> str:
    more = f" and {len(words) - 3} more" if len(words) > 3 else ""
    return ", ".join(words[:3]) + more


def _is_strange(value: str, column: SignatureColumn) -> bool:
    if column.kind == "category":
        return 0 < column.distinct <= len(column.levels) and value not in column.levels
    if column.kind == "number" and column.low is not None and column.high is not None:
        return not column.low <= float(value) <= column.high
    return False


def listed_problems(problems: Sequence[str], rows: int) -> str:
    lines = [
        f"Nothing was predicted; {counted(len(problems), 'thing is', 'things are')} wrong in {counted(rows, 'row')}:",
        *problems[:_SHOWN],
    ]
    if len(problems) > _SHOWN:
        lines.append(f"and {len(problems) - _SHOWN} more")
    return "\n- ".join(lines) + "\n"


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"
