"""The first wall: what names a table, and what a CTE may be called."""

import pytest

from mlsteward.data.engine import connect
from mlsteward.data.sql.first_wall import READ_FILES, FirstWall
from mlsteward.errors import InvalidName
from mlsteward.names import check_dataset_name
from tests.walls import refused


@pytest.mark.parametrize(
    "table",
    [
        "'/etc/passwd'",
        '"/etc/passwd"',
        "'data.csv'",
        '"x.parquet"',
        "'s3://bucket/x.parquet'",
        "'https://example.org/x.csv'",
        "'../store.duckdb'",
        '"flights@2; DROP"',
        '"flights@two words"',
        '"flug daten"',
    ],
)
def test_a_file_is_no_table(wall: FirstWall, table: str) -> None:
    error = refused(wall, f"SELECT * FROM {table}")
    assert "is no dataset" in error.message
    assert error.next == READ_FILES
    assert "is no dataset" in str(refused(wall, f"SUMMARIZE {table}"))


@pytest.mark.parametrize(
    "table",
    [
        "information_schema.tables",
        "pg_catalog.pg_class",
        "main.flights",
        "memory.main.flights",
        "system.main.duckdb_settings",
        "temp.flights",
        "flights.meta",
        "other.meta.runs",
        'meta."../x"',
        "recurring.flights",
    ],
)
def test_only_metadata_stands_behind_a_schema(wall: FirstWall, table: str) -> None:
    assert "cannot be read" in str(refused(wall, f"SELECT * FROM {table}"))


@pytest.mark.parametrize("name", ["sqlite_master", "pg_class", "duckdb_settings", "df", "c"])
def test_a_system_view_counts_as_a_dataset_of_that_name_which_nobody_registered(wall: FirstWall, name: str) -> None:
    assert wall.read(f"SELECT * FROM {name}").tables == (name,)


def test_a_cte_does_not_see_itself(wall: FirstWall) -> None:
    assert wall.read("WITH a AS (SELECT * FROM a) SELECT * FROM a").tables == ("a",)


def test_a_cte_does_not_see_those_after_it(wall: FirstWall) -> None:
    assert wall.read("WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a").tables == ("b",)


def test_a_cte_ends_with_its_query(wall: FirstWall) -> None:
    assert wall.read("SELECT * FROM (WITH a AS (SELECT 1) FROM a), a").tables == ("a",)


def test_a_recursive_cte_is_seen_in_its_recursive_part_alone(wall: FirstWall) -> None:
    sql = "WITH RECURSIVE a AS (SELECT * FROM a UNION ALL SELECT * FROM a) SELECT * FROM a"
    assert wall.read(sql).tables == ("a",)


@pytest.mark.parametrize("name", ["/etc/passwd", "x.parquet", "a b", "é", "https://example.org/x.csv", ""])
def test_a_cte_is_named_by_a_plain_identifier(wall: FirstWall, name: str) -> None:
    message = str(refused(wall, f'WITH "{name}" AS (SELECT * FROM "{name}") SELECT * FROM "{name}"'))
    assert "A CTE cannot be called" in message or "does not parse" in message


@pytest.mark.parametrize("name", ["sqlite_master", "duckdb_settings", "pg_class", "read_csv", "Query_Table", "summary"])
def test_a_cte_does_not_take_the_name_of_a_system_table_view_or_function(wall: FirstWall, name: str) -> None:
    error = refused(wall, f"WITH {name} AS (SELECT 1) SELECT * FROM {name}")
    assert "A CTE cannot be called" in error.message
    assert error.close == (f"{name}_1",)


def test_every_word_that_can_name_a_dataset_can_be_read_by_that_name(wall: FirstWall) -> None:
    words = connect(memory_mb=256).execute("SELECT DISTINCT keyword_name FROM duckdb_keywords()").fetchall()
    for word in {word for (word,) in words if can_name_a_dataset(word)}:
        assert wall.read(f"SELECT {word}.* FROM {word}").tables == (word,)


def can_name_a_dataset(word: str) -> bool:
    try:
        return check_dataset_name(word) == word
    except InvalidName:
        return False
