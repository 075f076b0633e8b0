"""What work in the store may do: statements in, rows out. No cursor or relation leaves it."""

import json
import math
from collections.abc import Mapping, Sequence
from copy import copy
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from mlsteward.dictionary.sensitivity import FULL, Level

if TYPE_CHECKING:
    import duckdb

    from mlsteward.store.masking import Masks

# So many rows are planned faster as a list of values than as lists to unnest.
_FEW_ROWS = 8


class Transaction:
    """One transaction on the attached store. Times go in with or without a zone and come out in UTC.

    `clearance` is that of whoever reads: what is loaded from the store leaves out the values of columns above it.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._connection = connection
        self._failures: list[BaseException] = []
        self.clearance: Level = FULL

    @property
    def failure(self) -> BaseException | None:
        """The first error of a statement."""
        return self._failures[0] if self._failures else None

    @property
    def whole(self) -> "Transaction":
        """The same transaction as the platform itself sees it, with nothing masked."""
        return self.seen_by(FULL)

    def seen_by(self, clearance: Level) -> "Transaction":
        """The same transaction as a reader of this clearance sees it."""
        if clearance == self.clearance:
            return self
        other = copy(self)
        other.clearance = clearance
        other.__dict__.pop("masks", None)
        return other

    @cached_property
    def masks(self) -> "Masks":
        """What is masked for its reader. Levels do not change in a transaction that reads."""
        from mlsteward.store.masking import masks_of

        return masks_of(self)

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Every row of the statement's result."""
        self._run(sql, parameters)
        description = self._connection.description
        if not description:
            return []
        fetched: list[tuple[Any, ...]] = self._connection.fetchall()
        times = [position for position, column in enumerate(description) if str(column[1]) == "TIMESTAMP"]
        return [_with_zone(row, times) for row in fetched] if times else fetched

    def row(self, sql: str, parameters: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """The first row, or None."""
        fetched = self.rows(sql, parameters)
        return fetched[0] if fetched else None

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run a statement whose result does not matter."""
        self.rows(sql, parameters)

    def insert(self, table: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Insert rows that all have the same columns; dicts and lists are stored as JSON."""
        if not rows:
            return
        columns = list(rows[0])
        names = ", ".join(f'"{column}"' for column in columns)
        if len(rows) <= _FEW_ROWS:
            values = "VALUES " + ", ".join("(" + ", ".join("?" * len(columns)) + ")" for _ in rows)
            parameters: list[object] = [_stored(row[column]) for row in rows for column in columns]
        else:
            # A list for each column, unnested: one statement however many rows there are.
            values = "SELECT " + ", ".join("unnest(?)" for _ in columns)
            parameters = [[_stored(row[column]) for row in rows] for column in columns]
        self.execute(f"INSERT INTO {table} ({names}) {values}", parameters)

    def _run(self, sql: str, parameters: Sequence[object]) -> None:
        try:
            self._connection.execute(sql, [_stored_time(value) for value in parameters])
        except BaseException as error:  # also when the caller swallows it, nothing may be committed
            self._failures.append(error)
            raise


def listed(numbers: Sequence[int]) -> str:
    """Whole numbers as a list in SQL: literals are planned and compared faster than an unnested parameter."""
    return "(" + (", ".join(str(int(number)) for number in numbers) or "NULL") + ")"


def to_json(value: object) -> str:
    """JSON that every reader takes: numbers that are not finite become null."""
    try:
        return json.dumps(value, allow_nan=False, default=str)
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False, default=str)


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in cast(Mapping[object, object], value).items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in cast(Sequence[object], value)]
    return value


def _stored(value: object) -> object:
    return to_json(value) if isinstance(value, dict | list | tuple) else _stored_time(value)


def _stored_time(value: object) -> object:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def _with_zone(row: tuple[Any, ...], times: list[int]) -> tuple[Any, ...]:
    cells = list(row)
    for position in times:
        if cells[position] is not None:
            cells[position] = cells[position].replace(tzinfo=UTC)
    return tuple(cells)
