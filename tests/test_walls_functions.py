"""The first wall: the functions that a statement may call."""

import pytest

from mlsteward.data.engine import connect
from mlsteward.data.sql import functions
from mlsteward.data.sql.first_wall import READ_FILES, FirstWall
from tests.walls import refused


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


def test_a_misspelt_function_gets_the_one_that_was_meant(wall: FirstWall) -> None:
    assert "median" in refused(wall, "SELECT meidan(a) FROM flights").close
    assert "date_trunc" in refused(wall, "SELECT date_trunk('month', a) FROM flights").close


def test_a_reader_of_files_is_answered_with_registering() -> None:
    error = refused(FirstWall(connect(memory_mb=256)), "SELECT * FROM read_csv('x.csv')")
    assert error.next == READ_FILES


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
