"""The first wall: what the tree of a statement may say."""

import pytest

from mlsteward.data.engine import connect
from mlsteward.data.sql import functions
from mlsteward.data.sql.first_wall import LIMIT_BYTES, FirstWall
from mlsteward.errors import InvalidName, InvalidSQL
from mlsteward.names import check_dataset_name


@pytest.fixture(scope="module")
def wall() -> FirstWall:
    return FirstWall(connect(memory_mb=256))


def refused(wall: FirstWall, sql: str) -> InvalidSQL:
    with pytest.raises(InvalidSQL) as caught:
        wall.read(sql)
    return caught.value


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
        "COPY (SELECT 1) TO '/tmp/out.parquet'",
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
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_csv_auto('/etc/passwd')",
        "SELECT * FROM read_parquet('x.parquet')",
        "SELECT * FROM parquet_scan('x.parquet')",
        "SELECT * FROM parquet_metadata('x.parquet')",
        "SELECT * FROM read_json('x.json')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_blob('/etc/passwd')",
        "SELECT * FROM read_duckdb('x.duckdb')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM query_table('flights')",
        "SELECT * FROM query_table(['flights'])",
        "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM duckdb_functions()",
        "SELECT * FROM duckdb_tables()",
        "SELECT * FROM pragma_table_info('flights')",
        "SELECT * FROM which_secret('s3://x', 's3')",
        "SELECT * FROM seq_scan('flights')",
        "SELECT * FROM pandas_scan(1)",
        "SELECT * FROM python_map_function(1)",
        "SELECT * FROM arrow_scan(1, 2, 3)",
        "SELECT * FROM json_execute_serialized_sql('{}')",
        "SELECT * FROM enable_logging()",
        "SELECT * FROM histogram(flights, dep_delay)",
        "SELECT * FROM summary(flights)",
        "SELECT * FROM sqlite_scan('a', 'b')",
        "SELECT * FROM flights, LATERAL read_text(flights.path)",
        "SELECT * FROM system.main.range(10)",
        "SELECT * FROM main.read_text('/etc/passwd')",
    ],
)
def test_a_table_function_that_reads_elsewhere_is_refused(wall: FirstWall, sql: str) -> None:
    message = str(refused(wall, sql))
    assert "is not taken" in message or "There is no table function" in message


@pytest.mark.parametrize(
    "function",
    [
        "getenv('HOME')",
        "current_setting('temp_directory')",
        "getvariable('x')",
        "nextval('s')",
        "currval('s')",
        "current_schemas(true)",
        "current_database()",
        "current_query()",
        "in_search_path('a', 'b')",
        "sleep_ms(1000)",
        "pg_sleep(10)",
        "write_log('x')",
        "stats(1)",
        "version()",
        "txid_current()",
        "json_serialize_sql('SELECT 1')",
        "json_deserialize_sql('{}')",
        "has_table_privilege('a', 'b')",
        "pg_get_viewdef(1)",
        "list_aggregate([1], 'sum')",
        "error('x')",
        "setseed(0.5)",
        "read_text('/etc/passwd')",
        "invented(1)",
    ],
)
@pytest.mark.parametrize("place", ["SELECT {}", "SELECT * FROM flights WHERE a = {}", "SELECT [{} FOR x IN [1]]"])
def test_a_function_that_is_not_listed_is_refused_wherever_it_stands(
    wall: FirstWall, function: str, place: str
) -> None:
    message = str(refused(wall, place.format(function)))
    assert function.partition("(")[0] in message


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT list_transform([1], lambda x: getenv('HOME'))",
        "SELECT sum(a) FILTER (getenv('HOME') = 'x') FROM flights",
        "SELECT sum(a ORDER BY getenv('HOME')) FROM flights",
        "SELECT sum(a) OVER (ORDER BY getenv('HOME')) FROM flights",
        "SELECT lag(a, getenv('N')::INT) OVER (ORDER BY a) FROM flights",
        "SELECT * REPLACE (getenv('HOME') AS a) FROM flights",
        "SELECT COLUMNS(c -> c = getenv('HOME')) FROM flights",
        "SELECT 1 LIMIT getenv('N')::INT",
        "SELECT a FROM flights ORDER BY getenv('HOME')",
        "SELECT a FROM flights GROUP BY getenv('HOME')",
        "SELECT a FROM flights HAVING getenv('HOME') = 'x'",
        "SELECT a FROM flights QUALIFY getenv('HOME') = 'x'",
        "SELECT DISTINCT ON (getenv('HOME')) a FROM flights",
        "SELECT * FROM flights JOIN weather ON getenv('HOME') = 'x'",
        "SELECT * FROM range(getenv('N')::INT)",
        "SELECT * FROM (VALUES (getenv('HOME')))",
        "SELECT CASE WHEN true THEN getenv('HOME') END",
        "SELECT CAST(getenv('HOME') AS INT)",
        "SELECT 1 BETWEEN 0 AND getenv('HOME')::INT",
        "SELECT a[getenv('HOME')] FROM flights",
        "SELECT {'a': getenv('HOME')}",
        "PIVOT flights ON a IN (1) USING sum(getenv('HOME')::INT)",
        "WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT getenv('HOME') FROM r) FROM r",
    ],
)
def test_no_place_in_a_statement_hides_a_function(wall: FirstWall, sql: str) -> None:
    assert "getenv" in str(refused(wall, sql))


