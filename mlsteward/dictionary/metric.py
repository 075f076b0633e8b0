"""What a metric of the glossary gives: one short row, on certain versions of its datasets."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mlsteward.answer import cell, clipped, number
from mlsteward.data.sql.result import QueryResult
from mlsteward.errors import InvalidSQL
from mlsteward.record import Record

MOST_COLUMNS = 6
_LONGEST_VALUE = 60


class MetricValue(Record):
    """`values` by the names of the row's columns; `datasets` by the statement's name for each, as `flights@3`.

    `masked` are the columns that were hidden from whoever measured, and `error` says why there are no values.
    """

    values: dict[str, float | str | None] = {}
    datasets: dict[str, str]
    masked: list[str] = []
    error: str = ""
    measured: datetime

    def words(self, unit: str = "") -> str:
        """`0.2131 on flights@3 (2026-03-01 08:30 UTC)`."""
        names = ", ".join(dict.fromkeys(self.datasets.values()))
        on = f" on {names}" if names else ""
        if self.error:
            return f"cannot be measured{on}: {clipped(self.error, 200)}"
        return f"{self.shown(unit)}{on} ({self.measured:%Y-%m-%d %H:%M} UTC)"

    def shown(self, unit: str = "") -> str:
        """The values alone."""
        parts = [_shown(value) for value in self.values.values()]
        if len(parts) > 1:
            parts = [f"{name} {part}" for name, part in zip(self.values, parts, strict=True)]
        return ", ".join(parts) + (f" {unit}" if unit else "")


def values_of(result: QueryResult) -> dict[str, float | str | None]:
    """The one row of a metric's result by column. Raises InvalidSQL where a metric cannot give that."""
    names = [name for name, _ in result.columns]
    if len(names) > MOST_COLUMNS or len(set(names)) < len(names):
        raise InvalidSQL(
            f"A metric gives one row of at most {MOST_COLUMNS} columns with different names; this statement gives"
            f" {len(names)} columns: {clipped(', '.join(names), 200)}."
        )
    if result.more or len(result.rows) != 1:
        rows = "no row" if not result.rows else "more than one row"
        raise InvalidSQL(
            f"A metric gives one row, and this statement gives {rows}: aggregate, as in avg(…) or count(*).",
            next="query_data(sql=…)",
        )
    values = dict(zip(names, map(_value, result.rows[0]), strict=True))
    if not any(isinstance(value, int | float) for value in values.values()):
        shown = ", ".join(f"{name} = {cell(value)}" for name, value in values.items())
        words = f"A metric gives a number at least, and this statement gives {shown}."
        raise InvalidSQL(words, next="query_data(sql=…)")
    return values


def same_data(value: MetricValue, datasets: Mapping[str, str], masked: list[str]) -> bool:
    """Whether measuring again would read what `value` read."""
    return value.datasets == dict(datasets) and value.masked == masked


def _value(value: Any) -> float | str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return clipped(value, _LONGEST_VALUE) if isinstance(value, str) else value


def _shown(value: float | str | None) -> str:
    if value is None:
        return "no value"
    return value if isinstance(value, str) else number(value)
