"""The second wall: what the engine reaches, whatever the first wall let through."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from mlsteward.data.engine import connect
from mlsteward.data.sql.first_wall import FirstWall
from mlsteward.data.sql.result import QueryResult, first_rows
from mlsteward.data.sql.second_wall import RESULT, result_of
from mlsteward.data.sql.statement import Statement
from mlsteward.errors import InvalidSQL, UnusableData


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, Path]:
    flights = tmp_path / "objects" / "flights's.parquet"
    flights.parent.mkdir()
    with connect(memory_mb=256) as engine:
        engine.execute(
            "CREATE TABLE flights AS SELECT i AS number, i % 3 AS carrier, i * 1.5 AS dep_delay,"
            " TIMESTAMP '2013-01-01' + to_days(i::INT) AS moment FROM range(10) t(i)"
        )
        engine.table("flights").write_parquet(str(flights))
    return {"flights": flights, "flights@2": flights, "meta.runs": flights}


@contextmanager
def walled(
    sql: str, tables: dict[str, Path], reads: tuple[str, ...] = ("flights",)
) -> Generator[duckdb.DuckDBPyConnection, None, None]:
    """The engine as a statement finds it that the first wall never saw."""
    spill = tables["flights"].parent.parent / "spill"
    with result_of(Statement(sql, reads), tables, memory_mb=256, temp=spill) as engine:
        yield engine


def run(sql: str, tables: dict[str, Path], limit: int = 100) -> QueryResult:
    statement = FirstWall(connect(memory_mb=256)).read(sql)
    with result_of(statement, tables, memory_mb=256, temp=tables["flights"].parent / "spill") as engine:
        return first_rows(engine.table(RESULT), limit)


def refused(sql: str, tables: dict[str, Path]) -> InvalidSQL:
    with pytest.raises(InvalidSQL) as caught:
        run(sql, tables)
    return caught.value


def test_datasets_and_metadata_are_views_by_name(tables: dict[str, Path]) -> None:
    sql = 'SELECT count(*) FROM flights JOIN "flights@2" USING (number) JOIN meta.runs USING (number)'
    assert run(sql, tables).rows == [[10]]


def test_a_table_that_was_not_handed_over_is_refused(tables: dict[str, Path]) -> None:
    assert "There is no table `weather`" in str(refused("SELECT * FROM weather", tables))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/*')",
    ],
)
def test_the_engine_opens_no_other_file(tables: dict[str, Path], sql: str) -> None:
    with pytest.raises(InvalidSQL), walled(sql, tables) as engine:
        engine.table(RESULT).fetchall()


@pytest.mark.parametrize(
    "sql",
    [
        "ATTACH 'other.duckdb'",
        "COPY flights TO 'out.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "SET allowed_paths = ['/etc/passwd']",
        "RESET lock_configuration",
        "SET python_enable_replacements = true",
        "EXPORT DATABASE 'out'",
    ],
)
def test_the_engine_is_locked(tables: dict[str, Path], sql: str) -> None:
    with pytest.raises(InvalidSQL), walled("SELECT 1", tables) as engine:
        engine.execute(sql)


def test_the_engine_reads_no_python_variable(tables: dict[str, Path]) -> None:
    secret = connect(memory_mb=256).sql("SELECT 'secret' AS value")
    with pytest.raises(InvalidSQL), walled("SELECT * FROM secret", tables):
        pass
    assert secret.fetchall() == [("secret",)]


def test_a_table_the_statement_does_not_name_cannot_be_reached(tables: dict[str, Path], tmp_path: Path) -> None:
    other = tmp_path / "objects" / "other.parquet"
    other.write_bytes(tables["flights"].read_bytes())
    sql = f"SELECT * FROM read_parquet('{other}')"
    with pytest.raises(InvalidSQL), walled(sql, {**tables, "other": other}) as engine:
        engine.table(RESULT).fetchall()


def test_memory_is_bounded(tables: dict[str, Path]) -> None:
    error = refused("SELECT list(i ORDER BY hash(i)) FROM range(100000000) t(i)", tables)
    assert "more memory than a query may use" in error.message


def test_the_path_of_a_snapshot_stays_hidden(tables: dict[str, Path]) -> None:
    for column in ("filename", "file_row_number", "rowid"):
        assert "not found" in str(refused(f"SELECT {column} FROM flights", tables))


def test_a_damaged_snapshot_is_said_without_its_path(tables: dict[str, Path]) -> None:
    tables["flights"].write_bytes(b"damaged")
    with pytest.raises(UnusableData) as caught:
        run("SELECT * FROM flights", tables)
    assert "The rows of `flights` cannot be read" in caught.value.message
    assert str(tables["flights"].parent) not in str(caught.value)


def test_an_unknown_column_gets_the_one_that_was_meant(tables: dict[str, Path]) -> None:
    for sql in (
        "SELECT depdelay FROM flights",
        "SELECT f.depdelay FROM flights f",
        "SELECT * EXCLUDE (depdelay) FROM flights",
    ):
        error = refused(sql, tables)
        assert error.close[0] == "dep_delay"
        assert error.next == 'query_data(sql="DESCRIBE flights")'


def test_an_unknown_column_like_no_other_gets_the_list(tables: dict[str, Path]) -> None:
    assert "The columns are number, carrier, dep_delay, moment." in str(refused("SELECT zzzz FROM flights", tables))


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT carrier FROM flights GROUP BY moment", "must appear in the GROUP BY clause"),
        ("SELECT 'abc'::INT", "Could not convert string 'abc' to INT32."),
        ("SELECT sum(moment) FROM flights", "No function matches"),
        ("SELECT * FROM flights WHERE sum(number) > 1", "WHERE clause cannot contain aggregates."),
        ("SELECT (SELECT number FROM flights)", "More than one row returned by a subquery"),
    ],
)
def test_what_the_engine_says_comes_through_in_words(tables: dict[str, Path], sql: str, words: str) -> None:
    message = str(refused(sql, tables))
    assert words in message
    assert "LINE" not in message
    assert "Error:" not in message
    assert "\n" not in message


def test_rows_are_bounded_and_more_is_said(tables: dict[str, Path]) -> None:
    result = run("SELECT number FROM flights ORDER BY number DESC", tables, limit=3)
    assert result.rows == [[9], [8], [7]]
    assert result.more
    assert result.total is None
    assert run("FROM flights", tables).total == 10


def test_values_are_safe_for_json(tables: dict[str, Path]) -> None:
    values = {
        "1": 1,
        "9007199254740993": "9007199254740993",
        "170141183460469231731687303715884105727": "170141183460469231731687303715884105727",
        "1.25::DECIMAL(10, 4)": 1.25,
        "12345678901234567890.125::DECIMAL(38, 10)": "12345678901234567890.125",
        "1.5::DOUBLE": 1.5,
        "'NaN'::DOUBLE": "NaN",
        "'-inf'::FLOAT": "-Infinity",
        "true": True,
        "NULL": None,
        "DATE '2013-01-31'": "2013-01-31",
        "DATE '99999-01-31'": "99999-01-31",
        "DATE 'infinity'": "infinity",
        "TIMESTAMP '2013-01-31 10:00:00.5'": "2013-01-31 10:00:00.5",
        "TIMESTAMPTZ '2013-01-31 10:00:00+02'": "2013-01-31 08:00:00+00",
        "TIME '10:00'": "10:00:00",
        "INTERVAL 14 MONTH": "1 year 2 months",
        "'ab\\xFF'::BLOB": "ab\\xFF",
        "[1, NULL]": "[1, NULL]",
        "{'a': [now()]}.a[2:]": "[]",
        "MAP {'k': 1.5}": "{k=1.5}",
        "'6f2e8a3c-0000-4000-8000-000000000000'::UUID": "6f2e8a3c-0000-4000-8000-000000000000",
        """'{"a": 1}'::JSON""": '{"a": 1}',
        "repeat('é', 600)": "é" * 500 + "…",
    }
    result = run(f"SELECT {', '.join(values)}", tables)
    assert result.rows == [list(values.values())]
    assert json.loads(json.dumps(result.rows, allow_nan=False)) == result.rows


def test_columns_of_one_name_are_all_returned(tables: dict[str, Path]) -> None:
    result = run("SELECT number, number, carrier AS number FROM flights ORDER BY 1", tables, limit=1)
    assert result.rows == [[0, 0, 0]]
    assert len({name for name, _ in result.columns}) == 3


@pytest.mark.parametrize("ending", [";", " ; ;", "-- end", "; -- ; end", "/* end */;", "\n\n"])
def test_whatever_ends_a_statement_does_not_disturb(tables: dict[str, Path], ending: str) -> None:
    assert run(f"SELECT max(number) FROM flights{ending}", tables).rows == [[9]]


@pytest.mark.parametrize(
    "sql",
    [
        "DESCRIBE flights",
        "SUMMARIZE flights",
        "FROM flights SELECT carrier, sum(dep_delay) GROUP BY ALL",
        "PIVOT flights ON carrier IN (0, 1) USING sum(dep_delay)",
        "UNPIVOT (SELECT number, carrier FROM flights) ON number, carrier",
        "SELECT *, lag(dep_delay) OVER (ORDER BY moment) AS before FROM flights QUALIFY before > 2",
        "SELECT a.number FROM flights a ASOF JOIN flights b ON a.carrier = b.carrier AND a.moment > b.moment",
        "SELECT f.number, g.late FROM flights f, LATERAL (SELECT f.dep_delay > 3 AS late) g",
        "SELECT * FROM flights POSITIONAL JOIN meta.runs",
        "SELECT unnest([x * 2 FOR x IN [1, 2] IF x > 1]), COLUMNS('.*') FROM flights",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT sum(i) FROM n",
        "SELECT date_trunc('month', moment), quantile_cont(dep_delay, 0.9), median(number) FROM flights GROUP BY 1",
        "SELECT * EXCLUDE (moment) REPLACE (dep_delay / 60 AS dep_delay) FROM flights USING SAMPLE 3 ROWS",
        "VALUES (1, 'a')",
    ],
)
def test_analytics_run(tables: dict[str, Path], sql: str) -> None:
    assert run(sql, tables).rows
