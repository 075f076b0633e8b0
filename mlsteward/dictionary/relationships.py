"""Which columns of a table point into another table, told from names and values and confirmed by an anti-join."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from mlsteward.data.engine import quote, row_of
from mlsteward.data.profile import ColumnProfile, TableProfile
from mlsteward.dictionary.roles import example_values, is_whole
from mlsteward.dictionary.words import singular, split_words
from mlsteward.record import Record

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

COVERAGE_NAMED = 0.5
COVERAGE_UNNAMED = 0.9
MOST_CANDIDATES = 40
MOST_PAIRS = 12
MOST_ROWS_FOR_PAIRS = 5_000_000
# Below so many values or rows one column lies within another by chance.
LEAST_VALUES = 3
LEAST_ROWS = 10
# Names that say nothing of what they identify.
_GENERIC = frozenset("id ids key code name number no num nr index value uuid guid ref".split())


@dataclass(frozen=True)
class DatasetTable:
    """A table to look at: its dataset's name, a SQL table expression such as `read_parquet('…')`, its profile."""

    name: str
    source: str
    profile: TableProfile


@dataclass(frozen=True)
class DeclaredKey:
    """A foreign key that a database declares between two datasets."""

    dataset: str
    columns: tuple[str, ...]
    to_dataset: str
    to_columns: tuple[str, ...]


class Relationship(Record):
    """`dataset.columns` point to `to_dataset.to_columns`, which are unique there.

    `coverage` is the share of rows (nulls aside) whose value is found, `value_coverage` the share of distinct values;
    `rows` counts the rows without nulls and `unmatched` shows the most frequent values that are not found.
    """

    dataset: str
    columns: list[str]
    to_dataset: str
    to_columns: list[str]
    coverage: float
    value_coverage: float
    rows: int
    unmatched: list[str] = []

    @property
    def words(self) -> str:
        """`flights.tailnum → planes.tailnum`."""
        return f"{_side(self.dataset, self.columns)} → {_side(self.to_dataset, self.to_columns)}"


def _side(dataset: str, columns: Sequence[str]) -> str:
    return f"{dataset}.{columns[0]}" if len(columns) == 1 else f"{dataset}.({', '.join(columns)})"


def find_relationships(
    connection: "DuckDBPyConnection", this: DatasetTable, others: Sequence[DatasetTable]
) -> list[Relationship]:
    """Relationships between `this` and each of `others`, in both directions, best covered first.

    Candidates are columns of one type family whose target is unique, has at least two thirds as many values, and
    overlaps in range; an anti-join over all rows confirms them. Small whole numbers lie within each other by chance,
    so they need names that agree. Two columns together are tried where both tables have columns of those names.
    """
    found: list[Relationship] = []
    for other in others:
        if other.name != this.name:
            found += _between(connection, this, other)
            found += _between(connection, other, this)
    return sorted(found, key=lambda one: (-one.coverage, one.words))


def with_declared_keys(
    connection: "DuckDBPyConnection",
    this: DatasetTable,
    others: Sequence[DatasetTable],
    keys: Iterable[DeclaredKey],
    found: Sequence[Relationship],
) -> list[Relationship]:
    """`found` with the declared keys, measured too but kept however little they cover; a declared one comes first."""
    tables = {table.name: table for table in (this, *others)}
    declared = [
        _confirm(connection, tables[key.dataset], tables[key.to_dataset], _Candidate(key.columns, key.to_columns, 0.0))
        for key in keys
        if _has_both_sides(tables, key)
    ]
    kept = [one for one in declared if one]
    said = {one.words for one in kept}
    return [*kept, *(one for one in found if one.words not in said)]


def _has_both_sides(tables: Mapping[str, DatasetTable], key: DeclaredKey) -> bool:
    """Whether the datasets have the key's columns still, and alike."""
    families: list[list[str]] = []
    for name, columns in ((key.dataset, key.columns), (key.to_dataset, key.to_columns)):
        known = {column.name: column.family for column in tables[name].profile.columns} if name in tables else {}
        families.append([known.get(column, "") for column in columns])
    return "" not in families[0] and families[0] == families[1]


def _between(connection: "DuckDBPyConnection", source: DatasetTable, target: DatasetTable) -> list[Relationship]:
    best: dict[str, Relationship] = {}
    for candidate in _single_candidates(source, target):
        (column,) = candidate.columns
        if column not in best and (confirmed := _confirm(connection, source, target, candidate)):
            best[column] = confirmed
    composites = (
        _confirm(connection, source, target, candidate)
        for candidate in _double_candidates(source.profile, target.profile)
    )
    return [*best.values(), *[one for one in composites if one][:1]]


@dataclass(frozen=True)
class _Candidate:
    columns: tuple[str, ...]
    to_columns: tuple[str, ...]
    least_coverage: float


def _single_candidates(source: DatasetTable, target: DatasetTable) -> list[_Candidate]:
    """The pairs worth an anti-join, those whose names agree first."""
    keys = [column for column in target.profile.columns if _may_be_unique(column)]
    pairs = [(a, b, _same_name(a.name, b.name, target.name)) for b in keys for a in source.profile.columns]
    pairs.sort(key=lambda pair: not pair[2])
    return [
        _Candidate((a.name,), (b.name,), COVERAGE_NAMED if named else COVERAGE_UNNAMED)
        for a, b, named in pairs
        if _enough(a, b, named) and _fits(a, b) and (named or _telling(a, b))
    ][:MOST_CANDIDATES]


