"""Checks run on rows: what fails, what is counted, which rows are kept, and what never is."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from mlsteward.contracts.check import MASKED, Contract, ContractColumn
from mlsteward.contracts.order import PastColumn, PastVersion
from mlsteward.contracts.parse import read_checks
from mlsteward.data.engine import connect, literal
from tests.contract_samples import check_table, run_on, write_table
from tests.dictionary_samples import AIRLINES, FLIGHTS

FLIGHTS_ROWS = len(FLIGHTS["carrier"])


def planted(column: str, *values: Any) -> dict[str, list[Any]]:
    """The flights, the last values of a column replaced."""
    kept = FLIGHTS[column][: FLIGHTS_ROWS - len(values)]
    return {**FLIGHTS, column: [*kept, *values]}


@pytest.mark.parametrize(
    ("column", "values", "check", "failing"),
    [
        ("dep_delay", [None, None], "nulls(dep_delay) <= 5%", 3),
        ("dep_delay", [-999, None], "missing(dep_delay, -999) <= 1", 3),
        ("tailnum", ["", "N/A", "n/a"], 'missing(tailnum, "", N/A) = 0', 2),
        ("carrier", ["XX", "ua", None], "carrier in (UA, AA, B6, DL)", 2),
        ("tailnum", ["N0001", "N0002"], "unique(tailnum)", 4),
        ("tailnum", ["x1", None, "NN"], "tailnum matches /^N[0-9]+$/", 2),
        ("distance", [-1.0, 1e9, None], "distance between 0 and 5000", 2),
        ("distance", [0.0, -5.0], "distance > 0", 2),
        ("distance", [0.0, -5.0], "distance >= 0", 1),
        ("carrier", ["ZZ", "ZZ"], "carrier -> airlines.carrier", 2),
        ("time_hour", [datetime(2031, 1, 1)], "time_hour <= 2013-12-31", 1),
        ("dep_delay", [-500], "sql: SELECT * FROM flights WHERE dep_delay < -100", 1),
    ],
)
def test_planted_faults_are_counted(tmp_path: Path, column: str, values: list[Any], check: str, failing: int) -> None:
    write_table(tmp_path / "airlines.parquet", AIRLINES)
    tables = {"airlines": str(tmp_path / "airlines.parquet")}
    (clean,) = check_table(tmp_path, FLIGHTS, check, tables=tables)
    assert clean.passed or check.startswith(("nulls", "missing(dep")), "the table is well before"
    (found,) = check_table(tmp_path, planted(column, *values), check, tables=tables)
    assert not found.passed
    assert found.failing == failing
    assert found.examples
    assert len(found.examples) <= 5


def test_how_many_rows_may_fail_is_said_in_rows_or_percent(tmp_path: Path) -> None:
    table = planted("carrier", "XX", "XX")
    results = check_table(
        tmp_path,
        table,
        "carrier in (UA, AA, B6, DL) >= 95%",
        "carrier in (UA, AA, B6, DL) >= 95.1%",
        "carrier in (UA, AA, B6, DL) with failing <= 2",
        "carrier in (UA, AA, B6, DL) with failing < 2",
        "rows between 30 and 40",
        "rows != 40",
    )
    assert [result.passed for result in results] == [True, False, True, False, True, False]
    assert [result.value for result in results[:4]] == [5.0, 5.0, 2.0, 2.0]


def test_nulls_fail_only_checks_of_nulls(tmp_path: Path) -> None:
    empty = {"number": [None] * 5, "text": [None] * 5, "known": [1.0] * 5}
    columns = write_table(tmp_path / "flights.parquet", {**empty, "number": [1.0] + [None] * 4})
    texts = ["number between 5 and 6", "text in (a)", "text matches /a/", "unique(text)", "nulls(text) = 0"]
    checks = read_checks(texts, "flights", columns)
    results = run_on(tmp_path / "flights.parquet", Contract(dataset="flights", columns=columns, checks=checks))[2:]
    assert [(result.failing, result.total) for result in results] == [(1, 1), (0, 0), (0, 0), (0, 0), (5, 5)]


def test_numbers_that_are_not_finite_count_as_nulls(tmp_path: Path) -> None:
    with connect(threads=1) as connection:
        values = "(VALUES (1.0::DOUBLE), ('nan'), ('inf'), (NULL)) AS t(x)"
        connection.execute(f"COPY (FROM {values}) TO {literal(str(tmp_path / 'x.parquet'))} (FORMAT parquet)")
    texts = ["nulls(x) = 0", "x between 0 and 5", "mean(x) within 0 of previous"]

    columns = [ContractColumn(name="x", type="DOUBLE")]
    contract = Contract(dataset="flights", columns=columns, checks=read_checks(texts, "flights", columns))
    past = [PastVersion(version=1, rows=4, columns={"x": PastColumn(nulls=3, distinct=1, mean=1.0)})]
    nulls, within, mean = run_on(tmp_path / "x.parquet", contract, history=past)[2:]
    assert (nulls.failing, within.passed, within.total, mean.passed) == (3, True, 1, True)


@pytest.mark.parametrize(
    ("table", "check", "failing"),
    [
        ({"day": [date(2013, 1, 1), date(2014, 1, 1)]}, "day between 2013-01-01 and 2013-12-31", 1),
        ({"day": [date(2013, 1, 1), date(2014, 1, 1)]}, "day in (2013-01-01)", 1),
        ({"at": [datetime(2013, 12, 31, 23), datetime(2014, 1, 1)]}, "at <= 2013-12-31", 1),
        ({"at": [datetime(2013, 12, 31, 23), datetime(2014, 1, 1)]}, "at < 2013-12-31 12:00:00", 2),
        ({"late": [True, False, None]}, "late in (true)", 1),
        ({"code": ["1", "2", "x"]}, "code in (1, 2)", 1),
        ({"word": ["ant", "bee", "cow"]}, "word between ant and bee", 1),
        ({"list": ["[1, 2]", "[]", None]}, "list matches /^\\[.+\\]$/", 1),
        ({"many words": [1, 2, 3]}, '"many words" <= 2', 1),
        ({"a": [1, 1, 2], "b": [1, 1, None]}, "unique(a, b)", 2),
    ],
)
def test_every_type_has_its_checks(tmp_path: Path, table: dict[str, list[Any]], check: str, failing: int) -> None:
    (found,) = check_table(tmp_path, table, check)
    assert found.failing == failing


def test_freshness_is_the_age_of_the_newest_value_or_of_the_version(tmp_path: Path) -> None:
    texts = ["freshness(time_hour) <= 3 days", "freshness(time_hour) <= 12 hours", "freshness <= 2 days"]
    registered = datetime(2013, 1, 19, tzinfo=UTC)
    soon, late, version = check_table(tmp_path, FLIGHTS, *texts, registered=registered)
    assert (soon.passed, late.passed, version.passed) == (True, False, False)
    assert version.value == 3
    (comes_now,) = check_table(tmp_path, FLIGHTS, "freshness <= 2 days")
    assert comes_now.passed


def past(*rows: int) -> list[PastVersion]:
    column = PastColumn(nulls=1, distinct=4, mean=10.0)
    return [
        PastVersion(version=number, rows=count, columns={"carrier": column, "dep_delay": column})
        for number, count in enumerate(rows, start=1)
    ]


def test_a_baseline_is_the_previous_version_or_the_median_of_all(tmp_path: Path) -> None:
    texts = [
        "rows within 20% of previous",
        "rows within 20% of median",
        "distinct(carrier) within 0 of previous",
        "mean(dep_delay) within 5 of previous",
        "nulls(dep_delay) within 2 points of previous",
    ]
    results = check_table(tmp_path, FLIGHTS, *texts, history=past(40, 41, 42, 100))
    assert [result.passed for result in results] == [False, True, True, False, True]
    assert results[0].value == 60


def test_without_enough_history_a_comparison_is_skipped(tmp_path: Path) -> None:
    texts = ["rows within 20% of previous", "rows within 20% of median"]
    alone = check_table(tmp_path, FLIGHTS, *texts)
    assert [(result.passed, result.skipped) for result in alone] == [(True, True), (True, True)]
    assert [result.skipped for result in check_table(tmp_path, FLIGHTS, *texts, history=past(40))] == [False, True]


def test_sql_gives_rows_that_fail_or_one_number(tmp_path: Path) -> None:
    texts = [
        "sql: SELECT f.carrier FROM flights f LEFT JOIN airlines a USING (carrier) WHERE a.name IS NULL",
        "sql between 0 and 2: SELECT avg(dep_delay) FROM flights",
        "sql > 2: SELECT avg(dep_delay) FROM flights",
        "sql = 1: SELECT carrier FROM flights",
        "sql: SELECT nothing FROM flights",
        "sql: SELECT * FROM read_parquet('/etc/passwd')",
    ]
    write_table(tmp_path / "airlines.parquet", AIRLINES)
    tables = {"airlines": str(tmp_path / "airlines.parquet")}
    results = check_table(tmp_path, FLIGHTS, *texts, tables=tables)
    assert [result.passed for result in results] == [True, True, False, False, False, False]
    assert "no single number" in results[3].error
    assert "nothing" in results[4].error
    assert "is not taken" in results[5].error


def test_a_pattern_that_is_none_is_said_and_spoils_no_other_check(tmp_path: Path) -> None:
    wrong, right = check_table(tmp_path, FLIGHTS, "carrier matches /(?=A)/", "rows = 40")
    assert "RE2" in wrong.error
    assert not wrong.passed
    assert right.passed


def test_rows_that_fail_show_the_key_and_the_columns_concerned(tmp_path: Path) -> None:
    table = planted("distance", -1.0)
    (found,) = check_table(tmp_path, table, "distance >= 0", key=["tailnum", "carrier"])
    assert found.examples == [{"tailnum": "N0039", "carrier": "DL", "distance": "-1.0"}]
    (without,) = check_table(tmp_path, table, "distance >= 0")
    assert without.examples == [{"row": "40", "distance": "-1.0"}]


def test_values_of_sensitive_columns_are_never_kept(tmp_path: Path) -> None:
    write_table(tmp_path / "airlines.parquet", AIRLINES)
    table = planted("tailnum", "SECRET", "SECRET")
    texts = [
        "tailnum matches /^N|^SECRETS$/",
        "unique(tailnum)",
        "tailnum -> airlines.carrier",
        "distance < 0",
        "sql: SELECT upper(tailnum) AS t FROM flights WHERE tailnum <> 'SECRETS'",
        "freshness(time_hour) <= 1 minutes",
        "mean(distance) within 0 of previous",
    ]
    results = check_table(
        tmp_path,
        table,
        *texts,
        tables={"airlines": str(tmp_path / "airlines.parquet")},
        key=["tailnum"],
        masked=["tailnum", "time_hour", "distance"],
        sensitive=["flights"],
        history=[PastVersion(version=1, rows=1, columns={"distance": PastColumn(nulls=0, distinct=1, mean=1.0)})],
    )
    assert not any(result.passed for result in results)
    assert "SECRET" not in str(results)
    assert "2013-01-20" not in str(results)
    assert {value for result in results[:5] for row in result.examples for value in row.values()} <= {MASKED, "2", "1"}
    assert results[-1].value is None or results[-1].words.endswith(MASKED)


def test_a_missing_column_another_type_and_a_new_column_are_seen(tmp_path: Path) -> None:
    columns = write_table(tmp_path / "old.parquet", FLIGHTS)
    checks = read_checks(["nulls(dep_delay) <= 10%", "distance >= 0", "carrier in (UA)"], "flights", columns)
    contract = Contract(dataset="flights", columns=columns, checks=checks)
    changed = {name: values for name, values in FLIGHTS.items() if name != "dep_delay"}
    changed |= {"distance": [str(value) for value in FLIGHTS["distance"]], "gate": ["A1"] * FLIGHTS_ROWS}
    write_table(tmp_path / "new.parquet", changed)
    schema, new, nulls, distance, _ = run_on(tmp_path / "new.parquet", contract)
    assert (schema.passed, schema.severity) == (False, "error")
    assert "dep_delay is missing" in schema.words
    assert "distance is VARCHAR, not DOUBLE" in schema.words
    assert (new.passed, new.severity, new.words) == (False, "info", "new: gate VARCHAR")
    assert "no column dep_delay" in nulls.error
    assert distance.passed, "numbers written as text are still numbers"


def test_whole_numbers_of_another_width_are_the_same_type(tmp_path: Path) -> None:
    with connect(threads=1) as connection:
        file = tmp_path / "narrow.parquet"
        connection.execute(f"COPY (SELECT 1::SMALLINT AS a) TO {literal(str(file))} (FORMAT parquet)")

    contract = Contract(dataset="flights", columns=[ContractColumn(name="a", type="BIGINT")])
    assert run_on(file, contract)[0].passed


def test_wide_tables_and_many_checks_work(tmp_path: Path) -> None:
    wide = {f"c{number}": [number, number + 1, None] for number in range(2000)}
    texts = [f"nulls(c{number}) = 0" for number in range(100)]
    texts += [f"c{number} between {number} and {number}" for number in range(100, 200)]
    results = check_table(tmp_path, wide, *texts)
    assert len(results) == 200
    assert all(result.failing == 1 and len(result.examples) == 1 for result in results)


def test_a_contract_tells_its_keys_and_required_columns(tmp_path: Path) -> None:
    columns = write_table(tmp_path / "flights.parquet", FLIGHTS)
    texts = ["unique(tailnum)", "duplicates(carrier) <= 5%", "nulls(carrier) = 0", "nulls(dep_delay) <= 1%"]
    contract = Contract(dataset="flights", columns=columns, checks=read_checks(texts, "flights", columns))
    assert (contract.keys, contract.required) == ([["tailnum"]], ["carrier"])
