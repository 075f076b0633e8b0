"""The first wall: what the tree of a statement may say."""

import pytest

from mlsteward.data.sql.first_wall import LIMIT_BYTES, FirstWall
from tests.walls import refused

# Statements and the tables that they read.
ANALYTICS = {
    "SELECT carrier, count(*) FILTER (dep_delay > 15) FROM flights GROUP BY ALL ORDER BY ALL LIMIT 1": "flights",
    "FROM flights": "flights",
    "FROM flights SELECT carrier WHERE dep_delay > 3;": "flights",
    "TABLE flights": "flights",
    "VALUES (1, 'a'), (2, 'b')": "",
    "SELECT * FROM FLIGHTS f, Weather w WHERE f.hour = w.hour": "flights weather",
    'SELECT * FROM "flights@2" JOIN "weather@latest" USING (hour)': "flights@2 weather@latest",
    "SELECT r.state, m.value FROM meta.runs r JOIN meta.metrics m ON m.run = r.number": "meta.runs meta.metrics",
    "/* why */ SELECT 1 -- one\n;": "",
    "WITH a AS (SELECT * FROM flights), b AS MATERIALIZED (SELECT * FROM a) SELECT * FROM a, b": "flights",
    "WITH flights AS (SELECT * FROM flights WHERE month = 1) SELECT * FROM flights": "flights",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n": "",
    "WITH RECURSIVE n(i, j) USING KEY (i) AS (SELECT 1, 2 UNION SELECT i + 1, j FROM n WHERE i < 5) FROM n": "",
    "SELECT * FROM (WITH inner_one AS (FROM flights) FROM inner_one) AS s": "flights",
    "SELECT (WITH x AS (SELECT max(hour) AS h FROM weather) SELECT h FROM x) AS top, * FROM flights": "weather flights",
    "SELECT 1 UNION ALL BY NAME SELECT 2 EXCEPT SELECT 3 INTERSECT SELECT 4": "",
    "SELECT f.carrier, g.late FROM flights f, LATERAL (SELECT f.dep_delay > 15 AS late) g": "flights",
    "SELECT * FROM flights ASOF JOIN weather ON flights.carrier = weather.carrier AND flights.at >= weather.at": (
        "flights weather"
    ),
    "SELECT * FROM flights POSITIONAL JOIN weather": "flights weather",
    "SELECT * FROM flights SEMI JOIN weather USING (hour) ANTI JOIN planes USING (tailnum)": "flights weather planes",
    "SELECT * EXCLUDE (year) REPLACE (dep_delay / 60 AS dep_delay) RENAME (hour AS h) FROM flights": "flights",
    "SELECT COLUMNS('.*_delay'), min(COLUMNS(c -> c LIKE 'a%')), COLUMNS(* EXCLUDE (x)) FROM flights": "flights",
    "SELECT unnest([1, 2]), unnest({'a': 1}, recursive := true)": "",
    "SELECT * FROM range(10) t(i), generate_series(1, 3) WITH ORDINALITY, unnest([1, 2]) AS u(v)": "",
    "SELECT * FROM json_each('[1, 2]')": "",
    "SELECT carrier FROM flights QUALIFY row_number() OVER (PARTITION BY carrier ORDER BY hour DESC NULLS LAST) = 1": (
        "flights"
    ),
    "SELECT lag(x, 1, 0) OVER w, first_value(x IGNORE NULLS) OVER w, sum(x) OVER (ORDER BY d RANGE BETWEEN INTERVAL 1"
    " DAY PRECEDING AND CURRENT ROW EXCLUDE TIES) FROM flights WINDOW w AS (ORDER BY d)": "flights",
    "SELECT grouping(a), a, b FROM flights GROUP BY GROUPING SETS ((a), (a, b), ()), ROLLUP (c), CUBE (d)": "flights",
    "SELECT DISTINCT ON (carrier) * FROM flights USING SAMPLE 10% (bernoulli, 42)": "flights",
    "SELECT * FROM flights TABLESAMPLE reservoir(20 ROWS) REPEATABLE (42) LIMIT 10%": "flights",
    "SELECT [x * 2 FOR x IN [1, 2] IF x > 1], list_transform([1], lambda x, i: x + i), [1].filter(x -> x > 0)": "",
    "SELECT {'a': 1}.a, [1, 2][1:1], MAP {'k': 1}['k'], 'abc'[1], row(1, 2), (1, 2), struct_pack(a := 1)": "",
    "SELECT CASE WHEN a THEN b ELSE c END, a BETWEEN 1 AND 2, a IS NULL, a NOT IN (1, 2), a IN (SELECT 1), TRY(a),"
    " a::INT, TRY_CAST(a AS DECIMAL(10, 2)), a COLLATE NOCASE, EXISTS (SELECT 1), a = ANY (SELECT 1) FROM t": "t",
    "SELECT a LIKE 'x%' ESCAPE '!', a ILIKE 'b', a SIMILAR TO 'c', a ~ 'd', a GLOB '*.csv', a ^@ 'e' FROM t": "t",
    "SELECT extract(year FROM d), date_trunc('month', d), d AT TIME ZONE 'UTC', current_date, now(), DATE '2020-01-01',"
    " INTERVAL 3 DAY, strftime(d, '%Y'), date_diff('day', d, today()), time_bucket(INTERVAL 1 HOUR, d) FROM t": "t",
    "SELECT trim(BOTH 'x' FROM a), substring(a FROM 1 FOR 2), position('b' IN a), overlay(a PLACING 'x' FROM 1)": "",
    "SELECT quantile_cont(x, [0.5, 0.9]), median(x), mode(x), stddev(x), corr(x, y), regr_slope(y, x), arg_max(x, y),"
    " list(x ORDER BY y), string_agg(DISTINCT s, ',' ORDER BY s), percentile_cont(0.5) WITHIN GROUP (ORDER BY x),"
    " approx_count_distinct(x), histogram(x) FROM t": "t",
    "SELECT j->'a'->>'b', json_extract_string(j, '$.a'), j::JSON FROM t": "t",
    "SELECT name.lower(), s.part.upper().trim() FROM t": "t",
    "SELECT total: sum(x), n: count() FROM t GROUP BY #1 HAVING count(*) > 1": "t",
    "PIVOT flights ON carrier IN ('UA', 'AA') USING sum(dep_delay) GROUP BY month": "flights",
    "SELECT * FROM flights PIVOT (sum(dep_delay) FOR carrier IN ('UA', 'AA') GROUP BY month)": "flights",
    "UNPIVOT flights ON dep_delay, arr_delay INTO NAME kind VALUE minutes": "flights",
    "DESCRIBE flights": "flights",
    'DESCRIBE "flights@2"': "flights@2",
    "SUMMARIZE flights": "flights",
    "SUMMARIZE meta.runs": "meta.runs",
    "SELECT * FROM (DESCRIBE flights) WHERE column_type = 'DATE'": "flights",
    "DESCRIBE SELECT carrier, count(*) FROM flights GROUP BY 1": "flights",
}


