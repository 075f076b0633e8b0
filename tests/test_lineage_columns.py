"""Which columns a statement's result comes from."""

from collections.abc import Iterator

import duckdb
import pytest
from sqlglot import exp
from sqlglot.lineage import lineage as second_opinion

from mlsteward.data.engine import connect
from mlsteward.lineage.columns import ColumnEdge, column_lineage

TABLES = {
    "flights": {
        "id": "i",
        "carrier": "['UA', 'AA', 'DL'][i % 3 + 1]",
        "dep_delay": "i * 7 % 30 - 5",
        "arr_delay": "i * 5 % 40 - 9",
        "distance": "200 + i * 13 % 50",
        "month": "i % 4 + 1",
        "ts": "TIMESTAMP '2013-01-01' + to_hours(i::INT)",
        "tags": "[i, i % 5]",
    },
    "carriers": {"carrier": "['UA', 'AA', 'B6'][i % 3 + 1]", "fleet": "i * 3", "month": "i % 4 + 1"},
    "weather": {"ts": "TIMESTAMP '2013-01-01' + to_hours((i * 3)::INT)", "wind": "i * 11 % 17", "month": "i % 4 + 1"},
    "flights@1": {"id": "i", "Dep_Delay": "i % 9"},
}
SCHEMAS = {table: list(columns) for table, columns in TABLES.items()}

