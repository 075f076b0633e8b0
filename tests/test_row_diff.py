"""Comparing rows: counts held against the same comparison in plain Python, and the edges of values."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mlsteward.data.diff_report import RowDiff
from mlsteward.data.engine import connect, literal
from mlsteward.data.fingerprint import fingerprint_table
from mlsteward.data.row_diff import diff_rows, repeated_rows
from mlsteward.data.row_sides import open_sides
from mlsteward.data.schema_diff import TableSide, diff_schemas
from mlsteward.data.snapshot import Column

Row = tuple[int | None, str | None, float | None]


def side(folder: Path, label: str, sql: str) -> TableSide:
    file = folder / f"{label}.parquet"
    source = f"read_parquet({literal(str(file))})"
    with connect(memory_mb=256, threads=1) as connection:
        connection.execute(f"COPY ({sql}) TO {literal(str(file))} (FORMAT parquet)")
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        found = fingerprint_table(connection, source, [row[0] for row in described])
    columns = [Column(name=row[0], type=row[1]) for row in described]
    return TableSide(label=label, path=str(file), rows=found.rows, columns=columns, fingerprints=found.columns)


def diff(folder: Path, before: str, after: str, key: list[str]) -> RowDiff:
    sides = side(folder, "before", before), side(folder, "after", after)
    with connect(memory_mb=256, threads=1) as connection:
        both = open_sides(connection, *sides, diff_schemas(*sides).pairs)
        repeated = repeated_rows(both, key) if key else 0
        return diff_rows(both, key, folder, lambda done: None, repeated=repeated)


def select(rows: Sequence[Row]) -> str:
    values = ", ".join("(" + ", ".join("NULL" if v is None else repr(v) for v in row) + ")" for row in rows)
    return f"SELECT k::BIGINT AS k, t::VARCHAR AS t, v::DOUBLE AS v FROM (VALUES {values}) x(k, t, v)"


def drawn(chance: random.Random) -> list[Row]:
    keys = [*chance.sample(range(40), 25), None]
    return [(key, chance.choice(["x", "y", None]), chance.choice([0.0, 1.5, None])) for key in keys]


@pytest.mark.parametrize("seed", range(8))
def test_counts_by_key_are_those_of_a_comparison_in_memory(tmp_path: Path, seed: int) -> None:
    tables = [drawn(random.Random(seed)), drawn(random.Random(seed + 100))]
    found = diff(tmp_path, select(tables[0]), select(tables[1]), ["k"])
    before, after = ({key: rest for key, *rest in table} for table in tables)
    both = before.keys() & after.keys()
    assert (found.added, found.removed) == (len(after.keys() - before.keys()), len(before.keys() - after.keys()))
    assert found.changed == sum(before[key] != after[key] for key in both)
    differ = [zip("tv", before[key], after[key], strict=True) for key in both]
    columns = Counter(name for row in differ for name, one, other in row if one != other)
    assert {column.column: column.changed for column in found.columns} == columns


@pytest.mark.parametrize("seed", range(8))
def test_counts_of_whole_rows_are_those_of_multisets(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    tables = [[(chance.randrange(3), chance.choice("ab"), None) for _ in range(40)] for _ in range(2)]
    found = diff(tmp_path, select(tables[0]), select(tables[1]), [])
    before, after = Counter(tables[0]), Counter(tables[1])
    assert (found.added, found.removed) == ((after - before).total(), (before - after).total())
    with connect(memory_mb=256, threads=1) as connection:
        added = connection.execute(f"FROM read_parquet({literal(str(tmp_path / 'added.parquet'))})").fetchall()
    assert Counter(added) == after - before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("NULL::DOUBLE", "NULL::DOUBLE"),
        ("'nan'::DOUBLE", "'nan'::DOUBLE"),
        ("-0.0::DOUBLE", "0.0::DOUBLE"),
        ("7::TINYINT", "7::BIGINT"),
        ("7::INTEGER", "7.0::DOUBLE"),
        ("DATE '2013-01-01'", "TIMESTAMP '2013-01-01'"),
        ("7::UBIGINT", "7::BIGINT"),
    ],
)
def test_values_that_mean_the_same_are_no_change(tmp_path: Path, before: str, after: str) -> None:
    """The key takes part too: a key of another type still tells the same row."""
    for key in (["id"], ["x"], []):
        found = diff(tmp_path, f"SELECT 1 AS id, {before} AS x", f"SELECT 1 AS id, {after} AS x", key)
        assert found.same, key


def test_large_whole_numbers_are_not_taken_for_floats(tmp_path: Path) -> None:
    found = diff(tmp_path, "SELECT 1 AS id, 9007199254740993 AS x", "SELECT 1 AS id, 9007199254740992 AS x", ["id"])
    assert found.changed == 1


def test_columns_named_like_our_own_do_no_harm(tmp_path: Path) -> None:
    table = 'SELECT i AS "#0", i + {} AS h, i AS n, i AS side, i AS changed, i AS reference FROM range(9) t(i)'
    assert diff(tmp_path, table.format(0), table.format(1), ["#0"]).changed == 9
    assert diff(tmp_path, table.format(0), table.format(1), []).added == 9


def test_the_largest_changes_of_numbers_and_the_commonest_of_words_are_shown(tmp_path: Path) -> None:
    before = "SELECT i AS id, i * 1.0 AS x, 'UA' AS carrier FROM range(100) t(i)"
    after = "SELECT i AS id, i * 1.0 + CASE WHEN i > 90 THEN i ELSE 0 END AS x,"
    after += " CASE WHEN i < 30 THEN 'United' WHEN i < 40 THEN 'u.a.' ELSE 'UA' END AS carrier FROM range(100) t(i)"
    words, numbers = diff(tmp_path, before, after, ["id"]).columns
    assert [(one.after, one.rows) for one in words.examples] == [("United", 30), ("u.a.", 10)]
    assert [(one.key, one.after) for one in numbers.examples[:2]] == [("99", "198.0"), ("98", "196.0")]
    assert (numbers.changed, numbers.shift, numbers.median_shift) == (9, 95.0, 95.0)


def test_each_of_many_columns_is_counted_for_itself(tmp_path: Path) -> None:
    """More columns than one statement measures, each changed in as many rows as its number."""
    table = "SELECT i AS id, {} FROM range(120) t(i)"
    before = table.format(", ".join(f"i AS c{n}" for n in range(100)))
    after = table.format(", ".join(f"i + CASE WHEN i < {n} THEN 1 ELSE 0 END AS c{n}" for n in range(100)))
    found = diff(tmp_path, before, after, ["id"])
    assert {one.column: one.changed for one in found.columns} == {f"c{n}": n for n in range(1, 100)}
    assert sum(bool(one.examples) for one in found.columns) == 40, "values of those that changed most"


def names(columns: list[Any]) -> list[str]:
    return [column.name for column in columns]


def test_constant_columns_are_not_taken_for_renamed_ones() -> None:
    columns = [Column(name="a", type="BIGINT")], [Column(name="b", type="BIGINT")]
    sides = [
        TableSide(label="t", path="", rows=3, columns=side, fingerprints={side[0].name: "f"}, constant=[side[0].name])
        for side in columns
    ]
    found = diff_schemas(*sides)
    assert (names(found.added), names(found.removed), found.pairs) == (["b"], ["a"], [])