@pytest.mark.parametrize("sql", ANALYTICS)
def test_what_analysts_write_passes_and_names_its_tables(wall: FirstWall, sql: str) -> None:
    assert list(wall.read(sql).tables) == ANALYTICS[sql].split()


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO flights VALUES (1)",
        "UPDATE flights SET a = 1",
        "DELETE FROM flights",
        "CREATE TABLE t AS SELECT 1",
        "CREATE MACRO m(x) AS x + 1",
        "DROP TABLE flights",
        "COPY flights TO 'out.csv'",
        "COPY (SELECT 1) TO 'out.parquet'",
        "COPY flights FROM '/etc/passwd'",
        "ATTACH 'other.duckdb'",
        "DETACH memory",
        "INSTALL httpfs",
        "LOAD httpfs",
        "PRAGMA database_list",
        "PRAGMA enable_logging",
        "SET memory_limit = '100GB'",
        "SET VARIABLE x = 1",
        "RESET memory_limit",
        "CALL pragma_version()",
        "EXPORT DATABASE 'x'",
        "IMPORT DATABASE 'x'",
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE SELECT 1",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "BEGIN",
        "CHECKPOINT",
        "VACUUM",
        "USE memory",
        "MERGE INTO flights USING weather ON true WHEN MATCHED THEN DELETE",
        "COMMENT ON TABLE flights IS 'x'",
        "CREATE SECRET s (TYPE s3)",
    ],
)
def test_a_statement_that_does_more_than_read_is_refused(wall: FirstWall, sql: str) -> None:
    assert "SQL here only reads" in str(refused(wall, sql))


@pytest.mark.parametrize(
    "sql",
    [
        "WITH x AS (INSERT INTO flights VALUES (1) RETURNING *) SELECT * FROM x",
        "WITH x AS (UPDATE flights SET a = 1 RETURNING *) SELECT * FROM x",
        "WITH x AS (DELETE FROM flights RETURNING *) SELECT * FROM x",
        "WITH x AS (COPY flights TO 'out.parquet') SELECT * FROM x",
        "WITH x AS (COPY (SELECT 1) TO 'out.parquet') SELECT * FROM x",
        "WITH x AS (MERGE INTO flights USING weather ON true WHEN MATCHED THEN DELETE RETURNING *) SELECT * FROM x",
        "SELECT * FROM (WITH x AS (DELETE FROM flights RETURNING *) FROM x)",
        "SELECT (WITH x AS (DELETE FROM flights RETURNING 1) SELECT count(*) FROM x)",
        "SELECT 1 UNION ALL (WITH x AS (COPY flights TO 'o.csv') SELECT 1)",
        "DESCRIBE WITH x AS (DELETE FROM flights RETURNING *) FROM x",
    ],
)
def test_a_cte_that_writes_is_refused(wall: FirstWall, sql: str) -> None:
    message = str(refused(wall, sql))
    assert "SQL here only reads" in message or "does not parse" in message