# What each statement makes, as `column: source (how)`; `*` stands for the rows.
FOLLOWED = {
    "SELECT id, dep_delay + 1 AS x FROM flights": "id: flights.id IDENTITY; x: flights.dep_delay TRANSFORMATION",
    "FROM flights SELECT flights.id AS i, month::TEXT AS m": "i: flights.id IDENTITY; m: flights.month TRANSFORMATION",
    "FROM carriers": (
        "carrier: carriers.carrier IDENTITY; fleet: carriers.fleet IDENTITY; month: carriers.month IDENTITY"
    ),
    "SELECT * EXCLUDE (month) REPLACE (fleet * 2 AS fleet) RENAME (carrier AS name) FROM carriers": (
        "name: carriers.carrier IDENTITY; fleet: carriers.fleet TRANSFORMATION"
    ),
    "SELECT max(COLUMNS(* EXCLUDE (carrier))) FROM carriers": (
        "fleet: carriers.fleet AGGREGATION; month: carriers.month AGGREGATION"
    ),
    "SELECT COLUMNS('^(fl|mo)') FROM carriers": "fleet: carriers.fleet IDENTITY; month: carriers.month IDENTITY",
    "SELECT COLUMNS(lambda c: c LIKE 'f%') + 1 FROM carriers": "fleet: carriers.fleet TRANSFORMATION",
    "SELECT * LIKE 'f%' FROM carriers": "fleet: carriers.fleet IDENTITY",
    "SELECT fleet AS f, f + 1 AS g FROM carriers WHERE f > 2": (
        "f: carriers.fleet IDENTITY; g: carriers.fleet TRANSFORMATION; *: carriers.fleet FILTER"
    ),
    "SELECT FLEET, C.Month FROM Carriers c": "fleet: carriers.fleet IDENTITY; month: carriers.month IDENTITY",
    'SELECT dep_delay, f.ID FROM "flights@1" f': "Dep_Delay: flights@1.Dep_Delay IDENTITY; id: flights@1.id IDENTITY",
    "SELECT carrier, avg(dep_delay) FILTER (WHERE month > 1) AS late FROM flights GROUP BY ALL": (
        "carrier: flights.carrier IDENTITY; late: flights.dep_delay AGGREGATION; late: flights.month FILTER;"
        " *: flights.carrier GROUP_BY"
    ),
    "SELECT month, count(*) AS n FROM flights GROUP BY 1 HAVING max(distance) > 210 ORDER BY 2": (
        "month: flights.month IDENTITY; *: flights.month GROUP_BY; *: flights.distance FILTER"
    ),
    "SELECT dep_delay, fleet FROM flights f JOIN carriers c USING (carrier)": (
        "dep_delay: flights.dep_delay IDENTITY; fleet: carriers.fleet IDENTITY; *: flights.carrier JOIN;"
        " *: carriers.carrier JOIN"
    ),
    "SELECT carrier FROM flights f FULL JOIN carriers c USING (carrier)": (
        "carrier: flights.carrier IDENTITY; carrier: carriers.carrier IDENTITY; *: flights.carrier JOIN;"
        " *: carriers.carrier JOIN"
    ),
    "SELECT id FROM flights SEMI JOIN carriers USING (carrier)": (
        "id: flights.id IDENTITY; *: flights.carrier JOIN; *: carriers.carrier JOIN"
    ),
    "SELECT id, wind FROM flights f ASOF JOIN weather w ON f.ts >= w.ts": (
        "id: flights.id IDENTITY; wind: weather.wind IDENTITY; *: flights.ts JOIN; *: weather.ts JOIN"
    ),
    "SELECT CASE WHEN month > 2 THEN dep_delay ELSE arr_delay END AS d, if(id > 1, 1, distance) AS e FROM flights": (
        "d: flights.dep_delay TRANSFORMATION; d: flights.arr_delay TRANSFORMATION; d: flights.month CONDITIONAL;"
        " e: flights.distance TRANSFORMATION; e: flights.id CONDITIONAL"
    ),
    "SELECT sum(dep_delay) OVER w AS s, row_number() OVER (ORDER BY id) AS n FROM flights"
    " WINDOW w AS (PARTITION BY carrier ORDER BY ts)": (
        "s: flights.dep_delay AGGREGATION; s: flights.carrier WINDOW; s: flights.ts WINDOW; n: flights.id WINDOW"
    ),
    "SELECT id FROM flights QUALIFY row_number() OVER (PARTITION BY carrier ORDER BY ts) = 1": (
        "id: flights.id IDENTITY; *: flights.carrier WINDOW; *: flights.ts WINDOW"
    ),
    "SELECT DISTINCT month FROM flights": "month: flights.month IDENTITY; *: flights.month GROUP_BY",
    "SELECT DISTINCT ON (carrier) id FROM flights ORDER BY carrier, ts": (
        "id: flights.id IDENTITY; *: flights.carrier GROUP_BY; *: flights.carrier SORT; *: flights.ts SORT"
    ),
    "WITH a AS (SELECT id, dep_delay AS d FROM flights), b(x, y) AS (SELECT id, d * 2 FROM a)"
    " SELECT y FROM b WHERE x > 3": ("y: flights.dep_delay TRANSFORMATION; *: flights.id FILTER"),
    "WITH RECURSIVE r(n) AS (SELECT min(month) FROM flights UNION ALL SELECT n + 1 FROM r WHERE n < 9)"
    " SELECT n FROM r": ("n: flights.month AGGREGATION; *: flights.month FILTER"),
    "SELECT s.m FROM (SELECT carrier, max(fleet) FROM carriers GROUP BY carrier) AS s(c, m)": (
        "m: carriers.fleet AGGREGATION; *: carriers.carrier GROUP_BY"
    ),
    "SELECT id, (SELECT max(fleet) FROM carriers c WHERE c.carrier = f.carrier) AS m FROM flights f": (
        "id: flights.id IDENTITY; m: carriers.fleet AGGREGATION; m: carriers.carrier FILTER; m: flights.carrier FILTER"
    ),
    "SELECT id FROM flights f WHERE month IN (SELECT month FROM carriers)"
    " AND EXISTS (SELECT 1 FROM weather w WHERE w.ts = f.ts)": (
        "id: flights.id IDENTITY; *: flights.month FILTER; *: carriers.month FILTER; *: weather.ts FILTER;"
        " *: flights.ts FILTER"
    ),
    "SELECT month FROM flights UNION ALL SELECT fleet FROM carriers": (
        "month: flights.month IDENTITY; month: carriers.fleet IDENTITY"
    ),
    "SELECT month, id FROM flights UNION ALL BY NAME SELECT fleet, month FROM carriers": (
        "month: flights.month IDENTITY; month: carriers.month IDENTITY; id: flights.id IDENTITY;"
        " fleet: carriers.fleet IDENTITY"
    ),
    "SELECT month FROM flights EXCEPT SELECT fleet FROM carriers": (
        "month: flights.month IDENTITY; *: flights.month FILTER; *: carriers.fleet FILTER"
    ),
    "PIVOT flights ON carrier IN ('UA', 'AA') USING avg(dep_delay) AS late GROUP BY month": (
        "month: flights.month IDENTITY; UA_late: flights.dep_delay AGGREGATION; UA_late: flights.carrier CONDITIONAL;"
        " AA_late: flights.dep_delay AGGREGATION; AA_late: flights.carrier CONDITIONAL; *: flights.month GROUP_BY"
    ),
    "UNPIVOT (SELECT id, dep_delay, arr_delay FROM flights) ON dep_delay, arr_delay INTO NAME which VALUE delay": (
        "id: flights.id IDENTITY; delay: flights.dep_delay TRANSFORMATION; delay: flights.arr_delay TRANSFORMATION"
    ),
    "SELECT id, t.x FROM flights, unnest(tags) AS t(x)": (
        "id: flights.id IDENTITY; x: flights.tags TRANSFORMATION; *: flights.tags JOIN"
    ),
    "SELECT id, unnest(tags) AS x FROM flights": (
        "id: flights.id IDENTITY; x: flights.tags TRANSFORMATION; *: flights.tags JOIN"
    ),
    "SELECT z FROM carriers, LATERAL (SELECT fleet + 1 AS z) AS l": "z: carriers.fleet TRANSFORMATION",
    "SELECT list_transform(tags, lambda t: t + month) AS l, [u * 2 FOR u IN tags IF u > id] AS m FROM flights": (
        "l: flights.tags TRANSFORMATION; l: flights.month TRANSFORMATION; m: flights.tags TRANSFORMATION;"
        " m: flights.id TRANSFORMATION"
    ),
    "SELECT {'a': month, 'b': id} AS s, c AS whole FROM flights POSITIONAL JOIN (SELECT fleet FROM carriers) c": (
        "s: flights.month TRANSFORMATION; s: flights.id TRANSFORMATION; whole: carriers.fleet TRANSFORMATION"
    ),
    "SELECT y: fleet + 1, #2 FROM carriers": "y: carriers.fleet TRANSFORMATION; fleet: carriers.fleet IDENTITY",
    "SELECT month FROM carriers LIMIT (SELECT max(month) FROM flights)": (
        "month: carriers.month IDENTITY; *: flights.month FILTER"
    ),
    "SELECT 1 AS one, range FROM range(3)": "",
}