def test_a_window_function_is_checked_too(wall: FirstWall) -> None:
    assert "There is no window function `getenv`" in str(refused(wall, "SELECT getenv('x') OVER () FROM flights"))


@pytest.mark.parametrize("function", ["main.lower('a')", "system.main.lower('a')", "pg_catalog.lower('a')"])
def test_a_function_behind_a_schema_is_refused(wall: FirstWall, function: str) -> None:
    assert "bare name" in str(refused(wall, f"SELECT {function}"))


def test_a_method_of_a_column_must_be_a_listed_function(wall: FirstWall) -> None:
    assert "read_text" in str(refused(wall, "SELECT path.read_text() FROM flights"))


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
        '"flights@champion"',
        '"flug daten"',
    ],
)
def test_a_file_is_no_table(wall: FirstWall, table: str) -> None:
    error = refused(wall, f"SELECT * FROM {table}")
    assert "is no dataset" in error.message
    assert error.next.startswith("register_dataset(")
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


def test_a_misspelt_function_gets_the_one_that_was_meant(wall: FirstWall) -> None:
    assert "median" in refused(wall, "SELECT meidan(a) FROM flights").close
    assert "date_trunc" in refused(wall, "SELECT date_trunk('month', a) FROM flights").close


def test_a_reader_of_files_is_answered_with_registering() -> None:
    error = refused(FirstWall(connect(memory_mb=256)), "SELECT * FROM read_csv('x.csv')")
    assert error.next.startswith("register_dataset(")


def test_every_word_that_can_name_a_dataset_can_be_read_by_that_name(wall: FirstWall) -> None:
    words = connect(memory_mb=256).execute("SELECT DISTINCT keyword_name FROM duckdb_keywords()").fetchall()
    for word in {word for (word,) in words if can_name_a_dataset(word)}:
        assert wall.read(f"SELECT {word}.* FROM {word}").tables == (word,)


def can_name_a_dataset(word: str) -> bool:
    try:
        return check_dataset_name(word) == word
    except InvalidName:
        return False


def test_every_listed_function_is_one_of_the_engine() -> None:
    known = connect(memory_mb=256).execute("SELECT lower(function_name), function_type FROM duckdb_functions()")
    types: dict[str, set[str]] = {}
    for name, kind in known.fetchall():
        types.setdefault(name, set()).add(kind)
    assert functions.SCALARS - types.keys() == set()
    assert functions.AGGREGATES - types.keys() == set()
    assert all("window" in types[name] for name in functions.WINDOWS)
    assert all("table" in types[name] for name in functions.TABLE_FUNCTIONS)
    assert not functions.SCALARS & functions.AGGREGATES


def test_no_function_of_the_engine_passes_unless_it_is_listed(wall: FirstWall) -> None:
    sql = "SELECT DISTINCT lower(function_name), function_type LIKE 'table%' FROM duckdb_functions()"
    for name, of_tables in connect(memory_mb=256).execute(sql).fetchall():
        if not name.isidentifier() or "collate_" in name:  # those of 150 languages are alike
            continue
        listed = functions.TABLE_FUNCTIONS if of_tables else functions.SCALARS | functions.AGGREGATES
        if name not in listed:
            assert f"`{name}`" in str(refused(wall, f'SELECT {"* FROM" if of_tables else ""} "{name}"(1)'))


def test_listed_functions_have_no_side_effect_but_chance_and_time() -> None:
    sql = "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE has_side_effects"
    impure = {name for (name,) in connect(memory_mb=256).execute(sql).fetchall()}
    listed = functions.SCALARS | functions.AGGREGATES | functions.WINDOWS | functions.TABLE_FUNCTIONS
    assert sorted(impure & listed) == ["gen_random_uuid", "random", "uuid", "uuidv4", "uuidv7"]
