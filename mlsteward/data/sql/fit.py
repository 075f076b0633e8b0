"""The rows of a result that fit into an answer."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlsteward.data.sql.result import QueryResult

Value = bool | int | float | str | None

MOST_COLUMNS = 40
# Long texts are cut until this many rows fit, or all there are.
_ENOUGH_ROWS = 12
_CUTS = (500, 160, 60, 20)
_LONGEST_NAME = 60


@dataclass(frozen=True)
class FittedRows:
    """What fits: rows and columns from the front. `cut` is the length that texts were cut to, 0 where none was."""

    columns: list[tuple[str, str]]
    rows: list[list[Value]]
    cut: int


def fit_rows(result: QueryResult, room: int) -> FittedRows:
    """As many rows as fit into `room` bytes, written both as JSON and as a line of text."""
    columns = [(_short(name, _LONGEST_NAME), _short(kind, _LONGEST_NAME)) for name, kind in result.columns]
    columns = columns[:MOST_COLUMNS]
    while len(columns) > 1 and _header_size(columns) > room // 2:
        columns = columns[: len(columns) * 9 // 10]
    rows, cut = _cut_rows(result.rows, len(columns), room - _header_size(columns))
    was_cut = any(isinstance(value, str) and len(value) >= cut for row in rows for value in row)
    return FittedRows(columns, rows, cut if was_cut else 0)


def row_text(row: Sequence[Value]) -> str:
    """A row as a line: texts on one line, NULL for what is missing."""
    return " | ".join(_cell(value) for value in row)


def header_text(columns: Sequence[tuple[str, str]]) -> str:
    return " | ".join(f"{name} {kind}" for name, kind in columns)


def _cut_rows(rows: Sequence[Sequence[Value]], width: int, room: int) -> tuple[list[list[Value]], int]:
    """The rows that fit with texts at the longest cut that leaves enough of them, and that cut."""
    fitted: list[list[Value]] = []
    cut = 0
    for cut in _CUTS:
        fitted = list(_fitting(rows, width, cut, room))
        if len(fitted) >= min(_ENOUGH_ROWS, len(rows)):
            break
    return fitted, cut


def _fitting(rows: Sequence[Sequence[Value]], width: int, cut: int, left: int) -> Iterator[list[Value]]:
    for row in rows:
        shown = [_short(value, cut) if isinstance(value, str) else value for value in row[:width]]
        left -= len(json.dumps(shown, ensure_ascii=False).encode()) + len(row_text(shown).encode()) + 4
        if left < 0:
            return
        yield shown


def _header_size(columns: Sequence[tuple[str, str]]) -> int:
    data = json.dumps([{"name": name, "type": kind} for name, kind in columns], ensure_ascii=False)
    return len(data.encode()) + len(header_text(columns).encode())


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _cell(value: Value) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    return " ".join(value.split()) if isinstance(value, str) else str(value)