def _may_be_unique(column: ColumnProfile) -> bool:
    filled = column.rows - column.nulls
    least = filled if column.distinct_exact else 0.95 * filled
    return _joinable(column) and filled >= 2 and column.distinct >= least


def _enough(a: ColumnProfile, b: ColumnProfile, named: bool) -> bool:
    least = LEAST_VALUES if named else LEAST_ROWS
    return a.rows - a.nulls >= least and b.distinct >= LEAST_VALUES and (named or a.distinct >= LEAST_VALUES)


def _joinable(column: ColumnProfile) -> bool:
    return column.family in ("text", "time") or (column.family == "number" and is_whole(column))


def _fits(a: ColumnProfile, b: ColumnProfile) -> bool:
    return a.family == b.family and _joinable(a) and 0 < a.distinct <= 1.5 * b.distinct and _overlap(a, b)


def _overlap(a: ColumnProfile, b: ColumnProfile) -> bool:
    match (a.minimum, a.maximum, b.minimum, b.maximum):
        case (str(low), str(high), str(least), str(most)):
            return low <= most and high >= least
        case (int() | float() as low, int() | float() as high, int() | float() as least, int() | float() as most):
            return min(high, most) - max(low, least) >= 0.5 * (high - low)
        case _:
            return True


def _telling(a: ColumnProfile, b: ColumnProfile) -> bool:
    """Whether it would say anything that all values of `a` are found in `b`, their names aside."""
    if b.distinct < 20:
        return False
    if a.family == "text":
        return max(map(len, example_values(a)), default=0) > 1
    if a.family == "number" and isinstance(b.minimum, float | int) and isinstance(b.maximum, float | int):
        return a.distinct >= 20 and b.distinct < 0.1 * (b.maximum - b.minimum)
    return False


def _same_name(a: str, b: str, target: str) -> bool:
    """Whether `a` is named for column `b` of dataset `target`, as `customer_id` is for `customers.id`."""
    first, second = split_words(a), split_words(b)
    table = [singular(word) for word in split_words(target) if _says_what(word)]
    specific = [word for word in second if _says_what(word)]
    if specific and first[-len(second) :] == second:
        return True
    stem = [singular(word) for word in first if _says_what(word)]
    return bool(stem) and bool(table) and stem[-1] == table[-1]


def _says_what(word: str) -> bool:
    """Whether a word of a name says what it identifies; a number or a letter does not."""
    return len(word) > 1 and not word.isdigit() and word not in _GENERIC


def _double_candidates(source: TableProfile, target: TableProfile) -> list[_Candidate]:
    """Pairs of columns that both tables have, together perhaps unique in the target, likeliest first.

    Tables with all columns alike are windows of one table, which no key joins.
    """
    mine = {column.name: column for column in source.columns}
    if min(source.rows, target.rows) < LEAST_ROWS or target.rows > MOST_ROWS_FOR_PAIRS:
        return []
    if mine.keys() == {column.name for column in target.columns}:
        return []
    shared = [
        column
        for column in target.columns
        if column.name in mine
        and not _may_be_unique(column)
        and _joinable(column)
        and _overlap(mine[column.name], column)
        and mine[column.name].family == column.family
    ]
    pairs = [(a, b) for a, b in combinations(shared, 2) if a.distinct * b.distinct >= target.rows]
    pairs.sort(key=lambda pair: pair[0].distinct * pair[1].distinct)
    return [_Candidate((a.name, b.name), (a.name, b.name), COVERAGE_NAMED) for a, b in pairs[:MOST_PAIRS]]


def _confirm(
    connection: "DuckDBPyConnection", source: DatasetTable, target: DatasetTable, candidate: _Candidate
) -> Relationship | None:
    """The candidate with its coverage, or None when the target is not unique or covers too little."""
    names = [f"v{index}" for index in range(len(candidate.columns))]

    def grouped(table: DatasetTable, columns: Sequence[str]) -> str:
        chosen = ", ".join(f"{quote(column)} AS {name}" for column, name in zip(columns, names, strict=True))
        filled = " AND ".join(f"{quote(column)} IS NOT NULL" for column in columns)
        return f"SELECT {chosen}, count(*) AS copies FROM {table.source} WHERE {filled} GROUP BY ALL"

    keys = ", ".join(names)
    sql = f"""
        WITH source AS MATERIALIZED ({grouped(source, candidate.columns)}),
        target AS MATERIALIZED ({grouped(target, candidate.to_columns)}),
        missing AS MATERIALIZED (SELECT * FROM source ANTI JOIN target USING ({keys}))
        SELECT (SELECT sum(copies) FROM source), (SELECT count(*) FROM source),
               (SELECT coalesce(sum(copies), 0) FROM missing), (SELECT count(*) FROM missing),
               (SELECT max(copies) FROM target),
               (SELECT list(concat_ws(', ', {keys}) ORDER BY copies DESC, {keys})[1:3] FROM missing)
    """
    row = row_of(connection, sql)
    if not row[0] or row[4] != 1:
        return None
    rows, values, missing_rows, missing_values, _, unmatched = row
    coverage, value_coverage = 1 - int(missing_rows) / int(rows), 1 - int(missing_values) / int(values)
    if min(coverage, value_coverage) < candidate.least_coverage:
        return None
    return Relationship(
        dataset=source.name,
        columns=list(candidate.columns),
        to_dataset=target.name,
        to_columns=list(candidate.to_columns),
        coverage=coverage,
        value_coverage=value_coverage,
        rows=int(rows),
        unmatched=[str(value)[:40] for value in unmatched or []],
    )