def test_insert_in_a_cte_is_refused_by_its_node(wall: FirstWall) -> None:
    message = str(refused(wall, "WITH x AS (INSERT INTO flights VALUES (1) RETURNING *) SELECT * FROM x"))
    assert message.startswith("INSERT is not taken, in a CTE neither")


def test_copy_in_a_cte_is_refused_by_its_node(wall: FirstWall) -> None:
    message = str(refused(wall, "WITH x AS (COPY flights TO 'out.parquet') SELECT * FROM x"))
    assert message.startswith("COPY is not taken, in a CTE neither")


@pytest.mark.parametrize(
    "sql", ["SHOW TABLES", "SHOW ALL TABLES", "SHOW DATABASES", "SELECT * FROM (SHOW TABLES)", "DESCRIBE"]
)
def test_show_is_refused(wall: FirstWall, sql: str) -> None:
    refused(wall, sql)


def test_pivot_without_its_values_says_to_list_them(wall: FirstWall) -> None:
    assert "list the values" in str(refused(wall, "PIVOT flights ON carrier USING sum(dep_delay)"))
    assert "list the values" in str(refused(wall, "WITH p AS (PIVOT flights ON carrier USING count(*)) FROM p"))
    assert "list the values" in str(
        refused(wall, "PIVOT flights ON carrier IN (SELECT carrier FROM airlines) USING count(*)")
    )


def test_pivot_does_not_take_its_values_from_a_type(wall: FirstWall) -> None:
    assert "PIVOT ENUM" in str(refused(wall, "SELECT * FROM (PIVOT flights ON carrier IN some_type USING count(*))"))


def test_two_statements_are_refused(wall: FirstWall) -> None:
    assert "this text holds 2" in str(refused(wall, "SELECT 1; SELECT 2"))
    assert "this text holds 2" in str(refused(wall, "SELECT 1; DROP TABLE flights"))
    assert "this text holds 0" in str(refused(wall, "-- nothing"))
    assert "is empty" in str(refused(wall, " \n"))


def test_a_statement_of_33_kb_is_refused(wall: FirstWall) -> None:
    assert "at most 32,768" in str(refused(wall, "SELECT 1 --" + "x" * 33 * 1024))
    assert "at most 32,768" in str(refused(wall, f"SELECT '{'é' * (LIMIT_BYTES // 2)}'"))
    assert wall.read("SELECT 1 --" + "x" * (LIMIT_BYTES - 11)).tables == ()


def test_parameters_are_refused(wall: FirstWall) -> None:
    for sql in ("SELECT ?", "SELECT $1", "SELECT $name", "SELECT * FROM flights LIMIT ?"):
        assert "parameter" in str(refused(wall, sql))


def test_time_travel_and_types_of_other_schemas_are_refused(wall: FirstWall) -> None:
    assert "not taken" in str(refused(wall, "SELECT * FROM flights AT (VERSION => 1)"))
    assert "not taken" in str(refused(wall, "SELECT a::main.thing FROM flights"))


def test_text_that_is_no_unicode_or_holds_nul_is_refused(wall: FirstWall) -> None:
    assert "Unicode" in str(refused(wall, "SELECT '\ud800'"))
    assert "NUL" in str(refused(wall, "SELECT 1 \0 FROM flights"))


def test_nesting_bombs_are_refused_in_words(wall: FirstWall) -> None:
    for deep in ("(" * 9000 + "1" + ")" * 9000, "NOT " * 7000 + "true", "[" * 9000 + "]" * 9000, "1" + "+1" * 9000):
        message = str(refused(wall, f"SELECT {deep}"))
        assert "depth" in message or "deep" in message
        assert "SET" not in message


def test_a_syntax_error_says_where(wall: FirstWall) -> None:
    assert str(refused(wall, "SELECT a\nFROM flights\nWHER b = 1")) == (
        'The statement does not parse: syntax error at or near "b" (line 3, column 6).'
    )


def test_a_version_without_quotes_is_refused_with_how_to_write_it(wall: FirstWall) -> None:
    assert str(refused(wall, "SELECT * FROM flights@2")).endswith('A version is written in double quotes: "flights@2".')


def test_show_is_refused_with_what_to_call(wall: FirstWall) -> None:
    for sql in ("SHOW TABLES", "SHOW ALL TABLES", "FROM (SHOW TABLES)"):
        message = str(refused(wall, sql))
        assert "DESCRIBE and SUMMARIZE" in message
        assert "list_datasets()" in message
