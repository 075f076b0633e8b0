"""Rows of a request against the signature of a model: cells that it scores, or words that say what is wrong.

What a row may hold is said in `serving.rows`, for calls and endpoints alike. Values that are of the right type already,
which is nearly all of them, are taken without asking there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mlsteward.answer import counted
from mlsteward.data.profile import type_family
from mlsteward.errors import InvalidArgument
from mlsteward.names import close_names
from mlsteward.serving.row_encoder import Cell
from mlsteward.serving.rows import listed_problems, match_cells, missing_words, read_cell, strange_notes
from mlsteward.training.signature import SignatureColumn

Row = Mapping[str, object]

MOST_ROWS = 1000
_LARGEST = 3.4e38
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_SHOWN = 10


@dataclass(frozen=True)
class ReadRows:
    """Cells of rows in the order of the model's columns, and what there is to say about them."""

    cells: list[list[Cell]]
    notes: list[str]


class InvalidRows(InvalidArgument):
    """Rows that do not fit the signature; `columns` are those at fault."""

    columns: tuple[str, ...] = ()


class RowReader:
    """Reads rows for one model. Columns among `quiet` are checked, but nothing of training is told about them, and
    what `expected` names may stand in rows without being the model's."""

    def __init__(
        self, columns: Sequence[Mapping[str, Any]], *, quiet: Sequence[str] = (), expected: Sequence[str] = ()
    ) -> None:
        self.signature = [SignatureColumn.model_validate(column) for column in columns]
        self.names = [column.name for column in self.signature]
        self._readers = [(column.name, _reader(column)) for column in self.signature]
        hushed = {name.casefold() for name in quiet}
        self._expected = {name.casefold() for name in expected}
        self._told = [column for column in self.signature if column.name.casefold() not in hushed]
        self._strange = [
            (place, strange)
            for place, column in enumerate(self.signature)
            if column in self._told and (strange := _is_strange(column))
        ]

    def read(self, rows: Sequence[Row]) -> ReadRows:
        """Raises InvalidRows with a line for each thing that is wrong."""
        if not rows:
            raise InvalidRows("There is no row to predict. Send one at least.")
        if len(rows) > MOST_ROWS:
            raise InvalidRows(f"{len(rows)} rows are more than the {MOST_ROWS} that one request takes; send several.")
        try:
            cells = [[reader(row[name]) for name, reader in self._readers] for row in rows]
        except (KeyError, ValueError):
            return self._slowly(rows)
        if any(len(row) != len(self.names) for row in rows):
            return ReadRows(cells, [*self._notes(cells), *self._unused(rows)])
        return ReadRows(cells, self._notes(cells))

    def _slowly(self, rows: Sequence[Row]) -> ReadRows:
        """Rows of which some are written otherwise than the signature, or wrongly."""
        problems: list[str] = []
        faults: dict[str, None] = {}
        cells: list[list[Cell]] = []
        for number, row in enumerate(rows, start=1):
            found, strange = match_cells(row, self.signature)
            read: list[Cell] = []
            for name, reader in self._readers:
                if name not in found:
                    problems.append(missing_words(number, name, strange, hint=len(problems) < _SHOWN))
                    faults[name] = None
                    continue
                try:
                    read.append(reader(found[name]))
                except ValueError as error:
                    problems.append(f"row {number}, {name}: {error}")
                    faults[name] = None
            cells.append(read)
        if problems:
            error = InvalidRows(listed_problems(problems, len(rows)).strip())
            error.columns = tuple(faults)
            raise error
        return ReadRows(cells, [*self._notes(cells), *self._unused(rows)])

    def _notes(self, cells: Sequence[Sequence[Cell]]) -> list[str]:
        if not any(is_strange(row[place]) for place, is_strange in self._strange for row in cells):
            return []
        texts = [dict(zip(self.names, map(_text_of, row), strict=True)) for row in cells]
        return [self._with_close(note, column) for column in self._told for note in strange_notes(texts, [column])]

    def _with_close(self, note: str, column: SignatureColumn) -> str:
        value = note.partition("'")[2].partition("'")[0]
        close = close_names(value, column.levels, limit=1) if column.kind == "category" and value else []
        return f"{note} (did you mean {close[0]!r}?)" if close else note

    def _unused(self, rows: Sequence[Row]) -> list[str]:
        known = {name.casefold() for name in self.names} | self._expected
        strange = [name for name in dict.fromkeys(name for row in rows for name in row) if _folded(name) not in known]
        if not strange:
            return []
        more = f" and {counted(len(strange) - _SHOWN, 'more')}" if len(strange) > _SHOWN else ""
        return [f"not used by the model: {', '.join(name[:60] for name in strange[:_SHOWN])}{more}"]


def _folded(name: str) -> str:
    return name.strip().casefold()


def _reader(column: SignatureColumn) -> Callable[[Any], Cell]:
    family = type_family(column.type)
    if family == "number":
        return _numbers(column)
    if family == "boolean":
        return _booleans(column)
    return _times(column) if family == "time" else _texts(column)


def _numbers(column: SignatureColumn) -> Callable[[Any], Cell]:
    def read(value: Any) -> Cell:
        kind = type(value)
        if kind is float and -_LARGEST <= value <= _LARGEST:
            return value
        if kind is int and -_LARGEST <= value <= _LARGEST:
            return float(value)
        text = read_cell(value, column)
        return None if text is None else float(text)

    return read


def _booleans(column: SignatureColumn) -> Callable[[Any], Cell]:
    def read(value: Any) -> Cell:
        text = read_cell(value, column)
        return None if text is None else float(text == "true")

    return read


def _texts(column: SignatureColumn) -> Callable[[Any], Cell]:
    def read(value: Any) -> Cell:
        if type(value) is str and value.isascii():
            return value
        return read_cell(value, column)

    return read


def _times(column: SignatureColumn) -> Callable[[Any], Cell]:
    def read(value: Any) -> Cell:
        text = read_cell(value, column)
        return None if text is None else _micros(datetime.fromisoformat(text))

    return read


def _micros(moment: datetime) -> int:
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            raise ValueError(f"{moment.isoformat()} lies outside the years 1 to 9999 in UTC") from None
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(micros: int) -> str:
    """A time's cell in ISO 8601, UTC."""
    return (_EPOCH + timedelta(microseconds=micros)).isoformat()


def _is_strange(column: SignatureColumn) -> Callable[[Cell], bool] | None:
    """Whether a cell is unlike all that training saw; None where that cannot be told."""
    full = not column.nulls
    if column.kind == "number" and column.low is not None and column.high is not None:
        low, high = column.low, column.high
        return lambda cell: full if cell is None else not low <= float(cell) <= high
    if column.kind == "category" and 0 < column.distinct <= len(column.levels):
        levels = frozenset(column.levels)
        return lambda cell: full if cell is None else _text_of(cell) not in levels
    return (lambda cell: cell is None) if full else None


def _text_of(cell: Cell) -> str | None:
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    return None if cell is None else str(cell)