# What the other parser does not read, or reads otherwise than the engine does: UNION BY NAME by position, EXCEPT as a
# union, no columns of a named window, of FILTER as values.
_OTHERWISE = ("COLUMNS(", "* LIKE", "PIVOT", "#2", "whole", "range(", "BY NAME", "EXCEPT", "WINDOW w", "FILTER (")


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(memory_mb=256, threads=1) as engine:
        for table, columns in TABLES.items():
            values = ", ".join(f'{value} AS "{name}"' for name, value in columns.items())
            engine.execute(f'CREATE TABLE "{table}" AS SELECT {values} FROM range(24) t(i)')
        yield engine


def result_columns(engine: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    return [column[0] for column in engine.execute(sql).description or []]


def followed(engine: duckdb.DuckDBPyConnection, sql: str) -> list[ColumnEdge]:
    if sql not in _FOUND:
        _FOUND[sql] = column_lineage(sql, SCHEMAS, result_columns(engine, sql))
    return _FOUND[sql]


_FOUND: dict[str, list[ColumnEdge]] = {}


def words(edge: ColumnEdge) -> str:
    return f"{edge.column or '*'}: {edge.source_table}.{edge.source_column} {edge.subtype}"


@pytest.mark.parametrize(("sql", "expected"), FOLLOWED.items(), ids=[sql[:50] for sql in FOLLOWED])
def test_columns_are_followed_through_every_construct(
    engine: duckdb.DuckDBPyConnection, sql: str, expected: str
) -> None:
    found = {words(edge) for edge in followed(engine, sql)}
    assert found == {part.strip() for part in expected.split(";") if part}


@pytest.mark.parametrize("sql", FOLLOWED, ids=[sql[:50] for sql in FOLLOWED])
def test_what_changes_with_a_column_is_among_its_edges(engine: duckdb.DuckDBPyConnection, sql: str) -> None:
    """The engine itself is asked: each source column is changed in turn, and the result looked at."""
    edges = followed(engine, sql)
    before = _sorted_columns(engine, sql)
    for table, columns in TABLES.items():
        for column in columns if table in sql else ():
            reached = {edge.column for edge in edges if (edge.source_table, edge.source_column) == (table, column)}
            engine.execute("BEGIN")
            engine.execute(f'UPDATE "{table}" SET "{column}" = {_changed(TABLES[table][column], column)}')
            after = _sorted_columns(engine, sql)
            engine.execute("ROLLBACK")
            changed = {name for name in before if before[name] != after[name]}
            assert not changed or "" in reached or changed <= reached, f"{table}.{column} changes {changed}"


def _changed(value: str, column: str) -> str:
    if "TIMESTAMP" in value:
        return f'"{column}" + INTERVAL 40 MINUTE'
    if value.startswith("['"):
        return f"CASE \"{column}\" WHEN 'UA' THEN 'AA' ELSE 'UA' END"
    return f'list_append("{column}", 77)' if value.startswith("[") else f'"{column}" + 1'


def _sorted_columns(engine: duckdb.DuckDBPyConnection, sql: str) -> dict[str, list[str]]:
    rows = engine.execute(sql).fetchall()
    names = [column[0] for column in engine.description or []]
    return {name: sorted(str(row[place]) for row in rows) for place, name in enumerate(names)}


@pytest.mark.parametrize("sql", FOLLOWED, ids=[sql[:50] for sql in FOLLOWED])
def test_another_parser_finds_the_same_sources(engine: duckdb.DuckDBPyConnection, sql: str) -> None:
    if any(word in sql for word in _OTHERWISE):
        pytest.skip("the other parser reads this otherwise")
    edges = followed(engine, sql)
    for column in result_columns(engine, sql):
        ours = {
            (edge.source_table, edge.source_column.lower())
            for edge in edges
            if edge.column == column and edge.subtype != "FILTER"
        }
        schema = {table: dict.fromkeys(columns, "INT") for table, columns in SCHEMAS.items()}
        node = second_opinion(column.lower(), sql, schema=schema, dialect="duckdb")
        leaves = [leaf for leaf in node.walk() if isinstance(leaf.expression, exp.Table)]
        theirs = {(leaf.expression.name, leaf.name.rpartition(".")[2].strip('"').lower()) for leaf in leaves}
        assert theirs == ours, column


@pytest.mark.parametrize(
    "sql", ["SUMMARIZE carriers", "SELECT month FROM (SELECT f.month, c.month FROM flights f, carriers c)"]
)
def test_what_cannot_be_followed_may_come_from_anywhere(sql: str) -> None:
    edges = column_lineage(sql, {"carriers": ["carrier", "fleet"]}, ["a", "b"])
    assert {(edge.column, edge.source_column) for edge in edges} == {
        ("a", "carrier"),
        ("a", "fleet"),
        ("b", "carrier"),
        ("b", "fleet"),
    }
    assert {(edge.kind, edge.subtype) for edge in edges} == {("direct", "UNKNOWN")}


@pytest.mark.parametrize(
    "sql", ["", "SELEC 1", "SELECT 1; SELECT 2", "COPY t TO 'x'", "SELECT a FROM missing", "\0", "(" * 3000]
)
def test_no_text_makes_it_fail(sql: str) -> None:
    assert column_lineage(sql, {"t": ["a"]}, ["x"]) == [ColumnEdge("x", "t", "a", "direct", "UNKNOWN")]
