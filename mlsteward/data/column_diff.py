"""How single columns changed between two tables. Only worker code imports this."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from mlsteward.data.diff_report import ColumnDiff, Example
from mlsteward.data.engine import literal, quote, row_of
from mlsteward.data.row_sides import Sides
from mlsteward.data.schema_diff import Pair, is_number

_EXAMPLES = 5
_CELL = 60
# Columns beyond these are counted, and their values not looked at.
_SHOWN = 40
# One statement measures so many columns: plans of thousands of aggregates cost more than they save.
_BATCH = 40
# Exact medians, and counts of equal changes, are taken from at most so many rows.
_EXACT_ROWS = 1_000_000


@dataclass(frozen=True)
class _Column:
    """One compared column in the file of changed rows."""

    pair: Pair
    masked: bool

    @property
    def before(self) -> str:
        return quote(f"{self.pair.name} before")

    @property
    def after(self) -> str:
        return quote(f"{self.pair.name} after")

    @property
    def differs(self) -> str:
        return f"{self.before} IS DISTINCT FROM {self.after}"

    @property
    def difference(self) -> str:
        return f"({self.after}::DOUBLE - {self.before}::DOUBLE)"

    @property
    def measured(self) -> bool:
        return is_number(self.pair) and not self.masked

    def aggregates(self, median: str) -> list[str]:
        counts = [
            f"count(*) FILTER ({self.differs})",
            f"count(*) FILTER ({self.after} IS NULL AND {self.before} IS NOT NULL)",
            f"count(*) FILTER ({self.before} IS NULL AND {self.after} IS NOT NULL)",
        ]
        if not self.measured:
            return counts
        finite = f"FILTER ({self.differs} AND isfinite({self.difference}))"
        return [*counts, f"avg({self.difference}) {finite}", f"{median.format(self.difference)} {finite}"]


def changed_columns(sides: Sides, key: Sequence[int], compared: Sequence[int], file: Path) -> list[ColumnDiff]:
    """What changed in each column of the changed rows in `file`, most changes first; unchanged columns are left out."""
    rows = f"read_parquet({literal(str(file))})"
    (count,) = row_of(sides.connection, f"SELECT count(*) FROM {rows}")
    median = "median({})" if count <= _EXACT_ROWS else "approx_quantile({}, 0.5)"
    columns = [_Column(sides.pairs[place], sides.pairs[place].name in sides.masked) for place in compared]
    wanted = [column.aggregates(median) for column in columns]
    batches = [wanted[start : start + _BATCH] for start in range(0, len(wanted), _BATCH)]
    values = chain.from_iterable(_measured(sides, batch, rows) for batch in batches)
    found: list[tuple[_Column, ColumnDiff]] = []
    for column, aggregates in zip(columns, wanted, strict=True):
        changed, nulled, filled, *shifts = [next(values) for _ in aggregates]
        if changed:
            one = _held(sides, column.pair, masked=column.masked)
            numbers = dict(zip(("shift", "median_shift"), shifts, strict=False))
            update = {"changed": changed, "nulled": nulled, "filled": filled, **numbers}
            found.append((column, one.model_copy(update=update)))
    found.sort(key=lambda pair: -pair[1].changed)
    shown_key = sides.text({place: quote(sides.pairs[place].name) for place in key})
    for column, one in found[:_SHOWN]:
        one.examples = [] if column.masked else _examples(sides, column, rows, shown_key)
    return [one for _, one in found]


def _measured(sides: Sides, wanted: Sequence[Sequence[str]], rows: str) -> tuple[Any, ...]:
    listed = ", ".join(aggregate for aggregates in wanted for aggregate in aggregates)
    return row_of(sides.connection, f"SELECT {listed} FROM {rows}")


def held_columns(sides: Sides) -> list[ColumnDiff]:
    """What each table holds in the columns that do not hold the same: all that is known without a key."""
    return [_held(sides, pair, masked=pair.name in sides.masked) for pair in sides.pairs if not pair.alike]


def _held(sides: Sides, pair: Pair, *, masked: bool) -> ColumnDiff:
    means = (None, None) if masked else (sides.reference.means.get(pair.reference), sides.current.means.get(pair.name))
    return ColumnDiff(
        column=pair.name,
        nulls_before=sides.reference.nulls.get(pair.reference, 0),
        nulls_after=sides.current.nulls.get(pair.name, 0),
        mean_before=means[0],
        mean_after=means[1],
        masked=masked,
    )


def _examples(sides: Sides, column: _Column, rows: str, key: str) -> list[Example]:
    """The largest changes of numbers; of other values those that most rows have alike."""
    before, after = (f"left(coalesce({value}::VARCHAR, 'null'), {_CELL})" for value in (column.before, column.after))
    if column.measured:
        sql = (
            f"SELECT {before}, {after}, {key}, 1 FROM {rows} WHERE {column.differs}"
            f" ORDER BY abs({column.difference}) DESC NULLS LAST, 3 LIMIT {_EXAMPLES}"
        )
    else:
        sql = (
            f"SELECT {before}, {after}, min({key}), count(*) FROM (FROM {rows} LIMIT {_EXACT_ROWS})"
            f" WHERE {column.differs} GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2 LIMIT {_EXAMPLES}"
        )
    found = sides.connection.execute(sql).fetchall()
    return [Example(before=was, after=now, key=where, rows=many) for was, now, where, many in found]
